"""Table of agendas: whose they are, and what their secret address is known by."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Entity, in_pairs


class Agenda(Entity, Base):
    """The feed of one officer or one team; of its address only the hash, as of any token.

    One a person and one a team: a new address replaces the old one. Without a hash it is revoked.
    """

    __tablename__ = "agenda"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"), unique=True)
    team: Mapped[str | None]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_kind: Mapped[str | None]
    revoked_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("issued", required=True),
        in_pairs("revoked"),
        sa.CheckConstraint("(officer_id IS NULL) <> (team IS NULL)", name="of_somebody"),
        sa.CheckConstraint("(token_hash IS NULL) = (revoked_at IS NOT NULL)", name="revoked"),
        sa.UniqueConstraint("agency_id", "team"),
        sa.Index("ix_agenda_agency_id_id", "agency_id", "id"),
    )
