"""`suicha backup`: database and photos, consistent, while the server goes on.

All tables are read in one transaction that sees one moment; what is written meanwhile waits for the
next backup. Photos are never altered or deleted, so those of that moment can be copied afterwards.
A backup is a manifest and what it names; the manifest is written last, in one step, and the files
of the backup before stay until then: whatever is killed, what lies there is a whole backup or none.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import canonical, entry, readiness
from app.access import Actor
from app.db import Base, db, stop_reading, transaction
from app.errors import Conflict
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState, object_key, thumbnail_key
from app.journal import service as journal
from app.journal.models import Installation
from app.journal.rules import Event
from app.keys import Keys, key_id, public_bytes
from app.storage import Storage, StoredObjectMissing
from sync.epoch import heads, tables
from sync.epoch.places import Place, as_file
from sync.epoch.rules import (
    MANIFEST,
    File,
    Head,
    Manifest,
    ManifestBroken,
    TableFile,
    read_manifest,
    write_manifest,
)
from sync.rescue.models import RescueFile
from sync.uploads.models import Upload
from sync.uploads.rules import UploadState
from sync.uploads.service import quarantine_key, rescue_key

LEFT_OVER_AFTER = timedelta(days=1)


class MigrationsPending(Conflict):
    code, title = "migrations-pending", "数据库尚未升级"


@dataclass
class Made:
    """What a backup came to."""

    manifest: Manifest
    copied: int = 0
    copied_bytes: int = 0


@dataclass(frozen=True)
class _Wanted:
    """An object that belongs into the backup, and its hash where its row knows it."""

    key: str
    sha256: str | None


@dataclass
class _Copied:
    objects: list[File] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    count: int = 0
    size: int = 0


def make_backup(place: Place, *, with_keys: bool, by: Actor, at: datetime) -> Made:
    """Write a backup of database and photos into `place`, which may hold an earlier one.

    Photos that lie there already with the right hash are not copied again. Returns what was
    written, with what the storage lacks. Raises MigrationsPending.
    """
    stamp = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    before = _earlier(place)
    db.session.remove()
    files, wanted, revision, head = _dump_all(place, stamp)
    db.session.remove()
    copied = _copy_objects(place, wanted, before)
    listed = tables.compressed(
        canonical.dumps({"key": one.file, "sha256": one.sha256, "size": one.size}).encode() + b"\n"
        for one in copied.objects
    )
    keys = entry.keys()
    manifest = Manifest(
        made_at=canonical.instant(at),
        dialect=db.engine.dialect.name,
        revision=revision,
        epoch=head.epoch,
        head=head.value(),
        keys=names_of(keys),
        tables=files,
        objects=_put(place, f"database-{stamp}/objects.jsonl.gz", listed),
        objects_count=len(copied.objects),
        objects_bytes=sum(one.size for one in copied.objects),
        missing=copied.missing,
        secrets=_put(place, f"database-{stamp}/keys.json", [_secrets_of(keys)])
        if with_keys
        else None,
    )
    whole = write_manifest(manifest)
    place.put(MANIFEST, whole)
    _clear(place, stamp, before, at)
    _record(manifest, hashlib.sha256(whole).hexdigest(), by=by, at=at)
    return Made(manifest, copied.count, copied.size)


def names_of(keys: Keys) -> dict[str, str]:
    """Return the names of the keys that a restored database needs; no key can be had from them."""
    return {
        "receipt_key": key_id(public_bytes(keys.receipt_key)),
        "rescue_key": key_id(public_bytes(keys.rescue_key)),
        "draw_key": hashlib.sha256(b"suicha-draw-key-name" + keys.draw_key).hexdigest()[:16],
    }


def _secrets_of(keys: Keys) -> bytes:
    values = {
        "secret_key": keys.secret_key.decode(),
        "receipt_key": _base64(keys.receipt_key.private_bytes_raw()),
        "draw_key": _base64(keys.draw_key),
        "rescue_key": _base64(keys.rescue_key.private_bytes_raw()),
    }
    return json.dumps(values).encode() + b"\n"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _earlier(place: Place) -> Manifest | None:
    """Return the manifest of the backup that lies there; a broken one is as good as none."""
    with suppress(StoredObjectMissing, ManifestBroken):
        return read_manifest(b"".join(place.stream(MANIFEST)))
    return None


# --- the database ------------------------------------------------------------------------------


def _dump_all(place: Place, stamp: str) -> tuple[list[TableFile], list[_Wanted], str, Head]:
    """Write every table, in one transaction that sees one moment."""
    connection = _snapshot()
    revision = str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))
    if revision != readiness.code_head():
        raise MigrationsPending(
            "数据库版本与程序不一致，请先运行 suicha db upgrade 再备份。", revision=revision
        )
    head = heads.collect()
    files = []
    for table in Base.metadata.sorted_tables:
        written = tables.Written()
        file = _put(
            place,
            f"database-{stamp}/{table.name}.jsonl.gz",
            tables.dump(connection, table, written),
        )
        files.append(
            TableFile(
                table.name, file.file, file.sha256, file.size, written.rows, written.rows_sha256
            )
        )
    return files, _wanted(), revision, head


def _snapshot() -> Connection:
    """Return the session's connection, in a transaction that sees the same moment throughout."""
    if db.engine.dialect.name == "postgresql":
        return db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return db.session.connection()  # a reader of SQLite's WAL sees one moment


