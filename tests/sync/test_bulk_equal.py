"""Whatever a batch holds, decided in bulk it comes to what its operations come to one by one.

Random batches, of what tablets send and of what they should not, are decided both ways from the
same state and undone each time. What was answered and every row that was left are compared:
operations, answers, findings, evidence, journal, feed, receipts, the list for supervisors.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from app import entry
from app.codes import service as codes
from app.db import Base, db, transaction
from app.journal import service as journal
from app.tasks.models import Task
from sync.inbox import batches, service
from sync.inbox.reading import read_lines
from tests.sync.conftest import ITEMS, Stage, answer, finish, item_id, sign, start
from tests.sync.tablet import Tablet, op_of, sha256

LEFT = (
    *("operation", "operation_wait", "receipt", "review_item", "device_chain", "journal_entry"),
    *("feed_row", "feed_body", "task", "visit", "visit_attendance", "visit_signature"),
    *("visit_answer", "finding", "evidence", "evidence_link"),
    *("visit_arrival", "visit_mark", "visit_code", "visit_code_task", "visit_code_officer"),
)
PHOTO = {"sha256": "ab" * 32, "size": 3, "mime": "image/jpeg", "role": "photo"}
NAMED = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")

BY_CHANCE = re.compile(r"""sig='[^']*'|"short":"[^"]*\"""")


class Undone(Exception):
    """A batch was decided, looked at, and is undone."""


@contextmanager
def undone() -> Iterator[None]:
    with pytest.raises(Undone), transaction():
        yield
        raise Undone


@dataclass
class Scene:
    """An officer's tablet where much has happened already.

    Of the tasks, the colleague answered at the first; the second was closed, the third is another
    team's now, the fourth not begun. `found` is a finding of the colleague's; `texts` are of codes:
    the fourth task's, the first's, and one that nobody signed.
    """

    stage: Stage
    tablet: Tablet
    tasks: Sequence[Task]
    found: UUID
    texts: Sequence[str] = ()
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.begin = (self.tablet.seq, self.tablet.prev_hash)
        with self.stage.flask_app.app_context():
            self.known = set(NAMED.findall(str([rows(table) for table in LEFT])))

    def decided(self, lines: Sequence[bytes], *, apart: bool) -> dict[str, list[str]]:
        """What is answered and left by a batch, decided in bulk or operation by operation."""
        device_id, at = self.tablet.device_id, self.stage.clock()
        key = self.tablet.key
        assert isinstance(key, Ed25519PrivateKey)
        public = key.public_key().public_bytes_raw()
        read = read_lines(lines, device_id, alg="Ed25519", public_key=public)
        with self.stage.flask_app.app_context(), undone():
            batch_id = batches.store_batch(batches.packed(device_id, b"\n".join(lines), at=at))
            results = service.receive(
                device_id, batch_id, read, keys=entry.keys(), contact=None, at=at, apart=apart
            )
            journal.close(db.session())
            found = {table: rows(table) for table in LEFT}
            found["answered"] = [
                [one.line, one.op_id, one.outcome, one.reason, one.problem, one.receipt]
                for one in results
            ]
            names = {str(one.operation_id): f"operation-{one.line}" for one in results}
        known = self.known | set(NAMED.findall(str(lines)))
        for line in lines:
            known.add(sha256(str(line)))
        return {name: plain(rows_, known, names) for name, rows_ in found.items()}


def rows(table: str) -> list[Any]:
    columns = [
        one
        for one in Base.metadata.tables[table].columns
        if one.name not in {"sig", "body", "short"}
    ]
    if table in {"feed_body", "receipt"}:
        columns.append(Base.metadata.tables[table].columns["body"])
    return [list(row) for row in db.session.execute(sa.select(*columns))]


def plain(found: list[Any], known: set[str], names: dict[str, str]) -> list[str]:
    """Rows as sorted texts, without what differs by chance: ids of the server's, and hashes."""

    def name(match: re.Match[str]) -> str:
        one = match.group()
        return one if one in known else names.get(one, "?")

    return sorted(BY_CHANCE.sub("", NAMED.sub(name, str(row))) for row in found)


# --- what a tablet may send ----------------------------------------------------------------------

Written = Callable[[Scene], bytes]


def answered(place: int, code: str, result: str, **changed: Any) -> Written:
    return lambda scene: answer(scene.tablet, scene.tasks[place], code, result, "注", **changed)


