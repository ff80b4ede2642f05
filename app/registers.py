"""Registers that come in as tables: what is asked of one row, and what is to become of it.

A row is judged before anything is written. `error` keeps it out, `warning` is shown beside it. The
same judgement is made again when the file is applied.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

SEPARATOR = "；"
SEPARATORS = frozenset("；;\n")  # what parts the values of one cell
_PARTED = re.compile(r"[；;\n]")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?\Z")


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Verdict(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is kept out or looked at twice; `column` is the header's, None for the row."""

    code: str
    detail: str
    column: str | None = None
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a file: its number there, its text by header, and what was wrong with its cells."""

    row_no: int
    values: Mapping[str, str]
    faults: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned(Generic[T]):
    """What is to become of a row; `after` is the whole new value, None where it is refused."""

    row_no: int
    key: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    changed: tuple[str, ...] = ()
    after: T | None = None

    def outcome(self) -> tuple[str, tuple[str, ...]]:
        """Return what has to be the same when the row is judged again."""
        return str(self.verdict), self.changed


class Unreadable(ValueError):
    """A cell that cannot be understood; the message is a Chinese sentence."""


def refused(row_no: int, key: str, reasons: Iterable[Reason]) -> Planned[T]:
    """Return a row that is kept out."""
    return Planned(row_no, key, Verdict.REFUSE, tuple(reasons))


def is_refused(reasons: Iterable[Reason]) -> bool:
    """Say whether one of the reasons is more than a warning."""
    return any(reason.severity is Severity.ERROR for reason in reasons)


def doubled(keys: Iterable[tuple[int, str]]) -> dict[int, list[int]]:
    """Return, for each row whose key other rows have too, the numbers of those rows.

    Which of them is right nobody can tell, so none of them is taken.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row_no, key in keys:
        if key:
            rows[key].append(row_no)
    return {
        row_no: [other for other in same if other != row_no]
        for same in rows.values()
        if len(same) > 1
        for row_no in same
    }


def names(row_nos: Sequence[int]) -> str:
    """Return row numbers as a person reads them; of many, the first few."""
    shown = "、".join(str(row_no) for row_no in row_nos[:5])
    return f"{shown} 等" if len(row_nos) > 5 else shown


def read_day(text: str) -> date | None:
    """Return the date of a cell, or None for an empty one. Raises Unreadable."""
    if not text:
        return None
    found = _DAY.match(text)
    if found is None:
        raise Unreadable(f"日期“{text[:20]}”无法识别，请写成 2026-11-21 的形式。")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise Unreadable(f"日期“{text[:20]}”不存在，请核对。") from error
    if not 1900 <= day.year <= 2199:
        raise Unreadable(f"日期“{text[:20]}”的年份不对，请核对。")
    return day


def split(text: str) -> list[str]:
    """Return the values of one cell, parted by semicolon or line; an empty cell has none."""
    return [part.strip() for part in _PARTED.split(text)] if text.strip() else []
