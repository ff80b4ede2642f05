"""What the timetable does about the money of cases."""

from collections import Counter
from datetime import datetime

import structlog

from app.access import TIMETABLE
from app.cases import collecting, collecting_queries, enforcing
from app.cases.models import PenaltyCase
from app.days import local_date
from app.db import db, transaction
from app.errors import DomainError

log = structlog.get_logger()


def follow_collections(*, at: datetime) -> str:
    """Open what served decisions imposed in money, warn before its terms end and flag after.

    Each case is its own transaction: one that cannot be followed stands in nobody's way.
    """
    done: Counter[str] = Counter()
    for case_id in collecting_queries.to_open(local_date(at)):
        with transaction():
            case = db.session.get_one(PenaltyCase, case_id, populate_existing=True)
            collecting.open_collection(case, by=TIMETABLE, at=at)
        done["opened"] += 1
    for collection_id in collecting_queries.to_follow():
        try:
            with transaction():
                alerts = enforcing.follow_collection(collection_id, by=TIMETABLE, at=at)
        except DomainError as error:
            log.warning("money not followed", collection=str(collection_id), problem=error.code)
            done["refused"] += 1
        else:
            done.update(str(one) for one in alerts)
    return ", ".join(f"{count} {step}" for step, count in sorted(done.items())) or "nothing due"
