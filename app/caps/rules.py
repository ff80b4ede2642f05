"""What a cap 检查频次上限 counts, and what it says of an entry that is intended.

Caps are dated rows of the catalogue; days are local. Pure: entries in, answers out.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

from app.catalogue.caps import Beyond, Counts, Of, Period
from app.days import year_before


class Verdict(StrEnum):
    """What a cap says of an entry: within it, exempt from it, excepted, or what it needs."""

    WITHIN = "within"
    EXEMPT = "exempt"
    EXCEPTED = "excepted"
    FLAG = "flag"
    REASON = "reason"
    EXCEPTION = "exception"


class ExceptionState(StrEnum):
    """How far an exception is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True)
class Cap:
    """A row of the catalogue: at most so many entries of a kind in a period."""

    code: str
    name: str
    most: int
    period: Period
    of: Of
    counts: Counts
    beyond: Beyond
    exempt_origins: frozenset[str]
    levels: frozenset[str] | None = None
    object_classes: frozenset[str] | None = None
    source: str = ""
    confirmed: bool = False

    @classmethod
    def from_body(cls, code: str, body: Mapping[str, Any], **row: Any) -> "Cap":
        """Read a row of the catalogue; the catalogue takes none that cannot be read."""
        return cls(
            code,
            body["name"],
            body["most"],
            Period(body["period"]),
            Of(body["of"]),
            Counts(body["counts"]),
            Beyond(body["beyond"]),
            frozenset(body["exempt_origins"]),
            _some(body["levels"]),
            _some(body["object_classes"]),
            **row,
        )


@dataclass(frozen=True)
class Entered:
    """One time somebody went, or means to go, into a unit; what is not known yet is None.

    `origins` are those of all that the entry was for: it is exempt from a cap when each of them is.
    `elsewhere`: into another unit of the same enterprise, so that only its caps count it.
    """

    on: date
    origins: frozenset[str]
    joint: bool = False
    clean: bool | None = None
    level: str | None = None
    officers: frozenset[UUID] = field(default_factory=frozenset)
    specialties: frozenset[str] = field(default_factory=frozenset)
    object_classes: frozenset[str] = field(default_factory=frozenset)
    elsewhere: bool = False
    id: UUID | None = None


@dataclass(frozen=True)
class Answer:
    """What a cap says of an intended entry, with the entries that it counted."""

    cap: Cap
    first: date
    last: date
    counted: tuple[Entered, ...]
    verdict: Verdict


class HasOfficers(Protocol):
    """A visit, as far as it matters who was there."""

    @property
    def officers(self) -> frozenset[UUID]: ...


V = TypeVar("V", bound=HasOfficers)


def by_team(visits: Iterable[V]) -> list[list[V]]:
    """Put visits of a day together that share an officer, also by way of a third."""
    groups: list[list[V]] = []
    for visit in visits:
        sharing = [one for one in groups if any(visit.officers & other.officers for other in one)]
        groups = [one for one in groups if one not in sharing]
        groups.append([*(other for one in sharing for other in one), visit])
    return groups


def span(period: Period, on: date) -> tuple[date, date]:
    """Return the first and last day of the period in which a day lies; weeks begin on Monday."""
    if period is Period.DAY:
        return on, on
    if period is Period.WEEK:
        monday = on - timedelta(days=on.weekday())
        return monday, monday + timedelta(days=6)
    if period is Period.ROLLING_YEAR:
        return year_before(on) + timedelta(days=1), on
    months = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}[period]
    first = (on.month - 1) // months * months + 1
    last = first + months - 1
    return date(on.year, first, 1), date(on.year, last, monthrange(on.year, last)[1])


def with_elsewhere(own: Iterable[Entered], others: Iterable[Entered]) -> list[Entered]:
    """Return the entries into a unit with those into others of its enterprise, by their days."""
    return sorted(
        [*own, *(replace(one, elsewhere=True) for one in others)],
        key=lambda one: (one.on, one.elsewhere, str(one.id)),
    )


def but_same(ledger: Iterable[Entered], intended: Entered) -> list[Entered]:
    """Return the entries beside one that began: that day its team goes in once."""
    return [
        one
        for one in ledger
        if one.elsewhere or one.on != intended.on or not one.officers & intended.officers
    ]


def ask(cap: Cap, intended: Entered, ledger: Sequence[Entered], *, excepted: bool) -> Answer:
    """Say what a cap means for an intended entry, given what took place and what is planned.

    An entry that is exempt, or that the cap does not count, is never beyond it; it stands in the
    ledger all the same. `excepted`: somebody approved an exception for it.
    """
    first, last = span(cap.period, intended.on)
    counted = tuple(
        one
        for one in ledger
        if first <= one.on <= last and _counts(cap, one) and _together(cap, one, intended)
    )
    return Answer(cap, first, last, counted, _verdict(cap, intended, len(counted), excepted))


def _verdict(cap: Cap, intended: Entered, used: int, excepted: bool) -> Verdict:
    if _is_exempt(cap, intended):
        return Verdict.EXEMPT
    if used < cap.most or not _applies(cap, intended):
        return Verdict.WITHIN
    return Verdict.EXCEPTED if excepted else Verdict(cap.beyond.value)


def _is_exempt(cap: Cap, entry: Entered) -> bool:
    return bool(entry.origins) and entry.origins <= cap.exempt_origins


def _applies(cap: Cap, entry: Entered) -> bool:
    """Tell whether an entry is of the kind that a cap is about; what is not known yet may be."""
    if cap.counts is Counts.JOINT and not entry.joint:
        return False
    if cap.counts is Counts.CLEAN and entry.clean is False:
        return False
    if cap.levels is not None and entry.level not in cap.levels:
        return False
    return cap.object_classes is None or bool(cap.object_classes & entry.object_classes)


def _counts(cap: Cap, entry: Entered) -> bool:
    if cap.counts is Counts.CLEAN and entry.clean is not True:
        return False
    return _applies(cap, entry) and not _is_exempt(cap, entry)


def _together(cap: Cap, entry: Entered, intended: Entered) -> bool:
    if entry.elsewhere and cap.of is not Of.ENTERPRISE:
        return False
    if cap.of is Of.UNIT_OFFICER:
        return bool(entry.officers & intended.officers)
    if cap.of is Of.UNIT_SPECIALTY:
        return bool(entry.specialties & intended.specialties)
    return True


def _some(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


# --- on a tablet ---


def write_entry(entry: Entered) -> dict[str, Any]:
    """Return an entry as a unit's ledger in the feed holds it."""
    return {
        "visit_id": None if entry.id is None else str(entry.id),
        "on": entry.on.isoformat(),
        "origins": sorted(entry.origins),
        "joint": entry.joint,
        "clean": entry.clean,
        "level": entry.level,
        "officer_ids": sorted(str(one) for one in entry.officers),
        "specialties": sorted(entry.specialties),
        "object_classes": sorted(entry.object_classes),
        "elsewhere": entry.elsewhere,
    }


def read_entry(body: Mapping[str, Any]) -> Entered:
    """Return an entry as the ledger in the feed says it: a tablet asks the caps by it, offline."""
    return Entered(
        date.fromisoformat(body["on"]),
        frozenset(body["origins"]),
        joint=body["joint"],
        clean=body["clean"],
        level=body["level"],
        officers=frozenset(UUID(one) for one in body["officer_ids"]),
        specialties=frozenset(body["specialties"]),
        object_classes=frozenset(body["object_classes"]),
        elsewhere=body.get("elsewhere", False),  # rows written before it was counted have it not
        id=None if body["visit_id"] is None else UUID(body["visit_id"]),
    )
