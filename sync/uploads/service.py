"""Uploads that can break off at any byte: one writer at a time, pieces stored before they count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db, new_id
from app.errors import Conflict, NotFound
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.journal import service as journal
from app.journal.rules import Event
from app.storage import Storage
from sync.uploads.models import Upload, UploadPart
from sync.uploads.rules import Described, UploadState


class UploadMissing(NotFound):
    code, title = "upload-missing", "上传不存在"


class OffsetWrong(Conflict):
    code, title = "upload-offset-wrong", "续传位置不一致"


@dataclass(frozen=True)
class Whole:
    """A file that has arrived completely and lies where it belongs."""

    inspected: evidence.Inspected | None


def create_upload(
    described: Described, *, lifetime: timedelta, by: Actor, at: datetime
) -> tuple[Upload, bool]:
    """Return an upload for this content and whether the device asked for it before.

    Content that the agency already has needs no bytes: the upload begins whole. Content of other
    agencies is not revealed.
    """
    if by.agency_id is None or by.device_id is None or by.district is None:
        raise UploadMissing("只有已登记的终端可以上传。")
    found = db.session.scalars(
        sa.select(Upload)
        .where(
            Upload.device_id == by.device_id,
            Upload.sha256 == described.sha256,
            Upload.size_bytes == described.size_bytes,
            Upload.state.in_((UploadState.OPEN, UploadState.DONE)),
            Upload.expires_at > at,
        )
        .order_by(Upload.id.desc())
        .limit(1)
    ).one_or_none()
    if found is not None:
        return found, True
    here = evidence.find_stored(by.agency_id, described.sha256)
    whole = here is not None and here.size_bytes == described.size_bytes
    upload = Upload(
        id=new_id(),
        device_id=by.device_id,
        agency_id=by.agency_id,
        district=by.district,
        sha256=described.sha256,
        size_bytes=described.size_bytes,
        mime=described.mime,
        role=described.role,
        op_id=None if described.op_id is None else UUID(described.op_id),
        state=UploadState.DONE if whole else UploadState.OPEN,
        offset_bytes=described.size_bytes if whole else 0,
        created_at=at,
        expires_at=at + lifetime,
        ended_at=at if whole else None,
    )
    db.session.add(upload)
    return upload, False


def find_upload(upload_id: UUID, *, device_id: UUID | None) -> Upload | None:
    """Return an upload of this device, whatever its state, or None."""
    found = db.session.get(Upload, upload_id, populate_existing=True)
    return found if found is not None and found.device_id == device_id else None


def lease_upload(
    upload_id: UUID, lease: str, *, offset: int, until: datetime, at: datetime
) -> bool:
    """Become the one writer of an upload, taking over a lease that ran out; False if another is.

    Raises OffsetWrong (`offset`) when the next byte is not the one offered; nothing changes then.
    """
    taken = db.session.execute(
        sa.update(Upload)
        .where(
            Upload.id == upload_id,
            Upload.state == UploadState.OPEN,
            Upload.offset_bytes == offset,
            sa.or_(Upload.lease.is_(None), Upload.lease_until < at),
        )
        .values(lease=lease, lease_until=until)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount == 1:  # type: ignore[attr-defined]  # a cursor result
        return True
    found = db.session.get(Upload, upload_id, populate_existing=True)
    if found is not None and found.offset_bytes != offset:
        raise OffsetWrong("续传位置与服务器不一致，请先查询再继续。", offset=found.offset_bytes)
    return False


def keep_lease(upload_id: UUID, lease: str, *, until: datetime) -> None:
    """Let a lease go on: the writer's heartbeat."""
    db.session.execute(
        sa.update(Upload)
        .where(Upload.id == upload_id, Upload.lease == lease)
        .values(lease_until=until)
        .execution_options(synchronize_session=False)
    )


