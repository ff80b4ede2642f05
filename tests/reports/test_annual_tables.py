"""The yearly form counted from permits and visits, taken in from files and written out."""

import csv
import io
from datetime import date

import openpyxl
import pytest

from app.access import Role
from app.cases.models import CaseRemedy
from app.complaints import service as complaints
from app.complaints.rules import ComplaintResult
from app.db import db, transaction
from app.reports import annual_counts, annual_form, annual_tables, permit_rules, permits
from app.reports.permits import PermitsInvalid
from app.units.rules import Registration
from tests.complaints.test_service import Desk
from tests.factories import OTHER_DISTRICT
from tests.reports.desk import visited
from tests.reports.test_annual_form import GOLDEN, RAGGED, cells
from tests.reports.test_counts import Office as Counted

HEADER = ",".join(permit_rules.COLUMNS)
PUBLIC = "公共场所卫生许可"


def ragged_file():
    out = io.StringIO()
    csv.writer(out).writerows(cells(row) for row in RAGGED)
    return out.getvalue().encode()


def permit_lines(*lines):
    return "\n".join([HEADER, *lines]).encode()


def take(make, source, *, preview=False):
    agency = make.home()
    with transaction():
        return permits.take_permits(
            source, preview=preview, agency=agency, by=make.by(agency), at=make.at
        )


def golden_permits():
    """One permit for every one that 长宁 closed in 2023, each with its flags."""
    for item in GOLDEN[:-1]:
        for number in range(int(item["申请"])):
            commitment = "是" if number < int(item["告知承诺"]) else ""
            yield (
                f"{item['序号']}-{number},{item['事项名称']},,2023-03-01,批准,2023-03-02,,"
                f"是,是,{commitment},,"
            )


def test_the_year_of_changning_is_counted_from_its_1022_permits(make, app_context):
    make.catalogue()
    lines = take(make, permit_lines(*golden_permits()))
    assert len(lines) == 1022
    found = annual_tables.compute(make.home(), 2023)
    assert [row.item for row in found.rows] == [item["事项名称"] for item in GOLDEN[:-1]]
    for row, golden in zip(found.rows, GOLDEN[:-1], strict=True):
        counted = annual_form.cells_of(row)[4:16]
        wanted = [golden[name] for name in list(annual_form.NAMES.values())[4:16]]
        assert counted == wanted
    assert (found.total.applied, found.total.commitment) == (1022, 212)
    assert found.violations == ()
    half = annual_tables.compute(make.home(), 2023, until_on=date(2023, 3, 1))
    assert half.total.applied == 0


@pytest.fixture
def lodging(make, app_context):
    unit = make.unit()
    officers = [make.officer(), make.officer()]
    return unit, officers