def stated(place: int, number: int, **changed: Any) -> Written:
    def write(scene: Scene) -> bytes:
        task = scene.tasks[place]
        fields = {"visit_id": str(task.visit_id), "text": f"第{number}处", **changed}
        entity = scene.found if number == 0 else uuid5(scene.found, str(number))
        return scene.tablet.op("visit.state_finding", entity, fields)

    return write


def begun(place: int, code: int | None, **said: Any) -> Written:
    """A start that says its code."""

    def write(scene: Scene) -> bytes:
        task = scene.tasks[place]
        fields = {
            "task_id": str(task.id),
            "unit_id": str(task.unit_id),
            "code_text": None if code is None else scene.texts[code],
            "code_shown": "not-shown" if code is None else "unit-scanned",
            **said,
        }
        return scene.tablet.op("visit.start", task.visit_id, fields, form_version=3)

    return write


TRIGGERED: Mapping[str, Any] = {"code_shown": "triggered", "reason": "群众举报"}


def at_task(verb: Callable[[Tablet, Task], bytes], place: int) -> Written:
    return lambda scene: verb(scene.tablet, scene.tasks[place])


def shown(scene: Scene) -> bytes:
    task = scene.tasks[0]
    fields = {"subject_type": "visit", "subject_id": str(task.visit_id)}
    return scene.tablet.op("evidence.attach", task.visit_id, fields, attachments=[PHOTO])


def changed(write: Written, **values: Any) -> Written:
    """The same operation with other values, signed as it then stands."""

    def wrote(scene: Scene) -> bytes:
        before = scene.tablet.seq, scene.tablet.prev_hash
        said = op_of(write(scene))
        scene.tablet.seq, scene.tablet.prev_hash = before
        said.update(values)
        return scene.tablet.op(said["type"], said["entity_id"], said["fields"], **values)

    return wrote


def unsigned(write: Written) -> Written:
    return lambda scene: write(scene).replace(b'"sig": "', b'"sig": "A')


def skipping(write: Written) -> Written:
    def wrote(scene: Scene) -> bytes:
        scene.tablet.seq += 2
        return write(scene)

    return wrote


item_codes = st.sampled_from(ITEMS[:6])
results = st.sampled_from(["yes", "no"])
numbers = st.integers(0, 3)
# what is nearly always applied
common = st.one_of(
    st.builds(answered, st.sampled_from([0, 0, 3]), item_codes, results),
    st.builds(stated, st.just(0), st.integers(1, 9)),
    st.builds(
        partial(stated, item_id=item_id(ITEMS[0]), handling="当场改正", correct_within_days=5),
        st.just(0),
        st.integers(10, 12),
    ),
    st.builds(partial(answered, attachments=[PHOTO]), st.just(0), item_codes, results),
    st.just(shown),
    st.builds(at_task, st.just(start), st.sampled_from([0, 3])),
    st.builds(begun, st.sampled_from([0, 3]), st.sampled_from([None, 0, 1, 2])),
    st.builds(partial(begun, **TRIGGERED), st.sampled_from([0, 3]), st.sampled_from([None, 1])),
)
A, B, C = ITEMS[4], ITEMS[2], ITEMS[3]  # of A 不适用 is no answer
# what meets another's, comes late, or is wrong
TROUBLES: Sequence[Written] = (
    *(answered(place, A, "yes") for place in (1, 2, 3)),
    *(answered(0, ITEMS[0], result) for result in ("yes", "no")),
    *(answered(0, A, result) for result in ("not-applicable", "maybe", "")),
    answered(0, ITEMS[0], "yes", base={"result": "no"}),
    answered(0, A, "yes", entity_id=str(UUID(int=7))),
    lambda scene: scene.tablet.op(
        "visit.answer_item",
        uuid5(scene.tasks[0].visit_id, str(UUID(int=9))),
        {"visit_id": str(scene.tasks[0].visit_id), "item_id": str(UUID(int=9)), "result": "yes"},
    ),
    *(stated(place, 20) for place in (1, 2, 3)),
    *(stated(place, 0) for place in (0, 1)),
    *(stated(0, 20, **wrong) for wrong in ({"text": ""}, {"text": None}, {"colour": "red"})),
    stated(0, 20, item_id=str(UUID(int=9))),
    *(at_task(verb, place) for verb in (finish, sign) for place in (0, 1)),
    unsigned(answered(0, A, "yes")),
    skipping(answered(0, A, "yes")),
    *(
        changed(answered(0, A, "yes"), **values)
        for values in (
            {"officer_id": str(UUID(int=5))},
            {"recorded_at": "1999-01-01T00:00:00.000Z"},
            {"recorded_at": "2031-01-01T00:00:00.000Z"},
            {"form_version": 99},
            {"prev_hash": "0" * 64},
            {"type": "visit.dance"},
            {"depends_on": ["019a0000-0000-7000-8000-00000000000a"]},
            {"op_id": "019a0000-0000-7000-8000-00000000000b"},
        )
    ),
)
troubled = st.sampled_from(TROUBLES)


