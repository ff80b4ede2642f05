"""`suicha restore`: a backup, proven to the last byte, becomes the database and the photos.

Everything is read and compared before anything is written. The storage is told first that a restore
is under way, so that whatever is killed afterwards leaves nothing that would be served; SQLite gets
its new file in one step at the end, PostgreSQL its rows in one transaction.
"""

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import flask
import flask_migrate
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from app import canonical, entry, readiness
from app import db as databases
from app.db import db
from app.errors import Conflict, Invalid
from app.storage import Storage, StoredObjectMissing
from sync.epoch import heads, tables
from sync.epoch.backup import names_of
from sync.epoch.places import Place, as_file
from sync.epoch.rules import (
    MANIFEST,
    File,
    Head,
    HeadBroken,
    Manifest,
    ManifestBroken,
    read_manifest,
)

Say = Callable[[str], None]


class BackupUnusable(Invalid):
    """`files`: what is not as the manifest says."""

    code, title = "backup-unusable", "备份不可用"


class TargetNotEmpty(Conflict):
    code, title = "restore-target-not-empty", "目标数据库不是空的"


class DatabaseInUse(Conflict):
    code, title = "restore-database-in-use", "数据库正在使用"


class KeysDiffer(Conflict):
    """`keys`: which of them."""

    code, title = "restore-keys-differ", "密钥与备份时不同"


@dataclass
class Restored:
    """What a restore came to."""

    manifest: Manifest
    rows: int = 0
    photos: int = 0
    copied: int = 0
    missing: Sequence[str] = field(default_factory=tuple)


# --- proving -----------------------------------------------------------------------------------


def check_backup(place: Place) -> tuple[Manifest, list[File]]:
    """Read a backup to its last byte; return its manifest and its photos.

    Raises BackupUnusable, which names every file that is not as it was written.
    """
    try:
        manifest = read_manifest(b"".join(place.stream(MANIFEST)))
    except StoredObjectMissing as error:
        raise BackupUnusable(
            "这里没有完整的备份：缺少 manifest.json。", files=[MANIFEST]
        ) from error
    except ManifestBroken as error:
        raise BackupUnusable(f"备份清单不可用：{error}", files=[MANIFEST]) from error
    wrong = [one.file for one in manifest.files() if not _is_whole(place, one)]
    photos: list[File] = []
    if manifest.objects.file not in wrong:
        photos = _photos(place, manifest)
        wrong += [
            f"objects/{one.file}"
            for one in photos
            if not _is_whole(place, replace(one, file=f"objects/{one.file}"))
        ]
    if wrong:
        raise BackupUnusable(
            f"备份中有 {len(wrong)} 个文件缺失或被改动，没有恢复：{'、'.join(wrong[:5])}",
            files=wrong,
        )
    _check_revision(manifest)
    return manifest, photos


def _is_whole(place: Place, file: File) -> bool:
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in place.stream(file.file):
            digest.update(chunk)
            size += len(chunk)
    except (StoredObjectMissing, ValueError):
        return False
    return (digest.hexdigest(), size) == (file.sha256, file.size)


def _photos(place: Place, manifest: Manifest) -> list[File]:
    lines = tables.read_lines(as_file(place.stream(manifest.objects.file)))
    return [File(one["key"], one["sha256"], one["size"]) for one in map(json.loads, lines)]


def _check_revision(manifest: Manifest) -> None:
    try:
        ScriptDirectory(str(readiness.MIGRATIONS)).get_revision(manifest.revision)
    except CommandError as error:
        raise BackupUnusable(
            f"备份来自更新的程序版本（{manifest.revision}），请先升级程序。", files=[MANIFEST]
        ) from error


# --- restoring ---------------------------------------------------------------------------------


def restore(
    place: Place,
    *,
    replacing: bool,
    other_keys: bool,
    say: Say,
    at: datetime,
) -> Restored:
    """Put a proven backup into the configured database and storage; nobody is served before it is
    adopted.

    Raises BackupUnusable, TargetNotEmpty (unless `replacing`: then the database that is there is
    put aside), DatabaseInUse, KeysDiffer (unless `other_keys`).
    """
    manifest, photos = check_backup(place)
    say(f"备份完好：{sum(one.rows for one in manifest.tables)} 行，{len(photos)} 个文件。")
    if not other_keys:
        _refuse_other_keys(manifest)
    if not replacing and not _is_empty():
        raise TargetNotEmpty("目标数据库里已有数据；确认要替换时请加 --replace。")
    heads.publish_quietly(at=at)  # what the database that is put aside knew, if it can be read
    _announce(manifest, at)
    done = Restored(manifest, missing=manifest.missing)
    done.copied = _put_photos(place, photos)
    done.photos = len(photos)
    url = make_url(entry.config().database_url)
    if url.get_backend_name() == "sqlite":
        _restore_sqlite(place, manifest, Path(url.database or ""), at)
    else:
        _restore_server(place, manifest, str(entry.config().database_url), replacing, at)
    done.rows = sum(one.rows for one in manifest.tables)
    return done


def _refuse_other_keys(manifest: Manifest) -> None:
    here = names_of(entry.keys())
    differing = sorted(name for name, value in manifest.keys.items() if here.get(name) != value)
    if differing:
        raise KeysDiffer(
            "当前密钥与备份时不同：用原密钥启动后再恢复；密钥确已丢失时请加 --other-keys，"
            "此前封存的抽取秘密、旧回执的签名和救援文件将无法使用。",
            keys=differing,
        )


