"""What is kept of a rescue file: that it came, whose it is, and what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.db import db, new_id
from app.errors import NotFound
from app.journal import service as journal
from app.journal.rules import Event
from sync.devices.models import Device
from sync.inbox.items import blank_item, store_items
from sync.inbox.rules import ReviewKind
from sync.rescue import queries
from sync.rescue.models import RescueFile


class RescueUnknown(NotFound):
    code, title = "rescue-unknown", "没有这份救援文件"


@dataclass(frozen=True)
class Broken:
    """A record that could not be read, by its number from 1; 0 stands for the file."""

    record: int
    reason: str


def get_file(rescue_id: UUID, agency_id: UUID | None) -> RescueFile:
    """Return a rescue file of the agency. Raises RescueUnknown."""
    found = queries.find_file(rescue_id)
    if found is None or found.agency_id != agency_id:
        raise RescueUnknown("本单位没有这份救援文件。")
    return found


def keep_file(
    rescue_id: UUID, sha256: str, size_bytes: int, *, by: Actor, at: datetime
) -> RescueFile:
    """Note that a file lies in the storage under its id; the same bytes again are the first file.

    Journalled as `rescue.received`. Raises RescueUnknown for somebody without an agency.
    """
    if by.agency_id is None:
        raise RescueUnknown("本单位没有这份救援文件。")
    same = queries.find_same(by.agency_id, sha256)
    if same is not None:
        return same
    found = RescueFile(
        id=rescue_id,
        agency_id=by.agency_id,
        sha256=sha256,
        size_bytes=size_bytes,
        received_at=at,
        received_by_kind=by.kind,
        received_by_id=by.id,
        operations=0,
        photos=0,
        broken=[],
    )
    db.session.add(found)
    data = {"rescue_id": str(rescue_id), "sha256": sha256, "size_bytes": size_bytes}
    journal.record(Event.RESCUE_RECEIVED, None, by=by, at=at, data=data)
    return found


def note_import(
    rescue: RescueFile,
    device: Device | None,
    *,
    operations: int,
    photos: int,
    broken: Sequence[Broken],
    by: Actor,
    at: datetime,
) -> None:
    """Keep what came of a file, and put it on the review list, once for each file."""
    rescue.device_id = None if device is None else device.id
    rescue.operations, rescue.photos = operations, photos
    rescue.broken = [[one.record, one.reason] for one in broken]
    data = {
        "rescue_id": str(rescue.id),
        "operations": operations,
        "photos": photos,
        "broken": len(broken),
    }
    journal.record(Event.RESCUE_IMPORTED, None, by=by, at=at, data=data)
    if device is not None:
        item = blank_item(device, f"rescue:{rescue.id}", ReviewKind.GAP, at=at)
        reason = "rescue-incomplete" if broken else "rescue-imported"
        detail = {**data, "records": [one.record for one in broken[:1000]]}
        store_items([{**item, "id": new_id(), "reason": reason, "detail": detail}])
