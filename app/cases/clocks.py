"""Which terms of the law run in a case, and when they end; the terms themselves are dated rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.cases.facts import Step, read
from app.cases.rules import CaseState, CaseVerb
from app.catalogue.rules import Calendar, DayKind, Deadline, Term, due

STANDS = "clock-stopped"


class Rule(StrEnum):
    """The terms of the ordinary procedure; each is a row `case_term` of this code."""

    FILE = "file"
    PRESERVATION = "preservation"
    DECIDE = "decide"
    DEFENCE = "defence"
    HEARING_REQUEST = "hearing-request"
    HEARING_NOTICE = "hearing-notice"
    SERVE = "serve"
    CARD_FIRST = "card-first"
    CARD_SECOND = "card-second"
    CARD_ONLY = "card-only"
    CARD_REMEDY = "card-remedy"


class Report(StrEnum):
    """The reports of a case to the national platform 一案一卡两次报告."""

    FIRST = "first"
    SECOND = "second"
    REMEDY = "remedy"


@dataclass(frozen=True)
class Clock:
    """A term that a step began: met on a day, or without meaning from a day on, or running."""

    rule: Rule
    seq: int
    starts_on: date
    met_on: date | None = None
    ended_on: date | None = None
    moved_days: int = 0
    stands: bool = False


def clocks(steps: Sequence[Step]) -> list[Clock]:
    """Return the terms that the steps of a case began, in their order, each once."""
    found: list[Clock] = []
    for step in steps:
        found += (one for begin in _BEGUN.get(step.verb, ()) for one in begin(step, steps))
    return found


def _after(step: Step, steps: Sequence[Step], *verbs: CaseVerb) -> Step | None:
    """Return the first step of some verbs after a step."""
    return next((one for one in steps if one.seq > step.seq and one.verb in verbs), None)


def _on(step: Step | None) -> date | None:
    return None if step is None else step.on


def _filing(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    met = _after(step, steps, CaseVerb.FILE, CaseVerb.DECLINE)
    ended = _after(step, steps, CaseVerb.TRANSFER) if met is None else None
    yield Clock(Rule.FILE, step.seq, step.on, _on(met), _on(ended))


def _preservation(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    met = (
        one
        for one in steps
        if one.verb is CaseVerb.RESOLVE_PRESERVATION and one.data["item"] == step.seq
    )
    yield Clock(Rule.PRESERVATION, step.seq, step.on, _on(next(met, None)))


def _decision(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    """The term of the decision; it stands while it is stopped, and ends where nothing is decided.

    A case that another organ gave back runs on.
    """
    facts = read(steps)
    met = _after(step, steps, CaseVerb.DECIDE, CaseVerb.NOT_PUNISH)
    gone = facts.state in {CaseState.TRANSFERRED, CaseState.WITHDRAWN}
    ended = _after(step, steps, CaseVerb.TRANSFER, CaseVerb.WITHDRAW)
    if ended is None or met is not None or not (gone or facts.state is CaseState.CLOSED):
        ended = None
    stands = facts.stopped_on is not None and met is None and ended is None
    yield Clock(
        Rule.DECIDE, step.seq, step.on, _on(met), _on(ended), facts.moved_days, stands=stands
    )


def _rights(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    """The party's own periods: whether they are used or not, they end."""
    later = _after(step, steps, CaseVerb.NOTIFY, CaseVerb.REOPEN, *_ENDING)
    waived = _after(step, steps, CaseVerb.WAIVE_DEFENCE)
    yield Clock(Rule.DEFENCE, step.seq, step.on, None, _on(waived) or _on(later))
    if step.data["hearing_right"]:
        asked = _after(step, steps, CaseVerb.REQUEST_HEARING)
        renounced = waived if waived is not None and waived.data["hearing"] else None
        ended = _on(renounced) or _on(later)
        yield Clock(Rule.HEARING_REQUEST, step.seq, step.on, _on(asked), None if asked else ended)


_ENDING = (CaseVerb.DECIDE, CaseVerb.NOT_PUNISH, CaseVerb.TRANSFER, CaseVerb.WITHDRAW)


def _service(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    revoked = _after(step, steps, CaseVerb.REVOKE)
    met = _after(step, steps, CaseVerb.SERVE)
    yield Clock(Rule.SERVE, step.seq, step.on, _on(met), _on(revoked) if met is None else None)


def _first_card(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    if any(one.verb is CaseVerb.DECIDE for one in steps):
        yield _card(Rule.CARD_FIRST, Report.FIRST, step, steps)


def _last_card(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    """The report of a closed case; one that was not punished has no other."""
    punished = any(one.verb is CaseVerb.DECIDE for one in steps)
    yield _card(Rule.CARD_SECOND if punished else Rule.CARD_ONLY, Report.SECOND, step, steps)


def _remedy_card(step: Step, steps: Sequence[Step]) -> Iterator[Clock]:
    yield _card(Rule.CARD_REMEDY, Report.REMEDY, step, steps)


def _card(rule: Rule, report: Report, step: Step, steps: Sequence[Step]) -> Clock:
    sent = (
        one
        for one in steps
        if one.seq > step.seq and one.verb is CaseVerb.REPORT and one.data["which"] == report
    )
    return Clock(rule, step.seq, step.on, _on(next(sent, None)))


_BEGUN = {
    CaseVerb.OPEN: (_filing,),
    CaseVerb.FILE: (_decision,),
    CaseVerb.PRESERVE: (_preservation,),
    CaseVerb.NOTIFY: (_rights,),
    CaseVerb.DECIDE: (_service,),
    CaseVerb.NOT_PUNISH: (_service,),
    CaseVerb.SERVE: (_first_card,),
    CaseVerb.CLOSE: (_last_card,),
    CaseVerb.END_REMEDY: (_remedy_card,),
}


# --- when they end -----------------------------------------------------------------------------


def due_of(
    days: int,
    kind: DayKind,
    *,
    moves: bool,
    starts_on: date,
    moved_days: int,
    stands: bool,
    calendar: Calendar,
) -> Deadline:
    """Return when a term ends; day 1 is the day after (行政处罚法 第八十五条: 二、三、五、七日 are
    working days, others natural ones).

    `moved_days` are days by which it was extended or stood still; while it stands there is no day.
    """
    if stands:
        return Deadline(None, STANDS)
    return due(Term(days + moved_days, kind, moved=moves), starts_on, calendar)


def least_end(starts_on: date, days: int) -> date:
    """Return the day before which a term is surely not over, whatever the calendar says."""
    return starts_on + timedelta(days=days)


def hearing_from(days: int, called_on: date, calendar: Calendar, *, clear: bool) -> date | None:
    """Return the first day on which a hearing may be held that is told on a day.

    `clear`: the day of the hearing itself is not one of the days. None without calendar.
    """
    last = due(Term(days, DayKind.WORKING), called_on, calendar).due_on
    if last is None or not clear:
        return last
    return last + timedelta(days=1)


class Turn(StrEnum):
    """What is to be done about a term on a day."""

    COMPUTE = "compute"
    WARN = "warn"
    FLAG = "flag"
    END = "end"


def turn_of(
    due_on: date | None,
    *,
    of_party: bool,
    warn_days: int,
    warned: bool,
    flagged: bool,
    today: date,
) -> Turn | None:
    """Return what the timetable does about a running term; a party's own period is never late."""
    if due_on is None:
        return Turn.COMPUTE
    if due_on < today:
        late = None if flagged else Turn.FLAG
        return Turn.END if of_party else late
    if not of_party and not warned and today >= due_on - timedelta(days=warn_days):
        return Turn.WARN
    return None
