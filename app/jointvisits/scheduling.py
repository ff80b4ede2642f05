"""A schedule in milliseconds: always available, and the hint from which a solver goes on."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from app.jointvisits.merging import stabs
from app.jointvisits.rules import Capacity, Entry, Schedule, Visit, room_of


def schedule(entries: Sequence[Entry], capacity: Capacity, *, days: int) -> Schedule:
    """Give entries a day of their windows, on few zone-days; never more a day than can be done.

    As many are placed as can be at all, and all that are pinned. The same entries give the same
    schedule, in whatever order they come.
    """
    plan = _Plan(sorted(entries, key=_urgency), room_of(entries, capacity, days=days))
    plan.place_by_zone()
    plan.make_room()
    plan.close_days()
    plan.exchange_days()
    return plan.result()


def _urgency(entry: Entry) -> tuple[bool, int, int, str]:
    """Pinned ones first: who has a place keeps one, and theirs is the one day that they have."""
    return (not entry.pinned, entry.window.last, entry.window.first, entry.unit)


@dataclass
class _Plan:
    """Where each entry stands so far; entries are named by their place in order of urgency."""

    entries: Sequence[Entry]
    free: list[int]
    day_of: dict[int, int] = field(default_factory=dict)
    on: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    zones: dict[str, list[int]] = field(default_factory=dict)
    reach: list[int] = field(default_factory=list)  # the days of each entry's window, as bits
    offered: tuple[str, int] | None = None  # a zone-day that may be opened
    moved: dict[int, int] = field(default_factory=dict)  # where each stood before it was moved
    spent: set[int] = field(default_factory=set)  # full days that nobody can be moved away from

    def __post_init__(self) -> None:
        for place, entry in enumerate(self.entries):
            self.zones.setdefault(entry.zone, []).append(place)
            self.reach.append((2 << entry.window.last) - (1 << entry.window.first))

    def result(self) -> Schedule:
        return Schedule(
            tuple(Visit(self.entries[place], day) for place, day in sorted(self.day_of.items())),
            tuple(one for place, one in enumerate(self.entries) if place not in self.day_of),
        )

    def put(self, place: int, day: int) -> None:
        self.take_off(place)
        self.day_of[place] = day
        self.free[day] -= 1
        self.on.setdefault((self.entries[place].zone, day), set()).add(place)

    def take_off(self, place: int) -> None:
        day = self.day_of.pop(place, None)
        if day is not None:
            self.moved.setdefault(place, day)
            self.free[day] += 1
            self.on[self.entries[place].zone, day].discard(place)

    # --- the next zone-day: the most urgent entry, and whoever can go along

    def place_by_zone(self) -> None:
        """Place the most urgent entry on the day on which most of its zone can go along."""
        for place, entry in enumerate(self.entries):
            if entry.pinned:
                self.put(place, entry.window.first)
        for place, entry in enumerate(self.entries):
            if place in self.day_of:
                continue
            own = [one for one in self.zones[entry.zone] if one not in self.day_of]
            day = self._best_day(entry, own)
            if day is not None:
                along = [one for one in own if day in self.entries[one].window]
                for one in along[: self.free[day]]:
                    self.put(one, day)

    def _best_day(self, entry: Entry, own: Sequence[int]) -> int | None:
        """Return the day for most of the zone's waiting entries, the latest of equals."""
        ends = [0] * (len(self.free) + 1)
        for one in own:
            ends[self.entries[one].window.first] += 1
            ends[self.entries[one].window.last + 1] -= 1
        best, most, along = None, 1, sum(ends[: entry.window.first])
        for day in range(entry.window.first, entry.window.last + 1):
            along += ends[day]
            if min(along, self.free[day]) >= most:
                best, most = day, min(along, self.free[day])
        return best

    # --- room for those whose days are full

    def make_room(self) -> None:
        """Place every entry that can be placed at all, by moving others along shortest chains.

        Days from which no chain led to a free one are never asked again: whoever stands on them
        can only go to others of them, however the rest is moved.
        """
        for place in range(len(self.entries)):
            if place not in self.day_of:
                self._follow(self._chain(place, opening=True))

    def _chain(self, place: int, *, opening: bool) -> list[tuple[int, int]]:
        """Return who moves where, the last one first; empty when no chain ends on a free day.

        Unless a zone-day may be opened, everybody moves to days on which their zone is gone to.
        """
        came: dict[int, tuple[int, int | None]] = {}  # day: who wants it, and from which day
        queue: deque[tuple[int, int | None]] = deque([(place, None)])
        while queue:
            one, from_day = queue.popleft()
            for day in self._wishes(one, opening=opening):
                if day in came:
                    continue
                came[day] = (one, from_day)
                if self.free[day]:
                    return self._steps(came, day)
                queue.extend((other, day) for other in self._standing_on(day))
        if opening:
            self.spent.update(came)
        return []

    def _wishes(self, place: int, *, opening: bool) -> list[int]:
        """The days an entry may have: first those on which somebody goes to its zone anyway."""
        entry = self.entries[place]
        days: Sequence[int] = range(entry.window.first, entry.window.last + 1)
        if opening:
            days = [day for day in days if day not in self.spent]
        gone_to = [
            day
            for day in days
            if self.on.get((entry.zone, day)) or (entry.zone, day) == self.offered
        ]
        return gone_to + [day for day in days if day not in gone_to] if opening else gone_to

    def _standing_on(self, day: int) -> list[int]:
        return [one for zone in self.zones for one in sorted(self.on.get((zone, day), ()))]

    def _steps(
        self, came: dict[int, tuple[int, int | None]], day: int | None
    ) -> list[tuple[int, int]]:
        steps = []
        while day is not None:
            one, before = came[day]
            steps.append((one, day))
            day = before
        return steps

    def _follow(self, chain: Sequence[tuple[int, int]]) -> bool:
        for one, day in chain:
            self.put(one, day)
        return bool(chain)

    # --- fewer journeys

    def close_days(self) -> None:
        """Give up zone-days whose entries can all go on others of their zone, small ones first."""
        closed = True
        while closed:
            closed = False
            for zone, day in sorted(self.on, key=lambda key: (len(self.on[key]), key)):
                if self.on[zone, day] and self._close(zone, day):
                    closed = True

    def exchange_days(self) -> None:
        """Give up two zone-days of a zone for one on which nobody goes there yet."""
        while any(self._exchange(zone) for zone in self.zones):
            self.close_days()

    def _exchange(self, zone: str) -> bool:
        opened = sorted(day for (other, day), own in self.on.items() if other == zone and own)
        if len(opened) == len(stabs([self.entries[one].window for one in self.zones[zone]])):
            return False
        fresh = [day for day in range(len(self.free)) if day not in opened]
        for day, (one, other) in product(fresh, combinations(opened, 2)):
            if not self._all_reach(zone, {*opened, day} - {one, other}):
                continue
            self.offered = (zone, day)
            done = self._close(zone, one, other)
            self.offered = None
            if done:
                return True
        return False

    def _all_reach(self, zone: str, days: Iterable[int]) -> bool:
        """Tell whether every entry of a zone could go on one of these days, were they empty."""
        opened = sum(1 << day for day in days)
        return all(opened & self.reach[one] for one in self.zones[zone])

    def _close(self, zone: str, *days: int) -> bool:
        """Move everybody of zone-days elsewhere, or leave all as it was."""
        moving = sorted(place for day in days for place in self.on[zone, day])
        self.moved = {}
        for one in moving:
            self.take_off(one)
        if all(self._follow(self._chain(one, opening=False)) for one in moving):
            return True
        moved = dict(self.moved)
        for one in moved:
            self.take_off(one)
        for one, day in moved.items():
            self.put(one, day)
        return False
