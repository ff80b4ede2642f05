"""What of a decision is still owed, as the office's own register has it; credit asks it."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from app.cases import collecting_queries, sanctions
from app.cases.balances import balance
from app.cases.collecting_rules import CeasingGround, CollectionState
from app.cases.crediting import case_id_of
from app.cases.models import PenaltyCase
from app.credit.models import CreditEntry
from app.credit.rules import DutyKind, OpenDuty
from app.db import db
from app.visits import queries as visit_queries
from app.visits.terms import UNMET_ORDERS

_ENDED = frozenset({CollectionState.SETTLED, CollectionState.ENFORCED})


def open_duties(entry: CreditEntry, on: date) -> list[OpenDuty]:
    """Return what of an entry's decision is unpaid or not corrected on a day.

    Where enforcement ceased 终结执行 for want of assets the money is still not paid; what the
    court enforced is. Nothing where no case made the entry, or its decision was revoked.
    """
    case_id = case_id_of(entry.reference)
    case = None if case_id is None else db.session.get(PenaltyCase, case_id)
    if case is None or case.agency_id != entry.agency_id or case.revoked_on is not None:
        return []
    return [*_unpaid(case, on), *_uncorrected(case.finding_id)]


def _unpaid(case: PenaltyCase, on: date) -> Iterator[OpenDuty]:
    fine, confiscated = sanctions.money_of(case.lines)
    surcharge = 0
    if found := collecting_queries.of_case(case.id):
        if found.state in _ENDED or found.ceasing_ground == CeasingGround.DECISION_REVOKED:
            return
        left = balance(found, on)
        fine, confiscated = left.fine_fen, left.confiscated_fen
        surcharge = left.surcharge_unpaid_fen
    for kind, amount in (
        (DutyKind.FINE, fine),
        (DutyKind.CONFISCATED, confiscated),
        (DutyKind.SURCHARGE, surcharge),
    ):
        if amount:
            yield OpenDuty(kind, amount_fen=amount)


def _uncorrected(finding_id: UUID | None) -> Iterator[OpenDuty]:
    order = None if finding_id is None else visit_queries.order_of_finding(finding_id)
    if order is not None and order.state in UNMET_ORDERS:
        yield OpenDuty(DutyKind.ORDER, number=order.number)
