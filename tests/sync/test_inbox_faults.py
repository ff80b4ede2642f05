"""One bad operation never blocks the others, and a failure leaves all of a batch or nothing."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import OperationalError

from app.db import db
from app.tasks.models import Task
from sync import operations
from sync.inbox import effects, reading
from sync.inbox.deciding import Batch
from sync.inbox.doing import Doing, Effect
from sync.inbox.models import InboxBatch, Operation, Receipt, ReviewItem
from sync.inbox.rules import OperationType
from tests.sync import tablet as a_tablet
from tests.sync.conftest import ITEMS, Stage, answer, finish, start
from tests.sync.pushed import APPLIED, outcomes, receipts, values_of
from tests.sync.tablet import Tablet, op_of


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in one type of operation, as a release may bring it."""

    def broken(doing: Doing) -> Effect:
        row = db.session.get_one(Task, doing.entity_id)
        row.return_reason = "written before the bug struck"
        db.session.flush()
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(effects.EFFECTS, OperationType.TASK_ANSWER_RETURN, broken)


def test_a_poisonous_operation_is_kept_and_the_49_others_are_applied(
    stage: Stage, tablet: Tablet, poison: None
):
    tasks = [stage.task(tablet) for _ in range(49)]
    lines = [tablet.op("task.accept", task.id, {}) for task in tasks]
    lines.insert(20, tablet.op("task.answer_return", tasks[0].id, {"note": "已补正"}))

    pushed = tablet.push(lines)

    assert outcomes(pushed) == [
        ("quarantined", "internal") if number == 20 else APPLIED for number in range(50)
    ]
    assert stage.one(Task, tasks[0].id).return_reason is None
    assert stage.count(Task, Task.state == "accepted") == 49
    kept = stage.all(sa.select(Operation.op).where(Operation.reason == "internal"))
    assert [row.op for row in kept] == [json.loads(lines[20])["op"]]
    problem = pushed.json["results"][20]["problem"]
    assert (problem["type"], problem["status"]) == ("/problems/internal", 409)
    assert stage.count(ReviewItem, ReviewItem.kind == "quarantine") == 1


def test_an_error_outside_a_savepoint_leaves_nothing_of_the_batch(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    tasks = [stage.task(tablet) for _ in range(3)]
    lines = [tablet.op("task.accept", task.id, {}) for task in tasks]
    taken: list[int] = []
    whole = Batch._take

    def breaking(self: Batch, place: int, pushed: operations.Operation) -> Any:
        if len(taken) == 2:
            raise ZeroDivisionError("outside every savepoint")
        taken.append(place)
        return whole(self, place, pushed)

    monkeypatch.setattr(Batch, "_take", breaking)

    assert tablet.push(lines).status == 500

    assert len(taken) == 2
    assert stage.count(Operation) == 0
    assert stage.count(Receipt) == 0
    assert stage.count(Task, Task.state == "accepted") == 0
    assert stage.count(InboxBatch) == 1, "what arrived is there all the same"
    monkeypatch.undo()
    assert outcomes(tablet.push(lines)) == [APPLIED] * 3


def test_a_failing_database_answers_503_and_a_retry_applies_all(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    lines = [tablet.op("task.accept", stage.task(tablet).id, {})]

    def failing(doing: Doing) -> Effect:
        raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setitem(effects.EFFECTS, OperationType.TASK_ACCEPT, failing)
        pushed = tablet.push(lines)
    assert (pushed.status, pushed.headers["Retry-After"]) == (503, "30")

    assert outcomes(tablet.push(lines)) == [APPLIED]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no JSON",
        b'{"op":"{}","sig":"x"}',
        b'{"op":"{\\"a\\":NaN}","sig":""}',
        b'{"op":"{\\"a\\":1,\\"a\\":2}","sig":""}',
        b'{"op":"\\ud800","sig":""}',
        b'"\x00"',
        b"[" * 50_000,
    ],
)
def test_a_line_that_is_no_operation_is_kept_as_text_and_answered_like_any_other(
    stage: Stage, tablet: Tablet, line: bytes
):
    task = stage.task(tablet)
    good = tablet.op("task.accept", task.id, {})

    pushed = tablet.push([line, good])

    assert outcomes(pushed) == [("quarantined", "malformed"), APPLIED]
    bad = pushed.json["results"][0]
    assert (bad["line"], bad["op_id"]) == (1, None)
    assert values_of(bad["receipt"])["status"] == "quarantined"
    kept = stage.all(sa.select(Operation.op).where(Operation.reason == "malformed"))
    assert [row.op for row in kept] == [line.decode().replace("\0", "\ufffd")]
    assert receipts(tablet.push([line]))[0] == receipts(pushed)[0]


