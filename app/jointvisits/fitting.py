"""Whether a planned task still fits its day: the world moves on after a plan is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from app.tasks.rules import BEGUN_STATES, UNBEGUN_STATES


class Misfit(StrEnum):
    """Why a task does not fit its plan any more."""

    CLOSED = "closed"  # or about to be
    DUE_EARLIER = "due-earlier"  # its last day was moved before the planned one
    DUE_CHANGED = "due-changed"  # it has another last day than when it was planned
    PLANNED_ELSEWHERE = "planned-elsewhere"
    MISSED = "missed"  # its day is over and nobody went


@dataclass(frozen=True)
class TaskNow:
    """A task of a plan, as it was planned and as it is."""

    state: str
    due_when_planned: date | None
    due_on: date | None
    planned_on: date | None
    joint_visit_id: UUID | None


def misfits(task: TaskNow, visit_id: UUID, *, today: date) -> Iterator[Misfit]:
    """Say why a task does not fit the visit that carries it; one that was visited is done."""
    if task.state in BEGUN_STATES:
        return
    if task.state not in UNBEGUN_STATES:
        yield Misfit.CLOSED
        return
    if task.joint_visit_id not in {None, visit_id}:
        yield Misfit.PLANNED_ELSEWHERE
    if task.due_on != task.due_when_planned:
        yield Misfit.DUE_EARLIER if _is_late(task) else Misfit.DUE_CHANGED
    if task.planned_on is not None and task.planned_on < today:
        yield Misfit.MISSED


def _is_late(task: TaskNow) -> bool:
    return task.due_on is not None and task.planned_on is not None and task.due_on < task.planned_on
