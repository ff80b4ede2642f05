"""How much units are disturbed by inspections 入企扰企: what is counted of entries. Pure.

An entry is one time somebody went in: visits of one local day that share an officer are one. Had
each of them been gone for separately, there would have been as many entries as visits.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.caps import rules as caps
from app.caps.rules import Cap, Entered, Verdict
from app.reports.quantities import Unit
from app.tasks.rules import JOINT_DRAWN


@dataclass(frozen=True, slots=True)
class Went:
    """A visit as this report sees it; without a task it has no origin and no level."""

    id: UUID
    unit_id: UUID
    on: date
    at: datetime
    officers: frozenset[UUID]
    department: str
    task_id: UUID | None
    origin: str | None
    level: str | None
    specialty: str | None
    object_class: str | None
    finished: bool
    found: bool
    joint: bool = False  # officers of partner departments came along


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry into a unit, for all that it was for; `exempt`: by every origin it had."""

    unit_id: UUID
    on: date
    visits: tuple[Went, ...]
    exempt: bool

    @property
    def id(self) -> UUID:
        return self.visits[0].id

    @property
    def departments(self) -> frozenset[str]:
        return frozenset(one.department for one in self.visits)

    @property
    def levels(self) -> frozenset[str]:
        return frozenset(one.level or "" for one in self.visits)

    @property
    def origins(self) -> frozenset[str]:
        """Return from where its tasks came; a visit without task is `triggered`."""
        return frozenset(one.origin or "triggered" for one in self.visits)

    @property
    def quarter(self) -> str:
        return f"{self.on.year}Q{(self.on.month + 2) // 3}"

    @property
    def clean(self) -> bool:
        """Tell whether all of it is finished and nothing was found."""
        return all(one.finished and not one.found for one in self.visits)

    @property
    def entered(self) -> Entered:
        """Return it as caps are asked of it."""
        planned = [one for one in self.visits if one.origin is not None]
        origins = frozenset(one.origin for one in planned if one.origin is not None)
        finished = all(one.finished for one in self.visits)
        return Entered(
            self.on,
            origins if len(planned) == len(self.visits) else frozenset(),
            joint=JOINT_DRAWN in origins or any(one.joint for one in self.visits),
            clean=not any(one.found for one in self.visits) if finished else None,
            level=next((one.level for one in planned if one.level), None),
            officers=frozenset(officer for one in self.visits for officer in one.officers),
            specialties=frozenset(one.specialty for one in planned if one.specialty),
            object_classes=frozenset(one.object_class for one in planned if one.object_class),
            id=self.id,
        )


def entries_of(visits: Iterable[Went], *, exempt_origins: Collection[str]) -> list[Entry]:
    """Return the entries that visits made, by day and unit."""
    days: dict[tuple[date, UUID], list[Went]] = {}
    for one in visits:
        days.setdefault((one.on, one.unit_id), []).append(one)
    return [
        Entry(unit_id, on, tuple(together), _exempt(together, exempt_origins))
        for (on, unit_id), some in sorted(days.items())
        for together in caps.by_team(sorted(some, key=lambda one: (one.at, one.id)))
    ]


def _exempt(visits: Sequence[Went], exempt_origins: Collection[str]) -> bool:
    return all(one.origin is not None and one.origin in exempt_origins for one in visits)


# --- numbers -----------------------------------------------------------------------------------


class Code(StrEnum):
    """The numbers of the report."""

    SEPARATE = "separate"
    ENTRIES = "entries"
    SAVED = "saved"
    MERGED = "merged"
    SHARED = "shared"
    EXEMPT = "exempt"
    CLEAN = "clean"
    UNITS = "units"
    UNITS_AGAIN = "units-again"


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the report: what each entry adds to it, or, of units, which entries count."""

    name: str
    unit: Unit
    weight: Callable[[Entry], int]
    of_units: int | None = None  # units with at least so many such entries are counted


NUMBERS: Mapping[Code, Number] = {
    Code.SEPARATE: Number("按任务分别入企", Unit.TIMES, lambda one: len(one.visits)),
    Code.ENTRIES: Number("实际入企", Unit.TIMES, lambda one: 1),
    Code.SAVED: Number("减少入企", Unit.TIMES, lambda one: len(one.visits) - 1),
    Code.MERGED: Number("进一次门查多项事", Unit.TIMES, lambda one: len(one.visits) > 1),
    Code.SHARED: Number("多个科室共同入企", Unit.TIMES, lambda one: len(one.departments) > 1),
    Code.EXEMPT: Number("不计入频次的入企", Unit.TIMES, lambda one: one.exempt),
    Code.CLEAN: Number("未发现问题的入企", Unit.TIMES, lambda one: one.clean),
    Code.UNITS: Number("被入企单位", Unit.UNITS, lambda one: 1, of_units=1),
    Code.UNITS_AGAIN: Number("入企两次及以上的单位", Unit.UNITS, lambda one: 1, of_units=2),
}


def behind(code: Code, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries behind a number: their weights add up to it, or their units do."""
    number = NUMBERS[code]
    found = [one for one in entries if number.weight(one) > 0]
    if number.of_units is None:
        return found
    times = Counter(one.unit_id for one in found)
    return [one for one in found if times[one.unit_id] >= number.of_units]


