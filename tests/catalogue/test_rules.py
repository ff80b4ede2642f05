"""Dated rows and deadlines, against the golden vectors of 2026."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.catalogue import calendars, rules, seeds
from app.catalogue.rules import DayKind, Term

DATA = Path(__file__).parents[1] / "data"


def table(name):
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


CALENDAR_ROWS = table("calendar_2026.tsv")
CALENDAR = rules.make_calendar(
    (date.fromisoformat(row["date"]), row["is_working_day"] == "yes") for row in CALENDAR_ROWS
)
CALENDAR_WITH_2021 = rules.make_calendar(  # one published case is of 2021
    [*CALENDAR.exceptions.items()]
    + [(row.day, row.is_working_day) for row in calendars.seed_year(2021)]
)
VECTORS = table("working_days.tsv")
OPEN = {"ERROR_calendar_2027_needed", "calendar_2027_needed"}


def expected(text):
    if text in OPEN:
        return rules.Deadline(None, "calendar-2027-missing")
    return rules.Deadline(date.fromisoformat(text))


@dataclass(frozen=True)
class Row:
    code: str
    effective_from: date
    effective_to: date | None = None


def test_a_row_holds_on_its_first_and_its_last_day():
    row = Row("a", date(2025, 9, 1), date(2026, 3, 31))
    days = [date(2025, 8, 31), date(2025, 9, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [rules.in_force([row], day) for day in days] == [[], [row], [row], []]


def test_a_law_replaced_on_a_day_changes_at_midnight():
    old = Row("infectious-fine", date(2013, 6, 29), date(2025, 8, 31))
    new = Row("infectious-fine", date(2025, 9, 1))
    assert rules.in_force([old, new], date(2025, 8, 20)) == [old]
    assert rules.in_force([old, new], date(2025, 9, 1)) == [new]
    assert rules.in_force([old, new], date(2013, 6, 28)) == []


def test_two_rows_of_one_code_on_one_day_are_found():
    open_end = Row("a", date(2025, 1, 1))
    assert rules.overlapping([open_end, Row("a", date(2026, 1, 1))]) == ["a"]
    first = Row("a", date(2025, 1, 1), date(2025, 12, 31))
    assert rules.overlapping([Row("a", date(2026, 1, 1)), first, Row("b", date(2025, 1, 1))]) == []
    touching = Row("a", date(2025, 1, 1), date(2026, 1, 1))
    assert rules.overlapping([touching, Row("a", date(2026, 1, 1))]) == ["a"]
    assert rules.overlapping([Row("c", date(2026, 1, 2), date(2026, 1, 1))]) == ["c"]
    assert rules.overlapping([Row("c", date(2026, 1, 1), date(2026, 1, 1))]) == [], "one day"


@pytest.mark.parametrize("row", CALENDAR_ROWS, ids=lambda r: r["date"])
def test_every_exceptional_day_of_2026_is_known(row):
    day = date.fromisoformat(row["date"])
    assert day.strftime("%a") == row["weekday"]
    assert CALENDAR.is_working_day(day) == (row["is_working_day"] == "yes")


def test_2026_has_248_working_days():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(CALENDAR.is_working_day(day) is True for day in days) == 248


def test_of_a_year_that_is_not_loaded_nothing_is_known():
    assert CALENDAR.is_working_day(date(2027, 1, 4)) is None
    assert CALENDAR.is_working_day(date(2025, 12, 31)) is None


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["vector_id"])
def test_every_golden_deadline_is_met(vector):
    start = date.fromisoformat(vector["start_date"])
    term = Term(int(vector["term_days"]), DayKind(vector["term_kind"]))
    assert rules.due(term, start, CALENDAR_WITH_2021) == expected(vector["due_date"])
    if moved := vector["due_if_moved_to_next_working_day"]:
        term = Term(term.days, term.kind, moved=True)
        assert rules.due(term, start, CALENDAR_WITH_2021) == expected(moved)


def test_half_of_the_golden_working_day_deadlines_differ_from_monday_to_friday():
    working = [v for v in VECTORS if v["due_by_monday_to_friday_only"]]
    plain = rules.Calendar(frozenset({2025, 2026, 2027}), {})
    for vector in working:
        term = Term(int(vector["term_days"]), DayKind.WORKING)
        naive = rules.due(term, date.fromisoformat(vector["start_date"]), plain)
        assert naive.due_on == date.fromisoformat(vector["due_by_monday_to_friday_only"])
    differing = [v for v in working if v["due_date"] != v["due_by_monday_to_friday_only"]]
    assert len(differing) > len(working) / 3


def test_a_natural_term_into_a_year_not_loaded_ends_on_its_day_unless_it_would_be_moved():
    term = Term(15, DayKind.NATURAL)
    assert rules.due(term, date(2026, 12, 20), CALENDAR) == rules.Deadline(date(2027, 1, 4))
    moved = rules.due(Term(15, DayKind.NATURAL, moved=True), date(2026, 12, 20), CALENDAR)
    assert moved == rules.Deadline(None, "calendar-2027-missing")


def test_a_deadline_before_the_first_loaded_year_is_open_too():
    answer = rules.due(Term(5, DayKind.WORKING), date(2025, 12, 25), CALENDAR)
    assert answer == rules.Deadline(None, "calendar-2025-missing")


def test_the_quarter_begins_with_its_first_working_day():
    assert rules.next_working_day(date(2026, 10, 1), CALENDAR).due_on == date(2026, 10, 8)
    assert rules.next_working_day(date(2026, 1, 1), CALENDAR).due_on == date(2026, 1, 4)
    assert rules.next_working_day(date(2026, 7, 1), CALENDAR).due_on == date(2026, 7, 1)


def test_a_term_of_no_days_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        rules.due(Term(0, DayKind.NATURAL), date(2026, 1, 1), CALENDAR)


def test_the_packaged_rows_are_fresh_on_every_reading():
    seeds.rows("specialties")[0]["name"] = "改"
    assert seeds.rows("specialties")[0]["name"] == "公共场所"
