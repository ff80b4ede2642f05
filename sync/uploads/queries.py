"""Reads of uploads."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db
from sync.devices.models import Device
from sync.uploads.models import Upload
from sync.uploads.rules import UploadState

_FOUND = sa.select(Upload).where(Upload.id == sa.bindparam("upload_id"))
_FOUND_OF_DEVICE = _FOUND.where(Upload.device_id == sa.bindparam("sender"))
_FOUND_OF_PERSON = _FOUND.where(Upload.account_id == sa.bindparam("sender"))


def _sent_by(by: Actor) -> sa.ColumnElement[bool]:
    if by.device_id is not None:
        return Upload.device_id == by.device_id
    return Upload.account_id == by.id


def find_upload(upload_id: UUID, *, by: Actor) -> Upload | None:
    """Return an upload of this device or account as it is now, whatever its state, or None."""
    found, sender = (
        (_FOUND_OF_PERSON, by.id) if by.device_id is None else (_FOUND_OF_DEVICE, by.device_id)
    )
    return db.session.scalars(
        found,
        {"upload_id": upload_id, "sender": sender},
        execution_options={"populate_existing": True},
    ).one_or_none()


def find_same(sha256: str, size_bytes: int, *, by: Actor, at: datetime) -> Upload | None:
    """Return the upload of this content that a sender has begun or ended well, the newest."""
    return db.session.scalars(
        sa.select(Upload)
        .where(
            _sent_by(by),
            Upload.sha256 == sha256,
            Upload.size_bytes == size_bytes,
            Upload.state.in_((UploadState.OPEN, UploadState.DONE)),
            Upload.expires_at > at,
        )
        .order_by(Upload.id.desc())
        .limit(1)
    ).one_or_none()


def state_of_device(device_id: UUID) -> str:
    """Return the state of the device that calls."""
    return db.session.scalars(sa.select(Device.state).where(Device.id == device_id)).one()


def bytes_since(device_id: UUID, since: datetime) -> int:
    """Return how many bytes a device has announced since an instant."""
    return int(
        db.session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Upload.size_bytes), 0)).where(
                Upload.device_id == device_id, Upload.created_at >= since
            )
        )
        or 0
    )


def keys_that_count(upload_ids: Collection[UUID]) -> set[str]:
    """Return the objects of these uploads' pieces."""
    found = db.session.scalars(sa.select(Upload.pieces).where(Upload.id.in_(upload_ids)))
    return {piece[2] for pieces in found for piece in pieces}


def overdue(at: datetime, limit: int) -> list[UUID]:
    """Return open uploads past their day, the oldest first."""
    return list(
        db.session.scalars(
            sa.select(Upload.id)
            .where(Upload.state == UploadState.OPEN, Upload.expires_at <= at)
            .order_by(Upload.expires_at)
            .limit(limit)
        )
    )


def quarantined() -> Sequence[Upload]:
    """Return the uploads whose bytes were not what they were said to be."""
    return db.session.scalars(
        sa.select(Upload).where(Upload.state == UploadState.HASH_MISMATCH).order_by(Upload.id)
    ).all()
