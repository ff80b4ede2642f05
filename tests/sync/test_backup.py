"""A backup holds one moment, whole or not at all; a restore proves every byte first."""

import hashlib
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

import flask
import pytest
import sqlalchemy as sa
from click.testing import Result

from app import entry
from app.db import Base, db, new_id
from app.evidence import service as evidence
from app.evidence.rules import EvidenceState, object_key
from app.journal import service as journal
from sync.epoch import rules
from sync.feed import service as feed
from sync.rescue import importing as rescuing
from sync.uploads.service import rescue_key
from tests import servers
from tests.conftest import FixedClock, Place
from tests.factories import Make
from tests.storage_servers import S3Server
from tests.sync.conftest import Stage, whole_visit
from tests.sync.tablet import Tablet
from wsgi import cli, create_app


def run(flask_app: flask.Flask, *arguments: str) -> Result:
    """A command as an operator types it."""
    return flask_app.test_cli_runner().invoke(cli, list(arguments))


def counts(flask_app: flask.Flask) -> dict[str, int]:
    """Rows of every table."""
    with flask_app.app_context():
        return {
            name: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def photo(stage: Stage, content: bytes) -> None:
    """Evidence whose bytes lie in the storage."""
    home, sha256 = stage.make.home(), hashlib.sha256(content).hexdigest()
    with stage.make.writing():
        entry.storage().put(object_key(home.id, sha256), content)
        evidence.record_stored(
            sha256,
            evidence.Inspected(EvidenceState.STORED, None, thumbnail=False),
            size_bytes=len(content),
            mime="application/pdf",
            role="photo",
            agency_id=home.id,
            district=home.district,
            by=stage.make.by(home),
            at=stage.clock(),
        )


def manifest_of(place: Path) -> rules.Manifest:
    return rules.read_manifest((place / "manifest.json").read_bytes())


@dataclass
class Elsewhere:
    """An empty installation with the same keys, to restore into."""

    place: Place

    @contextmanager
    def opened(self) -> Iterator[flask.Flask]:
        made = create_app(self.place.environ)
        try:
            yield made
        finally:
            with made.app_context():
                db.session.remove()
                db.engine.dispose()


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, place: Place, tmp_path: Path) -> Iterator[Elsewhere]:
    """A second place of the same kind as the first, without even tables."""
    environ = {**place.environ, "DATA_DIR": str(tmp_path / "elsewhere")}
    if place.kind == "sqlite":
        yield Elsewhere(Place("sqlite", environ))
        return
    server = request.getfixturevalue("postgresql_server")
    name, address = servers.copy_postgresql(server, "template0")
    yield Elsewhere(Place("postgresql", {**environ, "DATABASE_URL": address}))
    servers.drop_postgresql(server, name)


@pytest.fixture
def busy(stage: Stage, tablet: Tablet) -> Tablet:
    """A tablet whose office has tasks, a visit, and photos in the storage."""
    assert tablet.push(whole_visit(tablet, stage.task(tablet))).status == 200
    photo(stage, b"one photo")
    photo(stage, b"another")
    return tablet


