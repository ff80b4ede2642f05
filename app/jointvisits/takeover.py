"""What people fixed by hand in the plans before, for the next proposal to keep.

A task's pin is that of the newest plan of the quarter which carries the task; a plan that was
withdrawn counts by its pins alone, so that withdrawing and proposing anew loses none.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.caps.rules import span
from app.catalogue.caps import Period
from app.db import db, new_id
from app.jointvisits import team_queries
from app.jointvisits.models import JointPlan, JointVisit, JointVisitOfficer, JointVisitTask
from app.jointvisits.rules import IN_PLAN, NotTaken, Pin, PlanState, VisitState
from app.jointvisits.team_models import JointTeamChange, JointVisitItem, JointVisitPartner
from app.jointvisits.windows import number_of
from app.tasks.models import Task
from app.tasks.rules import UNBEGUN_STATES


@dataclass(frozen=True)
class Scope:
    """What a new plan is about: its days, its units and towns (none: all), the tasks that wait."""

    days: Sequence[date]
    today: date
    unit_ids: Collection[UUID]
    zones: Collection[str]
    waiting: Collection[UUID]


@dataclass(frozen=True)
class Fixed:
    """A visit of a plan before that was fixed by hand; `why` it is not taken over, None if it is.

    `left` are those of its tasks that do not wait any more.
    """

    joint_visit_id: UUID
    plan_id: UUID
    unit_id: UUID
    planned_on: date | None
    reason: str | None
    task_ids: tuple[UUID, ...]
    left: tuple[UUID, ...]
    why: NotTaken | None

    @property
    def stored(self) -> dict[str, Any]:
        """Return it as a plan stores it."""
        return {
            "joint_visit_id": str(self.joint_visit_id),
            "plan_id": str(self.plan_id),
            "unit_id": str(self.unit_id),
            "planned_on": None if self.planned_on is None else self.planned_on.isoformat(),
            "task_ids": [str(one) for one in self.task_ids],
            "left_task_ids": [str(one) for one in self.left],
            "not_taken": self.why,
        }

    def pin(self, days: Sequence[date]) -> Pin | None:
        """Return the pin that it is in the new plan, None where it is not taken over."""
        if self.why is not None or self.planned_on is None:
            return None
        day = number_of(days, self.planned_on)
        if day is None:
            raise AssertionError("what is taken over is on a day of the plan")
        return Pin(frozenset(str(one) for one in self.task_ids), day)


def fixed_before(agency_id: UUID, scope: Scope) -> list[Fixed]:
    """Return what was fixed by hand in the plans of the quarters that a new plan touches.

    By unit and day; a visit all of whose tasks a newer plan carries is not among it.
    """
    first, last = span(Period.QUARTER, scope.days[0])[0], span(Period.QUARTER, scope.days[-1])[1]
    rows = db.session.execute(_carried(agency_id, first, last)).all()
    speaks: dict[UUID, tuple[Any, ...]] = {}  # by task: the visit that says what became of it
    for visit, plan_id, state, proposed_at, task_id, _ in rows:
        if state != PlanState.WITHDRAWN or visit.pinned:
            rank = (proposed_at, plan_id, visit.state in IN_PLAN, visit.id)
            speaks[task_id] = max(speaks.get(task_id, rank), rank)
    own: dict[UUID, dict[UUID, str]] = {}
    visits: dict[UUID, JointVisit] = {}
    for visit, _, _, _, task_id, task_state in rows:
        if visit.pinned and speaks[task_id][-1] == visit.id:
            visits[visit.id] = visit
            own.setdefault(visit.id, {})[task_id] = task_state
    found = [_fixed(visits[key], tasks, scope) for key, tasks in own.items()]
    return sorted(
        found, key=lambda one: (one.unit_id, one.planned_on or date.max, one.joint_visit_id)
    )


def _carried(agency_id: UUID, first: date, last: date) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for who carries the tasks of pinned visits, in plans of these days."""
    in_quarter = (
        JointPlan.agency_id == agency_id,
        JointPlan.first_on <= last,
        JointPlan.last_on >= first,
    )
    pinned = (
        sa.select(JointVisitTask.task_id)
        .join(JointVisit, JointVisit.id == JointVisitTask.joint_visit_id)
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .where(*in_quarter, JointVisit.pinned)
    )
    return (
        sa.select(
            JointVisit,
            JointPlan.id,
            JointPlan.state,
            JointPlan.proposed_at,
            JointVisitTask.task_id,
            Task.state,
        )
        .join(JointPlan, JointPlan.id == JointVisit.plan_id)
        .join(JointVisitTask, JointVisitTask.joint_visit_id == JointVisit.id)
        .join(Task, Task.id == JointVisitTask.task_id)
        .where(*in_quarter, JointVisitTask.task_id.in_(pinned))
    )