def count(code: Code, entries: Iterable[Entry]) -> int:
    """Return a number of some entries."""
    number, found = NUMBERS[code], behind(code, entries)
    if number.of_units is not None:
        return len({one.unit_id for one in found})
    return sum(int(number.weight(one)) for one in found)


@dataclass(frozen=True, slots=True)
class Line:
    """What entries of a kind were: a department counts its own visits and whatever it was at."""

    code: str
    separate: int
    entries: int
    saved: int
    clean: int
    exempt: int
    units: int


class By(StrEnum):
    """By what entries are told apart."""

    QUARTER = "quarter"
    DEPARTMENT = "department"
    LEVEL = "level"
    ORIGIN = "origin"


_KINDS: Mapping[By, Callable[[Entry], Collection[str]]] = {
    By.QUARTER: lambda one: (one.quarter,),
    By.DEPARTMENT: lambda one: one.departments,
    By.LEVEL: lambda one: one.levels,
    By.ORIGIN: lambda one: one.origins,
}
_OWN: Mapping[By, Callable[[Went, str], bool]] = {
    By.QUARTER: lambda visit, code: True,
    By.DEPARTMENT: lambda visit, code: visit.department == code,
    By.LEVEL: lambda visit, code: (visit.level or "") == code,
    By.ORIGIN: lambda visit, code: (visit.origin or "triggered") == code,
}


def of_kind(by: By, code: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries of one kind."""
    return [one for one in entries if code in _KINDS[by](one)]


def lines(by: By, entries: Sequence[Entry]) -> list[Line]:
    """Return what entries were, told apart; one of two departments stands with both.

    What is saved in a line is by its own visits that came together: those of two departments in
    one entry are saved in the whole and in neither.
    """
    kinds: dict[str, list[Entry]] = {}
    for one in entries:
        for code in _KINDS[by](one):
            kinds.setdefault(code, []).append(one)
    found = []
    for code, some in sorted(kinds.items()):
        separate = sum(_OWN[by](visit, code) for one in some for visit in one.visits)
        found.append(
            Line(
                code,
                separate=separate,
                entries=len(some),
                saved=separate - len(some),
                clean=count(Code.CLEAN, some),
                exempt=count(Code.EXEMPT, some),
                units=count(Code.UNITS, some),
            )
        )
    return found


def distribution(entries: Iterable[Entry]) -> dict[int, int]:
    """Return how many units were entered how often."""
    times = Counter(one.unit_id for one in entries)
    return dict(sorted(Counter(times.values()).items()))


def of_units_entered(entries: Sequence[Entry], times: int) -> list[Entry]:
    """Return the entries into units that were entered exactly so often."""
    often = Counter(one.unit_id for one in entries)
    return [one for one in entries if often[one.unit_id] == times]


# --- caps --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Beyond:
    """An entry beyond a cap: how many the cap had counted before it, and what it needed."""

    entry: Entry
    cap: Cap
    used: int
    verdict: Verdict


Excepted = Callable[[UUID, str, date], bool]


def beyond(
    entries: Sequence[Entry],
    held: Sequence[Cap],
    *,
    from_on: date,
    excepted: Excepted,
    siblings: Mapping[UUID, Collection[UUID]],
) -> list[Beyond]:
    """Return the entries since a day that were beyond a cap when they were made.

    `entries` are all into these units, also those before the day, in their order; each is judged
    by those before it. Exempt entries are beyond nothing. `siblings` are the other units of a
    unit's enterprise.
    """
    enterprises: dict[UUID, list[Entry]] = {}
    for one in entries:
        first = min(one.unit_id, *siblings.get(one.unit_id, ()), one.unit_id)
        enterprises.setdefault(first, []).append(one)
    least = min((cap.most for cap in held), default=0)
    return [
        found
        for some in enterprises.values()
        if len(some) > least
        for found in _beyond(some, held, from_on, excepted)
    ]


def _beyond(
    entries: Sequence[Entry], held: Sequence[Cap], from_on: date, excepted: Excepted
) -> Iterable[Beyond]:
    ledger: list[tuple[UUID, Entered]] = []
    for entry in entries:
        entered, unit_id = entry.entered, entry.unit_id
        known = [one if at == unit_id else replace(one, elsewhere=True) for at, one in ledger]
        for cap in held if entry.on >= from_on else ():
            allowed = excepted(unit_id, cap.code, entry.on)
            answer = caps.ask(cap, entered, known, excepted=allowed)
            if answer.verdict not in {Verdict.WITHIN, Verdict.EXEMPT}:
                yield Beyond(entry, cap, len(answer.counted), answer.verdict)
        ledger.append((unit_id, entered))
