"""Reads of uploads."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db
from app.prepared import Prepared
from sync.devices.models import Device
from sync.uploads.models import Underway, Upload
from sync.uploads.rules import UploadState

_upload, _device = Upload.__table__.c, Device.__table__.c
_READ = [_upload[field.name] for field in fields(Underway)]
_FOUND = sa.select(*_READ).where(_upload.id == sa.bindparam("upload_id"))
_FOUND_OF_DEVICE = Prepared(_FOUND.where(_upload.device_id == sa.bindparam("sender")))
_FOUND_OF_PERSON = Prepared(_FOUND.where(_upload.account_id == sa.bindparam("sender")))
_SAME = (
    sa.select(*_READ)
    .where(
        _upload.sha256 == sa.bindparam("sha256"),
        _upload.size_bytes == sa.bindparam("size_bytes"),
        sa.or_(_upload.state == UploadState.OPEN, _upload.state == UploadState.DONE),
        _upload.expires_at > sa.bindparam("at", type_=_upload.expires_at.type),
    )
    .order_by(_upload.id.desc())
    .limit(sa.literal_column("1"))
)
_SAME_OF_DEVICE = Prepared(_SAME.where(_upload.device_id == sa.bindparam("sender")))
_SAME_OF_PERSON = Prepared(_SAME.where(_upload.account_id == sa.bindparam("sender")))


_STATE = Prepared(sa.select(_device.state).where(_device.id == sa.bindparam("device_id")))


def _one(of_device: Prepared, of_person: Prepared, by: Actor, **values: Any) -> Underway | None:
    """Return the upload that one of two statements finds."""
    statement, sender = (of_person, by.id) if by.device_id is None else (of_device, by.device_id)
    rows = statement.rows_alone(sender=sender, **values)
    return Underway(*rows[0]) if rows else None


def find_upload(upload_id: UUID, *, by: Actor) -> Underway | None:
    """Return an upload of this device or account as it is now, whatever its state, or None."""
    return _one(_FOUND_OF_DEVICE, _FOUND_OF_PERSON, by, upload_id=upload_id)


def find_same(sha256: str, size_bytes: int, *, by: Actor, at: datetime) -> Underway | None:
    """Return the upload of this content that a sender has begun or ended well, the newest."""
    return _one(_SAME_OF_DEVICE, _SAME_OF_PERSON, by, sha256=sha256, size_bytes=size_bytes, at=at)


def state_of_device(device_id: UUID) -> str:
    """Return the state of the device that calls."""
    state: str = _STATE.rows(device_id=device_id)[0][0]
    return state


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
