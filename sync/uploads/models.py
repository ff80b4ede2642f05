"""Table of uploads: what is on its way, and the pieces that have arrived."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, id_column, one_of
from sync.uploads.rules import UploadState


class Upload(Base):
    """One file on its way: from a device, or a rescue file from a supervisor's account.

    `pieces` are `[offset, size, object]` of what lies in the storage, one behind the other, several
    of them in one object where it could be written on; `offset_bytes` is where the last one ends,
    and no change of the pieces leaves it as it was.
    `described` is `Upload-Metadata` as it came; `found_sha256` is the hash of bytes that were not
    what they were said to be. `lease` is who writes now, if that takes longer
    than a moment.
    """

    __tablename__ = "upload"

    id: Mapped[UUID] = id_column()
    device_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("device.id"))
    account_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"))
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    district: Mapped[str]
    sha256: Mapped[str]
    found_sha256: Mapped[str | None]
    size_bytes: Mapped[int]
    mime: Mapped[str | None]
    role: Mapped[str]
    op_id: Mapped[UUID | None]
    described: Mapped[str]
    state: Mapped[str] = mapped_column(default=UploadState.OPEN)
    offset_bytes: Mapped[int] = mapped_column(default=0)
    pieces: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    lease: Mapped[str | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        one_of("state", UploadState),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name="offset_inside"),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="open_or_ended"),
        sa.CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="lease_with_end"),
        sa.CheckConstraint("(device_id IS NULL) = (account_id IS NOT NULL)", name="one_sender"),
        sa.CheckConstraint("(role = 'rescue') = (account_id IS NOT NULL)", name="rescue_by_person"),
        sa.Index("ix_upload_account_id_sha256", "account_id", "sha256"),
        sa.Index("ix_upload_device_id_sha256", "device_id", "sha256"),
        sa.Index("ix_upload_device_id_created_at", "device_id", "created_at"),
        sa.Index("ix_upload_state_expires_at", "state", "expires_at"),
    )


@dataclass(slots=True)
class Underway:
    """An upload as a request read or changed it: its columns without a session behind them.

    Every piece of every photo is a request of its own; a row that the session watches costs it more
    than reading it.
    """

    id: UUID
    agency_id: UUID
    district: str
    sha256: str
    found_sha256: str | None
    size_bytes: int
    mime: str | None
    role: str
    op_id: UUID | None
    described: str
    state: str
    offset_bytes: int
    pieces: list[Any]
    expires_at: datetime
    ended_at: datetime | None
    lease_until: datetime | None

    @classmethod
    def of(cls, row: Upload) -> "Underway":
        """Return a row as it is now."""
        return cls(*(getattr(row, field.name) for field in fields(cls)))
