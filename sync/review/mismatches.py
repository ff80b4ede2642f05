"""What the timetable puts on the review list: files that are not what they were said to be."""

from datetime import datetime

from app.db import db, transaction
from sync.devices.models import Device
from sync.inbox.items import blank_item, store_items
from sync.inbox.rules import ReviewKind
from sync.review import queries
from sync.review.rules import HASH_MISMATCH

BATCH = 200


def list_quarantined_files(*, at: datetime) -> str:
    """List files whose bytes have another hash; they lie apart, and stay whatever is decided."""
    count = 0
    while True:
        with transaction():
            found = queries.unlisted_files(BATCH)
            items = []
            for upload, operation in found:
                device = db.session.get_one(Device, upload.device_id)
                item = blank_item(device, queries.file_key(upload.id), ReviewKind.QUARANTINE, at=at)
                item |= {
                    "reason": HASH_MISMATCH,
                    "detail": {
                        "upload_id": str(upload.id),
                        "sha256": upload.sha256,
                        "found_sha256": upload.found_sha256,
                        "size_bytes": upload.size_bytes,
                    },
                }
                if operation is not None:
                    item |= {"operation_id": operation.id, "officer_id": operation.officer_id}
                items.append(item)
            store_items(items)
        count += len(found)
        if len(found) < BATCH:
            return f"{count} files listed"