def _is_empty() -> bool:
    """Tell whether the configured database holds nothing but, at most, empty tables."""
    try:
        return _holds_nothing()
    except DatabaseError:
        return False  # damaged: whatever it is, it is not empty


def _holds_nothing() -> bool:
    inspector = sa.inspect(db.engine)
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        if db.session.execute(sa.select(sa.table(name)).limit(1)).first() is not None:
            return False
    return True


def _announce(manifest: Manifest, at: datetime) -> None:
    """Note in the storage that a restore is under way; what the head knew stays in it."""
    try:
        before = heads.read_head()
    except HeadBroken:
        before = None
    head = before or Head(epoch=None, at=canonical.instant(at))
    heads.put_head(replace(head, restoring=head.restoring or manifest.made_at))


def _put_photos(place: Place, photos: Sequence[File]) -> int:
    """Store the photos that the storage lacks, or holds with other bytes; return how many."""
    storage, copied = entry.storage(), 0
    for one in photos:
        if not _lies_there(storage, one):
            storage.put(one.file, place.stream(f"objects/{one.file}"))
            copied += 1
    return copied


def _lies_there(storage: Storage, one: File) -> bool:
    with suppress(StoredObjectMissing):
        if storage.head(one.file).size_bytes != one.size:
            return False
        digest = hashlib.sha256()
        for chunk in storage.stream(one.file):
            digest.update(chunk)
        return digest.hexdigest() == one.sha256
    return False


def _restore_sqlite(place: Place, manifest: Manifest, path: Path, at: datetime) -> None:
    """Build the database beside the old one and give it its name in one step."""
    db.engine.dispose()
    fresh = path.with_name(f"{path.name}.restoring-{secrets.token_hex(4)}")
    try:
        with _database_at(f"sqlite:///{fresh}"):
            flask_migrate.upgrade(revision=manifest.revision)
            with _loading() as connection:
                _load_all(connection, place, manifest)
            flask_migrate.upgrade()
            db.session.remove()
            db.engine.dispose()
        _settle(fresh)
        if path.exists():
            _put_file_aside(path, at)
        fresh.replace(path)
        _sync_directory(path.parent)
    finally:
        for name in (fresh, *(fresh.with_name(fresh.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)


def _put_file_aside(path: Path, at: datetime) -> None:
    """Give the old database a second name; one that is damaged goes with what lies beside it."""
    kept = path.with_name(f"{path.name}.replaced-{_stamp(at)}")
    try:
        _settle(path)
    except sqlite3.DatabaseError:
        for end in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(kept.with_name(kept.name + end))
    kept.hardlink_to(path)


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dt%H%M%S}_{secrets.token_hex(3)}"


def _settle(path: Path) -> None:
    """Bring everything into the one file and onto the disk. Raises DatabaseInUse."""
    connection = sqlite3.connect(path, timeout=2, isolation_level=None)
    try:
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        if mode is None or mode[0] != "delete":
            raise DatabaseInUse("数据库仍被其他进程打开，请先停止服务和定时任务。")
    except sqlite3.OperationalError as error:
        raise DatabaseInUse("数据库仍被其他进程打开，请先停止服务和定时任务。") from error
    finally:
        connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _restore_server(
    place: Place, manifest: Manifest, url: str, replacing: bool, at: datetime
) -> None:
    """Load a server's database in one transaction; what was there before is kept beside it."""
    db.engine.dispose()
    with _database_at(url):
        if replacing and not _is_empty():
            _put_aside(at)
        flask_migrate.upgrade(revision=manifest.revision)
        with _loading() as connection:
            _load_all(connection, place, manifest)
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
    db.engine.dispose()


def _put_aside(at: datetime) -> None:
    """Rename the schema that holds the old tables, and begin an empty one of its name."""
    db.session.remove()
    with db.engine.connect().execution_options(suicha_write=True) as connection:
        schema = connection.dialect.identifier_preparer.quote(
            str(connection.scalar(sa.text("SELECT current_schema()")))
        )
        connection.execute(sa.text(f"ALTER SCHEMA {schema} RENAME TO replaced_{_stamp(at)}"))
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        connection.commit()


@contextmanager
def _database_at(url: str) -> Iterator[None]:
    """A small application over a database, so that migrations and the session use that one."""
    small = flask.Flask("restore")
    small.config["SQLALCHEMY_DATABASE_URI"] = url
    databases.init_app(small)
    flask_migrate.Migrate(small, db, directory=str(readiness.MIGRATIONS), render_as_batch=True)
    with small.app_context():
        yield


@contextmanager
def _loading() -> Iterator[Connection]:
    connecting = db.engine.connect().execution_options(suicha_write=True)
    with connecting as connection, connection.begin():
        yield connection


def _load_all(connection: Connection, place: Place, manifest: Manifest) -> None:
    """Load every table and count it again. Raises BackupUnusable; nothing is committed then."""
    for one in manifest.tables:
        read = tables.Written()
        try:
            tables.load(connection, as_file(place.stream(one.file)), one.name, read)
        except (ValueError, SQLAlchemyError) as error:
            raise BackupUnusable(
                f"表 {one.name} 无法载入，没有恢复：{type(error).__name__}。", files=[one.file]
            ) from error
        counted = connection.scalar(sa.select(sa.func.count()).select_from(sa.table(one.name)))
        if (read.rows, read.rows_sha256, counted) != (one.rows, one.rows_sha256, one.rows):
            raise BackupUnusable(f"表 {one.name} 的行数或内容与清单不符。", files=[one.file])
