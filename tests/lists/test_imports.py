"""Files of given lists: every fault is reported by its line, and nothing is a failure of ours."""

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from app import sheets
from app.access import Role
from app.db import db
from app.journal.models import JournalEntry
from app.units.rules import Registration
from tests.lists.desk import COLUMNS, CROSS, URL, csv, xlsx

HOTEL = {"name": "上海一号宾馆有限公司", "archive_no": "GG1", "address": "长宁路1号"}


@pytest.fixture
def hotel(make):
    return make.unit(**HOTEL)


def only(desk, data, **values):
    """The one row of a list with this file."""
    (row,) = desk.rows(desk.listed(data, **values))
    return row


def reasons(row):
    return [reason["code"] for reason in row["reasons"]]


def refused(desk, data):
    """What a file that is not taken is answered; nothing is kept of it."""
    list_id = desk.save()["id"]
    answer = desk.send(list_id, data)
    assert answer.status_code == 422, answer.json
    assert list(desk.pages(f"{URL}/{list_id}/files", {})) == []
    return answer.json


# --- files ---


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "sheet-unreadable"),
        (b"PK\x03\x04 broken", "sheet-unreadable"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "sheet-unreadable"),
        (b"\xff\xfe\x00a,b", "sheet-unreadable"),
        ("地址,备注\n长宁路1号,无\n".encode(), "sheet-columns-missing"),
        ("单位名称,被检查单位\n甲,乙\n".encode(), "sheet-columns-doubled"),
        ("单位名称,单位名称\n甲,乙\n".encode(), "sheet-columns-doubled"),
        ('单位名称,地址\n"甲,乙\n'.encode(), "sheet-unreadable"),
        ("单位名称\n".encode() + "甲\n".encode() * 60_000, "sheet-too-long"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_a_sentence(desk, data, code):
    found = refused(desk, data)
    assert found["type"] == f"/problems/{code}"
    assert found["detail"].endswith("。")


def test_a_million_rows_are_refused_before_they_are_read(desk):
    out = io.BytesIO()
    row = "<row><c t='inlineStr'><is><t>x</t></is></c></row>"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", f"<sheetData>{row * 1_000_000}</sheetData>")
    assert refused(desk, out.getvalue())["type"] in {
        "/problems/sheet-too-long",
        "/problems/sheet-unreadable",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_comes_in_any_usual_encoding(desk, hotel, encoding):
    row = only(desk, csv(("N1", "", "", HOTEL["name"]), encoding=encoding))
    assert (row["outcome"], row["unit"]["archive_no"]) == ("matched", "GG1")


def test_titles_above_the_header_are_passed_over(desk, hotel):
    title = ["附件1", "2026年国家随机监督抽查任务清单", ""]
    data = "\n".join([*title, "序号,被检查单位名称,专业", f"1,{HOTEL['name']},公共场所"]).encode()
    list_id = desk.save()["id"]
    received = desk.upload(list_id, data)
    assert received["ignored_columns"] == ["序号"]
    (row,) = desk.rows(list_id)
    assert (row["row_no"], row["outcome"]) == (5, "matched")


def test_a_header_of_two_merged_rows_says_what_is_missing(desk):
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["序号", "被检查单位", None, "专业"])
    sheet.append([None, "全称", "所在地", None])
    sheet.append([1, "甲", "乙", "公共场所"])
    sheet.merge_cells("B1:C1")
    sheet["B1"] = "对象"
    out = io.BytesIO()
    book.save(out)
    found = refused(desk, out.getvalue())
    assert found["type"] == "/problems/sheet-columns-missing"
    assert "取消合并" in found["detail"]


def test_columns_are_known_by_their_usual_names(desk, hotel):
    cells = {
        "任务号": "R-7",
        "信用代码": "",
        "监督对象": HOTEL["name"],
        "单位地址": "上海市长宁路1号",
        "监督专业": "公共场所卫生",
        "类别": "住宿场所",
        "完成时限": "2026年9月30日",
        "检查内容": "客房",
        "备注": "先电话联系",
    }
    row = only(desk, csv(tuple(cells.values()), header=tuple(cells)))
    expected = {
        "superior_no": "R-7",
        "specialties": ["public-places"],
        "stated_class": "lodging",
        "stated_due_on": "2026-09-30",
        "matters": "客房",
        "note": "先电话联系",
        "outcome": "matched",
    }
    assert {name: row[name] for name in expected} == expected


# --- lines ---


def test_a_ragged_line_is_reported_and_the_others_are_taken(desk, hotel):
    data = "单位名称,专业\n上海一号宾馆有限公司,公共场所\n甲,乙,丙\n".encode()
    good, bad = desk.rows(desk.listed(data))
    assert (good["outcome"], bad["outcome"]) == ("matched", "refused")
    assert "ragged-row" in reasons(bad)
    assert "第 3 行" in bad["reasons"][0]["detail"]


def test_merged_cells_below_the_header_are_reported(desk):
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for cells in (["单位名称", "专业"], ["甲", "公共场所"], [None, "公共场所"]):
        sheet.append(cells)
    sheet.merge_cells("A2:A3")
    out = io.BytesIO()
    book.save(out)
    rows = desk.rows(desk.listed(out.getvalue()))
    assert [(row["outcome"], reasons(row)[0]) for row in rows] == [("refused", "merged-cells")] * 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("N1", "", "", "=1+1", "", "公共场所"), "formula"),
        (("N1", "", "", "", "", "公共场所"), "nobody-named"),
        (("N1", "", "", "甲", "", "牙科"), "specialty-unknown"),
        (("N1", "", "", "甲", "", "公共场所", "10月底"), "cell-unreadable"),
        (("N1", "", "", "甲", "", "公共场所", "2026-02-30"), "cell-unreadable"),
        (("N1", "", "", "甲" * 101, "", "公共场所"), "too-long"),
        (("N1", "", "", "甲\x07", "", "公共场所"), "control-character"),
    ],
)
def test_a_faulty_line_is_refused_with_its_reason(desk, line, code):
    if line == ("N1", "", "", "", "", "公共场所"):
        line = ("", *line[1:])
    row = only(desk, csv(line))
    assert row["outcome"] == "refused"
    assert code in reasons(row)
    assert row["reasons"][0]["detail"].endswith("。")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"统一社会信用代码": "91310105MA1FL0X4XX"}, "uscc-wrong"),
        ({"对象类别": "星级酒店"}, "object-class-unknown"),
        ({"档案编号": "别处的编号"}, "archive-no-unknown"),
        ({"专业": "放射卫生"}, "not-registered"),
    ],
)
def test_what_is_odd_is_a_warning_and_the_line_is_taken(desk, hotel, cells, code):
    values = {"单位名称": HOTEL["name"], "专业": "公共场所", **cells}
    row = only(desk, csv(tuple(values.values()), header=tuple(values)))
    assert (row["outcome"], row["unit"]["archive_no"]) == ("matched", "GG1")
    assert [(one["code"], one["severity"]) for one in row["reasons"]] == [(code, "warning")]


