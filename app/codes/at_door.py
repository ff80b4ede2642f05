"""The start of a visit with its code: judged, marked, and never refused for it.

A code that a tablet made up for a triggered visit without a network gets its record afterwards, so
that the unit can look at it and rate.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.access import Actor
from app.caps import service as caps
from app.codes import frequency, judging, queries, rules
from app.codes.judging import Entry, Issued, Use
from app.codes.models import VisitCode, VisitCodeOfficer, VisitCodeTask
from app.codes.rules import Claim, CodeKind, CodeState, Scanned, Verify
from app.days import day_begins, local_date
from app.db import db, touch
from app.journal import service as journal
from app.journal.rules import Event
from app.visits import door
from app.visits import service as visits
from app.visits.door import Arrival
from app.visits.marks import Mark, Shown
from app.visits.models import Visit, VisitArrival
from app.visits.rules import effective_at, triggered_visit_id

NO_REASON = "未写明原因"


@dataclass(frozen=True)
class Said:
    """What a tablet says of the codes at a start: how shown, the visit's text, the unit's."""

    shown: Shown
    text: str | None = None
    unit_text: str | None = None


@dataclass(frozen=True)
class Author:
    """Whose start it is, from which tablet, by its clock; `admitted` as in `visits`.

    `confirmed_by`: who gave a PIN on it, as the operation says.
    """

    officer_id: UUID
    device_id: UUID | None
    recorded_at: datetime
    admitted: bool = False
    confirmed_by: UUID | None = None


def verifier(key: Ed25519PublicKey) -> Verify:
    """Return the check of signatures by the server's public key, as tablets have it."""

    def verify(signature: bytes, body: bytes) -> bool:
        try:
            key.verify(signature, body)
        except InvalidSignature:
            return False
        return True

    return verify


@dataclass(frozen=True)
class _Judged:
    """The code of a start that this server knows, what is wrong, and whether it needs a record."""

    code: VisitCode | None
    marks: frozenset[Mark]
    record: bool = False


def start_visit(
    visit_id: UUID,
    start: visits.Start,
    said: Said,
    author: Author,
    *,
    verify: Verify,
    by: Actor,
    at: datetime,
) -> visits.Started:
    """Begin a visit and mark what is not in order with its code; nothing is refused for a code.

    One code on two tablets at visits that it is not for marks all of them. A triggered start that
    had no code that holds gets its record here, one for the whole entry. A visit
    beyond a cap is marked. What an earlier build does not say is not judged. Raises what
    `visits.start_visit` raises.
    """
    effective = effective_at(author.recorded_at, at, suspect=start.clock_suspect)
    entry = Entry(visit_id, start.unit_id, author.officer_id, effective)
    record_id = _record_id(start, author)
    judged = _judge(start, said, entry, record_id, verify=verify, by=by)
    if said.shown is not Shown.NOT_SAID:
        known = None if judged.code is None else judged.code.id
        arrival = replace(
            start.arrival or Arrival(said.shown),
            code_shown=said.shown,
            code_id=record_id if judged.record else known,
            reason=start.reason,
        )
        start = replace(start, arrival=arrival, marks=start.marks | judged.marks)
        start = _with_companion(start, author, by.agency_id)
    started = visits.start_visit(
        visit_id,
        start,
        officer_id=author.officer_id,
        device_id=author.device_id,
        recorded_at=author.recorded_at,
        admitted=author.admitted,
        by=by,
        at=at,
    )
    if said.shown is not Shown.NOT_SAID:
        _mark_beyond(started.visit, start, author, entry, judged.code, by=by, at=at)
    if judged.record:
        _record(started.visit, start, entry, record_id, judged.code, by=by, at=at)
    elif judged.code is not None:
        _mark_shared(judged.code, by=by, at=at)
    return started