def test_a_permit_counts_when_it_was_closed_and_takes_newer_values(make, app_context):
    make.catalogue()
    take(
        make,
        permit_lines(
            f"a,{PUBLIC},,2025-12-30,,,,是,,,,",
            f"b,{PUBLIC},,2025-12-30,批准,2026-01-04,2026-01-02,,,,,",
        ),
    )
    row = annual_tables.compute(make.home(), 2026).rows[5]
    assert (row.applied, row.granted, row.overdue, row.on_time) == (1, 1, 1, 0)
    again = take(make, permit_lines(f"a,{PUBLIC},,2025-12-30,不予受理,2026-01-05,,是,,,,12.50"))
    assert [line.verdict for line in again] == ["change"]
    row = annual_tables.compute(make.home(), 2026).rows[5]
    assert (row.applied, row.accepted, row.not_accepted, row.online) == (2, 1, 1, 1)
    assert (row.charged, str(row.charges)) == (1, "12.5")
    assert annual_tables.compute(make.home(), 2025).rows[5].applied == 0


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("a,没有的事项,,2026-01-01,,,,,,,,", "事项名称"),
        (f"a,{PUBLIC},没有,2026-01-01,,,,,,,,", "档案编号"),
        (f"a,{PUBLIC},,2026-02-30,,,,,,,,", "申请日期"),
        (f"a,{PUBLIC},,2026-01-01,批准,,,,,,,", "办理结果"),
        (f"a,{PUBLIC},,2026-01-02,批准,2026-01-01,,,,,,", "办结日期"),
        (f"a,{PUBLIC},,2026-01-01,,,,,是,,,", "全程网办"),
        (f"a,{PUBLIC},,2026-01-01,,,,或许,,,,", "网上受理"),
        (f"a,{PUBLIC},,2026-01-01,,,,,,,,-1", "收费金额（元）"),
        (f"a,{PUBLIC},,2026-01-01,,,,,,,,=1+1", "收费金额（元）"),
        (f"a,{PUBLIC},,2026-01-01,,,,,,,", None),
    ],
)
def test_a_line_that_is_not_right_keeps_the_whole_table_out(make, app_context, line, column):
    make.catalogue()
    good = f"ok,{PUBLIC},,2026-01-01,批准,2026-01-02,,,,,,"
    preview = take(make, permit_lines(good, line), preview=True)
    assert [one.verdict for one in preview] == ["create", "refuse"]
    assert column in {reason.column for reason in preview[1].reasons}
    with pytest.raises(PermitsInvalid) as refused:
        take(make, permit_lines(good, line))
    assert [error["pointer"] for error in refused.value.extras["errors"]] == ["#/3"]
    assert annual_tables.compute(make.home(), 2026).total.applied == 0


def upload(client, path, data):
    return client.post(path, data={"file": (io.BytesIO(data), "附件2.csv")})


