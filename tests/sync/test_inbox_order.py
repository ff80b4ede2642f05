"""What waits for what: gaps in the numbers, parents and children, tablets' clocks."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync.inbox.models import Operation, ReviewItem
from tests.sync.conftest import Stage, answer, start, whole_visit
from tests.sync.pushed import APPLIED, outcomes, receipts, values_of
from tests.sync.tablet import Tablet, op_of


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
