"""Reads of the inbox."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.db import db
from app.documents.models import NumberBlock
from app.people.models import Account, Officer
from app.people.rules import AccountState, OfficerState
from app.prepared import Prepared
from sync.devices.models import DeviceSession
from sync.devices.rules import SessionSpan
from sync.inbox.models import InboxBatch, Operation, OperationWait, Receipt, ReviewItem
from sync.inbox.rules import NOT_IN, NUMBERED, ReviewState

_DEVICE_ID: Any = sa.bindparam("device_id", type_=sa.Uuid())
_IDS: Any = sa.bindparam("ids", expanding=True)
_operation, _wait = Operation.__table__.c, OperationWait.__table__.c
_session = DeviceSession.__table__.c
_account, _officer = Account.__table__.c, Officer.__table__.c
_SITTINGS = Prepared(
    sa.select(
        _session.id,
        _session.officer_id,
        _session.opened_at,
        _session.until,
        _session.ended_at,
        _account.state,
        _officer.state,
    )
    .join_from(DeviceSession.__table__, Account.__table__, _account.id == _session.account_id)
    .join(Officer.__table__, _officer.id == _session.officer_id)
    .where(_session.device_id == _DEVICE_ID, _session.id.in_(_IDS))
)
_PARENTS = Prepared(
    sa.select(_operation.op_id, _operation.outcome, _operation.declined).where(
        _operation.device_id == _DEVICE_ID, _operation.op_id.in_(_IDS)
    )
)
_WAITS = Prepared(
    sa.select(_wait.operation_id).where(_wait.device_id == _DEVICE_ID).limit(sa.literal_column("1"))
)


@dataclass(frozen=True)
class Earlier:
    """What is remembered of an operation that came before."""

    id: UUID
    key: str
    op_id: UUID | None
    device_seq: int | None
    op_hash: str
    outcome: str
    declined: bool


_EARLIER = (
    Operation.id,
    Operation.key,
    Operation.op_id,
    Operation.device_seq,
    Operation.op_hash,
    Operation.outcome,
    Operation.declined,
)


def find_batch(device_id: UUID, sha256: str) -> UUID | None:
    """Return the id of a batch that was stored before."""
    return db.session.scalar(
        sa.select(InboxBatch.id).where(
            InboxBatch.device_id == device_id, InboxBatch.sha256 == sha256
        )
    )


@dataclass(frozen=True)
class Stored:
    """A batch as it came, compressed."""

    id: UUID
    device_id: UUID
    content: bytes


def stored_batches(
    after: UUID,
    limit: int,
    *,
    device_id: UUID | None,
    since: datetime | None,
    before: datetime | None,
) -> Sequence[Stored]:
    """Return batches whose bytes are still kept, in the order in which they came."""
    query = sa.select(InboxBatch.id, InboxBatch.device_id, InboxBatch.content).where(
        InboxBatch.id > after, InboxBatch.content != b""
    )
    if device_id is not None:
        query = query.where(InboxBatch.device_id == device_id)
    if since is not None:
        query = query.where(InboxBatch.received_at >= since)
    if before is not None:
        query = query.where(InboxBatch.received_at < before)
    return [Stored(*row) for row in db.session.execute(query.order_by(InboxBatch.id).limit(limit))]


def earlier(
    device_id: UUID, keys: Collection[str], op_ids: Collection[UUID], seqs: Collection[int]
) -> Sequence[Earlier]:
    """Return every operation of a device that has one of these ids or numbers, or holds no id and
    has one of these keys."""
    found = {}
    for named in (
        sa.and_(Operation.op_id.is_(None), Operation.key.in_(keys)),
        Operation.op_id.in_(op_ids),
        Operation.device_seq.in_(seqs),
    ):
        query = sa.select(*_EARLIER).where(Operation.device_id == device_id, named)
        for row in db.session.execute(query):
            found[row.id] = Earlier(*row)
    return list(found.values())


@dataclass(frozen=True)
class Sitting:
    """A session on a device, and whether its officer may still act."""

    officer_id: UUID
    span: SessionSpan
    allowed: bool


def sittings_of(device_id: UUID, session_ids: Collection[UUID]) -> dict[UUID, Sitting]:
    """Return sessions of a device by id."""
    rows = _SITTINGS.rows(device_id=device_id, ids=list(session_ids))
    return {
        row[0]: Sitting(
            officer_id=row[1],
            span=SessionSpan(row[2], row[3], row[4]),
            allowed=row[5] == AccountState.ACTIVE and row[6] == OfficerState.ACTIVE,
        )
        for row in rows
    }


def parents(device_id: UUID, op_ids: Collection[UUID]) -> dict[UUID, tuple[str, bool]]:
    """Return outcome and whether it was declined of each operation that came, by `op_id`."""
    rows = _PARENTS.rows(device_id=device_id, ids=list(op_ids))
    return {row[0]: (row[1], row[2]) for row in rows if row[0] is not None}


def has_waits(device_id: UUID) -> bool:
    """Tell whether anything is held for a parent on a device; almost never."""
    return bool(_WAITS.rows(device_id=device_id))


def held_for(device_id: UUID, op_id: UUID | None) -> Sequence[Operation]:
    """Return the operations of a device that wait for one of its operations."""
    return db.session.scalars(
        sa.select(Operation)
        .join(OperationWait, OperationWait.operation_id == Operation.id)
        .where(OperationWait.device_id == device_id, OperationWait.parent_op_id == op_id)
        .order_by(Operation.id)
    ).all()


def kept_for(reason: str, after: UUID, limit: int) -> Sequence[Operation]:
    """Return operations that wait for a person for a reason, in the order in which they came."""
    return db.session.scalars(
        sa.select(Operation)
        .join(ReviewItem, ReviewItem.operation_id == Operation.id)
        .where(
            ReviewItem.state == ReviewState.OPEN,
            ReviewItem.reason == reason,
            Operation.reason == reason,
            Operation.id > after,
        )
        .order_by(Operation.id)
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Attested:
    """A receipt as it is sent."""

    body: str
    sig: str


def refused_numbers(blocks: Sequence[NumberBlock]) -> dict[UUID, dict[int, str]]:
    """Return under which numbers of blocks papers came that did not come in, and how each stands.

    `declined` where a supervisor said so, else its outcome: it waits for one, or for a parent.
    """
    owned: dict[tuple[UUID | None, UUID | None, str], list[NumberBlock]] = {}
    for one in blocks:
        owned.setdefault((one.device_id, one.officer_id, one.series), []).append(one)
    rows = db.session.execute(
        sa.select(
            Operation.device_id,
            Operation.officer_id,
            Operation.op,
            Operation.outcome,
            Operation.declined,
        )
        .join(ReviewItem, ReviewItem.operation_id == Operation.id)
        .where(
            ReviewItem.agency_id.in_({one.agency_id for one in blocks}),
            Operation.device_id.in_({one.device_id for one in blocks if one.device_id}),
            Operation.type.in_(sorted(NUMBERED)),
            Operation.outcome.in_(sorted(NOT_IN)),
        )
        .order_by(Operation.id)
    )
    found: dict[UUID, dict[int, str]] = {}
    for device_id, officer_id, text, outcome, declined in rows:
        fields = orjson.loads(text)["fields"]
        series, serial = fields.get("series"), fields.get("serial")
        for block in owned.get((device_id, officer_id, str(series)), ()):
            if isinstance(serial, int) and block.first <= serial <= block.last:
                found.setdefault(block.id, {})[serial] = "declined" if declined else outcome
    return found


def first_receipts(operation_ids: Collection[UUID]) -> dict[UUID, Attested]:
    """Return the first receipt of each operation: the one that a repeat is answered with."""
    rows = db.session.execute(
        sa.select(Receipt.operation_id, Receipt.body, Receipt.sig)
        .where(Receipt.operation_id.in_(operation_ids))
        .order_by(Receipt.receipt_seq.desc())
    )
    return {row.operation_id: Attested(row.body, row.sig) for row in rows}


def receipts_after(device_id: UUID, after_seq: int, limit: int) -> Sequence[Receipt]:
    """Return a device's receipts above a number, in order."""
    return db.session.scalars(
        sa.select(Receipt)
        .where(Receipt.device_id == device_id, Receipt.receipt_seq > after_seq)
        .order_by(Receipt.receipt_seq)
        .limit(limit)
    ).all()


def pushed_within_a_day(device_id: UUID, at: datetime) -> int:
    """Return how many operations a device pushed in the last 24 hours."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(Operation)
            .where(Operation.device_id == device_id, Operation.received_at > at - timedelta(days=1))
        )
        or 0
    )