def _fixed(visit: JointVisit, tasks: Mapping[UUID, str], scope: Scope) -> Fixed:
    waits = tuple(sorted(one for one in tasks if one in scope.waiting))
    why = _why_not(visit, tasks, scope)
    return Fixed(
        visit.id,
        visit.plan_id,
        visit.unit_id,
        visit.planned_on,
        visit.reason,
        waits if why is None else tuple(sorted(tasks)),
        tuple(sorted(set(tasks) - set(waits))) if why is None else (),
        why,
    )


def _why_not(visit: JointVisit, tasks: Mapping[UUID, str], scope: Scope) -> NotTaken | None:
    if visit.state != VisitState.PLANNED or visit.planned_on is None:
        return NotTaken.WITHOUT_DAY
    if not UNBEGUN_STATES.intersection(tasks.values()):
        return NotTaken.DONE
    if (scope.unit_ids and visit.unit_id not in scope.unit_ids) or (
        scope.zones and visit.zone not in scope.zones
    ):
        return NotTaken.OUTSIDE_SCOPE
    if not any(one in scope.waiting for one in tasks):
        return NotTaken.IN_FORCE
    if visit.planned_on <= scope.today:
        return NotTaken.DAY_OVER
    return NotTaken.DAY_OUTSIDE if visit.planned_on not in scope.days else None


# --- kept in the new plan ---


def keep_fixed(visits: Iterable[JointVisit], fixed: Iterable[Fixed]) -> None:
    """Pin the visits that carry what was fixed, with its reason and the team that people chose."""
    for visit, one in _together(visits, fixed):
        visit.pinned, visit.reason = True, one.reason
        if _team_change(one) is None:
            continue
        before = db.session.get_one(JointVisit, one.joint_visit_id)
        visit.officers = [
            JointVisitOfficer(officer_id=row.officer_id, specialty=row.specialty, by_lot=row.by_lot)
            for row in before.officers
        ]


def bring_along(visits: Iterable[JointVisit], fixed: Iterable[Fixed]) -> None:
    """Let the choice of a team stand with its new visit, and partner departments come along.

    The visits are stored already.
    """
    for visit, one in _together(visits, fixed):
        if change := _team_change(one):
            db.session.add(
                JointTeamChange(
                    id=new_id(),
                    joint_visit_id=visit.id,
                    planned_on=change.planned_on,
                    reason=change.reason,
                    officer_ids_out=[],
                    officer_ids_in=sorted(str(row.officer_id) for row in visit.officers),
                    changed_at=change.changed_at,
                    changed_by_kind=change.changed_by_kind,
                    changed_by_id=change.changed_by_id,
                )
            )
        db.session.add_all(
            JointVisitPartner(joint_visit_id=visit.id, partner_id=partner_id)
            for partner_id in team_queries.partners_of(one.joint_visit_id)
        )
        db.session.add_all(
            JointVisitItem(
                id=new_id(),
                joint_visit_id=visit.id,
                department=item.department,
                item=item.item,
                basis=item.basis,
            )
            for item in team_queries.items_of(one.joint_visit_id)
        )
    db.session.flush()


def _together(
    visits: Iterable[JointVisit], fixed: Iterable[Fixed]
) -> list[tuple[JointVisit, Fixed]]:
    visit_of = {row.task_id: visit for visit in visits for row in visit.tasks}
    return [(visit_of[one.task_ids[0]], one) for one in fixed if one.why is None]


def _team_change(fixed: Fixed) -> JointTeamChange | None:
    """Return the last choice of a team by hand for the day that the visit still has."""
    changes = team_queries.changes_of(fixed.joint_visit_id)
    return next((one for one in reversed(changes) if one.planned_on == fixed.planned_on), None)
