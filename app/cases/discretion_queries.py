"""Reads of discretion: the newest proposal of a case, and past decisions of like cases."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.cases.discretion_models import CaseDiscretion
from app.cases.models import PenaltyCase
from app.cases.rules import CaseState
from app.db import db
from app.visits.models import CorrectiveOrder
from app.visits.terms import OrderState

_UNDONE = (CaseState.WITHDRAWN, CaseState.TRANSFERRED, CaseState.NOT_PUNISHED)


def newest_of(case_id: UUID) -> CaseDiscretion | None:
    """Return the proposal of a case that counts, None where nobody asked for one."""
    query = sa.select(CaseDiscretion).where(CaseDiscretion.case_id == case_id)
    return db.session.scalars(query.order_by(CaseDiscretion.id.desc()).limit(1)).first()


def has_unmet_order(unit_id: UUID | None) -> bool:
    """Tell whether an order to correct ran out unmet 逾期未改正 at a unit."""
    query = sa.select(CorrectiveOrder.id).where(
        CorrectiveOrder.unit_id == unit_id, CorrectiveOrder.state == OrderState.OVERDUE
    )
    return db.session.scalars(query.limit(1)).first() is not None


def like_cases(
    case: PenaltyCase, discretion: CaseDiscretion | None, *, most: int
) -> Sequence[tuple[PenaltyCase, CaseDiscretion | None]]:
    """Return decided cases of the agency with the same cause and, where there is one, tier.

    The newest first, each with its own proposal; none that was revoked, withdrawn or handed over.
    """
    other = aliased(CaseDiscretion)
    newest = (
        sa.select(other.id)
        .where(other.case_id == PenaltyCase.id)
        .order_by(other.id.desc())
        .limit(1)
        .correlate(PenaltyCase)
        .scalar_subquery()
    )
    query = (
        sa.select(PenaltyCase, CaseDiscretion)
        .outerjoin(CaseDiscretion, CaseDiscretion.id == newest)
        .where(
            PenaltyCase.agency_id == case.agency_id,
            PenaltyCase.cause_code == case.cause_code,
            PenaltyCase.party_kind == case.party_kind,
            PenaltyCase.id != case.id,
            PenaltyCase.decided_on.is_not(None),
            PenaltyCase.revoked_on.is_(None),
            PenaltyCase.state.not_in(_UNDONE),
        )
    )
    if discretion is not None:
        query = query.where(
            CaseDiscretion.level == discretion.level,
            CaseDiscretion.tier_code.is_not_distinct_from(discretion.tier_code),
        )
    found = db.session.execute(query.order_by(PenaltyCase.id.desc()).limit(most))
    return [(row[0], row[1]) for row in found]
