"""The list behind a number: the same selection that is counted, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.days import local_date
from app.db import db
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


def count(rows: sa.Select[Any], *, amount: bool = False) -> int:
    """Return how many rows a selection has, or what their amounts add up to."""
    found = rows.order_by(None).subquery()
    number = sa.func.coalesce(sa.func.sum(found.c.amount), 0) if amount else sa.func.count()
    return int(db.session.scalar(sa.select(number).select_from(found)) or 0)


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