def test_a_ragged_form_comes_in_only_with_its_repairs_accepted(make):
    clerk = make.signed_in(Role.CLERK)
    path = "/api/v1/reports/annual-tables?year=2023"
    preview = upload(clerk, path, ragged_file()).json
    assert preview["table"] is None
    assert sum(line["kind"] == "data" for line in preview["lines"]) == 18
    refused = upload(clerk, f"{path}&preview=false", ragged_file())
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/annual-table-ragged")
    assert len(refused.json["errors"]) == 19
    taken = upload(clerk, f"{path}&preview=false&repair=true", ragged_file()).json
    golden = [[row[name] for name in list(row)[:25]] for row in GOLDEN[:-1]]
    assert taken["table"]["rows"] == golden
    assert len(taken["table"]["repairs"]) == 19
    shown = clerk.get("/api/v1/reports/annual-table?year=2023").json
    assert shown["imported"]["id"] == taken["table"]["id"]
    other = make.signed_in(Role.CLERK, agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert other.get("/api/v1/reports/annual-table?year=2023").json["imported"] is None


def test_a_form_that_breaks_its_notes_is_refused_by_row_and_column(make):
    clerk = make.signed_in(Role.CLERK)
    broken = [[row[name] for name in list(row)[:25]] for row in GOLDEN]
    broken[5][11] = "213"  # 告知承诺 of 公共场所
    broken[8][4] = "430"  # 申请 of 医疗广告
    out = io.StringIO()
    csv.writer(out).writerows(broken)
    path = "/api/v1/reports/annual-tables?year=2023&preview=false"
    refused = upload(clerk, path, out.getvalue().encode())
    assert refused.json["type"] == "/problems/annual-table-wrong"
    assert {error["pointer"] for error in refused.json["errors"]} == {
        "#/9/applied",
        "#/0/applied",
        "#/0/commitment",
    }


def complained_of(make, unit):
    """Two complaints of a unit, one found partly true; a third, of a clinic, is another item's."""
    desk = Desk(make)
    true = desk.file(unit_id=unit.id)
    desk.file(unit_id=unit.id, external_no=None)
    clinic = make.unit(registrations=(Registration("medical", "hospital"),))
    desk.file(unit_id=clinic.id, external_no="9")
    desk.do(complaints.accept_complaint, true.id)
    desk.do(complaints.conclude_complaint, true.id, ComplaintResult.PARTLY, "部分属实")


def contested(make, unit):
    """A decision of 2026 with reviews: two against the agency, one upheld, one in the next year."""
    ended = ("revoked", date(2026, 12, 31)), ("illegal", date(2026, 8, 1))
    kept = ("upheld", date(2026, 8, 2)), ("changed", date(2027, 1, 1))
    case_id = Counted(make).case("fine", unit_id=unit.id)
    with transaction():
        for result, ended_on in (*ended, *kept):
            remedy = CaseRemedy(
                case_id=case_id,
                agency_id=make.home().id,
                kind="review",
                organ="长宁区人民政府",
                begun_on=date(2026, 7, 1),
                ended_on=ended_on,
                result=result,
            )
            db.session.add(remedy)


def test_every_number_of_the_form_opens_the_list_behind_it(make, lodging):
    unit, officers = lodging
    take(make, permit_lines(f"a,{PUBLIC},{unit.archive_no},2026-01-01,批准,2026-01-02,,是,是,是,,"))
    clinic = make.unit(registrations=(Registration("medical", "hospital"),))
    assert clinic
    for outcome in ("no-problem", "ordered-to-correct"):
        visited(make, unit, officers, outcome, origin="after-permit")
        make.clock.forward(days=1)
    visited(make, unit, officers, "ordered-to-correct", origin="complaint")
    complained_of(make, unit)
    contested(make, unit)
    reader = make.signed_in(Role.AUDITOR)
    shown = reader.get("/api/v1/reports/annual-table?year=2026").json
    (row,) = [row for row in shown["rows"] if row["item"] == "public-places"]
    numbers = dict(zip((one["code"] for one in shown["columns"]), row["cells"], strict=True))
    assert {name: numbers[name] for name in annual_counts.SUPERVISION} == {
        "inspections": "2",
        "found": "1",
        "complaints": "2",
        "confirmed": "1",
        "penalised": "1",
        "review_corrected": "2",
        "suit_lost": "0",
    }
    for column, number in numbers.items():
        if column in annual_form.COUNTS:
            path = "/api/v1/reports/annual-table/entries?year=2026&item=public-places"
            listed = reader.get(f"{path}&column={column}").json["items"]
            assert len(listed) == int(float(number)), column
            assert {one["archive_no"] for one in listed} <= {unit.archive_no}
    pages = reader.get(f"{path}&column=inspections&limit=1")
    assert len(pages.json["items"]) == 1
    assert "Link" in pages.headers


def test_the_workbook_looks_like_the_form_and_runs_nothing(make):
    agency = make.agency(name="=1+1卫健委")
    make.catalogue()
    client = make.signed_in(Role.SUPERVISOR, agency=agency)
    answer = client.get("/api/v1/reports/annual-table/export?year=2026")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    sheet = book.worksheets[0]
    assert sheet["A1"].value == "=1+1卫健委2026年度行政许可办理和批后监管情况统计表"
    heads = {str(one) for one in sheet.merged_cells.ranges}
    assert {
        "A1:Y1",
        "E2:O2",
        "P2:Q2",
        "R2:W2",
        "X2:Y2",
        "A2:A4",
        "J3:O3",
        "S3:T3",
        "U3:V3",
    } <= heads
    assert [sheet.cell(4, column).value for column in range(10, 16)] == [
        "网上受理",
        "全程网办",
        "告知承诺",
        "当场办结",
        "按期办结",
        "超期办结",
    ]
    assert sheet["B5"].value == "=1+1卫健委"
    assert {cell.data_type for line in sheet.iter_rows() for cell in line} <= {"s", "n"}
    assert [sheet.cell(23, column).value for column in (1, 5, 25)] == ["合计", 0, 0]
    assert sheet["A24"].value.startswith("填表说明")
    table = client.get("/api/v1/reports/annual-table/export?year=2026&format=csv").data.decode()
    assert table.splitlines()[1].split(",")[1] == "'=1+1卫健委"
