"""Tables of credit: entries that are never changed, points and their notices, grades, repair."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.credit.grading import ScoringOutcome
from app.credit.rules import EntryKind, ExceptionState, NoticeState, RepairState
from app.db import Base, Entity, in_pairs, one_of


class CreditEntry(Entity, Base):
    """A credit entry 信用记录, append-only: triggers in both databases refuse a change.

    `reference` names the cause and makes it happen once; a repair and a reversal are entries
    `about` another one. `data` holds no personal values.
    """

    __tablename__ = "credit_entry"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"))
    kind: Mapped[str]
    reference: Mapped[str]
    decided_on: Mapped[date]
    tier: Mapped[str | None]
    points: Mapped[int | None]
    about_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("credit_entry.id"))
    reason: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("kind", EntryKind),
        in_pairs("recorded", required=True),
        sa.UniqueConstraint("agency_id", "kind", "reference"),
        sa.UniqueConstraint("about_id", "kind"),
        sa.CheckConstraint(
            "(kind IN ('repair', 'reversal')) = (about_id IS NOT NULL)", name="about_another"
        ),
        sa.CheckConstraint("(kind = 'points') = (points IS NOT NULL)", name="points_counted"),
        sa.CheckConstraint("kind <> 'reversal' OR reason IS NOT NULL", name="reversed_with_reason"),
        sa.Index("ix_credit_entry_agency_id_id", "agency_id", "id"),
        sa.Index("ix_credit_entry_unit_id_decided_on", "unit_id", "decided_on"),
    )


class PointsCycle(Entity, Base):
    """A cycle of points of one unit, tied to its 校验 instead of the year."""

    __tablename__ = "points_cycle"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    scheme: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date]
    opened_at: Mapped[datetime]
    opened_by_kind: Mapped[str]
    opened_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("opened", required=True),
        sa.UniqueConstraint("unit_id", "scheme", "from_on"),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
    )


class PointsNotice(Entity, Base):
    """What the licensing section is told when points reach a threshold; once a cycle."""

    __tablename__ = "points_notice"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    scheme: Mapped[str]
    cycle_from: Mapped[date]
    cycle_until: Mapped[date]
    threshold: Mapped[int]
    effect: Mapped[str]
    total: Mapped[int]
    state: Mapped[str]
    due_at: Mapped[datetime]
    due_by_kind: Mapped[str]
    due_by_id: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    sent_by_kind: Mapped[str | None]
    sent_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", NoticeState),
        in_pairs("due", required=True),
        in_pairs("sent"),
        sa.UniqueConstraint("unit_id", "scheme", "cycle_from", "threshold"),
        sa.CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_when"),
        sa.Index("ix_points_notice_agency_id_id", "agency_id", "id"),
    )


class CreditScoring(Entity, Base):
    """A score sheet 评分表 filled in at a unit, and what it came to.

    `scores` are tenths of a point by item, null where an item does not apply. The sheet is a row
    of the catalogue, in the version of `sheet_from`.
    """

    __tablename__ = "credit_scoring"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    scheme: Mapped[str]
    object_class: Mapped[str | None]
    reference: Mapped[str]
    sheet: Mapped[str]
    sheet_from: Mapped[date]
    scored_on: Mapped[date]
    scores: Mapped[dict[str, Any]]
    got_tenths: Mapped[int]
    due_tenths: Mapped[int]
    hundredths: Mapped[int | None]
    key_failed: Mapped[list[str]]
    outcome: Mapped[str]
    grade_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("credit_grade.id"))
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    grade: Mapped["CreditGrade | None"] = relationship(lazy="joined")

    __table_args__ = (
        one_of("outcome", ScoringOutcome),
        in_pairs("recorded", required=True),
        sa.UniqueConstraint("agency_id", "scheme", "reference"),
        sa.CheckConstraint(
            "(outcome IN ('graded', 'key-item-failed', 'below-bands')) = (grade_id IS NOT NULL)",
            name="graded_when",
        ),
        sa.Index("ix_credit_scoring_agency_id_id", "agency_id", "id"),
        sa.Index("ix_credit_scoring_unit_id_scheme", "unit_id", "scheme"),
    )


class CreditGrade(Entity, Base):
    """A grade 等级 of a unit under a scheme: why, by which version of the rule, from and until.

    `grade` is None where the unit was scored and gets none 不予评级. `draw_class` is what it weighs
    in a draw. A grade is never compared with one of another scheme.
    """

    __tablename__ = "credit_grade"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    scheme: Mapped[str]
    object_class: Mapped[str | None]
    reference: Mapped[str]
    grade: Mapped[str | None]
    draw_class: Mapped[str | None]
    reasons: Mapped[list[str]]
    rule_from: Mapped[date]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    void_reason: Mapped[str | None]
    graded_at: Mapped[datetime]
    graded_by_kind: Mapped[str]
    graded_by_id: Mapped[UUID | None]
    voided_at: Mapped[datetime | None]
    voided_by_kind: Mapped[str | None]
    voided_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("graded", required=True),
        in_pairs("voided"),
        sa.UniqueConstraint("agency_id", "scheme", "reference"),
        sa.CheckConstraint("until_on IS NULL OR from_on <= until_on", name="days_in_order"),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (void_reason IS NULL)", name="voided_with_reason"
        ),
        sa.Index("ix_credit_grade_agency_id_from_on", "agency_id", "from_on"),
        sa.Index("ix_credit_grade_unit_id_scheme", "unit_id", "scheme"),
    )


class CreditRepair(Entity, Base):
    """An application for repair 信用修复申请: its papers, 履罚核实, the decision by another."""

    __tablename__ = "credit_repair"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"))
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("credit_entry.id"))
    state: Mapped[str]
    applicant: Mapped[str]
    agent: Mapped[str | None]
    pledge: Mapped[str]
    pledged_on: Mapped[date]
    parts: Mapped[list[Any]]
    applied_on: Mapped[date]
    min_end: Mapped[date]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    fulfilled: Mapped[bool | None]
    check_note: Mapped[str | None]
    open_duties: Mapped[list[Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    open_reason: Mapped[str | None]
    opinion: Mapped[str | None]
    repair_entry_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("credit_entry.id"), unique=True
    )
    applied_at: Mapped[datetime]
    applied_by_kind: Mapped[str]
    applied_by_id: Mapped[UUID | None]
    checked_at: Mapped[datetime | None]
    checked_by_kind: Mapped[str | None]
    checked_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", RepairState),
        in_pairs("applied", required=True),
        in_pairs("checked"),
        in_pairs("decided"),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint(
            "(checked_at IS NULL) = (fulfilled IS NULL)", name="checked_with_result"
        ),
        sa.CheckConstraint("checked_by_id <> decided_by_id", name="second_person"),
        sa.CheckConstraint(
            "(state = 'approved') = (repair_entry_id IS NOT NULL)", name="approved_with_entry"
        ),
        sa.Index("ix_credit_repair_agency_id_id", "agency_id", "id"),
        sa.Index(
            "uq_credit_repair_open",
            "entry_id",
            unique=True,
            sqlite_where=sa.text("state IN ('applied', 'checked')"),
            postgresql_where=sa.text("state IN ('applied', 'checked')"),
        ),
    )


class CreditException(Entity, Base):
    """That a decision of a tier that is in principle not shown is shown 例外公示, and why.

    One person proposes, another confirms or declines; until then nothing is shown.
    """

    __tablename__ = "credit_exception"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("credit_entry.id"), index=True)
    state: Mapped[str]
    reason: Mapped[str]
    opinion: Mapped[str | None]
    proposed_at: Mapped[datetime]
    proposed_by_kind: Mapped[str]
    proposed_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", ExceptionState),
        in_pairs("proposed", required=True),
        in_pairs("decided"),
        sa.CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_when"),
        sa.CheckConstraint("(decided_at IS NULL) = (opinion IS NULL)", name="decided_with_words"),
        sa.CheckConstraint("proposed_by_id <> decided_by_id", name="second_person"),
        sa.Index("ix_credit_exception_agency_id_id", "agency_id", "id"),
        sa.Index(
            "uq_credit_exception_standing",
            "entry_id",
            unique=True,
            sqlite_where=sa.text("state <> 'declined'"),
            postgresql_where=sa.text("state <> 'declined'"),
        ),
    )


class CreditCooperation(Entity, Base):
    """A request of another organ or of the credit platform 协同处理, and its answer."""

    __tablename__ = "credit_cooperation"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"))
    from_organ: Mapped[str]
    subject: Mapped[str]
    received_on: Mapped[date]
    answer: Mapped[str | None]
    received_at: Mapped[datetime]
    received_by_kind: Mapped[str]
    received_by_id: Mapped[UUID | None]
    answered_at: Mapped[datetime | None]
    answered_by_kind: Mapped[str | None]
    answered_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("received", required=True),
        in_pairs("answered"),
        sa.CheckConstraint("(answered_at IS NULL) = (answer IS NULL)", name="answered_with_words"),
        sa.Index("ix_credit_cooperation_agency_id_id", "agency_id", "id"),
        sa.Index("ix_credit_cooperation_unit_id", "unit_id"),
    )
