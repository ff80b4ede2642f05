"""The solver's schedules: judged as the greedy one's are, never worse, and the best where small."""

import sys
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.jointvisits import bounds
from app.jointvisits.judging import faults
from app.jointvisits.merging import merge
from app.jointvisits.rules import Capacity, Entry, OpenTask, Schedule, Visit, Window
from app.jointvisits.scheduling import schedule
from app.jointvisits.solving import Effort, SolverMissing, improve, rank
from bench.quarters import DAYS, instance

SPAN, EFFORT = 5, Effort(seconds=20)
CAPACITIES = st.builds(Capacity, st.integers(1, 2), st.integers(1, 2))


@st.composite
def quarters(draw: st.DrawFn, most: int = 30) -> list[OpenTask]:
    """Up to so many tasks of 12 units in 3 zones, on five days."""
    found = draw(
        st.lists(
            st.tuples(st.integers(0, 11), st.integers(0, SPAN - 1), st.integers(0, SPAN - 1)),
            max_size=most,
        )
    )
    return [
        OpenTask(f"t{place}", f"u{unit}", f"z{unit % 3}", "s", "d", Window(min(a, b), max(a, b)))
        for place, (unit, a, b) in enumerate(found)
    ]


def best_by_trial(entries: list[Entry], capacity: Capacity) -> tuple[int, int, int]:
    """Try every day, and none, for every entry."""
    ways = [[None, *range(one.window.first, one.window.last + 1)] for one in entries]
    found = []
    for days in product(*ways):
        placed = zip(entries, days, strict=True)
        made = Schedule(
            tuple(Visit(one, day) for one, day in placed if day is not None),
            tuple(one for one, day in zip(entries, days, strict=True) if day is None),
        )
        if made.busiest_day <= capacity.a_day:
            found.append(rank(made))
    return min(found)


@given(quarters(most=5), CAPACITIES)
@settings(max_examples=60)
def test_nothing_is_better_on_quarters_small_enough_to_try_everything(
    tasks: list[OpenTask], capacity: Capacity
) -> None:
    entries = merge(tasks)
    found = improve(entries, capacity, days=SPAN, effort=EFFORT)
    assert found.proven
    assert rank(found.schedule) == best_by_trial(entries, capacity)


@given(quarters(), CAPACITIES)
@settings(max_examples=60)
def test_the_solver_is_never_worse_and_the_same_judge_accepts_it(
    tasks: list[OpenTask], capacity: Capacity
) -> None:
    entries = merge(tasks)
    greedy = schedule(entries, capacity, days=SPAN)
    found = improve(entries, capacity, days=SPAN, effort=EFFORT)
    assert faults(tasks, greedy, capacity) == faults(tasks, found.schedule, capacity) == []
    assert rank(found.schedule) <= rank(greedy)
    assert len(found.schedule.unplaced) == len(greedy.unplaced)
    assert found.schedule.zone_days >= found.fewest_zone_days
    assert found.schedule.zone_days == found.fewest_zone_days or not found.proven


@given(quarters(), CAPACITIES, st.data())
@settings(max_examples=30)
def test_it_goes_on_from_whatever_schedule_it_is_given(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    entries = merge(tasks)
    greedy = schedule(entries, capacity, days=SPAN)
    kept = data.draw(st.sets(st.sampled_from(greedy.visits))) if greedy.visits else set()
    start = Schedule(
        tuple(one for one in greedy.visits if one in kept),
        (*greedy.unplaced, *(one.entry for one in greedy.visits if one not in kept)),
    )
    found = improve(entries, capacity, days=SPAN, effort=EFFORT, start=start)
    assert faults(tasks, found.schedule, capacity) == []
    assert rank(found.schedule) <= min(rank(start), rank(greedy))


@given(quarters(), CAPACITIES, st.data())
@settings(max_examples=40)
def test_what_is_pinned_stays_and_the_others_go_around_it(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    """Both makers, also where more is pinned to a day than can be done, or outside a window."""
    entries = merge(tasks)
    chosen = data.draw(st.sets(st.sampled_from(range(len(entries))))) if entries else set()
    day = data.draw(st.integers(0, SPAN - 1))
    pinned = [one.pinned_to(day) if n in chosen else one for n, one in enumerate(entries)]
    room = max(capacity.a_day, len(chosen))
    greedy = schedule(pinned, capacity, days=SPAN)
    start = Schedule(
        tuple(Visit(one, day) for one in pinned if one.pinned),
        tuple(one for one in pinned if not one.pinned),
    )
    found = improve(pinned, capacity, days=SPAN, effort=EFFORT, start=start)
    for made in (greedy, found.schedule):
        on = Counter(one.day for one in made.visits)
        assert {one.day for one in made.visits if one.entry.pinned} <= {day}
        assert not any(one.pinned for one in made.unplaced)
        assert on[day] <= room
        assert all(on[other] <= capacity.a_day for other in range(SPAN) if other != day)
        assert all(one.day in one.entry.window for one in made.visits)
        assert len(made.visits) + len(made.unplaced) == len(entries)
    assert rank(found.schedule) <= rank(greedy)


def test_a_known_quarter_comes_down_to_the_bound() -> None:
    tasks, capacity = instance(400, 2), Capacity(10, visits_each=2)
    entries = merge(tasks)
    greedy = schedule(entries, capacity, days=DAYS)
    assert greedy.zone_days == 52
    found = improve(entries, capacity, days=DAYS, effort=Effort(20))
    assert faults(tasks, found.schedule, capacity) == []
    assert found.proven
    assert found.schedule.zone_days == bounds.fewest_zone_days(entries, capacity) == 51
    assert found.schedule.busiest_day <= greedy.busiest_day


def test_nothing_to_plan_is_planned_at_once() -> None:
    found = improve([], Capacity(1, 1), days=1, effort=EFFORT)
    assert (found.schedule, found.proven) == (Schedule((), ()), True)


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    tasks = instance(20, 1)
    with pytest.raises(SolverMissing) as refused:
        improve(merge(tasks), Capacity(2, 2), days=DAYS, effort=EFFORT)
    assert "pip install suicha[solver]" in refused.value.detail
    made = schedule(merge(tasks), Capacity(2, 2), days=DAYS)
    assert faults(tasks, made, Capacity(2, 2)) == []
