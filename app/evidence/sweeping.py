"""Does the storage hold what the rows say, and the rows what the storage holds?

An original is never removed: one that no row names is listed and kept, one that a row names and
that is gone is listed too. Thumbnails are derived: those of nothing are removed once they are old
enough that their row cannot be on its way any more, those that are gone are made again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import sqlalchemy as sa

from app import entry
from app.db import db, stop_reading
from app.evidence import service
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState, object_key, thumbnail_key
from app.storage import Storage, StoredObject

BATCH = 500
SAFE_AGE = timedelta(days=1)  # until then the row of an object may still be on its way
SHOWN = 20


@dataclass(frozen=True)
class Survey:
    """Keys of what does not fit: originals of no row, and gone; thumbnails of no row, and gone."""

    looked_at: int
    unknown: Sequence[str]
    gone: Sequence[str]
    stray: Sequence[str]
    unmade: Sequence[str]

    def lines(self) -> list[str]:
        """Return each key with what it is, as a person reads it."""
        return [
            *(f"GONE     {key}" for key in self.gone),
            *(f"UNKNOWN  {key}" for key in self.unknown),
            *(f"STRAY    {key}" for key in self.stray),
            *(f"UNMADE   {key}" for key in self.unmade),
        ]


@dataclass(frozen=True)
class _Shelf:
    """One kind of object: where it lies, and which rows say that it is there."""

    prefix: str
    suffix: str
    condition: sa.ColumnElement[bool]

    def key(self, agency_id: UUID, sha256: str) -> str:
        if self.suffix:
            return thumbnail_key(agency_id, sha256)
        return object_key(agency_id, sha256)

    def hash_in(self, key: str) -> str:
        return key.rsplit("/", 1)[-1].removesuffix(self.suffix)


_ORIGINALS = _Shelf("evidence", "", Evidence.state != EvidenceState.AWAITED)
_THUMBNAILS = _Shelf("thumbnails", ".jpg", Evidence.thumbnail.is_(True))


def sweep_evidence(*, at: datetime) -> str:
    """Compare, clear what is derived of nothing, make again what is gone; twice is harmless."""
    found = survey(entry.storage(), before=at - SAFE_AGE)
    removed, made = mend(entry.storage(), found)
    return (
        f"{found.looked_at} originals, {len(found.gone)} gone, {len(found.unknown)} of no row;"
        f" {removed} thumbnails removed, {made} made again"
    )


def survey(storage: Storage, *, before: datetime) -> Survey:
    """Compare rows and objects from before an instant; changes nothing.

    Objects are listed and looked up batch by batch; a second listing of an agency is made only
    where fewer of its objects were found than its rows say. What is said to be gone was asked for
    by its name.
    """
    looked_at, unknown, gone = _compare(storage, _ORIGINALS, before)
    _, stray, unmade = _compare(storage, _THUMBNAILS, before)
    return Survey(looked_at, unknown, gone, stray, [key for key in unmade if key not in set(gone)])


def mend(storage: Storage, found: Survey) -> tuple[int, int]:
    """Remove thumbnails of nothing, make those again whose original is there; originals stay."""
    storage.discard(found.stray)
    made = 0
    for key in found.unmade:
        _, agency_id, name = key.split("/")
        digest = name.removesuffix(_THUMBNAILS.suffix)
        if storage.exists(object_key(agency_id, digest)):
            made += _make_again(storage, UUID(agency_id), digest)
    return len(found.stray), made


def _make_again(storage: Storage, agency_id: UUID, digest: str) -> bool:
    mime = db.session.scalar(
        sa.select(Evidence.mime).where(Evidence.agency_id == agency_id, Evidence.sha256 == digest)
    )
    stop_reading()
    inspected = service.inspect_stored(storage, agency_id, digest, mime=mime or "")
    return inspected.thumbnail


def _compare(storage: Storage, shelf: _Shelf, before: datetime) -> tuple[int, list[str], list[str]]:
    """Return how many objects rows know, the old ones they do not, and what they miss."""
    known: Counter[UUID] = Counter()
    unknown: list[str] = []
    for batch in _in_batches(storage.list(shelf.prefix)):
        rows = _rows_of(shelf, {shelf.hash_in(one.key) for one in batch})
        for one in batch:
            found = rows.get(one.key)
            if found is None:
                unknown += [one.key] if one.modified_at < before else []
            elif found[1] < before:
                known[found[0]] += 1
    missed: list[str] = []
    for agency_id, count in _counts(shelf, before):
        if known[agency_id] < count:
            missed += _missed(storage, shelf, agency_id, before)
    return known.total(), sorted(unknown), sorted(missed)


def _in_batches(objects: Iterable[StoredObject]) -> Iterator[list[StoredObject]]:
    objects = iter(objects)
    while batch := list(islice(objects, BATCH)):
        yield batch


def _rows_of(shelf: _Shelf, hashes: set[str]) -> dict[str, tuple[UUID, datetime]]:
    """Return the objects that rows with these hashes name: their agency, and since when."""
    rows = db.session.execute(
        sa.select(Evidence.agency_id, Evidence.sha256, Evidence.stored_at).where(
            Evidence.sha256.in_(hashes), Evidence.stored_at.is_not(None), shelf.condition
        )
    ).all()
    stop_reading()
    return {shelf.key(row.agency_id, row.sha256): (row.agency_id, row.stored_at) for row in rows}


def _counts(shelf: _Shelf, before: datetime) -> list[tuple[UUID, int]]:
    rows = db.session.execute(
        sa.select(Evidence.agency_id, sa.func.count())
        .where(shelf.condition, Evidence.stored_at < before)
        .group_by(Evidence.agency_id)
    ).all()
    stop_reading()
    return [(row[0], row[1]) for row in rows]


def _missed(storage: Storage, shelf: _Shelf, agency_id: UUID, before: datetime) -> list[str]:
    """Return what an agency's rows name and the storage does not have."""
    there = {shelf.hash_in(one.key) for one in storage.list(f"{shelf.prefix}/{agency_id}")}
    missed: list[str] = []
    after = UUID(int=0)
    while True:
        rows = db.session.execute(
            sa.select(Evidence.id, Evidence.sha256)
            .where(
                Evidence.agency_id == agency_id,
                Evidence.id > after,
                Evidence.stored_at < before,
                shelf.condition,
            )
            .order_by(Evidence.id)
            .limit(BATCH)
        ).all()
        stop_reading()
        keys = [shelf.key(agency_id, row.sha256) for row in rows if row.sha256 not in there]
        missed += [key for key in keys if not storage.exists(key)]
        if len(rows) < BATCH:
            return missed
        after = rows[-1].id
