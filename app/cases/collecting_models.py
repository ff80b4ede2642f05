"""Tables of the money of a case: what is due, paid, granted, paused, demanded and enforced."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.cases.collecting_rules import AlertKind, CeasingGround, CollectionState, ReliefKind
from app.cases.money import Part, PaymentMethod, SpotGround
from app.db import Base, Entity, id_column, in_pairs, one_of


class CaseCollection(Entity, Base):
    """The money that a decision imposed, from its service on. The version guards all below it.

    `fine_fen` and `confiscated_fen` are the decision's; what lateness adds is computed for a day
    and never written into them. Without `due_on` the calendar for it is missing (`due_reason`).
    """

    __tablename__ = "case_collection"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), unique=True)
    state: Mapped[str]
    fine_fen: Mapped[int]
    confiscated_fen: Mapped[int]
    served_on: Mapped[date]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    demanded_on: Mapped[date | None]
    demand_due_on: Mapped[date | None]
    demand_due_reason: Mapped[str | None]
    court_applied_on: Mapped[date | None]
    court_name: Mapped[str | None]
    concluded_on: Mapped[date | None]
    ceasing_ground: Mapped[str | None]
    note: Mapped[str | None]
    opened_at: Mapped[datetime]
    opened_by_kind: Mapped[str]
    opened_by_id: Mapped[UUID | None]

    payments: Mapped[list["CasePayment"]] = relationship(
        order_by="CasePayment.id", cascade="all, delete-orphan", lazy="selectin"
    )
    reliefs: Mapped[list["PaymentRelief"]] = relationship(
        order_by="PaymentRelief.id", cascade="all, delete-orphan", lazy="selectin"
    )
    alerts: Mapped[list["CollectionAlert"]] = relationship(
        order_by="CollectionAlert.noted_at", cascade="all, delete-orphan", lazy="selectin"
    )

    __table_args__ = (
        one_of("state", CollectionState),
        one_of("ceasing_ground", CeasingGround),
        in_pairs("opened", required=True),
        sa.CheckConstraint(
            "fine_fen >= 0 AND confiscated_fen >= 0 AND fine_fen + confiscated_fen > 0",
            name="money_there",
        ),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint("(state = 'open') = (concluded_on IS NULL)", name="concluded_when"),
        sa.CheckConstraint("(state = 'ceased') = (ceasing_ground IS NOT NULL)", name="ceased_why"),
        sa.CheckConstraint(
            "court_applied_on IS NULL OR demanded_on IS NOT NULL", name="demanded_first"
        ),
        sa.Index("ix_case_collection_agency_id_state", "agency_id", "state"),
    )


class CasePayment(Base):
    """Money that came in, under its receipt; a receipt counts once. What was taken on the spot is
    handed in to the agency and brought to the bank."""

    __tablename__ = "case_payment"

    id: Mapped[UUID] = id_column()
    collection_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_collection.id"))
    paid_on: Mapped[date]
    fine_fen: Mapped[int]
    surcharge_fen: Mapped[int]
    confiscated_fen: Mapped[int]
    method: Mapped[str]
    receipt_no: Mapped[str]
    spot_ground: Mapped[str | None]
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    hand_in_due_on: Mapped[date | None]
    handed_in_on: Mapped[date | None]
    banked_on: Mapped[date | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("method", PaymentMethod),
        one_of("spot_ground", SpotGround),
        in_pairs("recorded", required=True),
        sa.UniqueConstraint("collection_id", "receipt_no"),
        sa.CheckConstraint(
            "fine_fen >= 0 AND surcharge_fen >= 0 AND confiscated_fen >= 0"
            " AND fine_fen + surcharge_fen + confiscated_fen > 0",
            name="money_there",
        ),
        sa.CheckConstraint(
            "(method = 'on-the-spot') = (spot_ground IS NOT NULL AND officer_id IS NOT NULL)",
            name="spot_by_whom",
        ),
        sa.CheckConstraint("banked_on IS NULL OR handed_in_on IS NOT NULL", name="handed_first"),
    )


class PaymentRelief(Base):
    """A delay 延期 or instalments 分期 that the party applied for; another person decides."""

    __tablename__ = "payment_relief"

    id: Mapped[UUID] = id_column()
    collection_id: Mapped[UUID] = mapped_column(sa.ForeignKey("case_collection.id"), index=True)
    kind: Mapped[str]
    applied_on: Mapped[date]
    reason: Mapped[str]
    parts: Mapped[list[Any]]
    approved: Mapped[bool | None]
    answer: Mapped[str | None]
    asked_at: Mapped[datetime]
    asked_by_kind: Mapped[str]
    asked_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("kind", ReliefKind),
        in_pairs("asked", required=True),
        in_pairs("decided"),
        sa.CheckConstraint("(approved IS NULL) = (decided_at IS NULL)", name="decided_when"),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> asked_by_id", name="second_person"
        ),
    )

    @property
    def dated_parts(self) -> list[Part]:
        """Return the parts with their days, in order."""
        return [Part(date.fromisoformat(one["due_on"]), one["amount_fen"]) for one in self.parts]


class CollectionAlert(Base):
    """What the timetable warned of or flagged, once for each day that it is about."""

    __tablename__ = "collection_alert"

    collection_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("case_collection.id"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    about_on: Mapped[date] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime]

    __table_args__ = (one_of("kind", AlertKind),)
