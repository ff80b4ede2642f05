"""Batches of several tablets come to the same in one transaction as in one for each.

Random batches of a pair that shares its visits, and of a tablet of another district, are decided in
the same order from the same database, once with a commit for each and once with one for all. What
was answered and every row that was left are compared; of the feed, what it shows.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from app import entry, together
from app.access import Role
from app.canonical import digest
from app.db import db, transaction, turn_to_write
from app.journal import service as journal
from app.tasks import service as tasks
from app.tasks.models import Task
from sync.feed import service as feed
from sync.inbox import batches, pushing
from sync.inbox.deciding import Result
from sync.inbox.models import Receipt
from sync.operations import PublicKey, is_signed, load_public_key
from sync.wire import Contact
from tests.factories import OTHER_DISTRICT
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.held import Held
from tests.sync.tablet import Tablet
from tests.sync.test_bulk_equal import (
    LEFT,
    NAMED,
    TROUBLES,
    Scene,
    Written,
    answered,
    at_task,
    common,
    plain,
    rows,
    set_up,
    stated,
)
from tests.sync.test_documents import blocks, opinion

SOON_S = 30
LATE, FULL = 4, 5  # places of further tasks: one that was given away, one with one item to go
Lines = Sequence[bytes]


@dataclass(repr=False)
class Scenes:
    """A pair that shares five tasks, a tablet of another district, and the database as it stood.

    The first four tasks are as in `Scene`.
    """

    stage: Stage
    scenes: Sequence[Scene]
    copy: Path
    commits: list[str] = field(default_factory=list)
    held: Mapping[UUID, tuple[Any, ...]] = field(default_factory=dict)

    @contextmanager
    def anew(self) -> Iterator[None]:
        """The database as it stood."""
        with self.stage.flask_app.app_context():
            db.session.remove()
            db.engine.dispose()
            file = Path(str(db.engine.url.database))
            for beside in ("-wal", "-shm"):
                file.with_name(file.name + beside).unlink(missing_ok=True)
            shutil.copyfile(self.copy, file)
            yield
            db.session.remove()

    def come(self, sent: Sequence[tuple[Scene, Lines]], *, shared: bool) -> dict[str, Any]:
        """What is answered and left by batches that wait, or that come one after the other."""
        with self.anew():
            work = [self._stored(scene, lines) for scene, lines in sent]
            self.commits.clear()
            done = self._all_at_once(work) if shared else [one() for one in work]
            self.expected(1 if shared else len(work))
            return self._found(sent, done)

    def expected(self, commits: int) -> None:
        assert len(self.commits) == commits

    def _stored(self, scene: Scene, lines: Lines) -> Callable[[], list[Result]]:
        at, device_id = self.stage.clock(), scene.tablet.device_id
        with transaction():
            batch_id = batches.store_batch(batches.packed(device_id, b"\n".join(lines), at=at))
        return partial(
            pushing.decide_stored,
            device_id,
            batch_id,
            lines,
            keys=entry.keys(),
            contact=Contact(skew_s=0, build="7", unsent=3),
            at=at,
        )

    def _all_at_once(self, work: Sequence[Callable[[], list[Result]]]) -> list[list[Result]]:
        def do(one: Callable[[], list[Result]]) -> list[Result]:
            with self.stage.flask_app.app_context():
                return one()

        done: list[Future[list[Result]]] = []
        with ThreadPoolExecutor(len(work)) as pool:
            with turn_to_write(db.engine):
                for number, one in enumerate(work, 1):
                    done.append(pool.submit(do, one))
                    begun = time.monotonic()
                    while len(together._table(db.engine)._waiting) < number:
                        assert time.monotonic() < begun + SOON_S
                        time.sleep(0.0005)
            return [one.result(SOON_S) for one in done]

    def _found(
        self, sent: Sequence[tuple[Scene, Lines]], done: Sequence[list[Result]]
    ) -> dict[str, Any]:
        texts, names = [str(lines) for _, lines in sent], {}
        for number, results in enumerate(done):
            names.update({str(one.operation_id): f"{number}-{one.line}" for one in results})
        known = self.scenes[0].known | set(NAMED.findall(str(texts)))
        found: dict[str, Any] = {
            name: plain(left, known, names)
            for name, left in {table: rows(table) for table in LEFT}.items()
            if name not in {"feed_row", "journal_entry"}
        }
        found["answers"] = [
            plain([[one.line, one.op_id, one.outcome, one.reason, one.problem]], known, names)
            for results in done
            for one in results
        ]
        found["journal"] = [plain([row], known, names) for row in _in_order()]
        found["feed"] = {tuple(one) for one in self._feed(True, known, names)}
        found["gone"] = {tuple(one) for one in self._feed(False, known, names)}
        return found

    def _feed(self, present: bool, known: set[str], names: dict[str, str]) -> list[list[str]]:
        columns = "scope, stream, entity_type, entity_key" + (", version" if present else "")
        query = sa.text(f"SELECT {columns} FROM feed_row WHERE present = :present")  # noqa: S608
        return [
            plain([row], known, names) for row in db.session.execute(query, {"present": present})
        ]

    def is_sound(self) -> None:
        """Chains and feed hold; who had pulled before is told what somebody new is told."""
        with self.stage.flask_app.app_context():
            assert journal.verify()[1] == []
            assert feed.differences() == []
            for scene in self.scenes:
                _receipts_hold(scene.tablet.device_id)
        for scene in self.scenes:
            cursor, generation, before = self.held[scene.tablet.device_id]
            old, new = Held(scene.tablet, cursor, generation), Held(scene.tablet)
            old.rows = {place: dict(known) for place, known in before.items()}
            old.pull()
            new.pull()
            assert _shown(old) == _shown(new)
            assert old.verify() == {"behind": False, "differs": []}


def _shown(held: Held) -> dict[tuple[str, ...], Any]:
    return {
        (*place, *key): (row["version"], row["body"])
        for place, known in held.rows.items()
        for key, row in known.items()
        if row["present"]
    }


def _in_order() -> list[Any]:
    query = sa.text("SELECT stream, seq, event, text FROM journal_entry ORDER BY stream, seq")
    return [list(row) for row in db.session.execute(query)]


def _receipt_key() -> PublicKey:
    return load_public_key("Ed25519", entry.keys().receipt_key.public_key().public_bytes_raw())


def _receipts_hold(device_id: UUID) -> None:
    query = sa.select(Receipt).where(Receipt.device_id == device_id).order_by(Receipt.receipt_seq)
    previous = "0" * 64
    for number, receipt in enumerate(db.session.scalars(query), 1):
        body = json.loads(receipt.body)
        assert (body["receipt_seq"], body["prev_receipt_hash"]) == (number, previous)
        assert digest(receipt.body) == receipt.hash
        assert is_signed(_receipt_key(), "suicha-receipt-1", receipt.hash, receipt.sig)
        place = {"stream": body["stream"], "seq": body["journal_seq"]}
        text = db.session.scalar(
            sa.text("SELECT text FROM journal_entry WHERE stream = :stream AND seq = :seq"), place
        )
        assert text is not None
        assert json.loads(text)["data"]["op_hash"] == body["op_hash"]
        previous = receipt.hash


# --- what several tablets send at once -----------------------------------------------------------


def awaited(scene: Scene) -> bytes:
    """What an operation that came before waits for."""
    op_id = str(_awaited_by(scene.tablet))
    return answer(scene.tablet, scene.tasks[0], ITEMS[7], op_id=op_id)


def _awaited_by(tablet: Tablet) -> UUID:
    return uuid5(tablet.device_id, "awaited")


def issued(number: int) -> Written:
    """An opinion under a number of the tablet's block."""

    def write(scene: Scene) -> bytes:
        id_ = uuid5(scene.tablet.device_id, f"opinion {number}")
        return opinion(
            scene.tablet, scene.tasks[0], FIRST[scene.tablet.device_id] + number, id_=id_
        )

    return write


