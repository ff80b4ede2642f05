"""What a benchmark says: figures, ours beside a peer's, and how they are shown."""

import argparse
import json
import unicodedata
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any, Literal, TypedDict

Goal = Literal["at most", "at least", "below", "above"]


class Figure(TypedDict):
    """One line of the table; `ratio` is ours through theirs."""

    what: str
    unit: str
    ours: float
    peer: str | None
    theirs: float | None
    ratio: float | None
    target: str
    met: bool | None


class Report(TypedDict):
    """What one benchmark prints with --json."""

    name: str
    figures: list[Figure]


def figure(
    what: str,
    unit: str,
    ours: float,
    *,
    peer: str | None = None,
    theirs: float | None = None,
    target: tuple[Goal, float] | None = None,
    words: str = "",
) -> Figure:
    """Return a figure. `target` is of the ratio where a peer stands beside, else of our value.

    `words` say the target as people do; without any it is written out.
    """
    ratio = None if theirs is None else _short(ours / theirs)
    value = ours if ratio is None else ratio
    return {
        "what": what,
        "unit": unit,
        "ours": _short(ours),
        "peer": peer,
        "theirs": None if theirs is None else _short(theirs),
        "ratio": ratio,
        "target": words or _words(target, ratio is not None),
        "met": None if target is None else _is_met(value, *target),
    }


def _short(value: float) -> float:
    """Return a value with the digits that a measurement is worth."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))


def _words(target: tuple[Goal, float] | None, is_ratio: bool) -> str:
    if target is None:
        return ""
    return f"{target[0]} {target[1]:g}" + (" of the peer" if is_ratio else "")


def _is_met(value: float, goal: Goal, limit: float) -> bool:
    if goal == "at most":
        return value <= limit
    if goal == "below":
        return value < limit
    return value >= limit if goal == "at least" else value > limit


_SHAPE: dict[str, tuple[type, ...]] = {
    "what": (str,),
    "unit": (str,),
    "ours": (int, float),
    "peer": (str, NoneType),
    "theirs": (int, float, NoneType),
    "ratio": (int, float, NoneType),
    "target": (str,),
    "met": (bool, NoneType),
}


def figures_wrong(report: Any) -> str:
    """Return what is wrong with what a benchmark printed, nothing where it is a report."""
    if not isinstance(report, dict) or report.keys() != {"name", "figures"}:
        return "not exactly a name and figures"
    if not report["figures"]:
        return "no figures"
    for one in report["figures"]:
        if one.keys() != _SHAPE.keys():
            return f"not the keys of a figure: {sorted(one)}"
        for key, types in _SHAPE.items():
            if not isinstance(one[key], types):
                return f"{key} of {one['what']!r} is {one[key]!r}"
        if len({one[key] is None for key in ("peer", "theirs", "ratio")}) > 1:
            return f"{one['what']!r} names half a peer"
    return ""


# --- the table -----------------------------------------------------------------------------------

HEADINGS = ("", "ours", "beside", "theirs", "ratio", "target", "met")


def table(reports: Iterable[Report]) -> str:
    """Return every figure of every benchmark as one table for a terminal."""
    lines: list[tuple[str, ...]] = []
    for report in reports:
        lines.append((report["name"],))
        lines += [_line(one) for one in report["figures"]]
    rows = [HEADINGS, *lines]
    widths = [
        max((_width(row[column]) for row in rows if len(row) > 1), default=0)
        for column in range(len(HEADINGS))
    ]
    return "\n".join(_row(row, widths) for row in rows)


def summary(reports: Iterable[Report]) -> str:
    """Return in one sentence how many targets are met, and name those that are not."""
    judged = [
        (report["name"], one)
        for report in reports
        for one in report["figures"]
        if one["met"] is not None
    ]
    missed = [
        f"{name}: {one['what']} beside {one['peer']}" for name, one in judged if not one["met"]
    ]
    head = f"{len(judged) - len(missed)} of {len(judged)} targets met"
    return "\n  ".join([head + (", not:" if missed else ""), *missed])


def _line(one: Figure) -> tuple[str, ...]:
    theirs, ratio = one["theirs"], one["ratio"]
    return (
        f"  {one['what']}",
        f"{_number(one['ours'])} {one['unit']}".strip(),
        one["peer"] or "",
        "" if theirs is None else _number(theirs),
        "" if ratio is None else _number(ratio),
        one["target"],
        "" if one["met"] is None else "yes" if one["met"] else "NO",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _width(text: str) -> int:
    """Return how many columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    right = {1, 3, 4}
    cells = [
        " " * (width - _width(text)) + text
        if column in right
        else text + " " * (width - _width(text))
        for column, (text, width) in enumerate(zip(row, widths, strict=False))
    ]
    return "  ".join(cells).rstrip()


# --- the command line of a benchmark -------------------------------------------------------------


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    found = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    found.add_argument("--json", action="store_true", help="print figures as JSON")
    found.add_argument("--quick", action="store_true", help="smaller: does it still run?")
    return found


def show(report: Report, *, as_json: bool) -> None:
    """Print a report as JSON for run.py, or as a table for people."""
    print(json.dumps(report, ensure_ascii=False) if as_json else table([report]))
