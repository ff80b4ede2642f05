"""What the timetable puts on the review list: photos that were promised and stayed away."""

from datetime import datetime
from uuid import UUID

from app.db import db, transaction
from app.evidence import queries as evidence_queries
from app.evidence.rules import EvidenceState
from sync.devices.models import Device
from sync.inbox.items import blank_item, settle_items, store_items
from sync.inbox.rules import HELD_PATIENCE, ReviewKind
from sync.review import queries

BATCH = 200
MISSING = "photo-missing"


def list_missing_photos(*, at: datetime) -> str:
    """List photos that are awaited for five days; those that came leave the list by themselves."""
    return f"{_list(at)} photos missing, {_settle()} arrived"


def _list(at: datetime) -> int:
    count = 0
    while True:
        with transaction():
            found = queries.absent_photos(at - HELD_PATIENCE, BATCH)
            items = []
            for absent in found:
                device = db.session.get_one(Device, absent.device_id)
                key = f"photo:{absent.sha256}:{absent.op_hash}"
                items.append(
                    blank_item(device, key, ReviewKind.PHOTOS, at=at)
                    | {
                        "reason": MISSING,
                        "officer_id": absent.officer_id,
                        "operation_id": absent.operation_id,
                        "detail": {"sha256": absent.sha256},
                    }
                )
            store_items(items)
        count += len(found)
        if len(found) < BATCH:
            return count


def _settle() -> int:
    count, after = 0, UUID(int=0)
    while True:
        with transaction():
            found = queries.open_photos(after, BATCH)
            arrived = []
            for item in found:
                evidence = evidence_queries.find_evidence(item.agency_id, item.detail["sha256"])
                if evidence is None or evidence.state != EvidenceState.AWAITED:
                    arrived.append(item.key)
            settle_items(arrived)
        count += len(arrived)
        if len(found) < BATCH:
            return count
        after = found[-1].id
