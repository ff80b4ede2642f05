"""What tablets are told of the entries into their units.

A row is written by the timetable, apart from the tablets' pushes, and says up to which instant it
counts: it may lag, it is never wrong about what it says.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.access import Actor
from app.caps import queries, rules, service
from app.caps.models import UnitLedger
from app.days import local_date
from app.db import db
from app.journal import service as journal
from app.journal.rules import Event
from app.units.models import Unit

AT_ONCE = 100
MARGIN = timedelta(minutes=2)  # what was being written meanwhile may carry an earlier instant


def stale_units() -> Sequence[UUID]:
    """Return units on tablets where something took place that their ledger does not count yet."""
    return queries.stale_ledgers()


def count_ledgers(unit_ids: Collection[UUID], *, by: Actor, at: datetime) -> int:
    """Count the entries into units anew, as far back as any cap looks; return how many were.

    Flushes: the feed follows the versions that the database gives.
    """
    today = local_date(at)
    spans = [rules.span(cap.period, today) for cap in service.caps_on(today)]
    first = min((one[0] for one in spans), default=today)
    entries = service.ledgers_of(unit_ids, first, today)
    excepted = queries.approved_since(unit_ids, first)
    known = {one.unit_id: one for one in queries.ledgers_of(unit_ids)}
    for unit_id in sorted(unit_ids):
        ledger = known.get(unit_id) or _new_ledger(unit_id)
        ledger.counted_until, ledger.from_on = at - MARGIN, first
        ledger.entries = [rules.write_entry(one) for one in entries.get(unit_id, ())]
        ledger.exceptions = excepted.get(unit_id, [])
        db.session.flush()
        data: dict[str, Any] = {"unit_id": str(unit_id), "entries": len(ledger.entries)}
        journal.record(Event.UNIT_LEDGER_COUNTED, ledger, by=by, at=at, data=data)
    return len(unit_ids)


def _new_ledger(unit_id: UUID) -> UnitLedger:
    unit = db.session.get_one(Unit, unit_id)
    ledger = UnitLedger(
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit_id,
    )
    db.session.add(ledger)
    return ledger
