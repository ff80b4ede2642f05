"""One writer at a time through all processes: in turn, within a bound, and whoever dies."""

import json
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import flask
import pytest
import sqlalchemy as sa

from app.db import Overloaded, db, transaction
from app.writers import Writers
from tests.servers import ROOT
from tests.writing import application, make_database, write


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "turns.db"
    make_database(path)
    return path


@pytest.fixture
def bare(database: Path) -> flask.Flask:
    return application(database)


def process(database: Path, threads: int, seconds: float = 0) -> subprocess.Popen[str]:
    """A process of `tests.writing` that has said its first line."""
    command = [sys.executable, "-m", "tests.writing", str(database), str(threads), str(seconds)]
    started = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() in {"ready\n", "writing\n"}
    return started


def written(made: flask.Flask) -> int:
    with made.app_context():
        return db.session.scalar(sa.text("SELECT count(*) FROM turn")) or 0


@pytest.mark.parametrize("threads", [(8, 8), (8, 1)])
def test_two_processes_write_in_turn_and_nobody_starves(
    database: Path, bare: flask.Flask, threads: tuple[int, int]
) -> None:
    both = [process(database, count, 2) for count in threads]
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], "nobody was told that it is locked"
    counts = [json.loads(text) for text in said]
    shares = [sum(each) for each in counts]
    assert sum(shares) == written(bare)
    assert min(shares) > max(shares) / 3, shares
    assert min(min(each) for each in counts) > 0, counts


def test_a_process_killed_while_it_writes_leaves_neither_row_nor_lock(
    database: Path, bare: flask.Flask
) -> None:
    held = process(database, 0)
    waiting = threading.Timer(0.3, held.kill)
    waiting.start()
    with bare.app_context(), transaction():
        write()
    assert held.wait() == -9
    held.communicate()
    assert written(bare) == 1


def test_who_waits_too_long_for_another_process_is_told_so_and_writes_when_it_has_ended(
    database: Path, bare: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 0.3)
    with process(database, 0) as held:
        begun = time.monotonic()
        with bare.app_context(), pytest.raises(Overloaded), transaction():
            write()
        assert 0.3 <= time.monotonic() - begun < 5
        held.kill()
    with bare.app_context(), transaction():
        write()
    assert written(bare) == 1


def test_who_writes_without_the_queue_is_waited_for_by_sqlite(
    database: Path, bare: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 1)  # read when a connection is made
    foreign = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    with closing(foreign):
        foreign.execute("BEGIN IMMEDIATE")
        with bare.app_context(), pytest.raises(Overloaded), transaction():
            write()
        soon = threading.Timer(0.2, foreign.execute, ["COMMIT"])
        soon.start()
        with bare.app_context(), transaction():
            write()
        soon.join()
    assert written(bare) == 1


def test_the_locks_belong_to_whom_the_database_belongs_to(database: Path) -> None:
    database.chmod(0o640)
    queue = Writers(database)
    assert queue.take(1)
    queue.give_back()
    made = sorted(path for path in database.parent.iterdir() if path != database)
    assert [path.name for path in made] == ["turns.db-next", "turns.db-writing"]
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
        assert path.stat().st_uid == database.stat().st_uid


@pytest.mark.parametrize("name", [None, "nowhere/turns.db"])
def test_without_a_file_the_threads_of_a_process_still_queue(
    tmp_path: Path, name: str | None
) -> None:
    queue = Writers(None if name is None else tmp_path / name)
    assert queue.take(1)
    assert not queue.take(0.01)
    queue.give_back()
    assert queue.take(1)


def test_long_work_gives_way_to_who_writes_in_its_process_and_not_for_ever(database: Path) -> None:
    queue, other = Writers(database), Writers(database)
    assert other.take(1)
    assert queue.give_way(5) == 5, "another process"
    other.give_back()
    assert queue.take(1)
    assert queue.give_way(0.05) == 0
    assert queue.give_way(0) == 0
    soon = threading.Timer(0.1, queue.give_back)
    soon.start()
    assert 0 < queue.give_way(5) < 5
    assert queue.take(0.05), "it returned before the one who wrote had given back"
