"""Reads of joint visits that deserve a name."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.jointvisits.models import (
    JointPlan,
    JointSuggestionDismissal,
    JointVisit,
    JointVisitChange,
    JointVisitTask,
)
from app.jointvisits.rules import IN_PLAN, PlanState, VisitKind, VisitState
from app.tasks.models import Task
from app.tasks.rules import (
    BEGUN_STATES,
    OPEN_STATES,
    UNBEGUN_STATES,
    VISITED_STATES,
    TaskState,
)
from app.units.models import Unit

_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


class Waiting(NamedTuple):
    """A task that nobody began and no plan carries, as far as planning has to know it."""

    id: UUID
    unit_id: UUID
    zone: str
    specialty: str
    due_on: date | None
    from_on: date | None


class Overdue(NamedTuple):
    """A visit whose day is over, though nobody went."""

    id: UUID
    planned_on: date


def plans_of(agency_id: UUID, *, state: str | None = None) -> sa.Select[JointPlan]:
    """Return the query for an agency's plans."""
    query = sa.select(JointPlan).where(JointPlan.agency_id == agency_id)
    return query if state is None else query.where(JointPlan.state == state)


def find_plan(plan_id: UUID) -> JointPlan | None:
    return db.session.get(JointPlan, plan_id)


def find_visit(joint_visit_id: UUID) -> JointVisit | None:
    return db.session.get(JointVisit, joint_visit_id)


def visits_in(plan_id: UUID, **filters: Any) -> sa.Select[JointVisit]:
    """Return the query for the visits of a plan; filters `state`, `kind`, `unit_id`, `zone`."""
    query = sa.select(JointVisit).where(JointVisit.plan_id == plan_id)
    for name in ("state", "kind", "unit_id", "zone"):
        if filters.get(name) is not None:
            query = query.where(getattr(JointVisit, name) == filters[name])
    return query


def visits_of(plan_id: UUID) -> list[JointVisit]:
    """Return the visits of a plan: those with a day first, in its order, then the others."""
    query = visits_in(plan_id).order_by(
        JointVisit.planned_on.is_(None), JointVisit.planned_on, JointVisit.id
    )
    return list(db.session.scalars(query))


def days_over(plan_ids: Collection[UUID], today: date) -> dict[UUID, list[Overdue]]:
    """Return, by plan, the visits on a day before today of which nobody began a task."""
    began = _with_task_in(BEGUN_STATES)
    query = (
        sa.select(JointVisit.plan_id, JointVisit.id, JointVisit.planned_on)
        .where(
            JointVisit.plan_id.in_(plan_ids),
            JointVisit.planned_on < today,
            _with_task_in(UNBEGUN_STATES),
            ~began,
        )
        .order_by(JointVisit.planned_on, JointVisit.id)
    )
    found: dict[UUID, list[Overdue]] = {}
    for plan_id, visit_id, planned_on in db.session.execute(query):
        if planned_on is not None:
            found.setdefault(plan_id, []).append(Overdue(visit_id, planned_on))
    return found


def tasks_of(joint_visit_id: UUID) -> list[Task]:
    """Return the tasks that a joint visit carries, in the order of their making."""
    query = (
        sa.select(Task)
        .join(JointVisitTask, JointVisitTask.task_id == Task.id)
        .where(JointVisitTask.joint_visit_id == joint_visit_id)
        .order_by(Task.id)
    )
    return list(db.session.scalars(query))


def tasks_by_id(task_ids: Collection[UUID]) -> dict[UUID, Task]:
    """Return these tasks, of any agency."""
    return {task.id: task for part in _parts(task_ids) for task in _tasks(part)}


def _tasks(task_ids: Sequence[UUID]) -> sa.ScalarResult[Task]:
    return db.session.scalars(sa.select(Task).where(Task.id.in_(task_ids)))


def waiting(
    agency_id: UUID, *, unit_ids: Collection[UUID] = (), zones: Collection[str] = ()
) -> list[Waiting]:
    """Return the tasks of an agency that nobody began and that no plan in force carries.

    A plan is in force once it is approved; proposals may share tasks, to be compared.
    """
    zone = sa.func.coalesce(Unit.street_code, "").label("zone")
    taken = (
        sa.select(JointVisitTask.task_id)
        .join(JointVisit, JointVisit.id == JointVisitTask.joint_visit_id)
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .where(
            JointPlan.agency_id == agency_id,
            JointPlan.state.in_([PlanState.APPROVED, PlanState.PUBLISHED]),
            JointVisit.state.in_(sorted(IN_PLAN)),
        )
    )
    query = (
        sa.select(Task.id, Task.unit_id, zone, Task.specialty, Task.due_on, Task.from_on)
        .join(Unit, Unit.id == Task.unit_id)
        .where(
            Task.agency_id == agency_id,
            Task.state.in_(sorted(UNBEGUN_STATES)),
            Task.joint_visit_id.is_(None),
            Task.id.not_in(taken),
        )
        .order_by(Task.id)
    )
    if unit_ids:
        query = query.where(Task.unit_id.in_(sorted(unit_ids)))
    if zones:
        query = query.where(zone.in_(sorted(zones)))
    return [Waiting(*row) for row in db.session.execute(query)]


