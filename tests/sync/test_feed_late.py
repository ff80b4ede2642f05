"""A pull never skips a change, whatever commits late. And the tests that say so can fail."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.db import db, new_id, transaction
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units import service as units
from app.units.models import Unit
from sync.feed import rules
from sync.feed import service as feed
from sync.feed.models import FeedBody, FeedRow
from sync.feed.rules import Place
from tests.sync.conftest import Stage

SECONDS = 3.0
WRITERS = 8


@dataclass
class Reader:
    """Pulls one officer's scopes page after page and keeps what it was told."""

    stage: Stage
    places: list[Place]
    streams: dict[str, dict[str, int]] = field(default_factory=dict)
    told: list[bytes] = field(default_factory=list)

    def pull(self, limit: int = 2000) -> None:
        with self.stage.flask_app.app_context():
            more = True
            while more:
                page = feed.pull(self.places, self.streams, limit)
                self.streams, more = page.streams, page.more
                self.told += page.rows
                db.session.remove()

    def versions(self, kind: str) -> dict[str, int]:
        """The newest version of each entity that was told."""
        found: dict[str, int] = {}
        for told in json.loads(b"[" + b",".join(self.told) + b"]"):
            if told["type"] == kind:
                found[told["id"]] = told["version"]
        return found


@dataclass
class Scene:
    """Two tasks of one officer, at two units that two connections change at once."""

    stage: Stage
    units: list[UUID]
    by: Actor
    reader: Reader

    def rename(self, number: int, name: str) -> None:
        with self.stage.flask_app.app_context(), transaction():
            units.change_unit(self.units[number], {"name": name}, by=self.by, at=self.stage.clock())

    def committed(self) -> dict[str, int]:
        rows = self.stage.all(sa.select(Unit.id, Unit.version).where(Unit.id.in_(self.units)))
        return {str(one.id): one.version for one in rows}


@pytest.fixture
def scene(stage: Stage) -> Scene:
    make = stage.make
    an, bo = make.officer(), make.officer()
    carried = [make.task(team=(an, bo)) for _ in range(2)]
    places = rules.places_of(
        district=an.district, agency_id=an.agency_id, device_id=new_id(), officer_ids=[an.id]
    )
    reader = Reader(stage, places)
    reader.pull()
    return Scene(stage, [one.unit_id for one in carried], make.by(make.home()), reader)


@contextmanager
def held_before_commit(stage: Stage, marker: str) -> Iterator[tuple[threading.Event, Any]]:
    """Let the transaction of the thread `marker` wait, all written, just before it commits."""
    written, go_on = threading.Event(), threading.Event()

    def wait(_connection: Any) -> None:
        if threading.current_thread().name.startswith(marker) and not written.is_set():
            written.set()
            assert go_on.wait(20)

    with stage.flask_app.app_context():
        engine = db.engine
    event.listen(engine, "commit", wait)
    try:
        yield written, go_on
    finally:
        go_on.set()
        event.remove(engine, "commit", wait)


def late(scene: Scene, *, second_waits: bool) -> None:
    """One writer commits late; another writes meanwhile; a pull comes in between.

    `second_waits`: the second writer cannot finish before the first, as the lock has it.
    """
    with (
        ThreadPoolExecutor(1, thread_name_prefix="late") as first,
        ThreadPoolExecutor(1, thread_name_prefix="prompt") as second,
        held_before_commit(scene.stage, "late") as (written, go_on),
    ):
        slow: Future[None] = first.submit(scene.rename, 0, "上海慢宾馆有限公司")
        assert written.wait(20)
        prompt: Future[None] = second.submit(scene.rename, 1, "上海快宾馆有限公司")
        if second_waits:
            time.sleep(0.3)
            assert not prompt.done()
        else:
            prompt.result(20)
        scene.reader.pull()
        go_on.set()
        slow.result(20)
        prompt.result(20)
    scene.reader.pull()


