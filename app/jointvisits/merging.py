"""The least number of entries: tasks of one unit whose windows share a day go together.

Per unit this is interval stabbing. Going through the tasks by the end of their windows and opening
an entry only for one that no opened entry can carry gives the least number there is.
"""

from collections.abc import Iterable, Sequence

from app.jointvisits.rules import Entry, OpenTask, Window


def merge(tasks: Iterable[OpenTask]) -> list[Entry]:
    """Return the fewest entries that carry every task; the same tasks give the same entries.

    Among the entries that could carry a task, it joins the one whose window it narrows least.
    """
    units: dict[str, list[OpenTask]] = {}
    for task in tasks:
        units.setdefault(task.unit, []).append(task)
    return [entry for _, own in sorted(units.items()) for entry in _merge_unit(own)]


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
