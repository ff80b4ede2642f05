"""Several threads' work in one transaction: whose, in which order, and when one of it fails."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from sqlite3 import connect
from typing import Any

import flask
import pytest
import sqlalchemy as sa

from app import together
from app.access import TIMETABLE
from app.db import Overloaded, db, savepoint, transaction, turn_to_write
from app.journal import service as journal
from app.journal.models import JournalEntry, NumberFloor
from app.journal.rules import Event
from app.people.models import Agency
from app.together import MOST, write_together
from tests.factories import Make
from tests.servers import ROOT
from tests.writing import make_database

# PostgreSQL has many writers: there nobody waits
SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
SOON_S = 20  # nobody waits as long: a test that would, fails


@dataclass
class Crowd:
    """Threads that come one after the other, and the commits that there were."""

    flask_app: flask.Flask
    at: datetime
    pool: ThreadPoolExecutor
    commits: list[str] = field(default_factory=list)
    is_held: bool = False

    @property
    def shares(self) -> bool:
        return str(self.flask_app.config["SQLALCHEMY_DATABASE_URI"]).startswith("sqlite")

    @property
    def waiting(self) -> list[Any]:
        with self.flask_app.app_context():
            return together._table(db.engine)._waiting

    def send(self, work: Callable[[], Any], **said: Any) -> Future[Any]:
        """Let a thread have its work written; return when it waits, where the turn is held."""
        there = len(self.waiting)
        given = {"of": object(), **said}

        def write() -> Any:
            with self.flask_app.app_context():
                return write_together(work, **given)

        sent = self.pool.submit(write)
        until(lambda: not self.is_held or len(self.waiting) > there)
        return sent

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody writes meanwhile; afterwards the commits are counted anew."""
        with self.flask_app.app_context(), ExitStack() as stack:
            stack.enter_context(turn_to_write(db.engine))
            self.is_held = self.shares
            yield
            self.is_held = False
            self.commits.clear()

    def note(self, name: str, result: Any = None) -> Callable[[], Any]:
        """Work that writes a row and an entry of its name."""

        def work() -> Any:
            self.record(name)
            return result

        return work

    def record(self, name: str) -> None:
        db.session.add(NumberFloor(series=name, last=1))
        journal.record(
            Event.JOURNAL_HEAD_PUBLISHED,
            None,
            by=TIMETABLE,
            at=self.at,
            stream="310105",
            data={"name": name},
        )

    def written(self) -> list[str]:
        """The names in the journal, in order; there are the same rows."""
        with self.flask_app.app_context():
            texts = db.session.scalars(sa.select(JournalEntry.text).order_by(JournalEntry.seq))
            names = [json.loads(text)["data"]["name"] for text in texts]
            rows = db.session.scalars(sa.select(NumberFloor.series)).all()
            assert sorted(names) == sorted(rows)
            assert journal.verify()[1] == []
            db.session.remove()
        return names

    def expect(self, commits: int, *, names: list[str]) -> None:
        """Where threads share, there were so many commits; the work was done, in its order."""
        if self.shares:
            assert len(self.commits) == commits
            assert self.written() == names
        assert sorted(self.written()) == sorted(names)
        assert self.waiting == []


