"""Uploads that can break off at any byte: pieces count in order, a whole file counts once.

What lies between the first byte and the whole is provisional: it survives the end of a process, not
a power cut, after which an upload goes on from what is still there. The whole file and its evidence
row are durable before anybody hears of them.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.access import Actor
from app.days import day_begins, local_date
from app.db import db, insert_rows, new_id, stop_reading
from app.errors import Conflict, Invalid, NotFound
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.journal import service as journal
from app.journal.rules import Event
from app.prepared import Prepared
from app.problems import Problem
from app.storage import HashMismatch, Joined, Storage, StoredObjectMissing
from sync.devices.rules import DeviceState
from sync.devices.service import PushCapReached
from sync.uploads import queries, rules
from sync.uploads.models import Underway, Upload
from sync.uploads.rules import Described, UploadState

PICTURE = "image/jpeg"  # what a file is that nobody described


class UploadMissing(NotFound):
    code, title = "upload-missing", "上传不存在"


class OffsetWrong(Conflict):
    code, title = "upload-offset-wrong", "续传位置不一致"


class RoleNotTheirs(Invalid):
    code, title = "upload-role-not-theirs", "不能上传这类文件"


class PiecesLost(OffsetWrong):
    """Found at the end: a power cut took pieces. The upload is to be rewound to `offset`."""


class UploadLocked(Problem):
    code, title, status = "upload-locked", "上传正由另一连接进行", 423


@dataclass(frozen=True)
class Whole:
    """A file that has arrived completely and lies where it belongs.

    `sound` is False for bytes that are not what was announced: they lie in quarantine, and
    `found_sha256` is what they are. `inspected` is what its first bytes say; None for a file that
    is no evidence.
    """

    mime: str
    sound: bool
    inspected: evidence.Inspected | None = None
    found_sha256: str | None = None


def create_upload(
    described: Described, *, lifetime: timedelta, by: Actor, at: datetime
) -> Underway:
    """Return an upload for this content: the one this sender has already, else a new one.

    Evidence that the agency has needs no bytes: the upload begins whole. Content of other agencies
    is not revealed. A device that is suspended may push what it still holds, up to a daily cap:
    PushCapReached. Tablets bring evidence, supervisors rescue files: RoleNotTheirs.
    """
    if by.agency_id is None or by.district is None:
        raise UploadMissing("只有已登记的终端和本单位负责人可以上传。")
    if described.is_rescue != (by.device_id is None):
        raise RoleNotTheirs("终端上传证据，负责人上传救援文件（role 为 rescue）。")
    same = queries.find_same(described.sha256, described.size_bytes, by=by, at=at)
    if same is not None:
        return same
    size = None if described.is_rescue else evidence.stored_size(by.agency_id, described.sha256)
    is_whole = size == described.size_bytes
    if by.device_id is not None and not is_whole:
        _check_cap(by.device_id, described.size_bytes, at)
    values: dict[str, Any] = {
        "id": new_id(),
        "device_id": by.device_id,
        "account_id": by.id if by.device_id is None else None,
        "agency_id": by.agency_id,
        "district": by.district,
        "sha256": described.sha256,
        "found_sha256": None,
        "size_bytes": described.size_bytes,
        "mime": described.mime,
        "role": described.role,
        "op_id": None if described.op_id is None else UUID(described.op_id),
        "described": described.text,
        "state": UploadState.DONE if is_whole else UploadState.OPEN,
        "offset_bytes": described.size_bytes if is_whole else 0,
        "pieces": [],
        "created_at": at,
        "expires_at": at + lifetime,
        "ended_at": at if is_whole else None,
        "lease": None,
        "lease_until": None,
    }
    insert_rows(Upload, [values])
    return Underway(**{name: values[name] for name in _FIELDS})


def _check_cap(device_id: UUID, size_bytes: int, at: datetime) -> None:
    if queries.state_of_device(device_id) == DeviceState.ACTIVE:
        return
    begins = day_begins(local_date(at))
    if queries.bytes_since(device_id, begins) + size_bytes > rules.PUSH_BYTES_A_DAY:
        wait = begins + timedelta(days=1) - at
        raise PushCapReached(
            "停用终端当日上传量已达上限，文件请留在终端上，次日自动续传。",
            headers={"Retry-After": str(int(wait.total_seconds()) + 1)},
        )


def check_turn(upload: Upload | Underway, offset: int, *, at: datetime) -> None:
    """Refuse bytes that do not follow on, or that come while somebody else is writing.

    Raises OffsetWrong (`offset`) and UploadLocked; nothing has changed then.
    """
    if upload.offset_bytes != offset:
        raise _wrong(upload)
    if upload.lease_until is not None and upload.lease_until >= at:
        raise UploadLocked("同一文件正由另一连接上传，请稍后再试。")


def hold_lease(upload_id: UUID, lease: str, *, offset: int, life: timedelta, at: datetime) -> None:
    """Become, or stay, the one writer of an upload; a lease that ran out is taken over.

    Raises OffsetWrong when the upload has moved on meanwhile and UploadLocked when it is another's.
    """
    taken = _changed(
        sa.update(Upload)
        .where(
            Upload.id == upload_id,
            Upload.state == UploadState.OPEN,
            Upload.offset_bytes == offset,
            sa.or_(Upload.lease.is_(None), Upload.lease == lease, Upload.lease_until < at),
        )
        .values(lease=lease, lease_until=at + life)
    )
    if not taken:
        check_turn(_get(upload_id), offset, at=at)
        raise UploadLocked("同一文件正由另一连接上传，请稍后再试。")


def release_lease(upload_id: UUID, lease: str) -> None:
    """Let the next writer in."""
    _changed(
        sa.update(Upload)
        .where(Upload.id == upload_id, Upload.lease == lease)
        .values(lease=None, lease_until=None)
    )


def add_piece(upload: Underway, *, size_bytes: int, key: str) -> None:
    """Let a stored piece count, if it still follows on; of two that would, one does.

    `upload` is as it was when the piece began. A transaction of its own, and no wait for the disk.
    Raises OffsetWrong (`offset`): the piece does not count then.
    """
    _advance(
        upload,
        alone=True,
        offset_bytes=upload.offset_bytes + size_bytes,
        pieces=[*upload.pieces, [upload.offset_bytes, size_bytes, key]],
    )


def finish_upload(upload: Underway, whole: Whole, *, by: Actor, at: datetime) -> UUID | None:
    """Let the last piece count and record the evidence, both or neither; a rescue file only ends.

    Returns evidence that is still to be looked into, if it is such. The objects of the pieces may
    be discarded after the commit. Raises OffsetWrong (`offset`) when another connection was first.
    """
    state = UploadState.DONE if whole.sound else UploadState.HASH_MISMATCH
    _advance(
        upload,
        offset_bytes=upload.size_bytes,
        pieces=[],
        state=state,
        ended_at=at,
        found_sha256=whole.found_sha256,
    )
    if not whole.sound:
        journal.record(
            Event.UPLOAD_QUARANTINED,
            None,
            by=by,
            at=at,
            stream=upload.district,
            data={"sha256": upload.sha256, "upload": str(upload.id), "reason": "hash-mismatch"},
            op_id=upload.op_id,
        )
    if whole.inspected is None:
        return None
    stored = evidence.record_stored(
        upload.sha256,
        whole.inspected,
        size_bytes=upload.size_bytes,
        mime=whole.mime,
        role=upload.role,
        agency_id=upload.agency_id,
        district=upload.district,
        by=by,
        at=at,
    )
    return stored.id if stored.uninspected else None


_FIELDS = tuple(field.name for field in fields(Underway))
_uploads = cast(sa.Table, Upload.__table__)
_MOVING = ("offset_bytes", "pieces", "state", "ended_at", "found_sha256")
_ADVANCE = Prepared(
    sa.update(_uploads)
    .where(
        _uploads.c.id == sa.bindparam("upload_id"),
        _uploads.c.state == UploadState.OPEN,
        _uploads.c.offset_bytes == sa.bindparam("begun_at"),
    )
    .values(
        lease=None,
        lease_until=None,
        **{name: sa.bindparam(f"new_{name}", type_=_uploads.c[name].type) for name in _MOVING},
    )
)


def _advance(upload: Underway, *, alone: bool = False, **values: Any) -> None:
    """Change an upload that is still where `upload` says: the one decision between two writers.

    `upload` itself tells the new state afterwards. `alone`: no transaction is open and none else is
    needed; what only a power cut can undo, the tablet does again.
    """
    now = {name: values.get(name, getattr(upload, name)) for name in _MOVING}
    change = partial(_ADVANCE.change_alone, durable=False) if alone else _ADVANCE.change
    moved = change(
        upload_id=upload.id,
        begun_at=upload.offset_bytes,
        **{f"new_{name}": value for name, value in now.items()},
    )
    if not moved:
        raise _wrong(_get(upload.id))
    for name, value in values.items():
        setattr(upload, name, value)


def _changed(statement: sa.Update) -> bool:
    done = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount == 1


def _get(upload_id: UUID) -> Upload:
    return db.session.get_one(Upload, upload_id, populate_existing=True)


def _wrong(upload: Upload | Underway) -> OffsetWrong:
    return OffsetWrong("续传位置与服务器不一致，请先查询再继续。", offset=upload.offset_bytes)


def join_whole(storage: Storage, upload: Underway, key: str, *, sha256: str | None = None) -> Whole:
    """Join the pieces and the last one at the file's place, proving the hash; glance at evidence.

    Outside any transaction. `sha256` is the hash of it all where it was taken as the pieces came.
    Bytes with another hash are kept apart in quarantine. Raises PiecesLost (`offset`) where the
    storage lacks what it once had, and StoredObjectMissing where another
    connection has just ended the upload.
    """
    is_rescue = upload.role == rules.RESCUE
    awaited = None if is_rescue else evidence.awaited_type(upload.agency_id, upload.sha256)
    mime = awaited or upload.mime or PICTURE
    stop_reading()
    left = upload.size_bytes - upload.offset_bytes
    parts = rules.objects([*upload.pieces, (upload.offset_bytes, left, key)])
    keys, sizes = list(parts), list(parts.values())
    try:
        known = None if sha256 is None else Joined(sha256, upload.size_bytes)
        storage.join(keys, to=place_of(upload), sizes=sizes, expect=upload.sha256, known=known)
    except (HashMismatch, StoredObjectMissing) as error:
        broken = find_break(storage, upload)
        if broken is not None:
            raise PiecesLost("服务器缺少先前的一段，请先查询再继续。", offset=broken) from error
        if isinstance(error, StoredObjectMissing):
            raise
        joined = storage.join(keys, to=quarantine_key(upload), sizes=sizes)
        return Whole(mime, sound=False, found_sha256=joined.sha256)
    if is_rescue:
        return Whole(mime, sound=True)
    found = evidence.glance_at(storage, upload.agency_id, upload.sha256, mime=mime)
    return Whole(mime, sound=True, inspected=found)


def place_of(upload: Underway) -> str:
    """Return where the whole file lies: evidence by its hash, a rescue file by its upload."""
    if upload.role == rules.RESCUE:
        return rescue_key(upload.agency_id, upload.id)
    return object_key(upload.agency_id, upload.sha256)


def rescue_key(agency_id: UUID, rescue_id: UUID) -> str:
    """Return where a rescue file lies in the storage."""
    return f"rescue/{agency_id}/{rescue_id}"


def keys_of(upload: Upload | Underway, *, begin: int = 0) -> list[str]:
    """Return the objects that hold pieces of an upload from an offset on and none before it."""
    kept = {key for offset, _, key in upload.pieces if offset < begin}
    return [key for key in rules.objects(upload.pieces) if key not in kept]


def quarantine_key(upload: Upload | Underway) -> str:
    """Return where bytes lie that are not what they were said to be."""
    return f"quarantine/{upload.agency_id}/{upload.id}"


def find_break(storage: Storage, upload: Upload | Underway) -> int | None:
    """Return where the storage no longer holds what was taken in, if it lost anything."""
    stored: dict[str, int] = {}
    for key in keys_of(upload):
        with suppress(StoredObjectMissing):
            stored[key] = storage.head(key).size_bytes
    return rules.first_broken(upload.pieces, stored)


def own_key(upload: Underway, lease: str) -> str:
    """Return the object for a piece that cannot lie behind the one before it; nobody else's."""
    return f"uploads/{upload.id}.{upload.offset_bytes}-{lease}"


