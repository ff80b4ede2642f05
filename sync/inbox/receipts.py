"""Receipts: numbered, chained and signed in the closing step, in the commit of what they attest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any, cast

import sqlalchemy as sa

from app.access import Actor, ActorKind
from app.canonical import digest, instant
from app.db import insert_rows
from app.journal import service as journal
from app.journal.rules import Event
from app.journal.service import Numbered
from app.keys import Keys
from app.prepared import Prepared
from sync.devices.models import Device, DeviceChain
from sync.devices.queries import ChainSoFar, Sender
from sync.inbox.models import Receipt
from sync.inbox.queries import Attested
from sync.inbox.records import OperationSubject, Record
from sync.inbox.rules import Outcome
from sync.inbox.signing import begin_to_sign
from sync.wire import receipt_body

_EVENTS = {
    Outcome.APPLIED: Event.OPERATION_APPLIED,
    Outcome.MERGED: Event.OPERATION_MERGED,
    Outcome.CONFLICT: Event.OPERATION_CONFLICTED,
    Outcome.HELD: Event.OPERATION_HELD,
    Outcome.QUARANTINED: Event.OPERATION_QUARANTINED,
}


@dataclass
class Desk:
    """Where receipts are written: one device, its chain of receipts, the server's key."""

    device: Device | Sender
    by: Actor
    keys: Keys
    at: datetime
    receipt_seq: int
    receipt_hash: str
    chain: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    told: list[Record] = field(default_factory=list)
    expected: int = 0

    @staticmethod
    def of(
        device: Device | Sender, chain: DeviceChain | ChainSoFar, *, keys: Keys, at: datetime
    ) -> "Desk":
        """Return the desk of a device whose chain is locked."""
        by = Actor(
            ActorKind.DEVICE,
            device.id,
            device.agency_id,
            device.district,
            device_id=device.id,
        )
        return Desk(device, by, keys, at, chain.receipt_seq, chain.receipt_hash)

    def record(self, record: Record, *, by: Actor | None = None) -> None:
        """Let an operation's journal entry wait, and with it its receipt."""
        row, said, self.expected = record.row, dict(record.row), self.expected + 1
        subject = OperationSubject(record.id, self.device.agency_id, self.device.district)
        journal.record(
            _EVENTS[Outcome(row["outcome"])],
            subject,
            by=by or self.by,
            at=self.at,
            data={
                "op_hash": row["op_hash"],
                "type": row["type"],
                "entity_id": row["entity_id"],
                "officer_id": row["officer_id"],
                "reason": row["reason"],
            },
            stream=self.device.district,
            op_id=row["op_id"],
            numbered=lambda place: self._number(record, _as_said(said, row), place),
        )

    def _number(
        self, record: Record, row: Mapping[str, Any], place: Numbered
    ) -> Callable[[], None] | None:
        """Number and chain a receipt; the last lets all be signed, and returns their writing."""
        self.receipt_seq += 1
        body = receipt_body(
            {
                "op_id": row["claimed_op_id"],
                "device_id": self.device.id,
                "device_seq": None if record.pushed is None else record.pushed.device_seq,
                "op_hash": row["op_hash"],
                "status": str(row["outcome"]),
                "reason": row["reason"],
                "version": row["entity_version"],
                "stream": place.stream,
                "journal_seq": place.seq,
                "received_at": instant(self.at),
                "attachments_pending": record.attachments_pending,
                "receipt_seq": self.receipt_seq,
                "prev_receipt_hash": self.receipt_hash,
            },
            self.keys.receipt_key,
        )
        self.receipt_hash = digest(body)
        self.rows.append(
            {
                "device_id": self.device.id,
                "receipt_seq": self.receipt_seq,
                "operation_id": record.id,
                "body": body,
                "hash": self.receipt_hash,
            }
        )
        self.told.append(record)
        if len(self.rows) < self.expected:
            return None
        return partial(
            self._write,
            begin_to_sign(self.keys.receipt_key, [str(row["hash"]) for row in self.rows]),
        )

    def _write(self, signatures: Callable[[], list[str]]) -> None:
        for record, row, sig in zip(self.told, self.rows, signatures(), strict=True):
            row["sig"] = sig
            record.receipt = record.receipt or Attested(row["body"], sig)
        insert_rows(Receipt, self.rows)
        self.chain.update(receipt_seq=self.receipt_seq, receipt_hash=self.receipt_hash)
        _update_of(tuple(sorted(self.chain))).change(owner=self.device.id, **self.chain)


@cache
def _update_of(names: tuple[str, ...]) -> Prepared:
    """Return the statement that sets these columns of a device's chain."""
    table = DeviceChain.__table__
    return Prepared(
        sa.update(cast(sa.Table, table))
        .where(table.c.device_id == sa.bindparam("owner", type_=sa.Uuid()))
        .values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})
    )


def _as_said(said: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was decided then; only the version may have come later, by a flush."""
    if said["outcome"] != row["outcome"]:
        return said
    return {**said, "entity_version": row["entity_version"]}
