"""Calendars seeded from the package of public holidays."""

import csv
from datetime import date
from pathlib import Path

import pytest

from app.catalogue import calendars, rules
from app.catalogue.calendars import DayType

DATA = Path(__file__).parents[1] / "data"
with (DATA / "calendar_2026.tsv").open(encoding="utf-8", newline="") as lines:
    GOLDEN = list(csv.DictReader(lines, delimiter="\t"))


def test_the_seeded_year_2026_is_the_golden_one_day_by_day():
    seeded = [
        (row.day.isoformat(), row.kind.replace("-", "_"), row.is_working_day, row.note)
        for row in calendars.seed_year(2026)
    ]
    assert seeded == [
        (r["date"], r["kind"], r["is_working_day"] == "yes", r["statutory_or_moved_day"])
        for r in GOLDEN
    ]


def test_the_breaks_of_2026_have_the_names_of_their_festivals():
    names = {r.day.isoformat(): r.name for r in calendars.seed_year(2026)}
    for row in GOLDEN:
        assert names[row["date"]] == (row["break_name"] or "调休上班")


def test_a_break_of_two_festivals_has_both_names():
    october = [row for row in calendars.seed_year(2025) if row.day.month == 10]
    assert {row.name for row in october if row.kind is DayType.HOLIDAY_BREAK} == {"中秋节、国庆节"}
    assert [row.day.day for row in october] == [1, 2, 3, 4, 5, 6, 7, 8, 11]


def test_a_year_whose_make_up_days_are_not_published_is_refused():
    with pytest.raises(calendars.YearNotPublished, match="2027"):
        calendars.seed_year(2027)


def test_a_seeded_year_makes_a_calendar():
    days = [(row.day, row.is_working_day) for row in calendars.seed_year(2026)]
    calendar = rules.make_calendar(days)
    assert calendar.is_working_day(date(2026, 2, 14)) is True
    assert calendar.is_working_day(date(2026, 10, 8)) is True
    assert calendar.is_working_day(date(2026, 10, 7)) is False
