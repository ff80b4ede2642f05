"""Tables that people send and take: XLSX and CSV, in and out.

What comes in is text by header name, with the number of its row, exactly as it stood: nothing is
shifted, repaired or left out silently. What is wrong with one cell is a fault of its row, so that a
preview can show all rows; what is wrong with the file is one of the errors below, raised before the
first row is handed out wherever the file allows it. Memory and time are bounded by `Limits`.

What goes out opens in a spreadsheet without a formula being run, and comes in again as it was.
"""

import codecs
import csv
import io
import math
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from xml.etree.ElementTree import ParseError

import openpyxl
import xlsxwriter
from openpyxl.worksheet._reader import WorkSheetParser

from app.errors import Invalid

Cell = str | int | float | date | None

ROWS_OF_A_SHEET = 1_048_576
CHARS_OF_A_CELL = 32_767
DIGITS_OF_A_NUMBER = 15  # a spreadsheet keeps no more
_BLANK = " \t\r\n\u00a0\u200b\u3000\ufeff"
_CHUNK_BYTES = 1024 * 1024
_ROWS_ABOVE = 10  # in which a header is looked for
_MEMBERS_MAX = 2_000
_RATIO_MAX = 200
_RATIO_FROM_BYTES = 1024 * 1024
_MARKS_MAX = 2_000_000
_TAGS_IN_A_ROW_MAX = 200_000
_TAG_BYTES_MAX = 4_096  # longer than any we look for
_MARK = re.compile(rb"<(?:[A-Za-z0-9_]+:)?(row|si|mergeCell)(?=[\s/>])([^<>]*)")
_CONTENT = re.compile(rb"<(?:[A-Za-z0-9_]+:)?(?:v|is|f)[\s/>]")
_RANGE = re.compile(rb"""\bref=["']\$?[A-Z]{1,3}\$?(\d{1,7})(?::\$?[A-Z]{1,3}\$?(\d{1,7}))?["']""")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f]")
# Spreadsheets run a cell that begins so; after any number of quotes our own quote goes before it.
_ACTIVE = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, ParseError, OSError, EOFError, struct.error),
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError),
)

warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")  # unknown extensions


class SheetUnreadable(Invalid):
    code, title = "sheet-unreadable", "表格无法读取"


class SheetTooLarge(Invalid):
    code, title = "sheet-too-large", "表格文件过大"


class SheetTooLong(Invalid):
    code, title = "sheet-too-long", "表格行数过多"


class SheetColumnsMissing(Invalid):
    code, title = "sheet-columns-missing", "表格缺少列"


class SheetColumnsDoubled(Invalid):
    code, title = "sheet-columns-doubled", "表格列名重复"


class CellFault(StrEnum):
    """What is wrong with a cell, or with a whole row."""

    FORMULA = "formula"
    RAGGED = "ragged-row"
    MERGED = "merged-cells"
    TOO_LONG = "cell-too-long"
    CONTROL = "control-character"
    DIGITS_LOST = "digits-lost"
    ERROR = "cell-error"


class FormulaCell(str):
    """The text of a formula, from `=` on; its result is not read, it may be anything."""

    __slots__ = ()


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


@dataclass(frozen=True)
class Limits:
    """How much of a table is read; beyond it the file is refused."""

    file_bytes: int = 32 * 1024 * 1024
    unpacked_bytes: int = 128 * 1024 * 1024
    rows: int = 50_000
    columns: int = 200
    cell_chars: int = CHARS_OF_A_CELL


@dataclass(slots=True)
class _Record:
    """A row before its columns have names."""

    row_no: int
    cells: list[str]
    faults: list[tuple[int | None, CellFault]] = field(default_factory=list)
    full: bool = False  # written with all its columns, as in CSV


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
    read = _xlsx_records if _start(source, limits).startswith(b"PK") else _csv_records
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
    read = _xlsx_records if _start(source, limits).startswith(b"PK") else _csv_records
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
        writer.writerow([_guarded(_plain(value)) for value in row])
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
    return _number_text(value) if isinstance(value, float) else str(value)