def until(there: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not there():
        assert time.monotonic() < begun + SOON_S, "nobody came"
        time.sleep(0.001)


@pytest.fixture
def crowd(flask_app: flask.Flask, at: datetime) -> Iterator[Crowd]:
    with ThreadPoolExecutor(2 * MOST + 4) as pool:
        made = Crowd(flask_app, at, pool)
        with flask_app.app_context():
            engine = db.engine

        def committed(_connection: Any) -> None:
            made.commits.append(threading.current_thread().name)

        sa.event.listen(engine, "commit", committed)
        yield made
        sa.event.remove(engine, "commit", committed)


def results(sent: list[Future[Any]]) -> list[Any]:
    return [one.result(SOON_S) for one in sent]


def test_what_waits_is_written_in_one_commit_in_its_order_and_everybody_has_his_own_result(
    crowd: Crowd,
):
    with crowd.held():
        sent = [crowd.send(crowd.note(f"{number}", number)) for number in range(5)]
    assert results(sent) == [0, 1, 2, 3, 4]
    crowd.expect(1, names=["0", "1", "2", "3", "4"])


def test_whoever_is_alone_is_written_alone(crowd: Crowd):
    assert [crowd.send(crowd.note(name, name)).result(SOON_S) for name in "ab"] == ["a", "b"]
    crowd.expect(2, names=["a", "b"])
    assert len(crowd.commits) == 2


def test_no_more_than_the_most_are_in_one_transaction_and_the_others_keep_their_order(
    crowd: Crowd,
):
    with crowd.held():
        sent = [crowd.send(crowd.note(f"{number:02d}", number)) for number in range(2 * MOST + 1)]
    assert results(sent) == list(range(2 * MOST + 1))
    crowd.expect(3, names=[f"{number:02d}" for number in range(2 * MOST + 1)])


def test_two_of_a_kind_never_share_and_the_first_is_first(crowd: Crowd):
    with crowd.held():
        sent = [
            crowd.send(crowd.note(name, name), of=kind)
            for name, kind in (("a1", "a"), ("a2", "a"), ("b", "b"), ("a3", "a"))
        ]
    assert results(sent) == ["a1", "a2", "b", "a3"]
    crowd.expect(3, names=["a1", "b", "a2", "a3"])


def test_each_finds_what_the_one_before_wrote_and_no_row_of_his(crowd: Crowd):
    kept = []  # what nobody holds is in no session

    def change() -> tuple[int, int]:
        before = len(list(db.session.identity_map.values()))
        row = db.session.get_one(NumberFloor, "shared")
        row.last += 1
        kept.append(row)
        return before, row.last

    with crowd.flask_app.app_context(), transaction() as session:
        session.add(NumberFloor(series="shared", last=1))
    with crowd.held():
        sent = [crowd.send(change) for _ in range(3)]
    found = results(sent)
    assert [before for before, _ in found] == [0, 0, 0]
    if crowd.shares:
        assert [last for _, last in found] == [2, 3, 4]
        assert len(crowd.commits) == 1


@SQLITE
def test_what_a_savepoint_undid_in_a_row_is_known_to_the_closing_step(crowd: Crowd, make: Make):
    agency_id = make.home().id

    def try_and_fail() -> None:
        agency = db.session.get_one(Agency, agency_id)
        journal.record(
            Event.JOURNAL_HEAD_PUBLISHED,
            agency,
            by=TIMETABLE,
            at=crowd.at,
            data={"version": agency.version},
        )
        with pytest.raises(Spoilt), savepoint():
            agency.name = "另一名称"
            db.session.flush()
            raise Spoilt

    with crowd.held():
        sent = [crowd.send(try_and_fail) for _ in range(2)]
    results(sent)
    assert len(crowd.commits) == 1
    with crowd.flask_app.app_context():
        texts = db.session.scalars(
            sa.select(JournalEntry.text).order_by(JournalEntry.seq.desc()).limit(2)
        )
        told = [json.loads(text) for text in texts]
    assert [one["subject_version"] for one in told] == [one["data"]["version"] for one in told]


class Spoilt(Exception):
    pass


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_what_raises_is_told_its_own_thread_and_the_others_are_written_once(
    crowd: Crowd, rank: int
):
    def spoil() -> None:
        crowd.record("spoilt")
        db.session.flush()
        raise Spoilt(rank)

    works: list[Callable[[], Any]] = [crowd.note(f"{number}", number) for number in range(4)]
    works[rank] = spoil
    with crowd.held():
        sent = [crowd.send(work) for work in works]
    with pytest.raises(Spoilt, match=str(rank)):
        sent[rank].result(SOON_S)
    others = [number for number in range(4) if number != rank]
    assert [sent[number].result(SOON_S) for number in others] == others
    assert sorted(crowd.written()) == [str(number) for number in others]
    assert crowd.waiting == []


def test_what_fails_only_when_it_is_written_spoils_no_other(crowd: Crowd):
    with crowd.flask_app.app_context(), transaction():
        crowd.record("there")
    with crowd.held():
        sent = [crowd.send(crowd.note(name, name)) for name in ("a", "there", "b")]
    with pytest.raises(sa.exc.IntegrityError):
        sent[1].result(SOON_S)
    assert (sent[0].result(SOON_S), sent[2].result(SOON_S)) == ("a", "b")
    assert sorted(crowd.written()) == ["a", "b", "there"]


def test_what_fails_only_in_the_closing_step_spoils_no_other(crowd: Crowd):
    def unwritable() -> None:
        crowd.record("unwritable")
        journal.record(
            Event.JOURNAL_HEAD_PUBLISHED,
            None,
            by=TIMETABLE,
            at=crowd.at,
            stream="310105",
            data={"name": 0.5},  # a journal has no floats
        )

    with crowd.held():
        sent = [crowd.send(work) for work in (crowd.note("a"), unwritable, crowd.note("b"))]
    with pytest.raises(ValueError, match="float"):
        sent[1].result(SOON_S)
    results([sent[0], sent[2]])
    assert sorted(crowd.written()) == ["a", "b"]


@pytest.mark.parametrize("durable", [[False, False, True], [False, False, False]])
def test_all_wait_for_the_disk_when_one_must(crowd: Crowd, durable: list[bool]):
    text = "PRAGMA synchronous" if crowd.shares else "SHOW synchronous_commit"
    if not crowd.shares:
        with crowd.flask_app.app_context(), transaction():
            db.session.execute(sa.text("SET synchronous_commit = on"))
    with crowd.held():
        sent = [
            crowd.send(lambda: str(db.session.scalar(sa.text(text))), durable=one)
            for one in durable
        ]
    waits = results(sent)
    if crowd.shares:
        assert waits == ["2" if any(durable) else "1"] * 3
    else:
        assert [wait == "off" for wait in waits[:2]] == [True, True]


@SQLITE
def test_who_waits_too_long_is_told_so_and_leaves_nothing(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
):
    """Leader and others: nobody may write, and nobody waits longer than the bound for it."""
    monkeypatch.setattr("app.together.WRITER_WAIT_S", 0.3)
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 0.3)
    with crowd.held():
        begun = time.monotonic()
        sent = [crowd.send(crowd.note(name)) for name in "abc"]
        for one in sent:
            with pytest.raises(Overloaded):
                one.result(SOON_S)
        assert 0.3 <= time.monotonic() - begun < 5
        assert crowd.waiting == []
    assert crowd.send(crowd.note("d", "d")).result(SOON_S) == "d"
    assert crowd.written() == ["d"]


