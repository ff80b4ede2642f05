"""Tables of visit codes: who comes, for what and when; ratings and objections of units."""

from datetime import date, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.codes.rules import CodeKind, CodeState, ObjectionState
from app.db import Base, Entity, in_pairs, one_of


class VisitCode(Entity, Base):
    """A code for one entry into one unit: its tasks, its officers, its days.

    `afterwards`: a triggered visit began without a network, and the code was made for it later.
    `ended_on`: the day on which one without a task, which nobody used, left the tablets.
    """

    __tablename__ = "visit_code"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    short: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    beyond_caps: Mapped[list[str]]
    afterwards: Mapped[bool] = mapped_column(default=False)
    requested_at: Mapped[datetime]
    requested_by_kind: Mapped[str]
    requested_by_id: Mapped[UUID | None]
    ended_on: Mapped[date | None]
    revoked_reason: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_kind: Mapped[str | None]
    revoked_by_id: Mapped[UUID | None]

    tasks: Mapped[list["VisitCodeTask"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="VisitCodeTask.task_id"
    )
    officers: Mapped[list["VisitCodeOfficer"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="VisitCodeOfficer.officer_id"
    )

    partners: Mapped[list["VisitCodePartner"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="VisitCodePartner.partner_id"
    )

    __table_args__ = (
        one_of("kind", CodeKind),
        one_of("state", CodeState),
        in_pairs("requested", required=True),
        in_pairs("revoked"),
        sa.CheckConstraint("valid_from < valid_until", name="days_in_order"),
        sa.CheckConstraint("kind = 'planned' OR reason IS NOT NULL", name="triggered_has_reason"),
        sa.CheckConstraint(
            "(state = 'revoked') = (revoked_at IS NOT NULL AND revoked_reason IS NOT NULL)",
            name="revoked_with_reason",
        ),
        sa.Index("ix_visit_code_agency_id_id", "agency_id", "id"),
        sa.Index("ix_visit_code_unit_id", "unit_id"),
        sa.Index(
            "ix_visit_code_unended",
            "valid_until",
            sqlite_where=sa.text("kind = 'triggered' AND ended_on IS NULL"),
            postgresql_where=sa.text("kind = 'triggered' AND ended_on IS NULL"),
        ),
    )


class VisitCodeTask(Base):
    """A task that the entry is for, and the visit that it had when the code was issued."""

    __tablename__ = "visit_code_task"

    code_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit_code.id"), primary_key=True)
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), primary_key=True, index=True)
    visit_id: Mapped[UUID] = mapped_column(index=True)


class VisitCodeOfficer(Base):
    """An officer who comes."""

    __tablename__ = "visit_code_officer"

    code_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit_code.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("officer.id"), primary_key=True, index=True
    )


class VisitCodePartner(Base):
    """An officer of a partner department who comes along."""

    __tablename__ = "visit_code_partner"

    code_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit_code.id"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("partner_officer.id"), primary_key=True, index=True
    )


class VisitRating(Base):
    """What a unit thinks of a visit: one a code. Nobody reads one before five are shown together.

    Its id is chance alone: one that grows with time would tell which visit it is of. `shown_on` is
    the same for all that came to be shown together.
    """

    __tablename__ = "visit_rating"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit_code.id"), unique=True)
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    score: Mapped[int]
    comment: Mapped[str | None]
    nonce: Mapped[bytes]
    shown_on: Mapped[date | None]

    __table_args__ = (
        sa.CheckConstraint("score BETWEEN 1 AND 5", name="score_known"),
        sa.Index("ix_visit_rating_agency_id_shown_on", "agency_id", "shown_on"),
    )


class VisitObjection(Entity, Base):
    """What a unit objects to; a supervisor answers."""

    __tablename__ = "visit_objection"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    code_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit_code.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    state: Mapped[str]
    text: Mapped[str]
    contact: Mapped[str | None]
    received_at: Mapped[datetime]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by_kind: Mapped[str | None]
    answered_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", ObjectionState),
        in_pairs("answered"),
        sa.CheckConstraint(
            "(state = 'answered') = (answered_at IS NOT NULL AND answer IS NOT NULL)",
            name="answered_with_words",
        ),
        sa.Index("ix_visit_objection_agency_id_id", "agency_id", "id"),
        sa.Index("ix_visit_objection_unit_id", "unit_id"),
    )
