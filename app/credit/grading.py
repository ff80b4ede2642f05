"""Quantified grading 量化分级: from a score sheet to a grade, with the reasons.

标化分 = 实得分 / 应得分 × 100; what does not apply to a place (合理缺项) leaves the denominator.
Whole numbers only: scores in tenths of a point, standard scores in hundredths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.credit.terms import add_months

FULL = 10_000  # a standard score of 100, in hundredths


class Rounding(StrEnum):
    """How a standard score becomes the whole number that bands are stated in."""

    HALF_UP = "half-up"
    DOWN = "down"


class FirstTakes(StrEnum):
    """Which score makes the first grade, where several scorings are asked for."""

    MEAN = "mean"
    LAST = "last"
    LOWEST = "lowest"


class ScoringOutcome(StrEnum):
    """What a scoring came to."""

    GRADED = "graded"
    FIRST_OF_SEVERAL = "first-of-several"
    TOO_SOON = "too-soon"
    KEY_ITEM_FAILED = "key-item-failed"
    BELOW_BANDS = "below-bands"
    NO_LICENCE = "no-licence"
    NOTHING_DUE = "nothing-due"


@dataclass(frozen=True)
class SheetItem:
    """A line of a score sheet: what it is worth in tenths, and whether failing it fails all ※."""

    code: str
    tenths: int
    key: bool


@dataclass(frozen=True)
class Bands:
    """The least whole score of each grade, best first, and how scores are rounded."""

    floors: Sequence[tuple[str, int]]
    rounding: Rounding


@dataclass(frozen=True)
class Scored:
    """What a sheet came to; `hundredths` is None where nothing was due."""

    got_tenths: int
    due_tenths: int
    hundredths: int | None
    key_failed: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer: the item's code and a sentence."""

    item: str
    detail: str


@dataclass(frozen=True)
class FirstGrade:
    """What a first grade needs: how many scorings, so many months apart, and which counts."""

    scorings: int
    gap_months: int
    takes: FirstTakes


def score_faults(items: Sequence[SheetItem], scores: Mapping[str, int | None]) -> list[Fault]:
    """Return what keeps answers from being a whole sheet: unknown, missing, above the item's worth.

    A score is in tenths, None where the item does not apply. A key item may not be left out.
    """
    known = {item.code: item for item in items}
    found = [Fault(code, "评分表中没有这一项。") for code in sorted(scores) if code not in known]
    for item in items:
        if item.code not in scores:
            found.append(Fault(item.code, "这一项没有评分；不适用的请列为合理缺项。"))
            continue
        got = scores[item.code]
        if got is None and item.key:
            found.append(Fault(item.code, "关键项不能作为合理缺项。"))
        elif got is not None and not 0 <= got <= item.tenths:
            found.append(Fault(item.code, f"得分应在 0 到 {item.tenths / 10:g} 分之间。"))
    return found


def score(items: Sequence[SheetItem], scores: Mapping[str, int | None]) -> Scored:
    """Add a whole sheet up. A key item with less than its worth is failed, and with it the sheet:
    its standard score is 0."""
    counted = [(item, scores[item.code]) for item in items]
    due = sum(item.tenths for item, got in counted if got is not None)
    got = sum(one for _, one in counted if one is not None)
    failed = tuple(
        item.code for item, one in counted if item.key and one is not None and one < item.tenths
    )
    standard = 0 if failed else _divided(got * FULL, due) if due else None
    return Scored(got, due, standard, failed)


def _divided(number: int, by: int) -> int:
    """Return a quotient rounded half up."""
    return (2 * number + by) // (2 * by)


def whole(hundredths: int, rounding: Rounding) -> int:
    """Return a standard score as the whole number that bands are stated in."""
    return hundredths // 100 if rounding is Rounding.DOWN else _divided(hundredths, 100)


def banded(hundredths: int, bands: Bands) -> str | None:
    """Return the grade of a standard score, None below the last band (限期整改, 不予评级)."""
    rounded = whole(hundredths, bands.rounding)
    return next((grade for grade, floor in bands.floors if rounded >= floor), None)


def outcome_of(scored: Scored, bands: Bands, *, licensed: bool) -> ScoringOutcome:
    """Return what one scoring alone comes to."""
    if scored.hundredths is None:
        return ScoringOutcome.NOTHING_DUE
    if scored.key_failed:
        return ScoringOutcome.KEY_ITEM_FAILED
    if not licensed:
        return ScoringOutcome.NO_LICENCE
    if banded(scored.hundredths, bands) is None:
        return ScoringOutcome.BELOW_BANDS
    return ScoringOutcome.GRADED


def first_grade(
    earlier: Sequence[tuple[date, int]], scored_on: date, hundredths: int, rule: FirstGrade
) -> tuple[ScoringOutcome, int]:
    """Return whether a unit without grade gets its first one now, and by which score.

    `earlier` are the days and scores of its scorings so far that a grade could rest on. Those that
    lie less than `gap_months` before the next one do not count for the number that is needed.
    """
    apart: list[tuple[date, int]] = []
    for day, value in sorted([*earlier, (scored_on, hundredths)]):
        if not apart or add_months(apart[-1][0], rule.gap_months) <= day:
            apart.append((day, value))
    if apart[-1][0] != scored_on:
        return ScoringOutcome.TOO_SOON, hundredths
    if len(apart) < rule.scorings:
        return ScoringOutcome.FIRST_OF_SEVERAL, hundredths
    counted = [value for _, value in apart[-rule.scorings :]]
    by = {
        FirstTakes.MEAN: _divided(sum(counted), len(counted)),
        FirstTakes.LAST: hundredths,
        FirstTakes.LOWEST: min(counted),
    }
    return ScoringOutcome.GRADED, by[rule.takes]
