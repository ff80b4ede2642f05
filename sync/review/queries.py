"""Reads of the review list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import EvidenceState
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.rules import Outcome, ReviewKind, ReviewState
from sync.uploads.models import Upload
from sync.uploads.rules import UploadState


@dataclass(frozen=True)
class Wish:
    """Which items somebody wants to see."""

    kind: ReviewKind | None = None
    reason: str | None = None
    device_id: UUID | None = None
    state: ReviewState = ReviewState.OPEN


def items_of(
    agency_id: UUID, wish: Wish, *, after: UUID | None, limit: int, at: datetime
) -> Sequence[tuple[ReviewItem, Operation | None]]:
    """Return an agency's items, oldest first, with their operations; open ones from their day."""
    query = (
        sa.select(ReviewItem, Operation)
        .outerjoin(Operation, Operation.id == ReviewItem.operation_id)
        .where(
            ReviewItem.agency_id == agency_id,
            ReviewItem.state == wish.state,
            ReviewItem.shown_from <= at,
        )
        .order_by(ReviewItem.id)
        .limit(limit)
    )
    if wish.kind is not None:
        query = query.where(ReviewItem.kind == wish.kind)
    if wish.reason is not None:
        query = query.where(ReviewItem.reason == wish.reason)
    if wish.device_id is not None:
        query = query.where(ReviewItem.device_id == wish.device_id)
    if after is not None:
        query = query.where(ReviewItem.id > after)
    return [(row[0], row[1]) for row in db.session.execute(query)]


def counts(agency_id: UUID, at: datetime) -> Sequence[sa.Row[str, str, int, datetime]]:
    """Return how many items wait, by kind and reason, and since when the oldest does."""
    return db.session.execute(
        sa.select(
            ReviewItem.kind,
            ReviewItem.reason,
            sa.func.count().label("count"),
            sa.func.min(ReviewItem.created_at).label("oldest_at"),
        )
        .where(
            ReviewItem.agency_id == agency_id,
            ReviewItem.state == ReviewState.OPEN,
            ReviewItem.shown_from <= at,
        )
        .group_by(ReviewItem.kind, ReviewItem.reason)
        .order_by(ReviewItem.kind, ReviewItem.reason)
    ).all()


def find_item(item_id: UUID, *, lock: bool = False) -> ReviewItem | None:
    """Return an item; with `lock` nobody else decides it meanwhile."""
    return db.session.get(
        ReviewItem, item_id, with_for_update=True if lock else None, populate_existing=lock
    )


def authors_of(entity_ids: Collection[UUID]) -> Sequence[Operation]:
    """Return the operations that took effect on entities, oldest effect first."""
    return db.session.scalars(
        sa.select(Operation)
        .where(
            Operation.entity_id.in_(entity_ids),
            Operation.outcome.in_((Outcome.APPLIED, Outcome.MERGED)),
        )
        .order_by(Operation.entity_version, Operation.id)
    ).all()


def answer_to(operation: Operation, returned_at: datetime) -> UUID | None:
    """Return the first operation that the same officer sent about the same thing afterwards."""
    return db.session.scalar(
        sa.select(Operation.op_id)
        .where(
            Operation.entity_id == operation.entity_id,
            Operation.type == operation.type,
            Operation.officer_id == operation.officer_id,
            Operation.agency_id == operation.agency_id,
            Operation.received_at >= returned_at,
            Operation.id != operation.id,
        )
        .order_by(Operation.id)
        .limit(1)
    )


@dataclass(frozen=True)
class Absent:
    """A photo that an operation promised and that has not come."""

    sha256: str
    op_hash: str
    operation_id: UUID
    device_id: UUID
    officer_id: UUID | None
    agency_id: UUID


def absent_photos(before: datetime, limit: int) -> Sequence[Absent]:
    """Return photos promised before an instant that are still awaited and not on the list."""
    key = sa.literal("photo:") + Evidence.sha256 + ":" + Operation.op_hash
    listed = sa.select(ReviewItem.id).where(ReviewItem.key == key)
    rows = db.session.execute(
        sa.select(
            Evidence.sha256,
            Operation.op_hash,
            Operation.id,
            Operation.device_id,
            Operation.officer_id,
            Evidence.agency_id,
        )
        .join(EvidenceLink, EvidenceLink.evidence_id == Evidence.id)
        .join(
            Operation,
            sa.and_(
                Operation.op_id == EvidenceLink.op_id, Operation.agency_id == Evidence.agency_id
            ),
        )
        .where(
            Evidence.state == EvidenceState.AWAITED,
            EvidenceLink.retracted_at.is_(None),
            EvidenceLink.attached_at < before,
            ~listed.exists(),
        )
        .order_by(Evidence.id, Operation.id)
        .limit(limit)
    )
    return [Absent(*row) for row in rows]


def open_photos(after: UUID, limit: int) -> Sequence[ReviewItem]:
    """Return open items about photos that stayed away, in order."""
    return db.session.scalars(
        sa.select(ReviewItem)
        .where(
            ReviewItem.kind == ReviewKind.PHOTOS,
            ReviewItem.state == ReviewState.OPEN,
            ReviewItem.id > after,
        )
        .order_by(ReviewItem.id)
        .limit(limit)
    ).all()


def file_key(upload_id: UUID) -> str:
    """Return the key of the item about a file that is not what it was said to be."""
    return f"file:{upload_id.hex}"


def unlisted_files(limit: int) -> Sequence[tuple[Upload, Operation | None]]:
    """Return tablets' files of another hash that are not on the list, with what promised them."""
    key = sa.literal("file:") + sa.func.replace(sa.cast(Upload.id, sa.Text), "-", "")
    listed = sa.select(ReviewItem.id).where(ReviewItem.key == key)
    rows = db.session.execute(
        sa.select(Upload, Operation)
        .outerjoin(
            Operation,
            sa.and_(Operation.device_id == Upload.device_id, Operation.op_id == Upload.op_id),
        )
        .where(
            Upload.state == UploadState.HASH_MISMATCH,
            Upload.device_id.is_not(None),
            ~listed.exists(),
        )
        .order_by(Upload.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
