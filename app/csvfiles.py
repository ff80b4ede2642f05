"""Rows of a CSV, in UTF-8 or GB18030, as they stand."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from app.cells import (
    BLANK,
    CHUNK_BYTES,
    FormulaCell,
    Limits,
    Record,
    SheetUnreadable,
    opened,
    too_long,
    unguarded,
)


def csv_records(source: bytes | Path, limits: Limits) -> Iterator[Record]:
    """Go through the whole file once, for its encoding, form and length, then hand out rows."""
    encoding = _encoding(source)
    with _as_text(source, encoding) as text:
        first = next((line for line in text if line.strip(BLANK)), "")
    delimiter = max((",", "\t", ";"), key=first.count)
    for number, _ in enumerate(_csv_rows(source, encoding, delimiter)):
        if number > limits.rows:  # the header is one of them
            raise too_long(limits)
    return _csv_rows(source, encoding, delimiter)


def _csv_rows(source: bytes | Path, encoding: str, delimiter: str) -> Iterator[Record]:
    row_no = 0
    with _as_text(source, encoding) as text:
        try:
            for row_no, row in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 1):
                if any(cell.strip(BLANK) for cell in row):
                    yield Record(row_no, [_csv_cell(cell) for cell in row], full=True)
        except csv.Error as error:
            raise SheetUnreadable(
                f"第 {row_no + 1} 行的引号不成对或单元格过长，无法分列；请改正后重新导入。"
            ) from error


def _csv_cell(text: str) -> str:
    return FormulaCell(text) if text.startswith("=") else unguarded(text)


def _as_text(source: bytes | Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(opened(source), encoding, newline="")


def _encoding(source: bytes | Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        with opened(source) as file:
            try:
                while chunk := file.read(CHUNK_BYTES):
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
