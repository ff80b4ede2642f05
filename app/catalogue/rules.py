"""Which row holds on a day, and when a term ends.

Dates are local (Asia/Shanghai). Law lives in dated rows; here is only how rows and terms are read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Any, Protocol, TypeVar

_SATURDAY = 5


class Dated(Protocol):
    """A row that holds from `effective_from` to `effective_to`, both included; None: no end."""

    @property
    def code(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


D = TypeVar("D", bound=Dated)


def holds_on(effective_from: date, effective_to: date | None, on: date) -> bool:
    """Say whether a row with these dates, both included, holds on a day."""
    return effective_from <= on and (effective_to is None or on <= effective_to)


def in_force(rows: Iterable[D], on: date) -> list[D]:
    """Return the rows that hold on a day, in the order given."""
    return [row for row in rows if holds_on(row.effective_from, row.effective_to, on)]


def overlapping(rows: Iterable[Dated]) -> list[str]:
    """Return the codes of which two rows would hold on one day, or a row ends before it begins."""
    ordered = sorted(rows, key=lambda row: (row.code, row.effective_from))
    found = []
    for code, group in groupby(ordered, key=lambda row: row.code):
        same = list(group)
        backwards = any(
            r.effective_to is not None and r.effective_to < r.effective_from for r in same
        )
        meets = any(
            earlier.effective_to is None or earlier.effective_to >= later.effective_from
            for earlier, later in pairwise(same)
        )
        if backwards or meets:
            found.append(code)
    return found


# --- working days ---


@dataclass(frozen=True, slots=True)
class Calendar:
    """The loaded years and the days in them that break the Monday–Friday pattern.

    `exceptions` says of such a day whether it is worked. Nothing is known of other years.
    """

    years: frozenset[int]
    exceptions: Mapping[date, bool]

    def is_working_day(self, day: date) -> bool | None:
        """Say whether a day is worked; None when its year is not loaded."""
        if day.year not in self.years:
            return None
        return self.exceptions.get(day, day.weekday() < _SATURDAY)


def make_calendar(days: Iterable[tuple[date, bool]]) -> Calendar:
    """Build a calendar from (day, is it worked); each year that occurs counts as loaded."""
    exceptions = dict(days)
    return Calendar(frozenset(day.year for day in exceptions), exceptions)


class DayKind(StrEnum):
    WORKING = "working"
    NATURAL = "natural"


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the law: so many working or natural days, day 1 being the day after the event.

    `moved` says that an end on a free day moves to the next working day; by default it does not.
    """

    days: int
    kind: DayKind
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a term ends, or why that cannot be said yet (`calendar-2027-missing`)."""

    due_on: date | None
    reason: str | None = None


def due(term: Term, event_on: date, calendar: Calendar) -> Deadline:
    """Return the last day of a term that an event on `event_on` starts.

    A term that needs a year that is not loaded stays open with its reason: nothing is guessed, and
    it is computed again when the year is loaded. Raises ValueError for a term below one day.
    """
    if term.days < 1:
        raise ValueError("A term has at least one day.")
    if term.kind is DayKind.WORKING:
        return _nth_working_day(event_on, term.days, calendar)
    last = event_on + timedelta(days=term.days)
    return next_working_day(last, calendar) if term.moved else Deadline(last)


def next_working_day(day: date, calendar: Calendar) -> Deadline:
    """Return `day` if it is worked, else the first working day after it; open like `due`."""
    return _nth_working_day(day - timedelta(days=1), 1, calendar)


def _nth_working_day(after: date, count: int, calendar: Calendar) -> Deadline:
    day = after
    while count:
        day += timedelta(days=1)
        worked = calendar.is_working_day(day)
        if worked is None:
            return Deadline(None, f"calendar-{day.year}-missing")
        count -= worked
    return Deadline(day)


# --- checklists ---


def wrong_checklist(body: Mapping[str, Any], items: Collection[str], before: int) -> list[str]:
    """Return the members that keep a row from being the next version of a checklist.

    Its `form_version` is above the one `before`, and its sections name check items, `items`.
    """
    checks = {
        "form_version": _is_version(body.get("form_version"), above=before),
        "sections": isinstance(body.get("sections"), list)
        and all(_is_section(one, items) for one in body["sections"]),
    }
    return sorted(name for name, right in checks.items() if not right)


def wrong_migration(code: str, body: Mapping[str, Any], items: Collection[str]) -> list[str]:
    """Return the members that keep a row from leading one version of a checklist to a later one.

    Its code is `<checklist>-<from>-<to>`. `items` of the body say of each item that changed its
    code what it `becomes`: one other, several parts, or nothing; all are check items.
    """
    first, last = body.get("from_version"), body.get("to_version")
    checks = {
        "name": _is_text(body.get("name")),
        "checklist": _is_text(body.get("checklist"))
        and code == f"{body['checklist']}-{first}-{last}",
        "from_version": _is_version(first),
        "to_version": _is_version(last, above=first if _is_version(first) else 0),
        "items": isinstance(body.get("items"), list)
        and all(_is_mapped(one, items) for one in body["items"]),
    }
    return sorted(name for name, right in checks.items() if not right)


COMPLAINT_STEPS = frozenset({"acceptance", "assignment", "reply"})
_TERM_MOST = 3650


SETTING_CHOICES: Mapping[str, Sequence[str]] = {
    "cap-period": ("calendar-year", "rolling-year"),
    "draw-coordination": ("shared", "independent"),
    "publicity-transition": ("decided-rules", "new-rules", "shorter"),
    "rate-rounding": ("half-up-2dp", "half-up-1dp", "truncated-1dp", "half-up-0dp"),
    "verified-tasks": ("outcome", "case"),
}


def wrong_setting(code: str, body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from being a setting: a word that nothing here knows."""
    known = SETTING_CHOICES.get(code)
    return [] if known is None or body.get("value") in known else ["value"]


