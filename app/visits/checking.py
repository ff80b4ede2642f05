"""What the timetable looks at: every visit and photo that the journal tells of, once it is told.

The journal is read in order from where the last run ended, a batch at a time. Judging reads only;
then a short transaction keeps what was found and moves on, both or neither. Killed anywhere, the
batch is looked at again; two processes at once do no harm, because a matter is kept once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from app.access import TIMETABLE
from app.days import local_date
from app.db import db, stop_reading, transaction
from app.evidence import queries as evidence_queries
from app.evidence.rules import EvidenceState
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.models import Task
from app.visits import departures, integrity
from app.visits import integrity_queries as queries
from app.visits.doubts import Found, limits_on
from app.visits.integrity_rules import Limits
from app.visits.models import IntegrityCursor, Visit

BATCH = 100
_OF_VISITS = frozenset({Event.VISIT_STARTED, Event.VISIT_FINISHED})
_OF_PHOTOS = frozenset({Event.EVIDENCE_ATTACHED, Event.EVIDENCE_STORED, Event.EVIDENCE_INSPECTED})
LimitsOn = Callable[[date], Limits]


@dataclass(frozen=True)
class _Batch:
    """Entries of a stream that are looked at together, and where the stream is read to."""

    stream: str
    begin: int
    end: int
    entries: Sequence[journal.Told]


def check_integrity(*, at: datetime) -> str:
    """Look at what is new in every stream; twice is harmless."""
    looked = told = 0
    for stream in sorted(journal.heads()):
        while batch := _next(stream):
            found = _judge(batch)
            stop_reading()
            told += _keep(batch, found, at=at)
            looked += len(batch.entries)
            if len(batch.entries) < BATCH:
                break
    told += _tell_unended(at=at)
    return f"{looked} entries looked at, {told} findings told"


def _tell_unended(*, at: datetime) -> int:
    """Tell of visits that nothing tells of: no departure ever came in."""
    found = departures.judge_unended(at=at)
    stop_reading()
    if not found:
        return 0
    with transaction():
        return integrity.keep(found, by=TIMETABLE, at=at)


def _next(stream: str) -> _Batch | None:
    cursor = db.session.get(IntegrityCursor, stream, populate_existing=True)
    begin = 0 if cursor is None else cursor.seq
    entries, end = journal.entries_after(stream, begin, _OF_VISITS | _OF_PHOTOS, limit=BATCH)
    return None if end == begin else _Batch(stream, begin, end, entries)


def _judge(batch: _Batch) -> list[Found]:
    """Return what is to be said of the visits and photos of a batch, each looked at once."""
    limits_of_day = cache(limits_on)
    visit_ids = {one.subject_id for one in batch.entries if one.event in _OF_VISITS}
    photo_ids = {one.subject_id for one in batch.entries if one.event in _OF_PHOTOS}
    links = evidence_queries.uses_of({one for one in photo_ids if one is not None})
    uses = queries.uses_by_subject({(link.subject_type, link.subject_id) for link, _ in links})
    subjects = {(use.subject_type, use.subject_id) for use in uses.values()}
    subjects |= {("visit", one) for one in visit_ids}
    found: list[Found] = []
    for kind, subject_id in sorted(subjects, key=str):
        found += _judge_subject(kind, subject_id, limits_of_day)
    photos = {evidence.id: evidence for _, evidence in links}
    for evidence in photos.values():
        if evidence.state != EvidenceState.AWAITED:
            day = local_date(evidence.stored_at or links[0][0].attached_at)
            found += integrity.judge_picture(evidence, limits_of_day(day))
    return found


def _judge_subject(kind: str, subject_id: object, limits_of_day: LimitsOn) -> list[Found]:
    if kind == "visit":
        visit = db.session.get_one(Visit, subject_id)
        return integrity.judge_visit(visit, limits_of_day(local_date(visit.started_at))).found
    task = db.session.get_one(Task, subject_id)
    return integrity.judge_task(task, limits_of_day(local_date(task.created_at))).found


def _keep(batch: _Batch, found: Sequence[Found], *, at: datetime) -> int:
    """Keep what was found and move the cursor; who finds it moved by another leaves it."""
    with transaction() as session:
        cursor = session.get(IntegrityCursor, batch.stream, with_for_update=True)
        if (0 if cursor is None else cursor.seq) != batch.begin:
            return 0
        if cursor is None:
            session.add(IntegrityCursor(stream=batch.stream, seq=batch.end))
        else:
            cursor.seq = batch.end
        return integrity.keep(found, by=TIMETABLE, at=at)
