"""Reads of the review list."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.rules import ReviewKind, ReviewState


def open_items(
    agency_id: UUID, kind: ReviewKind | None, *, after: UUID | None, limit: int, at: datetime
) -> Sequence[tuple[ReviewItem, Operation | None]]:
    """Return what waits for a decision, oldest first, with its operation."""
    query = (
        sa.select(ReviewItem, Operation)
        .outerjoin(Operation, Operation.id == ReviewItem.operation_id)
        .where(
            ReviewItem.agency_id == agency_id,
            ReviewItem.state == ReviewState.OPEN,
            ReviewItem.shown_from <= at,
        )
        .order_by(ReviewItem.id)
        .limit(limit)
    )
    if kind is not None:
        query = query.where(ReviewItem.kind == kind)
    if after is not None:
        query = query.where(ReviewItem.id > after)
    return [(row[0], row[1]) for row in db.session.execute(query)]


def find_item(item_id: UUID, *, lock: bool = False) -> ReviewItem | None:
    """Return an item; with `lock` nobody else decides it meanwhile."""
    return db.session.get(
        ReviewItem, item_id, with_for_update=True if lock else None, populate_existing=lock
    )