def test_what_is_restored_is_what_was_backed_up(
    stage: Stage, busy: Tablet, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    to = tmp_path / "safe"
    before = counts(stage.flask_app)

    made = run(stage.flask_app, "backup", str(to))

    assert made.exit_code == 0, made.output
    assert manifest_of(to).objects_count == 2
    with elsewhere.opened() as other:
        done = run(other, "restore", str(to))
        assert done.exit_code == 0, done.output
        assert counts(other) == before
        with other.app_context():
            assert journal.verify()[1] == []
            assert feed.differences() == []
            for content in (b"one photo", b"another"):
                key = object_key(stage.make.home().id, hashlib.sha256(content).hexdigest())
                assert entry.storage().get(key) == content
        again = run(other, "backup", str(tmp_path / "again"))
        assert again.exit_code == 0, again.output
    assert rows_of(tmp_path / "again") == rows_of(to)


def rows_of(place: Path) -> dict[str, str]:
    return {one.name: one.rows_sha256 for one in manifest_of(place).tables}


@pytest.mark.parametrize("name", ["safe", "safe.tar"])
def test_a_changed_byte_in_any_file_is_refused_by_name(
    stage: Stage, busy: Tablet, elsewhere: Elsewhere, tmp_path: Path, name: str
) -> None:
    to = tmp_path / name
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    with elsewhere.opened() as other:
        for file, path, middle in bytes_of(to):
            whole = path.read_bytes()
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            refused = run(other, "restore", str(to))
            path.write_bytes(whole)
            assert refused.exit_code == 1, file
            assert file in refused.output
            assert not (Path(elsewhere.place.environ["DATA_DIR"]) / "suicha.db").exists()
        assert run(other, "restore", str(to)).exit_code == 0


def bytes_of(to: Path) -> list[tuple[str, Path, int]]:
    """The files of a backup: each with the path it is in, and where its middle byte lies there."""
    if to.is_dir():
        found = [(path, path.stat().st_size // 2) for path in to.rglob("*") if path.is_file()]
        return [(str(path.relative_to(to)), path, middle) for path, middle in found]
    with tarfile.open(to) as archive:
        return [(one.name, to, one.offset_data + one.size // 2) for one in archive.getmembers()]


def test_a_second_backup_copies_only_new_photos_and_heals_what_was_damaged(
    stage: Stage, busy: Tablet, tmp_path: Path
) -> None:
    to = tmp_path / "safe"
    assert "本次复制 2 个" in run(stage.flask_app, "backup", str(to)).output
    assert "本次复制 0 个" in run(stage.flask_app, "backup", str(to)).output
    photo(stage, b"a third")
    next((to / "objects").rglob(hashlib.sha256(b"another").hexdigest())).write_bytes(b"rotten!")
    assert "本次复制 2 个" in run(stage.flask_app, "backup", str(to)).output
    assert to.stat().st_mode & 0o777 == 0o700, "names and photos are the owner's alone"
    kept = list(to.glob("database-*"))
    assert len(kept) == 1, "the tables of earlier backups are gone"


def test_a_photo_that_the_storage_lacks_is_named_and_the_rest_is_whole(
    stage: Stage, busy: Tablet, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    to, sha256 = tmp_path / "safe", hashlib.sha256(b"another").hexdigest()
    with stage.flask_app.app_context():
        entry.storage().delete(object_key(stage.make.home().id, sha256))

    made = run(stage.flask_app, "backup", str(to))

    assert made.exit_code == 1
    assert f"MISSING evidence/{stage.make.home().id}/{sha256}" in made.output
    with elsewhere.opened() as other:
        done = run(other, "restore", str(to), "--adopt")
        assert done.exit_code == 0, done.output
        assert f"MISSING {sha256}" in done.output
        with other.app_context():
            state = db.session.scalar(
                sa.text("SELECT state FROM evidence WHERE sha256 = :s").bindparams(s=sha256)
            )
        assert state == "awaited", "the tablet that has it may send it again"


def test_a_backup_while_four_threads_write_is_one_moment(
    stage: Stage, tablet: Tablet, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    stop = Flag()

    def write(_: int) -> int:
        made = 0
        while not stop.is_set():
            stage.make.task(checklist_code="lodging")
            made += 1
        return made

    stage.make.home()
    with ThreadPoolExecutor(5) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        try:
            made = [run(stage.flask_app, "backup", str(tmp_path / f"b{n}")) for n in range(3)]
        finally:
            stop.set()
        assert sum(one.result() for one in writers) > 8
    assert [one.exit_code for one in made] == [0, 0, 0], made[0].output
    with elsewhere.opened() as other:
        for number in range(3):
            to = tmp_path / f"b{number}"
            done = run(other, "restore", str(to), "--replace")
            assert done.exit_code == 0, done.output
            expected = {one.name: one.rows for one in manifest_of(to).tables}
            assert counts(other) == expected
            with other.app_context():
                assert journal.verify()[1] == []
                heads = {
                    one["stream"]: (one["seq"], one["hash"])
                    for one in manifest_of(to).head["streams"]
                }
                assert journal.heads() == heads
                numbers = db.session.execute(
                    sa.text("SELECT last, (SELECT count(*) FROM task) FROM task_number")
                ).all()
                assert all(last == tasks for last, tasks in numbers)


def test_a_target_that_holds_data_is_not_overwritten_unless_asked(
    stage: Stage, busy: Tablet, tmp_path: Path
) -> None:
    to = tmp_path / "safe"
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    before = counts(stage.flask_app)
    refused = run(stage.flask_app, "restore", str(to))
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert counts(stage.flask_app) == before


def test_other_keys_are_noticed_and_a_backup_can_hold_them(
    stage: Stage, busy: Tablet, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    to = tmp_path / "safe"
    assert "不在备份中" in run(stage.flask_app, "backup", str(to)).output
    kept = b"".join(path.read_bytes() for path in to.rglob("*") if path.is_file())
    assert b"33" * 32 not in kept
    environ = {**elsewhere.place.environ, "SUICHA_DRAW_KEY": "55" * 32}
    with Elsewhere(Place(elsewhere.place.kind, environ)).opened() as other:
        refused = run(other, "restore", str(to))
        assert refused.exit_code == 1
        assert "密钥" in refused.output
        assert run(other, "restore", str(to), "--other-keys").exit_code == 0
    whole = run(stage.flask_app, "backup", str(tmp_path / "keys.tar"), "--with-keys")
    assert "在备份中" in whole.output


def test_a_directory_without_a_whole_backup_is_none(flask_app: flask.Flask, tmp_path: Path) -> None:
    for name in ("nothing", "half"):
        to = tmp_path / name
        to.mkdir()
        if name == "half":
            (to / "database-x").mkdir()
        refused = run(flask_app, "restore", str(to), "--replace")
        assert refused.exit_code == 1
        assert "manifest.json" in refused.output
    missing = run(flask_app, "restore", str(tmp_path / "nowhere"), "--replace")
    assert missing.exit_code == 1


def test_a_backup_of_one_database_can_be_read_into_the_other(
    stage: Stage,
    busy: Tablet,
    place: Place,
    tmp_path: Path,
    postgresql_server: str,
) -> None:
    to = tmp_path / "safe"
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    environ = {**place.environ, "DATA_DIR": str(tmp_path / "moved"), "DATABASE_URL": ""}
    name = None
    if place.kind == "sqlite":
        name, environ["DATABASE_URL"] = servers.copy_postgresql(postgresql_server, "template0")
    with Elsewhere(Place("moved", environ)).opened() as other:
        done = run(other, "restore", str(to))
        assert done.exit_code == 0, done.output
        assert run(other, "backup", str(tmp_path / "again")).exit_code == 0
        with other.app_context():
            assert feed.differences() == []
    if name is not None:
        servers.drop_postgresql(postgresql_server, name)
    assert rows_of(tmp_path / "again") == rows_of(to)


def test_photos_and_backup_may_lie_in_s3(
    place: Place,
    clock: FixedClock,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name, value in s3_server.environ.items():
        monkeypatch.setenv(name, value)
    home, to = tmp_path.name, s3_server.url(f"photos/safe-{tmp_path.name}")
    with Elsewhere(
        Place(place.kind, {**place.environ, "STORAGE_URL": s3_server.url(f"photos/{home}")})
    ).opened() as flask_app:
        stage = Stage(flask_app, Make(flask_app, clock), clock)
        with stage.make.writing():
            journal.install(at=clock())
        for content in (b"one photo", b"another" * 2_000_000):
            photo(stage, content)
        assert "本次复制 2 个" in run(flask_app, "backup", to).output
        assert "本次复制 0 个" in run(flask_app, "backup", to).output
        with flask_app.app_context():
            key = object_key(
                stage.make.home().id, hashlib.sha256(b"another" * 2_000_000).hexdigest()
            )
            entry.storage().delete(key)
        done = run(flask_app, "restore", to, "--replace", "--adopt")
        assert done.exit_code == 0, done.output
        assert "其中写入 1 个" in done.output
        assert flask_app.test_client().get("/readyz").status_code == 200
        with flask_app.app_context():
            assert entry.storage().get(key) == b"another" * 2_000_000


def test_a_rescue_file_is_in_the_backup_as_it_came(
    stage: Stage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    to, by = tmp_path / "safe", stage.make.by(stage.make.home())
    with stage.flask_app.app_context():
        kept = rescuing.store_file(new_id(), [b"torn"], by=by, at=stage.clock())
        key = rescue_key(kept.agency_id, kept.id)

    assert run(stage.flask_app, "backup", str(to)).exit_code == 0

    with elsewhere.opened() as other:
        done = run(other, "restore", str(to), "--adopt")
        assert done.exit_code == 0, done.output
        with other.app_context():
            assert entry.storage().get(key) == b"torn"
