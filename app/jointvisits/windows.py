"""Days of a plan: its working days are numbered, and each task has the numbers that fit it."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

from app.catalogue.rules import Calendar
from app.jointvisits.rules import Window


class YearMissing(Exception):
    """The calendar of this year is not loaded, so that nobody knows its working days."""

    def __init__(self, year: int) -> None:
        super().__init__(str(year))
        self.year = year


def working_days(first: date, last: date, calendar: Calendar) -> list[date]:
    """Return the working days of a period, both ends included. Raises YearMissing."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        worked = calendar.is_working_day(day)
        if worked is None:
            raise YearMissing(day.year)
        if worked:
            found.append(day)
    return found


def window_of(
    days: Sequence[date],
    due_on: date | None,
    *,
    overdue_days: int,
    from_on: date | None = None,
) -> Window | None:
    """Return the numbers of the days on which a task can be done; `days` is not empty.

    One that is due after the period, or never, may take all of them to the end. One whose last day
    is over before they begin, or that has no working day of its own among them, cannot be on time
    any more: it gets the first `overdue_days` there are for it. None for a task whose first day
    `from_on` comes after all of them.
    """
    first = 0 if from_on is None else bisect_left(days, from_on)
    if first == len(days):
        return None
    last = len(days) - 1 if due_on is None else bisect_right(days, due_on) - 1
    if last < first:
        last = min(first + overdue_days, len(days)) - 1
    return Window(first, last)


def number_of(days: Sequence[date], day: date) -> int | None:
    """Return the number of a day, None for one that is not among them."""
    place = bisect_left(days, day)
    return place if place < len(days) and days[place] == day else None
