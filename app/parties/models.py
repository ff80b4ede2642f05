"""Tables of actors without code or name, and of what they were met in."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.parties.rules import ActorType, PartyState, Subject


class Party(Entity, Base):
    """Somebody who acted and of whom little is known 无证行医的人; never deleted.

    What was known first stays: identifying adds a name and a number, `alias`, `place` and
    `description` remain. Two rows of one person are merged, and either's history is the other's.
    The version guards the links.
    """

    __tablename__ = "party"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    type: Mapped[str]
    name: Mapped[str | None]
    alias: Mapped[str | None]
    place: Mapped[str | None]
    description: Mapped[str | None]
    id_hash: Mapped[str | None]
    id_tail: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=PartyState.UNKNOWN)
    merged_into_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("party.id"), index=True)
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]
    identified_at: Mapped[datetime | None]
    identified_by_kind: Mapped[str | None]
    identified_by_id: Mapped[UUID | None]
    merged_at: Mapped[datetime | None]
    merged_by_kind: Mapped[str | None]
    merged_by_id: Mapped[UUID | None]

    links: Mapped[list["PartyLink"]] = relationship(
        back_populates="party",
        order_by="(PartyLink.subject_type, PartyLink.subject_id)",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_party_agency_id_id", "agency_id", "id"),
        sa.Index("ix_party_agency_id_id_hash", "agency_id", "id_hash"),
        one_of("type", ActorType),
        one_of("state", PartyState),
        in_pairs("recorded", required=True),
        in_pairs("identified"),
        in_pairs("merged"),
        sa.CheckConstraint("(id_hash IS NULL) = (id_tail IS NULL)", name="number_whole"),
        sa.CheckConstraint("(state = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into"),
        sa.CheckConstraint(
            "name IS NOT NULL OR alias IS NOT NULL OR place IS NOT NULL"
            " OR description IS NOT NULL OR id_hash IS NOT NULL",
            name="says_something",
        ),
    )


class PartyLink(Base):
    """What an actor was met in: a unit, a visit, a case, a ban, a seizure."""

    __tablename__ = "party_link"

    party_id: Mapped[UUID] = mapped_column(sa.ForeignKey("party.id"), primary_key=True)
    subject_type: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    linked_at: Mapped[datetime]
    linked_by_kind: Mapped[str]
    linked_by_id: Mapped[UUID | None]

    party: Mapped[Party] = relationship(back_populates="links")

    __table_args__ = (
        one_of("subject_type", Subject),
        in_pairs("linked", required=True),
        sa.Index("ix_party_link_subject_id", "subject_id"),
    )
