"""Tables that people send and take: XLSX and CSV, in and out.

What comes in is text by header name, with the number of its row, exactly as it stood: nothing is
shifted, repaired or left out silently. What is wrong with one cell is a fault of its row, so that a
preview can show all rows; what is wrong with the file is one of the errors of `cells`, raised
before the first row is handed out wherever the file allows it. Memory and time are bounded by
`Limits`.

What goes out opens in a spreadsheet without a formula being run, and comes in again as it was.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter

from app.cells import (
    BLANK,
    CHARS_OF_A_CELL,
    DIGITS_OF_A_NUMBER,
    CellFault,
    FormulaCell,
    Limits,
    Record,
    SheetTooLarge,
    SheetTooLong,
    SheetUnreadable,
    guarded,
    number_text,
    opened,
)
from app.csvfiles import csv_records
from app.errors import Invalid
from app.workbooks import ROWS_OF_A_SHEET, xlsx_records

Cell = str | int | float | date | None

_ROWS_ABOVE = 10  # in which a header is looked for
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f]")


class SheetColumnsMissing(Invalid):
    code, title = "sheet-columns-missing", "表格缺少列"


class SheetColumnsDoubled(Invalid):
    code, title = "sheet-columns-doubled", "表格列名重复"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A fault with its place; `column` is None where it is the row's. `detail` is for people."""

    row_no: int
    column: str | None
    fault: CellFault
    detail: str


class Row(NamedTuple):
    """One row: its number in the file, its text by header name, and what is wrong with it."""

    row_no: int
    values: Mapping[str, str]
    problems: tuple[CellProblem, ...]


@dataclass(frozen=True)
class Sheet:
    """A table being read: the header, and rows that can be gone through once."""

    header: tuple[str, ...]
    rows: Iterator[Row]


