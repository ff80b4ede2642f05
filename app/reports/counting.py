"""The counts of a period: numbers with their units, year on year, rates, days that cases took."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from statistics import median
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import day_begins, year_before
from app.errors import NotFound
from app.prepared import Prepared
from app.reports import listing, penalties, publicity, rules, selections
from app.reports.counters import COUNTERS, RATES, Counter, RateOf
from app.reports.dated import after
from app.reports.manual_counts import ManualLine, counted
from app.reports.quantities import Quantity, change_percent, count_of, money
from app.reports.rules import Rounding
from app.reports.selections import Rows, Rules, Scope
from app.reports.service import PeriodReversed

DEFAULT_COUNTING = "annual-table"
UNCOUNTED = ("行政许可公示数和公示率（许可在审批系统公示，本系统只有办件表）",)


class CounterUnknown(NotFound):
    code, title = "counter-unknown", "未找到统计项目"


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of the period, and of the same days a year before with the change in per cent."""

    counter: Counter
    quantity: Quantity
    before: Quantity
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class Share:
    """An exact fraction and how it is shown; `percent` is None where nothing is below."""

    numerator: int
    denominator: int
    percent: str | None


@dataclass(frozen=True, slots=True)
class RateLine:
    """A rate of the period, and of the same days a year before."""

    rate: RateOf
    now: Share
    before: Share


@dataclass(frozen=True, slots=True)
class Span:
    """How many days so many cases took, mean and median; None without a case."""

    cases: int
    mean: Decimal | None
    median: Decimal | None