def wrong_step(code: str, body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from being the term of a step of a complaint."""
    checks = {
        "code": code in COMPLAINT_STEPS,
        "days": _is_version(body.get("days")) and body["days"] <= _TERM_MOST,
        "day_kind": body.get("day_kind") in frozenset(DayKind),
        "from": body.get("from") in {"received", "accepted"},
        "warn_days": _is_version(body.get("warn_days"), above=-1)
        and body["warn_days"] <= _TERM_MOST,
    }
    return sorted(name for name, right in checks.items() if not right)


HANDLINGS = frozenset(
    {"nothing", "opinion", "order", "on-site-decision", "lead", "transfer", "points"}
)


def wrong_handling(body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from saying what words for a handling mean."""
    checks = {
        "name": _is_text(body.get("name")),
        "way": body.get("way") in HANDLINGS,
        "also": isinstance(body.get("also"), list) and all(_is_text(one) for one in body["also"]),
    }
    return sorted(name for name, right in checks.items() if not right)


def wrong_practice(body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from naming an illegal practice.

    After `crime_after` penalties for its `causes` a further act may be a crime; 0: never.
    """
    checks = {
        "name": _is_text(body.get("name")),
        "crime_after": _is_version(body.get("crime_after"), above=-1),
        "causes": isinstance(body.get("causes"), list)
        and all(_is_text(one) for one in body["causes"]),
    }
    return sorted(name for name, right in checks.items() if not right)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_version(value: Any, *, above: Any = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > above


def _are_items(value: Any, items: Collection[str]) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one in items for one in value)


def _is_section(value: Any, items: Collection[str]) -> bool:
    return (
        isinstance(value, dict)
        and _is_text(value.get("title"))
        and _are_items(value.get("items"), items)
    )


def _is_mapped(value: Any, items: Collection[str]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"item", "becomes"}
        and _are_items([value["item"]], items)
        and _are_items(value["becomes"], items)
    )
