"""Working-day calendars from the package `holidays`: the only place that imports it.

The package knows the statutory holidays of years to come, but the make-up days (调休) only once the
State Council has published them. A year without them is refused, because every working-day
deadline in it would be a guess.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby

import holidays

_SATURDAY = 5
_FESTIVALS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")


class DayType(StrEnum):
    HOLIDAY_BREAK = "holiday-break"
    MAKE_UP_WORKDAY = "make-up-workday"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that breaks the Monday–Friday pattern or belongs to a holiday break.

    `name` is the break's (元旦 …) or 调休上班; `note` says which statutory
    or moved day it is.
    """

    day: date
    kind: DayType
    name: str
    note: str

    @property
    def is_working_day(self) -> bool:
        return self.kind is DayType.MAKE_UP_WORKDAY


class YearNotPublished(ValueError):
    """The make-up days of the year are not known, so no calendar can be made from the package."""


def seed_year(year: int) -> list[CalendarDay]:
    """Return a year's exceptional days in order of date.

    Raises YearNotPublished when the package has no make-up days of the year yet.
    """
    china = holidays.country_holidays("CN", years=year, language="zh_CN")
    make_up = {day for day in china.weekend_workdays if day.year == year}  # the set holds all years
    if not make_up:
        raise YearNotPublished(f"The make-up working days of {year} are not published.")
    found = [CalendarDay(day, DayType.MAKE_UP_WORKDAY, "调休上班", "") for day in make_up]
    free = {day: name for day, name in china.items() if day not in make_up}
    for is_free, run in groupby(_days(year), key=lambda d: d in free or _weekend(d, make_up)):
        days = list(run)
        if is_free and free.keys() & set(days):
            name = _break_name([free.get(day, "") for day in days])
            found += [
                CalendarDay(day, DayType.HOLIDAY_BREAK, name, free.get(day, "")) for day in days
            ]
    return sorted(found, key=lambda row: row.day)


def _days(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


def _weekend(day: date, make_up: set[date]) -> bool:
    return day.weekday() >= _SATURDAY and day not in make_up


def _break_name(names: list[str]) -> str:
    """Return the festivals of a break: 国庆节、中秋节 where two fall together."""
    words = {re.split("[（;；]", name)[0].strip() for name in names}
    return "、".join(festival for festival in _FESTIVALS if festival in words)
