"""The caps at a door: a visit that went beyond one is marked, and what was asked for is recorded.

A cap stops nobody there. The tablet warned by its own ledger and asked for a reason; the server
judges by what it knows when the start comes in. An entry beyond a cap that needs an exception is
one that its officer asks for afterwards: a second person approves or refuses it as any other.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.caps import queries as cap_queries
from app.caps import service as caps
from app.caps.rules import Answer, Verdict
from app.codes import queries
from app.codes.judging import Entry
from app.days import local_date
from app.db import db, touch
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.models import Task
from app.visits import door
from app.visits.marks import Mark
from app.visits.models import Visit

ASKED = frozenset({Verdict.EXCEPTION, Verdict.REASON})


def mark_beyond(
    visit: Visit,
    entry: Entry,
    officer_ids: Collection[UUID],
    reason: str | None,
    *,
    device_id: UUID | None,
    by: Actor,
    at: datetime,
) -> None:
    """Mark a visit that is beyond a cap, and ask for the exceptions that it has not; flushes then.

    What the same team does in the unit that day is the same entry. A cap that only shows marks
    nothing. Without a reason nothing is asked for: the mark says that it is missing.
    """
    answers = _ask(visit, entry, frozenset({entry.officer_id, *officer_ids}))
    beyond = [one for one in answers if one.verdict is Verdict.EXCEPTION]
    found = {Mark.CAP_EXCEEDED} if beyond else set()
    if reason is None and any(one.verdict in ASKED for one in answers):
        found.add(Mark.CAP_UNREASONED)
    fresh = door.mark(visit, found, officer_id=entry.officer_id, device_id=device_id, at=at)
    if not fresh:
        return
    touch(visit)
    data = {"marks": sorted(str(one) for one in fresh), "caps": [one.cap.code for one in beyond]}
    journal.record(Event.VISIT_MARKED, visit, by=by, at=at, data=data)
    if reason is not None:
        _ask_for(visit, beyond, reason, entry, by=by, at=at)
    db.session.flush()  # the receipt names the version that the database gave


def _ask(visit: Visit, entry: Entry, officers: frozenset[UUID]) -> list[Answer]:
    task = db.session.execute(
        sa.select(Task.origin, Task.level, Task.specialty).where(Task.id == visit.task_id)
    ).one_or_none()
    intended = caps.Intended(
        local_date(entry.at),
        frozenset() if task is None else frozenset({task.origin}),
        joint=visit.id in queries.visits_with_partners({visit.id}),
        level=None if task is None else task.level,
        officers=officers,
        specialties=frozenset() if task is None else frozenset({task.specialty}),
    )
    without = frozenset({visit.id})
    ledger = caps.ask(
        visit.unit_id, intended, agency_id=visit.agency_id, without=without, begun=True
    )
    return ledger.answers


def _ask_for(
    visit: Visit, beyond: Collection[Answer], reason: str, entry: Entry, *, by: Actor, at: datetime
) -> None:
    on = local_date(entry.at)
    asked = {one.cap_code for one in cap_queries.asked_for(visit.unit_id, on)}
    for answer in beyond:
        if answer.cap.code not in asked:
            caps.propose_exception(
                visit.unit_id,
                answer.cap.code,
                from_on=on,
                until_on=on,
                reason=reason,
                agency_id=visit.agency_id,
                by=by,
                at=at,
            )