@SQLITE
def test_when_the_leader_gives_up_the_next_one_leads(crowd: Crowd, monkeypatch: pytest.MonkeyPatch):
    with crowd.held():
        monkeypatch.setattr("app.together.WRITER_WAIT_S", 0.2)
        impatient = crowd.send(crowd.note("a"))
        monkeypatch.setattr("app.together.WRITER_WAIT_S", SOON_S)
        patient = [crowd.send(crowd.note(name, name)) for name in "bc"]
        with pytest.raises(Overloaded):
            impatient.result(SOON_S)
    assert results(patient) == ["b", "c"]
    crowd.expect(1, names=["b", "c"])


@SQLITE
def test_whoever_comes_while_another_is_to_lead_leaves_it_to_him(crowd: Crowd):
    """Also where he has not woken yet."""
    table, now = together._Table(), time.monotonic()
    table._waiting.append(together._Piece(crowd.note("a"), "a", True, now + SOON_S))
    with crowd.flask_app.app_context(), pytest.raises(Overloaded):
        table.write(db.engine, together._Piece(crowd.note("b"), "b", True, now + 0.05))
    assert [piece.of for piece in table._waiting] == ["a"]


@SQLITE
def test_who_waits_behind_a_leader_gives_up_alone(crowd: Crowd, monkeypatch: pytest.MonkeyPatch):
    with crowd.held():
        patient = crowd.send(crowd.note("a", "a"))
        monkeypatch.setattr("app.together.WRITER_WAIT_S", 0.1)
        impatient = crowd.send(crowd.note("b"))
        with pytest.raises(Overloaded):
            impatient.result(SOON_S)
        assert len(crowd.waiting) == 1
    assert patient.result(SOON_S) == "a"
    crowd.expect(1, names=["a"])


@SQLITE
def test_whose_work_is_being_written_waits_for_its_end_also_beyond_the_bound(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.together.WRITER_WAIT_S", 1)
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        assert go_on.wait(SOON_S)
        return "slow"

    with crowd.held():
        sent = [crowd.send(slow), crowd.send(crowd.note("a", "a"))]
    assert inside.wait(SOON_S)
    with pytest.raises(TimeoutError):
        sent[1].result(1.5)
    go_on.set()
    assert results(sent) == ["slow", "a"]
    crowd.expect(1, names=["a"])


@SQLITE
def test_a_database_that_another_has_locked_refuses_all_at_once(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
):
    """Nobody begins to wait once more: the time of all is up when the leader's is."""
    with crowd.flask_app.app_context():
        db.session.execute(sa.text("SELECT 1"))
        file = db.engine.url.database
        db.session.remove()
        db.engine.dispose()
    assert file is not None
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 0.3)  # read when a connection is made
    with closing(connect(file, isolation_level=None)) as foreign:
        with crowd.held():
            sent = [crowd.send(crowd.note(name)) for name in "abcd"]
            foreign.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
        for one in sent:
            with pytest.raises(Overloaded):
                one.result(SOON_S)
        assert time.monotonic() - begun < 0.3 * 2
        foreign.execute("COMMIT")
    assert crowd.send(crowd.note("e", "e")).result(SOON_S) == "e"
    assert crowd.written() == ["e"]


