"""Raw batches: what arrived is stored as it came, before anything is decided about it."""

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.db import db, insert_unless, new_id
from sync.inbox import queries
from sync.inbox.models import InboxBatch


def packed(device_id: UUID, raw: bytes, *, at: datetime) -> Mapping[str, Any]:
    """Return a batch as it came, ready to be stored: hashed and packed before anybody waits."""
    return {
        "id": new_id(),
        "device_id": device_id,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "content": zlib.compress(raw, 1),
        "size_bytes": len(raw),
        "received_at": at,
    }


def store_batch(batch: Mapping[str, Any]) -> UUID:
    """Store a packed batch, once, and return its id.

    An entry of its own, committed before anything is decided: what arrived can be replayed.
    """
    if insert_unless(InboxBatch, batch, unique=("device_id", "sha256")):
        return cast(UUID, batch["id"])
    found = queries.find_batch(batch["device_id"], batch["sha256"])
    if found is None:
        raise RuntimeError("the batch that was just stored is not there")
    return found


def drop_content(before: datetime) -> int:
    """Drop the bytes of batches that came before an instant; return how many.

    The row stays: it says when which bytes came, and operations name it.
    """
    dropped = db.session.execute(
        sa.update(InboxBatch)
        .where(InboxBatch.received_at < before, InboxBatch.content != b"")
        .values(content=b"")
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", dropped).rowcount
