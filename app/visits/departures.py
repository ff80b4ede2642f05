"""Departures 离开: where an officer left, whether anything was done after, and who never left."""

from datetime import datetime, timedelta
from uuid import UUID

from app.catalogue import service as catalogue
from app.days import local_date
from app.visits import integrity_queries as queries
from app.visits import integrity_rules as rules
from app.visits.doubts import Found, Judged, Subject, limits_on
from app.visits.integrity_rules import Doubt, IntegrityKind, Limits, Reason, Span, Spot, Unjudged
from app.visits.models import Visit


def judge(judged: Judged, visit: Visit, place: Spot | Unjudged, limits: Limits) -> None:
    """Look at the end of a visit, by the tablet that ended it; one under way has none yet."""
    if visit.finished_recorded_at is None:
        return
    doubt = rules.judge_fix(
        visit.finished_fix,
        visit.finished_recorded_at,
        place,
        limits,
        far=Reason.DEPARTURE_FAR,
        mock=Reason.DEPARTURE_MOCK,
    )
    _note(judged, visit, IntegrityKind.PLACE, doubt, limits)
    span = Span(visit.started_recorded_at, visit.finished_recorded_at, visit.clock_suspect)
    last = max([*(one.recorded_at for one in visit.attendance), *queries.acts_of(visit.id)])
    early = rules.judge_departure(span, last, limits)
    _note(judged, visit, IntegrityKind.TIME, early, limits)


def _note(
    judged: Judged,
    visit: Visit,
    kind: IntegrityKind,
    doubt: Doubt | Unjudged | None,
    limits: Limits,
) -> None:
    if isinstance(doubt, Unjudged):
        judged.skip(kind, "departure", doubt)
    elif doubt is not None:
        names = _who_left(visit)
        judged.found.append(Subject.of_visit(visit).found(kind, doubt, limits, **names))


def _who_left(visit: Visit) -> dict[str, UUID | None]:
    """Return whose tablet ended the visit, as far as that is one tablet of one officer."""
    device_id = visit.finished_by_id
    officers = {one.officer_id for one in visit.attendance if one.device_id == device_id}
    if len(officers) != 1:
        return {}
    return {"officer_id": officers.pop(), "device_id": device_id}


def judge_unended(*, at: datetime) -> list[Found]:
    """Return the visits that nobody is known to have left, long after their start came in.

    An interrupted visit was left and is to go on; it is none of these. Each is told once. Reads
    only.
    """
    try:
        limits = limits_on(local_date(at))
    except catalogue.CatalogueRowMissing:  # a threshold that an older catalogue does not have
        return []
    found = []
    for visit in queries.unended(at - timedelta(seconds=limits.open_s)):
        doubt = rules.judge_unended(visit.started_at, at, limits)
        if doubt is not None:
            subject = Subject.of_visit(visit)
            found.append(subject.found(IntegrityKind.TIME, doubt, limits))
    return found
