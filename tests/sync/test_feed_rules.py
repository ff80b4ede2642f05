"""Positions, plans and sums, without a database."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.feed import rules
from sync.feed.rules import NewRow, Position, Stored, Wanted

TASK = ("task", "019a0000-0000-7000-8000-000000000001")
AN, BO = "officer:a", "officer:b"


def wanted(*scopes: str, version: int = 2, stream: str = "310105") -> dict[rules.Key, Wanted]:
    return {TASK: Wanted(stream, version, frozenset(scopes))}


def stored(*rows: Stored) -> dict[rules.Key, list[Stored]]:
    return {TASK: list(rows)}


def row(scope: str, version: int = 2, *, present: bool = True, stream: str = "310105") -> NewRow:
    return NewRow(stream, scope, *TASK, version, present)


@given(st.integers(0, 2**32), st.integers(0, rules.PLACES - 1))
def test_a_cursor_holds_a_position_as_one_number(seq: int, place: int):
    position = Position(seq, place)
    assert rules.unpack(rules.pack(position)) == position


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=2))
def test_packed_positions_have_the_order_of_positions(pair: list[tuple[int, int]]):
    one, other = (Position(*values) for values in pair)
    assert (one < other) == (rules.pack(one) < rules.pack(other))


def test_what_a_scope_shows_already_makes_no_row():
    found = rules.plan(wanted(AN), stored(Stored("310105", AN, 2, present=True)))
    assert (found.rows, found.bodies, found.dropped) == ([], set(), set())


def test_a_new_version_goes_to_every_scope_with_a_new_body():
    rows = (Stored("310105", one, 1, present=True) for one in (AN, BO))
    found = rules.plan(wanted(AN, BO), stored(*rows))
    assert found.rows == [row(AN), row(BO)]
    assert found.bodies == {TASK}


def test_a_scope_that_enters_shares_the_body_that_another_shows():
    found = rules.plan(wanted(AN, BO), stored(Stored("310105", AN, 2, present=True)))
    assert found.rows == [row(BO)]
    assert found.bodies == set()


def test_a_scope_that_is_left_gets_a_tombstone_once():
    before = Stored("310105", AN, 2, present=True)
    found = rules.plan(wanted(), stored(before))
    assert (found.rows, found.dropped) == ([row(AN, present=False)], {TASK})
    after = rules.plan(wanted(), stored(before._replace(present=False)))
    assert (after.rows, after.dropped) == ([], set())


def test_a_scope_that_is_entered_again_gets_a_row_and_a_body():
    found = rules.plan(wanted(AN), stored(Stored("310105", AN, 2, present=False)))
    assert (found.rows, found.bodies) == ([row(AN)], {TASK})


def test_another_stream_means_a_tombstone_in_the_old_and_a_row_in_the_new():
    before = Stored("310107", AN, 2, present=True)
    found = rules.plan(wanted(AN), stored(before))
    assert set(found.rows) == {row(AN), row(AN, present=False, stream="310107")}
    assert found.dropped == set()


def test_a_body_that_reads_otherwise_goes_out_again_in_the_same_version():
    before = stored(Stored("310105", AN, 2, present=True))
    found = rules.plan(wanted(AN), before, again={TASK})
    assert (found.rows, found.bodies) == ([row(AN)], {TASK})


def test_units_come_before_the_tasks_that_name_them_and_tasks_before_visits():
    kinds = ("finding", "visit", "task", "officer", "unit", "visit_answer")
    many = {(kind, "x"): Wanted("310105", 1, frozenset({AN})) for kind in kinds}
    order = [one.type for one in rules.plan(many, {}).rows]
    assert order == ["officer", "unit", "task", "visit", "visit_answer", "finding"]


def test_rows_are_numbered_within_their_scope():
    rows = [row(AN), row(AN, 3), row(BO)]
    assert [place for _, place in rules.place(rows)] == [1, 2, 1]


def test_more_rows_than_a_position_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "PLACES", 3)
    with pytest.raises(ValueError, match="more rows"):
        rules.place([row(AN), row(AN), row(AN)])


def test_a_set_is_summed_in_the_order_of_its_ids():
    lines = b"019a:1\n019b:12\n"
    expected = hashlib.sha256(lines).hexdigest()
    assert rules.digest_of([("019b", 12), ("019a", 1)]) == expected
    assert rules.digest_of([]) == hashlib.sha256(b"").hexdigest()


def test_a_tablet_carries_the_scopes_of_its_sessions_in_the_order_of_a_page():
    places = rules.places_of(
        district="310105", agency_id="g", device_id="d", officer_ids=["b", "a"]
    )
    assert places == [
        ("310105", "agency:g"),
        ("310105", "device:d"),
        ("310105", "officer:a"),
        ("310105", "officer:b"),
        ("catalogue", "all"),
    ]
