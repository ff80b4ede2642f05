"""What stands in the credit record: entries, what reverses them, points in their cycle.

An entry is never changed. What was wrong is reversed by another entry, what was repaired says so in
another: what counts is computed from the set of all, so that neither their order nor a replay
matters. Dates are local (Asia/Shanghai).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from app.credit.terms import add_months

CLASSES = "ABCD"  # of a draw, from the best to the worst


class EntryKind(StrEnum):
    """What an entry says; `repair` and `reversal` are about another entry."""

    PENALTY = "penalty"
    POINTS = "points"
    REPAIR = "repair"
    REVERSAL = "reversal"


ABOUT_OTHERS = frozenset({EntryKind.REPAIR, EntryKind.REVERSAL})


class NoticeState(StrEnum):
    """How far a notice to the licensing section is."""

    DUE = "due"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


class RepairState(StrEnum):
    """How far an application for repair 信用修复 is."""

    APPLIED = "applied"
    CHECKED = "checked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ExceptionState(StrEnum):
    """How far it is that a decision of a tier that is in principle not shown is shown after all."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DECLINED = "declined"


class PledgePart(StrEnum):
    """What comes with an application 申请材料."""

    FORM = "form"
    PLEDGE = "pledge"
    LICENCE = "licence"
    IDENTITY = "identity"
    AUTHORISATION = "authorisation"
    PERFORMANCE = "performance"


REPAIR_NAMES = {
    RepairState.APPLIED: "已受理",
    RepairState.CHECKED: "已核实履行",
    RepairState.APPROVED: "准予修复",
    RepairState.REFUSED: "不予修复",
    RepairState.WITHDRAWN: "已撤回",
}
OPEN_REPAIRS = frozenset({RepairState.APPLIED, RepairState.CHECKED})


class DutyKind(StrEnum):
    """What may still be owed under a decision: money of three kinds, or to correct 责令改正."""

    FINE = "fine"
    CONFISCATED = "confiscated"
    SURCHARGE = "surcharge"
    ORDER = "order"


DUTY_NAMES = {
    DutyKind.FINE: "罚款",
    DutyKind.CONFISCATED: "没收违法所得",
    DutyKind.SURCHARGE: "加处罚款",
    DutyKind.ORDER: "责令改正",
}


@dataclass(frozen=True)
class OpenDuty:
    """A duty of a decision that the office's own register has open: so much, or which order."""

    kind: DutyKind
    amount_fen: int | None = None
    number: str | None = None


class Entry(Protocol):
    """What the rules need of an entry."""

    @property
    def id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def about_id(self) -> UUID | None: ...
    @property
    def decided_on(self) -> date: ...
    @property
    def points(self) -> int | None: ...


@dataclass(frozen=True)
class NewEntry:
    """What happened: `reference` names its cause, and makes it happen once.

    `unit_id` is None for somebody who has no unit; `tier` is a code of the catalogue's publicity
    terms in force on `decided_on`; `data` holds no personal values.
    """

    kind: EntryKind
    reference: str
    decided_on: date
    unit_id: UUID | None = None
    tier: str | None = None
    points: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def reversed_ids(entries: Iterable[Entry]) -> set[UUID]:
    """Return the ids of the entries that another one reverses."""
    return {
        one.about_id
        for one in entries
        if one.kind == EntryKind.REVERSAL and one.about_id is not None
    }


def standing(entries: Sequence[Entry]) -> list[Entry]:
    """Return what counts: neither a reversal nor reversed, in order of day and id."""
    gone = reversed_ids(entries)
    kept = [one for one in entries if one.kind != EntryKind.REVERSAL and one.id not in gone]
    return sorted(kept, key=lambda one: (one.decided_on, str(one.id)))


def repaired_ids(entries: Sequence[Entry], on: date) -> set[UUID]:
    """Return the ids of the entries whose repair stands on a day."""
    return {
        one.about_id
        for one in standing(entries)
        if one.kind == EntryKind.REPAIR and one.about_id is not None and one.decided_on <= on
    }


# --- points 不良执业行为记分 -------------------------------------------------------------------


@dataclass(frozen=True)
class Cycle:
    """The days over which points add up, both included."""

    from_on: date
    until_on: date

    def holds(self, on: date) -> bool:
        """Tell whether a day lies in the cycle."""
        return self.from_on <= on <= self.until_on


@dataclass(frozen=True)
class Threshold:
    """From how many points on what follows."""

    points: int
    effect: str


def cycle_of(on: date, own: Iterable[Cycle], months: int) -> Cycle:
    """Return the cycle of a day: one of the unit's own (tied to its 校验), else the year's.

    Without an own one cycles of `months` months follow each other from 1 January of the year.
    """
    for cycle in sorted(own, key=lambda one: one.from_on, reverse=True):
        if cycle.holds(on):
            return cycle
    begins = date(on.year, 1, 1)
    while (following := add_months(begins, months)) <= on:
        begins = following
    return Cycle(begins, following - timedelta(days=1))


def points_in(entries: Sequence[Entry], cycle: Cycle, own: Sequence[Cycle], months: int) -> int:
    """Return the points that stand in a cycle; they expire with it.

    What lies in one of the unit's own cycles counts there alone, and in no year around it.
    """
    return sum(
        one.points or 0
        for one in standing(entries)
        if one.kind == EntryKind.POINTS
        and cycle.holds(one.decided_on)
        and cycle_of(one.decided_on, own, months) == cycle
    )


def reached(total: int, thresholds: Iterable[Threshold]) -> list[Threshold]:
    """Return the thresholds that a total reaches, lowest first."""
    return sorted((one for one in thresholds if one.points <= total), key=lambda one: one.points)


# --- what a draw goes by -----------------------------------------------------------------------


def worst(*classes: str | None) -> str | None:
    """Return the worst of some classes of a draw; what is not known does not count."""
    known = [one for one in classes if one is not None and one in CLASSES]
    return max(known, key=CLASSES.index, default=None)
