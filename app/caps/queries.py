"""Reads of caps: what took place at a unit, and the exceptions that were asked for."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.caps.models import CapException, UnitLedger
from app.caps.rules import ExceptionState
from app.days import day_begins
from app.db import db
from app.tasks.models import Task
from app.tasks.rules import OPEN_STATES, TaskState
from app.units.models import Unit
from app.visits.models import Finding, Visit, VisitAttendance

_AROUND = timedelta(days=1)
_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


class Went(NamedTuple):
    """A visit as the ledger sees it; `task` is None where nobody had planned it."""

    visit: Visit
    task: Task | None
    officers: frozenset[UUID]
    found: bool


def visits_of(
    unit_ids: Collection[UUID], first: date, last: date, *, but_origins: Collection[str]
) -> Iterator[Went]:
    """Return the visits of units whose start, by either clock, may lie within these days.

    Those of tasks of some origins are left out.
    """
    wanted = sorted(unit_ids)
    for place in range(0, len(wanted), _AT_ONCE):
        yield from _visits_of(wanted[place : place + _AT_ONCE], first, last, but_origins)


def _visits_of(
    unit_ids: Sequence[UUID], first: date, last: date, but_origins: Collection[str]
) -> list[Went]:
    begins, ends = day_begins(first - _AROUND), day_begins(last + 2 * _AROUND)
    started = sa.or_(
        Visit.started_at.between(begins, ends), Visit.started_recorded_at.between(begins, ends)
    )
    rows = db.session.execute(
        sa.select(Visit, Task, sa.exists().where(Finding.visit_id == Visit.id))
        .outerjoin(Task, Task.id == Visit.task_id)
        .where(
            Visit.unit_id.in_(unit_ids),
            started,
            sa.or_(Task.id.is_(None), Task.origin.not_in(sorted(but_origins))),
        )
        .order_by(Visit.started_recorded_at, Visit.id)
    ).all()
    officers = _officers_of([row[0].id for row in rows])
    return [
        Went(visit, task, frozenset(officers.get(visit.id, ())), found)
        for visit, task, found in rows
    ]


def siblings_of(unit_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Return the other units of each one's enterprise: of its agency, with its code."""
    own, other = aliased(Unit), aliased(Unit)
    found: dict[UUID, set[UUID]] = {}
    wanted = sorted(unit_ids)
    for place in range(0, len(wanted), _AT_ONCE):
        query = (
            sa.select(own.id, other.id)
            .join(other, sa.and_(other.uscc == own.uscc, other.agency_id == own.agency_id))
            .where(own.id.in_(wanted[place : place + _AT_ONCE]), own.uscc != "", other.id != own.id)
        )
        for unit_id, sibling_id in db.session.execute(query):
            found.setdefault(unit_id, set()).add(sibling_id)
    return found


def _officers_of(visit_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for visit_id, officer_id in db.session.execute(
        sa.select(VisitAttendance.visit_id, VisitAttendance.officer_id).where(
            VisitAttendance.visit_id.in_(visit_ids)
        )
    ):
        found.setdefault(visit_id, []).append(officer_id)
    return found


def exceptions_of(agency_id: UUID | None, **filters: Any) -> sa.Select[CapException]:
    """Return the query for an agency's exceptions; filters `unit_id`, `cap_code` and `state`."""
    query = sa.select(CapException).where(CapException.agency_id == agency_id)
    for name in ("unit_id", "cap_code", "state"):
        if filters.get(name) is not None:
            query = query.where(getattr(CapException, name) == filters[name])
    return query


def approved_for(unit_id: UUID, on: date) -> Sequence[CapException]:
    """Return the approved exceptions of a unit that hold on a day."""
    return approved_between([unit_id], on, on)


def asked_for(unit_id: UUID, on: date) -> Sequence[CapException]:
    """Return the exceptions of a unit that hold on a day or would, had somebody decided."""
    query = sa.select(CapException).where(
        CapException.unit_id == unit_id,
        CapException.state != ExceptionState.REFUSED,
        CapException.from_on <= on,
        CapException.until_on >= on,
    )
    return db.session.scalars(query).all()


def approved_between(unit_ids: Collection[UUID], first: date, last: date) -> list[CapException]:
    """Return the approved exceptions of units that hold on one of these days."""
    found: list[CapException] = []
    wanted = sorted(unit_ids)
    for place in range(0, len(wanted), _AT_ONCE):
        query = sa.select(CapException).where(
            CapException.unit_id.in_(wanted[place : place + _AT_ONCE]),
            CapException.state == ExceptionState.APPROVED,
            CapException.from_on <= last,
            CapException.until_on >= first,
        )
        found += db.session.scalars(query.order_by(CapException.id))
    return found


def stale_ledgers() -> Sequence[UUID]:
    """Return units with a task on tablets whose ledger is not there, or from before something.

    What counts: a visit that began, ended or was signed, in another unit of the enterprise too, and
    an exception that was decided.
    """
    counted = UnitLedger.counted_until
    since = sa.or_(
        *(one > counted for one in (Visit.started_at, Visit.finished_at, Visit.signed_at))
    )
    moved = sa.exists().where(Visit.unit_id == Task.unit_id, since)
    own, other = aliased(Unit), aliased(Unit)
    beside = sa.exists().where(
        own.id == Task.unit_id,
        own.uscc != "",
        other.agency_id == own.agency_id,
        other.uscc == own.uscc,
        Visit.unit_id == other.id,
        since,
    )
    decided = sa.exists().where(
        CapException.unit_id == Task.unit_id, CapException.decided_at > counted
    )
    query = (
        sa.select(Task.unit_id)
        .outerjoin(UnitLedger, UnitLedger.unit_id == Task.unit_id)
        .where(
            Task.state.in_(OPEN_STATES - {TaskState.PENDING}),
            sa.or_(UnitLedger.id.is_(None), moved, beside, decided),
        )
        .distinct()
        .order_by(Task.unit_id)
    )
    return db.session.scalars(query).all()


def ledgers_of(unit_ids: Collection[UUID]) -> Sequence[UnitLedger]:
    """Return the ledgers of units that have one."""
    query = sa.select(UnitLedger).where(UnitLedger.unit_id.in_(unit_ids))
    return db.session.scalars(query).all()


def approved_since(unit_ids: Collection[UUID], first: date) -> dict[UUID, list[dict[str, str]]]:
    """Return the approved exceptions of units that hold on a day or later, as plain values."""
    query = sa.select(CapException).where(
        CapException.unit_id.in_(unit_ids),
        CapException.state == ExceptionState.APPROVED,
        CapException.until_on >= first,
    )
    found: dict[UUID, list[dict[str, str]]] = {}
    for one in db.session.scalars(query.order_by(CapException.id)):
        found.setdefault(one.unit_id, []).append(
            {
                "cap_code": one.cap_code,
                "from_on": one.from_on.isoformat(),
                "until_on": one.until_on.isoformat(),
            }
        )
    return found
