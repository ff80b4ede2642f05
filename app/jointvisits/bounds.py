"""What no schedule can go below: our own lower bounds, so that a schedule says how good it is."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from app.jointvisits.merging import stabs
from app.jointvisits.rules import Capacity, Entry, OpenTask, Window, zones_of


def fewest_entries(tasks: Iterable[OpenTask]) -> int:
    """Return the least number of entries: per unit, the days that stab all its windows."""
    units: dict[str, list[Window]] = {}
    for task in tasks:
        units.setdefault(task.unit, []).append(task.window)
    return sum(len(stabs(windows)) for windows in units.values())


def fewest_days(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return the least number of days that these entries need, whatever their windows are."""
    return -(-len(entries) // capacity.a_day)


def fewest_zone_days(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return the least number of zone-days: per zone, its stabbing days or its sheer number."""
    return sum(
        max(len(stabs([entry.window for entry in own])), -(-len(own) // capacity.a_day))
        for own in zones_of(entries).values()
    )


def surely_unplaced(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return a number of entries that cannot all be placed, from the fullest span of days.

    For every span, the entries whose windows lie inside it compete for its days alone.
    """
    if not entries:
        return 0
    days = max(entry.window.last for entry in entries) + 1
    ends: dict[int, list[int]] = {}
    for entry in entries:
        ends.setdefault(entry.window.first, [0] * days)[entry.window.last] += 1
    inside, worst = [0] * days, 0
    for first in range(days - 1, -1, -1):
        own = ends.get(first)
        if own is None:
            continue
        inside = [old + new for old, new in zip(inside, accumulate(own), strict=True)]
        worst = max(
            worst,
            *(inside[last] - capacity.a_day * (last - first + 1) for last in range(first, days)),
        )
    return worst
