"""Caps asked for planned visits: each that an entry reaches is kept with it, none is silent."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from uuid import UUID

from app.caps import queries as cap_queries
from app.caps import rules as cap_rules
from app.caps import service as caps
from app.caps.rules import Answer, Cap, Entered, Verdict
from app.jointvisits import queries
from app.jointvisits.limits import Intended, beyond
from app.jointvisits.models import JointPlan, JointVisit, JointVisitCap
from app.jointvisits.rules import VisitState
from app.tasks.models import Task
from app.tasks.rules import JOINT_DRAWN, UNBEGUN_STATES


def ask_caps(plan: JointPlan, visits: Sequence[JointVisit]) -> dict[UUID, list[Answer]]:
    """Return, by visit, the caps that it reaches; what was begun is not asked for again.

    Counted are what took place, what other published plans bring, and the plan's visits before it.
    """
    planned = [one for one in visits if one.state == VisitState.PLANNED]
    tasks = queries.tasks_by_id({row.task_id for one in planned for row in one.tasks})
    intended = [
        Intended(one.id, one.unit_id, entry_of(one, tasks)) for one in planned if _waits(one, tasks)
    ]
    if not intended:
        return {}

    @lru_cache
    def caps_on(on: date) -> Sequence[Cap]:
        return caps.caps_on(on)

    spans = [
        cap_rules.span(cap.period, one.entry.on)
        for one in intended
        for cap in caps_on(one.entry.on)
    ]
    if not spans:
        return {}
    first, last = min(one[0] for one in spans), max(one[1] for one in spans)
    units = {one.unit_id for one in intended}
    ledger = caps.entries_of(units, first, last)
    others = queries.planned_elsewhere(units, but_plan_id=plan.id, first=first, last=last)
    for other in list(others):
        theirs = queries.tasks_by_id({row.task_id for row in other.tasks})
        ledger.setdefault(other.unit_id, []).append(entry_of(other, theirs))
    exceptions = cap_queries.approved_between(units, first, last)

    def excepted(unit_id: UUID, cap_code: str, on: date) -> bool:
        return any(
            (one.unit_id, one.cap_code) == (unit_id, cap_code) and one.from_on <= on <= one.until_on
            for one in exceptions
        )

    return beyond(intended, ledger, caps_on=caps_on, excepted=excepted)


def keep_caps(plan: JointPlan, visits: Sequence[JointVisit]) -> None:
    """Ask caps for visits and keep the answers with them; a reason that was given stays."""
    answers = ask_caps(plan, visits)
    for visit in visits:
        known = {one.cap_code: one for one in visit.caps}
        wanted = answers.get(visit.id, [])
        visit.caps = [
            _kept(known.get(answer.cap.code) or JointVisitCap(cap_code=answer.cap.code), answer)
            for answer in wanted
        ]


def open_exceptions(visit: JointVisit) -> list[str]:
    """Return the caps that a visit is beyond, without the exception or reason that they need."""
    return [
        one.cap_code
        for one in visit.caps
        if one.verdict == Verdict.EXCEPTION
        or (one.verdict == Verdict.REASON and one.reason is None)
    ]


def entry_of(visit: JointVisit, tasks: dict[UUID, Task]) -> Entered:
    """Return a planned visit as an entry that caps can be asked of."""
    if visit.planned_on is None:
        raise AssertionError("only a planned visit has a day")
    own = [tasks[row.task_id] for row in visit.tasks]
    origins = frozenset(task.origin for task in own)
    return Entered(
        visit.planned_on,
        origins,
        joint=JOINT_DRAWN in origins,
        level=next((task.level for task in own if task.level), None),
        officers=frozenset(one.officer_id for one in visit.officers),
        specialties=frozenset(task.specialty for task in own),
        object_classes=frozenset(task.object_class for task in own if task.object_class),
    )


def _waits(visit: JointVisit, tasks: dict[UUID, Task]) -> bool:
    return all(tasks[row.task_id].state in UNBEGUN_STATES for row in visit.tasks)


def _kept(row: JointVisitCap, answer: Answer) -> JointVisitCap:
    row.verdict, row.used = str(answer.verdict), len(answer.counted)
    row.most = answer.cap.most
    return row
