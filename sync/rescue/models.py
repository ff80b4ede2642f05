"""Table of rescue files: each kept whole in the storage, with what came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, id_column, in_pairs


class RescueFile(Base):
    """A file that a tablet exported because it could not sync; `device_id` None: nobody's we know.

    `broken` names the records that could not be read, `[number, reason]`, 0 for the file itself.
    """

    __tablename__ = "rescue_file"

    id: Mapped[UUID] = id_column()
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    device_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("device.id"))
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    received_at: Mapped[datetime]
    received_by_kind: Mapped[str]
    received_by_id: Mapped[UUID | None]
    operations: Mapped[int] = mapped_column(default=0)
    photos: Mapped[int] = mapped_column(default=0)
    broken: Mapped[list[Any]] = mapped_column(default=list)

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "sha256"),
        in_pairs("received", required=True),
    )
