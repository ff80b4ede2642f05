"""What a batch puts before a person: operations, clocks, gaps; and what leaves the list again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db, new_id
from sync.devices.models import Device
from sync.devices.queries import Sender
from sync.inbox import rules
from sync.inbox.chain import Chain
from sync.inbox.models import ReviewItem
from sync.inbox.records import Record
from sync.inbox.rules import Outcome, ReviewKind, ReviewState


def blank_item(
    device: Device | Sender, key: str, kind: ReviewKind, *, at: datetime
) -> dict[str, Any]:
    """Return an open item about a device, all columns named."""
    return {
        "id": new_id(),
        "version": 1,
        "agency_id": device.agency_id,
        "key": key,
        "kind": kind,
        "reason": "",
        "device_id": device.id,
        "officer_id": None,
        "operation_id": None,
        "task_id": None,
        "detail": {},
        "state": ReviewState.OPEN,
        "created_at": at,
        "shown_from": at,
    }


def operation_key(operation_id: UUID) -> str:
    """Return the key of the item of an operation."""
    return f"op:{operation_id}"


def item_of(record: Record, device: Device | Sender, *, at: datetime) -> dict[str, Any] | None:
    """Return the item of an operation, None where nobody has to look."""
    row = record.row
    kind = rules.review_kind(Outcome(row["outcome"]), row["reason"])
    if kind is None:
        return None
    item = blank_item(device, operation_key(record.id), kind, at=at) | {
        "reason": row["reason"],
        "officer_id": row["officer_id"],
        "operation_id": record.id,
        "task_id": record.late_for,
        "detail": dict(record.detail),
    }
    if kind is ReviewKind.HELD:
        item["shown_from"] = at + rules.HELD_PATIENCE
    return item


def items_of_chain(chain: Chain, device: Device | Sender, *, at: datetime) -> list[dict[str, Any]]:
    """Return what a tablet's chain shows: wrong clocks, broken links, gaps."""
    items = []
    for boot_id, operation_id in chain.clocks.items():
        items.append(
            blank_item(device, f"clock:{device.id}:{boot_id}", ReviewKind.CLOCK, at=at)
            | {"reason": "clock-suspect", "operation_id": operation_id}
        )
    for seq in chain.broken:
        items.append(
            blank_item(device, f"chain:{device.id}:{seq}", ReviewKind.GAP, at=at)
            | {"reason": "chain-broken", "detail": {"device_seq": seq}}
        )
    return [*items, *_settle_gaps(chain, device, at=at)]


def _settle_gaps(chain: Chain, device: Device | Sender, *, at: datetime) -> list[dict[str, Any]]:
    """Show each gap once; one that is filled, or has become smaller, ends by itself."""
    before = {f"gap:{device.id}:{a}-{b}" for a, b in chain.gaps_before}
    now = {f"gap:{device.id}:{a}-{b}": (a, b) for a, b in chain.progress.gaps}
    settle_items(sorted(before - now.keys()))
    return [
        blank_item(device, key, ReviewKind.GAP, at=at)
        | {"reason": "operations-missing", "detail": {"first": first, "last": last}}
        for key, (first, last) in now.items()
        if key not in before
    ]


def store_items(items: Sequence[Mapping[str, Any]]) -> None:
    """Put matters on the review list; one that had ended by itself is opened again."""
    if not items:
        return
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(ReviewItem)
    names = ("kind", "reason", "task_id", "detail", "shown_from")
    again = {name: statement.excluded[name] for name in names}
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={**again, "state": ReviewState.OPEN, "version": ReviewItem.version + 1},
            where=ReviewItem.state == ReviewState.SETTLED,
        ),
        list(items),
    )


def settle_items(keys: Sequence[str]) -> None:
    """Take matters off the review list that have ended by themselves."""
    if keys:
        db.session.execute(
            sa.update(ReviewItem)
            .where(ReviewItem.key.in_(keys), ReviewItem.state == ReviewState.OPEN)
            .values(state=ReviewState.SETTLED, version=ReviewItem.version + 1)
            .execution_options(synchronize_session=False)
        )