def test_a_pull_between_insert_and_commit_skips_nothing(scene: Scene):
    late(scene, second_waits=True)
    assert scene.reader.versions("unit") == scene.committed()
    assert set(scene.committed().values()) == {2}


@pytest.fixture
def only_postgresql(place: Any) -> None:
    if place.kind != "postgresql":
        pytest.skip("on SQLite the write transaction is the lock and cannot be taken away")


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the stream lock away, and number as a database's own sequence does: before the commit,
    by whoever comes, committed in any order."""
    head = journal.head
    counters: dict[str, Iterator[int]] = {}
    guard = threading.Lock()

    def from_sequence(stream: str) -> tuple[int, str]:
        with guard:
            if stream not in counters:
                counters[stream] = itertools.count(head(stream)[0], 100)
            return next(counters[stream]), "0" * 64

    monkeypatch.setattr(journal, "_lock", lambda session, streams: None)
    monkeypatch.setattr(journal, "head", from_sequence)


@pytest.mark.usefixtures("only_postgresql")
def test_without_the_lock_the_same_pull_loses_the_late_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    unlocked(monkeypatch)
    late(scene, second_waits=False)

    told, committed = scene.reader.versions("unit"), scene.committed()
    slow, prompt = (str(unit_id) for unit_id in scene.units)
    assert told[prompt] == committed[prompt] == 2
    assert (told[slow], committed[slow]) == (1, 2)
    scene.reader.pull()
    assert scene.reader.versions("unit")[slow] == 1, "lost for good"


@pytest.mark.usefixtures("only_postgresql")
def test_without_the_lock_alone_two_transactions_take_one_number_and_the_journal_refuses(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(journal, "_lock", lambda session, streams: None)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="late") as first,
        held_before_commit(scene.stage, "late") as (written, go_on),
    ):
        slow = first.submit(scene.rename, 0, "上海慢宾馆有限公司")
        assert written.wait(20)
        threading.Timer(0.3, go_on.set).start()
        with pytest.raises(IntegrityError):
            scene.rename(1, "上海快宾馆有限公司")
        slow.result(20)


def writers(scene: Scene, task: Callable[[int, int], None]) -> int:
    """Eight threads write for some seconds while the reader pulls; return how many wrote."""
    until = time.monotonic() + SECONDS
    counts = [0] * WRITERS

    def write(number: int) -> None:
        while time.monotonic() < until:
            task(number, counts[number])
            counts[number] += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(write, number) for number in range(WRITERS)]
        while not all(one.done() for one in running):
            scene.reader.pull(limit=7)
        for one in running:
            one.result()
    scene.reader.pull(limit=7)
    return sum(counts)


def test_what_eight_writers_committed_is_what_was_delivered(stage: Stage):
    make = stage.make
    an, bo = make.officer(), make.officer()
    carried = [make.task(team=(an, bo)) for _ in range(WRITERS)]
    by = make.by(make.home())
    places = rules.places_of(
        district=an.district, agency_id=an.agency_id, device_id=new_id(), officer_ids=[an.id]
    )
    scene = Scene(stage, [one.unit_id for one in carried], by, Reader(stage, places))

    def write(number: int, count: int) -> None:
        scene.rename(number, f"上海第{number}宾馆第{count}次改名有限公司")

    wrote = writers(scene, write)

    assert wrote > WRITERS
    assert scene.reader.versions("unit") == scene.committed()
    assert sum(scene.committed().values()) == wrote + WRITERS
    seen = [one for one in scene.reader.told if b'"type":"unit"' in one]
    assert len(seen) <= 2 * (wrote + WRITERS)  # the officer's scope and the agency's
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []
        assert feed.differences() == []


def test_a_unit_in_a_scope_for_two_reasons_stays_while_one_of_them_holds(stage: Stage):
    """Each of two transactions sees only its own half of why a unit is in an officer's scope."""
    make = stage.make
    an, bo, cai = (make.officer() for _ in range(3))
    unit = make.unit()
    ending, coming = make.task(unit, team=(an, bo)), make.task(unit)
    by = make.by(make.home())

    def assign() -> None:
        with stage.flask_app.app_context(), transaction():
            tasks.assign_task(coming.id, [an.id, cai.id], an.id, by=by, at=stage.clock())

    def reassign() -> None:
        with stage.flask_app.app_context(), transaction():
            tasks.reassign_task(
                ending.id, [bo.id, cai.id], bo.id, reason="调岗", by=by, at=stage.clock()
            )

    with (
        ThreadPoolExecutor(1, thread_name_prefix="late") as first,
        ThreadPoolExecutor(1, thread_name_prefix="prompt") as second,
        held_before_commit(stage, "late") as (written, go_on),
    ):
        slow = first.submit(assign)
        assert written.wait(20)
        prompt = second.submit(reassign)
        time.sleep(0.3)
        go_on.set()
        slow.result(20)
        prompt.result(20)
    with stage.flask_app.app_context():
        assert feed.differences() == []
    rows = stage.all(
        sa.select(FeedRow.scope).where(
            FeedRow.entity_key == str(unit.id), FeedRow.present.is_(True)
        )
    )
    assert {f"officer:{one.id}" for one in (an, bo, cai)} <= {scope for (scope,) in rows}


