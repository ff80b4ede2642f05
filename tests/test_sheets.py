# ruff: noqa: RUF001 - full-width characters are what is tested here
import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cells import CellFault, FormulaCell, Limits, SheetTooLarge, SheetTooLong, SheetUnreadable
from app.errors import Invalid
from app.sheets import (
    Cell,
    Row,
    SheetColumnsDoubled,
    SheetColumnsMissing,
    read_sheet,
    write_csv,
    write_xlsx,
)

HEADER = ["档案编号", "单位名称", "备注"]
MIB = 1024 * 1024
AT = datetime(2026, 11, 20, 9, 2, 3)  # noqa: DTZ001 - a cell has no zone


def workbook(*rows: Sequence[object], change: Callable[[Any], object] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def comma(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(encoding)


def rows_of(source: bytes | Path, **options: object) -> list[Row]:
    return list(read_sheet(source, **options).rows)  # type: ignore[arg-type]


def values_of(source: bytes | Path) -> list[Mapping[str, str]]:
    rows = rows_of(source)
    assert [row.problems for row in rows] == [()] * len(rows)
    return [row.values for row in rows]


def faults_of(source: bytes | Path, **options: object) -> list[tuple[int, str | None, CellFault]]:
    return [
        (problem.row_no, problem.column, problem.fault)
        for row in rows_of(source, **options)
        for problem in row.problems
    ]


def peak_and_seconds(call: Callable[[], object]) -> tuple[int, float]:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        call()
    finally:
        seconds = time.perf_counter() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak, seconds


# Out and in again.

AWKWARD = [
    *("=1+1", "+86 21 6252", "-", "-5", "@SUM(A1)", "\t=1", "＝1+1", "'=1+1", "''quoted", "'"),
    *("310105001", "007", "1E5", "TRUE", "2026-11-20", "１２３", "𠮷祥“馆”, A区", 'a"b', "a;b"),
    *("两行\n文字", " 空格 ", "http://x", "#N/A", "x005F", '=HYPERLINK("x")', "", "。" * 32_767),
]


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_text_comes_back_as_it_went_out(kind: str, text: str) -> None:
    rows: list[list[Cell]] = [["A-1", text, "z"]]
    data = write_xlsx(HEADER, rows) if kind == "xlsx" else b"".join(write_csv(HEADER, rows))

    [row] = read_sheet(data).rows

    assert row == Row(2, dict(zip(HEADER, ["A-1", text, "z"], strict=True)), ())
    assert not any(isinstance(value, FormulaCell) for value in row.values.values())


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("=+-@'\t\n")),
            min_size=3,
            max_size=3,
        ).filter(lambda row: any(cell.strip(" \t\r\n\u00a0\u200b\u3000\ufeff") for cell in row)),
        max_size=5,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_text_survives_csv(rows: list[list[str]]) -> None:
    data = b"".join(write_csv(HEADER, rows))
    assert [list(row.values.values()) for row in read_sheet(data).rows] == rows


def test_numbers_and_dates_come_back_as_typed() -> None:
    rows: list[list[Cell]] = [[310105001, 121.424678, date(2026, 11, 20)], [0, -0.5, None]]
    for data in (write_xlsx(HEADER, rows), b"".join(write_csv(HEADER, rows))):
        assert [list(row.values()) for row in values_of(data)] == [
            ["310105001", "121.424678", "2026-11-20"],
            ["0", "-0.5", ""],
        ]


def test_a_workbook_holds_no_formula_and_is_the_same_each_time() -> None:
    rows: list[list[Cell]] = [["=1+1", "@x", 12345678901234567890]]
    data = write_xlsx(HEADER, rows)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    assert [(cell.value, cell.data_type) for cell in sheet[2]] == [
        ("=1+1", "s"),
        ("@x", "s"),
        ("12345678901234567890", "s"),
    ]
    assert write_xlsx(HEADER, rows) == data