def test_the_same_line_twice_is_one_and_with_other_content_it_is_a_fault(desk, hotel, make):
    make.unit(name="上海二号宾馆有限公司", archive_no="GG2")
    rows = desk.rows(
        desk.listed(
            csv(
                ("N1", "GG1"),
                ("N1", "GG1"),
                ("N2", "GG1", "", "", "", "", "2026-09-01"),
                ("N2", "GG1", "", "", "", "", "2026-09-02"),
                ("", "GG2"),
                ("", "", "", "上海二号宾馆有限公司"),
            )
        )
    )
    assert [(row["outcome"], reasons(row)) for row in rows] == [
        ("matched", []),
        ("duplicate", ["line-doubled"]),
        ("refused", ["line-contradicted"]),
        ("refused", ["line-contradicted"]),
        ("matched", []),
        ("duplicate", ["same-unit"]),
    ]


def test_two_numbers_of_the_superior_at_one_unit_are_two_tasks(desk, hotel):
    list_id = desk.listed(csv(("N1", "GG1"), ("N2", "GG1")))
    assert desk.apply(list_id)["created"] == 2


def test_one_printed_line_of_two_specialties_is_one_task(desk, make):
    registrations = [
        Registration("medical", "hospital"),
        Registration("infectious-disease", "infection-hospital"),
    ]
    make.unit(archive_no="YL1", registrations=registrations)
    make.unit(archive_no="YL2", registrations=registrations[1:])
    lines = ("YL1", "医疗卫生和传染病卫生"), ("YL2", "医疗卫生、传染病卫生")
    list_id = desk.listed(csv(*lines, header=("档案编号", "专业")))
    desk.apply(list_id)
    assert sorted(task["specialty"] for task in desk.tasks()) == ["infectious-disease", "medical"]


def test_the_file_as_it_came_is_in_the_journal_and_no_name_is(desk, hotel, make):
    desk.listed(csv(("N1", "GG1", "", HOTEL["name"])))
    with make.flask_app.app_context():
        found = db.session.query(JournalEntry.event, JournalEntry.text).all()
    told = [text for event, text in found if event.startswith("given-list")]
    assert any("given-list.imported" in text and "sha256" in text for text in told)
    assert not [text for text in told if HOTEL["name"] in text]


# --- the way back ---


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_list_goes_back_with_its_results_and_comes_in_unchanged(desk, hotel, file_format):
    header = (*COLUMNS, "检查事项")
    lines = [
        ("N1", "GG1", "", HOTEL["name"], "", "公共场所", "2026-09-30", "=客房"),
        ("N2", "", "", "没有登记的单位", "", "公共场所"),
    ]
    list_id = desk.listed(xlsx(*lines, header=header))
    desk.apply(list_id)
    answer = desk.client.get(f"{URL}/{list_id}/export?format={file_format}")
    assert answer.status_code == 200
    told = list(sheets.read_sheet(answer.data).rows)
    assert told[0].values["任务状态"] == "待分派"
    assert told[0].values["本机构档案编号"] == "GG1"
    assert [row.values["匹配情况"] for row in told] == ["已匹配", "未找到单位"]
    assert desk.upload(list_id, answer.data)["counts"] == {
        "new": 0,
        "same": 2,
        "changed": 0,
        "gone": 0,
        "refused": 0,
    }


def test_who_takes_a_list_out_is_written_down(desk, hotel, make):
    list_id = desk.listed(csv(("N1", "GG1")))
    assert make.signed_in(Role.CLERK).get(f"{URL}/{list_id}/export").status_code == 200
    assert make.signed_in(Role.OFFICER).get(f"{URL}/{list_id}/export").status_code == 403
    with make.flask_app.app_context():
        events = [event for (event,) in db.session.query(JournalEntry.event)]
    assert events.count("given-list.exported") == 1


def test_a_cross_department_list_says_so_on_its_tasks(desk, hotel):
    list_id = desk.listed(csv(("N1", "GG1")), **CROSS)
    desk.apply(list_id)
    (task,) = desk.tasks(CROSS["reference"])
    assert (task["origin"], task["level"]) == ("joint-drawn", "cross-department")
    shown = desk.show(list_id)
    assert (shown["role"], shown["lead_department"]) == ("join", "区市场监督管理局")
    assert shown["partner_departments"] == CROSS["partner_departments"]
