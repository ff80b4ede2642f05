"""What the timetable clears away: uploads nobody came back to, objects nobody counts."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from app import entry
from app.db import stop_reading, transaction
from app.storage import StoredObject
from sync.uploads import queries, service

BATCH = 200
ORPHAN_AFTER = timedelta(days=1)  # until then the row of an object may still be on its way


def expire_uploads(*, at: datetime) -> str:
    """End uploads past their day and remove what no row names; twice is harmless."""
    ended = _end_overdue(at)
    before = at - ORPHAN_AFTER
    orphans = _sweep_orphans(before)
    left = entry.storage().sweep(before=before)
    return f"{ended} uploads ended, {orphans} orphans and {left} unfinished files removed"


def _end_overdue(at: datetime) -> int:
    ended = 0
    while batch := queries.overdue(at, BATCH):
        for upload_id in batch:
            with transaction():
                keys = service.end_upload(upload_id, at=at)
            entry.storage().discard(keys)
            ended += 1
    return ended


def _sweep_orphans(before: datetime) -> int:
    """Remove pieces older than `before` that do not count: their writer was killed."""
    removed, batch = 0, list[StoredObject]()
    for found in entry.storage().list("uploads"):
        if found.modified_at < before:
            batch.append(found)
        if len(batch) == BATCH:
            removed += _remove_unknown(batch)
            batch = []
    return removed + _remove_unknown(batch)


def _remove_unknown(batch: list[StoredObject]) -> int:
    keys = {found.key for found in batch}
    unknown = sorted(keys - queries.keys_that_count(_uploads_of(keys)))
    stop_reading()
    entry.storage().discard(unknown)
    return len(unknown)


def _uploads_of(keys: Iterable[str]) -> set[UUID]:
    """Return the uploads that objects `uploads/<id>.…` belong to."""
    found = set()
    for key in keys:
        with suppress(ValueError):
            found.add(UUID(key.removeprefix("uploads/")[:36]))
    return found
