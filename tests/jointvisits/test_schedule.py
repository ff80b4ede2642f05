"""Merging, bounds and schedules: against brute force, against a matching, by one judge."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.jointvisits import bounds
from app.jointvisits.judging import faults
from app.jointvisits.merging import merge, stabs
from app.jointvisits.rules import Capacity, Entry, OpenTask, Schedule, Visit, Window
from app.jointvisits.scheduling import schedule
from bench.quarters import DAYS, instance

SPAN = 9


@st.composite
def windows(draw: st.DrawFn) -> Window:
    first = draw(st.integers(0, SPAN - 1))
    return Window(first, draw(st.integers(first, SPAN - 1)))


@st.composite
def quarters(draw: st.DrawFn) -> list[OpenTask]:
    """Up to 14 tasks of 6 units in 2 zones."""
    found = draw(st.lists(st.tuples(st.integers(0, 5), windows()), max_size=14))
    return [
        OpenTask(f"t{place}", f"u{unit}", f"z{unit % 2}", str(place % 3), "health", window)
        for place, (unit, window) in enumerate(found)
    ]


CAPACITIES = st.builds(Capacity, st.integers(1, 3), st.integers(1, 2))


def fewest_by_trial(tasks: list[OpenTask]) -> int:
    """Try every set of days for every unit."""
    total = 0
    for unit in {task.unit for task in tasks}:
        own = [task.window for task in tasks if task.unit == unit]
        total += next(
            count
            for count in range(1, SPAN + 1)
            if any(
                all(any(day in window for day in days) for window in own)
                for days in combinations(range(SPAN), count)
            )
        )
    return total


def placeable(entries: tuple[Entry, ...], capacity: Capacity) -> int:
    """The size of a greatest matching of entries and places of days, by augmenting paths."""
    holder: dict[tuple[int, int], int] = {}

    def place(one: int, seen: set[tuple[int, int]]) -> bool:
        window = entries[one].window
        for day in range(window.first, window.last + 1):
            for seat in range(capacity.a_day):
                if (day, seat) in seen:
                    continue
                seen.add((day, seat))
                if (day, seat) not in holder or place(holder[day, seat], seen):
                    holder[day, seat] = one
                    return True
        return False

    return sum(place(one, set()) for one in range(len(entries)))


@given(quarters())
def test_there_is_no_way_with_fewer_entries(tasks: list[OpenTask]) -> None:
    assert len(merge(tasks)) == bounds.fewest_entries(tasks) == fewest_by_trial(tasks)


@given(quarters(), CAPACITIES)
def test_a_schedule_drops_nothing_and_keeps_every_window(
    tasks: list[OpenTask], capacity: Capacity
) -> None:
    assert faults(tasks, schedule(merge(tasks), capacity, days=SPAN), capacity) == []


@given(quarters(), CAPACITIES)
def test_as_many_entries_are_placed_as_can_be(tasks: list[OpenTask], capacity: Capacity) -> None:
    made = schedule(merge(tasks), capacity, days=SPAN)
    entries = (*(visit.entry for visit in made.visits), *made.unplaced)
    assert len(made.visits) == placeable(entries, capacity)
    assert len(made.unplaced) >= bounds.surely_unplaced(entries, capacity)


@given(quarters(), st.data())
def test_one_task_less_is_never_one_entry_more(tasks: list[OpenTask], data: st.DataObject) -> None:
    if tasks:
        gone = data.draw(st.sampled_from(tasks))
        fewer = [task for task in tasks if task is not gone]
        assert len(merge(fewer)) <= len(merge(tasks))


@given(quarters(), CAPACITIES)
def test_no_schedule_is_below_the_bounds(tasks: list[OpenTask], capacity: Capacity) -> None:
    entries = merge(tasks)
    made = schedule(entries, capacity, days=SPAN)
    if not made.unplaced:
        assert made.zone_days >= bounds.fewest_zone_days(entries, capacity)
        assert len({visit.day for visit in made.visits}) >= bounds.fewest_days(entries, capacity)


@given(quarters(), CAPACITIES, st.data())
def test_the_order_of_the_tasks_does_not_matter(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    other = data.draw(st.permutations(tasks))
    assert merge(other) == merge(tasks)
    first = schedule(merge(tasks), capacity, days=SPAN)
    assert schedule(merge(other)[::-1], capacity, days=SPAN) == first


@pytest.mark.parametrize(
    ("units", "seed", "tasks", "entries"),
    [(400, 1, 784, 450), (400, 2, 824, 435), (1500, 1, 3030, 1674)],
)
def test_the_known_quarters_need_as_many_entries_as_they_always_did(
    units: int, seed: int, tasks: int, entries: int
) -> None:
    found = instance(units, seed)
    assert len(found) == tasks
    assert len(merge(found)) == entries


@pytest.mark.parametrize(
    ("units", "seed", "teams"), [(400, 1, 10), (400, 2, 10), (400, 1, 5), (1500, 1, 20)]
)
def test_the_known_quarters_are_near_the_bound_of_zone_days(
    units: int, seed: int, teams: int
) -> None:
    tasks, capacity = instance(units, seed), Capacity(teams, visits_each=2)
    entries = merge(tasks)
    made = schedule(entries, capacity, days=DAYS)
    assert faults(tasks, made, capacity) == []
    assert made.unplaced == ()
    assert made.zone_days <= 1.05 * bounds.fewest_zone_days(entries, capacity)


TASK = OpenTask("t1", "u1", "z1", "1", "health", Window(2, 4))
ENTRY = Entry("u1", "z1", (TASK,), Window(2, 4))


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (Schedule((), ()), "dropped: t1"),
        (Schedule((Visit(ENTRY, 5),), ()), "outside-window: t1"),
        (Schedule((Visit(ENTRY, 2), Visit(ENTRY, 3)), ()), "doubled: t1"),
        (Schedule((Visit(ENTRY, 2),), (ENTRY,)), "doubled: t1"),
        (Schedule((Visit(replace(ENTRY, unit="u2"), 2),), ()), "foreign-task: t1"),
        (
            Schedule((Visit(replace(ENTRY, tasks=(TASK, replace(TASK, id="t9"))), 2),), ()),
            "unknown: t9",
        ),
    ],
)
def test_the_judge_sees_each_fault(made: Schedule, fault: str) -> None:
    assert fault in faults([TASK], made, Capacity(1, 1))


def test_the_judge_sees_a_day_that_is_too_full_and_tasks_that_share_none() -> None:
    other = replace(TASK, id="t2", unit="u2")
    both = Schedule((Visit(ENTRY, 2), Visit(replace(ENTRY, unit="u2", tasks=(other,)), 2)), ())
    assert faults([TASK, other], both, Capacity(1, 1)) == ["overfull: day 2"]
    late = replace(TASK, id="t3", window=Window(6, 8))
    apart = Schedule((), (replace(ENTRY, tasks=(TASK, late)),))
    assert faults([TASK, late], apart, Capacity(1, 1)) == ["no-common-day: u1"]


def test_windows_are_stabbed_by_the_fewest_days() -> None:
    assert stabs([]) == []
    assert stabs([Window(0, 3), Window(3, 5), Window(4, 9)]) == [3, 9]