def test_units_and_tasks_changed_by_two_connections_never_block_each_other(stage: Stage):
    make = stage.make
    an, bo = make.officer(), make.officer()
    task = make.task(team=(an, bo))
    by = make.by(make.home())
    rounds = 40

    def change(first: str) -> None:
        for number in range(rounds):
            with stage.flask_app.app_context(), transaction():
                if first == "unit":
                    units.change_unit(
                        task.unit_id, {"note": f"第{number}次"}, by=by, at=stage.clock()
                    )
                else:
                    tasks.reassign_task(
                        task.id, [an.id, bo.id], an.id, reason="轮换", by=by, at=stage.clock()
                    )

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(change, "unit"), pool.submit(change, "task")]:
            one.result(60)
    versions = stage.one(Unit, task.unit_id).version, stage.one(Task, task.id).version
    assert min(versions) > rounds
    with stage.flask_app.app_context():
        assert feed.differences() == []


def test_every_feed_row_has_a_number_that_the_journal_gave(scene: Scene):
    scene.rename(0, "上海一宾馆有限公司")
    unknown = (
        sa.select(FeedRow.entity_key)
        .outerjoin(
            JournalEntry,
            sa.and_(JournalEntry.stream == FeedRow.stream, JournalEntry.seq == FeedRow.seq),
        )
        .where(JournalEntry.seq.is_(None))
    )
    assert scene.stage.all(unknown) == []
    bodyless = (
        sa.select(FeedRow.entity_key)
        .outerjoin(FeedBody, FeedBody.entity_key == FeedRow.entity_key)
        .where(FeedRow.present.is_(True), FeedBody.version.is_distinct_from(FeedRow.version))
    )
    assert scene.stage.all(bodyless) == []


@pytest.mark.usefixtures("only_postgresql")
def test_a_body_is_never_older_than_the_version_it_stands_under(stage: Stage):
    """One transaction read a unit; another changed it and was done first."""
    make = stage.make
    an, unit = make.officer(), make.unit()
    by = make.by(make.home())

    def rename() -> None:
        with stage.flask_app.app_context(), transaction():
            units.change_unit(unit.id, {"name": "上海新名宾馆有限公司"}, by=by, at=stage.clock())

    with ThreadPoolExecutor(1) as pool, stage.flask_app.app_context(), transaction():
        feed.want_units([unit.id], [an.id], stage.clock().date(), by=by, at=stage.clock())
        pool.submit(rename).result(20)

    ((version, body),) = stage.all(
        sa.select(FeedBody.version, FeedBody.body).where(FeedBody.entity_key == str(unit.id))
    )
    assert (version, json.loads(body)["name"]) == (2, "上海新名宾馆有限公司")
