"""Statutory forms as workbooks: a title, merged header cells, rows, notes below.

Every text is written as text: nothing that a person typed is ever run as a formula.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from app.cells import CHARS_OF_A_CELL

Value = str | int | Decimal | None


@dataclass(frozen=True, slots=True)
class HeadCell:
    """A cell of the header, from its first to its last row and column, counted from 0."""

    text: str
    row: int
    column: int
    last_row: int
    last_column: int


@dataclass(frozen=True, slots=True)
class Form:
    """A form: `head` is counted from the row under the title, `widths` are in characters."""

    name: str
    title: str
    head: Sequence[HeadCell]
    rows: Sequence[Sequence[Value]]
    notes: Sequence[str]
    widths: Sequence[int]
    landscape: bool = True


def write_form(form: Form) -> bytes:
    """Return the workbook of a form, fit to one A4 page in width; same form, same bytes.

    Raises ValueError for a text that no cell holds.
    """
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - nobody's time
        sheet = book.add_worksheet(form.name)
        centred = {"align": "center", "valign": "vcenter", "text_wrap": True}
        title = book.add_format({**centred, "bold": True, "font_size": 16, "num_format": "@"})
        head = book.add_format({**centred, "bold": True, "border": 1, "num_format": "@"})
        text = book.add_format({**centred, "border": 1, "num_format": "@"})
        number = book.add_format({**centred, "border": 1})
        note = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        last = len(form.widths) - 1
        _merge(sheet, HeadCell(form.title, 0, 0, 0, last), title)
        for column, width in enumerate(form.widths):
            sheet.set_column(column, column, width)
        for cell in form.head:
            placed = HeadCell(
                cell.text, cell.row + 1, cell.column, cell.last_row + 1, cell.last_column
            )
            _merge(sheet, placed, head)
        begin = 2 + max((cell.last_row for cell in form.head), default=0)
        for place, row in enumerate(form.rows, start=begin):
            for column, value in enumerate(row):
                _write(sheet, place, column, value, text=text, number=number)
        for place, line in enumerate(form.notes, start=begin + len(form.rows)):
            _merge(sheet, HeadCell(line, place, 0, place, last), note)
        sheet.freeze_panes(begin, 0)
        sheet.repeat_rows(1, begin - 1)
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        if form.landscape:
            sheet.set_landscape()
    return out.getvalue()


def _merge(sheet: Any, cell: HeadCell, style: object) -> None:
    if (cell.row, cell.column) == (cell.last_row, cell.last_column):
        sheet.write_string(cell.row, cell.column, cell.text, style)
        return
    # merge_range would read a text that begins with "=": it writes blanks, the text comes after
    sheet.merge_range(cell.row, cell.column, cell.last_row, cell.last_column, "", style)
    sheet.write_string(cell.row, cell.column, cell.text, style)


def _write(
    sheet: Any, row: int, column: int, value: Value, *, text: object, number: object
) -> None:
    if value is None or value == "":
        sheet.write_blank(row, column, None, text)
    elif isinstance(value, int | Decimal):
        sheet.write_number(row, column, value, number)
    elif len(value) > CHARS_OF_A_CELL:
        raise ValueError(f"row {row + 1}, column {column + 1}: text too long for a cell")
    else:
        sheet.write_string(row, column, value, text)
