"""What is kept of the door of a visit: who came, what was said, what was not in order.

Whatever order the tablets of a pair come home in, the same stands in the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from app.visits import marks as rules
from app.visits.marks import Mark, Presence, Shown
from app.visits.models import Visit, VisitArrival, VisitAttendance, VisitMark
from app.visits.rules import VisitState


@dataclass(frozen=True)
class Came:
    """An officer at the door, by the tablet that says so; its clock is data."""

    officer_id: UUID
    device_id: UUID | None
    recorded_at: datetime
    fix: Mapping[str, Any] | None = None
    suspect: bool = False
    presence: Presence = Presence.OWN


@dataclass(frozen=True)
class Arrival:
    """What a tablet says of the door: how the code was shown, and which; None where not said.

    `cap_reason`: why somebody goes in although the tablet warned of a cap 检查频次上限.
    """

    code_shown: Shown
    code_id: UUID | None = None
    reason: str | None = None
    certificate_shown: bool | None = None
    recusal_asked: bool | None = None
    recusal_requested: bool | None = None
    cap_reason: str | None = None


def note_arrival(
    visit: Visit, came: Came, arrival: Arrival | None, found: Collection[Mark], *, at: datetime
) -> set[Mark]:
    """Keep that an officer came, what was said at the door, and the marks; return the new ones.

    Who comes again, after an interruption, stays as he came first; a code that he shows only then
    counts. That one officer had no code does not count where a colleague showed one. Who confirmed
    by PIN and starts on a tablet of his own came as that one says, whichever is heard of first.
    """
    known = {one.officer_id: one for one in visit.attendance}.get(came.officer_id)
    if known is not None and came.presence is Presence.OWN and _by_pin(visit, came.officer_id):
        known.device_id, known.recorded_at = came.device_id, came.recorded_at
        known.fix = None if came.fix is None else dict(came.fix)
        known.clock_suspect = came.suspect
    elif known is None:
        visit.attendance.append(
            VisitAttendance(
                officer_id=came.officer_id,
                device_id=came.device_id,
                recorded_at=came.recorded_at,
                fix=None if came.fix is None else dict(came.fix),
                clock_suspect=came.suspect,
            )
        )
    if arrival is not None:
        _note(visit, came, arrival)
    return mark(visit, found, officer_id=came.officer_id, device_id=came.device_id, at=at)


def _by_pin(visit: Visit, officer_id: UUID) -> bool:
    return any(
        one.presence == Presence.PIN for one in visit.arrivals if one.officer_id == officer_id
    )


def _note(visit: Visit, came: Came, arrival: Arrival) -> None:
    known = {one.officer_id: one for one in visit.arrivals}.get(came.officer_id)
    if known is None:
        known = VisitArrival(officer_id=came.officer_id)
        visit.arrivals.append(known)
    elif known.presence == Presence.OWN or came.presence is Presence.PIN:
        if known.code_id is None and arrival.code_id is not None:
            known.code_id, known.code_shown = arrival.code_id, arrival.code_shown
        return
    known.device_id, known.presence, known.recorded_at = (
        came.device_id,
        came.presence,
        came.recorded_at,
    )
    for one in fields(arrival):
        setattr(known, one.name, getattr(arrival, one.name))


def judge_presence(
    visit: Visit, fewest: int, *, officer_id: UUID, device_id: UUID | None, at: datetime
) -> set[Mark]:
    """Mark a visit that ended with fewer officers than the law asks for; unmark it if one was late.

    Of a build that cannot say who came along nothing is to be judged. Returns the new marks.
    """
    if visit.state != VisitState.UNDER_WAY and len(visit.attendance) < fewest:
        return mark(visit, {Mark.OFFICER_ALONE}, officer_id=officer_id, device_id=device_id, at=at)
    visit.marks = [one for one in visit.marks if one.mark != Mark.OFFICER_ALONE]
    return set()


def mark(
    visit: Visit,
    found: Collection[Mark],
    *,
    officer_id: UUID,
    device_id: UUID | None,
    at: datetime,
) -> set[Mark]:
    """Add marks to a visit, by whose start they were seen; return those that are new there."""
    known = {one.mark for one in visit.marks if one.officer_id == officer_id}
    fresh = {one for one in found if one not in known}
    visit.marks += [
        VisitMark(mark=one, officer_id=officer_id, device_id=device_id, marked_at=at)
        for one in sorted(fresh)
    ]
    if any(one.code_id and one.code_shown != Shown.TRIGGERED for one in visit.arrivals):
        visit.marks = [one for one in visit.marks if one.mark != Mark.CODE_MISSING]
        fresh -= {Mark.CODE_MISSING}
    visit.code_mark = rules.code_mark({Mark(one.mark) for one in visit.marks})
    return fresh
