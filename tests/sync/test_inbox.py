"""The inbox over the wire: what is pushed has one effect, one receipt, and is never dropped."""

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from app.db import db
from app.evidence.models import Evidence, EvidenceLink
from app.journal import service as journal
from app.people import accounts
from app.people.models import Account, Officer
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Visit, VisitAnswer
from sync import operations
from sync.devices import service as devices
from sync.devices.rules import DeviceState
from sync.inbox import effects, rules
from sync.inbox.deciding import Batch
from sync.inbox.doing import Doing, Effect
from sync.inbox.models import InboxBatch, Operation, Receipt, ReviewItem
from sync.inbox.rules import OperationType
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync import tablet as a_tablet
from tests.sync.conftest import ITEMS, Stage, answer, finish, start, whole_visit
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


# --- one bad operation never blocks the others -------------------------------------------------


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


# --- gaps --------------------------------------------------------------------------------------


def gaps(stage: Stage) -> list[tuple[int, int]]:
    rows = stage.all(
        sa.select(ReviewItem.detail).where(
            ReviewItem.reason == "operations-missing", ReviewItem.state == "open"
        )
    )
    return sorted((row.detail["first"], row.detail["last"]) for row in rows)


def test_a_gap_is_shown_with_its_numbers_until_the_missing_operations_arrive(
    stage: Stage, tablet: Tablet
):
    lines = [tablet.op("task.accept", stage.task(tablet).id, {}) for _ in range(7)]

    assert outcomes(tablet.push([lines[0], lines[6]])) == [APPLIED, APPLIED]
    assert gaps(stage) == [(2, 6)]
    tablet.push([lines[3]])
    assert gaps(stage) == [(2, 3), (5, 6)]
    tablet.push([lines[1], lines[2], lines[4], lines[5]])
    assert gaps(stage) == []
    assert stage.count(Task, Task.state == "accepted") == 7


def test_an_operation_that_does_not_follow_the_one_before_is_applied_and_shown(
    stage: Stage, tablet: Tablet
):
    first = tablet.op("task.accept", stage.task(tablet).id, {})
    second = tablet.op("task.accept", stage.task(tablet).id, {}, prev_hash="ab" * 32)

    assert outcomes(tablet.push([first, second])) == [APPLIED, APPLIED]
    assert stage.count(ReviewItem, ReviewItem.reason == "chain-broken") == 1


# --- who signed --------------------------------------------------------------------------------


