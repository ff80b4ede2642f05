"""When a job is due, and who may act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.days import SHANGHAI, day_begins, local_date

RUNS_KEPT = timedelta(days=30)
OVERDUE_AFTER = timedelta(minutes=10)


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Every:
    """Due at every whole multiple of `seconds` since the local day began."""

    seconds: int

    def last_due(self, at: datetime) -> datetime:
        begins = day_begins(local_date(at))
        passed = int((at - begins).total_seconds()) // self.seconds * self.seconds
        return begins + timedelta(seconds=passed)

    def next_due(self, at: datetime) -> datetime:
        due = self.last_due(at) + timedelta(seconds=self.seconds)
        return min(due, day_begins(local_date(at) + timedelta(days=1)))


@dataclass(frozen=True)
class Daily:
    """Due every local day at an hour and minute."""

    hour: int
    minute: int = 0

    def last_due(self, at: datetime) -> datetime:
        today = self._on(at)
        return today if today <= at else self._on(at - timedelta(days=1))

    def next_due(self, at: datetime) -> datetime:
        return self._on(self.last_due(at) + timedelta(days=1))

    def _on(self, at: datetime) -> datetime:
        begins = day_begins(at.astimezone(SHANGHAI).date())
        return begins + timedelta(hours=self.hour, minutes=self.minute)


When = Every | Daily


def is_overdue(when: When, last_done: datetime | None, at: datetime) -> bool:
    """Tell whether what was due ten minutes ago has not been done, nor anything due since.

    `last_done` is the newest instant for which the job was run to its end, or None.
    """
    return last_done is None or last_done < when.last_due(at - OVERDUE_AFTER)
