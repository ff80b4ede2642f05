"""Local days: the calendar of the law is Shanghai's, instants are kept in UTC."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST_DAY = date(1900, 1, 1)  # of those that can be asked for


def local_date(at: datetime) -> date:
    """Return the day in Shanghai on which the aware instant `at` falls."""
    return at.astimezone(SHANGHAI).date()


def day_begins(on: date) -> datetime:
    """Return the instant, in UTC, at which the local day `on` begins."""
    return datetime.combine(on, time(), SHANGHAI).astimezone(UTC)


def year_before(day: date) -> date:
    """Return the same day a year before; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
