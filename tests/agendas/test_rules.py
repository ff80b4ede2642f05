"""Calendars as RFC 5545 wants them; icalendar, which nobody here wrote, reads them back."""

from datetime import UTC, date, datetime
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agendas.rules import Appointment, escape, fold, write_calendar

AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
VISIT = Appointment(
    uid="0193f5a0-0000-7000-8000-000000000001",
    sequence=3,
    on=date(2026, 12, 31),
    revised_at=AT,
    summary="联合检查：某某医院",
    location="长宁路1号",
    description="共 2 项任务：医疗卫生、公共场所",
    cancelled=False,
)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"))


def read(content: bytes) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(content)
    assert calendar.errors == []
    assert all(event.errors == [] for event in calendar.events)
    return calendar


def test_a_visit_takes_one_whole_day_and_says_when_it_was_changed() -> None:
    calendar = read(write_calendar("随查日程 安", [VISIT]))
    assert (calendar["VERSION"], calendar["X-WR-CALNAME"]) == ("2.0", "随查日程 安")
    (event,) = calendar.events
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (VISIT.uid, 3, "CONFIRMED")
    assert (event.start, event.end) == (date(2026, 12, 31), date(2027, 1, 1))
    stamps: list[Any] = [event["DTSTAMP"], event["LAST-MODIFIED"]]
    assert [one.dt for one in stamps] == [AT, AT]
    assert event["SUMMARY"] == "联合检查：某某医院"


def test_a_visit_that_was_taken_back_is_cancelled() -> None:
    gone = Appointment(**{**vars(VISIT), "cancelled": True})
    (event,) = read(write_calendar("", [gone])).events
    assert event["STATUS"] == "CANCELLED"


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=3))
def test_any_text_comes_back_as_it_went_and_no_line_is_too_long(
    texts: list[tuple[str, str, str]],
) -> None:
    events = [
        Appointment(str(place), 0, date(2026, 1, 1), AT, *own, cancelled=False)
        for place, own in enumerate(texts)
    ]
    content = write_calendar("随查日程", events)
    assert content.endswith(b"\r\n")
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    assert all(line.decode() for line in lines), "no character is cut"
    calendar = read(content)
    read_back = [(one["SUMMARY"], one["LOCATION"], one["DESCRIPTION"]) for one in calendar.events]
    assert read_back == texts


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("甲;乙,丙\\丁", "甲\\;乙\\,丙\\\\丁"),
        ("一\r\n二\r三\n四", "一\\n二\\n三\\n四"),
        ("\x00铃\x07声\x7f", "铃声"),
        ("END:VCALENDAR\r\nBEGIN:VEVENT", "END:VCALENDAR\\nBEGIN:VEVENT"),
    ],
)
def test_text_is_escaped(text: str, written: str) -> None:
    assert escape(text) == written


def test_a_line_is_folded_at_75_octets_between_characters() -> None:
    assert fold("a" * 75) == b"a" * 75 + b"\r\n"
    assert fold("a" * 76) == b"a" * 75 + b"\r\n a\r\n"
    assert fold("a" + "检" * 25) == ("a" + "检" * 24).encode() + b"\r\n " + "检".encode() + b"\r\n"
