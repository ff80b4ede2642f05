"""The terms of cases as rows: made and met by steps, warned of and flagged by the timetable."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import clocks, queries
from app.cases.clocks import Clock, Rule, Turn
from app.cases.facts import Step
from app.cases.guards import Period
from app.cases.models import CaseDeadline, PenaltyCase
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.rules import Calendar, DayKind, Deadline
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db
from app.journal import service as journal
from app.journal.rules import Event


def keep_deadlines(case: PenaltyCase, steps: Sequence[Step]) -> None:
    """Let the rows of a case's terms be what its steps say.

    A term is that of the row in force on the day on which it began. A day that was computed stays,
    whatever calendar is loaded later: it moves only when the clock stood still or was extended. A
    term of which no row is in force that day has no rule and makes none.
    """
    known = {(one.rule_code, one.seq): one for one in queries.deadlines_of(case.id)}
    calendar = catalogue.calendar()
    for clock in clocks.clocks(steps):
        row = known.get((clock.rule, clock.seq)) or _new_row(case, clock)
        if row is not None:
            _keep(row, clock, calendar)


def _new_row(case: PenaltyCase, clock: Clock) -> CaseDeadline | None:
    term = find_term(clock.rule, clock.starts_on)
    if term is None:
        return None
    row = CaseDeadline(
        case_id=case.id,
        agency_id=case.agency_id,
        seq=clock.seq,
        rule_code=clock.rule,
        starts_on=clock.starts_on,
        moved_days=0,
        open_reason="",
        **{name: term.body[name] for name in _TERM},
    )
    db.session.add(row)
    return row


_TERM = ("name", "article", "days", "day_kind", "moves", "of_party", "warn_days")


def find_term(rule: Rule, on: date) -> CatalogueRow | None:
    """Return the row of a term that holds on a day."""
    rows = catalogue.in_force(Kind.CASE_TERM, on)
    return next((row for row in rows if row.code == rule), None)


def _keep(row: CaseDeadline, clock: Clock, calendar: Calendar) -> None:
    stood = row.open_reason == clocks.STANDS
    if row.open_reason == "" or stood != clock.stands or row.moved_days != clock.moved_days:
        row.moved_days = clock.moved_days
        found = _due(row, calendar, stands=clock.stands)
        row.due_on, row.open_reason = found.due_on, found.reason
        row.warned_at = None
    row.met_on, row.ended_on = clock.met_on, clock.ended_on


def _due(row: CaseDeadline, calendar: Calendar, *, stands: bool) -> Deadline:
    return clocks.due_of(
        row.days,
        DayKind(row.day_kind),
        moves=row.moves,
        starts_on=row.starts_on,
        moved_days=row.moved_days,
        stands=stands,
        calendar=calendar,
    )


def period_of(case_id: UUID, rule: Rule, seq: int) -> Period | None:
    """Return a period of the party that a step began, None where no rule gives one."""
    for row in queries.deadlines_of(case_id):
        if (row.rule_code, row.seq) == (rule, seq):
            least = clocks.least_end(row.starts_on, row.days)
            return Period(row.due_on, least, row.article)
    return None


def follow_deadline(deadline_id: UUID, *, by: Actor, at: datetime) -> Turn | None:
    """Do what is due about a term: compute it, warn of it, flag it, end it; None: nothing.

    Twice is harmless: what was done is found done.
    """
    row = db.session.get_one(CaseDeadline, deadline_id, populate_existing=True)
    if row.met_on is not None or row.ended_on is not None:
        return None
    turn = clocks.turn_of(
        row.due_on,
        of_party=row.of_party,
        warn_days=row.warn_days,
        warned=row.warned_at is not None,
        flagged=row.overdue_at is not None,
        today=local_date(at),
    )
    if turn is None or (turn is Turn.COMPUTE and not _compute(row)):
        return None
    if turn is Turn.WARN:
        row.warned_at = at
    elif turn is Turn.FLAG:
        row.overdue_at = at
    elif turn is Turn.END:
        row.ended_on = row.due_on
    _record(row, turn, by=by, at=at)
    return turn


def _compute(row: CaseDeadline) -> bool:
    """Compute a term that waits for a calendar; tell whether it has a day now."""
    if row.open_reason == clocks.STANDS:
        return False
    found = _due(row, catalogue.calendar(), stands=False)
    row.due_on, row.open_reason = found.due_on, found.reason
    return row.due_on is not None


_EVENTS = {
    Turn.COMPUTE: Event.CASE_DEADLINE_COMPUTED,
    Turn.WARN: Event.CASE_DEADLINE_WARNED,
    Turn.FLAG: Event.CASE_DEADLINE_PASSED,
    Turn.END: Event.CASE_DEADLINE_ENDED,
}


def _record(row: CaseDeadline, turn: Turn, *, by: Actor, at: datetime) -> None:
    journal.record(
        _EVENTS[turn],
        db.session.get_one(PenaltyCase, row.case_id),
        by=by,
        at=at,
        data={
            "rule": row.rule_code,
            "begun_by": row.seq,
            "due_on": None if row.due_on is None else row.due_on.isoformat(),
        },
    )
