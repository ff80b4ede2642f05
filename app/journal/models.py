"""Tables of the journal: append-only entries, the installation, and idempotency keys."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class JournalEntry(Base):
    """One thing done. Never updated, never deleted: triggers in both databases refuse it."""

    __tablename__ = "journal_entry"

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str]
    text: Mapped[str]
    event: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    agency_id: Mapped[UUID | None]
    subject_type: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    subject_version: Mapped[int | None]
    op_id: Mapped[UUID | None]

    __table_args__ = (sa.Index("ix_journal_entry_subject", "subject_id", "seq"),)


class Installation(Base):
    """This installation: one row, with the epoch that a restore changes."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[UUID]
    created_at: Mapped[datetime]
    demo: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)


class NumberFloor(Base):
    """Up to where a series of numbers may have been given out by a database that was lost.

    `hash` is what the number `last` stood for, where the next one has to name it.
    """

    __tablename__ = "number_floor"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
    hash: Mapped[str | None]


class IdempotencyKey(Base):
    """What a creating POST answered, so that the same request with the same key has one effect."""

    __tablename__ = "idempotency_key"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    body: Mapped[str | None]
