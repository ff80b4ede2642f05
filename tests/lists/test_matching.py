"""Which unit a line means: names however they are spelt, and every kind of doubt."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.lists.matching import Index, Known, match, work_of
from app.lists.rules import (
    Line,
    MatchedBy,
    Outcome,
    addresses_agree,
    normalise_address,
    normalise_name,
)

CODE, OTHER_CODE = "91310105MA1FL0X4XN", "913101057842341115"
NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Z")), max_size=20
) | st.text("上海有限责任公司股份（）()【】 \uff21\uff22\uff41b\uff111·-", max_size=20)


def unit(number, name, address="", uscc=None, **values):
    return Known(
        UUID(int=number),
        f"GG{number}",
        name,
        values.get("sign_name"),
        uscc,
        address or f"长宁路{number}号",
        values.get("state", "in-operation"),
        values.get("registrations", (("public-places", "lodging"),)),
    )


def found(line, *units):
    """The archive numbers that a line may mean, and how sure it is."""
    got = match(line, Index(units))
    if got.unit is not None:
        return got.outcome, [got.unit.archive_no]
    return got.outcome, [one.unit.archive_no for one in got.candidates]


def codes(line, *units):
    return [reason.code for reason in match(line, Index(units)).reasons]


# --- names ---


@given(NAMES)
@example("e ́")  # what falls away lets its neighbours join
@example("有限有限责任公司责任公司")
def test_a_normalised_name_is_normal(text):
    once = normalise_name(text)
    assert normalise_name(once) == once
    address = normalise_address(text)
    assert normalise_address(address) == address


@pytest.mark.parametrize(
    "spelling",
    [
        "上海一号宾馆有限公司",
        "上海一号宾馆有限责任公司",
        " 上海 一号宾馆　有限公司 ",
        "上海一号宾馆有限公司\u200b",
        "上海·一号宾馆有限公司",
    ],
)
def test_spellings_of_one_name_are_one(spelling):
    assert normalise_name(spelling) == normalise_name("上海一号宾馆有限公司")


def test_width_case_and_brackets_do_not_tell_names_apart():
    assert normalise_name("\uff21\uff22\uff23（上海）咖啡") == normalise_name("abc(上海)咖啡")
    assert normalise_name("ABC【上海】咖啡") == normalise_name("abc〔上海〕咖啡")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海一号宾馆有限公司", "上海一号宾馆股份有限公司"),
        ("上海美丽（长宁）美容有限公司", "上海美丽（普陀）美容有限公司"),
        ("上海美丽美容有限公司", "上海美丽美容有限公司第一分公司"),
        ("第1门诊部", "第11门诊部"),
    ],
)
def test_what_tells_units_apart_stays(one, other):
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("长宁路1号", "上海市长宁区长宁路 1 号", True),
        ("长宁路1号", "长宁路1号3楼", True),
        ("长宁路１号", "长宁路1号", True),
        ("", "长宁路1号", True),
        ("长宁路1号", "长宁路11号", False),
        ("1号", "11号", False),
        ("长宁路1号3楼", "长宁路1号4楼", False),
        ("仙霞路320号", "天山路320号", False),
        ("长宁路3-201号", "长宁路3201号", False),
        ("上海市长宁区仙霞路320号", "长宁区仙霞路320号B座", True),
    ],
)
def test_addresses_agree_when_their_numbers_do(one, other, agree):
    assert addresses_agree(one, other) is agree
    assert addresses_agree(other, one) is agree


@given(st.lists(NAMES.filter(normalise_name), min_size=2, max_size=5), st.data())
def test_a_line_never_means_one_of_two_units_silently(names, data):
    """Whatever the names: what is accepted is the only unit of that name."""
    units = [unit(number, name) for number, name in enumerate(names, 1)]
    name = data.draw(st.sampled_from(names))
    same = [one for one in units if normalise_name(one.name) == normalise_name(name)]
    got = match(Line(name=name), Index(units))
    if len(same) == 1:
        assert got.unit == same[0]
    else:
        assert got.outcome is Outcome.DOUBTFUL
        assert {one.unit for one in got.candidates} <= set(same)


# --- numbers, codes, names ---

HOTEL = unit(1, "上海一号宾馆有限公司", uscc=CODE)
OTHER = unit(2, "上海东方美容有限公司", uscc=OTHER_CODE)


@pytest.mark.parametrize(
    ("line", "by"),
    [
        (Line(archive_no="GG1"), MatchedBy.ARCHIVE_NO),
        (Line(archive_no="\uff47\uff47 1"), MatchedBy.ARCHIVE_NO),
        (Line(uscc=CODE), MatchedBy.USCC),
        (Line(uscc=CODE, name="上海一号宾馆有限责任公司"), MatchedBy.USCC),
        (Line(name="上海一号宾馆有限公司"), MatchedBy.NAME),
        (Line(archive_no="XX9", name="上海一号宾馆有限公司"), MatchedBy.NAME),
    ],
)
def test_a_unit_is_found_by_number_then_code_then_name(line, by):
    got = match(line, Index([HOTEL, OTHER]))
    assert (got.outcome, got.by, got.unit) == (Outcome.MATCHED, by, HOTEL)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (Line(archive_no="GG1", uscc=OTHER_CODE), "code-differs"),
        (Line(archive_no="GG1", name=OTHER.name), "name-of-another"),
        (Line(archive_no="GG1", name="完全不同的牙科诊所"), "name-differs"),
        (Line(archive_no="GG1", address="天山路99号"), "address-differs"),
        (Line(uscc=CODE, name="完全不同的牙科诊所"), "name-differs"),
        (Line(uscc=CODE, name=HOTEL.name, address="天山路99号"), "address-differs"),
        (Line(uscc=CODE, name=OTHER.name), "name-of-another"),
        (Line(name=HOTEL.name, uscc=OTHER_CODE), "name-of-another"),
        (Line(name=HOTEL.name, address="天山路99号"), "address-differs"),
    ],
)
def test_signs_that_contradict_each_other_are_a_doubt(line, code):
    outcome, candidates = found(line, HOTEL, OTHER)
    assert outcome is Outcome.DOUBTFUL
    assert "GG1" in candidates
    assert code in codes(line, HOTEL, OTHER)


def test_a_code_that_no_unit_has_does_not_speak_for_a_name_of_another_code():
    third = unit(3, "上海三号宾馆有限公司", uscc=CODE)
    line = Line(uscc=OTHER_CODE, name="上海三号宾馆有限公司")
    assert found(line, third) == (Outcome.DOUBTFUL, ["GG3"])


def test_a_code_with_a_slip_is_not_used():
    line = Line(uscc="91310105MA1FL0X4XX", name=HOTEL.name)
    assert found(line, HOTEL) == (Outcome.MATCHED, ["GG1"])


PREMISES = (
    unit(1, "上海连锁美发有限公司", "长宁路1号", CODE, sign_name="连锁长宁店"),
    unit(2, "上海连锁美发有限公司", "天山路2号", CODE),
    unit(3, "上海连锁美发有限公司仙霞分店", "仙霞路3号", CODE),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Line(uscc=CODE), (Outcome.DOUBTFUL, ["GG1", "GG2", "GG3"])),
        (Line(uscc=CODE, address="长宁区天山路2号"), (Outcome.MATCHED, ["GG2"])),
        (Line(uscc=CODE, name="上海连锁美发有限公司仙霞分店"), (Outcome.MATCHED, ["GG3"])),
        (Line(uscc=CODE, name="连锁长宁店"), (Outcome.MATCHED, ["GG1"])),
        (
            Line(uscc=CODE, name="上海连锁美发有限公司"),
            (Outcome.DOUBTFUL, ["GG1", "GG2"]),
        ),
        (Line(name="上海连锁美发有限公司"), (Outcome.DOUBTFUL, ["GG1", "GG2"])),
        (Line(name="上海连锁美发有限公司", address="天山路2号"), (Outcome.MATCHED, ["GG2"])),
        (
            Line(name="上海连锁美发有限公司", address="虹桥路4号"),
            (Outcome.DOUBTFUL, ["GG1", "GG2"]),
        ),
    ],
)
def test_one_code_or_name_of_several_premises_needs_the_address(line, expected):
    outcome, candidates = found(line, *PREMISES)
    assert (outcome, sorted(candidates)) == expected


def test_near_names_are_candidates_with_a_score_and_never_accepted():
    line = Line(name="上海壹号宾馆有限公司")
    got = match(line, Index([HOTEL, OTHER]))
    assert got.outcome is Outcome.DOUBTFUL
    assert [(one.unit.archive_no, one.score) for one in got.candidates] == [("GG1", 77)]
    assert found(Line(name="虹桥牙科诊所"), HOTEL, OTHER) == (Outcome.UNKNOWN, [])


def test_candidates_are_found_among_many_units_of_like_names():
    units = [unit(n, f"上海长宁第{n}美容美发有限公司") for n in range(1, 1500)]
    got = match(Line(name="上海长宁1234美容美发有限公司"), Index(units))
    assert got.candidates[0].unit.archive_no == "GG1234"
    assert len(got.candidates) == 5


def test_a_unit_whose_licence_ended_is_matched_with_a_warning():
    ended = unit(7, "上海七号宾馆有限公司", state="force-cancelled")
    got = match(Line(archive_no="GG7"), Index([ended]))
    assert got.outcome is Outcome.MATCHED
    assert [(reason.code, str(reason.severity)) for reason in got.reasons] == [
        ("unit-ended", "warning")
    ]
    assert "强制注销" in got.reasons[0].detail


# --- what for ---

BOTH = unit(
    4,
    "医院",
    registrations=(("infectious-disease", "infection-hospital"), ("medical", "hospital")),
)


@pytest.mark.parametrize(
    ("line", "one", "work"),
    [
        (Line(specialties=("public-places",)), HOTEL, ("public-places", "lodging")),
        (Line(), HOTEL, ("public-places", "lodging")),
        (Line(), BOTH, (None, None)),
        (Line(specialties=("medical", "infectious-disease")), BOTH, ("medical", "hospital")),
        (
            Line(specialties=("medical", "infectious-disease")),
            unit(5, "检验所", registrations=(("infectious-disease", "infection-lab"),)),
            ("infectious-disease", "infection-lab"),
        ),
        (Line(specialties=("radiation",)), HOTEL, ("radiation", None)),
        (
            Line(specialties=("public-places",), object_class="bathing"),
            HOTEL,
            ("public-places", "bathing"),
        ),
        (Line(), unit(6, "无登记", registrations=()), (None, None)),
    ],
)
def test_a_line_is_one_task_of_the_first_specialty_the_unit_has(line, one, work):
    got = work_of(line, one)
    assert (got.specialty, got.object_class) == work
