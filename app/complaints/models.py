"""Tables of complaints and reports, of who complained, and of the steps that have a term."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.complaints.rules import Channel, ComplaintKind, ComplaintResult, ComplaintState, Step
from app.db import Base, Entity, in_pairs, one_of


class Complaint(Entity, Base):
    """What somebody told the agency of a unit or a place 投诉举报; who, is a row of its own.

    `place` is where it is said to be when no unit of the register is known. `external_no` is the
    number of the window it came from (12345). The version guards its steps.
    """

    __tablename__ = "complaint"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    external_no: Mapped[str | None]
    received_on: Mapped[date]
    specialty: Mapped[str | None]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    accused: Mapped[str | None]
    place: Mapped[str | None]
    content: Mapped[str]
    anonymous: Mapped[bool]
    reward_claimed: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default=ComplaintState.RECEIVED)
    reason: Mapped[str | None]
    organ: Mapped[str | None]
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), unique=True)
    result: Mapped[str | None]
    result_note: Mapped[str | None]
    reply_template: Mapped[str | None]
    reply_text: Mapped[str | None]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    merged_into_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("complaint.id"), index=True)
    filed_at: Mapped[datetime]
    filed_by_kind: Mapped[str]
    filed_by_id: Mapped[UUID | None]
    accepted_at: Mapped[datetime | None]
    accepted_by_kind: Mapped[str | None]
    accepted_by_id: Mapped[UUID | None]
    assigned_at: Mapped[datetime | None]
    assigned_by_kind: Mapped[str | None]
    assigned_by_id: Mapped[UUID | None]
    concluded_at: Mapped[datetime | None]
    concluded_by_kind: Mapped[str | None]
    concluded_by_id: Mapped[UUID | None]
    replied_at: Mapped[datetime | None]
    replied_by_kind: Mapped[str | None]
    replied_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]

    steps: Mapped[list["ComplaintStep"]] = relationship(
        back_populates="complaint",
        order_by="ComplaintStep.step",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        sa.Index("ix_complaint_agency_id_id", "agency_id", "id"),
        sa.Index("ix_complaint_agency_id_received_on", "agency_id", "received_on"),
        sa.Index("ix_complaint_agency_id_state", "agency_id", "state"),
        one_of("kind", ComplaintKind),
        one_of("channel", Channel),
        one_of("state", ComplaintState),
        one_of("result", ComplaintResult),
        in_pairs("filed", required=True),
        *(in_pairs(name) for name in ("accepted", "assigned", "concluded", "replied", "ended")),
        sa.CheckConstraint(
            "unit_id IS NOT NULL OR accused IS NOT NULL OR place IS NOT NULL", name="of_something"
        ),
        sa.CheckConstraint("(state = 'merged') = (merged_into_id IS NOT NULL)", name="merged_into"),
        sa.CheckConstraint(
            "(state IN ('refused', 'transferred', 'withdrawn', 'merged')) = (ended_at IS NOT NULL)",
            name="ended_when",
        ),
        sa.CheckConstraint("ended_at IS NULL OR reason IS NOT NULL", name="ended_with_reason"),
        sa.CheckConstraint("(result IS NULL) = (concluded_at IS NULL)", name="result_when"),
    )


class Complainant(Base):
    """Who complained: read only by who has to answer them, and every reading is journalled."""

    __tablename__ = "complainant"

    complaint_id: Mapped[UUID] = mapped_column(sa.ForeignKey("complaint.id"), primary_key=True)
    name: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str | None]
    note: Mapped[str | None]


class ComplaintStep(Base):
    """A step of a complaint with its last day, by the row of the catalogue that set it.

    Without `due_on`, `due_reason` says why it cannot be said yet. `warned_at` and `late_at` are
    the timetable's.
    """

    __tablename__ = "complaint_step"

    complaint_id: Mapped[UUID] = mapped_column(sa.ForeignKey("complaint.id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(sa.ForeignKey("catalogue_row.id"))
    begins_on: Mapped[date]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    done_on: Mapped[date | None]
    warned_at: Mapped[datetime | None]
    late_at: Mapped[datetime | None]

    complaint: Mapped[Complaint] = relationship(back_populates="steps")

    __table_args__ = (
        one_of("step", Step),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.Index("ix_complaint_step_done_on_due_on", "done_on", "due_on"),
    )