def read_sheet(
    source: bytes | Path,
    *,
    required: Sequence[str] = (),
    nfkc: Collection[str] = (),
    limits: Limits | None = None,
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> Sheet:
    """Open a table: the first visible sheet of an XLSX, or a CSV in UTF-8 or GB18030.

    The first row that is not empty is the header; with `is_header` the first of the first ten that
    it says is one, because lists have titles above. Empty rows are passed over. Numbers come as a
    person typed them ("310105001"), dates as ISO text. Text is kept as it stands, full-width digits
    included, but for the columns of `nfkc`. A missing XLSX cell is an empty text; a CSV row with
    more or fewer cells than the header is ragged.

    Raises SheetUnreadable, SheetTooLarge, SheetTooLong (`rows_max`), SheetColumnsMissing and
    SheetColumnsDoubled (`columns`); while rows are read only SheetUnreadable.
    """
    limits = limits or Limits()
    read = xlsx_records if _start(source, limits).startswith(b"PK") else csv_records
    records = read(source, limits)
    head, records = _head(records, is_header)
    if head is None:
        raise SheetUnreadable("表格是空的，没有表头；请使用导出的模板填写后导入。")
    columns = _columns(head, required, limits)
    header = tuple(columns.values())
    return Sheet(header, _rows(records, columns, len(head.cells), frozenset(nfkc), limits))


def read_cells(
    source: bytes | Path, *, limits: Limits | None = None
) -> list[tuple[int, list[str]]]:
    """Return a table as it stands, with the number of each row: for forms with several headers.

    No cell is shifted; formulas come as their text. Raises SheetUnreadable, SheetTooLarge,
    SheetTooLong.
    """
    limits = limits or Limits()
    read = xlsx_records if _start(source, limits).startswith(b"PK") else csv_records
    return [(record.row_no, record.cells) for record in read(source, limits)]


def write_xlsx(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str = "数据"
) -> bytes:
    """Return a workbook of one sheet. Text stays text, `=1+1` and 310105001 too; same rows, same
    bytes. Raises SheetTooLong above what a sheet can hold and ValueError for a cell that is too
    long, because the spreadsheet would cut it off."""
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - nobody's time
        sheet = book.add_worksheet(name)
        formats = {
            "head": book.add_format({"bold": True, "num_format": "@"}),
            "text": book.add_format({"num_format": "@"}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(header):
            sheet.write_string(0, column, title, formats["head"])
        for row_no, row in enumerate(rows, start=1):
            if row_no >= ROWS_OF_A_SHEET:
                raise SheetTooLong(
                    "数据超过一张工作表的行数，没有导出；请缩小范围分次导出。",
                    rows_max=ROWS_OF_A_SHEET - 1,
                )
            for column, value in enumerate(row):
                _write_cell(sheet, row_no, column, value, formats)
    return out.getvalue()


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield a CSV in UTF-8 with BOM, row by row. A cell that a spreadsheet would run gets a quote
    before it, which `read_sheet` takes off again."""
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    yield codecs.BOM_UTF8
    for row in chain([header], rows):
        writer.writerow([guarded(_plain(value)) for value in row])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()


def _write_cell(
    sheet: Any, row_no: int, column: int, value: Cell, formats: Mapping[str, object]
) -> None:
    if value is None or value == "":
        return
    if type(value) is date:
        sheet.write_datetime(row_no, column, value, formats["date"])
    elif isinstance(value, int | float) and abs(value) < 10**DIGITS_OF_A_NUMBER:
        sheet.write_number(row_no, column, value)
    else:
        text = _plain(value)
        if len(text) > CHARS_OF_A_CELL:
            raise ValueError(f"row {row_no + 1}, column {column + 1}: text too long for a cell")
        sheet.write_string(row_no, column, text, formats["text"])


def _plain(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return number_text(value) if isinstance(value, float) else str(value)


def _head(
    records: Iterator[Record], is_header: Callable[[Sequence[str]], bool] | None
) -> tuple[Record | None, Iterator[Record]]:
    """Return the header and what stands below it; where no row is one, the first row is."""
    above = list(islice(records, 1 if is_header is None else _ROWS_ABOVE))
    found = next((n for n, one in enumerate(above) if is_header and is_header(one.cells)), 0)
    return (above[found] if above else None), chain(above[found + 1 :], records)


def _columns(head: Record, required: Sequence[str], limits: Limits) -> dict[int, str]:
    """Return the name at each place of the header that has one."""
    columns = {place: text.strip(BLANK) for place, text in enumerate(head.cells)}
    columns = {place: name for place, name in columns.items() if name}
    if len(columns) > limits.columns:
        raise SheetUnreadable(f"表格超过 {limits.columns} 列，没有读取；请使用导出的模板。")
    if doubled := [name for name, times in Counter(columns.values()).items() if times > 1]:
        raise SheetColumnsDoubled(
            f"表头（第 {head.row_no} 行）列名重复：{'、'.join(doubled)}；请改名或删除多余的列。",
            columns=doubled,
        )
    if missing := [name for name in required if name not in columns.values()]:
        raise SheetColumnsMissing(
            f"表头（第 {head.row_no} 行）缺少列：{'、'.join(missing)}；请用导出的模板填写。",
            columns=missing,
        )
    return columns


def _rows(
    records: Iterator[Record],
    columns: Mapping[int, str],
    width: int,
    nfkc: frozenset[str],
    limits: Limits,
) -> Iterator[Row]:
    for record in records:
        values = {
            name: record.cells[place] if place < len(record.cells) else ""
            for place, name in columns.items()
        }
        for name in nfkc & values.keys():
            if not isinstance(values[name], FormulaCell):
                values[name] = unicodedata.normalize("NFKC", values[name])
        faults = [(place, fault) for place, fault in record.faults if place in {None, *columns}]
        if _is_ragged(record, columns, width):
            faults.insert(0, (None, CellFault.RAGGED))
        faults += [
            (place, fault)
            for place, name in columns.items()
            for fault in _text_faults(values[name], limits)
        ]
        yield Row(
            record.row_no,
            values,
            tuple(
                _problem(record.row_no, columns, place, fault, limits) for place, fault in faults
            ),
        )


def _is_ragged(record: Record, columns: Mapping[int, str], width: int) -> bool:
    if record.full and len(record.cells) != width:
        return True
    return any(text.strip(BLANK) for place, text in enumerate(record.cells) if place not in columns)


def _text_faults(text: str, limits: Limits) -> Iterator[CellFault]:
    if isinstance(text, FormulaCell):
        yield CellFault.FORMULA
    if len(text) > limits.cell_chars:
        yield CellFault.TOO_LONG
    if _CONTROL.search(text):
        yield CellFault.CONTROL


def _problem(
    row_no: int, columns: Mapping[int, str], place: int | None, fault: CellFault, limits: Limits
) -> CellProblem:
    column = None if place is None else columns[place]
    what = {
        CellFault.FORMULA: "是公式，没有采用；请改为文字或数值",
        CellFault.RAGGED: "的单元格数与表头不一致，可能有错位；请对照表头检查",
        CellFault.MERGED: "有合并单元格，内容属于哪一行不明确；请取消合并后逐行填写",
        CellFault.TOO_LONG: f"超过 {limits.cell_chars} 个字；请缩短",
        CellFault.CONTROL: "含有不可见的控制字符；请重新输入",
        CellFault.DIGITS_LOST: "是超过 15 位的数字，末尾已被电子表格改动；请设为文本后重新填写",
        CellFault.ERROR: "是错误值；请改正",
    }[fault]
    where = f"第 {row_no} 行" if column is None else f"第 {row_no} 行“{column}”列"
    return CellProblem(row_no, column, fault, f"{where}{what}。")


def _start(source: bytes | Path, limits: Limits) -> bytes:
    """Return how a file begins. Raises SheetTooLarge, and SheetUnreadable for an old workbook."""
    with opened(source) as file:
        if file.seek(0, io.SEEK_END) > limits.file_bytes:
            raise SheetTooLarge(
                f"表格文件超过 {limits.file_bytes >> 20} MB，没有读取；请分成几个文件导入。",
                bytes_max=limits.file_bytes,
            )
        file.seek(0)
        start = file.read(4096)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetUnreadable("这是旧版 .xls 或加密的表格；请去掉密码并另存为 .xlsx 后重新导入。")
    return start
