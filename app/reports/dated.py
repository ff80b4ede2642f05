"""The day on which something happened, as a column: what counters of a period select by."""

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.days import day_begins
from app.visits.models import Visit

Instants = sa.ColumnElement[datetime]


class LocalDay(FunctionElement[date]):
    """The day in Shanghai on which an instant falls, as a column: `days.local_date` in SQL."""

    type = sa.Date()
    inherit_cache = True


@compiles(LocalDay, "sqlite")
def _in_sqlite(element: LocalDay, compiler: Any, **given: Any) -> str:
    return f"date({compiler.process(element.clauses, **given)}, '+8 hours')"


@compiles(LocalDay, "postgresql")
def _in_postgresql(element: LocalDay, compiler: Any, **given: Any) -> str:
    return f"({compiler.process(element.clauses, **given)} AT TIME ZONE 'Asia/Shanghai')::date"


def earlier_of(told: Any, received: Any) -> Instants:
    """Return the instant that counts: a tablet's, never later than the arrival."""
    return sa.case((told < received, told), else_=received)


def visited_at() -> Instants:
    """Return when a visit began, by the same rule as `visits.rules.effective_at`."""
    began = earlier_of(Visit.started_recorded_at, Visit.started_at)
    return sa.case((Visit.clock_suspect, Visit.started_at), else_=began)


def visited_within(from_on: date, until_on: date) -> sa.ColumnElement[bool]:
    """Say that `visited_at` falls on one of these local days, both included."""
    return visited_between(day_begins(from_on), after(until_on))


def visited_between(begins: Any, ends: Any) -> sa.ColumnElement[bool]:
    """Say that `visited_at` lies between two instants, the first included.

    Put so that an index is read from its first day on, and what is cheap to ask is asked first.
    """
    told = Visit.started_recorded_at
    return sa.and_(
        Visit.started_at >= begins,  # nothing counts before it arrived
        sa.or_(Visit.started_at < ends, sa.and_(told < ends, ~Visit.clock_suspect)),
        sa.or_(told >= begins, Visit.clock_suspect),
    )


def within(instant: Any, begins: Any, cut: Any) -> sa.ColumnElement[bool]:
    """Say that an instant lies between two, the first included."""
    return sa.and_(instant >= begins, instant < cut)


def on_days(day: Any, from_on: Any, until_on: Any) -> sa.ColumnElement[bool]:
    """Say that a day is one of these, both included."""
    return sa.and_(day >= from_on, day <= until_on)


def after(until_on: date) -> datetime:
    """Return the instant at which the day after a cut-off begins: what is later is not counted."""
    return day_begins(until_on + timedelta(days=1))


def line(
    kind: str,
    key: Any,
    *,
    at: Any = None,
    on: Any = None,
    unit_id: Any = None,
    label: Any = None,
    amount: Any = None,
    part: Any = "",
) -> list[sa.ColumnElement[Any]]:
    """Return the columns of one thing that a number counts; `key` and `part` tell it apart.

    Either an instant `at` or a day `on`; `amount` is what is added up instead of counting one.
    """
    named = {
        "id": key,
        "part": part,
        "type": sa.literal(kind),
        "at": at,
        "on": on,
        "unit_id": sa.cast(sa.null(), sa.Uuid()) if unit_id is None else unit_id,
        "label": label,
        "amount": amount,
    }
    return [
        (sa.literal(value) if isinstance(value, str) else sa.null() if value is None else value)
        .label(name)
        for name, value in named.items()
    ]  # fmt: skip
