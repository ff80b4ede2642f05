"""The inbox over the wire: what is pushed has one effect, one receipt, and is never dropped."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.journal import service as journal
from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync import operations
from sync.inbox.models import InboxBatch, Operation, Receipt
from tests.sync import tablet as a_tablet
from tests.sync.conftest import ITEMS, Stage, start, whole_visit
from tests.sync.tablet import Answer, Tablet, op_of


def outcomes(pushed: Answer) -> list[tuple[str, str | None]]:
    assert pushed.status == 200, pushed.body
    return [(one["outcome"], one["reason"]) for one in pushed.json["results"]]


def receipts(pushed: Answer) -> list[tuple[str, str]]:
    return [(one["receipt"]["body"], one["receipt"]["sig"]) for one in pushed.json["results"]]


def values_of(receipt: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receipt["body"])
    return found


APPLIED = ("applied", None)


# --- the thin working line ---------------------------------------------------------------------


def test_a_whole_visit_made_offline_arrives_in_one_push(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)

    pushed = tablet.push(whole_visit(tablet, task))

    assert outcomes(pushed) == [APPLIED] * (len(ITEMS) + 4)
    assert stage.one(Task, task.id).state == "submitted"
    visit = stage.one(Visit, task.visit_id)
    assert (visit.state, visit.outcome, visit.clock_suspect) == ("signed", "no-problem", False)
    assert stage.count(VisitAnswer) == len(ITEMS)
    me = tablet.request("GET", "/devices/me").json
    assert (me["device_seq"], me["op_hash"]) == (tablet.seq, tablet.prev_hash)
    assert me["receipt_seq"] == len(ITEMS) + 4


def test_a_receipt_names_the_operation_its_place_in_the_journal_and_the_receipt_before(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [tablet.op("task.accept", task.id, {}), start(tablet, task)]
    discovery = json.loads(stage.flask_app.test_client().get("/.well-known/suicha").data)
    key = operations.load_public_key(
        "Ed25519", operations.decode_b64(discovery["receipt_keys"][0]["key"])
    )

    results = tablet.push(lines).json["results"]

    previous = "0" * 64
    for number, (line, result) in enumerate(zip(lines, results, strict=True), start=1):
        receipt = result["receipt"]
        body, digest = values_of(receipt), a_tablet.sha256(receipt["body"])
        assert a_tablet.canonical(body) == receipt["body"]
        assert operations.is_signed(key, "suicha-receipt-1", digest, receipt["sig"])
        assert set(body) == {
            *("v", "op_id", "device_id", "device_seq", "op_hash", "status", "reason", "version"),
            *("stream", "journal_seq", "received_at", "attachments_pending", "receipt_seq"),
            *("prev_receipt_hash", "key_id"),
        }
        assert body["op_hash"] == a_tablet.sha256(json.loads(line)["op"])
        assert (body["op_id"], body["device_seq"]) == (op_of(line)["op_id"], number)
        assert (body["receipt_seq"], body["prev_receipt_hash"]) == (number, previous)
        assert (body["status"], body["stream"]) == ("applied", "310105")
        previous = digest
        entry = stage.all(
            sa.text(
                "SELECT event, op_id FROM journal_entry WHERE stream = '310105' AND seq = :seq"
            ).bindparams(seq=body["journal_seq"])
        )
        assert entry[0].event == "operation.applied"
        assert UUID(str(entry[0].op_id)) == UUID(op_of(line)["op_id"])
    listed = tablet.request("GET", "/receipts?after_seq=1").json
    assert listed == {"receipts": [results[1]["receipt"]], "more": False}


def test_a_repeat_is_a_duplicate_with_the_first_receipt_byte_for_byte(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)
    first = tablet.push(lines)
    stage.clock.forward(minutes=7)

    again, in_part = tablet.push(lines), tablet.push(lines[3:5])

    assert {one for one, _ in outcomes(again)} == {"duplicate"}
    assert receipts(again) == receipts(first)
    assert receipts(in_part) == receipts(first)[3:5]
    assert stage.count(Receipt) == len(lines)
    assert stage.count(Operation) == len(lines)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_ten_threads_with_one_batch_have_one_effect_and_ten_equal_answers(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)

    def push(_: int) -> Answer:
        twin = Tablet(stage.send(), stage.clock, access=tablet.access)
        for _ in range(50):
            found = twin.push(lines)
            if found.status != 503:
                return found
        return found

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(push, range(10)))

    assert {found.status for found in answers} == {200}
    assert len({tuple(receipts(found)) for found in answers}) == 1
    firsts = [found for found in answers if outcomes(found)[0] == APPLIED]
    assert len(firsts) == 1
    assert stage.count(VisitAnswer) == len(ITEMS)
    assert stage.count(InboxBatch) == 1
    assert stage.count(Receipt) == len(lines)
