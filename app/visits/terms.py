"""What follows from a visit: when an order is due and what becomes of it, what a sample came to.

Dates are local (Asia/Shanghai); which terms count in working days, and whether an end on a free day
moves, are the catalogue's rows.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from app import canonical
from app.catalogue.rules import Calendar, DayKind, Deadline, Term, due


class OrderState(StrEnum):
    """How far a corrective order 责令改正 is.

    `open` while its term runs (or cannot be computed), `recheck-due` once it is over; a recheck
    追踪复查 finds it `complied` 已改正 or `overdue` 逾期未改正.
    """

    OPEN = "open"
    RECHECK_DUE = "recheck-due"
    COMPLIED = "complied"
    OVERDUE = "overdue"


UNMET_ORDERS = frozenset(OrderState) - {OrderState.COMPLIED}
CONCLUDABLE = frozenset({OrderState.OPEN, OrderState.RECHECK_DUE, OrderState.OVERDUE})


class SampleState(StrEnum):
    """Whether a sample's result is here."""

    AWAITED = "awaited"
    RESULTED = "resulted"


class SampleResult(StrEnum):
    """What the laboratory found: 合格, 不合格, or nothing that could be judged."""

    QUALIFIED = "qualified"
    UNQUALIFIED = "unqualified"
    NOT_JUDGED = "not-judged"


class Verdict(StrEnum):
    """Where a measured value lies: within the limit of the standard, over or under it."""

    WITHIN = "within"
    OVER = "over"
    UNDER = "under"


@dataclass(frozen=True)
class Reading:
    """One measured value 检测项目, in the words of the report, and where it lies."""

    item: str
    value: str
    verdict: Verdict
    unit: str | None = None
    limit: str | None = None


def agrees(result: SampleResult, readings: Iterable[Reading]) -> bool:
    """Tell whether a result can be what the readings say: 合格 with nothing over or under."""
    outside = any(one.verdict is not Verdict.WITHIN for one in readings)
    return not (outside and result is SampleResult.QUALIFIED)


def is_evidence(*, rapid: bool, rapid_will_do: bool) -> bool:
    """Tell whether a result can be evidence in a case; rapid tests in principle cannot."""
    return rapid_will_do or not rapid


def card_due(reported_on: date, days: int, calendar: Calendar) -> Deadline:
    """Return the last day for entering the card of a result: working days after the report."""
    return due(Term(days, DayKind.WORKING), reported_on, calendar)


class ContactKind(StrEnum):
    """What is no inspection: 合规告知谈话, 帮扶, 合规提示, and 非现场检查."""

    COMPLIANCE_TALK = "compliance-talk"
    ASSISTANCE = "assistance"
    HINT = "compliance-hint"
    OFF_SITE_CHECK = "off-site-check"


@dataclass(frozen=True)
class OrderItem:
    """One thing to be corrected: the finding it comes from, where it has one, and its words."""

    text: str
    finding_id: UUID | None = None
    basis: str | None = None


@dataclass(frozen=True)
class DayRules:
    """What the catalogue says of terms: which count in working days, and whether ends move."""

    working: Collection[int]
    moved: bool


def order_key(items: Iterable[OrderItem]) -> str:
    """Return what makes two orders of one visit the same: what they want corrected.

    By findings, so that the words of the pair's two tablets may differ; else by the words.
    """
    wanted = sorted(
        item.text if item.finding_id is None else str(item.finding_id) for item in items
    )
    return canonical.digest(canonical.dumps(wanted))


def order_due(days: int, issued_on: date, rules: DayRules, calendar: Calendar) -> Deadline:
    """Return the last day of an order's term; day 1 is the day after, 0 days are the same day.

    Open with its reason where the calendar of a year is needed and not loaded.
    """
    if days == 0:
        return Deadline(issued_on)
    kind = DayKind.WORKING if days in rules.working else DayKind.NATURAL
    return due(Term(days, kind, moved=rules.moved), issued_on, calendar)


def is_term_over(due_on: date | None, on: date) -> bool:
    """Tell whether the last day of a term has passed."""
    return due_on is not None and due_on < on


_PUBLIC_RESULTS: Mapping[str, OrderState] = {
    "合格": OrderState.COMPLIED,
    "不合格": OrderState.OVERDUE,
}


def recheck_says(public_result: str | None) -> OrderState | None:
    """Return what a recheck's outcome makes of its order, None where a person has to say.

    `public_result` is how the catalogue publishes the outcome: 合格 or 不合格.
    """
    return None if public_result is None else _PUBLIC_RESULTS.get(public_result)
