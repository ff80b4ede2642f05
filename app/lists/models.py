"""Tables of given lists: the list, its files, its rows, and what partners found."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.lists.rules import Change, Decision, FileState, ListState, MatchedBy, Outcome
from app.tasks.models import Task
from app.tasks.rules import DrawKind, JointRole
from app.units.models import Unit


class GivenList(Entity, Base):
    """A list of units that a superior or several departments ordered to be inspected 下达名单.

    Known in its agency by the reference 文号 of the order. Who comes to change its rows locks it.
    """

    __tablename__ = "given_list"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    level: Mapped[str]
    issued_by: Mapped[str]
    reference: Mapped[str]
    year: Mapped[int]
    period: Mapped[str]
    received_on: Mapped[date]
    due_on: Mapped[date | None]
    role: Mapped[str] = mapped_column(default=JointRole.LEAD)
    lead_department: Mapped[str | None]
    partner_departments: Mapped[list[str]]
    field: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=ListState.OPEN)
    saved_at: Mapped[datetime]
    saved_by_kind: Mapped[str]
    saved_by_id: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_kind: Mapped[str | None]
    withdrawn_by_id: Mapped[UUID | None]
    withdrawn_reason: Mapped[str | None]

    __table_args__ = (
        # A list entered by mistake is withdrawn and gives its reference back.
        sa.Index(
            "uq_given_list_agency_id_reference",
            "agency_id",
            "reference",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
        one_of("level", DrawKind),
        one_of("role", JointRole),
        one_of("state", ListState),
        in_pairs("saved", required=True),
        in_pairs("withdrawn"),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_its_time"
        ),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR withdrawn_reason IS NOT NULL", name="withdrawn_with_reason"
        ),
        sa.CheckConstraint(
            "level = 'cross-department' OR role = 'lead'", name="joined_across_departments"
        ),
    )


class GivenListFile(Entity, Base):
    """A file of a list as it came: the first one makes the rows, a corrected one is previewed."""

    __tablename__ = "given_list_file"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    list_id: Mapped[UUID] = mapped_column(sa.ForeignKey("given_list.id"))
    basis_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("given_list_file.id"))
    state: Mapped[str]
    sha256: Mapped[str]
    file_name: Mapped[str]
    counts: Mapped[dict[str, Any]]
    ignored_columns: Mapped[list[str]]
    uploaded_at: Mapped[datetime]
    uploaded_by_kind: Mapped[str]
    uploaded_by_id: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by_kind: Mapped[str | None]
    confirmed_by_id: Mapped[UUID | None]

    __table_args__ = (
        # One file holds, however many people confirm at once.
        sa.Index(
            "uq_given_list_file_list_id",
            "list_id",
            unique=True,
            sqlite_where=sa.text("state = 'current'"),
            postgresql_where=sa.text("state = 'current'"),
        ),
        sa.Index("ix_given_list_file_list_id_uploaded_at", "list_id", "uploaded_at"),
        one_of("state", FileState),
        in_pairs("uploaded", required=True),
        in_pairs("confirmed"),
        sa.CheckConstraint(
            "(state = 'previewed') = (confirmed_at IS NULL)", name="confirmed_has_its_time"
        ),
    )


class GivenListLine(Base):
    """What one line of a corrected file would do to its list, kept until it is confirmed.

    `row_id` is the row it is about; a line that is `gone` stands in no file, its number counts on.
    """

    __tablename__ = "given_list_line"

    file_id: Mapped[UUID] = mapped_column(sa.ForeignKey("given_list_file.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    row_no: Mapped[int | None]
    change: Mapped[str]
    changed: Mapped[list[str]]
    reasons: Mapped[list[Any]]
    row_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("given_list_row.id"))
    said: Mapped[dict[str, Any]]

    __table_args__ = (
        one_of("change", Change),
        sa.CheckConstraint("(change = 'gone') = (row_no IS NULL)", name="gone_from_the_file"),
    )


class GivenListRow(Entity, Base):
    """One row of a list: what it says, which unit that is, and the task it became.

    The task is made once: a row keeps it for ever, also when a corrected file has the row no more.
    """

    __tablename__ = "given_list_row"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    list_id: Mapped[UUID] = mapped_column(sa.ForeignKey("given_list.id"))
    file_id: Mapped[UUID] = mapped_column(sa.ForeignKey("given_list_file.id"))
    row_no: Mapped[int]
    key: Mapped[str]
    superior_no: Mapped[str]
    archive_no: Mapped[str]
    uscc: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    specialties: Mapped[list[str]]
    stated_class: Mapped[str | None]
    stated_due_on: Mapped[date | None]
    matters: Mapped[str]
    note: Mapped[str]
    lead_department: Mapped[str]
    partner_departments: Mapped[list[str]]
    outcome: Mapped[str]
    matched_by: Mapped[str | None]
    reasons: Mapped[list[Any]]
    candidates: Mapped[list[Any]]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    specialty: Mapped[str | None]
    object_class: Mapped[str | None]
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), unique=True)
    decision: Mapped[str | None]
    decision_note: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]
    gone_at: Mapped[datetime | None]
    gone_by_kind: Mapped[str | None]
    gone_by_id: Mapped[UUID | None]

    unit: Mapped[Unit | None] = relationship()
    task: Mapped[Task | None] = relationship()
    partner_results: Mapped[list["PartnerResult"]] = relationship(
        order_by="(PartnerResult.department)"
    )

    __table_args__ = (
        sa.UniqueConstraint("list_id", "key"),
        sa.Index("ix_given_list_row_list_id_outcome", "list_id", "outcome"),
        one_of("outcome", Outcome),
        one_of("matched_by", MatchedBy),
        one_of("decision", Decision),
        in_pairs("decided"),
        in_pairs("gone"),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL)", name="decision_has_its_time"
        ),
        sa.CheckConstraint(
            "outcome <> 'matched' OR (unit_id IS NOT NULL AND specialty IS NOT NULL)",
            name="matched_with_unit",
        ),
        sa.CheckConstraint("task_id IS NULL OR unit_id IS NOT NULL", name="task_of_a_unit"),
    )


class PartnerResult(Entity, Base):
    """What a partner department found at a unit of a cross-department list, in its own words."""

    __tablename__ = "partner_result"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    row_id: Mapped[UUID] = mapped_column(sa.ForeignKey("given_list_row.id"))
    department: Mapped[str]
    result: Mapped[str]
    outcome_code: Mapped[str | None]
    found_on: Mapped[date | None]
    reference: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("row_id", "department"),
        in_pairs("recorded", required=True),
    )
