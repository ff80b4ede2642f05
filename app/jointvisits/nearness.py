"""Which open tasks of a unit fall so near to each other that one entry would do. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID


@dataclass(frozen=True)
class Due:
    """An open task and its last day; None: it can wait."""

    id: UUID
    due_on: date | None


@dataclass(frozen=True)
class Near:
    """Tasks that fall within some days; `last_on` is the day by which one entry serves them all.

    None where every one of them can wait.
    """

    tasks: tuple[Due, ...]
    last_on: date | None

    @property
    def entries_saved(self) -> int:
        return len(self.tasks) - 1


def near(tasks: Iterable[Due], *, today: date, within_days: int) -> list[Near]:
    """Return groups of two or more tasks of a unit whose last days lie within so many days.

    A task that is overdue is due today. One that can wait goes with those that are due first.
    """
    known = list(tasks)
    waiting = [one for one in known if one.due_on is None]
    dated = sorted(
        ((max(one.due_on, today), one) for one in known if one.due_on is not None),
        key=lambda pair: (pair[0], pair[1].id),
    )
    groups: list[list[Due]] = []
    firsts: list[date] = []
    for on, one in dated:
        if not firsts or on > firsts[-1] + timedelta(days=within_days):
            groups.append([])
            firsts.append(on)
        groups[-1].append(one)
    if groups:
        groups[0] += _by_id(waiting)
        found = [Near(tuple(some), first) for some, first in zip(groups, firsts, strict=True)]
    else:
        found = [Near(tuple(_by_id(waiting)), None)]
    return [one for one in found if one.entries_saved > 0]


def _by_id(tasks: Sequence[Due]) -> list[Due]:
    return sorted(tasks, key=lambda one: one.id)