def test_an_officer_who_is_not_in_session_on_the_tablet_is_no_author(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    bo = stage.tablet("bo")
    lines = [
        tablet.op("task.accept", task.id, {}, officer_id=str(bo.officer_id)),
        tablet.op("task.accept", task.id, {}, user_session_id=str(bo.session_id)),
        tablet.op("task.accept", task.id, {}, user_session_id=str(uuid4())),
    ]

    assert outcomes(tablet.push(lines)) == [("quarantined", "author")] * 3
    assert stage.one(Task, task.id).state == "assigned"


def test_after_a_change_of_shift_each_operation_is_its_own_officers(stage: Stage, tablet: Tablet):
    stage.officer("bo")
    session = tablet.request("POST", "/sessions", {"login": "bo", "password": PASSWORD}).json
    bo = stage.make.task(
        team=[stage.one(Officer, session["officer_id"]), stage.make.officer()],
        checklist_code="lodging",
    )
    mine = stage.task(tablet)
    theirs = {
        "officer_id": session["officer_id"],
        "user_session_id": session["user_session_id"],
    }

    pushed = tablet.push(
        [
            tablet.op("task.accept", mine.id, {}),
            tablet.op("task.accept", bo.id, {}, **theirs),
            tablet.op("task.accept", bo.id, {}),
        ]
    )

    assert outcomes(pushed) == [APPLIED, APPLIED, ("quarantined", "late-contribution")]


def test_work_recorded_in_session_is_taken_after_the_session_ended_and_later_work_is_not(
    stage: Stage, tablet: Tablet
):
    first, second = stage.task(tablet), stage.task(tablet)
    stage.clock.forward(days=89)
    within = tablet.op("task.accept", first.id, {})
    stage.clock.forward(days=5)
    after = tablet.op("task.accept", second.id, {})
    tablet.keep_tokens(tablet.tokens(challenge=tablet.challenge()).json)

    assert outcomes(tablet.push([within, after])) == [APPLIED, ("quarantined", "author")]


def test_a_suspended_officers_operations_wait_for_a_supervisor(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    with stage.make.writing():
        account = db.session.get_one(Account, stage.logins["an"].id)
        accounts.suspend_account(account, by=stage.make.by(), at=stage.clock())

    pushed = tablet.push([tablet.op("task.accept", task.id, {})])

    assert outcomes(pushed) == [("quarantined", "author")]


def test_what_a_suspended_device_pushes_is_kept_and_capped_for_the_day(
    stage: Stage, tablet: Tablet, monkeypatch: pytest.MonkeyPatch
):
    task = stage.task(tablet)
    with stage.make.writing():
        devices.change_state(
            tablet.device_id,
            DeviceState.SUSPENDED,
            "遗失",
            by=stage.make.by(stage.make.home()),
            at=stage.clock(),
        )
    lines = [tablet.op("task.accept", task.id, {}) for _ in range(3)]

    assert outcomes(tablet.push(lines[:2])) == [("quarantined", "device-suspended")] * 2
    assert stage.one(Task, task.id).state == "assigned"
    monkeypatch.setattr(rules, "SUSPENDED_OPERATIONS_A_DAY", 2)
    capped = tablet.push(lines[2:])
    assert (capped.status, capped.headers["Retry-After"]) == (429, "3600")
    stage.clock.forward(days=1)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert outcomes(tablet.push(lines[2:])) == [("quarantined", "device-suspended")]


# --- depends_on --------------------------------------------------------------------------------


def after(line: bytes) -> dict[str, Any]:
    return {"depends_on": [op_of(line)["op_id"]]}


def test_an_operation_waits_for_its_parent_and_is_released_by_it_in_a_later_batch(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    begin = start(tablet, task)
    child = answer(tablet, task, "pp-licence", **after(begin))
    grandchild = answer(tablet, task, "pp-shown", **after(child))

    held = tablet.push([grandchild, child])
    assert outcomes(held) == [("held", "waiting")] * 2
    assert stage.count(VisitAnswer) == 0

    assert outcomes(tablet.push([begin])) == [APPLIED]

    assert stage.count(VisitAnswer) == 2
    listed = [values_of(one) for one in tablet.request("GET", "/receipts").json["receipts"]]
    assert [one["status"] for one in listed] == ["held", "held", "applied", "applied", "applied"]
    assert listed[3]["op_id"] == op_of(child)["op_id"]
    assert listed[4]["op_id"] == op_of(grandchild)["op_id"]
    assert receipts(tablet.push([grandchild]))[0] == receipts(held)[0], "the first receipt"
    assert stage.count(ReviewItem, ReviewItem.state == "open") == 0


def test_within_a_batch_parents_go_before_children_whatever_the_order_of_the_lines(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)

    pushed = tablet.push(list(reversed(lines)))

    assert outcomes(pushed) == [APPLIED] * len(lines)
    assert [one["op_id"] for one in pushed.json["results"]] == [
        op_of(line)["op_id"] for line in reversed(lines)
    ]
    assert stage.one(Visit, task.visit_id).state == "signed"


def test_what_is_held_and_released_in_one_batch_has_a_receipt_for_each(
    stage: Stage, tablet: Tablet
):
    """Its parent waits since an earlier batch for something that comes later in this one."""
    task = stage.task(tablet)
    last = tablet.values("visit.start", task.visit_id, {"task_id": str(task.id)}, device_seq=3)
    last["fields"]["unit_id"] = str(task.unit_id)
    last["fields"].update(checklist_code="lodging", form_version=1)
    parent = answer(tablet, task, "pp-licence", depends_on=[last["op_id"]])
    child = answer(tablet, task, "pp-shown", **after(parent))
    last["prev_hash"] = tablet.prev_hash
    assert outcomes(tablet.push([parent])) == [("held", "waiting")]

    pushed = tablet.push([child, tablet.sealed(last)])

    assert outcomes(pushed) == [("held", "waiting"), APPLIED]
    assert values_of(pushed.json["results"][0]["receipt"])["status"] == "held"
    listed = [values_of(one) for one in tablet.request("GET", "/receipts").json["receipts"]]
    told = [(one["device_seq"], one["status"]) for one in listed]
    assert told == [(1, "held"), (2, "held"), (3, "applied"), (1, "applied"), (2, "applied")]
    assert all(one["version"] == 1 for one in listed[3:])


def test_an_operation_whose_parent_is_in_quarantine_waits(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    bad = tablet.op("visit.interrupt", task.visit_id, {})
    child = tablet.op("task.accept", task.id, {}, **after(bad))

    assert outcomes(tablet.push([bad, child])) == [
        ("quarantined", "operation-fields-wrong"),
        ("held", "waiting"),
    ]


def test_a_circle_of_operations_is_held_and_blocks_nobody(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    one = tablet.values("task.accept", task.id, {})
    tablet.seq += 1
    two = tablet.values("task.accept", task.id, {}, depends_on=[one["op_id"]])
    tablet.seq += 1
    one["depends_on"] = [two["op_id"]]
    free = tablet.op("task.accept", stage.task(tablet).id, {})

    pushed = tablet.push([tablet.sealed(one), tablet.sealed(two), free])

    assert outcomes(pushed) == [("held", "waiting"), ("held", "waiting"), APPLIED]


# --- conflicts ---------------------------------------------------------------------------------


def test_two_tablets_of_a_pair_make_one_visit_and_a_conflict_on_one_item_only(
    stage: Stage, tablet: Tablet
):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    tablet.push([start(tablet, task), answer(tablet, task, "pp-licence", "yes")])

    pushed = bo.push(
        [
            bo.op("task.accept", task.id, {}),
            start(bo, task),
            answer(bo, task, "pp-licence", "no", "许可证过期"),
            answer(bo, task, "pp-shown", "yes"),
        ]
    )

    assert outcomes(pushed) == [
        ("merged", None),
        ("merged", None),
        ("conflict", "field-conflict"),
        APPLIED,
    ]
    assert stage.count(Visit) == 1
    stands = stage.one(VisitAnswer, op_of(answer(tablet, task, "pp-licence"))["entity_id"])
    assert stands.result == "yes"
    assert stage.count(ReviewItem, ReviewItem.kind == "conflict") == 1
    assert stage.count(Operation, Operation.outcome == "conflict") == 1


@pytest.mark.past_the_services
@pytest.mark.parametrize("ending", ["reassigned", "closed", "gone"])
def test_work_that_came_too_late_is_kept_with_its_photos(stage: Stage, tablet: Tablet, ending: str):
    task = stage.task(tablet)
    tablet.push([start(tablet, task)])
    photo = {"sha256": "ab" * 32, "size": 9, "mime": "image/jpeg", "role": "photo"}
    late = answer(tablet, task, "pp-licence", "no", "脏", attachments=[photo])
    stranger = start(tablet, stage.task(stage.tablet("bo")))
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    with stage.make.writing():
        row = db.session.get_one(Task, task.id)
        if ending == "reassigned":
            row.team = [one for one in row.team if one.officer_id != tablet.officer_id]
        elif ending == "closed":
            row.state, row.outcome = "completed", "no-problem"
        else:
            row.agency_id = elsewhere.id
    reason = {"reassigned": "late-contribution", "closed": "task-closed", "gone": "task-gone"}

    pushed = tablet.push([late, stranger])

    assert outcomes(pushed) == [
        ("quarantined", reason[ending]),
        ("quarantined", "late-contribution"),
    ]
    assert stage.count(ReviewItem, ReviewItem.kind == "late") == 2
    assert stage.count(EvidenceLink, EvidenceLink.subject_type == "operation") == 1
    assert values_of(pushed.json["results"][0]["receipt"])["attachments_pending"] == 1
    assert stage.count(VisitAnswer) == 0


# --- clocks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded_at", ["1970-01-01T00:00:00.000Z", "2036-11-21T00:00:00.000Z"])
def test_an_impossible_clock_is_flagged_and_never_refused(
    stage: Stage, tablet: Tablet, recorded_at: str
):
    task = stage.task(tablet)

    pushed = tablet.push([start(tablet, task, recorded_at=recorded_at)])

    assert outcomes(pushed) == [APPLIED]
    assert stage.one(Visit, task.visit_id).clock_suspect
    assert stage.count(ReviewItem, ReviewItem.kind == "clock") == 1


def test_a_clock_that_jumps_back_or_is_wrong_at_contact_is_flagged_once(
    stage: Stage, tablet: Tablet
):
    stage.clock.forward(hours=5)
    lines = [tablet.op("task.accept", stage.task(tablet).id, {}) for _ in range(3)]
    early = tablet.op(
        "task.accept", stage.task(tablet).id, {}, recorded_at="2026-11-21T02:00:00.000Z"
    )
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    tablet.push([*lines, early])
    flagged = sa.select(Operation.device_seq).where(Operation.clock_suspect)
    assert [row.device_seq for row in stage.all(flagged)] == [4]

    wrong = {"Device_Time": "2026-11-21T09:00:00.000Z"}
    line = tablet.op("task.accept", stage.task(tablet).id, {})
    answer_ = tablet.request("POST", "/inbox", line + b"\n", signed_in=True, **wrong)

    assert outcomes(answer_) == [APPLIED]
    assert len(stage.all(flagged)) == 2
    assert stage.count(ReviewItem, ReviewItem.kind == "clock") == 1


def test_two_days_offline_raise_no_flag(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)
    stage.clock.forward(days=2)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)

    tablet.push(lines)

    assert stage.count(Operation, Operation.clock_suspect) == 0
    assert stage.count(ReviewItem) == 0


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


def test_finishing_before_everything_is_answered_is_quarantined_with_what_is_open(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)

    pushed = tablet.push([start(tablet, task), finish(tablet, task)])

    assert outcomes(pushed) == [APPLIED, ("quarantined", "visit-incomplete")]
    assert "pp-licence" in pushed.json["results"][1]["problem"]["items"]


# --- many at once ------------------------------------------------------------------------------


def until_answered(tablet: Tablet, lines: list[bytes]) -> Answer:
    for _ in range(100):
        found = tablet.push(lines)
        if found.status != 503:
            return found
    return found


def test_eight_tablets_push_at_once_and_all_arrive(stage: Stage):
    tablets = [stage.tablet(f"officer{number}") for number in range(8)]
    work = [(one, whole_visit(one, stage.task(one))) for one in tablets]
    for one, _ in work:
        one.send = stage.send()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: until_answered(*pair), work))

    assert [outcomes(found) for found in answers] == [[APPLIED] * (len(ITEMS) + 4)] * 8
    assert stage.count(VisitAnswer) == 8 * len(ITEMS)
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_both_tablets_of_a_pair_start_one_visit_at_the_same_moment(stage: Stage):
    an, bo = stage.tablet("an"), stage.tablet("bo")
    for _ in range(5):
        task = stage.task(an, bo)
        work = [
            (one, [start(one, task), answer(one, task, code)])
            for one, code in ((an, "pp-licence"), (bo, "pp-shown"))
        ]
        for one, _ in work:
            one.send = stage.send()
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda pair: until_answered(*pair), work))

        starts = sorted(outcomes(found)[0][0] for found in answers)
        assert starts == ["applied", "merged"]
        assert [outcomes(found)[1] for found in answers] == [APPLIED, APPLIED]
        with stage.flask_app.app_context():
            visit = db.session.get_one(Visit, task.visit_id)
            assert len(visit.attendance) == 2
