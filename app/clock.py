"""The one place that asks the time. Edges call `now()` once per entry and pass it on as `at`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.days import SHANGHAI as SHANGHAI
from app.days import local_date as local_date


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return _source()


def use(source: Callable[[], datetime] | None) -> None:
    """Take the time from `source`; None goes back to the system's clock. For tests and the demo."""
    global _source
    _source = source or _system


def monotonic() -> float:
    """Return seconds of a clock that only goes forward; for durations, never for records."""
    return time.monotonic()