@SQLITE
def test_a_piece_that_says_it_is_overloaded_refuses_nobody_else(crowd: Crowd):
    def overloaded() -> None:
        raise Overloaded("忙")

    with crowd.held():
        sent = [crowd.send(work) for work in (crowd.note("a", "a"), overloaded)]
    assert sent[0].result(SOON_S) == "a"
    with pytest.raises(Overloaded, match="忙"):
        sent[1].result(SOON_S)


@SQLITE
@pytest.mark.parametrize("rank", [0, 2])
def test_when_the_leader_dies_the_others_do_theirs_alone(crowd: Crowd, rank: int):
    """Whosever work interrupts it, once: the leader's thread is the one that is interrupted."""
    died: list[bool] = []

    def die() -> str:
        crowd.record("dying")
        if not died:
            died.append(True)
            raise KeyboardInterrupt
        return "lived"

    works: list[Callable[[], Any]] = [crowd.note(f"{number}", number) for number in range(3)]
    works[rank] = die
    with crowd.held():
        sent = [crowd.send(work) for work in works]
    with pytest.raises(KeyboardInterrupt):
        sent[0].result(SOON_S)
    assert results(sent[1:]) == [1, 2 if rank == 0 else "lived"]
    assert sorted(crowd.written()) == (["1", "2"] if rank == 0 else ["1", "dying"])
    assert crowd.waiting == []
    assert crowd.send(crowd.note("later", "later")).result(SOON_S) == "later"


@SQLITE
def test_who_is_interrupted_while_waiting_leaves_nothing_behind(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
):
    """Its work would stay in front, with nobody to lead."""
    wait = threading.Condition.wait

    def interrupted(self: threading.Condition, timeout: float | None = None) -> bool:
        monkeypatch.setattr(threading.Condition, "wait", wait)
        raise KeyboardInterrupt

    with crowd.held():
        leading = crowd.send(crowd.note("a", "a"))
        monkeypatch.setattr(threading.Condition, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt), crowd.flask_app.app_context():
            write_together(crowd.note("b"), of="b")
        assert len(crowd.waiting) == 1
    assert leading.result(SOON_S) == "a"
    crowd.expect(1, names=["a"])


def test_two_processes_of_which_one_is_killed_lose_nothing_and_do_nothing_twice(tmp_path: Path):
    database = tmp_path / "turns.db"
    make_database(database)
    said: list[str] = []
    with ExitStack() as stack:
        killed, other = (stack.enter_context(process(database)) for _ in range(2))
        said += [line_of(one) for one in (killed, other) for _ in range(100)]
        killed.kill()
        said += killed.communicate()[0].splitlines()
        said += [line_of(other) for _ in range(100)]
        other.kill()
        said += other.communicate()[0].splitlines()
    with closing(connect(database)) as connection:
        rows = connection.execute("SELECT process, thread, number FROM turn").fetchall()
    written = [" ".join(str(value) for value in row) for row in rows]
    assert len(set(written)) == len(written)
    told = {line for line in said if line.count(" ") == 2 and line.endswith(".")}
    assert len(told) >= 300
    assert {line.removesuffix(".") for line in told} <= set(written)


def process(database: Path) -> subprocess.Popen[str]:
    """A process whose threads have row after row written, and tell each that is."""
    command = [sys.executable, "-m", "tests.writing", str(database), "6", "60", "together"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def line_of(one: "subprocess.Popen[str]") -> str:
    assert one.stdout is not None
    return one.stdout.readline().strip()


def test_it_does_not_nest(crowd: Crowd):
    with (
        crowd.flask_app.app_context(),
        pytest.raises(RuntimeError, match="does not nest"),
        transaction(),
    ):
        write_together(crowd.note("a"), of="a")
    assert crowd.written() == []
