"""When each job is due, in Shanghai's time."""

from collections.abc import Mapping

from scheduler.jobs import JOBS
from scheduler.rules import Daily, Every, When


def timetable(*, tick_s: int) -> Mapping[str, When]:
    """Return when every job is due; `tick_s` is how often due draws are looked for.

    Raises RuntimeError for a job without a time, or a time without a job.
    """
    times: dict[str, When] = {
        "run-due-draws": Every(seconds=tick_s),
        "form-joint-teams": Every(seconds=tick_s),
        "publish-due-results": Every(seconds=300),
        "supply-numbers": Every(seconds=300),
        "publish-journal-head": Daily(hour=0, minute=5),
        "inspect-pictures": Every(seconds=60),
        "check-integrity": Every(seconds=600),
        "count-unit-ledgers": Every(seconds=300),
        "forget-old-keys": Daily(hour=3, minute=30),
        "trim-feed": Daily(hour=0, minute=15),
        "end-visit-codes": Daily(hour=0, minute=20),
        "follow-publications": Every(seconds=300),
        "open-report-cards": Daily(hour=0, minute=45),
        "follow-orders": Daily(hour=0, minute=30),
        "watch-seizures": Every(seconds=1800),
        "follow-case-deadlines": Daily(hour=0, minute=40),
        "watch-services": Daily(hour=0, minute=40),
        "follow-licences": Daily(hour=0, minute=40),
        "follow-collections": Daily(hour=0, minute=40),
        "watch-complaints": Daily(hour=0, minute=40),
        "expire-uploads": Daily(hour=4),
        "list-quarantined-files": Every(seconds=300),
        "sweep-evidence": Daily(hour=4, minute=45),
        "list-missing-photos": Daily(hour=5),
        "drop-old-batches": Daily(hour=4, minute=30),
        "read-kept-forms": Daily(hour=4, minute=45),
    }
    if wrong := set(times) ^ set(JOBS):
        raise RuntimeError(f"a job without a time, or the other way: {sorted(wrong)}")
    return times