@dataclass(frozen=True)
class Sent:
    """A batch: what is written, in which order it goes out, and which line twice."""

    written: list[Written]
    order: list[int]
    again: bool

    def lines(self, scene: Scene) -> list[bytes]:
        scene.tablet.seq, scene.tablet.prev_hash = scene.begin
        lines = [write(scene) for write in self.written]
        found = [lines[place] for place in self.order]
        return [*found, found[0]] if self.again else found


commons = st.lists(common, min_size=1, max_size=12)
anything = st.one_of(
    commons,
    # one thing among many: nothing else sends the batch the other way
    st.builds(lambda some, one, at: [*some[:at], one, *some[at:]], commons, troubled, numbers),
    st.lists(common | troubled, min_size=1, max_size=12),
)
sent_batches = anything.flatmap(
    lambda written: st.builds(
        Sent,
        st.just(written),
        st.just(list(range(len(written)))) | st.permutations(range(len(written))),
        st.sampled_from([False, False, False, True]),
    )
)


@pytest.fixture
def scene(stage: Stage, tablet: Tablet) -> Scene:
    return set_up(stage, tablet, stage.tablet("bo"))


def set_up(stage: Stage, tablet: Tablet, bo: Tablet) -> Scene:
    given_ = [stage.task(tablet, bo) for _ in range(3)]
    late = stage.task(bo)
    for task, result in zip((*given_[:2], late), ("no", "yes", "no"), strict=True):
        bo.push([start(bo, task), answer(bo, task, ITEMS[0], result, "有问题")])
    tablet.push([start(tablet, given_[0]), answer(tablet, given_[0], ITEMS[1], "yes")])
    found = uuid5(given_[0].id, "found")
    said = {"visit_id": str(given_[0].visit_id), "text": "泳池水浑浊"}
    bo.push([bo.op("visit.state_finding", found, said)])
    bo.push([answer(bo, given_[1], code) for code in ITEMS[1:]])
    pushed = bo.push([finish(bo, given_[1]), sign(bo, given_[1])])
    assert {one["outcome"] for one in pushed.json["results"]} == {"applied"}
    tasks = [given_[0], given_[1], late, given_[2]]
    texts = [code_text(stage, tasks[place]) for place in (3, 0)]
    return Scene(stage, tablet, tasks, found, [*texts, texts[0][:9] + "A" + texts[0][10:]])


def code_text(stage: Stage, task: Task) -> str:
    at, by = stage.clock(), stage.make.supervisor()
    team = [one.officer_id for one in task.team]
    new = codes.NewCode(task.unit_id, team, at, at + timedelta(hours=1), [task.id])
    assert by.agency_id is not None
    with stage.make.writing():
        code = codes.request_code(new, agency_id=by.agency_id, by=by, at=at)
        return codes.text_of(code, entry.keys().receipt_key)


def test_one_trouble_among_what_is_plain_comes_to_the_same_both_ways(scene: Scene):
    for trouble in TROUBLES:
        sent = Sent([answered(0, B, "yes"), trouble, answered(0, C, "no")], [0, 1, 2], again=False)
        lines = sent.lines(scene)
        assert scene.decided(lines, apart=False) == scene.decided(lines, apart=True), lines[1]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=sent_batches)
def test_a_batch_comes_to_the_same_decided_in_bulk_and_one_by_one(scene: Scene, sent: Sent):
    lines = sent.lines(scene)

    bulk, apart = scene.decided(lines, apart=False), scene.decided(lines, apart=True)

    for name in apart:
        assert bulk[name] == apart[name], name
    event("all applied" if "QUARANTINED" not in str(apart["answered"]) else "some kept")
