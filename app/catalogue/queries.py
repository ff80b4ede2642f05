"""Reads of the catalogue: the rows of a kind, and those that hold on a day."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from app.catalogue.models import CatalogueRow
from app.db import db


def holding(kind: str, on: date) -> sa.Select[CatalogueRow]:
    """Return the query of the rows of a kind that hold on a day."""
    return sa.select(CatalogueRow).where(
        CatalogueRow.kind == kind,
        CatalogueRow.effective_from <= on,
        sa.or_(CatalogueRow.effective_to.is_(None), CatalogueRow.effective_to >= on),
    )


def rows_of(kind: str, code: str | None = None) -> Sequence[CatalogueRow]:
    """Return every row of a kind (and code), whatever its dates, oldest first."""
    query = sa.select(CatalogueRow).where(CatalogueRow.kind == kind)
    if code is not None:
        query = query.where(CatalogueRow.code == code)
    ordered = query.order_by(CatalogueRow.code, CatalogueRow.effective_from)
    return db.session.scalars(ordered).all()


def find_row(kind: str, code: str, on: date) -> CatalogueRow | None:
    """Return the row of a code that holds on a day."""
    return db.session.scalars(holding(kind, on).where(CatalogueRow.code == code)).one_or_none()