def store_piece(storage: Storage, upload: Underway, chunks: Iterable[bytes], own: str) -> str:
    """Store what comes behind the pieces that count; return the object it lies in.

    Behind the last piece in its object where the storage can and nobody else does, so that nothing
    has to be joined in the end; else in one of its `own`. Outside any transaction; what `chunks`
    raises leaves nothing that counts.
    """
    if upload.pieces:
        last, length = list(rules.objects(upload.pieces).items())[-1]
        if storage.extend(last, chunks, at=length):
            return last
    storage.extend(own, chunks, at=0)
    return own


def rewind_upload(upload: Underway, offset: int) -> None:
    """Let an upload go on from an earlier piece. Raises OffsetWrong when it has moved on."""
    kept = [piece for piece in upload.pieces if piece[0] < offset]
    _advance(upload, offset_bytes=offset, pieces=kept)


def end_upload(upload_id: UUID, *, at: datetime) -> list[str]:
    """End an upload that nobody wants any more; returns objects to discard after the commit.

    Evidence that it brought stays.
    """
    upload = db.session.get(Upload, upload_id, populate_existing=True, with_for_update=True)
    if upload is None or upload.state not in {UploadState.OPEN, UploadState.DONE}:
        return []
    keys = keys_of(upload)
    upload.state, upload.pieces = UploadState.ENDED, []
    upload.ended_at = upload.ended_at or at
    upload.lease = upload.lease_until = None
    return keys
