"""What no schedule can go below: our own lower bounds, so that a schedule says how good it is.

They hold for every schedule that leaves pinned entries on their days. A day to which more are
pinned than can be done holds these and no other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from app.jointvisits.merging import pins_by_unit, stabs, unpinned
from app.jointvisits.rules import Capacity, Entry, OpenTask, Pin, room_of, zones_of


def fewest_entries(tasks: Iterable[OpenTask], pins: Iterable[Pin] = ()) -> int:
    """Return the least number of entries: per unit its pins, and the days that stab the rest."""
    units: dict[str, list[OpenTask]] = {}
    for task in tasks:
        units.setdefault(task.unit, []).append(task)
    held = pins_by_unit(units, pins)
    return sum(
        len(own) + len(stabs([task.window for task in unpinned(tasks, own)]))
        for unit, tasks in units.items()
        for own in [held.get(unit, [])]
    )


def fewest_days(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return the least number of days that these entries need, whatever their windows are."""
    return _by_number(entries, _full(entries, capacity), capacity)


def fewest_zone_days(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return the least number of zone-days of all zones together."""
    return sum(fewest_by_zone(entries, capacity).values())


def fewest_by_zone(entries: Sequence[Entry], capacity: Capacity) -> dict[str, int]:
    """Return the least number of days of each zone: its stabbing days or its sheer number."""
    full = _full(entries, capacity)
    return {
        zone: max(len(stabs([one.window for one in own])), _by_number(own, full, capacity))
        for zone, own in zones_of(entries).items()
    }


def surely_unplaced(entries: Sequence[Entry], capacity: Capacity) -> int:
    """Return a number of entries that cannot all be placed, from the fullest span of days.

    For every span, the entries whose windows lie inside it compete for its days alone.
    """
    if not entries:
        return 0
    days = max(entry.window.last for entry in entries) + 1
    room = [0, *accumulate(room_of(entries, capacity, days=days))]
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
            *(inside[last] - (room[last + 1] - room[first]) for last in range(first, days)),
        )
    return worst


def _full(entries: Iterable[Entry], capacity: Capacity) -> set[int]:
    """Return the days that their pinned entries fill."""
    pinned = Counter(entry.window.first for entry in entries if entry.pinned)
    return {day for day, number in pinned.items() if number >= capacity.a_day}


def _by_number(own: Sequence[Entry], full: set[int], capacity: Capacity) -> int:
    """Return the days that so many entries need: those that they fill, and others for the rest."""
    on_full = [one.window.first for one in own if one.pinned and one.window.first in full]
    return len({*on_full}) + -(-(len(own) - len(on_full)) // capacity.a_day)
