"""协管: assistants without power of enforcement, their patrols by grid cell, and how they count.

人次 are assistant-visits, 间次 are unit-visits, 份 are opinions; none is an officer's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class AssistantState(StrEnum):
    ACTIVE = "active"
    LEFT = "left"


class HintState(StrEnum):
    """What became of a hint to the officers 协管线索: it waits, became a task, or was declined."""

    WAITING = "waiting"
    TAKEN = "taken"
    DECLINED = "declined"


@dataclass(frozen=True)
class Seen:
    """A unit that was seen on a patrol, and how many assistants saw it."""

    unit_id: UUID
    on: date
    assistants: int


@dataclass(frozen=True)
class Counts:
    """人次, 间次 and 份 of some days."""

    assistant_visits: int
    unit_visits: int
    opinions: int


def count(seen: Iterable[Seen], opinions: int) -> Counts:
    """Count patrols in their units: every unit seen is one 间次, each assistant there one 人次."""
    rows = list(seen)
    return Counts(sum(one.assistants for one in rows), len(rows), opinions)


@dataclass(frozen=True)
class Coverage:
    """How far a service unit has come: whole rounds, and what is missing to the next ones."""

    service_unit: str
    units: int
    rounds: int
    required: int
    missing: int

    @property
    def met(self) -> bool:
        return self.rounds >= self.required


def coverage(
    units_by_service: Mapping[str, Collection[UUID]], seen: Iterable[Seen], required: int
) -> list[Coverage]:
    """Return the whole rounds 全覆盖巡查 of each service unit: how often every unit was seen.

    Twice on one day is once. `missing` are the unit-visits that the required rounds still need.
    A service unit without units has made its rounds.
    """
    days: dict[UUID, set[date]] = defaultdict(set)
    for one in seen:
        days[one.unit_id].add(one.on)
    found = []
    for name in sorted(units_by_service):
        times = [len(days[unit]) for unit in set(units_by_service[name])]
        rounds = min(times, default=required)
        missing = sum(max(required - one, 0) for one in times)
        found.append(Coverage(name, len(times), rounds, required, missing))
    return found
