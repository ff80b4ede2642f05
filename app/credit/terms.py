"""Publicity terms 公示期限: how long a decision is shown on the credit site, and by which rules.

Rule sets are dated rows of the catalogue (国家发展改革委令第58号 until 2026-03-31, 第36号 from
2026-04-01); dates are local. Here is only how a row is read.
"""

from calendar import monthrange
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any


class OnSite(StrEnum):
    """Whether a decision of a tier is shown on the credit site."""

    YES = "yes"
    NO = "no"
    BY_EXCEPTION = "by-exception"


class MonthEnd(StrEnum):
    """What becomes of the 31st in a month without one: its last day, or the day after."""

    CLAMP = "clamp"
    NEXT_DAY = "next-day"


class Transition(StrEnum):
    """By which rules a decision of before is shown after the rules changed."""

    DECIDED = "decided-rules"
    NEW = "new-rules"
    SHORTER = "shorter"


@dataclass(frozen=True)
class TermRow:
    """A row of the catalogue: a tier under a rule set. Months are None where nothing is shown."""

    tier: str
    rule_set: str
    on_site: OnSite
    min_months: int | None
    max_months: int | None
    month_end: MonthEnd
    severity: int
    draw_class: str | None


@dataclass(frozen=True)
class Publicity:
    """From when a decision is shown, when it may be repaired, and until when it is shown."""

    rule_set: str
    start_on: date
    min_end: date
    max_end: date


def add_months(day: date, months: int, month_end: MonthEnd = MonthEnd.CLAMP) -> date:
    """Return the same day so many months later; `month_end` says what the 31st becomes."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = monthrange(year, month)[1]
    if day.day <= last:
        return date(year, month, day.day)
    clamped = date(year, month, last)
    return clamped if month_end is MonthEnd.CLAMP else clamped + timedelta(days=1)


def term_row(tier: str, body: Mapping[str, Any]) -> TermRow:
    """Return a publicity term as the catalogue writes it."""
    return TermRow(
        tier=tier,
        rule_set=body["rule_set"],
        on_site=OnSite(body["credit_site"]),
        min_months=body["min_months"],
        max_months=body["max_months"],
        month_end=MonthEnd(body["month_end"]),
        severity=body["severity"],
        draw_class=body["draw_class"],
    )


def publicity(row: TermRow, decided_on: date, *, exception: bool = False) -> Publicity | None:
    """Return how long a decision is shown, counted from its day; None where it is not.

    `exception`: somebody found that one of a tier that is in principle not shown has to be.
    """
    shown = row.on_site is OnSite.YES or (row.on_site is OnSite.BY_EXCEPTION and exception)
    if not shown or row.min_months is None or row.max_months is None:
        return None
    return Publicity(
        rule_set=row.rule_set,
        start_on=decided_on,
        min_end=add_months(decided_on, row.min_months, row.month_end),
        max_end=add_months(decided_on, row.max_months, row.month_end),
    )


def across(
    decided: Publicity | None, newer: Publicity | None, transition: Transition
) -> Publicity | None:
    """Return which of two terms holds for a decision of before the rules changed."""
    if decided is None or newer is None or transition is Transition.DECIDED:
        return decided
    if transition is Transition.NEW:
        return newer
    return min(decided, newer, key=lambda one: (one.max_end, one.min_end))


# --- tiers 失信等级 ----------------------------------------------------------------------------


@dataclass(frozen=True)
class TierRow:
    """Which tier a kind of sanction belongs to; an amount may raise it."""

    sanction: str
    tier: str
    safety_tier: str | None
    raised_from_fen: int | None
    raised_tier: str | None


def tier_of(
    sanctions: Collection[str],
    rows: Iterable[TierRow],
    severities: Mapping[str, int],
    *,
    simple: bool,
    fine_fen: int = 0,
    safety: bool = False,
) -> str | None:
    """Return the tier of a decision: that of its gravest sanction, unless the procedure was simple.

    `rows` are those in force on the day of the decision, by kind of sanction; the row
    `simple-procedure` says what a decision on the spot is. `safety`: the field is one of those
    with a longer minimum. None where no row knows any of the sanctions.
    """
    by_sanction = {row.sanction: row for row in rows}
    if simple and (row := by_sanction.get("simple-procedure")):
        return row.tier
    tiers = [
        _tier(by_sanction[one], fine_fen, safety=safety) for one in sanctions if one in by_sanction
    ]
    return max(tiers, key=lambda tier: (severities.get(tier, 0), tier), default=None)


def _tier(row: TierRow, fine_fen: int, *, safety: bool) -> str:
    if row.raised_tier and row.raised_from_fen is not None and fine_fen >= row.raised_from_fen:
        return row.raised_tier
    return row.safety_tier if safety and row.safety_tier else row.tier
