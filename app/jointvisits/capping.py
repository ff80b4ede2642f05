"""Caps asked for planned visits: each that an entry reaches is kept with it, none is silent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from uuid import UUID

from app.caps import queries as cap_queries
from app.caps import rules as cap_rules
from app.caps import service as caps
from app.caps.rules import Answer, Cap, Entered, Verdict
from app.jointvisits import queries, team_queries
from app.jointvisits.limits import Intended, beyond
from app.jointvisits.models import JointPlan, JointVisit, JointVisitCap
from app.jointvisits.rules import VisitState
from app.tasks.models import Task
from app.tasks.rules import BEGUN_STATES, JOINT_DRAWN, UNBEGUN_STATES, TaskState


@dataclass(frozen=True)
class Planned:
    """A visit on its day, as far as caps ask; it need not be stored."""

    key: UUID
    unit_id: UUID
    on: date
    task_ids: frozenset[UUID]
    officers: frozenset[UUID]


def waits(states: Collection[str]) -> bool:
    """Tell whether a visit with tasks in these states is still to come; closed do not count."""
    return bool(UNBEGUN_STATES.intersection(states)) and not BEGUN_STATES.intersection(states)


def planned_of(visit: JointVisit) -> Planned | None:
    """Return a stored visit for which caps can be asked; None where it has no day."""
    if visit.state != VisitState.PLANNED or visit.planned_on is None:
        return None
    return Planned(
        visit.id,
        visit.unit_id,
        visit.planned_on,
        frozenset(row.task_id for row in visit.tasks),
        frozenset(one.officer_id for one in visit.officers),
    )


def ask_caps(plan: JointPlan | None, planned: Collection[Planned]) -> dict[UUID, list[Answer]]:
    """Return, by visit, the caps that it reaches; what was begun is not asked for again.

    Counted are what took place, what other published plans bring, and those of `planned` before it.
    """
    tasks = queries.tasks_by_id({key for one in planned for key in one.task_ids})
    joint = team_queries.with_partners({one.key for one in planned})
    siblings = cap_queries.siblings_of({one.unit_id for one in planned})
    intended = [
        Intended(
            one.key,
            one.unit_id,
            entry_of(one, tasks, joint=one.key in joint),
            frozenset(siblings.get(one.unit_id, ())),
        )
        for one in planned
        if waits({tasks[key].state for key in one.task_ids})
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
    ledger = caps.ledgers_of(units, first, last)
    but_plan_id = None if plan is None else plan.id
    beside: dict[UUID, set[UUID]] = {}  # who counts an entry into a unit
    for one in units:
        for other in {one, *siblings.get(one, ())}:
            beside.setdefault(other, set()).add(one)
    others = queries.planned_elsewhere(beside, but_plan_id=but_plan_id, first=first, last=last)
    elsewhere = [one for one in map(planned_of, others) if one is not None]
    joint = team_queries.with_partners({one.key for one in elsewhere})
    for other in elsewhere:
        theirs = queries.tasks_by_id(other.task_ids)
        entry = entry_of(other, theirs, joint=other.key in joint)
        for unit_id in beside.get(other.unit_id, ()):
            ledger[unit_id].append(replace(entry, elsewhere=unit_id != other.unit_id))
    exceptions = cap_queries.approved_between(units, first, last)

    def excepted(unit_id: UUID, cap_code: str, on: date) -> bool:
        return any(
            (one.unit_id, one.cap_code) == (unit_id, cap_code) and one.from_on <= on <= one.until_on
            for one in exceptions
        )

    return beyond(intended, ledger, caps_on=caps_on, excepted=excepted)


def keep_caps(plan: JointPlan, visits: Sequence[JointVisit]) -> None:
    """Ask caps for visits and keep the answers with them; a reason that was given stays."""
    planned = [one for one in map(planned_of, visits) if one is not None]
    answers = ask_caps(plan, planned)
    tasks = queries.tasks_by_id({key for one in planned for key in one.task_ids})
    over = {one.key for one in planned if not waits({tasks[key].state for key in one.task_ids})}
    for visit in visits:
        if visit.id in over:
            continue  # what it reached when it was begun stays with it
        known = {one.cap_code: one for one in visit.caps}
        wanted = answers.get(visit.id, [])
        visit.caps = [
            _kept(known.get(answer.cap.code) or JointVisitCap(cap_code=answer.cap.code), answer)
            for answer in wanted
        ]


def open_exceptions(visit: JointVisit) -> list[str]:
    """Return the caps that a visit is beyond, without the exception or reason that they need."""
    return [
        one.cap_code for one in visit.caps if needs(one.verdict, reasoned=one.reason is not None)
    ]


def needs(verdict: str, *, reasoned: bool) -> bool:
    """Tell whether an answer still waits for an exception, or for a reason that nobody gave."""
    return verdict == Verdict.EXCEPTION or (verdict == Verdict.REASON and not reasoned)


def entry_of(planned: Planned, tasks: Mapping[UUID, Task], *, joint: bool) -> Entered:
    """Return a planned visit as an entry that caps can be asked of; `joint`: with partners."""
    whole = [tasks[key] for key in sorted(planned.task_ids)]
    own = [task for task in whole if task.state != TaskState.CLOSED]
    origins = frozenset(task.origin for task in own)
    return Entered(
        planned.on,
        origins,
        joint=joint or JOINT_DRAWN in origins,
        level=next((task.level for task in own if task.level), None),
        officers=planned.officers,
        specialties=frozenset(task.specialty for task in own),
        object_classes=frozenset(task.object_class for task in own if task.object_class),
    )


def _kept(row: JointVisitCap, answer: Answer) -> JointVisitCap:
    row.verdict, row.used = str(answer.verdict), len(answer.counted)
    row.most = answer.cap.most
    return row