def _put(place: Place, key: str, chunks: Iterable[bytes]) -> File:
    """Write a file and return its hash and size."""
    digest, size = hashlib.sha256(), 0

    def passing() -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    place.put(key, passing())
    return File(key, digest.hexdigest(), size)


# --- photos ------------------------------------------------------------------------------------


def _wanted() -> list[_Wanted]:
    """Return what the rows of this moment say is in the storage."""
    rows = db.session.execute(
        sa.select(Evidence.agency_id, Evidence.sha256, Evidence.thumbnail)
        .where(Evidence.state != EvidenceState.AWAITED)
        .order_by(Evidence.id)
    )
    found = []
    for agency_id, sha256, thumbnail in rows:
        found.append(_Wanted(object_key(agency_id, sha256), sha256))
        if thumbnail:
            found.append(_Wanted(thumbnail_key(agency_id, sha256), None))
    kept = db.session.scalars(sa.select(Upload).where(Upload.state == UploadState.HASH_MISMATCH))
    found += [_Wanted(quarantine_key(upload), None) for upload in kept]
    rescued = db.session.scalars(sa.select(RescueFile).order_by(RescueFile.id))
    found += [_Wanted(rescue_key(one.agency_id, one.id), one.sha256) for one in rescued]
    return found


def _copy_objects(place: Place, wanted: Iterable[_Wanted], before: Manifest | None) -> _Copied:
    storage, done = entry.storage(), _Copied()
    known = _known(place, before)
    for one in wanted:
        target = f"objects/{one.key}"
        expected = one.sha256 or known.get(one.key)
        there = _hashed(place, target) if one.key in known else None
        if there is not None and there.sha256 == expected:
            done.objects.append(File(one.key, there.sha256, there.size))
            continue
        found = _copy(storage, one, place, target)
        if found is None:
            done.missing.append(one.key)
            continue
        done.objects.append(found)
        done.count, done.size = done.count + 1, done.size + found.size
    return done


def _known(place: Place, before: Manifest | None) -> dict[str, str]:
    """Return the objects that lie in the place, with the hash the last backup gave them."""
    prefix = "objects/"
    found = {one.key.removeprefix(prefix): "" for one in place.list("objects")}
    if before is not None:
        with suppress(StoredObjectMissing, tables.Unreadable):
            for line in tables.read_lines(as_file(place.stream(before.objects.file))):
                listed = json.loads(line)
                if listed["key"] in found:
                    found[listed["key"]] = listed["sha256"]
    return found


def _copy(storage: Storage, one: _Wanted, place: Place, target: str) -> File | None:
    """Copy an object; None where the storage lacks it or holds other bytes than the row says."""
    try:
        found = _put(place, target, storage.stream(one.key))
    except StoredObjectMissing:
        return None
    if one.sha256 not in (None, found.sha256):
        return None
    return File(one.key, found.sha256, found.size)


def _hashed(place: Place, key: str) -> File | None:
    digest, size = hashlib.sha256(), 0
    with suppress(StoredObjectMissing):
        for chunk in place.stream(key):
            digest.update(chunk)
            size += len(chunk)
        return File(key, digest.hexdigest(), size)
    return None


# --- afterwards --------------------------------------------------------------------------------


def _clear(place: Place, stamp: str, before: Manifest | None, at: datetime) -> None:
    """Remove the tables of the backup before, and what a killed one left a day ago."""
    old = set() if before is None else {one.file for one in before.files()}
    for found in place.list():
        folder = found.key.partition("/")[0]
        if not folder.startswith("database-") or folder == f"database-{stamp}":
            continue
        if found.key in old or found.modified_at < at - LEFT_OVER_AFTER:
            place.delete(found.key)


def _record(manifest: Manifest, digest: str, *, by: Actor, at: datetime) -> None:
    stop_reading()
    if db.session.scalar(sa.select(Installation.id)) is None:
        return  # nothing was ever done here
    with transaction():
        journal.record(
            Event.BACKUP_MADE,
            None,
            by=by,
            at=at,
            data={
                "manifest_sha256": digest,
                "rows": sum(one.rows for one in manifest.tables),
                "objects": manifest.objects_count,
                "missing": len(manifest.missing),
            },
        )
