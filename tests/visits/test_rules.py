"""Identities of visits, completeness, and how two tablets' words meet."""

from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from app.visits import rules
from app.visits.rules import Answer, AnswerResult, Item, Merge

VISIT = UUID("019a0000-0000-7000-8000-000000000003")
ITEM = UUID("019a0000-0000-7000-8000-000000000004")
UNIT = UUID("019a0000-0000-7000-8000-000000000007")
AN = UUID("019a0000-0000-7000-8000-00000000000a")
BO = UUID("019a0000-0000-7000-8000-00000000000b")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def test_an_answer_has_the_id_of_the_protocols_vector():
    assert str(rules.answer_id(VISIT, ITEM)) == "2b966381-75d1-5386-a7ec-4fcd7df5836c"


def test_a_check_item_has_one_id_in_every_catalogue():
    assert rules.item_id("gg-01") == uuid5(NAMESPACE_URL, "suicha:item:gg-01")


def test_the_pair_computes_one_id_for_a_triggered_visit_whatever_the_order_of_names():
    on = date(2026, 11, 20)
    first = rules.triggered_visit_id(UNIT, on, [AN, BO], None)
    assert first == rules.triggered_visit_id(UNIT, on, [BO, AN], None)
    assert first == uuid5(UNIT, f"2026-11-20|{AN},{BO}")
    assert first != rules.triggered_visit_id(UNIT, date(2026, 11, 21), [AN, BO], None)


def test_a_request_for_a_visit_code_decides_the_id_alone():
    request = UUID("019a0000-0000-7000-8000-0000000000ff")
    found = rules.triggered_visit_id(UNIT, date(2026, 11, 20), [AN], request)
    assert found == rules.triggered_visit_id(UNIT, date(2026, 11, 22), [BO], request)
    assert found == uuid5(request, "visit")


def resolve(current, version, changes, *, base=None, base_version=0, same_author=False):
    return rules.resolve(
        current,
        version,
        changes,
        base=base or {},
        base_version=base_version,
        same_author=same_author,
    )


def test_a_new_answer_is_applied_whole():
    met = resolve(None, 0, {"result": "no", "note": "脏"})
    assert (met.outcome, met.changes) == (Merge.APPLIED, {"result": "no", "note": "脏"})


def test_two_officers_who_say_the_same_agree():
    met = resolve({"result": "no", "note": "脏"}, 1, {"result": "no", "note": "脏"})
    assert (met.outcome, met.changes) == (Merge.MERGED, {})


def test_two_officers_who_differ_are_in_conflict_and_nothing_is_written():
    met = resolve({"result": "no", "note": None}, 1, {"result": "yes", "note": None})
    assert (met.outcome, met.changes, met.disputed) == (Merge.CONFLICT, {}, ("result",))


def test_a_conflict_in_one_field_keeps_the_others_out_too():
    met = resolve(
        {"result": "no", "note": None},
        2,
        {"result": "yes", "note": "已改正"},
        base={"result": "not-applicable", "note": None},
        base_version=1,
    )
    assert (met.outcome, met.changes, met.disputed) == (Merge.CONFLICT, {}, ("result",))


def test_a_change_of_what_was_seen_is_applied():
    met = resolve({"result": "no", "note": None}, 3, {"result": "yes"}, base_version=3)
    assert (met.outcome, met.changes) == (Merge.APPLIED, {"result": "yes"})


def test_ones_own_second_thought_offline_is_applied():
    met = resolve(
        {"result": "no", "note": None},
        1,
        {"result": "yes"},
        base={"result": "no"},
        base_version=0,
        same_author=True,
    )
    assert (met.outcome, met.changes) == (Merge.APPLIED, {"result": "yes"})


def test_another_field_changed_meanwhile_is_merged():
    met = resolve(
        {"result": "yes", "note": None},
        2,
        {"note": "补充说明"},
        base={"note": None},
        base_version=1,
    )
    assert (met.outcome, met.changes) == (Merge.MERGED, {"note": "补充说明"})


def test_a_field_whose_old_value_is_not_told_is_disputed_once_the_row_moved_on():
    met = resolve({"result": "yes", "note": None}, 2, {"note": "补充"}, base_version=1)
    assert met.disputed == ("note",)


A, B, C = (
    Item(rules.item_id(code), code, required, photo)
    for code, required, photo in (("a", True, True), ("b", False, True), ("c", True, False))
)


def answers(**results):
    items = {"a": A, "b": B, "c": C}
    return {
        items[code].id: Answer(items[code].id, AnswerResult(result), photos)
        for code, (result, photos) in results.items()
    }


def test_only_required_items_must_be_answered():
    assert rules.unanswered([A, B, C], answers(a=("yes", 0))) == ["c"]


def test_a_no_asks_for_a_photo_only_where_the_item_does():
    given = answers(a=("no", 0), b=("no", 1), c=("no", 0))
    assert rules.without_photo([A, B, C], given) == ["a"]


def test_a_yes_asks_for_no_photo():
    assert rules.without_photo([A], answers(a=("yes", 0))) == []


def test_a_checklist_is_read_in_order_with_what_each_item_asks():
    form = {"sections": [{"items": ["a", "b"]}, {"items": ["c"]}]}
    known = {
        item.code: {"required": item.required, "on_no": {"photo_required": item.photo_on_no}}
        for item in (C, B, A)
    }
    assert rules.items_of(form, known) == [A, B, C]


@pytest.mark.parametrize(
    ("recorded", "suspect", "expected"),
    [
        (NOON - timedelta(days=2), False, NOON - timedelta(days=2)),
        (NOON + timedelta(days=3650), False, NOON),
        (datetime(1970, 1, 1, tzinfo=UTC), True, NOON),
    ],
)
def test_the_tablets_time_counts_up_to_the_arrival_unless_its_clock_is_suspect(
    recorded, suspect, expected
):
    assert rules.effective_at(recorded, NOON, suspect=suspect) == expected