def _number_text(value: float) -> str:
    """Return the number as a person would have typed it: no exponent, no `.0`, 15 digits."""
    text = format(Decimal(format(value, f".{DIGITS_OF_A_NUMBER}g")), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _guarded(text: str) -> str:
    return f"'{text}" if _ACTIVE.match(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _ACTIVE.match(text) else text


# From records to rows.


def _head(
    records: Iterator[_Record], is_header: Callable[[Sequence[str]], bool] | None
) -> tuple[_Record | None, Iterator[_Record]]:
    """Return the header and what stands below it; where no row is one, the first row is."""
    above = list(islice(records, 1 if is_header is None else _ROWS_ABOVE))
    found = next((n for n, one in enumerate(above) if is_header and is_header(one.cells)), 0)
    return (above[found] if above else None), chain(above[found + 1 :], records)


def _columns(head: _Record, required: Sequence[str], limits: Limits) -> dict[int, str]:
    """Return the name at each place of the header that has one."""
    columns = {place: text.strip(_BLANK) for place, text in enumerate(head.cells)}
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
    records: Iterator[_Record],
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


def _is_ragged(record: _Record, columns: Mapping[int, str], width: int) -> bool:
    if record.full and len(record.cells) != width:
        return True
    return any(
        text.strip(_BLANK) for place, text in enumerate(record.cells) if place not in columns
    )


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


def _too_long(limits: Limits) -> SheetTooLong:
    return SheetTooLong(
        f"表格超过 {limits.rows} 行，没有读取；请分成几个文件导入。", rows_max=limits.rows
    )


def _start(source: bytes | Path, limits: Limits) -> bytes:
    """Return how a file begins. Raises SheetTooLarge, and SheetUnreadable for an old workbook."""
    with _opened(source) as file:
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


def _opened(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


# CSV.


def _csv_records(source: bytes | Path, limits: Limits) -> Iterator[_Record]:
    """Go through the whole file once, for its encoding, form and length, then hand out rows."""
    encoding = _encoding(source)
    with _as_text(source, encoding) as text:
        first = next((line for line in text if line.strip(_BLANK)), "")
    delimiter = max((",", "\t", ";"), key=first.count)
    for number, _ in enumerate(_csv_rows(source, encoding, delimiter)):
        if number > limits.rows:  # the header is one of them
            raise _too_long(limits)
    return _csv_rows(source, encoding, delimiter)


def _csv_rows(source: bytes | Path, encoding: str, delimiter: str) -> Iterator[_Record]:
    row_no = 0
    with _as_text(source, encoding) as text:
        try:
            for row_no, row in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 1):
                if any(cell.strip(_BLANK) for cell in row):
                    yield _Record(row_no, [_csv_cell(cell) for cell in row], full=True)
        except csv.Error as error:
            raise SheetUnreadable(
                f"第 {row_no + 1} 行的引号不成对或单元格过长，无法分列；请改正后重新导入。"
            ) from error


def _csv_cell(text: str) -> str:
    return FormulaCell(text) if text.startswith("=") else _unguarded(text)


def _as_text(source: bytes | Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_opened(source), encoding, newline="")


def _encoding(source: bytes | Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        with _opened(source) as file:
            try:
                while chunk := file.read(_CHUNK_BYTES):
                    if b"\0" in chunk:
                        break
                    decoder.decode(chunk)
                else:
                    decoder.decode(b"", final=True)
                    return encoding
            except UnicodeDecodeError:
                continue
    raise SheetUnreadable(
        "文件不是 .xlsx，也不是 UTF-8 或 GB18030 编码的 CSV；请另存为 .xlsx 后重新导入。"
    )


# XLSX.


@dataclass(slots=True)
class _Survey:
    """What a part of the archive holds, found without building it up: a look before the leap."""

    rows: int = 0
    merged: list[tuple[int, int]] = field(default_factory=list)
    marks: int = 0
    tags: int = 0
    in_row: bool = False

    def take(self, piece: bytes, limits: Limits) -> None:
        start = 0
        for mark in _MARK.finditer(piece):
            self._pass(piece[start : mark.start()], limits)
            start, kind = mark.end(), mark[1]
            self.marks += 1
            if self.marks > _MARKS_MAX:
                raise _bomb()
            if kind == b"mergeCell":
                self._merge(mark[2])
            else:
                self.in_row, self.tags = kind == b"row", 0
        self._pass(piece[start:], limits)

    def _pass(self, piece: bytes, limits: Limits) -> None:
        self.tags += piece.count(b"<")
        if self.tags > _TAGS_IN_A_ROW_MAX:
            raise _bomb()
        if self.in_row and _CONTENT.search(piece):
            self.in_row = False
            self.rows += 1
            if self.rows > limits.rows + 1:  # the header is one of them
                raise _too_long(limits)

    def _merge(self, attributes: bytes) -> None:
        if found := _RANGE.search(attributes):
            self.merged.append((int(found[1]), int(found[2] or found[1])))


def _xlsx_records(source: bytes | Path, limits: Limits) -> Iterator[_Record]:
    with _readable():
        surveys = _survey_archive(source, limits)
    file = _opened(source)
    try:
        with _readable():
            book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
            sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
            if sheet is None:
                raise SheetUnreadable("表格中没有可见的工作表；请取消隐藏后重新导入。")
            survey = surveys[cast(Any, sheet)._worksheet_path]
    except BaseException:
        file.close()
        raise
    return _xlsx_rows(file, book, sheet, survey)


def _survey_archive(source: bytes | Path, limits: Limits) -> dict[str, _Survey]:
    """Unpack every part once, bounded, and count what is in it."""
    surveys = {}
    with _opened(source) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > _MEMBERS_MAX or sum(m.file_size for m in members) > limits.unpacked_bytes:
            raise _bomb()
        for member in members:
            if (
                member.file_size > _RATIO_FROM_BYTES
                and member.file_size > _RATIO_MAX * member.compress_size
            ):
                raise _bomb()
            surveys[member.filename] = _survey_member(archive, member, limits)
    return surveys


def _survey_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> _Survey:
    survey, rest = _Survey(), b""
    markup = member.filename.endswith((".xml", ".rels"))
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK_BYTES):  # a size that was lied about ends in BadZipFile
            piece = rest + chunk
            if markup and (_DECLARATION.search(piece) or b"\0" in piece):
                raise SheetUnreadable(
                    "表格文件含有不允许的声明，没有读取；请另存为 .xlsx 后重新导入。"
                )
            cut = piece.rfind(b"<")
            if cut < max(0, len(piece) - _TAG_BYTES_MAX):
                cut = len(piece)
            survey.take(piece[:cut], limits)
            rest = piece[cut:]
        survey.take(rest, limits)
    return survey


def _bomb() -> SheetUnreadable:
    return SheetUnreadable("表格文件解压后异常庞大，没有读取；请把数据复制到新表格后重新导入。")


def _xlsx_rows(file: BinaryIO, book: Any, sheet: Any, survey: _Survey) -> Iterator[_Record]:
    """Go through the sheet with the parser under openpyxl's read-only worksheets: those fill every
    gap, row by row and cell by cell, as far as the file claims to reach."""
    merged = _union(survey.merged)
    with closing(file), closing(book), _readable(), sheet._get_source() as part:
        parser = WorkSheetParser(
            part,
            sheet._shared_strings,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        left = survey.rows
        for row_no, cells in parser.parse() if left else ():
            record = _xlsx_record(row_no, cells)
            if record is not None:
                if _within(row_no, merged):
                    record.faults.append((None, CellFault.MERGED))
                yield record
            left -= any(cell["value"] is not None for cell in cells)
            if left == 0:
                return  # what follows is formatting, often to the end of the sheet


def _xlsx_record(row_no: int, cells: Sequence[Mapping[str, Any]]) -> _Record | None:
    filled = [cell for cell in cells if cell["value"] is not None]
    record = _Record(row_no, [""] * max((cell["column"] for cell in filled), default=0))
    for cell in filled:
        place = cell["column"] - 1
        text, fault = _xlsx_cell(cell["value"], cell["data_type"])
        record.cells[place] = text
        if fault is not None:
            record.faults.append((place, fault))
    return record if any(text.strip(_BLANK) for text in record.cells) else None


def _xlsx_cell(value: object, kind: str) -> tuple[str, CellFault | None]:
    """Return a cell as a person would have typed it, and what is wrong with it."""
    if kind == "f":
        return FormulaCell(getattr(value, "text", None) or value), None
    if kind == "e":
        return str(value), CellFault.ERROR
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE", None
    if isinstance(value, int | float):
        return _xlsx_number(value)
    if isinstance(value, datetime | date | time | timedelta):
        return _iso(value), None
    return str(value), None


def _xlsx_number(value: float) -> tuple[str, CellFault | None]:
    if not math.isfinite(value):
        return str(value), CellFault.ERROR
    text = str(value) if isinstance(value, int) else _number_text(value)
    return text, CellFault.DIGITS_LOST if abs(value) >= 10**DIGITS_OF_A_NUMBER else None


def _iso(value: datetime | date | time | timedelta) -> str:
    """Return ISO text to the second: a spreadsheet's time is a fraction of a day."""
    if isinstance(value, datetime):
        value += timedelta(microseconds=500_000)
        day_only = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if day_only else value.isoformat(timespec="seconds")
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return str(value)


def _union(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    union: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if union and first <= union[-1][1]:
            union[-1] = union[-1][0], max(last, union[-1][1])
        else:
            union.append((first, last))
    return union


def _within(row_no: int, union: list[tuple[int, int]]) -> bool:
    found = bisect_right(union, (row_no, ROWS_OF_A_SHEET + 1)) - 1
    return found >= 0 and row_no <= union[found][1]


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Invalid:
        raise
    except (*_DAMAGE, StopIteration) as error:
        raise SheetUnreadable(
            "表格文件已损坏或不是有效的 .xlsx；请用电子表格软件打开并另存后重新导入。"
        ) from error
