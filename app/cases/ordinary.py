"""The ordinary procedure 普通程序 of a case: opened by a person, then taken step by step.

Every step is one call: what it says is completed, guards decide, the case follows, its terms are
kept. A step is never changed; what was wrong is answered by a further one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.cases import advancing, crediting, guards, handlers, preparing, queries
from app.cases.deadlines import keep_deadlines
from app.cases.drafts import Draft
from app.cases.facts import Step, read, read_on_site
from app.cases.models import PenaltyCase
from app.cases.opening import keep_step
from app.cases.refusals import StepDayWrong, refuse
from app.cases.rules import AFTER_ON_SITE, STEPS, CaseState, CaseVerb, Procedure
from app.cases.service import CaseStateWrong, get_case
from app.days import local_date
from app.db import db, touch
from app.documents import service as documents
from app.journal import service as journal
from app.journal.rules import Event


@dataclass(frozen=True)
class NewStep:
    """A step that is to be taken: on which day, what it says, by whom, on which paper."""

    on: date
    data: Mapping[str, Any] = field(default_factory=dict)
    officer_ids: tuple[UUID, ...] = ()
    document_id: UUID | None = None


# --- every step --------------------------------------------------------------------------------


def take_step(
    case_id: UUID, verb: CaseVerb, new: NewStep, *, by: Actor, at: datetime
) -> PenaltyCase:
    """Take the next step of a case; `new.data` has the members of the verb's schema.

    Of a case decided on the spot only revocation, review and suit are steps. Flushes: the next
    step in one transaction reads the terms. Raises CaseUnknown, CaseStateWrong, StepDayWrong,
    NotOnCase, DocumentUnknown, the problems of `preparing`, of `remedies` and of `refusals`.
    """
    case = get_case(case_id, by.agency_id)
    simple = case.procedure == Procedure.SIMPLE
    places = AFTER_ON_SITE if simple else STEPS
    if verb not in places:
        raise CaseStateWrong("当场处罚的案件不适用普通程序的步骤。", state=case.state)
    if new.on > local_date(at):
        raise StepDayWrong("办理日期不能晚于今天。")
    handlers.refuse_outsider(case, by)
    if new.document_id is not None:
        documents.get_document(new.document_id, case.agency_id)
    steps = steps_of(case)
    state = CaseState(case.state)
    facts = read_on_site(state, case.decided_on, steps) if simple else read(steps)
    refuse(guards.misplaced(verb, facts, new.on, places), state=case.state)
    draft = Draft(case, facts, steps, verb, new.on, dict(new.data), new.officer_ids, by, at)
    preparing.prepare(draft)
    demands = preparing.demands_of(draft)
    found = guards.obstacles(verb, facts, new.on, draft.data, demands, places)
    refuse(found, state=case.state)
    case.state = places[verb][state]
    if (follow := advancing.EFFECTS.get(verb)) is not None:
        follow(draft)
    step = Step(facts.seq + 1, verb, new.on, draft.data)
    keep_step(case, step, draft.officer_ids, new.document_id, by=by, at=at)
    if not simple:
        keep_deadlines(case, [*steps, step])
    touch(case)
    db.session.flush()
    _record(case, step, by=by, at=at)
    if verb in _CREDITED:
        crediting.follow_case(case, by=by, at=at)
    return case


def steps_of(case: PenaltyCase) -> list[Step]:
    """Return the steps of a case as the rules read them."""
    return [
        Step(one.seq, CaseVerb(one.verb), one.on_day, one.data) for one in queries.steps_of(case.id)
    ]


_CREDITED = frozenset({CaseVerb.DECIDE, CaseVerb.REVOKE, CaseVerb.END_REMEDY})
_EVENTS = {
    CaseVerb.FILE: Event.PENALTY_CASE_FILED,
    CaseVerb.DECIDE: Event.PENALTY_CASE_DECIDED,
    CaseVerb.CLOSE: Event.PENALTY_CASE_CLOSED,
}


def _record(case: PenaltyCase, step: Step, *, by: Actor, at: datetime) -> None:
    data: dict[str, Any] = {
        "verb": str(step.verb),
        "seq": step.seq,
        "on": step.on.isoformat(),
        "state": str(case.state),
    }
    if step.verb is CaseVerb.DECIDE:
        data |= {"cause_code": case.cause_code, "cause_from": case.cause_from.isoformat()}
        data |= {"fine_fen": case.fine_fen, "kinds": [str(one.kind) for one in case.lines]}
        data["same_acts"] = step.data.get("same_acts", [])
    event = _EVENTS.get(step.verb, Event.PENALTY_CASE_ADVANCED)
    journal.record(event, case, by=by, at=at, data=data)
