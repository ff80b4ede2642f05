"""What is kept of the door of a visit: who came, what was said, what was not in order.

Whatever order the tablets of a pair come home in, the same stands in the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.visits import marks as rules
from app.visits.marks import Mark, Presence, Shown
from app.visits.models import Visit, VisitArrival, VisitAttendance, VisitMark


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
    """What a tablet says of the door: how the code was shown, and which; None where not said."""

    code_shown: Shown
    code_id: UUID | None = None
    reason: str | None = None
    certificate_shown: bool | None = None
    recusal_asked: bool | None = None
    recusal_requested: bool | None = None


def note_arrival(
    visit: Visit, came: Came, arrival: Arrival | None, found: Collection[Mark], *, at: datetime
) -> set[Mark]:
    """Keep that an officer came, what was said at the door, and the marks; return the new ones.

    Who comes again, after an interruption, stays as he came first; a code that he shows only then
    counts. That one officer had no code does not count where a colleague showed one.
    """
    if came.officer_id not in {one.officer_id for one in visit.attendance}:
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


def _note(visit: Visit, came: Came, arrival: Arrival) -> None:
    known = {one.officer_id: one for one in visit.arrivals}.get(came.officer_id)
    if known is not None:
        if known.code_id is None and arrival.code_id is not None:
            known.code_id, known.code_shown = arrival.code_id, arrival.code_shown
        return
    visit.arrivals.append(
        VisitArrival(
            officer_id=came.officer_id,
            device_id=came.device_id,
            presence=came.presence,
            code_id=arrival.code_id,
            code_shown=arrival.code_shown,
            reason=arrival.reason,
            certificate_shown=arrival.certificate_shown,
            recusal_asked=arrival.recusal_asked,
            recusal_requested=arrival.recusal_requested,
            recorded_at=came.recorded_at,
        )
    )


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
