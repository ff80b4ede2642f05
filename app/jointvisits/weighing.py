"""What a plan is worth: separate against merged, and both against what nobody can go below."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from heapq import heappop, heappush
from typing import Any

from app.jointvisits import bounds
from app.jointvisits.rules import (
    Capacity,
    Entry,
    OpenTask,
    Pin,
    Schedule,
    Visit,
    with_pins,
)


@dataclass(frozen=True)
class Side:
    """A way to do the work: who goes in how often, on how many zone-days and officer-days."""

    entries: int
    unplaced: int
    zone_days: int
    officer_days: int


@dataclass(frozen=True)
class Bounds:
    """What no schedule of these tasks can go below."""

    entries: int
    zone_days: int
    days: int
    unplaced: int


@dataclass(frozen=True)
class Comparison:
    """Tasks one by one against the plan; `in_order` is the same merging without its schedule."""

    tasks: int
    units: int
    units_entered_again: int
    separate: Side
    in_order: Side
    merged: Side
    bounds: Bounds


def compare(
    tasks: Sequence[OpenTask],
    schedule: Schedule,
    capacity: Capacity,
    *,
    days: int,
    team: int,
    pins: Sequence[Pin] = (),
) -> Comparison:
    """Compare a schedule of tasks with going there for each of them, `team` officers each time.

    The bounds are those of schedules that leave pins where they are.
    """
    schedule = with_pins(schedule, pins)
    alone = [Entry(task.unit, task.zone, (task,), task.window) for task in tasks]
    entries = [*(visit.entry for visit in schedule.visits), *schedule.unplaced]
    entered = Counter(entry.unit for entry in entries)
    return Comparison(
        tasks=len(tasks),
        units=len(entered),
        units_entered_again=sum(count > 1 for count in entered.values()),
        separate=_side(in_order(alone, capacity, days=days), capacity, team),
        in_order=_side(in_order(entries, capacity, days=days), capacity, team),
        merged=_side(schedule, capacity, team),
        bounds=Bounds(
            entries=bounds.fewest_entries(tasks, pins),
            zone_days=bounds.fewest_zone_days(entries, capacity),
            days=bounds.fewest_days(entries, capacity),
            unplaced=bounds.surely_unplaced(entries, capacity),
        ),
    )


def in_order(entries: Iterable[Entry], capacity: Capacity, *, days: int) -> Schedule:
    """Give entries the first day that is free, the most urgent first, wherever they are.

    As work is done that nobody plans; of entries that wait, as many are placed as can be, and those
    that are pinned stay on their day.
    """
    coming: dict[int, list[Entry]] = {}
    pinned: dict[int, list[Entry]] = {}
    for entry in entries:
        (pinned if entry.pinned else coming).setdefault(entry.window.first, []).append(entry)
    waiting: list[tuple[int, str, str, int, Entry]] = []
    visits, missed, count = [], [], 0
    for day in range(days):
        for entry in coming.get(day, ()):
            count += 1
            key = (entry.window.last, entry.unit, entry.tasks[0].id, count)
            heappush(waiting, (*key, entry))
        held = pinned.get(day, [])
        visits += [Visit(entry, day) for entry in held]
        for _ in range(capacity.a_day - len(held)):
            while waiting and waiting[0][0] < day:
                missed.append(heappop(waiting)[-1])
            if waiting:
                visits.append(Visit(heappop(waiting)[-1], day))
    missed += [one[-1] for one in waiting]
    return Schedule(tuple(visits), tuple(missed))


def _side(schedule: Schedule, capacity: Capacity, team: int) -> Side:
    return Side(
        entries=len(schedule.visits) + len(schedule.unplaced),
        unplaced=len(schedule.unplaced),
        zone_days=schedule.zone_days,
        officer_days=team * _team_days(schedule, capacity),
    )


def _team_days(schedule: Schedule, capacity: Capacity) -> int:
    """Count the days of teams: so many visits each; what found no day needs its time as well."""
    on = Counter(visit.day for visit in schedule.visits)
    loads = [*on.values(), len(schedule.unplaced)]
    return sum(-(-load // capacity.visits_each) for load in loads)


def figures(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored comparison with what follows from its counts, shares rounded half up."""
    separate, merged, bound = (stored[name] for name in ("separate", "merged", "bounds"))
    saved = separate["entries"] - merged["entries"]
    return {
        **stored,
        "entries_saved": saved,
        "entries_saved_percent": _percent(saved, separate["entries"]),
        "zone_days_saved": separate["zone_days"] - merged["zone_days"],
        "officer_days_saved": separate["officer_days"] - merged["officer_days"],
        "tasks_per_entry": _ratio(stored["tasks"], merged["entries"]),
        "units_entered_again_percent": _percent(stored["units_entered_again"], stored["units"]),
        "entries_above_bound": merged["entries"] - bound["entries"],
        "zone_days_above_bound": merged["zone_days"] - bound["zone_days"],
    }


def _percent(part: int, whole: int) -> str:
    return _ratio(100 * part, whole, "0.1")


def _ratio(part: int, whole: int, step: str = "0.01") -> str:
    share = Decimal(part) / whole if whole else Decimal(0)
    return str(share.quantize(Decimal(step), ROUND_HALF_UP))
