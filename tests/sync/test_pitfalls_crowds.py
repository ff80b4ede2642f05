"""Many at once: processes, connections, rows and streams in any order. Nobody loses, nobody waits
for ever, and whoever must come again is told so."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, current_thread

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import Actor
from app.db import Overloaded, transaction
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.people.models import Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units import service as units
from app.units.models import Unit
from app.visits.models import VisitAnswer
from sync.feed import service as feed
from sync.inbox.models import Operation, Receipt
from tests.conftest import Place
from tests.factories import OTHER_DISTRICT
from tests.servers import ROOT
from tests.sync.conftest import Stage, whole_visit
from tests.sync.tablet import Answer, Tablet

PROCESSES, EACH = 8, 9
ROUNDS = int(os.environ.get("PITFALL_ROUNDS", "26"))  # 1000 on a machine that has the time


def whole(stage: Stage) -> None:
    """The journal's chains hold, the feed is a fresh projection."""
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []
        assert feed.differences() == []


def test_eight_processes_push_at_once_and_every_answer_is_good_or_says_when_to_come_again(
    stage: Stage, place: Place, tmp_path: Path
):
    entries = []
    for number in range(PROCESSES):
        tablet = stage.tablet(f"officer{number}")
        lines = whole_visit(tablet, stage.task(tablet))[:EACH]
        batches = [lines[:4], lines[4:], lines]
        entries.append(
            {
                "access": tablet.access,
                "batches": [[line.decode() for line in batch] for batch in batches],
            }
        )
    told = tmp_path / "crowd.json"
    told.write_text(json.dumps(entries))

    done = subprocess.run(
        [sys.executable, "-m", "tests.sync.crowd", stage.clock().isoformat(), str(told)],
        cwd=ROOT,
        env={**os.environ, **place.environ},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for number in range(PROCESSES):
        came = json.loads(Path(f"{told}.{number}").read_text())
        assert {answer["status"] for batch in came for answer in batch} <= {200, 503}
        refused = [one for batch in came for one in batch if one["status"] == 503]
        assert all(one["retry"] for one in refused)
        assert {one["problem"] for one in refused} <= {"/problems/overloaded"}, "none has failed"
        outcomes = [batch[-1]["outcomes"] for batch in came]
        assert outcomes == [["applied"] * 4, ["applied"] * (EACH - 4), ["duplicate"] * EACH]
    assert stage.count(VisitAnswer) == PROCESSES * (EACH - 2)
    assert stage.count(Operation) == stage.count(Receipt) == PROCESSES * EACH
    whole(stage)


# --- streams in either order -------------------------------------------------------------------


class Districts:
    """Two districts, each with a unit and a task that two connections change at once."""

    def __init__(self, stage: Stage) -> None:
        make, self.stage, self.blocked = stage.make, stage, Event()
        there = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
        self.by: list[Actor] = [make.by(make.home()), make.by(there)]
        self.units: list[Unit] = [make.unit(), make.unit(there)]
        self.teams = [[make.officer(one).id for _ in range(2)] for one in (make.home(), there)]
        self.tasks: list[Task] = []
        for place, agency in enumerate((make.home(), there)):
            team = [stage.one(Officer, one) for one in self.teams[place]]
            self.tasks.append(make.task(self.units[place], agency=agency, team=team))

    def change(self, first: int, rounds: int) -> None:
        """The unit of one district, then the task of the other: their streams in this order."""
        second = 1 - first
        for number in range(rounds):
            if self.blocked.is_set():
                return
            with self.stage.flask_app.app_context(), transaction():
                units.change_unit(
                    self.units[first].id,
                    {"note": f"第{number}次"},
                    by=self.by[first],
                    at=self.stage.clock(),
                )
                tasks.reassign_task(
                    self.tasks[second].id,
                    self.teams[second],
                    self.teams[second][number % 2],
                    reason="轮换",
                    by=self.by[second],
                    at=self.stage.clock(),
                )

    def both(self, rounds: int) -> None:
        """Two connections, each with the two streams the other way round."""
        with ThreadPoolExecutor(2, thread_name_prefix="connection") as pool:
            changing = [pool.submit(self.change, first, rounds) for first in (0, 1)]
            wait(changing, 240, FIRST_EXCEPTION)
            self.blocked.set()
            for one in changing:
                one.result(60)


def test_streams_in_either_order_never_block_each_other_and_the_feed_is_a_fresh_projection(
    stage: Stage,
):
    districts = Districts(stage)
    entries = stage.count(JournalEntry)

    districts.both(ROUNDS)

    assert stage.count(JournalEntry) == entries + 4 * ROUNDS
    for unit in districts.units:
        assert stage.one(Unit, unit.id).version == 1 + ROUNDS
    whole(stage)


def test_locked_in_the_order_of_recording_the_same_transactions_block_each_other(
    stage: Stage, place: Place, monkeypatch: pytest.MonkeyPatch
):
    if place.kind != "postgresql":
        pytest.skip("on SQLite the write transaction is the lock")
    lock, districts = journal._lock, Districts(stage)

    def in_its_own_order(session: Session, streams: Sequence[str]) -> None:
        """What `close` would do without sorting."""
        mine = list(streams)
        if current_thread().name.endswith("_1"):
            mine.reverse()
        lock(session, mine)

    monkeypatch.setattr(journal, "_lock", in_its_own_order)
    with pytest.raises(Overloaded):
        districts.both(400)


# --- rows in either order ----------------------------------------------------------------------


def until_answered(tablet: Tablet, lines: Sequence[bytes], seen: list[int]) -> Answer:
    for _ in range(200):
        found = tablet.push(lines)
        seen.append(found.status)
        if found.status != 503:
            break
    return found


def test_batches_that_touch_the_same_tasks_in_opposite_order_are_both_taken(stage: Stage):
    an, bo = stage.tablet("an"), stage.tablet("bo")
    for one in (an, bo):
        one.send = stage.send()
    seen: list[int] = []
    for _ in range(max(3, ROUNDS // 8)):
        pair = [stage.task(an, bo) for _ in range(4)]
        work = [
            (an, [an.op("task.accept", task.id, {}) for task in pair]),
            (bo, [bo.op("task.accept", task.id, {}) for task in reversed(pair)]),
        ]
        with ThreadPoolExecutor(2) as pool:
            pushed = [pool.submit(until_answered, *one, seen) for one in work]
            answers = [one.result(120) for one in pushed]
        came = sorted(one["outcome"] for found in answers for one in found.json["results"])
        assert came == ["applied"] * 4 + ["merged"] * 4
        accepted = sa.select(Task.state).where(Task.id.in_([task.id for task in pair]))
        assert {row.state for row in stage.all(accepted)} == {"accepted"}
    assert set(seen) <= {200, 503}
    whole(stage)
