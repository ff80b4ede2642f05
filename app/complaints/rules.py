"""What may happen to a complaint or report 投诉举报, and by when each of its steps is due.

Terms and the words of replies are dated rows of the catalogue; here is only how they are read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from app.catalogue.rules import Calendar, DayKind, Deadline, Term, due


class ComplaintKind(StrEnum):
    """A complaint 投诉 is about one's own matter, a report 举报 about somebody's violation."""

    COMPLAINT = "complaint"
    REPORT = "report"


class Channel(StrEnum):
    """Where it came in; `hotline` is 12345, `transferred` another organ's hand."""

    HOTLINE = "hotline"
    PHONE = "phone"
    LETTER = "letter"
    VISIT = "visit"
    ONLINE = "online"
    TRANSFERRED = "transferred"
    OTHER = "other"


class ComplaintState(StrEnum):
    """How far a complaint is. `concluded`: it is known what is true of it; then it is answered."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    CONCLUDED = "concluded"
    REPLIED = "replied"
    REFUSED = "refused"
    TRANSFERRED = "transferred"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


STATE_NAMES = {
    ComplaintState.RECEIVED: "待受理",
    ComplaintState.ACCEPTED: "已受理",
    ComplaintState.ASSIGNED: "核查中",
    ComplaintState.CONCLUDED: "已核查 · 待答复",
    ComplaintState.REPLIED: "已答复",
    ComplaintState.REFUSED: "不予受理",
    ComplaintState.TRANSFERRED: "已移送",
    ComplaintState.WITHDRAWN: "已撤回",
    ComplaintState.MERGED: "已并案",
}


class ComplaintResult(StrEnum):
    """What the check came to: 属实, 部分属实, 不属实, 无法查实."""

    SUBSTANTIATED = "substantiated"
    PARTLY = "partly"
    UNSUBSTANTIATED = "unsubstantiated"
    UNVERIFIABLE = "unverifiable"


RESULT_NAMES = {
    ComplaintResult.SUBSTANTIATED: "属实",
    ComplaintResult.PARTLY: "部分属实",
    ComplaintResult.UNSUBSTANTIATED: "不属实",
    ComplaintResult.UNVERIFIABLE: "无法查实",
}


class ComplaintVerb(StrEnum):
    """Everything that can be done to a complaint."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    TRANSFER = "transfer"
    ASSIGN = "assign"
    CONCLUDE = "conclude"
    REPLY = "reply"
    WITHDRAW = "withdraw"
    MERGE = "merge"


VERB_NAMES = {
    ComplaintVerb.ACCEPT: "受理",
    ComplaintVerb.REFUSE: "不予受理",
    ComplaintVerb.TRANSFER: "移送",
    ComplaintVerb.ASSIGN: "交办",
    ComplaintVerb.CONCLUDE: "登记核查结果",
    ComplaintVerb.REPLY: "答复",
    ComplaintVerb.WITHDRAW: "登记撤回",
    ComplaintVerb.MERGE: "并案",
}

_S = ComplaintState
_BEFORE_RESULT = (_S.RECEIVED, _S.ACCEPTED, _S.ASSIGNED)
TRANSITIONS: Mapping[ComplaintVerb, Mapping[ComplaintState, ComplaintState]] = {
    ComplaintVerb.ACCEPT: {_S.RECEIVED: _S.ACCEPTED},
    ComplaintVerb.REFUSE: {_S.RECEIVED: _S.REFUSED},
    ComplaintVerb.TRANSFER: dict.fromkeys((_S.RECEIVED, _S.ACCEPTED), _S.TRANSFERRED),
    ComplaintVerb.ASSIGN: {_S.ACCEPTED: _S.ASSIGNED},
    ComplaintVerb.CONCLUDE: dict.fromkeys((_S.ACCEPTED, _S.ASSIGNED), _S.CONCLUDED),
    ComplaintVerb.REPLY: {_S.CONCLUDED: _S.REPLIED},
    ComplaintVerb.WITHDRAW: dict.fromkeys(_BEFORE_RESULT, _S.WITHDRAWN),
    ComplaintVerb.MERGE: dict.fromkeys((_S.RECEIVED, _S.ACCEPTED), _S.MERGED),
}
OPEN_STATES = frozenset({*_BEFORE_RESULT, _S.CONCLUDED})


def following(verb: ComplaintVerb, state: ComplaintState) -> ComplaintState | None:
    """Return the state that a verb leads to, or None when it is not possible in `state`."""
    return TRANSITIONS[verb].get(state)


# --- steps -------------------------------------------------------------------------------------


class Step(StrEnum):
    """The steps that have a term: 受理, 交办, 答复."""

    ACCEPTANCE = "acceptance"
    ASSIGNMENT = "assignment"
    REPLY = "reply"


class Begins(StrEnum):
    """What a term is counted from."""

    RECEIVED = "received"
    ACCEPTED = "accepted"


STEPS_DONE: Mapping[ComplaintVerb, frozenset[Step]] = {
    ComplaintVerb.ACCEPT: frozenset({Step.ACCEPTANCE}),
    ComplaintVerb.REFUSE: frozenset(Step),  # the refusal is the answer
    ComplaintVerb.TRANSFER: frozenset(Step),
    ComplaintVerb.ASSIGN: frozenset({Step.ASSIGNMENT}),
    ComplaintVerb.CONCLUDE: frozenset({Step.ASSIGNMENT}),
    ComplaintVerb.REPLY: frozenset(Step),
    ComplaintVerb.WITHDRAW: frozenset(Step),
    ComplaintVerb.MERGE: frozenset({Step.ACCEPTANCE, Step.ASSIGNMENT}),
}


@dataclass(frozen=True)
class StepRule:
    """A term as the catalogue has it, and how many days before its end somebody is warned."""

    step: Step
    days: int
    kind: DayKind
    begins: Begins
    warn_days: int


def read_step(code: str, body: Mapping[str, Any]) -> StepRule:
    """Return the rule in a catalogue row; what agencies write there was checked."""
    return StepRule(
        step=Step(code),
        days=int(body["days"]),
        kind=DayKind(body["day_kind"]),
        begins=Begins(body["from"]),
        warn_days=int(body["warn_days"]),
    )


def step_due(rule: StepRule, begins_on: date, calendar: Calendar, *, moved: bool) -> Deadline:
    """Return the last day of a step, or why it cannot be said yet."""
    return due(Term(rule.days, rule.kind, moved), begins_on, calendar)


def is_near(due_on: date | None, warn_days: int, today: date) -> bool:
    """Tell whether somebody is to be warned: the last day is near, today, or past."""
    return due_on is not None and today >= due_on - timedelta(days=warn_days)


def is_late(due_on: date | None, today: date) -> bool:
    """Tell whether the last day is past."""
    return due_on is not None and due_on < today


# --- replies -----------------------------------------------------------------------------------

_PLACE = re.compile(r"\{([a-z_]+)\}")


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """Return the words of a reply with its places filled; an unknown place stays as it is.

    Values are put in as they are: what looks like a place in them is not filled again.
    """
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)
