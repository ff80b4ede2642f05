"""Operations as rows: what a line becomes, and what is written when its outcome changes."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from json import dumps
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import db, insert_rows, new_id
from app.errors import DomainError
from app.problems import document
from app.visits.contributing import LateContribution
from sync.devices.models import Device
from sync.devices.queries import Sender
from sync.inbox.forms import as_today
from sync.inbox.models import Operation, OperationWait
from sync.inbox.queries import Attested
from sync.inbox.rules import Outcome
from sync.operations import Operation as Pushed
from sync.operations import parse_line


@dataclass
class OperationSubject:
    """An operation as the journal names it; its row never changes version."""

    id: UUID
    agency_id: UUID
    district: str
    version: int = 1
    __tablename__: str = "operation"


@dataclass(eq=False)
class Record:
    """One operation being decided: its row-to-be, or the row that is there already.

    `late_for` is the task that was reassigned before it came; `receipt` the first that was written.
    """

    id: UUID
    pushed: Pushed | None
    row: dict[str, Any]
    new: bool = True
    detail: Mapping[str, Any] = field(default_factory=dict)
    entity: Any = None
    attachments_pending: int = 0
    late_for: UUID | None = None
    receipt: Attested | None = None


def line_key(line: bytes) -> str:
    """Return what makes a malformed line, sent again, a repeat."""
    return hashlib.sha256(line).hexdigest()


def readable(line: bytes) -> str:
    """Return a line as text that every database can hold; the batch keeps the bytes."""
    return line.decode().replace("\0", "\ufffd")


def new_record(
    batch_id: UUID,
    device: Device | Sender,
    key: str,
    pushed: Pushed | None,
    *,
    op: str,
    op_hash: str,
    at: datetime,
) -> Record:
    """Return the record of a line that came for the first time; `pushed` None for a malformed one.

    Its outcome is still to be decided.
    """
    record = Record(
        new_id(),
        pushed,
        {
            "batch_id": batch_id,
            "agency_id": device.agency_id,
            "device_id": device.id,
            "key": key,
            "op_id": None if pushed is None else pushed.op_id,
            "claimed_op_id": None if pushed is None else pushed.op_id,
            "device_seq": None if pushed is None else pushed.device_seq,
            "op_hash": op_hash,
            "op": op,
            "sig": None if pushed is None else pushed.sig,
            "type": None if pushed is None else pushed.type,
            "entity_id": None if pushed is None else pushed.entity_id,
            "officer_id": None if pushed is None else pushed.officer_id,
            "recorded_at": None if pushed is None else pushed.recorded_at,
            "received_at": at,
            "clock_suspect": False,
            "declined": False,
            "entity_version": None,
        },
    )
    record.row["id"] = record.id
    return record


def record_of(row: Operation) -> Record:
    """Return the record of an operation that is stored, to be decided again."""
    pushed = None
    if row.sig is not None:
        line = dumps({"op": row.op, "sig": row.sig}, ensure_ascii=False).encode()
        pushed = as_today(parse_line(line))
    names = [column.name for column in Operation.__table__.columns]
    return Record(row.id, pushed, {name: getattr(row, name) for name in names}, new=False)


def pushed_of(record: Record) -> Pushed:
    """Return what a record's operation says; a malformed line is never asked."""
    if record.pushed is None:
        raise RuntimeError("only an operation that was read can be carried out")
    return record.pushed


def update_operation(record: Record) -> None:
    """Write the new outcome of an operation that is stored already."""
    db.session.execute(
        sa.update(Operation)
        .where(Operation.id == record.id)
        .values(
            {
                name: record.row[name]
                for name in ("outcome", "reason", "problem", "entity_version", "declined")
            }
        )
        .execution_options(synchronize_session=False)
    )


def quarantine(record: Record, error: DomainError, *, declined: bool = False) -> None:
    """Let a record be kept and not done, with the problem that says why."""
    record.detail = {}
    record.late_for = error.extras.get("task_id") if isinstance(error, LateContribution) else None
    record.row.update(
        outcome=Outcome.QUARANTINED,
        reason=error.code,
        problem=dumps(document(error, instance=str(record.id)), ensure_ascii=False),
        entity_version=None,
        declined=declined,
    )


def store_operations(records: Sequence[Record]) -> None:
    """Write operations that came for the first time, in one statement."""
    insert_rows(Operation, [record.row for record in records])


def store_waits(device_id: UUID, waiting: Mapping[UUID, Iterable[Record]]) -> None:
    """Write for what each operation waits that this batch holds."""
    rows = [
        {"operation_id": record.id, "parent_op_id": parent, "device_id": device_id}
        for parent, records in waiting.items()
        for record in records
        if record.row["outcome"] == Outcome.HELD
    ]
    if rows:
        db.session.execute(sa.insert(OperationWait), rows)


def forget_waits(operation_ids: Sequence[UUID]) -> None:
    """Let operations wait for nothing any more."""
    db.session.execute(
        sa.delete(OperationWait).where(OperationWait.operation_id.in_(operation_ids))
    )
