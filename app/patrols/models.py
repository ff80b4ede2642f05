"""Tables of assistants 协管员, their patrols, opinions and hints."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.patrols.rules import AssistantState, HintState


class Assistant(Entity, Base):
    """Somebody who patrols for a service unit 协管服务单位 and may enforce nothing."""

    __tablename__ = "assistant"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    name: Mapped[str]
    service_unit: Mapped[str]
    grid_cells: Mapped[list[str]]
    account_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("account.id"), unique=True)
    state: Mapped[str] = mapped_column(default=AssistantState.ACTIVE)
    registered_at: Mapped[datetime]
    registered_by_kind: Mapped[str]
    registered_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", AssistantState),
        in_pairs("registered", required=True),
        sa.Index("ix_assistant_agency_id_id", "agency_id", "id"),
    )


class Patrol(Entity, Base):
    """A patrol of a grid cell on a day: who went, which units they saw. Never an inspection.

    `officer_id` is the officer who guides the assistants and answers for what they write. The
    version guards who went and what was seen.
    """

    __tablename__ = "patrol"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    number: Mapped[str]
    on_day: Mapped[date]
    grid_cell: Mapped[str]
    service_unit: Mapped[str]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    note: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    assistants: Mapped[list["PatrolAssistant"]] = relationship(
        back_populates="patrol",
        order_by="PatrolAssistant.assistant_id",
        cascade="all, delete-orphan",
        lazy="selectin",
    )
    units: Mapped[list["PatrolUnit"]] = relationship(
        back_populates="patrol",
        order_by="PatrolUnit.unit_id",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "number"),
        in_pairs("recorded", required=True),
        sa.Index("ix_patrol_agency_id_id", "agency_id", "id"),
        sa.Index("ix_patrol_agency_id_on_day", "agency_id", "on_day"),
    )

    @property
    def assistant_ids(self) -> list[UUID]:
        """Return who went."""
        return [one.assistant_id for one in self.assistants]


class PatrolAssistant(Base):
    """An assistant who went."""

    __tablename__ = "patrol_assistant"

    patrol_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patrol.id"), primary_key=True)
    assistant_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("assistant.id"), primary_key=True, index=True
    )

    patrol: Mapped[Patrol] = relationship(back_populates="assistants")


class PatrolUnit(Base):
    """A unit that was seen, and what was seen there."""

    __tablename__ = "patrol_unit"

    patrol_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patrol.id"), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), primary_key=True, index=True)
    problem: Mapped[bool]
    remark: Mapped[str | None]

    patrol: Mapped[Patrol] = relationship(back_populates="units")


class AssistantOpinion(Entity, Base):
    """A 卫生监督协管意见书: a document of its own kind and series, issued by assistants.

    It is never counted as a 卫生监督意见书.
    """

    __tablename__ = "assistant_opinion"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    patrol_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patrol.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"), unique=True)
    number: Mapped[str]
    issued_on: Mapped[date]
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("issued", required=True),
        sa.Index("ix_assistant_opinion_agency_id_issued_on", "agency_id", "issued_on"),
    )


class PatrolHint(Entity, Base):
    """A hint that assistants hand over to the officers 协管线索."""

    __tablename__ = "patrol_hint"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    patrol_id: Mapped[UUID] = mapped_column(sa.ForeignKey("patrol.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    text: Mapped[str]
    state: Mapped[str] = mapped_column(default=HintState.WAITING)
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), unique=True)
    reason: Mapped[str | None]
    handed_at: Mapped[datetime]
    handed_by_kind: Mapped[str]
    handed_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", HintState),
        in_pairs("handed", required=True),
        in_pairs("decided"),
        sa.Index("ix_patrol_hint_agency_id_id", "agency_id", "id"),
        sa.CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_when"),
        sa.CheckConstraint("(state = 'taken') = (task_id IS NOT NULL)", name="taken_as"),
        sa.CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name="declined_why"),
    )
