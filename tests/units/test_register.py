"""A table of units, judged row by row."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import geometry, sheets
from app.catalogue import seeds
from app.registers import Reason, Severity, TableRow, Verdict
from app.units import register, rules
from app.units.register import COLUMNS, Present
from app.units.rules import Known, LicenceData, LicenceKind, NewUnit, Registration, UnitStatus

AREA = geometry.read_area(
    Path(geometry.__file__).parent / "demo" / "data" / "district_310105.geojson"
)
CLASSES = {row["code"]: row for row in seeds.rows("object_classes")}
KNOWN = Known(
    division_code="310105",
    area=AREA,
    specialties={row["code"]: row["name"] for row in seeds.rows("specialties")},
    object_classes={code: row["name"] for code, row in CLASSES.items()},
    specialty_of={code: row["specialty"] for code, row in CLASSES.items()},
)
GOOD = {
    "档案编号": "GG00001",
    "单位名称": "上海一号宾馆有限公司",
    "统一社会信用代码": "91310105MA1FL0X4XN",
    "地址": "长宁路1号",
    "经度": "121.4246780",
    "纬度": "31.2204560",
    "专业/类别": "公共场所/住宿场所；生活饮用水/二次供水",
    "许可或备案": "许可",
    "证号": "沪卫公证字0001",
    "许可类别": "住宿场所",
    "有效期起": "2024-01-01",
    "有效期止": "2028-01-01",
}


def plan(*rows, units=(), known=KNOWN):
    units = {unit.archive_no: unit for unit in units}
    present = Present(units, {(u.name, u.address): u.archive_no for u in units.values()}, known)
    table = [
        row if isinstance(row, TableRow) else TableRow(number, row)
        for number, row in enumerate(rows, start=2)
    ]
    return register.plan_units(table, present)


def codes(planned):
    return [reason.code for reason in planned.reasons]


def test_a_good_row_creates_a_unit():
    (planned,) = plan(GOOD)
    assert (planned.verdict, planned.reasons) == (Verdict.CREATE, ())
    assert planned.after == NewUnit(
        archive_no="GG00001",
        name="上海一号宾馆有限公司",
        address="长宁路1号",
        uscc="91310105MA1FL0X4XN",
        lon_e7=1_214_246_780,
        lat_e7=312_204_560,
        registrations=(
            Registration("drinking-water", "secondary-supply"),
            Registration("public-places", "lodging"),
        ),
        licences=(
            LicenceData(
                LicenceKind.PERMIT,
                "沪卫公证字0001",
                "lodging",
                date(2024, 1, 1),
                date(2028, 1, 1),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"统一社会信用代码": "91310105MA1FL0X4XX"}, "uscc-check-character", "校验码"),
        ({"专业/类别": "牙科/诊所"}, "specialty-unknown", "牙科"),
        ({"专业/类别": "公共场所/飞船"}, "object-class-unknown", "飞船"),
        ({"专业/类别": "公共场所/诊所"}, "object-class-elsewhere", "不属于"),
        ({"专业/类别": "公共场所"}, "cell-unreadable", "专业/类别"),
        ({"经度": "31.2204560", "纬度": "121.4246780"}, "place-out-of-range", "填反"),
        ({"经度": "121.6"}, "place-outside-district", "长宁"),
        ({"经度": "东经一百二十一度"}, "cell-unreadable", "不是数字"),
        ({"经度": "NaN"}, "cell-unreadable", "范围"),
        ({"经度": ""}, "place-half", "同时"),
        ({"档案编号": "卫生监督档案编号一"}, "archive-no-too-long", "23"),
        ({"档案编号": ""}, "archive-no-empty", "档案编号"),
        ({"单位名称": "  "}, "name-missing", "单位名称"),
        ({"地址": ""}, "address-missing", "地址"),
        ({"状态": "休眠"}, "cell-unreadable", "在业"),
        ({"有效期起": "2029-01-01"}, "licence-dates-reversed", "颠倒"),
        ({"有效期起": "明年"}, "cell-unreadable", "2026-11-21"),
        ({"有效期起": "2026-02-30"}, "cell-unreadable", "不存在"),
        ({"许可或备案": "登记"}, "cell-unreadable", "备案"),
        ({"许可或备案": "许可；备案"}, "cell-unreadable", "一一对应"),
        ({"告知承诺": "大概"}, "cell-unreadable", "告知承诺"),
        ({"联系电话": "1" * 41}, "too-long", "40"),
    ],
)
def test_a_wrong_row_is_kept_out_with_a_sentence(change, code, word):
    (planned,) = plan({**GOOD, **change})
    assert planned.verdict is Verdict.REFUSE
    assert planned.after is None
    errors = {r.code: r.detail for r in planned.reasons if r.severity is Severity.ERROR}
    assert code in errors
    assert word in errors[code]


def test_a_fault_of_a_cell_keeps_its_row_out():
    fault = Reason("formula", "第 2 行“单位名称”列是公式。", "单位名称")
    (planned,) = plan(TableRow(2, GOOD, (fault,)))
    assert (planned.verdict, planned.reasons) == (Verdict.REFUSE, (fault,))


def test_of_two_rows_with_one_archive_number_none_is_taken():
    planned = plan(GOOD, {**GOOD, "单位名称": "另一家"}, {**GOOD, "档案编号": "GG00002"})
    assert [p.verdict for p in planned] == [Verdict.REFUSE, Verdict.REFUSE, Verdict.CREATE]
    assert "第 3 行" in planned[0].reasons[0].detail


def test_same_name_and_address_are_a_suspicion_not_a_refusal():
    there = rules.normalise_unit(plan(GOOD)[0].after)
    planned = plan({**GOOD, "档案编号": "GG00002"}, {**GOOD, "档案编号": "GG00003"}, units=[there])
    assert [p.verdict for p in planned] == [Verdict.CREATE, Verdict.CREATE]
    assert codes(planned[0]) == ["duplicate-suspected", "duplicate-suspected"]
    assert "GG00001" in planned[0].reasons[0].detail


def test_what_the_register_says_already_is_unchanged_and_not_judged_again():
    there = plan(GOOD)[0].after
    elsewhere = Known(division_code="310107", specialties={}, object_classes={})
    assert plan(GOOD, units=[there], known=KNOWN)[0].verdict is Verdict.UNCHANGED
    row = {**GOOD, "专业/类别": "public-places/lodging；drinking-water/secondary-supply"}
    assert plan({**row, "许可类别": "lodging"}, units=[there], known=elsewhere)[0].verdict is (
        Verdict.UNCHANGED
    )


def test_a_change_names_its_fields_and_leaves_absent_columns_alone():
    there = plan(GOOD)[0].after
    (planned,) = plan(
        {"档案编号": "GG00001", "单位名称": GOOD["单位名称"], "地址": "长宁路2号", "联系电话": ""},
        units=[there],
    )
    assert (planned.verdict, planned.changed) == (Verdict.CHANGE, ("address",))
    assert planned.after.licences == there.licences


def test_an_empty_cell_empties_its_field():
    there = plan(GOOD)[0].after
    row = {**GOOD, "统一社会信用代码": "", "证号": "", "许可或备案": ""}
    (planned,) = plan({**row, "许可类别": "", "有效期起": "", "有效期止": ""}, units=[there])
    assert planned.changed == ("uscc", "licences")
    assert (planned.after.uscc, planned.after.licences) == (None, ())


def test_an_archive_number_is_not_given_to_another_unit():
    there = plan(GOOD)[0].after
    other = {**GOOD, "单位名称": "另一家有限公司", "统一社会信用代码": "91350100M000100Y43"}
    (planned,) = plan(other, units=[there])
    assert planned.verdict is Verdict.REFUSE
    assert "archive-no-of-another-unit" in codes(planned)
    renamed = {**GOOD, "单位名称": "改名后有限公司"}
    assert plan(renamed, units=[there])[0].changed == ("name",)


def test_a_state_that_cannot_follow_is_refused():
    revoked = rules.normalise_unit(plan({**GOOD, "状态": "吊销"})[0].after)
    (planned,) = plan({**GOOD, "状态": "在业"}, units=[revoked])
    assert codes(planned) == ["state-cannot-follow"]


@pytest.mark.parametrize("text", ["2026-1-5", "2026/01/05", "2026.1.5", "2026年1月5日"])
def test_days_are_read_as_people_write_them(text):
    (planned,) = plan({**GOOD, "开业日期": text})
    assert planned.after.opened_on == date(2026, 1, 5)


# --- out and in again ---

words = st.text(
    st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="\ufffe\uffff"),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() == text)
maybe = st.none() | words
days = st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31))
numbers = words.filter(lambda text: not set("；;\n") & set(text))
inside = st.integers(0, 400).map(
    lambda step: (1_213_800_000 + step * 1_000, 312_000_000 + step * 500)
)


@st.composite
def some_licences(draw):
    start, end = draw(days), draw(days)
    if start and end and start > end:
        start, end = end, start
    return LicenceData(
        kind=draw(st.sampled_from(LicenceKind)),
        number=draw(numbers),
        object_class=draw(st.none() | st.sampled_from(sorted(CLASSES))),
        valid_from=start,
        valid_until=end,
        commitment=draw(st.booleans()),
    )


@st.composite
def some_units(draw):
    places = draw(st.none() | inside)
    lon, lat = places or (None, None)
    licences = [draw(some_licences()) for _ in range(draw(st.integers(0, 3)))]
    registrations = draw(st.lists(st.sampled_from(sorted(CLASSES)), max_size=4))
    unit = NewUnit(
        archive_no=draw(st.integers(1, 99999).map("GG{:05d}".format)),
        name=draw(words),
        address=draw(words),
        sign_name=draw(maybe),
        legal_representative=draw(maybe),
        phone=draw(maybe),
        street_code=draw(st.none() | st.just("310105001")),
        grid_cell=draw(maybe),
        lon_e7=lon,
        lat_e7=lat,
        risk_class=draw(st.none() | st.sampled_from("ABCD")),
        credit_class=draw(st.none() | st.sampled_from("ABCD")),
        state=draw(st.sampled_from(UnitStatus)),
        opened_on=draw(days),
        note=draw(maybe),
        registrations=tuple(Registration(CLASSES[c]["specialty"], c) for c in registrations),
        licences=tuple(licences),
    )
    return rules.normalise_unit(unit)


@settings(deadline=None, max_examples=60)
@given(st.lists(some_units(), max_size=4, unique_by=lambda unit: unit.archive_no), st.booleans())
def test_an_exported_register_comes_in_again_unchanged(units, as_csv):
    cells = [register.export_row(unit, KNOWN) for unit in units]
    if as_csv:
        file = b"".join(sheets.write_csv(COLUMNS, cells))
    else:
        file = sheets.write_xlsx(COLUMNS, cells)
    read = sheets.read_sheet(file, required=register.REQUIRED, nfkc=register.WIDE)
    table = [TableRow(row.row_no, row.values) for row in read.rows]
    planned = plan(*table, units=units)
    assert [p.verdict for p in planned] == [Verdict.UNCHANGED] * len(units), planned
