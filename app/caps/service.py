"""How often a unit was entered, what a further entry means, and who lets it happen all the same.

The ledger is what took place: it is read from the visits, so that nothing can be missing in it.
A cap stops nobody at the door; it is asked before anybody goes.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from app.access import Actor
from app.caps import queries, rules
from app.caps.models import CapException
from app.caps.rules import Answer, Cap, Entered, ExceptionState, Verdict
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.days import local_date
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.rules import JOINT_DRAWN
from app.tasks.second_persons import require_second_person
from app.units import service as units
from app.visits.rules import effective_at


class CapExceptionUnknown(NotFound):
    code, title = "cap-exception-unknown", "未找到超频次检查申请"


class CapExceptionInvalid(Invalid):
    code, title = "cap-exception-invalid", "超频次检查申请有误"


class CapExceptionDecided(Conflict):
    code, title = "cap-exception-decided", "超频次检查申请已经办理"


@dataclass(frozen=True)
class Intended:
    """An entry that somebody means to make; without origins it is not known yet for what.

    It is `joint` when officers of other departments come along.
    """

    on: date
    origins: frozenset[str] = frozenset()
    joint: bool = False
    level: str | None = None
    officers: frozenset[UUID] = frozenset()
    specialties: frozenset[str] = frozenset()


class Ledger(NamedTuple):
    """What every cap says of an intended entry, and the exceptions that hold on its day."""

    answers: list[Answer]
    exceptions: dict[str, UUID]


PartnersCame = Callable[[Collection[UUID]], set[UUID]]
_asked: list[PartnersCame] = []


def ask_partners(came: PartnersCame) -> None:
    """Let a feature above say of visits to which of them officers of other departments came."""
    if came not in _asked:
        _asked.append(came)


def caps_on(on: date) -> list[Cap]:
    """Return the caps in force on a local day, in their order."""
    return [_cap(row) for row in catalogue.in_force(catalogue.Kind.VISIT_CAP, on)]


BEYOND = frozenset({Verdict.EXCEPTION, Verdict.EXCEPTED, Verdict.REASON, Verdict.FLAG})


def ask(
    unit_id: UUID,
    intended: Intended,
    *,
    agency_id: UUID,
    without: frozenset[UUID] = frozenset(),
    begun: bool = False,
) -> Ledger:
    """Say what each cap in force on the day means for an entry into a unit of the agency.

    `without` are visits that are the entry itself: they are not counted against it. Nor is, of one
    that has `begun`, what its officers do in the unit that day besides.
    Raises UnitNotFound, also for another agency's unit.
    """
    unit = units.get_unit(unit_id, agency_id)
    caps = caps_on(intended.on)
    entry = Entered(
        intended.on,
        intended.origins,
        joint=intended.joint or JOINT_DRAWN in intended.origins,
        level=intended.level,
        officers=intended.officers,
        specialties=intended.specialties,
        object_classes=frozenset(one.object_class for one in unit.registrations),
    )
    spans = [rules.span(cap.period, intended.on) for cap in caps]
    if not spans:
        return Ledger([], {})
    first, last = min(one[0] for one in spans), max(one[1] for one in spans)
    entered = ledgers_of([unit_id], first, last, without=without)[unit_id]
    entered = rules.but_same(entered, entry) if begun else entered
    excepted = {one.cap_code: one.id for one in queries.approved_for(unit_id, intended.on)}
    answers = [rules.ask(cap, entry, entered, excepted=cap.code in excepted) for cap in caps]
    return Ledger(answers, excepted)


def entries(
    unit_id: UUID, first: date, last: date, *, without: frozenset[UUID] = frozenset()
) -> list[Entered]:
    """Return the entries into a unit on these days, the earliest first.

    Visits of one day that share an officer are one entry: somebody went in once. A visit that no
    task asked for has no origin and is exempt from nothing. What the catalogue calls no inspection
    is no entry.
    """
    return entries_of([unit_id], first, last, without=without).get(unit_id, [])


def ledgers_of(
    unit_ids: Collection[UUID],
    first: date,
    last: date,
    *,
    without: frozenset[UUID] = frozenset(),
) -> dict[UUID, list[Entered]]:
    """Return what caps count for units: their entries, and those elsewhere in their enterprises."""
    siblings = queries.siblings_of(unit_ids)
    every = {*unit_ids, *(other for others in siblings.values() for other in others)}
    found = entries_of(every, first, last, without=without)
    return {
        unit_id: rules.with_elsewhere(
            found.get(unit_id, ()),
            (one for other in siblings.get(unit_id, ()) for one in found.get(other, ())),
        )
        for unit_id in unit_ids
    }


def entries_of(
    unit_ids: Collection[UUID],
    first: date,
    last: date,
    *,
    without: frozenset[UUID] = frozenset(),
) -> dict[UUID, list[Entered]]:
    """Return the entries into many units at once, as `entries` does into one."""
    days: dict[tuple[UUID, date], list[queries.Went]] = {}
    rows = catalogue_queries.rows_of(catalogue.Kind.ORIGIN)
    talks = {row.code for row in rows if not row.body["is_inspection"]}
    for went in queries.visits_of(unit_ids, first, last, but_origins=talks):
        visit = went.visit
        if visit.id in without:
            continue
        suspect = visit.clock_suspect
        effective = effective_at(visit.started_recorded_at, visit.started_at, suspect=suspect)
        on = local_date(effective)
        if first <= on <= last:
            days.setdefault((visit.unit_id, on), []).append(went)
    ids = [one.visit.id for visits in days.values() for one in visits]
    joint = {one for asked in _asked for one in asked(ids)}
    found: dict[UUID, list[Entered]] = {}
    for (unit_id, on), visits in sorted(days.items()):
        teams = rules.by_team(visits)
        found.setdefault(unit_id, []).extend(_entered(on, one, joint) for one in teams)
    return found


def propose_exception(
    unit_id: UUID,
    cap_code: str,
    *,
    from_on: date,
    until_on: date,
    reason: str,
    agency_id: UUID,
    by: Actor,
    at: datetime,
) -> CapException:
    """Ask for entries beyond a cap on these days; somebody else decides.

    Raises UnitNotFound, CatalogueRowMissing (no such cap on the first day) and
    CapExceptionInvalid (days out of order).
    """
    unit = units.get_unit(unit_id, agency_id)
    catalogue.get_row(catalogue.Kind.VISIT_CAP, cap_code, from_on)
    if until_on < from_on:
        raise CapExceptionInvalid("截止日期不能早于起始日期。")
    found = CapException(
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit_id,
        cap_code=cap_code,
        from_on=from_on,
        until_on=until_on,
        reason=reason,
        state=ExceptionState.PROPOSED,
        proposed_officer_id=by.officer_id,
        proposed_at=at,
        proposed_by_kind=by.kind,
        proposed_by_id=by.id,
    )
    db.session.add(found)
    db.session.flush()
    data = {"unit_id": str(unit_id), "cap_code": cap_code, "from_on": from_on.isoformat()}
    journal.record(Event.CAP_EXCEPTION_PROPOSED, found, by=by, at=at, data=data)
    return found


def approve_exception(exception_id: UUID, *, by: Actor, at: datetime) -> CapException:
    """Let entries beyond a cap happen, as the second person.

    Raises CapExceptionUnknown, CapExceptionDecided and SecondPersonInvalid.
    """
    return _decide(exception_id, ExceptionState.APPROVED, None, by=by, at=at)


def refuse_exception(exception_id: UUID, reason: str, *, by: Actor, at: datetime) -> CapException:
    """Refuse entries beyond a cap, as the second person, with a reason; raises the same."""
    return _decide(exception_id, ExceptionState.REFUSED, reason, by=by, at=at)


def get_exception(exception_id: UUID, agency_id: UUID | None) -> CapException:
    """Return an exception of the agency. Raises CapExceptionUnknown, also for another's."""
    found = db.session.get(CapException, exception_id)
    if found is None or found.agency_id != agency_id:
        raise CapExceptionUnknown("没有这份申请，或它不属于本机构。")
    return found