def test_a_csv_cell_that_would_run_is_quoted() -> None:
    rows: list[list[Cell]] = [["=1+1", "@x", "\tx"], ["-5", "plain", "\rx"]]
    text = b"".join(write_csv(HEADER, rows)).decode("utf-8-sig")
    assert text.splitlines()[1].startswith("'=1+1,'@x,'\tx")
    assert "'-5,plain,\"'\rx\"" in text


def test_a_text_too_long_for_a_cell_is_not_cut_off() -> None:
    with pytest.raises(ValueError, match="row 2, column 1"):
        write_xlsx(HEADER, [["x" * 32_768]])


# What a cell says.


def test_cells_come_as_a_person_typed_them() -> None:
    data = workbook(
        ["编号", "日期", "时刻", "小数", "整数", "真假"],
        [310105001.0, AT.replace(hour=0, minute=0, second=0), AT, 0.1 + 0.2, 7, True],
        [1e14, date(2026, 1, 1), None, 1.5e-7, -3, False],
    )
    assert [list(row.values()) for row in values_of(data)] == [
        ["310105001", "2026-11-20", "2026-11-20T09:02:03", "0.3", "7", "TRUE"],
        ["100000000000000", "2026-01-01", "", "0.00000015", "-3", "FALSE"],
    ]


def test_an_id_that_the_spreadsheet_has_rounded_is_reported() -> None:
    data = workbook(HEADER, ["A-1", 310105199001011234, "x"], ["A-2", 999_999_999_999_999, "x"])
    assert faults_of(data) == [(2, "单位名称", CellFault.DIGITS_LOST)]


@pytest.mark.parametrize("formula", ["=1+1", '=HYPERLINK("http://x","泳池")', "=A1", "=[1]a!B1"])
def test_a_formula_in_a_name_is_seen_and_named(formula: str) -> None:
    for data in (
        workbook(HEADER, ["A-1", formula, "x"], ["A-2", "好", "y"]),
        comma(",".join(HEADER), 'A-1,"{}",x'.format(formula.replace('"', '""')), "A-2,好,y"),
    ):
        bad, good = read_sheet(data).rows
        assert bad.values["单位名称"] == formula
        assert isinstance(bad.values["单位名称"], FormulaCell)
        (problem,) = bad.problems
        assert (problem.row_no, problem.column, problem.fault) == (2, "单位名称", CellFault.FORMULA)
        assert problem.detail == "第 2 行“单位名称”列是公式，没有采用；请改为文字或数值。"
        assert good.problems == ()


def test_a_cached_result_does_not_hide_a_formula() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_formula(1, 1, "=1+1", None, "平安泳池")
        sheet.write_array_formula("C2:C2", "{=1+2}", None, 3)
    assert faults_of(out.getvalue()) == [
        (2, "单位名称", CellFault.FORMULA),
        (2, "备注", CellFault.FORMULA),
    ]


def test_an_error_value_is_reported() -> None:
    assert faults_of(workbook(HEADER, ["A-1", "#N/A", "x"])) == [(2, "单位名称", CellFault.ERROR)]


def test_control_characters_and_long_texts_are_reported() -> None:
    data = comma(",".join(HEADER), "A-1,平\x01安,x", f"A-2,{'长' * 101},y")
    assert faults_of(data, limits=Limits(cell_chars=100)) == [
        (2, "单位名称", CellFault.CONTROL),
        (3, "单位名称", CellFault.TOO_LONG),
    ]


def test_full_width_digits_are_kept_unless_asked() -> None:
    data = comma("档案编号,单位名称", "Ａ－１２,１号泳池")
    assert rows_of(data)[0].values == {"档案编号": "Ａ－１２", "单位名称": "１号泳池"}
    assert rows_of(data, nfkc=["档案编号"])[0].values == {
        "档案编号": "A-12",
        "单位名称": "１号泳池",
    }


# Rows.


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_empty_rows_are_passed_over_and_still_counted(kind: str) -> None:
    if kind == "xlsx":
        data = workbook(
            [], [None], HEADER, [], ["A-1", "甲", "x"], ["", " ", "\u3000"], [], ["A-2"]
        )
    else:
        data = comma("", ",,", ",".join(HEADER), "", "A-1,甲,x", ', ,"\u3000"', "", "A-2,,")
    assert [(row.row_no, row.values["档案编号"]) for row in rows_of(data)] == [
        (5, "A-1"),
        (8, "A-2"),
    ]
    assert faults_of(data) == []


