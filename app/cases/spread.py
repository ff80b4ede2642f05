"""How past decisions of like cases 同类案件 lie, and whether one stands outside 类案不同罚.

Everything is a whole number: fen, or hundredths of a multiple of the gains. An outlier is said to
the reviewer; nothing is decided by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What is compared: amounts in fen, or hundredths of the multiple of the gains."""

    AMOUNT = "amount"
    MULTIPLE = "multiple"


@dataclass(frozen=True)
class Spread:
    """Count, least, quartiles and most of some values, each a value that occurs."""

    count: int
    least: int
    lower: int
    median: int
    upper: int
    most: int


@dataclass(frozen=True)
class Fences:
    """Outside of these, both excluded, a value is an outlier."""

    low: int
    high: int


def spread_of(values: Sequence[int]) -> Spread | None:
    """Return how values lie; None for none. Quartiles are values by the nearest rank."""
    if not values:
        return None
    ordered = sorted(values)
    lower, median, upper = (_nearest(ordered, quarter) for quarter in (1, 2, 3))
    return Spread(len(ordered), ordered[0], lower, median, upper, ordered[-1])


def _nearest(ordered: Sequence[int], quarter: int) -> int:
    return ordered[-(-len(ordered) * quarter // 4) - 1]


def fences_of(spread: Spread | None, *, least: int, times: tuple[int, int]) -> Fences | None:
    """Return where outliers begin: so many times the distance of the quartiles from them.

    None while there are fewer than `least` cases to compare with.
    """
    if spread is None or spread.count < least:
        return None
    over, under = times
    reach = (spread.upper - spread.lower) * over // under
    return Fences(spread.lower - reach, spread.upper + reach)


def is_outlier(value: int, fences: Fences | None) -> bool:
    """Tell whether a value lies outside."""
    return fences is not None and not fences.low <= value <= fences.high


def measured(fine_fen: int, base_fen: int | None) -> int:
    """Return what is compared of a fine: its amount, or its multiple of the base in hundredths."""
    return fine_fen if base_fen is None else fine_fen * 100 // base_fen
