"""Publication 公示: planned from what is decided, shown, ended and withdrawn, each once.

It pulls: cases and visits know nothing of it. The timetable calls `follow_decision`,
`plan_result` and `follow_publication`; twice is harmless.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.cases import crediting
from app.cases.models import PenaltyCase
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind, Deadline, Term, due
from app.catalogue.service import Kind
from app.credit import queries as credit_queries
from app.credit import service as credit
from app.credit.models import CreditEntry
from app.credit.rules import EntryKind
from app.credit.terms import add_months
from app.days import local_date
from app.db import db
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.publication import queries, rules, sources
from app.publication.models import Publication
from app.publication.rules import Channel, Facts, PublicationState, Subject, SubjectType, TermKind
from app.visits.models import Visit

PORTAL = "portal"
CHANGED = {
    SubjectType.DECISION: "处罚决定已被变更、撤销或者确认违法",
    SubjectType.RESULT: "检查任务已重新办理，原检查结果不再有效",
}


class PublicationUnknown(NotFound):
    code, title = "publication-unknown", "未找到公示信息"


class PublicationStateWrong(Conflict):
    code, title = "publication-state-wrong", "公示状态不允许此操作"


@dataclass(frozen=True)
class _Span:
    """From when until when a channel shows a subject, by which rules.

    `event_on` is the day from which the channel's own days count, where that is another one.
    """

    start_on: date
    min_end: date | None = None
    max_end: date | None = None
    rule_set: str | None = None
    event_on: date | None = None


def channels_on(on: date) -> list[Channel]:
    """Return the channels in force on a day."""
    rows = catalogue.in_force(Kind.PUBLICATION_CHANNEL, on)
    return [rules.channel_of(row.code, row.body) for row in rows]


def get_publication(publication_id: UUID, agency_id: UUID | None) -> Publication:
    """Return a publication of the agency. Raises PublicationUnknown, also for another agency's."""
    found = db.session.get(Publication, publication_id)
    if found is None or found.agency_id != agency_id:
        raise PublicationUnknown("没有这条公示信息，或它不属于本机构。")
    return found


# --- what the timetable does -------------------------------------------------------------------


def follow_decision(case_id: UUID, *, by: Actor, at: datetime) -> list[Publication]:
    """Let the credit record and every channel follow a case: planned once, withdrawn if revoked.

    Raises what keeps the credit record from following (CreditTierUnknown).
    """
    case = db.session.get_one(PenaltyCase, case_id, populate_existing=True)
    crediting.follow_case(case, by=by, at=at)
    if crediting.gone_on(case) is not None:
        return [
            one
            for one in queries.of_subject(case.id)
            if follow_publication(one.id, by=by, at=at) is not None
        ]
    subject = sources.decision_of(case)
    if subject is None or not crediting.is_punished(case):
        return []
    return _plan(subject, case.agency_id, by=by, at=at)


def plan_result(visit_id: UUID, *, by: Actor, at: datetime) -> list[Publication]:
    """Plan the publication of a completed task's result on the channels that show it, once."""
    visit = db.session.get_one(Visit, visit_id)
    task = sources.task_of(visit_id)
    if task is None:
        return []
    subject = sources.result_of(visit, task, sources.outcomes(local_date(at)))
    return [] if subject is None else _plan(subject, visit.agency_id, by=by, at=at)


def _plan(subject: Subject, agency_id: UUID, *, by: Actor, at: datetime) -> list[Publication]:
    agency = people.get_agency(agency_id)
    made = []
    for channel in channels_on(local_date(at)):
        if not rules.takes(channel, subject):
            continue
        if queries.find_publication(channel.code, subject.type, subject.id) is not None:
            continue
        span = _span(channel, subject, agency_id, local_date(at))
        if span is None:
            continue
        event_on = span.event_on or subject.event_on
        deadline = _working_days(channel.days[subject.type], event_on)
        row = Publication(
            agency_id=agency_id,
            district=agency.district,
            unit_id=subject.unit_id,
            channel=channel.code,
            subject_type=subject.type,
            subject_id=subject.id,
            number=subject.number,
            event_on=event_on,
            due_on=deadline.due_on,
            due_reason=deadline.reason,
            start_on=span.start_on,
            min_end=span.min_end,
            max_end=span.max_end,
            rule_set=span.rule_set,
            state=PublicationState.DUE,
            content=dict(subject.content),
            planned_at=at,
            planned_by_kind=str(by.kind),
            planned_by_id=by.id,
        )
        db.session.add(row)
        db.session.flush()  # the journal names its id; of two at once one finds the other's
        _journal(Event.PUBLICATION_PLANNED, row, by=by, at=at)
        made.append(row)
    return made


def _span(channel: Channel, subject: Subject, agency_id: UUID, today: date) -> _Span | None:
    """Return how long a channel shows a subject, None where it never does.

    The credit site asks the credit rules: nothing of the simple procedure, no pure warnings. What
    it shows by exception is known from the day on which that was confirmed.
    """
    if channel.term is TermKind.OPEN or channel.months is None:
        if channel.term is not TermKind.CREDIT:
            return _Span(subject.event_on)
    else:
        return _Span(subject.event_on, None, add_months(subject.event_on, channel.months))
    entry = _entry_of(subject.type, subject.id, agency_id)
    shown = None if entry is None else credit.publicity_of_entry(entry, today)
    if entry is None or shown is None:
        return None
    return _Span(shown.start_on, shown.min_end, shown.max_end, shown.rule_set, _excepted_on(entry))