def test_a_sheet_without_rows_is_its_header() -> None:
    for data in (workbook(HEADER), comma(",".join(HEADER))):
        sheet = read_sheet(data, required=HEADER)
        assert sheet.header == tuple(HEADER)
        assert list(sheet.rows) == []


def test_ragged_rows_are_reported_and_never_shifted() -> None:
    data = comma(",".join(HEADER), "A-1,甲", "A-2,乙,x,y", "A-3,丙,x")
    short, long, right = read_sheet(data).rows
    assert [problem.fault for problem in short.problems + long.problems] == [CellFault.RAGGED] * 2
    assert short.problems[0].detail.startswith("第 2 行")
    assert short.values == {"档案编号": "A-1", "单位名称": "甲", "备注": ""}
    assert long.values == {"档案编号": "A-2", "单位名称": "乙", "备注": "x"}
    assert right.problems == ()


def test_cells_beyond_the_header_are_reported_in_a_workbook() -> None:
    data = workbook(HEADER, ["A-1", "甲", "x", "y"], ["A-2", "乙", "x", " "], ["A-3"])
    assert faults_of(data) == [(2, None, CellFault.RAGGED)]
    far = workbook(HEADER, ["A-1"], change=lambda sheet: sheet.cell(2, 16_384, "x"))
    assert faults_of(far) == [(2, None, CellFault.RAGGED)]


def test_the_ragged_table_of_the_source_document_is_reported_row_by_row() -> None:
    path = Path(__file__).parent / "data" / "annex2_changning_2023_ragged.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    full = lines[0].count("\t")
    expected = [number for number, line in enumerate(lines, 1) if line.count("\t") != full]

    reported = [row_no for row_no, _, fault in faults_of(path) if fault is CellFault.RAGGED]

    assert reported == expected
    assert reported


def test_rows_under_merged_cells_are_reported() -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("B3:B5")
        sheet.merge_cells("A7:C7")

    rows: list[list[object]] = [[f"A-{number}", "甲", "x"] for number in range(2, 9)]
    assert faults_of(workbook(HEADER, *rows, change=merge)) == [
        (number, None, CellFault.MERGED) for number in (3, 4, 5, 7)
    ]


def test_rows_keep_the_number_they_have_in_the_file() -> None:
    def remove(sheet: Any) -> None:
        sheet.delete_rows(3, 2)
        sheet.cell(100, 1, "A-100")

    data = workbook(HEADER, *([f"A-{number}", "甲", "x"] for number in range(2, 6)), change=remove)
    assert [row.row_no for row in rows_of(data)] == [2, 3, 100]


def test_the_first_visible_sheet_is_read() -> None:
    book = openpyxl.Workbook()
    hidden, shown = book.active, book.create_sheet("单位")
    assert hidden is not None
    hidden.sheet_state = "hidden"
    hidden.append(["secret"])
    shown.append(HEADER)
    out = io.BytesIO()
    book.save(out)
    assert read_sheet(out.getvalue()).header == tuple(HEADER)


# Headers.


def test_missing_columns_are_named() -> None:
    for data in (workbook(HEADER, ["A-1"]), comma(",".join(HEADER), "A-1,,")):
        with pytest.raises(SheetColumnsMissing) as refused:
            read_sheet(data, required=["单位名称", "地址", "经度"])
        assert refused.value.extras == {"columns": ["地址", "经度"]}
        assert "第 1 行" in refused.value.detail
        assert "地址、经度" in refused.value.detail


def test_doubled_columns_are_named() -> None:
    for data in (workbook(["名称", "地址", " 名称 "]), comma("名称,地址, 名称 ")):
        with pytest.raises(SheetColumnsDoubled) as refused:
            read_sheet(data)
        assert refused.value.extras == {"columns": ["名称"]}