FIRST: dict[UUID, int] = {}  # the first number of each tablet's block

AMONG_THEM: Sequence[Written] = (
    *(answered(0, code, result) for code in ITEMS[2:4] for result in ("yes", "no")),
    *(answered(LATE, code, "no") for code in ITEMS[:2]),
    answered(FULL, ITEMS[4], "yes"),
    answered(FULL, ITEMS[4], "no"),
    stated(FULL, 3),
    *(at_task(verb, FULL) for verb in (finish, sign)),
    *(at_task(start, place) for place in (3, 3, FULL)),
    stated(0, 5),
    awaited,
    *(issued(number) for number in (0, 1)),
)


@dataclass(frozen=True, repr=False)
class Sent:
    """What one of the tablets says."""

    by: int
    said: Sequence[Written]


said = st.lists(
    st.sampled_from(AMONG_THEM) | st.sampled_from(AMONG_THEM) | common | st.sampled_from(TROUBLES),
    min_size=1,
    max_size=5,
)
sent_at_once = st.lists(
    st.builds(Sent, st.integers(0, 2), said), min_size=2, max_size=3, unique_by=lambda one: one.by
)


def foreigner(stage: Stage, texts: Sequence[str]) -> Scene:
    """A tablet of another district's agency, with one visit under way."""
    agency = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    officers = [stage.make.officer(agency) for _ in range(2)]
    account = stage.make.account(Role.OFFICER, agency=agency, login="fei", officer=officers[0])
    stage.logins["fei"] = account
    tablet = stage.tablet("fei")
    task = stage.make.task(agency=agency, team=officers, checklist_code="lodging")
    tablet.push([start(tablet, task)])
    return Scene(stage, tablet, [task] * 6, uuid4(), texts)


