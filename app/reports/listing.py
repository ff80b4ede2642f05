"""The list behind a number: the same selection that is counted, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.days import local_date
from app.db import db
from app.reports.dated import line
from app.units.models import Unit


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a number counts; `amount_fen` where the number adds up money."""

    id: UUID
    part: str
    type: str
    on: date
    unit_id: UUID | None
    archive_no: str | None
    unit_name: str | None
    label: str | None
    amount_fen: int | None


class How(StrEnum):
    """What a number is of its rows: how many, how many units, or what their amounts add up to."""

    ROWS = "rows"
    UNITS = "units"
    AMOUNTS = "amounts"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a selection: of all its rows, or of those for which a condition holds.

    `each`: what every row has so many of is added up. `distinct`: how many values it has there.
    """

    how: How = How.ROWS
    which: sa.ColumnElement[bool] | None = None
    each: sa.ColumnElement[int] | None = None
    distinct: sa.ColumnElement[Any] | None = None


def numbers(rows: sa.Select[Any], measures: Sequence[Measure]) -> sa.Select[Any]:
    """Return the query of several numbers of a selection; each as its own list would say."""
    columns = [_number(rows, one) for one in measures]
    return rows.order_by(None).with_only_columns(*columns, maintain_column_froms=True)


def _number(rows: sa.Select[Any], one: Measure) -> sa.ColumnElement[Any]:
    found: sa.Function[Any] = sa.func.count()
    if one.each is not None:
        found = sa.func.sum(one.each)
    elif one.distinct is not None:
        found = sa.func.count(sa.distinct(one.distinct))
    elif one.how is How.UNITS:
        found = sa.func.count(sa.distinct(_column(rows, "unit_id")))
    elif one.how is How.AMOUNTS:
        found = sa.func.sum(_column(rows, "amount"))
    return found if one.which is None else found.filter(one.which)


def _column(rows: sa.Select[Any], name: str) -> Any:
    column = rows.selected_columns[name]
    return column.element if isinstance(column, sa.Label) else column


def units_of(rows: sa.Select[Any]) -> sa.Select[Any]:
    """Return the units of the rows of a selection, each once, with the last time it is in it."""
    found = rows.order_by(None).subquery()
    named = line("unit", found.c.unit_id, at=sa.func.max(found.c.at), unit_id=found.c.unit_id)
    return sa.select(*named).where(found.c.unit_id.is_not(None)).group_by(found.c.unit_id)


def entries(rows: sa.Select[Any], *, after: tuple[UUID, str] | None, limit: int) -> list[Entry]:
    """Return the rows of a selection in the order of their ids, those after a place in it."""
    found = rows.order_by(None).subquery()
    query = sa.select(found, Unit.archive_no, Unit.name).outerjoin(Unit, Unit.id == found.c.unit_id)
    if after is not None:
        key, part = after
        query = query.where(
            sa.or_(found.c.id > key, sa.and_(found.c.id == key, found.c.part > part))
        )
    ordered = query.order_by(found.c.id, found.c.part).limit(limit)
    return [_entry(row) for row in db.session.execute(ordered)]


def every(rows: sa.Select[Any]) -> Sequence[Entry]:
    """Return all rows of a selection: for a file."""
    return entries(rows, after=None, limit=1_000_000)


def _entry(row: Any) -> Entry:
    return Entry(
        id=row.id,
        part=str(row.part or ""),
        type=row.type,
        on=row.on if row.at is None else local_date(row.at),
        unit_id=row.unit_id,
        archive_no=row.archive_no,
        unit_name=row.name,
        label=row.label,
        amount_fen=row.amount,
    )
