"""Tables of joint visits: plans, the visits in them, their tasks, officers and caps."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.caps.rules import Verdict
from app.db import Base, Entity, id_column, in_pairs, one_of
from app.jointvisits.rules import ChangeVerb, Maker, PlanState, VisitKind, VisitState


class JointPlan(Entity, Base):
    """A plan of joint visits 联合检查计划: a period, its working days, and the schedule as stored.

    Stored it is the same for ever, whoever made it. `comparison` is what it is worth against going
    there for each task; `faults` are what the judge finds, which only a change by hand can leave.
    `pins`: what was fixed by hand in plans before it, taken over or why not.
    `promise`: the sealed secret of its next lot over teams, and what promises it.
    `drafted`: who had it in hand last before it was approved, by proposing or changing it.
    """

    __tablename__ = "joint_plan"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    days: Mapped[list[str]]
    state: Mapped[str]
    maker: Mapped[str]
    teams: Mapped[int]
    visits_each: Mapped[int]
    unit_ids: Mapped[list[str]]
    zones: Mapped[list[str]]
    comparison: Mapped[dict[str, Any]]
    faults: Mapped[list[str]]
    pins: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    withdrawn_reason: Mapped[str | None]
    proposed_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    proposed_at: Mapped[datetime]
    proposed_by_kind: Mapped[str]
    proposed_by_id: Mapped[UUID | None]
    changed_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    changed_at: Mapped[datetime | None]
    changed_by_kind: Mapped[str | None]
    changed_by_id: Mapped[UUID | None]
    drafted_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    drafted_at: Mapped[datetime]
    drafted_by_kind: Mapped[str]
    drafted_by_id: Mapped[UUID | None]
    approved_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    approved_at: Mapped[datetime | None]
    approved_by_kind: Mapped[str | None]
    approved_by_id: Mapped[UUID | None]
    promise_id: Mapped[UUID | None]
    promise_sealed: Mapped[bytes | None]
    promise_commit: Mapped[str | None]
    published_at: Mapped[datetime | None]
    published_by_kind: Mapped[str | None]
    published_by_id: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_kind: Mapped[str | None]
    withdrawn_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", PlanState),
        one_of("maker", Maker),
        in_pairs("proposed", required=True),
        in_pairs("drafted", required=True),
        *(in_pairs(pair) for pair in ("changed", "approved", "published", "withdrawn")),
        sa.CheckConstraint("first_on <= last_on", name="days_in_order"),
        sa.CheckConstraint("teams >= 1 AND visits_each >= 1", name="somebody_goes"),
        sa.CheckConstraint(
            "approved_at IS NULL OR (approved_officer_id IS NOT NULL"
            " AND approved_by_id <> drafted_by_id"
            " AND (drafted_officer_id IS NULL OR approved_officer_id <> drafted_officer_id))",
            name="second_person",
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'published') OR approved_at IS NOT NULL",
            name="approved_before",
        ),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL AND withdrawn_reason IS NOT NULL)",
            name="withdrawn_with_reason",
        ),
        sa.Index("ix_joint_plan_agency_id_id", "agency_id", "id"),
    )

    @property
    def working_days(self) -> tuple[date, ...]:
        """Return the days of the plan, by number, as they were when it was made."""
        return tuple(date.fromisoformat(day) for day in self.days)


class JointVisit(Entity, Base):
    """One entry into one unit, by one team, for all its tasks; `zone` is the unit's town.

    Without a day it found none, or was left out or shifted to a later period: `reason` says why.
    One that is `pinned` was changed by hand: no other schedule moves it.
    """

    __tablename__ = "joint_visit"

    plan_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_plan.id"))
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    zone: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    planned_on: Mapped[date | None]
    reason: Mapped[str | None]
    pinned: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    code_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit_code.id"))

    plan: Mapped[JointPlan] = relationship()
    tasks: Mapped[list["JointVisitTask"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="JointVisitTask.task_id"
    )
    officers: Mapped[list["JointVisitOfficer"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="JointVisitOfficer.officer_id"
    )
    caps: Mapped[list["JointVisitCap"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="JointVisitCap.cap_code"
    )

    __table_args__ = (
        one_of("kind", VisitKind),
        one_of("state", VisitState),
        sa.CheckConstraint("(state = 'planned') = (planned_on IS NOT NULL)", name="planned_day"),
        sa.CheckConstraint("state = 'planned' OR reason IS NOT NULL", name="reasoned"),
        sa.Index("ix_joint_visit_plan_id_planned_on", "plan_id", "planned_on"),
        sa.Index("ix_joint_visit_agency_id_planned_on", "agency_id", "planned_on"),
    )


class JointVisitTask(Base):
    """A task that a joint visit carries, and the days that fitted it when it was planned.

    `due_on` is its last day as it was then; `overdue` says that this day was over already.
    """

    __tablename__ = "joint_visit_task"

    joint_visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_visit.id"), primary_key=True)
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), primary_key=True, index=True)
    specialty: Mapped[str]
    department: Mapped[str]
    first_on: Mapped[date]
    last_on: Mapped[date]
    due_on: Mapped[date | None]
    overdue: Mapped[bool]

    __table_args__ = (sa.CheckConstraint("first_on <= last_on", name="days_in_order"),)


class JointVisitOfficer(Base):
    """An officer of the team: for a specialty, or along; `by_lot` says how it came."""

    __tablename__ = "joint_visit_officer"

    joint_visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_visit.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("officer.id"), primary_key=True, index=True
    )
    specialty: Mapped[str | None]
    by_lot: Mapped[bool]


class JointVisitCap(Base):
    """A cap that the visit would be beyond, were it not exempt or excepted, and what it needs."""

    __tablename__ = "joint_visit_cap"

    joint_visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_visit.id"), primary_key=True)
    cap_code: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[str]
    used: Mapped[int]
    most: Mapped[int]
    reason: Mapped[str | None]

    __table_args__ = (
        one_of("verdict", Verdict),
        sa.CheckConstraint("used >= most", name="beyond"),
    )


class JointVisitChange(Base):
    """What somebody changed by hand in a plan, why, and what it was known to lead to."""

    __tablename__ = "joint_visit_change"

    id: Mapped[UUID] = id_column()
    plan_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_plan.id"), index=True)
    joint_visit_id: Mapped[UUID] = mapped_column(index=True)
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    verb: Mapped[str]
    planned_on: Mapped[date | None]
    task_ids: Mapped[list[str]]
    reason: Mapped[str]
    consequences: Mapped[dict[str, Any]]
    changed_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    changed_at: Mapped[datetime]
    changed_by_kind: Mapped[str]
    changed_by_id: Mapped[UUID | None]

    __table_args__ = (one_of("verb", ChangeVerb), in_pairs("changed", required=True))


class JointSuggestionDismissal(Entity, Base):
    """A suggestion that somebody does not follow, with the reason.

    It is about these tasks with these last days: `suggestion_id` follows from both.
    """

    __tablename__ = "joint_suggestion_dismissal"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    suggestion_id: Mapped[UUID]
    task_ids: Mapped[list[str]]
    reason: Mapped[str]
    dismissed_at: Mapped[datetime]
    dismissed_by_kind: Mapped[str]
    dismissed_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("dismissed", required=True),
        sa.UniqueConstraint("agency_id", "suggestion_id"),
    )
