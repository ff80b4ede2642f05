"""What a decision means for the credit record: an entry once it stands, a reversal once revoked.

Called where a case is filed, decided or revoked, and again by the timetable for every case that
moved: however often, it has one effect. A case is decided once: no step leads back from a decision,
so its id names the decision too, and what is decided anew after a revocation is a case of its own.
"""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.cases.models import CaseRemedy, PenaltyCase
from app.cases.queries import remedies_of
from app.cases.rules import CaseState, Procedure, RemedyResult
from app.cases.sanctions import SanctionKind
from app.catalogue import service as catalogue
from app.catalogue.causes import in_safety_sector
from app.catalogue.service import Kind
from app.credit import queries as credit_queries
from app.credit import service as credit
from app.credit.rules import EntryKind, NewEntry
from app.credit.service import Recorded
from app.db import db
from app.people import service as people

OVERTURNED = frozenset({RemedyResult.CHANGED, RemedyResult.REVOKED, RemedyResult.ILLEGAL})
STANDING = frozenset({CaseState.FILED, CaseState.DECIDED, CaseState.SERVED, CaseState.CLOSED})


def reference_of(case: PenaltyCase) -> str:
    """Return under which reference a case's decision stands in the credit record."""
    return f"case/{case.id}"


def case_id_of(reference: str) -> UUID | None:
    """Return which case a reference of the credit record names, None where it names none."""
    kind, _, rest = reference.partition("/")
    try:
        return UUID(rest.partition("/")[0]) if kind == "case" else None
    except ValueError:
        return None


def is_punished(case: PenaltyCase) -> bool:
    """Tell whether a penalty on the party itself stands, or stood until it was revoked.

    A decision on the spot counts once it is filed with the agency.
    """
    own = any(not line.on_staff for line in case.lines)
    filed = case.procedure == Procedure.ORDINARY or case.filed_on is not None
    return case.decided_on is not None and own and filed and case.state in STANDING


def gone_on(case: PenaltyCase) -> date | None:
    """Return when a decision ceased to stand as it was: revoked by the organ itself, or changed,
    revoked or found illegal by review or suit (行政处罚法 第四十八条); None while it stands."""
    query = sa.select(sa.func.min(CaseRemedy.ended_on)).where(
        CaseRemedy.case_id == case.id, CaseRemedy.result.in_(sorted(OVERTURNED))
    )
    overturned: date | None = db.session.scalar(query)
    days = [one for one in (case.revoked_on, overturned) if one is not None]
    return min(days, default=None)


def follow_case(case: PenaltyCase, *, by: Actor, at: datetime) -> Recorded | None:
    """Let the credit record say what a case came to; None where nothing follows.

    A decision that review or suit changed 变更 has its first entry reversed and a new one, of the
    day of the decision still, for what it imposes now. The tier is that of the rules as they stood
    when the decision was recorded: a rule set that comes later, for days before it too, changes no
    entry and holds up no step. Raises CreditTierUnknown where the rules in force have no such tier.
    """
    gone = gone_on(case)
    if gone is None:
        return _record(case, reference_of(case), by=by, at=at)
    changed = [one for one in remedies_of(case.id) if one.result == RemedyResult.CHANGED]
    references = [reference_of(case), *(f"{reference_of(case)}/{one.id}" for one in changed)]
    standing = references.pop() if changed and not _is_void(case) else None
    done = None
    for reference in references:
        done = _reverse(case, reference, gone, by=by, at=at) or done
    return done if standing is None else _record(case, standing, by=by, at=at)


def _is_void(case: PenaltyCase) -> bool:
    """Tell whether nothing is left of a decision that could count against anybody."""
    results = {one.result for one in remedies_of(case.id)}
    return case.revoked_on is not None or RemedyResult.ILLEGAL in results


def _reverse(
    case: PenaltyCase, reference: str, on: date, *, by: Actor, at: datetime
) -> Recorded | None:
    return credit.reverse_cause(
        EntryKind.PENALTY,
        reference,
        "处罚决定被变更、撤销或者确认违法",
        on,
        agency=people.get_agency(case.agency_id),
        by=by,
        at=at,
    )


def _record(case: PenaltyCase, reference: str, *, by: Actor, at: datetime) -> Recorded | None:
    if case.decided_on is None or not is_punished(case):
        return None
    agency = people.get_agency(case.agency_id)
    if known := credit_queries.find_entry(agency.id, EntryKind.PENALTY, reference):
        return Recorded(known, again=True)
    sanctions = sorted({str(line.kind) for line in case.lines if not line.on_staff})
    fine_fen = sum(
        line.amount_fen or 0
        for line in case.lines
        if line.kind is SanctionKind.FINE and not line.on_staff
    )
    simple = case.procedure == Procedure.SIMPLE
    cause = catalogue.get_row(Kind.CASE_CAUSE, case.cause_code, case.cause_from)
    tier = credit.tier_of(
        sanctions,
        case.decided_on,
        simple=simple,
        fine_fen=fine_fen,
        safety=in_safety_sector(cause.body),
    )
    new = NewEntry(
        kind=EntryKind.PENALTY,
        reference=reference,
        decided_on=case.decided_on,
        unit_id=case.unit_id,
        tier=tier,
        data={"sanctions": sanctions, "fine_fen": fine_fen, "procedure": str(case.procedure)},
    )
    return credit.record(new, agency=agency, by=by, at=at)