def release_lease(upload_id: UUID, lease: str) -> None:
    """Let the next writer in."""
    db.session.execute(
        sa.update(Upload)
        .where(Upload.id == upload_id, Upload.lease == lease)
        .values(lease=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def part_keys(upload_id: UUID) -> list[str]:
    """Return the objects of the pieces that count, in order."""
    return list(
        db.session.scalars(
            sa.select(UploadPart.key)
            .where(UploadPart.upload_id == upload_id)
            .order_by(UploadPart.offset_bytes)
        )
    )


def join_whole(storage: Storage, upload: Upload, keys: Sequence[str]) -> Whole:
    """Join the pieces at the evidence's place, proving the hash, and look into the picture.

    Outside any transaction. Bytes with another hash are kept apart in quarantine; `inspected` is
    None then.
    """
    from app.storage import HashMismatch

    try:
        storage.join(keys, to=object_key(upload.agency_id, upload.sha256), expect=upload.sha256)
    except HashMismatch:
        storage.join(keys, to=quarantine_key(upload))
        return Whole(None)
    return Whole(
        evidence.inspect_stored(storage, upload.agency_id, upload.sha256, mime=upload.mime)
    )


def quarantine_key(upload: Upload) -> str:
    """Return where bytes lie that are not what they were said to be."""
    return f"quarantine/{upload.agency_id}/{upload.id}"


def add_part(
    upload_id: UUID,
    lease: str,
    *,
    offset: int,
    size_bytes: int,
    key: str,
    whole: Whole | None,
    by: Actor,
    at: datetime,
) -> Upload:
    """Let a stored piece count; with the last one, record the evidence in the same transaction.

    Raises OffsetWrong when the lease was taken over meanwhile: the piece does not count then.
    """
    upload = db.session.get(Upload, upload_id, populate_existing=True, with_for_update=True)
    if upload is None or upload.lease != lease or upload.offset_bytes != offset:
        raise OffsetWrong(
            "该上传已由另一连接接续，请先查询再继续。",
            offset=0 if upload is None else upload.offset_bytes,
        )
    if size_bytes:
        db.session.add(
            UploadPart(upload_id=upload_id, offset_bytes=offset, size_bytes=size_bytes, key=key)
        )
    upload.offset_bytes += size_bytes
    upload.lease, upload.lease_until = None, None
    if whole is not None:
        _end(upload, whole, by=by, at=at)
    return upload


def _end(upload: Upload, whole: Whole, *, by: Actor, at: datetime) -> None:
    upload.ended_at = at
    if whole.inspected is None:
        upload.state = UploadState.HASH_MISMATCH
        journal.record(
            Event.UPLOAD_QUARANTINED,
            None,
            by=by,
            at=at,
            stream=upload.district,
            data={"sha256": upload.sha256, "upload": str(upload.id), "reason": "hash-mismatch"},
        )
        return
    upload.state = UploadState.DONE
    evidence.record_stored(
        upload.sha256,
        whole.inspected,
        size_bytes=upload.size_bytes,
        mime=upload.mime,
        role=upload.role,
        agency_id=upload.agency_id,
        district=upload.district,
        by=by,
        at=at,
    )


def end_upload(upload_id: UUID, *, at: datetime) -> list[str]:
    """End an upload that nobody wants any more; returns the objects to delete after the commit."""
    upload = db.session.get(Upload, upload_id)
    if upload is None:
        return []
    keys = part_keys(upload_id)
    db.session.execute(sa.delete(UploadPart).where(UploadPart.upload_id == upload_id))
    if upload.state == UploadState.OPEN:
        upload.state, upload.ended_at = UploadState.ENDED, at
    return keys


def overdue_uploads(*, at: datetime, limit: int = 100) -> list[UUID]:
    """Return uploads whose pieces are no longer needed: expired, or ended with pieces left."""
    expired = sa.and_(Upload.state == UploadState.OPEN, Upload.expires_at <= at)
    left_over = sa.and_(
        Upload.state != UploadState.OPEN,
        sa.exists().where(UploadPart.upload_id == Upload.id),
    )
    return list(db.session.scalars(sa.select(Upload.id).where(expired | left_over).limit(limit)))
