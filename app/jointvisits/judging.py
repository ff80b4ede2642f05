"""One judge for every schedule, whoever made it: the rules that all of them must keep.

It shares nothing with the makers but the nouns of `rules`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from app.jointvisits.rules import Capacity, Entry, OpenTask, Pin, Schedule, Visit


def faults(
    tasks: Sequence[OpenTask],
    schedule: Schedule,
    capacity: Capacity,
    *,
    pins: Sequence[Pin] = (),
    first: int = 0,
) -> list[str]:
    """Return what a schedule of these tasks breaks, a stable code and what it is about each.

    * every task is in one entry, placed or not: none is dropped, none doubled;
    * an entry carries tasks of its unit alone, and lies in its zone;
    * a visit is on a day of the window of each of its tasks, and an entry that was not placed
      still has such a day;
    * no day has more visits than can be done;
    * what a person put on a day together is one visit on that day;
    * nothing else stands on a day before `first`: these days are over.

    A pin is judged like anything else: who put it there may have broken a window or filled a day.
    """
    entries = [visit.entry for visit in schedule.visits] + list(schedule.unplaced)
    found = _tasks_apart(tasks, entries)
    for entry in entries:
        found += [
            f"foreign-task: {task.id}"
            for task in entry.tasks
            if (task.unit, task.zone) != (entry.unit, entry.zone)
        ]
    for visit in schedule.visits:
        found += [
            f"outside-window: {task.id}"
            for task in visit.entry.tasks
            if not task.window.first <= visit.day <= task.window.last
        ]
    for entry in schedule.unplaced:
        if max(one.window.first for one in entry.tasks) > min(
            one.window.last for one in entry.tasks
        ):
            found.append(f"no-common-day: {entry.unit}")
    on = Counter(visit.day for visit in schedule.visits)
    found += [f"overfull: day {day}" for day, n in sorted(on.items()) if n > capacity.a_day]
    return found + _unpinned(schedule, pins) + _over(schedule, pins, first)


def _carries(visit: Visit, pin: Pin) -> bool:
    return visit.day == pin.day and pin.tasks <= {task.id for task in visit.entry.tasks}


def _unpinned(schedule: Schedule, pins: Iterable[Pin]) -> list[str]:
    visit_of = {task.id: visit for visit in schedule.visits for task in visit.entry.tasks}
    moved = []
    for pin in pins:
        visit = visit_of.get(min(pin.tasks))
        if visit is None or not _carries(visit, pin):
            moved.append(f"moved-pin: {min(pin.tasks)}")
    return moved


def _over(schedule: Schedule, pins: Sequence[Pin], first: int) -> list[str]:
    return [
        f"day-over: {visit.entry.unit}"
        for visit in schedule.visits
        if visit.day < first and not any(_carries(visit, pin) for pin in pins)
    ]


def _tasks_apart(tasks: Sequence[OpenTask], entries: Sequence[Entry]) -> list[str]:
    carried = Counter(task.id for entry in entries for task in entry.tasks)
    asked = {task.id for task in tasks}
    return [
        *(f"dropped: {one}" for one in sorted(asked - set(carried))),
        *(f"unknown: {one}" for one in sorted(set(carried) - asked)),
        *(f"doubled: {one}" for one, count in sorted(carried.items()) if count > 1),
    ]
