"""Reads of the money of cases."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.collecting_models import CaseCollection, CasePayment
from app.cases.collecting_rules import CollectionState
from app.cases.models import CaseSanction, PenaltyCase
from app.cases.rules import Procedure
from app.cases.sanctions import MONEY
from app.db import db


def of_case(case_id: UUID) -> CaseCollection | None:
    """Return the money of a case, None before it was opened."""
    query = sa.select(CaseCollection).where(CaseCollection.case_id == case_id)
    return db.session.scalars(query).one_or_none()


def collections_of(agency_id: UUID | None, **filters: Any) -> sa.Select[CaseCollection]:
    """Return the query for the money of an agency's cases; filters: `state`, `due_before`."""
    query = sa.select(CaseCollection).where(CaseCollection.agency_id == agency_id)
    if filters.get("state") is not None:
        query = query.where(CaseCollection.state == filters["state"])
    if filters.get("due_before") is not None:
        query = query.where(CaseCollection.due_on < filters["due_before"])
    return query


def to_open(today: date) -> list[UUID]:
    """Return the cases whose decision was served, imposed money, and has none opened yet."""
    simple = PenaltyCase.procedure == Procedure.SIMPLE
    served = sa.case((simple, PenaltyCase.decided_on), else_=PenaltyCase.served_on)
    imposed = sa.exists().where(
        CaseSanction.case_id == PenaltyCase.id,
        CaseSanction.kind.in_(sorted(MONEY)),
        CaseSanction.on_staff.is_(False),
    )
    opened = sa.exists().where(CaseCollection.case_id == PenaltyCase.id)
    query = sa.select(PenaltyCase.id).where(
        served <= today, PenaltyCase.revoked_on.is_(None), imposed, ~opened
    )
    return list(db.session.scalars(query.order_by(PenaltyCase.id)))


def to_follow() -> list[UUID]:
    """Return the money that is open, or was taken on the spot and not handed in."""
    waits = sa.exists().where(
        CasePayment.collection_id == CaseCollection.id,
        CasePayment.spot_ground.is_not(None),
        CasePayment.handed_in_on.is_(None),
    )
    query = sa.select(CaseCollection.id).where(
        sa.or_(CaseCollection.state == CollectionState.OPEN, waits)
    )
    return list(db.session.scalars(query.order_by(CaseCollection.id)))
