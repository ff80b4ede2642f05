"""What inspections cost 成本核算: hours of officers and samples, by specialty; no names."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.reports.dated import earlier_of, visited_at, within
from app.tasks.models import Task
from app.visits.models import Sample, Visit, VisitAttendance
from app.visits.rules import VisitState

_LONGEST_S = 24 * 3600  # a visit that a clock makes longer is not a day's work


@dataclass(frozen=True, slots=True)
class CostLine:
    """What the visits of one specialty took; hours from an officer's arrival to the visit's end."""

    specialty: str
    visits: int
    officer_hours: Decimal
    hours_per_visit: Decimal
    samples: int
    unclear: int


def costs(agency_id: UUID, from_on: date, until_on: date) -> list[CostLine]:
    """Return the cost figures of the finished visits of a period, by the specialty of their task.

    `unclear` attendances have times that cannot be: wrong clocks, or an end before the arrival.
    """
    ended = earlier_of(Visit.finished_recorded_at, Visit.finished_at)
    query = (
        sa.select(
            Task.specialty, Visit.id, VisitAttendance.recorded_at, ended, Visit.clock_suspect,
            VisitAttendance.clock_suspect,
        )
        .select_from(Visit)
        .join(Task, Task.id == Visit.task_id)
        .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
        .where(
            Visit.agency_id == agency_id,
            Visit.state != VisitState.UNDER_WAY,
            within(visited_at(), from_on, until_on),
        )
    )  # fmt: skip
    visits: dict[str, set[UUID]] = defaultdict(set)
    seconds: dict[str, float] = defaultdict(float)
    unclear: dict[str, int] = defaultdict(int)
    for specialty, visit_id, arrived, left, *suspect in db.session.execute(query):
        visits[specialty].add(visit_id)
        spent = _spent(arrived, left)
        if spent is None or any(suspect):
            unclear[specialty] += 1
        else:
            seconds[specialty] += spent
    samples = _samples(agency_id, from_on, until_on)
    return [
        CostLine(
            specialty=specialty,
            visits=len(ids),
            officer_hours=_hours(seconds[specialty]),
            hours_per_visit=_hours(seconds[specialty] / len(ids)),
            samples=samples.get(specialty, 0),
            unclear=unclear[specialty],
        )
        for specialty, ids in sorted(visits.items())
    ]


def _spent(arrived: datetime, left: datetime) -> float | None:
    seconds = (left - arrived).total_seconds()
    return seconds if 0 <= seconds <= _LONGEST_S else None


def _hours(seconds: float) -> Decimal:
    return (Decimal(seconds) / 3600).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _samples(agency_id: UUID, from_on: date, until_on: date) -> dict[str, int]:
    query = (
        sa.select(Task.specialty, sa.func.count())
        .select_from(Sample)
        .join(Visit, Visit.id == Sample.visit_id)
        .join(Task, Task.id == Visit.task_id)
        .where(Sample.agency_id == agency_id, within(visited_at(), from_on, until_on))
        .group_by(Task.specialty)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}
