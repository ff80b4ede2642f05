"""Tables of the inbox: batches as they came, operations with their outcome, receipts, and what
waits for a person.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.db import Base, id_column, in_pairs, one_of
from sync.inbox.rules import Outcome, ReviewKind, ReviewState


class InboxBatch(Base):
    """A batch as it arrived, zlib-compressed, stored before anything was decided about it.

    `content` is empty once its term has passed.
    """

    __tablename__ = "inbox_batch"

    id: Mapped[UUID] = id_column()
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"))
    sha256: Mapped[str]
    content: Mapped[bytes]
    size_bytes: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (sa.UniqueConstraint("device_id", "sha256"),)


class Operation(Base):
    """One pushed operation and what became of it; whatever it was, its text stays readable.

    `key` is what makes a repeat a repeat: the operation's hash, for a malformed line the line's.
    `op_id` and `device_seq` stand only where the operation holds them: not when it is malformed or
    reuses another's; `claimed_op_id` is what it says. An operation that holds its id is found by
    it, and only the others by their key: hashes in an index lie all over it. `op` is the signed
    text, of a malformed line the line itself. Never deleted; `outcome` and what follows it change
    when a parent arrives or a supervisor decides.
    """

    __tablename__ = "operation"

    id: Mapped[UUID] = id_column()
    batch_id: Mapped[UUID] = mapped_column(sa.ForeignKey("inbox_batch.id"))
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"))
    key: Mapped[str]
    op_id: Mapped[UUID | None]
    claimed_op_id: Mapped[UUID | None]
    device_seq: Mapped[int | None]
    op_hash: Mapped[str]
    op: Mapped[str]
    sig: Mapped[str | None]
    type: Mapped[str | None]
    entity_id: Mapped[UUID | None] = mapped_column(index=True)
    officer_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    clock_suspect: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str]
    reason: Mapped[str | None]
    problem: Mapped[str | None]
    entity_version: Mapped[int | None]
    declined: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        sa.Index(
            "uq_operation_device_id_key",
            "device_id",
            "key",
            unique=True,
            sqlite_where=sa.text("op_id IS NULL"),
            postgresql_where=sa.text("op_id IS NULL"),
        ),
        sa.UniqueConstraint("device_id", "op_id"),
        sa.UniqueConstraint("device_id", "device_seq"),
        one_of("outcome", Outcome),
    )


class OperationWait(Base):
    """A held operation and a parent that it waits for."""

    __tablename__ = "operation_wait"

    operation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("operation.id"), primary_key=True)
    parent_op_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), index=True)


class Receipt(Base):
    """A receipt as signed, chained per device; an operation's first one is what it is answered."""

    __tablename__ = "receipt"

    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), primary_key=True)
    receipt_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    operation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("operation.id"), index=True)
    body: Mapped[str]
    sig: Mapped[str]
    hash: Mapped[str]


class ReviewItem(Base):
    """Something that a supervisor has to look at; `key` keeps one matter one item.

    `task_id`: the task for which a contribution came too late. `shown_from`: a held operation has
    five days before anybody is asked. `detail` holds numbers and names of fields, never the
    operation's content. `decision_fields` are the values that a merge wrote. `version` rises
    with every change, so that two who decide notice.
    """

    __tablename__ = "review_item"

    id: Mapped[UUID] = id_column()
    version: Mapped[int] = mapped_column(server_default="1")
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    reason: Mapped[str]
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"))
    officer_id: Mapped[UUID | None]
    operation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("operation.id"))
    task_id: Mapped[UUID | None] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=ReviewState.OPEN)
    created_at: Mapped[datetime]
    shown_from: Mapped[datetime]
    decision: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decision_fields: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.Index("ix_review_item_agency_id_state_id", "agency_id", "state", "id"),
        one_of("kind", ReviewKind),
        one_of("state", ReviewState),
        in_pairs("decided"),
        sa.CheckConstraint(
            "(state = 'decided') = (decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (decision IS NULL)"
            " AND (decided_at IS NULL) = (decision_reason IS NULL)",
            name="decided_with_reason",
        ),
    )

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy's form
        return {"version_id_col": cls.version}
