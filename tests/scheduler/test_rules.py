"""When a job is due."""

from datetime import UTC, datetime, timedelta

from scheduler.jobs import JOBS
from scheduler.rules import Daily, Every, is_overdue
from scheduler.timetable import timetable

MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)  # begin of 2026-11-21 in Shanghai


def test_every_is_due_at_whole_multiples_since_the_local_midnight() -> None:
    every = Every(seconds=40)
    at = MIDNIGHT + timedelta(seconds=95)
    assert every.last_due(at) == MIDNIGHT + timedelta(seconds=80)
    assert every.next_due(at) == MIDNIGHT + timedelta(seconds=120)
    assert every.last_due(MIDNIGHT) == MIDNIGHT


def test_every_begins_anew_at_midnight_so_that_due_instants_are_the_same_for_all() -> None:
    every = Every(seconds=50_000)
    assert every.next_due(MIDNIGHT + timedelta(seconds=60_000)) == MIDNIGHT + timedelta(days=1)


def test_daily_is_due_at_its_hour_in_shanghai() -> None:
    daily = Daily(hour=3, minute=30)
    due = MIDNIGHT + timedelta(hours=3, minutes=30)
    assert daily.last_due(due) == due
    assert daily.last_due(due - timedelta(seconds=1)) == due - timedelta(days=1)
    assert daily.next_due(due) == due + timedelta(days=1)
    assert daily.next_due(due - timedelta(seconds=1)) == due


def test_every_job_has_its_time() -> None:
    assert set(timetable(tick_s=30)) == set(JOBS)


def test_a_job_is_overdue_when_what_was_due_ten_minutes_ago_was_not_done() -> None:
    daily = Daily(hour=3)
    due = MIDNIGHT + timedelta(hours=3)
    assert is_overdue(daily, None, due)
    assert not is_overdue(daily, due - timedelta(days=1), due + timedelta(minutes=9))
    assert is_overdue(daily, due - timedelta(days=1), due + timedelta(minutes=10))
    assert not is_overdue(daily, due, due + timedelta(hours=23))
    often = Every(seconds=30)
    assert not is_overdue(often, due, due + timedelta(minutes=10))
    assert is_overdue(often, due, due + timedelta(minutes=11))
