"""A number with its unit: what reports count. Different units are never added together."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum

FEN_OF_WAN = 1_000_000  # 1 万元 in fen


class Unit(StrEnum):
    """The units in which an office reports; 户次 and 户 are as different as 人次 and 件."""

    VISITS = "户次"
    UNITS = "户"
    HOUSES = "家"
    PREMISES = "间"
    PREMISES_SEEN = "间次"
    ATTENDANCES = "人次"
    PERSONS = "人"
    PIECES = "件"
    COPIES = "份"
    ENTRIES = "条"
    ITEMS = "项"
    BOXES = "箱"
    KINDS = "种"
    TIMES = "次"
    ISSUES = "期"
    VIDEOS = "部"
    POINTS = "分"
    HOURS = "小时"
    DAYS = "天"
    PERCENT = "%"
    WAN = "万元"


class UnitsDiffer(ValueError):
    """Two numbers of different units were to be added or compared."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a unit. Money is kept in whole fen and shown in 万元; others are exact decimals.

    Raises ValueError for a negative number, and for a fraction of what only comes whole.
    """

    number: Decimal
    unit: Unit

    def __post_init__(self) -> None:
        if not self.number.is_finite() or self.number < 0:
            raise ValueError("A count is a number that is not negative.")
        if self.unit not in _FRACTIONS and self.number != self.number.to_integral_value():
            raise ValueError(f"{self.unit} only comes whole.")
        if self.unit is Unit.WAN and self.number * FEN_OF_WAN % 1:
            raise ValueError("Money comes in whole fen.")

    def __add__(self, other: "Quantity") -> "Quantity":
        """Add what has the same unit. Raises UnitsDiffer."""
        if self.unit is not other.unit:
            raise UnitsDiffer(f"{self.unit} and {other.unit} are not added together")
        return Quantity(self.number + other.number, self.unit)

    @property
    def fen(self) -> int:
        """Return an amount of money in fen. Raises UnitsDiffer for what is no money."""
        if self.unit is not Unit.WAN:
            raise UnitsDiffer(f"{self.unit} is no money")
        return int(self.number * FEN_OF_WAN)

    @property
    def text(self) -> str:
        """Return the number as a report prints it, without exponent and idle zeros."""
        text = format(self.number, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text


_FRACTIONS = frozenset({Unit.WAN, Unit.PERCENT, Unit.POINTS, Unit.HOURS, Unit.DAYS})


def count_of(number: int, unit: Unit) -> Quantity:
    """Return a whole number of a unit."""
    return Quantity(Decimal(number), unit)


def money(fen: int) -> Quantity:
    """Return an amount in 万元, exact to the fen (six decimals)."""
    return Quantity(Decimal(fen).scaleb(-6), Unit.WAN)


def read_quantity(number: str, unit: str) -> Quantity:
    """Return what a report prints as number and unit. Raises ValueError for what it cannot be."""
    try:
        return Quantity(Decimal(number), Unit(unit))
    except InvalidOperation as error:
        raise ValueError("This is no number.") from error


def change_percent(now: Quantity, before: Quantity) -> Decimal | None:
    """Return how much a number changed in per cent, half up to two decimals 同比.

    None where the earlier number is zero: nothing can be said then. Raises UnitsDiffer.
    """
    if now.unit is not before.unit:
        raise UnitsDiffer(f"{now.unit} and {before.unit} are not compared")
    if before.number == 0:
        return None
    change = (now.number - before.number) * 100 / before.number
    return change.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
