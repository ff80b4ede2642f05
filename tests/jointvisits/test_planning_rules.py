"""Days and windows of a plan, its caps, what a change leads to and what fits no more: pure."""

from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.caps.rules import Cap, Entered, Verdict
from app.catalogue.caps import Beyond, Counts, Of, Period
from app.catalogue.rules import Calendar
from app.jointvisits import bounds
from app.jointvisits.changing import Stand, consequences, schedule_on
from app.jointvisits.fitting import Misfit, TaskNow, misfits
from app.jointvisits.limits import Intended, beyond
from app.jointvisits.merging import merge
from app.jointvisits.operations import Warned, warning_of
from app.jointvisits.rules import Capacity, OpenTask, Window
from app.jointvisits.scheduling import schedule
from app.jointvisits.weighing import compare, figures, in_order
from app.jointvisits.windows import YearMissing, number_of, window_of, working_days
from tests.jointvisits.test_schedule import CAPACITIES, SPAN, placeable, quarters

MONDAY = date(2026, 11, 30)
CALENDAR = Calendar(frozenset({2026}), {date(2026, 12, 2): False, date(2026, 12, 5): True})
DAYS = working_days(MONDAY, date(2026, 12, 6), CALENDAR)


def key(number: int) -> UUID:
    return UUID(int=number)


def test_only_worked_days_are_numbered_and_a_year_without_calendar_stops() -> None:
    assert [day.day for day in DAYS] == [30, 1, 3, 4, 5]
    assert number_of(DAYS, date(2026, 12, 3)) == 2
    assert number_of(DAYS, date(2026, 12, 2)) is None
    with pytest.raises(YearMissing) as missing:
        working_days(date(2026, 12, 31), date(2027, 1, 4), CALENDAR)
    assert missing.value.year == 2027


@given(st.one_of(st.none(), st.integers(-20, 20)), st.integers(1, 9))
def test_a_window_ends_on_the_due_day_and_an_overdue_task_goes_first(
    after: int | None, soon: int
) -> None:
    due_on = None if after is None else MONDAY + timedelta(days=after)
    window = window_of(DAYS, due_on, overdue_days=soon)
    assert window is not None
    assert window.first == 0
    if due_on is None:
        assert window.last == len(DAYS) - 1
    elif due_on < DAYS[0]:
        assert window.last == min(soon, len(DAYS)) - 1
    else:
        assert DAYS[window.last] <= due_on
        assert all(day > due_on for day in DAYS[window.last + 1 :])


@given(st.one_of(st.none(), st.integers(-20, 20)), st.integers(-5, 9), st.integers(1, 9))
def test_a_window_begins_on_the_first_day_and_there_is_none_for_a_later_period(
    after: int | None, begins: int, soon: int
) -> None:
    due_on = None if after is None else MONDAY + timedelta(days=after)
    from_on = MONDAY + timedelta(days=begins)
    window = window_of(DAYS, due_on, overdue_days=soon, from_on=from_on)
    if from_on > DAYS[-1]:
        assert window is None
        return
    assert window is not None
    own = [day for day in DAYS if day >= from_on and (due_on is None or day <= due_on)]
    if own:
        assert DAYS[window.first : window.last + 1] == own
    else:
        late = [day for day in DAYS if day >= from_on]
        assert DAYS[window.first : window.last + 1] == late[:soon]


@given(quarters(), CAPACITIES)
def test_a_plan_is_never_worse_than_each_task_for_itself(
    tasks: list[OpenTask], capacity: Capacity
) -> None:
    entries = merge(tasks)
    made = schedule(entries, capacity, days=SPAN)
    found = compare(tasks, made, capacity, days=SPAN, team=2)
    assert found.merged.entries == bounds.fewest_entries(tasks) <= found.separate.entries
    assert found.separate.entries == found.tasks == len(tasks)
    simple = in_order(entries, capacity, days=SPAN)
    assert len(simple.visits) == placeable(tuple(entries), capacity)
    assert all(visit.day in visit.entry.window for visit in simple.visits)


def test_shares_are_told_with_what_they_are_shares_of() -> None:
    side = {"entries": 784, "unplaced": 0, "zone_days": 384, "officer_days": 800}
    stored = {
        "tasks": 784,
        "units": 400,
        "units_entered_again": 46,
        "separate": side,
        "merged": {**side, "entries": 450, "zone_days": 50, "officer_days": 500},
        "bounds": {"entries": 450, "zone_days": 50, "days": 23, "unplaced": 0},
    }
    found = figures(stored)
    assert (found["entries_saved"], found["entries_saved_percent"]) == (334, "42.6")
    assert (found["tasks_per_entry"], found["units_entered_again_percent"]) == ("1.74", "11.5")
    assert (found["entries_above_bound"], found["zone_days_above_bound"]) == (0, 0)


CAP = Cap(
    "two", "两次", 2, Period.MONTH, Of.UNIT, Counts.ALL, Beyond.EXCEPTION, frozenset({"exempt"})
)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.sampled_from(["routine", "exempt"])),
    max_size=12,
)