def given_away(stage: Stage, *tablets: Tablet) -> Task:
    task = stage.task(*tablets)
    for tablet in tablets:
        tablet.push([start(tablet, task)])
    team = [stage.make.officer().id for _ in range(2)]
    by = stage.make.supervisor()
    with stage.make.writing():
        tasks.reassign_task(task.id, team, team[0], reason="调岗", by=by, at=stage.clock())
    return task


@pytest.fixture
def scenes(stage: Stage, tablet: Tablet, tmp_path: Path) -> Iterator[Scenes]:
    an, bo = tablet, stage.tablet("bo")
    scene = set_up(stage, an, bo)
    full = stage.task(an, bo)
    for tablet in (an, bo):
        tablet.push([start(tablet, full)])
    bo.push([answer(bo, full, code) for code in ITEMS if code != ITEMS[4]])
    late = given_away(stage, an, bo)
    both = replace(scene, tasks=[*scene.tasks, late, full])
    pair = [both, replace(both, tablet=bo)]
    everybody = [*pair, foreigner(stage, scene.texts)]
    for one in everybody:
        tablet, waits = one.tablet, [str(_awaited_by(one.tablet))]
        FIRST[tablet.device_id] = int(blocks(tablet)[0]["first"])
        pushed = tablet.push([answer(tablet, one.tasks[0], ITEMS[6], depends_on=waits)])
        assert pushed.json["results"][0]["outcome"] == "held"
    everybody = [replace(one) for one in everybody]  # as it stands now
    before = {one.tablet.device_id: pulled(one.tablet) for one in everybody}
    yield from _counting(Scenes(stage, everybody, copied(stage, tmp_path), held=before))


def pulled(tablet: Tablet) -> tuple[Any, ...]:
    held = Held(tablet)
    held.pull()
    return held.cursor, held.generation, held.rows


def copied(stage: Stage, tmp_path: Path) -> Path:
    with stage.flask_app.app_context():
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        file = Path(str(db.engine.url.database))
        db.engine.dispose()
        return Path(shutil.copyfile(file, tmp_path / "as-it-stood.db"))


def _counting(made: Scenes) -> Iterator[Scenes]:
    with made.stage.flask_app.app_context():
        engine = db.engine

    def committed(_connection: Any) -> None:
        made.commits.append(threading.current_thread().name)

    sa.event.listen(engine, "commit", committed)
    yield made
    sa.event.remove(engine, "commit", committed)


def written_by(scene: Scene, said: Sequence[Written]) -> tuple[Scene, Lines]:
    scene.tablet.seq, scene.tablet.prev_hash = scene.begin
    return scene, [write(scene) for write in said]


def come_both_ways(scenes: Scenes, sent: Sequence[tuple[Scene, Lines]]) -> Mapping[str, Any]:
    apart = scenes.come(sent, shared=False)
    shared = scenes.come(sent, shared=True)
    scenes.is_sound()
    assert shared.pop("gone") <= apart.pop("gone")
    for name in apart:
        assert shared[name] == apart[name], name
    return shared


ONLY_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@ONLY_SQLITE
def test_whatever_one_tablet_sends_after_another_comes_to_the_same(scenes: Scenes):
    """Each of what they meet in, by both of a pair, and something of another district's."""
    an, bo, fei = scenes.scenes
    for one in AMONG_THEM:
        sent = [
            written_by(an, [answered(0, ITEMS[5], "yes"), one]),
            written_by(fei, [answered(0, ITEMS[2], "no")]),
            written_by(bo, [one, answered(0, ITEMS[8], "yes")]),
        ]
        come_both_ways(scenes, sent)


@ONLY_SQLITE
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a smaller one is quickly found by hand
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sent=sent_at_once)
def test_random_batches_of_several_tablets_come_to_the_same(scenes: Scenes, sent: list[Sent]):
    found = come_both_ways(scenes, [written_by(scenes.scenes[one.by], one.said) for one in sent])

    event("all applied" if "QUARANTINED" not in str(found["answers"]) else "some kept")
