"""Counts and rates of tasks.

完成率 = completed / tasks, 完结率 = (completed + closed) / tasks. A rate stays an exact fraction;
how it is shown is a named rounding rule, as no single rule gives the figures agencies publish.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.tasks.rules import OPEN_STATES, TaskState


class Rounding(StrEnum):
    """How a rate is shown in per cent."""

    HALF_UP_2DP = "half-up-2dp"
    HALF_UP_1DP = "half-up-1dp"
    TRUNCATED_1DP = "truncated-1dp"
    HALF_UP_0DP = "half-up-0dp"


_PLACES = {
    Rounding.HALF_UP_2DP: 2,
    Rounding.HALF_UP_1DP: 1,
    Rounding.TRUNCATED_1DP: 1,
    Rounding.HALF_UP_0DP: 0,
}


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Numbers of tasks of one kind; a closed task stays in the denominator.

    Raises ValueError when a number is negative or completed, closed and open do not add up.
    """

    tasks: int
    completed: int
    closed: int
    open: int

    def __post_init__(self) -> None:
        if min(self.tasks, self.completed, self.closed, self.open) < 0:
            raise ValueError("A count is never negative.")
        if self.completed + self.closed + self.open != self.tasks:
            raise ValueError("Completed, closed and open tasks must add up to all tasks.")

    @property
    def completion(self) -> Fraction | None:
        """完成率; None without tasks."""
        return Fraction(self.completed, self.tasks) if self.tasks else None

    @property
    def settlement(self) -> Fraction | None:
        """完结率; None without tasks."""
        return Fraction(self.completed + self.closed, self.tasks) if self.tasks else None

    def __add__(self, other: "TaskCounts") -> "TaskCounts":
        """Return the counts of both kinds together."""
        return TaskCounts(
            self.tasks + other.tasks,
            self.completed + other.completed,
            self.closed + other.closed,
            self.open + other.open,
        )


NOTHING = TaskCounts(0, 0, 0, 0)


def percent(rate: Fraction, rounding: Rounding) -> Decimal:
    """Return a rate (not negative) in per cent with the decimals of the rounding rule."""
    places = _PLACES[rounding]
    scaled = rate * 100 * 10**places
    shift = Fraction(0) if rounding is Rounding.TRUNCATED_1DP else Fraction(1, 2)
    return Decimal((scaled + shift).__floor__()).scaleb(-places)


@dataclass(frozen=True, slots=True)
class SpecialtyCount:
    """Tasks of one specialty; those drawn across departments are counted apart."""

    specialty: str
    tasks: int
    cross_department: bool = False


def add_up(rows: Iterable[SpecialtyCount]) -> tuple[int, int]:
    """Return the agency's own tasks and, apart from them, the cross-department ones."""
    own = cross = 0
    for row in rows:
        if row.cross_department:
            cross += row.tasks
        else:
            own += row.tasks
    return own, cross


# --- from groups of tasks to counts ---

OPEN = "open"  # the outcome of a task that has not ended
CLOSED = "closed"  # the outcome of a closed task, whatever its visit found before


@dataclass(frozen=True, slots=True)
class Group:
    """So many tasks of one specialty, origin, state and outcome."""

    specialty: str
    origin: str
    state: TaskState
    awaiting_results: bool
    outcome: str | None
    tasks: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """Counts of tasks in total and by one quality at a time; each adds up."""

    total: TaskCounts
    by_specialty: Mapping[str, TaskCounts]
    by_origin: Mapping[str, int]
    by_state: Mapping[str, int]
    by_outcome: Mapping[str, int]


def gather(groups: Iterable[Group]) -> Gathered:
    """Count groups of tasks; every task has one specialty, one state and one outcome.

    `by_state` parts 待检测 from the other submitted ones. Raises ValueError when a completed task
    has no outcome: then outcomes would not add up to tasks.
    """
    by_specialty: dict[str, TaskCounts] = {}
    by_origin: Counter[str] = Counter()
    by_state: Counter[str] = Counter()
    by_outcome: Counter[str] = Counter()
    for group in groups:
        earlier = by_specialty.get(group.specialty, NOTHING)
        by_specialty[group.specialty] = earlier + _counts(group)
        by_origin[group.origin] += group.tasks
        by_state["awaiting-results" if group.awaiting_results else group.state] += group.tasks
        by_outcome[_outcome(group)] += group.tasks
    total = sum(by_specialty.values(), start=NOTHING)
    return Gathered(total, by_specialty, dict(by_origin), dict(by_state), dict(by_outcome))


def _counts(group: Group) -> TaskCounts:
    completed = group.tasks if group.state is TaskState.COMPLETED else 0
    closed = group.tasks if group.state is TaskState.CLOSED else 0
    return TaskCounts(group.tasks, completed, closed, group.tasks - completed - closed)


def _outcome(group: Group) -> str:
    if group.state in OPEN_STATES:
        return OPEN
    if group.state is TaskState.CLOSED:
        return CLOSED
    if group.outcome is None:
        raise ValueError("A completed task has an outcome.")
    return group.outcome