@given(ENTRIES, ENTRIES)
def test_no_planned_entry_goes_beyond_a_cap_without_being_listed(
    planned: list[tuple[int, int, str]], went: list[tuple[int, int, str]]
) -> None:
    def entered(after: int, origin: str) -> Entered:
        return Entered(MONDAY + timedelta(days=after), frozenset({origin}))

    ledger: dict[UUID, list[Entered]] = {}
    for unit, after, origin in went:
        ledger.setdefault(key(unit), []).append(entered(after, origin))
    asked = [
        Intended(key(100 + number), key(unit), entered(after, origin))
        for number, (unit, after, origin) in enumerate(planned)
    ]
    found = beyond(asked, ledger, caps_on=lambda on: [CAP], excepted=lambda *_: False)
    used = Counter(
        (unit, one.on.month)
        for unit, entries in ledger.items()
        for one in entries
        if one.origins == {"routine"}
    )
    for one in sorted(asked, key=lambda each: (each.entry.on, str(each.key))):
        verdicts = [answer.verdict for answer in found.get(one.key, [])]
        month = (one.unit_id, one.entry.on.month)
        exempt = one.entry.origins == {"exempt"}
        wanted = [Verdict.EXEMPT if exempt else Verdict.EXCEPTION] if used[month] >= 2 else []
        assert verdicts == wanted
        used[month] += not exempt


def task(name: str, first: int, last: int, unit: str = "u1") -> OpenTask:
    return OpenTask(name, unit, f"z-{unit}", name, "health", Window(first, last))


def test_a_change_says_what_it_breaks_and_what_it_moves() -> None:
    one, two, far = task("a", 0, 4), task("b", 0, 1), task("c", 0, 4, "u2")
    team = frozenset({"An", "Bo"})
    before = {"v": Stand((one, two), 1, team, frozenset({"a", "b"})), "w": Stand((far,), 3, team)}
    after = {**before, "v": Stand((one, two), 3, team, frozenset({"a"}))}
    found = consequences(before, after, Capacity(1, 1))
    assert found.windows_broken == ("b",)
    assert found.uncovered == ("b",)
    assert [(day.day, day.before, day.after, day.most) for day in found.days] == [
        (1, 1, 0, 1),
        (3, 1, 2, 1),
    ]
    assert {(load.officer, load.visits) for load in found.officers} == {("An", 2), ("Bo", 2)}
    assert found.faults == ("outside-window: b", "overfull: day 3")
    assert (found.zone_days.before, found.zone_days.after) == (2, 2)
    split = {**before, "v": Stand((one,), 1, team), "x": Stand((two,), 1, team)}
    assert consequences(before, split, Capacity(2, 1)).entries.after == 3
    assert consequences(split, before, Capacity(2, 1)).entries.after == 2


@given(quarters(), CAPACITIES, st.data())
def test_a_board_is_judged_as_its_schedule_is(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    made = schedule(merge(tasks), capacity, days=SPAN)
    board = {
        str(number): Stand(entry.tasks, day)
        for number, (entry, day) in enumerate(
            [
                *((visit.entry, visit.day) for visit in made.visits),
                *((entry, None) for entry in made.unplaced),
            ]
        )
    }
    assert schedule_on(board).zone_days == made.zone_days
    if board:
        name = data.draw(st.sampled_from(sorted(board)))
        day = data.draw(st.integers(0, SPAN - 1))
        moved = {**board, name: Stand(board[name].tasks, day)}
        found = consequences(board, moved, capacity)
        outside = {one.id for one in board[name].tasks if day not in one.window}
        assert set(found.windows_broken) == outside
        assert {f"outside-window: {one}" for one in outside} <= set(found.faults)


def now(**values: object) -> list[Misfit]:
    given_ = {
        "state": "assigned",
        "due_when_planned": date(2026, 12, 20),
        "due_on": date(2026, 12, 20),
        "planned_on": date(2026, 12, 10),
        "joint_visit_id": key(1),
        **values,
    }
    return list(misfits(TaskNow(**given_), key(1), today=date(2026, 12, 1)))  # type: ignore[arg-type]  # a test's values


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, []),
        ({"state": "closed"}, [Misfit.CLOSED]),
        ({"state": "closing-proposed"}, [Misfit.CLOSED]),
        ({"state": "completed", "due_on": date(2026, 12, 1)}, []),
        ({"due_on": date(2026, 12, 9)}, [Misfit.DUE_EARLIER]),
        ({"due_on": None}, [Misfit.DUE_CHANGED]),
        ({"joint_visit_id": key(2)}, [Misfit.PLANNED_ELSEWHERE]),
        ({"planned_on": date(2026, 11, 30)}, [Misfit.MISSED]),
        ({"planned_on": None, "joint_visit_id": None}, []),
    ],
)
def test_what_fits_no_more_is_said(values: dict[str, object], wanted: list[Misfit]) -> None:
    assert now(**values) == wanted


def test_too_few_and_too_many_operations_are_warned_of() -> None:
    found = [warning_of(count, 1, 2) for count in range(4)]
    assert found == [Warned.TOO_FEW, None, None, Warned.TOO_MANY]