def test_a_column_without_name_may_only_be_empty() -> None:
    data = workbook(["档案编号", None, "备注", None], ["A-1", None, "x"], ["A-2", "?", "y"])
    assert read_sheet(data).header == ("档案编号", "备注")
    assert faults_of(data) == [(3, None, CellFault.RAGGED)]


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(SheetUnreadable, match="200 列"):
        read_sheet(workbook([f"列{number}" for number in range(201)]))


# Encodings.


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_the_encodings_people_use(encoding: str) -> None:
    data = comma(",".join(HEADER), "A-1,𠮷祥泳馆,璟", encoding=encoding)
    assert values_of(data) == [{"档案编号": "A-1", "单位名称": "𠮷祥泳馆", "备注": "璟"}]


def test_hidden_marks_before_the_header_do_not_hide_a_column() -> None:
    for data in (
        b"\xef\xbb\xbf\xef\xbb\xbf" + comma(",".join(HEADER), "A-1,,"),
        b'\xef\xbb\xbf"\xef\xbb\xbf' + comma('档案编号",\u200b单位名称, 备注\u3000', "A-1,,"),
        workbook([f"\ufeff{HEADER[0]}", f"{HEADER[1]}\u00a0", HEADER[2]], ["A-1"]),
    ):
        assert read_sheet(data, required=HEADER).header == tuple(HEADER)


def test_a_wrong_byte_far_into_the_file_is_still_found() -> None:
    lines = [",".join(HEADER), *(f"A-{number},甲,x" for number in range(40_000))]
    data = comma(*lines, encoding="gb18030")
    assert len(rows_of(data)) == 40_000
    assert rows_of(data)[-1].values["单位名称"] == "甲"
    with pytest.raises(SheetUnreadable, match="UTF-8"):
        read_sheet(data + b"\r\nA-1,\xff\xff,x")


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_tabs_and_semicolons_part_cells_too(delimiter: str) -> None:
    data = comma(delimiter.join(HEADER), delimiter.join(["A-1", "甲，乙", "x"]))
    assert values_of(data) == [{"档案编号": "A-1", "单位名称": "甲，乙", "备注": "x"}]


def test_old_line_ends_part_rows_too() -> None:
    assert [
        row.row_no for row in rows_of(comma(",".join(HEADER), "A-1,,").replace(b"\r\n", b"\r"))
    ] == [2]


# Bad files.


def shared_strings_workbook() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for row_no, row in enumerate([HEADER, ["A-1", "甲", "x"]]):
            sheet.write_row(row_no, 0, row)
    return out.getvalue()


def archive(**parts: str | bytes) -> bytes:
    """A valid workbook with some of its parts replaced."""
    names = {"sheet": "xl/worksheets/sheet1.xml", "strings": "xl/sharedStrings.xml"}
    changed = {names[name]: content for name, content in parts.items()}
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(shared_strings_workbook())) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        assert set(old.namelist()) >= changed.keys()
        for member in old.namelist():
            new.writestr(member, changed.get(member, old.read(member)))
    return out.getvalue()


def empty_archive() -> bytes:
    out = io.BytesIO()
    zipfile.ZipFile(out, "w").close()
    return out.getvalue()


def sheet_xml(rows: str, before: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{before}<worksheet xmlns='
        f'"http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}'
        "</sheetData></worksheet>"
    )


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
WHOLE = workbook(HEADER, *([f"A-{number}", "甲" * 20, number] for number in range(200)))

