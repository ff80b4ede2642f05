"""Reads of cases that deserve a name."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.db import db


def find_case(case_id: UUID) -> PenaltyCase | None:
    """Return a case of any agency."""
    return db.session.get(PenaltyCase, case_id)


def find_by_cause(finding_id: UUID, cause_code: str, cause_from: date) -> PenaltyCase | None:
    """Return the case in which a finding was punished by a rule in a version."""
    query = sa.select(PenaltyCase).where(
        PenaltyCase.finding_id == finding_id,
        PenaltyCase.cause_code == cause_code,
        PenaltyCase.cause_from == cause_from,
    )
    return db.session.scalars(query).one_or_none()


def cases_of(agency_id: UUID | None, **filters: Any) -> sa.Select[PenaltyCase]:
    """Return the query for the cases of an agency; a filter that is None does not count.

    Filters: `procedure`, `state`, `unit_id`, `visit_id`, `cause_code`.
    """
    query = sa.select(PenaltyCase).where(PenaltyCase.agency_id == agency_id)
    for name in ("procedure", "state", "unit_id", "visit_id", "cause_code"):
        if filters.get(name) is not None:
            query = query.where(getattr(PenaltyCase, name) == filters[name])
    return query
