"""The least number of entries: tasks of one unit whose windows share a day go together.

Per unit this is interval stabbing. Going through the tasks by the end of their windows and opening
an entry only for one that no opened entry can carry gives the least number there is. What a person
put on a day together is an entry already, and carries whatever else of the unit can be done on that
day; only the rest is left to stab.
"""

from collections.abc import Iterable, Mapping, Sequence

from app.jointvisits.rules import Entry, OpenTask, Pin, Window


def merge(tasks: Iterable[OpenTask], pins: Iterable[Pin] = ()) -> list[Entry]:
    """Return the fewest entries that carry every task; the same tasks give the same entries.

    Among the entries that could carry a task, it joins the one whose window it narrows least, and
    the earliest pinned one before any other.
    """
    units: dict[str, list[OpenTask]] = {}
    for task in tasks:
        units.setdefault(task.unit, []).append(task)
    held = pins_by_unit(units, pins)
    return [
        entry
        for unit, own in sorted(units.items())
        for entry in _merge_around(own, held.get(unit, []))
    ]


def pins_by_unit(
    units: Mapping[str, Sequence[OpenTask]], pins: Iterable[Pin]
) -> dict[str, list[Pin]]:
    """Return the pins of each unit, by day."""
    unit_of = {task.id: unit for unit, own in units.items() for task in own}
    found: dict[str, list[Pin]] = {}
    for pin in sorted(pins, key=lambda one: (one.day, sorted(one.tasks))):
        found.setdefault(unit_of[min(pin.tasks)], []).append(pin)
    return found


def unpinned(tasks: Sequence[OpenTask], pins: Sequence[Pin]) -> list[OpenTask]:
    """Return the tasks of a unit that no pinned entry of it carries, or can carry on its day."""
    fixed = {task for pin in pins for task in pin.tasks}
    return [
        task
        for task in tasks
        if task.id not in fixed and not any(pin.day in task.window for pin in pins)
    ]


def _merge_around(tasks: Sequence[OpenTask], pins: Sequence[Pin]) -> list[Entry]:
    """Let pinned entries carry what fits their day, and merge the rest."""
    fixed = {task: place for place, pin in enumerate(pins) for task in pin.tasks}
    rest = unpinned(tasks, pins)
    left = {task.id for task in rest}
    carried: list[list[OpenTask]] = [[] for _ in pins]
    for task in sorted(tasks, key=lambda one: (one.window, one.id)):
        if task.id in fixed:
            carried[fixed[task.id]].append(task)
        elif task.id not in left:
            place = next(n for n, pin in enumerate(pins) if pin.day in task.window)
            carried[place].append(task)
    return [
        Entry(own[0].unit, own[0].zone, tuple(own), Window(pin.day, pin.day), pinned=True)
        for pin, own in zip(pins, carried, strict=True)
    ] + (_merge_unit(rest) if rest else [])


def stabs(windows: Sequence[Window]) -> list[int]:
    """Return the fewest days of which each window holds at least one, the earliest first."""
    days: list[int] = []
    for window in sorted(windows, key=lambda one: one.last):
        if not days or days[-1] < window.first:
            days.append(window.last)
    return days


def _merge_unit(tasks: Sequence[OpenTask]) -> list[Entry]:
    """Give each stabbing day its tasks: those that have one choice first, then the narrowest."""
    days = stabs([task.window for task in tasks])
    carried: list[list[OpenTask]] = [[] for _ in days]
    windows: list[Window | None] = [None] * len(days)

    def choices(task: OpenTask) -> list[int]:
        return [place for place, day in enumerate(days) if day in task.window]

    def left(task: OpenTask, place: int) -> int:
        shared = _shared(windows[place], task.window)
        return shared.last - shared.first

    for task in sorted(tasks, key=lambda one: (len(choices(one)), one.window, one.id)):
        best = max(choices(task), key=lambda place: (left(task, place), -place))
        carried[best].append(task)
        windows[best] = _shared(windows[best], task.window)
    return [
        Entry(tasks[0].unit, tasks[0].zone, tuple(own), window)
        for own, window in zip(carried, windows, strict=True)
        if window is not None
    ]


def _shared(window: Window | None, other: Window) -> Window:
    """Narrow a window; all that is joined holds the entry's stabbing day, so something is left."""
    shared = other if window is None else window.shared_with(other)
    if shared is None:
        raise AssertionError("tasks of one entry share a day")
    return shared
