"""Tables of visits: entries into a unit, who was there, what was answered and found.

And what followed, and what makes a person look again: the integrity findings on their evidence.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, attribute_keyed_dict, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.documents.rules import SignMethod, SignRole
from app.visits.integrity_rules import IntegrityKind, IntegrityState, Reason
from app.visits.marks import WORDS, Mark, Presence, Shown
from app.visits.rules import AnswerResult, CodeMark, VisitKind, VisitState
from app.visits.terms import ContactKind, OrderState, SampleResult, SampleState


class Visit(Entity, Base):
    """One entry into a unit. Its version guards attendance, arrivals, marks and signatures."""

    __tablename__ = "visit"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    kind: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    checklist_code: Mapped[str | None]
    form_version: Mapped[int | None]
    code_mark: Mapped[str | None]
    clock_suspect: Mapped[bool] = mapped_column(default=False)
    fix: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    started_recorded_at: Mapped[datetime]
    started_at: Mapped[datetime]
    started_by_kind: Mapped[str]
    started_by_id: Mapped[UUID | None]
    interrupted_reason: Mapped[str | None]
    interrupted_at: Mapped[datetime | None]
    interrupted_by_kind: Mapped[str | None]
    interrupted_by_id: Mapped[UUID | None]
    outcome: Mapped[str | None]
    summary: Mapped[str | None]
    finished_fix: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    finished_recorded_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    finished_by_kind: Mapped[str | None]
    finished_by_id: Mapped[UUID | None]
    signed_at: Mapped[datetime | None]
    signed_by_kind: Mapped[str | None]
    signed_by_id: Mapped[UUID | None]

    attendance: Mapped[list["VisitAttendance"]] = relationship(
        back_populates="visit",
        order_by="VisitAttendance.officer_id",
        cascade="all, delete-orphan",
        lazy="selectin",
    )
    answers: Mapped[dict[UUID, "VisitAnswer"]] = relationship(
        collection_class=attribute_keyed_dict("item_id")
    )
    arrivals: Mapped[list["VisitArrival"]] = relationship(
        back_populates="visit",
        order_by="VisitArrival.officer_id",
        cascade="all, delete-orphan",
    )
    marks: Mapped[list["VisitMark"]] = relationship(
        back_populates="visit",
        order_by="(VisitMark.mark, VisitMark.officer_id)",
        cascade="all, delete-orphan",
    )
    signatures: Mapped[list["VisitSignature"]] = relationship(
        back_populates="visit",
        order_by="(VisitSignature.role, VisitSignature.officer_id)",
        cascade="all, delete-orphan",
    )

    __table_args__ = (
        one_of("kind", VisitKind),
        one_of("state", VisitState),
        one_of("code_mark", CodeMark),
        in_pairs("started", required=True),
        in_pairs("interrupted"),
        in_pairs("finished"),
        in_pairs("signed"),
        sa.CheckConstraint("(kind = 'planned') = (task_id IS NOT NULL)", name="planned_has_task"),
        sa.CheckConstraint("kind = 'planned' OR reason IS NOT NULL", name="triggered_has_reason"),
        sa.CheckConstraint(
            "state = 'under-way' OR (finished_at IS NOT NULL AND outcome IS NOT NULL)",
            name="finished_has_outcome",
        ),
        sa.CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed_when"),
        sa.Index("ix_visit_unit_id_signed_at", "unit_id", "signed_at"),
        sa.Index("ix_visit_agency_id_id", "agency_id", "id"),
        sa.Index(
            "ix_visit_under_way",
            "started_at",
            sqlite_where=sa.text("state = 'under-way'"),
            postgresql_where=sa.text("state = 'under-way'"),
        ),
        sa.Index(  # all that is asked of the many visits of a year, in the order in which they came
            "ix_visit_counted",
            "agency_id",
            "started_at",
            "started_recorded_at",
            "clock_suspect",
            "state",
            "outcome",
            "task_id",
            "unit_id",
            "id",
        ),
    )


class VisitAttendance(Base):
    """An officer who was there, by the tablet that says so, with the place it had then."""

    __tablename__ = "visit_attendance"

    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("officer.id"), primary_key=True, index=True
    )
    device_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime]
    fix: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    clock_suspect: Mapped[bool] = mapped_column(default=False)

    visit: Mapped[Visit] = relationship(back_populates="attendance")

    __table_args__ = (sa.Index("ix_visit_attendance_device_id", "device_id"),)


class VisitArrival(Base):
    """What was said at the door about an officer who came: the code, the certificate, recusal.

    None where a tablet did not say. `code_id` is the visit code that was shown and proven.
    """

    __tablename__ = "visit_arrival"

    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), primary_key=True)
    device_id: Mapped[UUID | None]
    presence: Mapped[str]
    code_id: Mapped[UUID | None] = mapped_column(index=True)
    code_shown: Mapped[str]
    reason: Mapped[str | None]
    certificate_shown: Mapped[bool | None]
    recusal_asked: Mapped[bool | None]
    recusal_requested: Mapped[bool | None]
    cap_reason: Mapped[str | None]
    recorded_at: Mapped[datetime]

    visit: Mapped[Visit] = relationship(back_populates="arrivals")

    __table_args__ = (one_of("presence", Presence), one_of("code_shown", Shown))


class VisitMark(Base):
    """Something that was not in order at the door, by whose start it was seen; it stops nothing."""

    __tablename__ = "visit_mark"

    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), primary_key=True)
    device_id: Mapped[UUID | None]
    marked_at: Mapped[datetime]

    visit: Mapped[Visit] = relationship(back_populates="marks")

    @property
    def words(self) -> str:
        """What is said to people."""
        return WORDS[Mark(self.mark)]

    __table_args__ = (
        one_of("mark", Mark),
        sa.Index("ix_visit_mark_mark_visit_id", "mark", "visit_id"),
    )


class VisitSignature(Base):
    """A signature under a finished visit; `officer_id` signed, or took the other's signature.

    `content_hash` is the hash of what the tablet showed when it was signed.
    """

    __tablename__ = "visit_signature"

    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), primary_key=True)
    method: Mapped[str]
    reason: Mapped[str | None]
    content_hash: Mapped[str | None]
    device_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime]

    visit: Mapped[Visit] = relationship(back_populates="signatures")

    __table_args__ = (
        one_of("role", SignRole),
        one_of("method", SignMethod),
        sa.CheckConstraint(
            "(method = 'refused') = (reason IS NOT NULL)", name="refused_with_reason"
        ),
    )


class VisitAnswer(Entity, Base):
    """The answer to one check item; its id follows from visit and item."""

    __tablename__ = "visit_answer"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"))
    item_id: Mapped[UUID]
    item_code: Mapped[str]
    result: Mapped[str]
    note: Mapped[str | None]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        one_of("result", AnswerResult),
        sa.UniqueConstraint("visit_id", "item_id"),
    )


class Finding(Entity, Base):
    """What was found 检查发现: the fact, its legal basis and how it is to be handled."""

    __tablename__ = "finding"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    item_id: Mapped[UUID | None]
    text: Mapped[str]
    basis: Mapped[str | None]
    handling: Mapped[str | None]
    correct_within_days: Mapped[int | None]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("correct_within_days >= 0", name="days_not_negative"),)


class IntegrityFinding(Entity, Base):
    """Something about a visit's evidence that a supervisor should look at; it blocks nothing.

    Of a visit, or of a task whose photos came without one. `other_*` are the second of two visits
    or pictures. `key` keeps one matter one finding. `measured` and `thresholds` are whole numbers
    and words: what was measured, and the catalogue rows it was held against, with their versions.
    """

    __tablename__ = "integrity_finding"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    key: Mapped[str]
    kind: Mapped[str]
    reason: Mapped[str]
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"))
    evidence_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("evidence.id"))
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    device_id: Mapped[UUID | None]
    other_unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"))
    other_visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    other_task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"))
    other_evidence_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("evidence.id"))
    measured: Mapped[dict[str, Any]]
    thresholds: Mapped[list[Any]]
    found_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default=IntegrityState.OPEN)
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "key"),
        sa.Index("ix_integrity_finding_agency_id_state_id", "agency_id", "state", "id"),
        one_of("kind", IntegrityKind),
        one_of("reason", Reason),
        one_of("state", IntegrityState),
        in_pairs("decided"),
        sa.CheckConstraint("visit_id IS NOT NULL OR task_id IS NOT NULL", name="of_something"),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)"
            " AND (decided_at IS NULL) = (decision_reason IS NULL)",
            name="decided_with_reason",
        ),
    )


class IntegrityCursor(Base):
    """Up to which entry of a stream of the journal visits and photos have been looked at."""

    __tablename__ = "integrity_cursor"

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]


class CorrectiveOrder(Entity, Base):
    """An order to correct 责令改正, under the id that the tablet gave it.

    `content_key` says what it wants corrected: two tablets of a pair make one order. Without
    `due_on` its term cannot be computed yet, and `due_reason` says why. The version guards items.
    """

    __tablename__ = "corrective_order"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"))
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    number: Mapped[str]
    content_key: Mapped[str]
    state: Mapped[str]
    issued_on: Mapped[date]
    correct_within_days: Mapped[int | None]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    specialty: Mapped[str | None]
    object_class: Mapped[str | None]
    checklist_code: Mapped[str | None]
    recheck_task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), unique=True)
    note: Mapped[str | None]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]
    concluded_at: Mapped[datetime | None]
    concluded_by_kind: Mapped[str | None]
    concluded_by_id: Mapped[UUID | None]

    items: Mapped[list["CorrectiveOrderItem"]] = relationship(
        back_populates="order",
        order_by="CorrectiveOrderItem.place",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        one_of("state", OrderState),
        in_pairs("issued", required=True),
        in_pairs("concluded"),
        sa.UniqueConstraint("visit_id", "content_key"),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint("correct_within_days >= 0", name="days_not_negative"),
        sa.CheckConstraint(
            "(state IN ('complied', 'overdue')) = (concluded_at IS NOT NULL)",
            name="concluded_when",
        ),
        sa.Index("ix_corrective_order_unit_id_state", "unit_id", "state"),
        sa.Index("ix_corrective_order_state_due_on", "state", "due_on"),
        sa.Index("ix_corrective_order_agency_id_id", "agency_id", "id"),
        sa.Index("ix_corrective_order_agency_id_issued_on", "agency_id", "issued_on"),
    )


class CorrectiveOrderItem(Base):
    """One thing to be corrected; a finding is ordered to be corrected once."""

    __tablename__ = "corrective_order_item"

    order_id: Mapped[UUID] = mapped_column(sa.ForeignKey("corrective_order.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    finding_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("finding.id"), unique=True)
    text: Mapped[str]
    basis: Mapped[str | None]

    order: Mapped[CorrectiveOrder] = relationship(back_populates="items")


class Sample(Entity, Base):
    """A sample 样品 that a visit took, and what the laboratory found in it."""

    __tablename__ = "sample"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    item_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    number: Mapped[str | None]
    name: Mapped[str]
    lot: Mapped[str | None]
    amount: Mapped[str]
    method: Mapped[str]
    place: Mapped[str | None]
    taken_at: Mapped[datetime]
    state: Mapped[str]
    result: Mapped[str | None]
    result_note: Mapped[str | None]
    report_no: Mapped[str | None]
    reported_on: Mapped[date | None]
    laboratory: Mapped[str | None]
    rapid: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    readings: Mapped[list[Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    card_due_on: Mapped[date | None]
    card_due_reason: Mapped[str | None]
    card_entered_on: Mapped[date | None]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime]
    resulted_at: Mapped[datetime | None]
    resulted_by_kind: Mapped[str | None]
    resulted_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", SampleState),
        one_of("result", SampleResult),
        in_pairs("resulted"),
        sa.UniqueConstraint("visit_id", "number"),
        sa.CheckConstraint(
            "(state = 'resulted') = (result IS NOT NULL AND resulted_at IS NOT NULL)",
            name="resulted_when",
        ),
        sa.Index("ix_sample_agency_id_id", "agency_id", "id"),
        sa.Index("ix_sample_agency_id_taken_at", "agency_id", "taken_at"),
    )


class UnitContact(Entity, Base):
    """What an agency did with a unit that is no inspection: a talk, help, a look from afar.

    It is never counted as a visit and uses no cap. Only a look from afar 非现场检查 has an outcome.
    """

    __tablename__ = "unit_contact"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"))
    kind: Mapped[str]
    on_day: Mapped[date]
    officer_ids: Mapped[list[str]]
    summary: Mapped[str]
    outcome: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("kind", ContactKind),
        in_pairs("recorded", required=True),
        sa.CheckConstraint("(kind = 'off-site-check') = (outcome IS NOT NULL)", name="outcome_of"),
        sa.Index("ix_unit_contact_agency_id_id", "agency_id", "id"),
    )
