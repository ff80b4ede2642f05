"""Tables of teams of joint visits: the lots they came by, changes by hand, who comes along."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.jointvisits.rules import LotState


class JointTeamLot(Entity, Base):
    """A lot over the teams of a plan: what goes in is fixed when it is asked for.

    The timetable draws it later, from the secret that was sealed and promised with the plan and
    from the seeds of the draws whose tasks the visits carry. Numbers run through the agency, each
    manifest names the one before.
    """

    __tablename__ = "joint_team_lot"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    plan_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_plan.id"), index=True)
    number: Mapped[int]
    state: Mapped[str]
    manifest: Mapped[str]
    manifest_sha256: Mapped[str]
    secret_sealed: Mapped[bytes]
    promise_id: Mapped[UUID | None]
    secret: Mapped[str | None]
    entropy: Mapped[list[str]]
    teams: Mapped[str | None]
    teams_sha256: Mapped[str | None]
    held_code: Mapped[str | None]
    asked_at: Mapped[datetime]
    asked_by_kind: Mapped[str]
    asked_by_id: Mapped[UUID | None]
    drawn_at: Mapped[datetime | None]
    drawn_by_kind: Mapped[str | None]
    drawn_by_id: Mapped[UUID | None]

    visits: Mapped[list["JointTeamLotVisit"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="JointTeamLotVisit.key"
    )

    __table_args__ = (
        one_of("state", LotState),
        in_pairs("asked", required=True),
        in_pairs("drawn"),
        sa.UniqueConstraint("agency_id", "number"),
        sa.CheckConstraint(
            "(state = 'drawn') = (drawn_at IS NOT NULL AND secret IS NOT NULL"
            " AND teams IS NOT NULL AND teams_sha256 IS NOT NULL)",
            name="drawn_is_open",
        ),
    )


class JointTeamLotVisit(Base):
    """A visit as it stood in a lot, under the key of the manifest, and what its team lacks.

    The visit itself may be gone since.
    """

    __tablename__ = "joint_team_lot_visit"

    lot_id: Mapped[UUID] = mapped_column(sa.ForeignKey("joint_team_lot.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    joint_visit_id: Mapped[UUID] = mapped_column(index=True)
    planned_on: Mapped[date]
    gaps: Mapped[list[Any]]
    stays: Mapped[list[Any]]


class JointTeamChange(Base):
    """A team that somebody changed by hand, with the reason."""

    __tablename__ = "joint_team_change"

    id: Mapped[UUID] = id_column()
    joint_visit_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("joint_visit.id", ondelete="CASCADE"), index=True
    )
    planned_on: Mapped[date]
    reason: Mapped[str]
    officer_ids_out: Mapped[list[str]]
    officer_ids_in: Mapped[list[str]]
    changed_at: Mapped[datetime]
    changed_by_kind: Mapped[str]
    changed_by_id: Mapped[UUID | None]

    __table_args__ = (in_pairs("changed", required=True),)


class JointVisitPartner(Base):
    """An officer of a partner department who comes along."""

    __tablename__ = "joint_visit_partner"

    joint_visit_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("joint_visit.id", ondelete="CASCADE"), primary_key=True
    )
    partner_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("partner_officer.id"), primary_key=True, index=True
    )


class JointVisitItem(Base):
    """What a partner department checks on the visit, and on what basis; no task of ours."""

    __tablename__ = "joint_visit_item"

    id: Mapped[UUID] = id_column()
    joint_visit_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("joint_visit.id", ondelete="CASCADE"), index=True
    )
    department: Mapped[str]
    item: Mapped[str]
    basis: Mapped[str]
