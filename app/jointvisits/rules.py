"""What is planned: open tasks with their windows, entries that carry them, the days they get.

Days are numbered: day 0 is the first working day of the period that is planned, and only working
days count. Whoever calls translates dates into numbers and back.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class PlanState(StrEnum):
    """How far a plan is; only a published one tells tasks and tablets anything."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Maker(StrEnum):
    """Who made the schedule that a plan holds now."""

    GREEDY = "greedy"
    SOLVER = "solver"
    HAND = "hand"


class VisitKind(StrEnum):
    """Tasks that go together, or all that a key institution is supervised for 全事项检查."""

    MERGED = "merged"
    OPERATION = "operation"


class VisitState(StrEnum):
    """Where a joint visit stands in its plan: it has its day, found none, or was taken out."""

    PLANNED = "planned"
    UNPLACED = "unplaced"
    LEFT_OUT = "left-out"
    SHIFTED = "shifted"


class ChangeVerb(StrEnum):
    """What people change by hand: another day, a task of its own, tasks together, out of the plan.

    `shift` leaves a visit to a later period, `leave-out` leaves its tasks to be done otherwise.
    """

    MOVE = "move"
    SPLIT = "split"
    MERGE = "merge"
    LEAVE_OUT = "leave-out"
    SHIFT = "shift"


class LotState(StrEnum):
    """A lot over teams: asked for and fixed, or drawn."""

    ASKED = "asked"
    DRAWN = "drawn"


class NotTaken(StrEnum):
    """Why a new plan does not keep what was fixed by hand in a plan before."""

    WITHOUT_DAY = "without-day"  # it was left out, shifted, or found no day: planned anew
    DONE = "done"  # its tasks are begun or closed
    OUTSIDE_SCOPE = "outside-scope"  # the new plan is about other units or towns
    IN_FORCE = "in-force"  # its tasks are in a plan that is approved or published, and stay there
    DAY_OVER = "day-over"
    DAY_OUTSIDE = "day-outside"  # no working day of the new plan


IN_PLAN = frozenset({VisitState.PLANNED, VisitState.UNPLACED})


@dataclass(frozen=True, order=True)
class Window:
    """The days on which something may happen, both ends included."""

    first: int
    last: int

    def __contains__(self, day: int) -> bool:
        return self.first <= day <= self.last

    def shared_with(self, other: "Window") -> "Window | None":
        """Return the days that two windows share, None when they share none."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Window(first, last) if first <= last else None


@dataclass(frozen=True)
class OpenTask:
    """A task that waits to be carried to a unit, of whatever specialty and department."""

    id: str
    unit: str
    zone: str
    specialty: str
    department: str
    window: Window


@dataclass(frozen=True)
class Entry:
    """One time somebody goes in: the tasks of one unit that it carries, on a day of `window`.

    One that is `pinned` was put on its day by hand: the window is this day, whatever its tasks say.
    """

    unit: str
    zone: str
    tasks: tuple[OpenTask, ...]
    window: Window
    pinned: bool = False

    def pinned_to(self, day: int) -> "Entry":
        """Return the same entry, to be left on a day."""
        return replace(self, window=Window(day, day), pinned=True)

    def from_day(self, first: int) -> "Entry | None":
        """Return the same entry without the days before one, None where no day is left for it."""
        if self.pinned or self.window.first >= first:
            return self
        if self.window.last < first:
            return None
        return replace(self, window=Window(first, self.window.last))

    @property
    def specialties(self) -> frozenset[str]:
        """What the team has to cover."""
        return frozenset(task.specialty for task in self.tasks)


@dataclass(frozen=True)
class Pin:
    """Tasks that a person put on a day together: no schedule moves or parts them."""

    tasks: frozenset[str]
    day: int


@dataclass(frozen=True)
class Visit:
    """An entry that has its day."""

    entry: Entry
    day: int


@dataclass(frozen=True)
class Capacity:
    """What can be done in a day: so many teams, so many visits by each."""

    teams: int
    visits_each: int

    @property
    def a_day(self) -> int:
        """Visits a day, by all teams."""
        return self.teams * self.visits_each


@dataclass(frozen=True)
class Schedule:
    """What gets a day, and what could not be placed; nothing is dropped."""

    visits: tuple[Visit, ...]
    unplaced: tuple[Entry, ...]

    @property
    def zone_days(self) -> int:
        """How often a team travels to a zone: zones and days, each pair once."""
        return len({(one.entry.zone, one.day) for one in self.visits})

    @property
    def busiest_day(self) -> int:
        """Visits on the day that has most of them."""
        return max(Counter(one.day for one in self.visits).values(), default=0)


def with_pins(schedule: Schedule, pins: Iterable[Pin]) -> Schedule:
    """Return the same schedule, its visits that carry a pin on its day pinned there."""
    pin_of = {task: pin for pin in pins for task in pin.tasks}

    def is_pinned(visit: Visit) -> bool:
        carried = {task.id for task in visit.entry.tasks}
        own = {pin_of[one] for one in carried if one in pin_of}
        return any(pin.day == visit.day and pin.tasks <= carried for pin in own)

    return Schedule(
        tuple(
            Visit(one.entry.pinned_to(one.day), one.day) if is_pinned(one) else one
            for one in schedule.visits
        ),
        schedule.unplaced,
    )


def room_of(entries: Iterable[Entry], capacity: Capacity, *, days: int) -> list[int]:
    """Return how many visits each day may have: what can be done, or what was pinned to it."""
    pinned = Counter(entry.window.first for entry in entries if entry.pinned)
    return [max(capacity.a_day, pinned[day]) for day in range(days)]


def zones_of(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each zone, zones in the order of their names."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.zone, []).append(entry)
    return dict(sorted(found.items()))
