"""What in a plan needs somebody: caps without answer, tasks without day, what fits no more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.caps.rules import Answer
from app.jointvisits import capping, queries, service
from app.jointvisits.fitting import Misfit, TaskNow, misfits
from app.jointvisits.models import JointPlan, JointVisit
from app.jointvisits.rules import IN_PLAN, VisitState


@dataclass(frozen=True)
class CapPoint:
    """A cap that a visit reaches now; `needed`: it waits for an exception or a reason."""

    visit: JointVisit
    answer: Answer
    needed: bool


@dataclass(frozen=True)
class MisfitPoint:
    """A task that does not fit its visit any more."""

    visit: JointVisit
    task_id: UUID
    task_no: str
    misfit: Misfit


@dataclass(frozen=True)
class Points:
    """All that is exceptional in a plan, with its reasons; nothing is left out silently."""

    caps: Sequence[CapPoint]
    without_day: Sequence[JointVisit]
    misfits: Sequence[MisfitPoint]
    approver_goes: Sequence[JointVisit]


def days_over(plan_ids: Collection[UUID], *, today: date) -> dict[UUID, list[date]]:
    """Return, by plan, the days before today on which visits stand that nobody began."""
    found = queries.days_over(plan_ids, today)
    return {key: sorted({one.planned_on for one in visits}) for key, visits in found.items()}


def points_of(plan: JointPlan, *, today: date) -> Points:
    """Return what is exceptional in a plan as of now; caps are asked anew."""
    visits = queries.visits_of(plan.id)
    return Points(
        _caps(plan, visits),
        [one for one in visits if one.state != VisitState.PLANNED and one.tasks],
        _misfits([one for one in visits if one.state in IN_PLAN], today),
        [] if plan.approved_at is None else service.goes_along(visits, plan.approved_officer_id),
    )


def _caps(plan: JointPlan, visits: Sequence[JointVisit]) -> list[CapPoint]:
    planned = [one for one in map(capping.planned_of, visits) if one is not None]
    answers = capping.ask_caps(plan, planned)
    found = []
    for visit in visits:
        given = {one.cap_code for one in visit.caps if one.reason is not None}
        found += [
            CapPoint(visit, one, capping.needs(one.verdict, reasoned=one.cap.code in given))
            for one in answers.get(visit.id, ())
        ]
    return found


def _misfits(visits: Sequence[JointVisit], today: date) -> list[MisfitPoint]:
    tasks = queries.tasks_by_id({row.task_id for one in visits for row in one.tasks})
    found = []
    for visit in visits:
        for row in visit.tasks:
            task = tasks[row.task_id]
            now = TaskNow(
                task.state, row.due_on, task.due_on, visit.planned_on, task.joint_visit_id
            )
            found += [
                MisfitPoint(visit, task.id, task.task_no, one)
                for one in misfits(now, visit.id, today=today)
            ]
    return found