def planned_elsewhere(
    unit_ids: Collection[UUID], *, but_plan_id: UUID | None, first: date, last: date
) -> Iterator[JointVisit]:
    """Return the visits that other published plans will bring to units on these days.

    What was begun is not among them: it stands in the ledger of entries. Nor is what has no task
    left that somebody would go for.
    """
    begun, left = _with_task_in(BEGUN_STATES), _with_task_in(UNBEGUN_STATES)
    for part in _parts(unit_ids):
        query = (
            sa.select(JointVisit)
            .join(JointPlan, JointPlan.id == JointVisit.plan_id)
            .where(
                JointVisit.unit_id.in_(part),
                JointVisit.state == VisitState.PLANNED,
                JointVisit.planned_on.between(first, last),
                JointPlan.state == PlanState.PUBLISHED,
                ~begun,
                left,
            )
        )
        if but_plan_id is not None:
            query = query.where(JointVisit.plan_id != but_plan_id)
        yield from db.session.scalars(query)


def operations_between(agency_id: UUID, first: date, last: date) -> list[tuple[UUID, bool]]:
    """Return the unit of each operation of a published plan on these days, and whether it was held.

    Held is one whose tasks were visited, all that were not closed.
    """
    waits = _with_task_in(OPEN_STATES - VISITED_STATES)
    held = sa.and_(_with_task_in(VISITED_STATES), ~waits)
    query = (
        sa.select(JointVisit.unit_id, held)
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .where(
            JointVisit.agency_id == agency_id,
            JointVisit.kind == VisitKind.OPERATION,
            JointVisit.planned_on.between(first, last),
            JointPlan.state == PlanState.PUBLISHED,
        )
    )
    return [(unit_id, bool(held)) for unit_id, held in db.session.execute(query)]


def _with_task_in(states: Collection[TaskState]) -> sa.Exists:
    """Return the condition that a joint visit has a task in one of these states."""
    return sa.exists().where(
        JointVisitTask.joint_visit_id == JointVisit.id,
        Task.id == JointVisitTask.task_id,
        Task.state.in_(sorted(states)),
    )


def waiting_matters(
    agency_id: UUID, unit_ids: Collection[UUID], first: date, last: date, *, today: date
) -> set[tuple[UUID, str, str | None]]:
    """Return for what units have a task that nobody began: unit, specialty, class.

    One that can be done on these days; while they are not to come, one that is overdue as well.
    """
    still = Task.due_on >= first if first > today else sa.true()
    found: set[tuple[UUID, str, str | None]] = set()
    for part in _parts(unit_ids):
        query = sa.select(Task.unit_id, Task.specialty, Task.object_class).where(
            Task.agency_id == agency_id,
            Task.unit_id.in_(part),
            Task.state.in_(sorted(UNBEGUN_STATES)),
            Task.joint_visit_id.is_(None),
            sa.or_(Task.due_on.is_(None), still),
            sa.or_(Task.from_on.is_(None), Task.from_on <= last),
        )
        found |= {(row[0], row[1], row[2]) for row in db.session.execute(query)}
    return found


def units_by_id(unit_ids: Collection[UUID]) -> list[Unit]:
    """Return these units, of any agency, in the order of their archive numbers."""
    found = [
        unit
        for part in _parts(unit_ids)
        for unit in db.session.scalars(sa.select(Unit).where(Unit.id.in_(part)))
    ]
    return sorted(found, key=lambda unit: unit.archive_no)


def dismissals_of(
    agency_id: UUID, *, unit_id: UUID | None = None
) -> sa.Select[JointSuggestionDismissal]:
    """Return the query for the suggestions that an agency does not follow."""
    own = JointSuggestionDismissal.agency_id == agency_id
    query = sa.select(JointSuggestionDismissal).where(own)
    return query if unit_id is None else query.where(JointSuggestionDismissal.unit_id == unit_id)


def dismissed(agency_id: UUID) -> set[UUID]:
    """Return the suggestions that an agency does not follow."""
    own = JointSuggestionDismissal.agency_id == agency_id
    return set(db.session.scalars(sa.select(JointSuggestionDismissal.suggestion_id).where(own)))


def changes_of(plan_id: UUID) -> sa.Select[JointVisitChange]:
    """Return the query for what was changed by hand in a plan."""
    return sa.select(JointVisitChange).where(JointVisitChange.plan_id == plan_id)


def _parts(keys: Collection[UUID]) -> Iterator[list[UUID]]:
    wanted = sorted(set(keys))
    for place in range(0, len(wanted), _AT_ONCE):
        yield wanted[place : place + _AT_ONCE]
