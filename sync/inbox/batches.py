"""Raw batches: what arrived is stored as it came, before anything is decided about it."""

import hashlib
import zlib
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from app.db import db, new_id
from sync.inbox import queries
from sync.inbox.models import InboxBatch


def store_batch(device_id: UUID, raw: bytes, *, at: datetime) -> UUID:
    """Store a batch as it came, once, and return its id.

    An entry of its own, committed before anything is decided: what arrived can be replayed.
    """
    digest = hashlib.sha256(raw).hexdigest()
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    db.session.execute(
        insert(InboxBatch)
        .on_conflict_do_nothing(index_elements=["device_id", "sha256"])
        .values(
            id=new_id(),
            device_id=device_id,
            sha256=digest,
            content=zlib.compress(raw, 1),
            size_bytes=len(raw),
            received_at=at,
        )
    )
    found = queries.find_batch(device_id, digest)
    if found is None:
        raise RuntimeError("the batch that was just stored is not there")
    return found
