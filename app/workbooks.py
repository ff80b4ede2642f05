"""Rows of an XLSX, as a person typed them.

A workbook is an archive that anybody may have made: every part is looked through, bounded, before
anything of it is built up.
"""

import math
import re
import struct
import warnings
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.worksheet._reader import WorkSheetParser

from app.cells import (
    BLANK,
    CHUNK_BYTES,
    DIGITS_OF_A_NUMBER,
    CellFault,
    FormulaCell,
    Limits,
    Record,
    SheetUnreadable,
    number_text,
    opened,
    too_long,
)
from app.errors import Invalid

ROWS_OF_A_SHEET = 1_048_576
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
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, ParseError, OSError, EOFError, struct.error),
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RuntimeError),
)

warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")  # unknown extensions


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
                raise too_long(limits)

    def _merge(self, attributes: bytes) -> None:
        if found := _RANGE.search(attributes):
            self.merged.append((int(found[1]), int(found[2] or found[1])))


def xlsx_records(source: bytes | Path, limits: Limits) -> Iterator[Record]:
    with _readable():
        surveys = _survey_archive(source, limits)
    file = opened(source)
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
    with opened(source) as file, zipfile.ZipFile(file) as archive:
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
        while chunk := part.read(CHUNK_BYTES):  # a size that was lied about ends in BadZipFile
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


def _xlsx_rows(file: BinaryIO, book: Any, sheet: Any, survey: _Survey) -> Iterator[Record]:
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


def _xlsx_record(row_no: int, cells: Sequence[Mapping[str, Any]]) -> Record | None:
    filled = [cell for cell in cells if cell["value"] is not None]
    record = Record(row_no, [""] * max((cell["column"] for cell in filled), default=0))
    for cell in filled:
        place = cell["column"] - 1
        text, fault = _xlsx_cell(cell["value"], cell["data_type"])
        record.cells[place] = text
        if fault is not None:
            record.faults.append((place, fault))
    return record if any(text.strip(BLANK) for text in record.cells) else None


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
    text = str(value) if isinstance(value, int) else number_text(value)
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
