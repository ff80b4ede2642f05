"""The inbox over the wire: what is pushed has one effect, one receipt, and is never dropped."""

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evidence.models import Evidence, EvidenceLink
from app.journal import service as journal
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Visit, VisitAnswer
from sync import operations
from sync.inbox.models import InboxBatch, Operation, Receipt, ReviewItem
from tests.sync import tablet as a_tablet
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.pushed import APPLIED, outcomes, receipts, values_of
from tests.sync.tablet import Answer, Tablet, op_of

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


# --- photos, corrections -------------------------------------------------------------------------


def test_photos_of_an_answer_are_expected_and_counted_in_the_receipt(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    photo = {"sha256": "cd" * 32, "size": 9, "mime": "image/jpeg", "role": "photo"}

    pushed = tablet.push(
        [
            start(tablet, task),
            answer(tablet, task, "pp-licence", "no", "过期", attachments=[photo]),
        ]
    )

    assert values_of(pushed.json["results"][1]["receipt"])["attachments_pending"] == 1
    assert stage.count(Evidence, Evidence.state == "awaited") == 1
    assert stage.count(EvidenceLink, EvidenceLink.subject_type == "visit_answer") == 1


def test_evidence_is_attached_later_and_taken_back_without_being_deleted(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    photo = {"sha256": "cd" * 32, "size": 9, "mime": "image/jpeg", "role": "photo"}
    subject = {"subject_type": "visit", "subject_id": str(task.visit_id)}

    pushed = tablet.push(
        [
            start(tablet, task),
            tablet.op("evidence.attach", uuid4(), subject, attachments=[photo]),
            tablet.op("evidence.attach", uuid4(), subject),
            tablet.op("evidence.retract", uuid4(), {**subject, "sha256": "cd" * 32}),
            tablet.op("evidence.retract", uuid4(), {**subject, "sha256": "ef" * 32}),
        ]
    )

    assert outcomes(pushed) == [
        APPLIED,
        APPLIED,
        ("quarantined", "attachment-missing"),
        APPLIED,
        ("quarantined", "evidence-missing"),
    ]
    assert stage.count(EvidenceLink, EvidenceLink.retracted_at.is_not(None)) == 1
    assert stage.count(Evidence) == 1


def test_a_correction_of_a_unit_is_put_before_a_supervisor_and_changes_nothing(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    before = stage.one(Unit, task.unit_id)

    pushed = tablet.push(
        [tablet.op("unit.propose_correction", task.unit_id, {"phone": "021-12345678"})]
    )

    assert outcomes(pushed) == [("conflict", "unit-correction")]
    assert stage.one(Unit, task.unit_id).version == before.version
    item = stage.all(sa.select(ReviewItem.detail, ReviewItem.kind))[0]
    assert (item.kind, item.detail) == ("conflict", {"fields": ["phone"]})


def test_a_task_is_proposed_for_closing_with_evidence_that_is_still_on_the_tablet(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    photo = {"sha256": "cd" * 32, "size": 9, "mime": "image/jpeg", "role": "closing"}
    code = stage.all(
        sa.text("SELECT code FROM catalogue_row WHERE kind = 'closing_reason' ORDER BY code")
    )[0].code

    pushed = tablet.push(
        [
            tablet.op("task.accept", task.id, {}),
            tablet.op(
                "task.propose_closing",
                task.id,
                {"reason": code, "evidence": ["cd" * 32], "note": "已拆除"},
                attachments=[photo],
            ),
        ]
    )

    assert outcomes(pushed) == [APPLIED, APPLIED]
    assert stage.one(Task, task.id).state == "closing-proposed"


# --- framing -----------------------------------------------------------------------------------


def test_only_framing_refuses_a_batch(stage: Stage, tablet: Tablet):
    line = tablet.op("task.accept", stage.task(tablet).id, {})
    refused = {
        "51 lines": (b"{}\n" * 51, {}, 413),
        "not UTF-8": (b"\xff\n", {}, 400),
        "nothing": (b"", {}, 400),
        "too many bytes": (b"x" * (1024 * 1024 + 1), {}, 413),
        "no gzip": (line, {"Content_Encoding": "gzip"}, 400),
        "another encoding": (line, {"Content_Encoding": "br"}, 415),
        "a million lines": (gzip.compress(b"{}\n" * 1_000_000), {"Content_Encoding": "gzip"}, 413),
        "a bomb": (gzip.compress(b"\0" * 50_000_000), {"Content_Encoding": "gzip"}, 413),
    }
    for name, (body, headers, status) in refused.items():
        began = perf_counter()
        found = tablet.request("POST", "/inbox", body, signed_in=True, **headers)
        assert found.status == status, name
        assert perf_counter() - began < 1, name
    assert stage.count(InboxBatch) == 0

    packed = tablet.request(
        "POST", "/inbox", gzip.compress(line + b"\n"), signed_in=True, Content_Encoding="gzip"
    )
    assert outcomes(packed) == [APPLIED]


def test_fifty_lines_without_a_last_line_feed_are_a_batch(stage: Stage, tablet: Tablet):
    pushed = tablet.push(b"\n".join([b"{}"] * 50))
    assert [one["line"] for one in pushed.json["results"]] == list(range(1, 51))


def test_a_push_without_a_token_is_401_and_stores_nothing(stage: Stage, tablet: Tablet):
    found = tablet.request("POST", "/inbox", b"{}\n", signed_in=False)
    assert found.status == 401
    assert stage.count(InboxBatch) == 0


def test_the_batch_as_it_arrived_can_be_replayed(stage: Stage, tablet: Tablet):
    lines = [tablet.op("task.accept", stage.task(tablet).id, {})]
    tablet.push(lines)
    stored = stage.all(sa.select(InboxBatch.content, InboxBatch.size_bytes))[0]
    assert zlib.decompress(stored.content) == lines[0] + b"\n"
    assert stored.size_bytes == len(lines[0]) + 1


# --- results in order --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_there_is_one_result_per_line_in_the_order_of_the_lines(stage: Stage, tablet: Tablet):
    tasks = [stage.task(tablet) for _ in range(6)]
    made = [tablet.op("task.accept", task.id, {}) for task in tasks]
    noise = [b"x", b"{}", stage.tablet("bo").op("task.accept", tasks[0].id, {})]
    expected = {line: op_of(line)["op_id"] for line in [*made, noise[2]]}

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.sampled_from([*made, *noise]), min_size=1, max_size=50))
    def check(lines: list[bytes]) -> None:
        results = tablet.push(lines).json["results"]
        assert [one["line"] for one in results] == list(range(1, len(lines) + 1))
        assert [one["op_id"] for one in results] == [expected.get(line) for line in lines]
        for line, one in zip(lines, results, strict=True):
            if line in expected:
                digest = a_tablet.sha256(json.loads(line)["op"])
                assert values_of(one["receipt"])["op_hash"] == digest

    check()
    assert stage.count(Operation) <= len(made) + len(noise)
