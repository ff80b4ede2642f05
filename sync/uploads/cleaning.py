"""What the timetable clears away: uploads nobody came back to, objects nobody counts."""

from collections.abc import Iterable, Iterator
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


def stray_pieces(before: datetime) -> Iterator[str]:
    """Return pieces older than `before` that do not count: their writer was killed."""
    batch = list[StoredObject]()
    for found in entry.storage().list("uploads"):
        if found.modified_at < before:
            batch.append(found)
        if len(batch) == BATCH:
            yield from _unknown(batch)
            batch = []
    yield from _unknown(batch)


def _sweep_orphans(before: datetime) -> int:
    stray = list(stray_pieces(before))
    entry.storage().discard(stray)
    return len(stray)


def _unknown(batch: list[StoredObject]) -> list[str]:
    keys = {found.key for found in batch}
    unknown = sorted(keys - queries.keys_that_count(_uploads_of(keys)))
    stop_reading()
    return unknown


def survey_quarantine(before: datetime) -> tuple[list[str], list[str]]:
    """Return files of another hash that are gone, and old ones that no upload names; all stay.

    What a rescue file brought into quarantine is named after it and not looked for here.
    """
    named = {service.quarantine_key(upload): upload.ended_at for upload in queries.quarantined()}
    stop_reading()
    there = {found.key: found.modified_at for found in entry.storage().list("quarantine")}
    gone = [key for key, at in named.items() if key not in there and at is not None and at < before]
    unknown = [
        key
        for key, at in there.items()
        if key not in named and at < before and _is_upload(key.rsplit("/", 1)[-1])
    ]
    return sorted(gone), sorted(unknown)


def _is_upload(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _uploads_of(keys: Iterable[str]) -> set[UUID]:
    """Return the uploads that objects `uploads/<id>.…` belong to."""
    found = set()
    for key in keys:
        with suppress(ValueError):
            found.add(UUID(key.removeprefix("uploads/")[:36]))
    return found