BROKEN = {
    "empty": b"",
    "blank": b" \r\n ,, \r\n",
    "binary": bytes(range(256)) * 20,
    "half an archive": WHOLE[: len(WHOLE) // 2],
    "archive start alone": b"PK\x03\x04",
    "another archive": empty_archive(),
    "a part missing": archive(sheet=""),
    "broken markup": archive(sheet=sheet_xml("<row r='1'><c r='A1'><v>1</v></row>")),
    "text for numbers": archive(sheet=sheet_xml("<row r='1'><c r='A1'><v>x1</v></c></row>")),
    "string that is not there": archive(sheet=sheet_xml("<row><c t='s'><v>99999</v></c></row>")),
    "laughs": archive(sheet=sheet_xml("<row r='1'><c t='str'><v>&i;</v></c></row>", LAUGHS)),
    "laughs in the strings": archive(strings=f"<?xml version='1.0'?>{LAUGHS}<sst>&i;</sst>"),
    "external entity": archive(
        strings='<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><sst><si><t>&a;</t></si></sst>'
    ),
    "utf-16 markup": archive(sheet=sheet_xml("<row/>").encode("utf-16")),
    "old format": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "utf-16 text": comma(",".join(HEADER), "A-1,,", encoding="utf-16"),
    "open quote": comma(",".join(HEADER), 'A-1,"甲,x', "A-2,乙,y"),
    "text after quote": comma(",".join(HEADER), 'A-1,"甲"乙,x'),
    "endless cell": comma(",".join(HEADER), f"A-1,{'x' * 200_000},x"),
}


def test_a_declaration_is_refused_however_harmless_it_looks() -> None:
    row = "<row r='1'><c r='A1' t='str'><v>&a;</v></c></row>"
    with pytest.raises(SheetUnreadable, match="声明"):
        read_sheet(archive(sheet=sheet_xml(row, '<!DOCTYPE l [<!ENTITY a "档案编号">]>')))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_unreadable_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "sheet").write_bytes(BROKEN[name])
    for source in (BROKEN[name], tmp_path / "sheet"):
        with pytest.raises(SheetUnreadable) as refused:
            rows_of(source)
        assert refused.value.code == "sheet-unreadable"
        assert refused.value.detail.endswith("。")


def test_a_broken_row_far_down_is_refused_when_it_is_reached() -> None:
    good = "".join(f"<row r='{n}'><c r='A{n}'><v>{n}</v></c></row>" for n in range(1, 100))
    data = archive(sheet=sheet_xml(f"{good}<row r='100'><c r='A100'><v>?</v></c></row>"))
    seen = 0
    with pytest.raises(SheetUnreadable):
        for _ in read_sheet(data).rows:
            seen += 1
    assert seen == 98


def test_the_row_of_an_open_quote_is_named() -> None:
    with pytest.raises(SheetUnreadable, match="第 3 行"):
        read_sheet(comma(",".join(HEADER), "A-1,甲,x", 'A-2,"乙"丙,x'))


