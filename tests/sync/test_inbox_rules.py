"""Chains, clocks, order and fields of operations, without an application."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.inbox import rules
from sync.inbox.rules import (
    SHAPES,
    OperationType,
    Outcome,
    Progress,
    ReviewKind,
    advance,
    effective_at,
    in_causal_order,
    is_clock_suspect,
    wrong_fields,
)

AT = datetime(2026, 11, 21, 1, tzinfo=UTC)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_the_gaps_are_exactly_the_numbers_below_the_highest_that_never_came(seqs: list[int]):
    progress = Progress(0, [])
    for seq in seqs:
        progress = advance(progress, seq)

    missing = {n for first, last in progress.gaps for n in range(first, last + 1)}
    assert progress.highest == max(seqs)
    assert missing == set(range(1, max(seqs))) - set(seqs)
    assert sorted(map(list, progress.gaps)) == list(map(list, progress.gaps))


def test_a_tablet_that_jumps_wildly_keeps_no_more_gaps_than_allowed():
    progress = Progress(0, [])
    for number in range(rules.MAX_GAPS + 50):
        progress = advance(progress, 2 + 2 * number)
    assert len(progress.gaps) == rules.MAX_GAPS
    assert progress.gaps[0] == [1, 1]


@given(st.data())
def test_parents_stand_before_their_children_and_everybody_stands_once(data: st.DataObject):
    count = data.draw(st.integers(1, 12))
    names = [f"op{number}" for number in range(count)]
    operations = [
        (
            name,
            data.draw(st.integers(1, 20)),
            data.draw(st.lists(st.sampled_from(names[:place] or ["stranger"]), max_size=3)),
        )
        for place, name in enumerate(names)
    ]
    shuffled = data.draw(st.permutations(operations))

    order = in_causal_order(shuffled)

    assert sorted(order) == list(range(count))
    stood: set[str] = set()
    for place in order:
        name, _, parents = shuffled[place]
        assert set(parents) - {"stranger"} <= stood
        stood.add(name)


def test_without_dependencies_the_tablets_own_numbers_decide():
    assert in_causal_order([("c", 3, ()), ("a", 1, ()), ("b", 2, ())]) == [1, 2, 0]


def test_a_circle_and_an_operation_that_waits_for_itself_come_to_an_end():
    assert in_causal_order([("a", 1, ["b"]), ("b", 2, ["a"]), ("c", 3, ["c"])]) == [1, 0, 2]


@pytest.mark.parametrize(
    ("recorded_at", "previous", "skew_s", "suspect"),
    [
        (AT, None, None, False),
        (AT - timedelta(days=30), None, 0, False),
        (AT + timedelta(minutes=5), None, None, False),
        (AT + timedelta(minutes=6), None, None, True),
        (AT - timedelta(days=62), None, None, True),
        (AT, AT + timedelta(minutes=5), None, False),
        (AT, AT + timedelta(minutes=6), None, True),
        (AT, None, 300, False),
        (AT, None, -301, True),
    ],
)
def test_only_an_impossible_clock_is_suspect(
    recorded_at: datetime, previous: datetime | None, skew_s: int | None, suspect: bool
):
    found = is_clock_suspect(
        recorded_at,
        session_opened_at=AT - timedelta(days=60),
        previous=previous,
        skew_s=skew_s,
        at=AT,
    )
    assert found is suspect


def test_the_time_that_counts_lies_between_the_last_server_time_seen_and_the_arrival():
    opened = AT - timedelta(days=1)
    within = AT - timedelta(hours=3)
    bounds = {"last_server_time": opened, "arrived_at": AT}
    assert effective_at(within, **bounds) == within
    assert effective_at(datetime(1970, 1, 1, tzinfo=UTC), **bounds) == opened
    assert effective_at(AT + timedelta(days=3650), **bounds) == AT


GOOD: dict[OperationType, dict[str, Any]] = {
    OperationType.TASK_ACCEPT: {},
    OperationType.TASK_PROPOSE_CLOSING: {"reason": "moved", "evidence": ["a" * 64]},
    OperationType.TASK_ANSWER_RETURN: {"note": "已补正"},
    OperationType.VISIT_START: {
        "task_id": None,
        "unit_id": str(uuid4()),
        "reason": "投诉",
        "officer_ids": [str(uuid4())],
        "code_mark": "code-missing",
    },
    OperationType.VISIT_INTERRUPT: {"reason": "停电"},
    OperationType.VISIT_FINISH: {"outcome": "no-problem", "summary": None},
    OperationType.VISIT_ANSWER_ITEM: {
        "visit_id": str(uuid4()),
        "item_id": str(uuid4()),
        "note": "一行\n两行",
    },
    OperationType.VISIT_STATE_FINDING: {"visit_id": str(uuid4()), "correct_within_days": 7},
    OperationType.EVIDENCE_ATTACH: {"subject_type": "visit", "subject_id": str(uuid4())},
    OperationType.EVIDENCE_RETRACT: {
        "subject_type": "finding",
        "subject_id": str(uuid4()),
        "sha256": "a" * 64,
    },
    OperationType.DOCUMENT_SIGN: {"role": "party", "refused": False},
    OperationType.DOCUMENT_REFUSE_SIGNATURE: {"reason": "拒签", "role": "party"},
    OperationType.ORDER_ISSUE: {
        "series": "corrective-order:2026",
        "serial": 1,
        "unit_id": str(uuid4()),
        "visit_id": str(uuid4()),
        "items": [{"text": "池水浑浊", "finding_id": None}, {"text": "无证", "basis": "第八条"}],
        "deadline_on": "2026-12-01",
        "correct_within_days": None,
    },
    OperationType.OPINION_ISSUE: {
        "series": "opinion:2026",
        "serial": 1,
        "unit_id": str(uuid4()),
        "visit_id": None,
        "number": "2026—001",
        "officer_ids": [str(uuid4())],
        "problem": "",
        "deadline_on": "2026-12-01",
    },
    OperationType.DECISION_ISSUE: {
        "series": "on-site-decision:2026",
        "serial": 2,
        "unit_id": str(uuid4()),
        "visit_id": str(uuid4()),
        "finding_id": str(uuid4()),
        "cause_code": "smoking",
        "party_kind": "citizen",
        "penalty_kind": "fine",
        "amount_fen": 5000,
    },
    OperationType.SAMPLE_RECORD: {
        "series": "sampling-record:2026",
        "serial": 3,
        "unit_id": str(uuid4()),
        "visit_id": str(uuid4()),
        "sample": "泳池水",
        "amount": "500ml",
        "method": "GB/T 18204.6",
        "sampled_at": "2026-11-21T00:30:00.000Z",
        "lot": None,
    },
    OperationType.UNIT_PROPOSE_CORRECTION: {"phone": None, "lat_e7": 312204560},
}


@pytest.mark.parametrize("type_", list(OperationType))
def test_fields_of_the_right_shape_are_taken(type_: OperationType):
    assert wrong_fields(type_, GOOD[type_]) == []


@pytest.mark.parametrize("type_", list(OperationType))
def test_a_field_that_nobody_knows_is_named(type_: OperationType):
    assert wrong_fields(type_, {**GOOD[type_], "unheard_of": 1}) == ["unheard_of"]


@pytest.mark.parametrize("type_", [one for one in OperationType if SHAPES[one].must])
def test_a_missing_field_is_named(type_: OperationType):
    for name in SHAPES[type_].must:
        rest = {key: value for key, value in GOOD[type_].items() if key != name}
        assert wrong_fields(type_, rest) == [name]


@given(st.sampled_from(list(OperationType)), st.data())
def test_whatever_stands_in_a_field_the_check_answers_and_never_breaks(
    type_: OperationType, data: st.DataObject
):
    strange = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    )
    known = [*SHAPES[type_].must, *SHAPES[type_].may, "x"]
    fields = data.draw(st.dictionaries(st.sampled_from(known), strange, max_size=4))
    assert isinstance(wrong_fields(type_, fields), list)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("result", "maybe"),
        ("note", "\0"),
        ("note", "x" * 4001),
        ("visit_id", "not an id"),
        ("item_id", None),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(name: str, value: Any):
    fields = {**GOOD[OperationType.VISIT_ANSWER_ITEM], name: value}
    assert wrong_fields(OperationType.VISIT_ANSWER_ITEM, fields) == [name]


def test_a_correction_corrects_something():
    assert wrong_fields(OperationType.UNIT_PROPOSE_CORRECTION, {}) == ["name"]


@pytest.mark.parametrize(
    ("outcome", "reason", "kind"),
    [
        (Outcome.APPLIED, None, None),
        (Outcome.MERGED, None, None),
        (Outcome.CONFLICT, "field-conflict", ReviewKind.CONFLICT),
        (Outcome.HELD, "waiting", ReviewKind.HELD),
        (Outcome.QUARANTINED, "malformed", ReviewKind.QUARANTINE),
        (Outcome.QUARANTINED, "task-closed", ReviewKind.LATE),
    ],
)
def test_every_outcome_that_is_not_plain_has_its_place_on_the_review_list(
    outcome: Outcome, reason: str | None, kind: ReviewKind | None
):
    assert rules.review_kind(outcome, reason) is kind
