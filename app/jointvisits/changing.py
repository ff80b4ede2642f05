"""What a change by hand leads to: windows, days, zones, entries and teams, before and after."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from app.jointvisits.judging import faults
from app.jointvisits.rules import Capacity, Entry, OpenTask, Schedule, Visit, Window


@dataclass(frozen=True)
class Stand:
    """A joint visit on the board: its tasks, its day (None: it has none), its team.

    `covered` are the specialties that somebody of the team is there for.
    """

    tasks: tuple[OpenTask, ...]
    day: int | None
    officers: frozenset[str] = frozenset()
    covered: frozenset[str] = frozenset()


Board = Mapping[str, Stand]


@dataclass(frozen=True)
class DayLoad:
    """How many visits a day has, and how many can be done."""

    day: int
    before: int
    after: int
    most: int


@dataclass(frozen=True)
class OfficerLoad:
    """How many visits an officer has on a day, where it is more than one can do."""

    officer: str
    day: int
    visits: int
    most: int


@dataclass(frozen=True)
class Measure:
    """A figure before and after."""

    before: int
    after: int


@dataclass(frozen=True)
class Consequences:
    """What a change leads to; `faults` are what the judge finds then."""

    entries: Measure
    unplaced: Measure
    zone_days: Measure
    windows_broken: tuple[str, ...]
    days: tuple[DayLoad, ...]
    officers: tuple[OfficerLoad, ...]
    uncovered: tuple[str, ...]
    faults: tuple[str, ...]


def entry_of(tasks: tuple[OpenTask, ...], day: int | None) -> Entry:
    """Return the entry that carries tasks; by hand they may share no day but the one given."""
    window: Window | None = tasks[0].window
    for task in tasks[1:]:
        window = None if window is None else window.shared_with(task.window)
    if window is None:
        first = max(one.window.first for one in tasks) if day is None else day
        window = Window(first, first)
    return Entry(tasks[0].unit, tasks[0].zone, tasks, window)


def schedule_on(board: Board) -> Schedule:
    """Return the schedule that a board shows."""
    return Schedule(
        tuple(
            Visit(entry_of(one.tasks, one.day), one.day)
            for one in board.values()
            if one.day is not None
        ),
        tuple(entry_of(one.tasks, None) for one in board.values() if one.day is None),
    )


def judge(board: Board, capacity: Capacity) -> list[str]:
    """Return what the judge finds on a board."""
    tasks = [task for one in board.values() for task in one.tasks]
    return faults(tasks, schedule_on(board), capacity)


def consequences(before: Board, after: Board, capacity: Capacity) -> Consequences:
    """Say what a change from one board to another leads to."""
    was, will = schedule_on(before), schedule_on(after)
    touched = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return Consequences(
        entries=Measure(len(before), len(after)),
        unplaced=Measure(len(was.unplaced), len(will.unplaced)),
        zone_days=Measure(was.zone_days, will.zone_days),
        windows_broken=tuple(sorted(_outside(after) - _outside(before))),
        days=_loads(before, after, touched, capacity),
        officers=_overloaded(after, touched, capacity),
        uncovered=tuple(sorted(_uncovered(after, touched))),
        faults=tuple(judge(after, capacity)),
    )


def _outside(board: Board) -> set[str]:
    return {
        task.id
        for one in board.values()
        for task in one.tasks
        if one.day is not None and one.day not in task.window
    }


def _loads(
    before: Board, after: Board, touched: set[str], capacity: Capacity
) -> tuple[DayLoad, ...]:
    was = Counter(one.day for one in before.values())
    will = Counter(one.day for one in after.values())
    days = {board[key].day for board in (before, after) for key in touched if key in board}
    return tuple(
        DayLoad(day, was[day], will[day], capacity.a_day)
        for day in sorted(one for one in days if one is not None)
    )


def _overloaded(after: Board, touched: set[str], capacity: Capacity) -> tuple[OfficerLoad, ...]:
    """Return who would go more often than they can on a day that the change touches."""
    days = {after[key].day for key in touched if key in after} - {None}
    load = Counter(
        (officer, one.day)
        for one in after.values()
        if one.day is not None and one.day in days
        for officer in one.officers
    )
    return tuple(
        OfficerLoad(officer, day, count, capacity.visits_each)
        for (officer, day), count in sorted(load.items())
        if count > capacity.visits_each
    )


def _uncovered(after: Board, touched: set[str]) -> set[str]:
    """Return the specialties for which a team that is there already has nobody."""
    return {
        task.specialty
        for key in touched
        if key in after and after[key].officers
        for task in after[key].tasks
        if task.specialty not in after[key].covered
    }
