"""An agenda as iCalendar (RFC 5545), written here: days without hours, zones or repetitions.

That is a dozen lines an event, which a library would not make fewer; a library nobody here wrote
reads them back in the tests. The same events give the same bytes, so that their hash is an ETag.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

PRODUCT = "-//Suicha//随查//ZH"
LINE_BYTES = 75  # RFC 5545, 3.1: without the line break
PAST_DAYS, AHEAD_DAYS = 31, 400
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Appointment:
    """A day on which somebody goes to a unit.

    `sequence` rises with every change and `revised_at` says when the last one was made.
    """

    uid: str
    sequence: int
    on: date
    revised_at: datetime
    summary: str
    location: str
    description: str
    cancelled: bool


def span(on: date) -> tuple[date, date]:
    """Return the first and last day that an agenda holds on a day."""
    return on - timedelta(days=PAST_DAYS), on + timedelta(days=AHEAD_DAYS)


def write_calendar(name: str, appointments: Sequence[Appointment]) -> bytes:
    """Return the agenda as a text/calendar document, UTF-8, lines ended by CRLF."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"NAME:{escape(name)}",
        f"X-WR-CALNAME:{escape(name)}",
        "X-WR-TIMEZONE:Asia/Shanghai",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        *(line for one in appointments for line in _event(one)),
        "END:VCALENDAR",
    ]
    return b"".join(fold(line) for line in lines)


def _event(one: Appointment) -> Iterator[str]:
    stamp = _instant(one.revised_at)
    yield from (
        "BEGIN:VEVENT",
        f"UID:{one.uid}",
        f"DTSTAMP:{stamp}",
        f"LAST-MODIFIED:{stamp}",
        f"SEQUENCE:{one.sequence}",
        f"DTSTART;VALUE=DATE:{one.on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{one.on + timedelta(days=1):%Y%m%d}",  # the day after: not included
        f"SUMMARY:{escape(one.summary)}",
        f"LOCATION:{escape(one.location)}",
        f"DESCRIPTION:{escape(one.description)}",
        f"STATUS:{'CANCELLED' if one.cancelled else 'CONFIRMED'}",
        "TRANSP:TRANSPARENT",  # a visit takes a part of the day, nobody is busy all of it
        "CLASS:PRIVATE",
        "END:VEVENT",
    )


def escape(text: str) -> str:
    """Return text as a value of type TEXT: RFC 5545, 3.3.11; control characters are dropped."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = _CONTROL.sub("", lines).replace("\\", "\\\\")
    return clean.replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def fold(line: str) -> bytes:
    """Return a content line as bytes, folded: no piece above 75 octets, no character cut."""
    pieces, piece = [], b""
    for character in line:
        encoded = character.encode(errors="replace")
        if len(piece) + len(encoded) > LINE_BYTES:
            pieces.append(piece)
            piece = b" "
        piece += encoded
    return b"\r\n".join([*pieces, piece]) + b"\r\n"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
