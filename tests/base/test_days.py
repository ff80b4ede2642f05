"""Local days."""

from datetime import UTC, date, datetime

from app.days import day_begins, local_date


def test_a_day_begins_at_four_in_the_afternoon_of_the_day_before_in_utc():
    assert day_begins(date(2026, 11, 21)) == datetime(2026, 11, 20, 16, tzinfo=UTC)


def test_the_last_moment_of_a_utc_afternoon_belongs_to_the_next_local_day():
    assert local_date(datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert local_date(datetime(2026, 11, 20, 16, tzinfo=UTC)) == date(2026, 11, 21)
