"""Tables of uploads: what is on its way, and the pieces that have arrived."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, id_column, one_of
from sync.uploads.rules import UploadState


class Upload(Base):
    """One file on its way from a device. `offset_bytes` counts only what is durably stored."""

    __tablename__ = "upload"

    id: Mapped[UUID] = id_column()
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("device.id"), index=True)
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    district: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    mime: Mapped[str]
    role: Mapped[str]
    op_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default=UploadState.OPEN)
    offset_bytes: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    lease: Mapped[str | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        one_of("state", UploadState),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name="offset_inside"),
    )


class UploadPart(Base):
    """One stored piece: where it begins, how long it is, and its object in the storage."""

    __tablename__ = "upload_part"

    upload_id: Mapped[UUID] = mapped_column(sa.ForeignKey("upload.id"), primary_key=True)
    offset_bytes: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size_bytes: Mapped[int]
    key: Mapped[str]
