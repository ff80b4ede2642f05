"""The kinds of premises in the demo district and how often each occurs.

The mix follows what the published reports of city districts show: 公共场所 first, then medical
institutions, drinking water, schools. Codes are those of the catalogue's object classes.
"""

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """Who runs the premises; the value is the start of the 统一社会信用代码."""

    COMPANY = "91"
    TRADER = "92"
    PUBLIC = "12"
    NON_PROFIT = "52"
    PERSON = ""  # a natural person or an unlicensed place: no code


# A, B, C, D: low to high
CALM, PLAIN, WATCHED, GRAVE = (50, 35, 12, 3), (30, 45, 20, 5), (10, 40, 35, 15), (5, 20, 45, 30)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `share` of 10,000, object classes (the first one names the archive), trade words.

    `also` holds further object classes as (code, times, in how many). `registered` and `sign` are
    name patterns for kinds that are not called after their trade, with brand, trade and road.
    """

    share: int
    classes: tuple[str, ...]
    trades: tuple[str, ...]
    form: Form
    risk: tuple[int, int, int, int] = PLAIN
    also: tuple[tuple[str, int, int], ...] = ()
    registered: str = ""
    sign: str = ""


_PRIMARY = "infection-primary"

KINDS = (
    Kind(
        620,
        ("lodging",),
        ("宾馆", "酒店", "旅馆", "酒店公寓", "青年旅舍"),
        Form.COMPANY,
        also=(("swimming", 1, 15), ("secondary-supply", 1, 4)),
    ),
    Kind(140, ("swimming",), ("游泳馆", "健身游泳会所", "体育中心泳池"), Form.COMPANY, GRAVE),
    Kind(170, ("bathing",), ("浴场", "汤泉馆", "足浴店"), Form.COMPANY, WATCHED),
    Kind(1500, ("beauty-hair",), ("美发店", "理发店", "美容店", "造型工作室"), Form.TRADER),
    Kind(1200, ("beauty-hair",), ("美容美发", "美容养生", "发艺"), Form.COMPANY),
    Kind(60, ("cinema-theatre",), ("影城", "剧场"), Form.COMPANY, CALM),
    Kind(110, ("arcade",), ("游艺城", "电玩城"), Form.COMPANY, CALM),
    Kind(130, ("dance-hall",), ("歌舞厅", "歌厅"), Form.COMPANY),
    Kind(330, ("shopping",), ("百货", "超市", "购物中心"), Form.COMPANY, CALM),
    Kind(10, ("video-room",), ("录像厅",), Form.TRADER, CALM),
    Kind(10, ("concert-hall",), ("音乐厅",), Form.PUBLIC, CALM),
    Kind(25, ("exhibition",), ("展览馆",), Form.COMPANY, CALM),
    Kind(20, ("museum",), ("博物馆",), Form.NON_PROFIT, CALM),
    Kind(40, ("gallery",), ("美术馆", "艺术馆"), Form.NON_PROFIT, CALM),
    Kind(45, ("library",), ("图书馆",), Form.PUBLIC, CALM),
    Kind(90, ("bookshop",), ("书店", "书局"), Form.COMPANY, CALM),
    Kind(12, ("waiting-transport",), ("客运站",), Form.COMPANY),
    Kind(40, ("sports-venue",), ("体育馆", "健身中心"), Form.COMPANY, CALM),
    Kind(15, ("park",), ("公园",), Form.PUBLIC, CALM),
    Kind(10, ("central-supply",), ("供水厂",), Form.COMPANY, GRAVE),
    Kind(
        900,
        ("secondary-supply",),
        ("苑小区二次供水", "大厦二次供水", "公寓二次供水"),
        Form.COMPANY,
        WATCHED,
        registered="上海{brand}物业管理有限公司（{brand}{trade}）",
        sign="{brand}{trade}",
    ),
    Kind(
        360,
        ("vended-water",),
        ("净水服务",),
        Form.COMPANY,
        WATCHED,
        sign="{brand}现制现售水机（{road}）",
    ),
    Kind(
        190,
        ("school",),
        ("小学", "中学", "高级中学", "九年一贯制学校"),
        Form.PUBLIC,
        also=(("secondary-supply", 2, 5),),
    ),
    Kind(20, ("university",), ("学院",), Form.PUBLIC, also=(("secondary-supply", 3, 4),)),
    Kind(330, ("kindergarten",), ("幼儿园", "托育园"), Form.NON_PROFIT, WATCHED),
    Kind(
        80,
        ("hospital", "infection-hospital"),
        ("医院", "中医医院", "康复医院"),
        Form.PUBLIC,
        GRAVE,
        also=(
            ("radiodiagnosis", 9, 10),
            ("midwifery", 1, 3),
            ("waiting-clinic", 1, 2),
            ("secondary-supply", 1, 2),
            ("infection-lab", 3, 5),
        ),
    ),
    Kind(
        40,
        ("community-health", _PRIMARY),
        ("社区卫生服务中心",),
        Form.PUBLIC,
        WATCHED,
        also=(("radiodiagnosis", 4, 5), ("infection-lab", 1, 4)),
    ),
    Kind(
        300,
        ("outpatient", _PRIMARY),
        ("门诊部", "综合门诊部"),
        Form.COMPANY,
        WATCHED,
        also=(("radiodiagnosis", 1, 3),),
    ),
    Kind(260, ("clinic", _PRIMARY), ("诊所", "内科诊所"), Form.TRADER, WATCHED),
    Kind(
        430,
        ("dental-clinic", _PRIMARY),
        ("口腔诊所",),
        Form.COMPANY,
        WATCHED,
        also=(("radiodiagnosis", 4, 5),),
    ),
    Kind(270, ("tcm-clinic", _PRIMARY), ("中医诊所",), Form.TRADER),
    Kind(180, ("aesthetic", _PRIMARY), ("医疗美容诊所", "医疗美容门诊部"), Form.COMPANY, GRAVE),
    Kind(50, ("nursing-home", _PRIMARY), ("护理院",), Form.NON_PROFIT, WATCHED),
    Kind(
        180,
        ("infirmary", _PRIMARY),
        ("养老院医务室", "学校卫生室", "职工医务室"),
        Form.NON_PROFIT,
    ),
    Kind(40, ("infection-lab",), ("医学检验实验室",), Form.COMPANY, GRAVE),
    Kind(40, ("vector-control",), ("有害生物防制",), Form.COMPANY),
    Kind(480, ("employer",), ("印务", "汽车维修", "洗涤", "精密机械"), Form.COMPANY, WATCHED),
    Kind(15, ("occupational-exam",), ("体检中心",), Form.COMPANY),
    Kind(10, ("radiation-service",), ("辐射检测",), Form.COMPANY),
    Kind(20, ("disinfectant-maker",), ("消毒用品厂", "卫生用品厂"), Form.COMPANY, WATCHED),
    Kind(260, ("disinfectant-user",), ("药房", "母婴用品店", "便利店"), Form.COMPANY, CALM),
    Kind(30, ("disinfection-service",), ("消毒服务",), Form.COMPANY),
    Kind(25, ("tableware",), ("餐具清洗消毒",), Form.COMPANY, WATCHED),
    Kind(15, ("midwifery", "infection-hospital"), ("妇产医院",), Form.COMPANY, GRAVE),
    Kind(15, ("water-product-maker",), ("净水设备厂",), Form.COMPANY),
    Kind(130, ("water-product-seller",), ("净水设备经营部",), Form.TRADER, CALM),
    Kind(60, ("clinic",), ("无证诊疗点",), Form.PERSON, GRAVE),
    Kind(60, ("beauty-hair",), ("无证理发点",), Form.PERSON, GRAVE),
)