@dataclass(frozen=True, slots=True)
class Days:
    """Days that cases took, and a year before; `counter` opens the list of the cases."""

    code: str
    name: str
    counter: str
    now: Span
    before: Span


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that is counted of a period; what is not counted is named."""

    from_on: date
    until_on: date
    counting: str
    counted: list[Counted]
    rates: list[RateLine]
    rounding: Rounding
    days: list[Days]
    manual: list[ManualLine]
    uncounted: tuple[str, ...] = UNCOUNTED


def scope_of(agency_id: UUID, from_on: date, until_on: date, counting: str | None) -> Scope:
    """Return the days and what the catalogue says on the last. Raises PeriodReversed and
    CatalogueRowMissing (`counting`)."""
    if from_on > until_on:
        raise PeriodReversed("起始日期不能晚于截止日期，请调整。")
    rule = catalogue.get_row(Kind.CASE_COUNTING, counting or DEFAULT_COUNTING, until_on)
    outcomes = catalogue_queries.rows_of(Kind.OUTCOME_CODE)
    origins = catalogue_queries.rows_of(Kind.ORIGIN)
    found = Rules(
        violations=frozenset(r.code for r in outcomes if r.body["public_result"] == "不合格"),
        talks=frozenset(r.code for r in origins if not r.body["is_inspection"]),
        ranking=tuple(rule.body["ranking"]),
        counts_as=tuple((one["kind"], one["as"]) for one in rule.body["counts_as"]),
        verified_by=catalogue.setting("verified-tasks", until_on),
    )
    return _scope(agency_id, from_on, until_on, found)


def _scope(agency_id: UUID, from_on: date, until_on: date, by: Rules) -> Scope:
    begins, cut = day_begins(from_on), after(until_on)
    scope = Scope(agency_id, from_on, until_on, begins, cut, late=[], rules=by)
    return replace(scope, late=publicity.late(scope))


def count_all(
    agency_id: UUID,
    from_on: date,
    until_on: date,
    *,
    at: datetime,
    counting: str | None = None,
    rounding: Rounding | None = None,
) -> Counts:
    """Count a period, both days included, as things stood at its end, beside the year before.

    `at` is when it is asked: of a cut-off still to come, what is known. Zero is reported. Raises
    PeriodReversed and CatalogueRowMissing.
    """
    scope = scope_of(agency_id, from_on, until_on, counting)
    earlier = _scope(agency_id, year_before(from_on), year_before(until_on), scope.rules)
    now, before = (quantities(COUNTERS.values(), one) for one in (scope, earlier))
    counted_lines = [
        Counted(one, now[code], before[code], change_percent(now[code], before[code]))
        for code, one in COUNTERS.items()
    ]
    shown = rounding or Rounding(catalogue.setting("rate-rounding", until_on))
    return Counts(
        from_on=from_on,
        until_on=until_on,
        counting=counting or DEFAULT_COUNTING,
        counted=counted_lines,
        rates=[RateLine(o, _share(o, now, shown), _share(o, before, shown)) for o in RATES],
        rounding=shown,
        days=case_days(scope, earlier),
        manual=counted(agency_id, from_on, until_on),
    )


def rows_behind(code: str, scope: Scope) -> sa.Select[Any]:
    """Return the selection behind a number. Raises CounterUnknown."""
    if code not in COUNTERS:
        raise CounterUnknown("没有这个统计项目。")
    return COUNTERS[code].rows(scope)


def quantities(counters: Iterable[Counter], scope: Scope) -> dict[str, Quantity]:
    """Return numbers of a period by their codes: those with one base are read in one go."""
    together: dict[Callable[[Scope], Rows], list[Counter]] = {}
    for one in counters:
        together.setdefault(one.base, []).append(one)
    found, given = {}, selections.given(scope)
    for members in together.values():
        (numbers,) = _reading(tuple(members), scope.rules).rows(**given)
        for one, number in zip(members, numbers, strict=True):
            whole = int(number or 0)
            found[one.code] = money(whole) if one.money else count_of(whole, one.unit)
    return found


@lru_cache(maxsize=512)
def _reading(members: tuple[Counter, ...], by: Rules) -> Prepared:
    """Return the statement of numbers with one base, made once; the scope is told when it runs."""
    scope = selections.asked_of_any(by)
    rows = members[0].base(scope)
    return Prepared(listing.numbers(rows, [one.measured(scope) for one in members]))


def _share(one: RateOf, found: Mapping[str, Quantity], shown: Rounding) -> Share:
    numerator, denominator = (int(found[code].number) for code in (one.numerator, one.denominator))
    if not denominator:
        return Share(numerator, denominator, None)
    percent = rules.percent(Fraction(numerator, denominator), shown)
    return Share(numerator, denominator, str(percent))


# --- 办案天数 ----------------------------------------------------------------------------------


def case_days(scope: Scope, earlier: Scope) -> list[Days]:
    """Return how long cases of the ordinary procedure took: 立案 to decision, and to closing.

    Each of the cases decided, or closed, in the days; the day of filing is not counted.
    """
    return [
        Days(code, name, counter, _span(_spans(end, scope)), _span(_spans(end, earlier)))
        for code, name, counter, end in (
            ("filing-to-decision", "立案至决定", "ordinary-decided", PenaltyCase.decided_on),
            ("filing-to-closing", "立案至结案", "ordinary-closed", PenaltyCase.closed_on),
        )
    ]


def _spans(end: Any, scope: Scope) -> list[int]:
    rows = _ends(end, scope.rules).rows(**selections.given(scope))
    return [(ended - filed).days for filed, ended in rows]


@lru_cache(maxsize=16)
def _ends(end: Any, by: Rules) -> Prepared:
    timed = penalties.timed(end, selections.asked_of_any(by))
    return Prepared(sa.select(PenaltyCase.filed_on, end).where(*timed))


def _span(spans: Sequence[int]) -> Span:
    if not spans:
        return Span(0, None, None)
    tenth = Decimal("0.1")
    mean = (Decimal(sum(spans)) / len(spans)).quantize(tenth, rounding=ROUND_HALF_UP)
    middle = Decimal(str(median(spans))).quantize(tenth, rounding=ROUND_HALF_UP)
    return Span(len(spans), mean, middle)
