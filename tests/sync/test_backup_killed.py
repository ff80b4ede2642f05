"""kill -9 of a backup or a restore: what is there afterwards is whole, or is not served."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.journal import service as journal
from tests.conftest import Place
from tests.servers import ROOT
from tests.sync.conftest import Stage
from tests.sync.dying import BACKUP, RESTORE
from tests.sync.tablet import Tablet
from tests.sync.test_backup import Elsewhere, busy, counts, elsewhere, manifest_of, photo, run

__all__ = ["busy", "elsewhere"]  # fixtures


def die_at(point: str, environ: dict[str, str], *arguments: str) -> None:
    """Run a command in a process that kills itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sync.dying", point, *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, (point, done.stdout, done.stderr)


def test_a_killed_backup_is_none_and_leaves_the_one_before_whole(
    stage: Stage, busy: Tablet, place: Place, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    fresh, to = tmp_path / "fresh", tmp_path / "safe"
    die_at("while_the_manifest_is_written", place.environ, "backup", str(fresh))
    refused = run(stage.flask_app, "restore", str(fresh), "--replace")
    assert refused.exit_code == 1
    assert "manifest.json" in refused.output
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    first = (to / "manifest.json").read_bytes()
    for number, point in enumerate(BACKUP):
        photo(stage, f"another {number}".encode())
        photo(stage, f"and one more {number}".encode())
        die_at(point, place.environ, "backup", str(to))
        newer = (to / "manifest.json").read_bytes() != first
        assert newer == (point == "after_the_manifest"), point
    tar = tmp_path / "safe.tar"
    die_at("before_the_manifest", place.environ, "backup", str(tar))
    assert not tar.exists()
    with elsewhere.opened() as other:
        done = run(other, "restore", str(to))
        assert done.exit_code == 0, done.output
        assert manifest_of(to).objects_count == 2 + 2 * len(BACKUP)


def test_a_killed_restore_is_not_served_and_can_be_done_again(
    stage: Stage, busy: Tablet, place: Place, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    to = tmp_path / "safe"
    before = counts(stage.flask_app)
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    for point in RESTORE:
        if point == "before_the_database_has_its_name":
            continue  # there is no file yet that would be put aside
        die_at(point, elsewhere.place.environ, "restore", str(to), "--replace")
        with elsewhere.opened() as other:
            assert other.test_client().get("/readyz").status_code == 503, point
            assert other.test_client().get("/.well-known/suicha").status_code == 503, point
    with elsewhere.opened() as other:
        done = run(other, "restore", str(to), "--replace")
        assert done.exit_code == 0, done.output
        assert counts(other) == before
        assert run(other, "adopt").exit_code == 0
        assert other.test_client().get("/readyz").status_code == 200
        with other.app_context():
            assert journal.verify()[1] == []
    if place.kind == "sqlite":
        die_at(
            "before_the_database_has_its_name",
            elsewhere.place.environ,
            *("restore", str(to), "--replace"),
        )
        with elsewhere.opened() as other:
            assert counts(other)["task"] == before["task"], "the old database is still there"
            assert other.test_client().get("/.well-known/suicha").status_code == 503


def test_a_database_that_is_open_elsewhere_is_not_replaced(
    stage: Stage, busy: Tablet, place: Place, tmp_path: Path
) -> None:
    if place.kind != "sqlite":
        pytest.skip("a server's database has no file")
    to = tmp_path / "safe"
    assert run(stage.flask_app, "backup", str(to)).exit_code == 0
    before = counts(stage.flask_app)
    with stage.flask_app.app_context():
        journal.heads()  # a reader in this process
        done = subprocess.run(
            [sys.executable, "-m", "wsgi", "restore", str(to), "--replace"],
            cwd=ROOT,
            env={**os.environ, **place.environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert "仍被其他进程打开" in done.stderr
    assert counts(stage.flask_app) == before
