"""What inspections cost 成本核算: officer-hours and samples, by specialty and by task; no names.

A visit without a task has no specialty and is in none of these figures.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.reports.dated import earlier_of, visited_within
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Sample, Visit, VisitAttendance
from app.visits.rules import VisitState

_LONGEST_S = 24 * 3600  # a visit that a clock makes longer is not a day's work


@dataclass(frozen=True, slots=True)
class CostLine:
    """What the visits of one specialty took; hours from an officer's arrival to the visit's end.

    `unclear` attendances have times that cannot be: wrong clocks, or an end before the arrival.
    """

    specialty: str
    tasks: int
    visits: int
    officer_hours: Decimal
    hours_per_task: Decimal
    hours_per_visit: Decimal
    samples: int
    samples_per_task: Decimal
    unclear: int


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one task took in the days."""

    task_id: UUID
    task_no: str
    specialty: str
    archive_no: str
    unit_name: str
    visits: int
    officer_hours: Decimal
    samples: int
    unclear: int


@dataclass(slots=True)
class _Sum:
    """What was added up of some visits."""

    tasks: set[UUID] = field(default_factory=set)
    visits: set[UUID] = field(default_factory=set)
    seconds: float = 0
    unclear: int = 0
    samples: int = 0

    def add(self, row: Any) -> None:
        """Add one officer's attendance at a visit."""
        self.tasks.add(row.task_id)
        self.visits.add(row.visit_id)
        spent = (row.left - row.arrived).total_seconds()
        if row.suspect or row.there_suspect or not 0 <= spent <= _LONGEST_S:
            self.unclear += 1
        else:
            self.seconds += spent


def costs(agency_id: UUID, from_on: date, until_on: date) -> list[CostLine]:
    """Return the cost figures of the finished visits of a period, by specialty of the task."""
    which = _visits(agency_id, from_on, until_on)
    sums: dict[str, _Sum] = {}
    for row in _attendances(which):
        sums.setdefault(row.specialty, _Sum()).add(row)
    for row in _samples(which, Task.specialty):
        sums[row[0]].samples += row[1]
    return [
        CostLine(
            specialty=specialty,
            tasks=len(one.tasks),
            visits=len(one.visits),
            officer_hours=_hours(one.seconds),
            hours_per_task=_hours(one.seconds / len(one.tasks)),
            hours_per_visit=_hours(one.seconds / len(one.visits)),
            samples=one.samples,
            samples_per_task=_hundredths(Decimal(one.samples) / len(one.tasks)),
            unclear=one.unclear,
        )
        for specialty, one in sorted(sums.items())
    ]


def tasks_visited(
    agency_id: UUID, from_on: date, until_on: date, specialty: str | None
) -> sa.Select[Task]:
    """Return the query of the tasks behind the figures: those with a finished visit in the days."""
    which = _visits(agency_id, from_on, until_on)
    visited = sa.select(Visit.task_id).join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
    found = sa.select(Task).where(Task.agency_id == agency_id, Task.id.in_(visited.where(*which)))
    return found if specialty is None else found.where(Task.specialty == specialty)


def task_costs(
    tasks: Sequence[Task], agency_id: UUID, from_on: date, until_on: date
) -> list[TaskCost]:
    """Return what each of these tasks took in the days."""
    which = [*_visits(agency_id, from_on, until_on), Visit.task_id.in_([one.id for one in tasks])]
    sums = {one.id: _Sum() for one in tasks}
    for row in _attendances(which):
        sums[row.task_id].add(row)
    for row in _samples(which, Task.id):
        sums[row[0]].samples += row[1]
    units = _units({one.unit_id for one in tasks})
    return [
        TaskCost(
            task_id=one.id,
            task_no=one.task_no,
            specialty=one.specialty,
            archive_no=units[one.unit_id].archive_no,
            unit_name=units[one.unit_id].name,
            visits=len(sums[one.id].visits),
            officer_hours=_hours(sums[one.id].seconds),
            samples=sums[one.id].samples,
            unclear=sums[one.id].unclear,
        )
        for one in tasks
    ]


def _visits(agency_id: UUID, from_on: date, until_on: date) -> list[sa.ColumnElement[bool]]:
    return [
        Visit.agency_id == agency_id,
        Visit.state != VisitState.UNDER_WAY,
        visited_within(from_on, until_on),
    ]


def _attendances(which: Iterable[sa.ColumnElement[bool]]) -> sa.Result[Any]:
    query = (
        sa.select(
            Visit.task_id,
            Task.specialty,
            Visit.id.label("visit_id"),
            VisitAttendance.recorded_at.label("arrived"),
            earlier_of(Visit.finished_recorded_at, Visit.finished_at).label("left"),
            Visit.clock_suspect.label("suspect"),
            VisitAttendance.clock_suspect.label("there_suspect"),
        )
        .select_from(Visit)
        .join(Task, Task.id == Visit.task_id)
        .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
        .where(*which)
    )
    return db.session.execute(query)


def _samples(which: Iterable[sa.ColumnElement[bool]], by: Any) -> Iterable[Any]:
    """Count samples of visits that somebody attended: those that the other figures are of."""
    query = (
        sa.select(by, sa.func.count())
        .select_from(Sample)
        .join(Visit, Visit.id == Sample.visit_id)
        .join(Task, Task.id == Visit.task_id)
        .where(*which, sa.exists().where(VisitAttendance.visit_id == Visit.id))
        .group_by(by)
    )
    return db.session.execute(query)


def _units(ids: Collection[UUID]) -> dict[UUID, Any]:
    query = sa.select(Unit.id, Unit.archive_no, Unit.name).where(Unit.id.in_(sorted(ids)))
    return {row.id: row for row in db.session.execute(query)}


def _hours(seconds: float) -> Decimal:
    return _hundredths(Decimal(seconds) / 3600)


def _hundredths(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
