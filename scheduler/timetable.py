"""When each job is due, in Shanghai's time."""

from collections.abc import Mapping

from scheduler.jobs import JOBS
from scheduler.rules import Daily, Every, When

TIMETABLE: Mapping[str, When] = {
    "run-due-draws": Every(seconds=30),
    "publish-due-results": Every(seconds=300),
    "publish-journal-head": Daily(hour=0, minute=5),
    "forget-old-keys": Daily(hour=3, minute=30),
    "trim-feed": Daily(hour=0, minute=15),
}
if set(TIMETABLE) != set(JOBS):
    raise RuntimeError(f"a job without a time, or the other way: {set(TIMETABLE) ^ set(JOBS)}")
