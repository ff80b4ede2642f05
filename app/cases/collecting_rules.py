"""How far the money of a case is, what the timetable warns of, and what the next step needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.cases.money import Window


class CollectionState(StrEnum):
    """How the money ended: paid, enforced by the court, or ceased with its ground."""

    OPEN = "open"
    SETTLED = "settled"
    ENFORCED = "enforced"
    CEASED = "ceased"


class Standing(StrEnum):
    """How far it is on a day."""

    DUE = "due"
    OVERDUE = "overdue"
    PAUSED = "paused"
    DEMANDED = "demanded"
    IN_COURT = "in-court"
    SETTLED = "settled"
    ENFORCED = "enforced"
    CEASED = "ceased"


class ReliefKind(StrEnum):
    """What a party can apply for: delay 延期, instalments 分期 (行政处罚法 第六十六条)."""

    DELAY = "delay"
    INSTALMENTS = "instalments"


class CeasingGround(StrEnum):
    """Why enforcement ceases 终结执行 (行政强制法 第四十条)."""

    NO_ESTATE = "no-estate"
    NO_ASSETS = "no-assets"
    OBJECT_LOST = "object-lost"
    DECISION_REVOKED = "decision-revoked"
    OTHER = "other"


class AlertKind(StrEnum):
    """What the timetable says of the money of a case."""

    DUE_SOON = "due-soon"
    OVERDUE = "overdue"
    HAND_IN_LATE = "hand-in-late"
    DEMAND_OVER = "demand-over"
    COURT_CLOSING = "court-closing"
    COURT_CLOSED = "court-closed"


@dataclass(frozen=True)
class Days:
    """The days that matter for the money of a case; None where there is none yet."""

    due_on: date | None
    demand_due_on: date | None
    court: Window
    in_court: bool
    hand_in_due_on: Sequence[date] = ()


def alerts_on(
    today: date, days: Days, *, unpaid: bool, warn_days: int, court_warn_days: int
) -> list[tuple[AlertKind, date]]:
    """Return what is to be warned of or flagged by a day, each with the day that it is about."""
    found = [(AlertKind.HAND_IN_LATE, day) for day in days.hand_in_due_on if day < today]
    if not unpaid:
        return found
    if days.due_on is not None:
        found += _around(today, days.due_on, warn_days, AlertKind.DUE_SOON, AlertKind.OVERDUE)
    if days.in_court:
        return found
    if days.demand_due_on is not None and days.demand_due_on < today:
        found.append((AlertKind.DEMAND_OVER, days.demand_due_on))
    closes = days.court.closes_on
    return found + _around(
        today, closes, court_warn_days, AlertKind.COURT_CLOSING, AlertKind.COURT_CLOSED
    )


def _around(
    today: date, day: date, warn_days: int, before: AlertKind, after: AlertKind
) -> list[tuple[AlertKind, date]]:
    if today > day:
        return [(after, day)]
    return [(before, day)] if today >= day - timedelta(days=warn_days) else []


def standing(
    state: CollectionState,
    today: date,
    due_on: date | None,
    *,
    paused: bool,
    demanded: bool,
    in_court: bool,
) -> Standing:
    """Return how far the money is on a day."""
    if state != CollectionState.OPEN:
        return Standing(state)
    if in_court:
        return Standing.IN_COURT
    if paused:
        return Standing.PAUSED
    if demanded:
        return Standing.DEMANDED
    late = due_on is not None and today > due_on
    return Standing.OVERDUE if late else Standing.DUE


def settles(unpaid_fen: Collection[int]) -> bool:
    """Tell whether nothing is left of fine, confiscated gains and surcharge."""
    return all(one <= 0 for one in unpaid_fen)
