"""Tables of tasks, their teams, and the numbers they are printed with."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.people.models import Officer
from app.tasks.rules import TaskState, Verb, possible_verbs, state_name
from app.units.models import Unit

_PAIRS = (
    "assigned",
    "accepted",
    "started",
    "submitted",
    "returned",
    "completed",
    "closing_proposed",
    "closed",
    "closing_refused",
    "reopened",
)


class Task(Entity, Base):
    """Somebody has to go somewhere: one unit, one specialty, whatever the origin.

    A who-and-when pair tells of the last time its step was taken; the journal tells of all. The
    closing columns hold the last proposal and what became of it. The version guards the team.
    `from_on` is the first day on which it may be planned; who goes earlier all the same is not held
    up. `planned_on` and `joint_visit_id` say on which day somebody means to go, and with what else.
    """

    __tablename__ = "task"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    task_no: Mapped[str]
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    specialty: Mapped[str]
    object_class: Mapped[str | None]
    origin: Mapped[str]
    origin_reference: Mapped[str | None]
    level: Mapped[str | None]
    checklist_code: Mapped[str | None]
    from_on: Mapped[date | None]
    due_on: Mapped[date | None]
    planned_on: Mapped[date | None]
    joint_visit_id: Mapped[UUID | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(default=TaskState.PENDING)
    previous_state: Mapped[str | None]
    awaiting_results: Mapped[bool] = mapped_column(default=False)
    round: Mapped[int] = mapped_column(default=1)
    late_waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    visit_id: Mapped[UUID] = mapped_column(unique=True)
    lead_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    outcome: Mapped[str | None]
    reassign_reason: Mapped[str | None]
    return_reason: Mapped[str | None]
    closing_reason: Mapped[str | None]
    closing_note: Mapped[str | None]
    closing_evidence: Mapped[list[str]]
    closing_proposed_officer_id: Mapped[UUID | None]
    closed_officer_id: Mapped[UUID | None]
    closing_refused_reason: Mapped[str | None]
    reopen_reason: Mapped[str | None]
    reopened_officer_id: Mapped[UUID | None]
    reopened_second_officer_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    created_by_kind: Mapped[str]
    created_by_id: Mapped[UUID | None]
    assigned_at: Mapped[datetime | None]
    assigned_by_kind: Mapped[str | None]
    assigned_by_id: Mapped[UUID | None]
    accepted_at: Mapped[datetime | None]
    accepted_by_kind: Mapped[str | None]
    accepted_by_id: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    started_by_kind: Mapped[str | None]
    started_by_id: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None]
    submitted_by_kind: Mapped[str | None]
    submitted_by_id: Mapped[UUID | None]
    returned_at: Mapped[datetime | None]
    returned_by_kind: Mapped[str | None]
    returned_by_id: Mapped[UUID | None]
    completed_at: Mapped[datetime | None]
    completed_by_kind: Mapped[str | None]
    completed_by_id: Mapped[UUID | None]
    closing_proposed_at: Mapped[datetime | None]
    closing_proposed_by_kind: Mapped[str | None]
    closing_proposed_by_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by_kind: Mapped[str | None]
    closed_by_id: Mapped[UUID | None]
    closing_refused_at: Mapped[datetime | None]
    closing_refused_by_kind: Mapped[str | None]
    closing_refused_by_id: Mapped[UUID | None]
    reopened_at: Mapped[datetime | None]
    reopened_by_kind: Mapped[str | None]
    reopened_by_id: Mapped[UUID | None]

    team: Mapped[list["TaskOfficer"]] = relationship(
        back_populates="task",
        cascade="all, delete-orphan",
        lazy="selectin",
        order_by="(TaskOfficer.is_lead.desc(), TaskOfficer.officer_id)",
    )
    unit: Mapped[Unit] = relationship()

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "task_no"),
        sa.Index("ix_task_agency_id_state", "agency_id", "state"),
        sa.Index(  # all that is asked of the many tasks of a year
            "ix_task_made",
            "agency_id",
            "created_at",
            "origin",
            "round",
            "completed_at",
            "closed_at",
        ),
        sa.Index("ix_task_agency_id_origin_id", "agency_id", "origin", "id"),
        sa.Index("ix_task_done", "agency_id", "completed_at", "origin", "round", "outcome"),
        one_of("state", TaskState),
        in_pairs("created", required=True),
        *(in_pairs(pair) for pair in _PAIRS),
        sa.CheckConstraint("round >= 1", name="round_counts"),
        sa.CheckConstraint(
            "NOT awaiting_results OR state = 'submitted'", name="results_awaited_when_submitted"
        ),
        sa.CheckConstraint("state <> 'completed' OR outcome IS NOT NULL", name="outcome_stated"),
        sa.CheckConstraint(
            "(state = 'closing-proposed') = (previous_state IS NOT NULL)",
            name="previous_state_kept",
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'closing-proposed', 'closed') OR lead_officer_id IS NOT NULL",
            name="led",
        ),
        sa.CheckConstraint(
            "state NOT IN ('closing-proposed', 'closed')"
            " OR (closing_reason IS NOT NULL AND closing_proposed_at IS NOT NULL)",
            name="closing_reasoned",
        ),
        sa.CheckConstraint(
            "state <> 'closed' OR (closed_at IS NOT NULL AND closed_officer_id IS NOT NULL)",
            name="closed_by_second_person",
        ),
        sa.CheckConstraint(
            "closed_officer_id IS NULL OR ("
            "closed_by_id <> closing_proposed_by_id"
            " AND (closing_proposed_officer_id IS NULL"
            " OR closed_officer_id <> closing_proposed_officer_id))",
            name="closing_second_person",
        ),
        sa.CheckConstraint(
            "reopened_at IS NULL OR (reopen_reason IS NOT NULL"
            " AND reopened_second_officer_id IS NOT NULL"
            " AND (reopened_officer_id IS NULL"
            " OR reopened_second_officer_id <> reopened_officer_id))",
            name="reopening_second_person",
        ),
    )

    @property
    def state_name(self) -> str:
        return state_name(TaskState(self.state), awaiting_results=self.awaiting_results)

    @property
    def possible_verbs(self) -> list[Verb]:
        return possible_verbs(TaskState(self.state), awaiting_results=self.awaiting_results)

    def officer_ids(self) -> list[UUID]:
        """Return the ids of the team, the lead first."""
        return [member.officer_id for member in self.team]


class TaskOfficer(Base):
    """One officer of a task's team."""

    __tablename__ = "task_officer"

    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("officer.id"), primary_key=True, index=True
    )
    is_lead: Mapped[bool]

    task: Mapped[Task] = relationship(back_populates="team")
    officer: Mapped[Officer] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        return self.officer.name


class AfterPermitTask(Base):
    """That a licence granted on a promise 告知承诺 has its check after the permit: once for ever.

    By kind and number, because licences of a unit are replaced whole when one of them changes.
    """

    __tablename__ = "after_permit_task"

    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), primary_key=True)
    licence_kind: Mapped[str] = mapped_column(primary_key=True)
    licence_number: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), unique=True)


class TaskNumber(Base):
    """The last task number an agency gave in a year; its row is locked by who takes the next."""

    __tablename__ = "task_number"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