def test_a_wrong_signature_or_another_devices_operation_is_malformed_and_blocks_no_id(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    line = tablet.op("task.accept", task.id, {})
    forged = json.loads(line)
    forged["sig"] = a_tablet.sign(
        Ed25519PrivateKey.generate(), "suicha-op-1", a_tablet.sha256(forged["op"])
    )
    foreign = stage.tablet("bo").op("task.accept", task.id, {})

    pushed = tablet.push([json.dumps(forged, ensure_ascii=False).encode(), foreign])

    assert outcomes(pushed) == [("quarantined", "malformed")] * 2
    assert pushed.json["results"][0]["op_id"] == op_of(line)["op_id"]
    assert outcomes(tablet.push([line])) == [APPLIED]


def test_of_many_lines_those_that_are_wrongly_signed_are_malformed_and_no_others(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [start(tablet, task), *(answer(tablet, task, code) for code in ITEMS)]
    wrong = [3, len(lines) // 2, len(lines) - 1]
    stranger = Ed25519PrivateKey.generate()
    for place in wrong:
        text = json.loads(lines[place])["op"]
        sig = a_tablet.sign(stranger, operations.OPERATION_LABEL, a_tablet.sha256(text))
        lines[place] = a_tablet.line_of(text, sig)

    pushed = tablet.push(lines)

    assert len(lines) > 2 * reading.FEW
    expected: list[tuple[str, str | None]] = [APPLIED for _ in lines]
    for place in wrong:
        expected[place] = ("quarantined", "malformed")
    assert outcomes(pushed) == expected
    assert outcomes(tablet.push(lines)) == [("duplicate", None)] * len(lines)


def test_an_id_used_for_another_content_is_kept_beside_the_first(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    line = tablet.op("task.accept", task.id, {})
    other = tablet.op("visit.interrupt", task.visit_id, {"reason": "x"}, op_id=op_of(line)["op_id"])

    pushed = tablet.push([line, other])

    assert outcomes(pushed) == [APPLIED, ("quarantined", "id-reuse")]
    assert stage.count(Operation) == 2
    assert outcomes(tablet.push([other, line])) == [("duplicate", None)] * 2


def test_a_number_used_twice_by_a_copied_tablet_is_kept_as_seq_reuse(stage: Stage, tablet: Tablet):
    first, second = stage.task(tablet), stage.task(tablet)
    line = tablet.op("task.accept", first.id, {})
    copy = tablet.sealed(tablet.values("task.accept", second.id, {}, device_seq=1))

    assert outcomes(tablet.push([line])) == [APPLIED]
    assert outcomes(tablet.push([copy])) == [("quarantined", "seq-reuse")]

    assert stage.one(Task, second.id).state == "assigned"
    assert tablet.request("GET", "/devices/me").json["op_hash"] == tablet.prev_hash


@pytest.mark.parametrize("type_", ["task.unknown", "visit.start"])
def test_an_unknown_type_or_missing_fields_are_quarantined(
    stage: Stage, tablet: Tablet, type_: str
):
    task = stage.task(tablet)
    expected = {
        "task.unknown": "operation-type-unknown",
        "visit.start": "operation-fields-wrong",
    }[type_]

    pushed = tablet.push([tablet.op(type_, task.id, {"what": 1})])

    assert outcomes(pushed) == [("quarantined", expected)]


def test_an_answer_that_the_catalogue_does_not_offer_is_kept_and_not_taken(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [
        start(tablet, task),
        answer(tablet, task, "pp-licence", "not-applicable"),
        answer(tablet, task, "lodging-cups", "not-applicable"),
    ]

    pushed = tablet.push(lines)

    assert outcomes(pushed) == [APPLIED, ("quarantined", "answer-not-allowed"), APPLIED]
    assert pushed.json["results"][1]["problem"]["answers"] == ["no", "yes"]


def test_finishing_before_everything_is_answered_is_quarantined_with_what_is_open(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)

    pushed = tablet.push([start(tablet, task), finish(tablet, task)])

    assert outcomes(pushed) == [APPLIED, ("quarantined", "visit-incomplete")]
    assert "pp-licence" in pushed.json["results"][1]["problem"]["items"]