def _excepted_on(entry: CreditEntry) -> date | None:
    found = credit.exception_of(entry)
    return None if found is None or found.decided_at is None else local_date(found.decided_at)


def _entry_of(subject_type: str, subject_id: UUID, agency_id: UUID) -> CreditEntry | None:
    if subject_type != SubjectType.DECISION:
        return None
    return credit_queries.find_entry(agency_id, EntryKind.PENALTY, f"case/{subject_id}")


def _working_days(days: int, event_on: date) -> Deadline:
    return due(Term(days, DayKind.WORKING), event_on, catalogue.calendar())


def follow_publication(publication_id: UUID, *, by: Actor, at: datetime) -> str | None:
    """Take the step of a publication that is due; return its state then, None without a step.

    What could not be computed for want of a calendar is computed once it is there.
    """
    row = db.session.get_one(Publication, publication_id, populate_existing=True)
    on = local_date(at)
    channel = {one.code: one for one in channels_on(on)}.get(row.channel)
    if channel is None:
        return None
    facts = _facts(row)
    state = rules.next_state(
        PublicationState(row.state), facts, on, repair_ends=channel.repair_ends
    )
    if state is None:
        return _compute_due(row, channel, by=by, at=at)
    if state is PublicationState.PUBLIC:
        return _publish(row, by=by, at=at)
    reason = None
    if state is PublicationState.WITHDRAWN and facts.revoked_on is not None:
        reason = CHANGED[SubjectType(row.subject_type)]
        row.withdraw_due_on = _working_days(channel.withdraw_days, facts.revoked_on).due_on
    return _end(row, state, reason, by=by, at=at)


def _facts(row: Publication) -> Facts:
    if row.subject_type == SubjectType.RESULT:
        redone_at = queries.redone_at(row.subject_id)
        return Facts(
            revoked_on=None if redone_at is None else local_date(redone_at), max_end=row.max_end
        )
    entry = _entry_of(row.subject_type, row.subject_id, row.agency_id)
    if entry is None:
        return Facts(max_end=row.max_end)
    reversal = credit_queries.find_about(entry.id, EntryKind.REVERSAL)
    repair = credit_queries.find_about(entry.id, EntryKind.REPAIR)
    return Facts(
        revoked_on=None if reversal is None else reversal.decided_on,
        repaired_on=None if repair is None else repair.decided_on,
        max_end=row.max_end,
    )


def _publish(row: Publication, *, by: Actor, at: datetime) -> str:
    row.state = PublicationState.PUBLIC
    row.published_at, row.published_by_kind, row.published_by_id = at, str(by.kind), by.id
    _journal(Event.PUBLICATION_PUBLISHED, row, by=by, at=at)
    return row.state


def _end(
    row: Publication, state: PublicationState, reason: str | None, *, by: Actor, at: datetime
) -> str:
    row.state = state
    if state is PublicationState.WITHDRAWN:
        row.content, row.withdrawn_reason = None, reason
    row.ended_at, row.ended_by_kind, row.ended_by_id = at, str(by.kind), by.id
    _journal(Event.PUBLICATION_ENDED, row, by=by, at=at)
    return row.state


def _compute_due(row: Publication, channel: Channel, *, by: Actor, at: datetime) -> str | None:
    days = channel.days.get(row.subject_type)
    if row.due_on is not None or days is None:
        return None
    deadline = _working_days(days, row.event_on)
    if deadline.due_on is None:
        return None
    row.due_on, row.due_reason = deadline.due_on, None
    _journal(Event.PUBLICATION_PLANNED, row, by=by, at=at)
    return "due-computed"


# --- what is counted ---------------------------------------------------------------------------


def figures_of(
    agency_id: UUID | None, from_on: date, until_on: date, *, today: date
) -> list[dict[str, Any]]:
    """Return for each channel and kind of subject how many of a period were published, and late.

    The denominator is what the channel has to show; what was withdrawn before is not in it.
    """
    found = db.session.scalars(
        queries.publications_in(agency_id, from_on=from_on, until_on=until_on)
    ).all()
    groups: dict[tuple[str, str], list[Publication]] = {}
    for one in found:
        if one.published_at is not None or one.state == PublicationState.DUE:
            groups.setdefault((one.channel, one.subject_type), []).append(one)
    return [
        {
            "channel": channel,
            "subject_type": subject_type,
            "published": rules.Rate(
                sum(one.published_at is not None for one in rows),
                len(rows),
                [one.id for one in rows if one.published_at is None],
            ),
            "late": [one.id for one in rows if _came_late(one, today)],
        }
        for (channel, subject_type), rows in sorted(groups.items())
    ]


def _came_late(row: Publication, today: date) -> bool:
    published = None if row.published_at is None else local_date(row.published_at)
    return rules.is_late(row.due_on, published, today)


# --- what a clerk does -------------------------------------------------------------------------


def withdraw(row: Publication, reason: str, *, by: Actor, at: datetime) -> Publication:
    """Take something off a channel by hand, with the reason; nothing of its content stays.

    Raises PublicationStateWrong where it is withdrawn already.
    """
    if row.state == PublicationState.WITHDRAWN:
        raise PublicationStateWrong("这条公示信息已经撤回。", state=row.state)
    _end(row, PublicationState.WITHDRAWN, reason, by=by, at=at)
    return row


def _journal(event: Event, row: Publication, *, by: Actor, at: datetime) -> None:
    data = {
        "channel": row.channel,
        "subject_type": row.subject_type,
        "subject_id": str(row.subject_id),
        "state": str(row.state),
        "due_on": None if row.due_on is None else row.due_on.isoformat(),
    }
    journal.record(event, row, by=by, at=at, data=data)