def packed(name: str, content: Iterator[bytes]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(WHOLE)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        with new.open(name, "w") as part:
            for chunk in content:
                part.write(chunk)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "unit", "times"),
    [
        ("xl/worksheets/sheet1.xml", b" " * MIB, 300),
        ("xl/worksheets/sheet1.xml", b" " * MIB, 100),
        ("xl/worksheets/sheet1.xml", b"<c/>" * (MIB // 4), 100),
        ("xl/sharedStrings.xml", b"x" * MIB, 300),
        ("xl/styles.xml", b"<a/>" * (MIB // 4), 100),
        ("xl/media/image1.png", b"\0" * MIB, 300),
    ],
)
def test_a_zip_bomb_is_refused_fast_and_small(name: str, unit: bytes, times: int) -> None:
    data = packed(name, (unit for _ in range(times)))

    def read() -> None:
        with pytest.raises(SheetUnreadable, match="异常庞大"):
            read_sheet(data)

    peak, seconds = peak_and_seconds(read)
    assert peak < 20 * MIB
    assert seconds < 5


def test_many_tags_that_do_not_compress_much_are_refused_small() -> None:
    def tags() -> Iterator[bytes]:
        yield sheet_xml("<row r='1'>").encode().split(b"</sheetData>")[0]
        number = 0
        while number < 600_000:
            yield b"".join(
                b"<c s='%x'/>" % (n * 2654435761 % 2**32) for n in range(number, number + 1000)
            )
            number += 1000
        yield b"</row></sheetData></worksheet>"

    data = packed("xl/worksheets/sheet1.xml", tags())

    def read() -> None:
        with pytest.raises(SheetUnreadable, match="异常庞大"):
            read_sheet(data)

    peak, _ = peak_and_seconds(read)
    assert peak < 20 * MIB


def test_a_size_that_was_lied_about_is_unreadable() -> None:
    data = bytearray(packed("xl/worksheets/sheet1.xml", iter([b" " * 5 * MIB])))
    lied = (5 * MIB).to_bytes(4, "little")
    assert lied in data
    with pytest.raises(SheetUnreadable):
        read_sheet(bytes(data.replace(lied, (1000).to_bytes(4, "little"))))


def test_a_row_number_beyond_all_rows_costs_nothing() -> None:
    data = archive(
        sheet=sheet_xml(
            "<row r='1'><c r='A1' t='str'><v>档案编号</v></c></row>"
            "<row r='99999999999'><c r='A2'><v>7</v></c></row>"
        )
    )
    _, seconds = peak_and_seconds(lambda: rows_of(data))
    assert seconds < 1
    assert [row.values for row in rows_of(data)] == [{"档案编号": "7"}]


def test_formatting_to_the_end_of_the_sheet_is_not_walked_through() -> None:
    rows = (
        "<row r='1'><c r='A1' t='str'><v>档案编号</v></c></row>"
        "<row r='2'><c r='A2'><v>7</v></c></row>"
    )
    empty = "".join(f"<row r='{n}' s='{n * 2654435761 % 97}'/>" for n in range(3, 300_000))
    assert [row.row_no for row in rows_of(archive(sheet=sheet_xml(rows + empty)))] == [2]


def test_a_million_rows_are_refused_fast_and_small() -> None:
    def lines() -> Iterator[bytes]:
        yield ",".join(HEADER).encode() + b"\r\n"
        for number in range(1_000_001):
            yield b"A-%d,x,y\r\n" % number

    big = b"".join(lines())

    def read() -> None:
        with pytest.raises(SheetTooLong) as refused:
            read_sheet(big)
        assert refused.value.extras == {"rows_max": 50_000}
        assert "50000 行" in refused.value.detail

    peak, seconds = peak_and_seconds(read)
    assert peak < 20 * MIB
    assert seconds < 10


def test_a_workbook_of_a_million_rows_is_refused_fast_and_small() -> None:
    def parts() -> Iterator[bytes]:
        yield sheet_xml("").encode().split(b"</sheetData>")[0]
        for number in range(1, 1_000_002):
            yield b'<row r="%d"><c r="A%d"><v>%d</v></c></row>' % (number, number, number)
        yield b"</sheetData></worksheet>"

    data = packed("xl/worksheets/sheet1.xml", parts())

    def read() -> None:
        with pytest.raises(SheetTooLong):
            read_sheet(data)

    peak, seconds = peak_and_seconds(read)
    assert peak < 20 * MIB
    assert seconds < 10


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_limit_counts_rows_of_data(kind: str) -> None:
    rows: list[list[Cell]] = [[f"A-{number}", "甲", "x"] for number in range(100)]
    data = write_xlsx(HEADER, rows) if kind == "xlsx" else b"".join(write_csv(HEADER, rows))
    assert len(rows_of(data, limits=Limits(rows=100))) == 100
    with pytest.raises(SheetTooLong):
        read_sheet(data, limits=Limits(rows=99))


def test_a_large_file_is_refused_unread() -> None:
    with pytest.raises(SheetTooLarge) as refused:
        read_sheet(b"x" * 1001, limits=Limits(file_bytes=1000))
    assert refused.value.extras == {"bytes_max": 1000}


@given(
    damage=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=20
    )
)
@settings(max_examples=200, deadline=None)
def test_a_damaged_workbook_is_read_or_refused_and_nothing_else(
    damage: list[tuple[int, int]],
) -> None:
    data = bytearray(WHOLE)
    for where, value in damage:
        data[where] = value
    with suppress(Invalid):
        rows_of(bytes(data))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for start in (b"", b"PK", ",".join(HEADER).encode() + b"\r\n"):
        with suppress(Invalid):
            rows_of(start + data)
