"""Cells and rows of a table that somebody sent, and what can be wrong with them."""

import io
import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from app.errors import Invalid

CHARS_OF_A_CELL = 32_767
DIGITS_OF_A_NUMBER = 15  # a spreadsheet keeps no more
BLANK = " \t\r\n\u00a0\u200b\u3000\ufeff"
CHUNK_BYTES = 1024 * 1024
# Spreadsheets run a cell that begins so; after any number of quotes our own quote goes before it.
_ACTIVE = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


class SheetUnreadable(Invalid):
    code, title = "sheet-unreadable", "表格无法读取"


class SheetTooLarge(Invalid):
    code, title = "sheet-too-large", "表格文件过大"


class SheetTooLong(Invalid):
    code, title = "sheet-too-long", "表格行数过多"


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


@dataclass(frozen=True)
class Limits:
    """How much of a table is read; beyond it the file is refused."""

    file_bytes: int = 32 * 1024 * 1024
    unpacked_bytes: int = 128 * 1024 * 1024
    rows: int = 50_000
    columns: int = 200
    cell_chars: int = CHARS_OF_A_CELL


@dataclass(slots=True)
class Record:
    """A row before its columns have names."""

    row_no: int
    cells: list[str]
    faults: list[tuple[int | None, CellFault]] = field(default_factory=list)
    full: bool = False  # written with all its columns, as in CSV


def number_text(value: float) -> str:
    """Return the number as a person would have typed it: no exponent, no `.0`, 15 digits."""
    text = format(Decimal(format(value, f".{DIGITS_OF_A_NUMBER}g")), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def guarded(text: str) -> str:
    return f"'{text}" if _ACTIVE.match(text) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _ACTIVE.match(text) else text


def too_long(limits: Limits) -> SheetTooLong:
    return SheetTooLong(
        f"表格超过 {limits.rows} 行，没有读取；请分成几个文件导入。", rows_max=limits.rows
    )


def opened(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