def _mark_beyond(
    visit: Visit,
    start: visits.Start,
    author: Author,
    entry: Entry,
    code: VisitCode | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    said = None if start.arrival is None else start.arrival.cap_reason
    came = {start.companion_id} - {None} | set(start.officer_ids)
    frequency.mark_beyond(
        visit,
        entry,
        [one for one in came if one is not None],
        said or start.reason or (None if code is None else code.reason),
        device_id=author.device_id,
        by=by,
        at=at,
    )


def _with_companion(start: visits.Start, author: Author, agency_id: UUID | None) -> visits.Start:
    """Return a start with the colleague who confirmed by PIN; a stranger is only marked."""
    other = author.confirmed_by
    if other is None or other == author.officer_id or agency_id is None:
        return start
    if queries.officers_among({other}, agency_id):
        return replace(start, companion_id=other)
    return replace(start, marks=start.marks | {Mark.PRESENCE_UNPROVEN})


# --- judging ---


def _record_id(start: visits.Start, author: Author) -> UUID:
    """Return the id of the code that a triggered start asks for: the same on the pair's tablets."""
    if start.code_request_id is not None:
        return start.code_request_id
    officers = start.officer_ids or (author.officer_id,)
    day = local_date(author.recorded_at)
    return uuid5(triggered_visit_id(start.unit_id, day, officers, None), "code")


def _judge(
    start: visits.Start, said: Said, entry: Entry, record_id: UUID, *, verify: Verify, by: Actor
) -> _Judged:
    if said.shown is Shown.NOT_SAID:
        return _Judged(None, frozenset())
    found: set[Mark] = set()
    code: VisitCode | None = None
    if said.unit_text is not None:
        found |= judging.judge_unit_code(said.unit_text, verify, entry.unit_id)
    if said.text is not None:
        code, wrong = _judge_text(said.text, entry, verify=verify, by=by)
        found |= wrong
    if said.shown is Shown.TRIGGERED or (start.task_id is None and said.text is None):
        return _judge_request(start, found, entry, record_id, by=by)
    if said.text is None and start.code_mark is None:
        found.add(Mark.CODE_MISSING)
    return _Judged(code, frozenset(found))


def _judge_text(
    text: str, entry: Entry, *, verify: Verify, by: Actor
) -> tuple[VisitCode | None, set[Mark]]:
    claim = judging.open_text(text, verify, Scanned.VISIT)
    if claim is None:
        return None, {Mark.CODE_FORGED}
    code = queries.lock_code(claim.code_id, by.agency_id)
    return code, judging.judge(claim, None if code is None else issued(code), entry)


def _judge_request(
    start: visits.Start, found: set[Mark], entry: Entry, record_id: UUID, *, by: Actor
) -> _Judged:
    """Judge a start that goes in for a reason: the code it asked for is there, or made afterwards.

    An id that was another's before is not taken from it.
    """
    if queries.is_foreign(record_id, by.agency_id):
        return _Judged(None, frozenset(found | {Mark.CODE_UNKNOWN}))
    code = queries.lock_code(record_id, by.agency_id)
    if code is not None and (code.unit_id != start.unit_id or not code.afterwards):
        claim = Claim(Scanned.VISIT, code.id, code.unit_id, code.valid_from, code.valid_until)
        return _Judged(code, frozenset(found | judging.judge(claim, issued(code), entry)))
    found.add(Mark.CODE_AFTERWARDS)
    if start.task_id is not None and not found & judging.STOPS and start.code_mark is None:
        found.add(Mark.CODE_MISSING)
    return _Judged(code, frozenset(found), record=True)


def issued(code: VisitCode) -> Issued:
    """Return what is known of a code, as it is judged."""
    return Issued(
        unit_id=code.unit_id,
        visit_ids=frozenset(one.visit_id for one in code.tasks),
        officer_ids=frozenset(one.officer_id for one in code.officers),
        valid_from=code.valid_from,
        valid_until=code.valid_until,
        revoked=code.state == CodeState.REVOKED,
        revoked_at=code.revoked_at,
    )


# --- afterwards ---


def _record(
    visit: Visit,
    start: visits.Start,
    entry: Entry,
    record_id: UUID,
    code: VisitCode | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Make the code of a triggered start, or add to it what the same entry was for as well."""
    event = Event.VISIT_CODE_EXTENDED
    if code is None:
        event = Event.VISIT_CODE_ISSUED
        code = _new_record(visit, start, entry, record_id, by=by, at=at)
    added = 0
    if visit.task_id is not None and visit.id not in {one.visit_id for one in code.tasks}:
        code.tasks.append(VisitCodeTask(task_id=visit.task_id, visit_id=visit.id))
        added += 1
    known = {one.officer_id for one in code.officers}
    wanted = {*start.officer_ids, entry.officer_id} - known
    for officer_id in sorted(queries.officers_among(wanted, visit.agency_id)):
        code.officers.append(VisitCodeOfficer(officer_id=officer_id))
        added += 1
    if added and event is Event.VISIT_CODE_EXTENDED:
        touch(code)
    if added:
        data = {"unit_id": str(code.unit_id), "afterwards": True, "visit_id": str(visit.id)}
        journal.record(event, code, by=by, at=at, data=data)
    db.session.flush()  # the next start of the same entry finds it


def _new_record(
    visit: Visit,
    start: visits.Start,
    entry: Entry,
    record_id: UUID,
    *,
    by: Actor,
    at: datetime,
) -> VisitCode:
    begins = entry.at.replace(microsecond=0)
    code = VisitCode(
        id=record_id,
        agency_id=visit.agency_id,
        district=visit.district,
        unit_id=visit.unit_id,
        short=rules.short_of(secrets.token_bytes(8)),
        kind=CodeKind.TRIGGERED,
        state=CodeState.ISSUED,
        reason=start.reason or NO_REASON,
        valid_from=begins,
        valid_until=day_begins(local_date(begins) + timedelta(days=1)),
        beyond_caps=_beyond_caps(visit, entry),
        afterwards=True,
        tasks=[],
        officers=[],
        requested_at=at,
        requested_by_kind=by.kind,
        requested_by_id=by.id,
    )
    db.session.add(code)
    return code


def _beyond_caps(visit: Visit, entry: Entry) -> list[str]:
    """Name the caps that the entry is beyond, as far as is known when it comes in."""
    intended = caps.Intended(local_date(entry.at), officers=frozenset({entry.officer_id}))
    ledger = caps.ask(
        visit.unit_id, intended, agency_id=visit.agency_id, without=frozenset({visit.id})
    )
    return [one.cap.code for one in ledger.answers if one.verdict in caps.BEYOND]


# --- one code, two tablets ---


def _mark_shared(code: VisitCode, *, by: Actor, at: datetime) -> None:
    """Mark all visits of a code that two tablets used otherwise than for its one entry.

    The caller holds the code's lock: of two starts at once the later one sees both.
    """
    known = issued(code)
    arrivals = queries.arrivals_with(code.id)
    uses = [Use(one.visit_id, one.device_id, own=_is_own(one, known)) for one in arrivals]
    if not judging.is_shared(uses):
        return
    for one in arrivals:
        visit = one.visit
        fresh = door.mark(
            visit, {Mark.CODE_SHARED}, officer_id=one.officer_id, device_id=one.device_id, at=at
        )
        if fresh:
            touch(visit)
            data = {"marks": [str(Mark.CODE_SHARED)], "code_id": str(code.id)}
            journal.record(Event.VISIT_MARKED, visit, by=by, at=at, data=data)
    db.session.flush()  # the receipt names the version that the database gave


def _is_own(arrival: VisitArrival, known: Issued) -> bool:
    named = not known.visit_ids or arrival.visit_id in known.visit_ids
    return named and arrival.officer_id in known.officer_ids