def _decide(
    exception_id: UUID, state: ExceptionState, reason: str | None, *, by: Actor, at: datetime
) -> CapException:
    found = get_exception(exception_id, by.agency_id)
    if found.state != ExceptionState.PROPOSED:
        raise CapExceptionDecided("该申请已经批准或不予批准。", state=found.state)
    require_second_person(
        found.agency_id,
        first_account_id=found.proposed_by_id,
        first_officer_id=found.proposed_officer_id,
        team=(),
        by=by,
    )
    found.state, found.decided_reason, found.decided_officer_id = state, reason, by.officer_id
    found.decided_at, found.decided_by_kind, found.decided_by_id = at, by.kind, by.id
    data = {"unit_id": str(found.unit_id), "cap_code": found.cap_code, "state": str(state)}
    journal.record(Event.CAP_EXCEPTION_DECIDED, found, by=by, at=at, data=data)
    return found


def _cap(row: CatalogueRow) -> Cap:
    return Cap.from_body(row.code, row.body, source=row.source, confirmed=row.confirmed)


def _entered(on: date, visits: Sequence[queries.Went], joint: Collection[UUID]) -> Entered:
    planned = [went.task for went in visits if went.task is not None]
    origins = frozenset(task.origin for task in planned)
    finished = all(went.visit.finished_at is not None for went in visits)
    return Entered(
        on,
        # what nobody planned has no origin: then the entry is not exempt as a whole
        origins if len(planned) == len(visits) else frozenset(),
        joint=JOINT_DRAWN in origins or any(went.visit.id in joint for went in visits),
        clean=not any(went.found for went in visits) if finished else None,
        level=next((task.level for task in planned if task.level), None),
        officers=frozenset(one for went in visits for one in went.officers),
        specialties=frozenset(task.specialty for task in planned),
        object_classes=frozenset(task.object_class for task in planned if task.object_class),
        id=visits[0].visit.id,
    )
