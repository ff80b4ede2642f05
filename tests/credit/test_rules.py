"""What stands, adds up and weighs: pure rules, in whatever order and however often it comes."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import seeds
from app.credit import grading, rules
from app.credit.grading import (
    Bands,
    FirstGrade,
    FirstTakes,
    Rounding,
    ScoringOutcome,
    SheetItem,
)
from app.credit.rules import Cycle, EntryKind, Threshold

SPACE = UUID(int=7)


@dataclass(frozen=True)
class Fact:
    """An entry as the rules see it."""

    id: UUID
    kind: str
    decided_on: date
    points: int | None = None
    about_id: UUID | None = None
    times: int = field(default=1, compare=False)


def points(name, on, value):
    return Fact(uuid5(SPACE, name), EntryKind.POINTS, on, value)


def about(kind, fact, on):
    return Fact(uuid5(SPACE, f"{kind} {fact.id}"), kind, on, about_id=fact.id)


days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
facts = st.builds(
    points, st.integers(0, 30).map(str), st.just(date(2026, 5, 5)), st.sampled_from([1, 2, 4, 6])
)


@given(st.lists(facts, unique_by=lambda one: one.id), st.data())
def test_replaying_reordering_and_doubling_causes_never_changes_what_counts(causes, data):
    gone = data.draw(st.sets(st.sampled_from(causes)) if causes else st.just(set()))
    entries = causes + [about(EntryKind.REVERSAL, one, one.decided_on) for one in gone]
    again = data.draw(st.permutations(entries + entries))
    once = list({one.id: one for one in again}.values())  # what `record` keeps of them
    cycle = Cycle(date(2026, 1, 1), date(2026, 12, 31))

    assert rules.points_in(once, cycle, [], 12) == sum(
        one.points for one in causes if one not in gone
    )
    assert rules.standing(once) == rules.standing(entries)


@given(days, st.lists(st.tuples(days, st.integers(0, 400)), max_size=4), st.sampled_from([6, 12]))
def test_every_day_lies_in_exactly_one_cycle(on, own, months):
    given_cycles = [Cycle(day, day + timedelta(days=length)) for day, length in own]
    cycle = rules.cycle_of(on, given_cycles, months)
    assert cycle.holds(on)
    following = rules.cycle_of(cycle.until_on + timedelta(days=1), [], months)
    assert cycle in given_cycles or following.from_on == cycle.until_on + timedelta(days=1)


def test_points_expire_with_their_cycle():
    given_points = [points("a", date(2026, 12, 31), 6), points("b", date(2027, 1, 1), 4)]
    this, following = (rules.cycle_of(date(year, 6, 1), [], 12) for year in (2026, 2027))
    assert rules.points_in(given_points, this, [], 12) == 6
    assert rules.points_in(given_points, following, [], 12) == 4


@given(st.lists(days, max_size=6), days, st.integers(0, 400), st.sampled_from([6, 12]))
def test_every_point_counts_in_exactly_one_cycle(given_on, begins, length, months):
    own = [Cycle(begins, begins + timedelta(days=length))]
    entries = [points(str(n), day, 1) for n, day in enumerate(given_on)]
    cycles = {rules.cycle_of(day, own, months) for day in given_on}
    assert sum(rules.points_in(entries, one, own, months) for one in cycles) == len(entries)


def test_thresholds_are_reached_from_their_number_on():
    known = [Threshold(16, "b"), Threshold(12, "a"), Threshold(20, "c")]
    assert rules.reached(11, known) == []
    assert [one.effect for one in rules.reached(16, known)] == ["a", "b"]


def test_a_repair_counts_from_its_day_unless_it_was_reversed():
    decision = Fact(uuid5(SPACE, "d"), EntryKind.PENALTY, date(2026, 5, 1))
    repair = about(EntryKind.REPAIR, decision, date(2026, 9, 1))
    assert rules.repaired_ids([decision, repair], date(2026, 8, 31)) == set()
    assert rules.repaired_ids([decision, repair], date(2026, 9, 1)) == {decision.id}
    undone = about(EntryKind.REVERSAL, repair, date(2026, 9, 2))
    assert rules.repaired_ids([decision, repair, undone], date(2026, 9, 3)) == set()


def test_the_worst_class_weighs_and_what_is_unknown_does_not():
    assert rules.worst("A", None, "C", "B") == "C"
    assert rules.worst(None, "甲") is None


# --- grading ---

BANDS = Bands([("A", 90), ("B", 70), ("C", 60)], Rounding.HALF_UP)
ITEMS = [
    SheetItem("key", 150, key=True),
    SheetItem("a", 500, key=False),
    SheetItem("b", 350, key=False),
]
TWICE = FirstGrade(2, 3, FirstTakes.MEAN)


@pytest.mark.parametrize(
    ("hundredths", "grade"),
    [(9000, "A"), (8950, "A"), (8949, "B"), (7000, "B"), (6949, "C"), (6000, "C"), (5949, None)],
)
def test_a_standard_score_is_rounded_before_it_is_banded(hundredths, grade):
    assert grading.banded(hundredths, BANDS) == grade


def test_rounding_down_is_another_row():
    assert grading.banded(8950, replace(BANDS, rounding=Rounding.DOWN)) == "B"


def test_what_does_not_apply_leaves_the_denominator():
    scored = grading.score(ITEMS, {"key": 150, "a": 450, "b": None})
    assert (scored.got_tenths, scored.due_tenths, scored.hundredths) == (600, 650, 9231)


def test_a_failed_key_item_and_a_missing_licence_leave_no_grade():
    failed = grading.score(ITEMS, {"key": 140, "a": 500, "b": 350})
    whole = grading.score(ITEMS, {"key": 150, "a": 500, "b": 350})
    poor = grading.score(ITEMS, {"key": 150, "a": 200, "b": 200})
    outcome = grading.outcome_of
    assert failed.hundredths == 0
    assert outcome(failed, BANDS, licensed=True) is ScoringOutcome.KEY_ITEM_FAILED
    assert outcome(whole, BANDS, licensed=False) is ScoringOutcome.NO_LICENCE
    assert outcome(poor, BANDS, licensed=True) is ScoringOutcome.BELOW_BANDS
    assert outcome(whole, BANDS, licensed=True) is ScoringOutcome.GRADED


def test_a_sheet_is_whole_and_within_its_points():
    faults = grading.score_faults(ITEMS, {"key": None, "a": 501, "x": 1})
    assert [one.item for one in faults] == ["x", "key", "a", "b"]
    assert grading.score_faults(ITEMS, {"key": 150, "a": 0, "b": None}) == []


def test_a_first_grade_needs_two_scorings_three_months_apart():
    first = grading.first_grade([], date(2026, 1, 31), 9200, TWICE)
    early = grading.first_grade([(date(2026, 1, 31), 9200)], date(2026, 4, 29), 8000, TWICE)
    later = grading.first_grade([(date(2026, 1, 31), 9200)], date(2026, 4, 30), 8000, TWICE)
    assert first == (ScoringOutcome.FIRST_OF_SEVERAL, 9200)
    assert early == (ScoringOutcome.TOO_SOON, 8000)
    assert later == (ScoringOutcome.GRADED, 8600)
    lowest = replace(TWICE, takes=FirstTakes.LOWEST)
    assert (
        grading.first_grade([(date(2026, 1, 31), 9200)], date(2026, 5, 1), 9500, lowest)[1] == 9200
    )


@given(
    st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=12),
    st.data(),
)
def test_a_standard_score_lies_between_nothing_and_everything(worths, data):
    items = [SheetItem(str(n), worth, key) for n, (worth, key) in enumerate(worths)]
    scores = {
        item.code: data.draw(
            st.integers(0, item.tenths)
            if item.key
            else st.one_of(st.none(), st.integers(0, item.tenths))
        )
        for item in items
    }
    scored = grading.score(items, scores)
    assert grading.score_faults(items, scores) == []
    assert scored.hundredths is None or 0 <= scored.hundredths <= grading.FULL


def test_every_sheet_is_worth_a_hundred_and_its_scheme_is_scored():
    schemes = {row["code"]: row for row in seeds.rows("grade_schemes")}
    for row in seeds.rows("score_sheets"):
        assert sum(item["tenths"] for item in row["items"]) == 1000, row["code"]
        assert schemes[row["scheme"]]["way"] == "scored"
        assert any(item["key"] for item in row["items"])


def test_items_and_thresholds_of_points_belong_to_a_scheme():
    schemes = {row["code"] for row in seeds.rows("points_schemes")}
    assert {row["scheme"] for row in seeds.rows("points_items")} <= schemes
    assert {row["points"] for row in seeds.rows("points_items")} <= {1, 2, 4, 6, 10}
