"""Tables of draws: plans, draws, deposits, dice, files byte for byte, and who was drawn."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.draws.changelog import KIND_NAMES, STATE_NAMES, ChangeKind, ChangeState
from app.draws.stages import (
    AnnualState,
    Audience,
    Coordination,
    DrawKind,
    DrawState,
    EntropyState,
    Fallback,
    HashName,
    Level,
    PlanState,
    SelectionKind,
)
from app.tasks.rules import JointRole


class AnnualPlan(Entity, Base):
    """What an agency means to inspect in a year 年度抽查计划, published by the end of March.

    Once published it is changed by a new revision only, so that what was promised stays readable.
    `items` are as `annual.Item` has them, with the base as it was on the day of publication.
    """

    __tablename__ = "annual_plan"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    year: Mapped[int]
    revision: Mapped[int]
    title: Mapped[str]
    note: Mapped[str | None]
    revision_reason: Mapped[str | None]
    items: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(default=AnnualState.DRAFT)
    saved_at: Mapped[datetime]
    saved_by_kind: Mapped[str]
    saved_by_id: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    published_by_kind: Mapped[str | None]
    published_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "year", "revision"),
        # of each year one revision is in force, and one may be in the making
        sa.Index(
            "uq_annual_plan_in_force",
            "agency_id",
            "year",
            "state",
            unique=True,
            sqlite_where=sa.text("state <> 'superseded'"),
            postgresql_where=sa.text("state <> 'superseded'"),
        ),
        one_of("state", AnnualState),
        in_pairs("saved", required=True),
        in_pairs("published"),
        sa.CheckConstraint(
            "(state = 'draft') = (published_at IS NULL)", name="published_has_its_time"
        ),
        sa.CheckConstraint(
            "(revision > 1) = (revision_reason IS NOT NULL)", name="revised_with_reason"
        ),
    )


class DrawPlan(Entity, Base):
    """What is to be drawn in a period 抽查计划; it is drawn once, on `draw_on` or as soon after.

    `top_up_of` is the number of the draw that a top-up 补抽 completes, from what it left undrawn.
    """

    __tablename__ = "draw_plan"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    year: Mapped[int]
    period: Mapped[str]
    kind: Mapped[str]
    strata: Mapped[dict[str, Any]]
    weight_factors: Mapped[list[str]]
    coordination: Mapped[str] = mapped_column(default=Coordination.SHARED)
    hash: Mapped[str] = mapped_column(default=HashName.SHA256)
    list_public: Mapped[bool] = mapped_column(default=True)
    exclusions: Mapped[list[str]]
    cutoff_on: Mapped[date | None]
    annual_plan_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("annual_plan.id"))
    role: Mapped[str | None]
    lead_department: Mapped[str | None]
    partner_departments: Mapped[list[str]]
    area: Mapped[str | None]
    level: Mapped[str]
    beacon: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    draw_on: Mapped[date] = mapped_column(index=True)
    deposits_close_at: Mapped[datetime | None]
    opens_at: Mapped[datetime | None]
    dice_until_at: Mapped[datetime | None]
    reveal: Mapped[str]
    due_on: Mapped[date]
    team_size: Mapped[int]
    officer_limit: Mapped[int | None]
    given_list_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("given_list.id"))
    fallback: Mapped[str] = mapped_column(default=Fallback.NONE)
    state: Mapped[str] = mapped_column(default=PlanState.ACTIVE)
    saved_at: Mapped[datetime]
    saved_by_kind: Mapped[str]
    saved_by_id: Mapped[UUID | None]
    redraw_ordered_at: Mapped[datetime | None]
    redraw_ordered_by_kind: Mapped[str | None]
    redraw_ordered_by_id: Mapped[UUID | None]
    redraw_reason: Mapped[str | None]
    top_up_of: Mapped[str | None]
    top_up_reason: Mapped[str | None]

    draws: Mapped[list["Draw"]] = relationship(back_populates="plan", order_by="Draw.draw_no")
    annual_plan: Mapped[AnnualPlan | None] = relationship()

    @property
    def exclude_drawn(self) -> bool:
        """Whether who was drawn this year already is left out."""
        return "drawn-this-year" in self.exclusions

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "period", "name"),
        one_of("kind", DrawKind),
        one_of("level", Level),
        one_of("coordination", Coordination),
        one_of("hash", HashName),
        one_of("fallback", Fallback),
        one_of("state", PlanState),
        one_of("role", JointRole),
        in_pairs("saved", required=True),
        in_pairs("redraw_ordered"),
        sa.CheckConstraint(
            "(kind = 'cross-department') = (role IS NOT NULL)", name="joint_with_role"
        ),
        sa.CheckConstraint("team_size >= 2", name="team_of_two"),
        sa.CheckConstraint("due_on >= draw_on", name="due_after_draw"),
    )


class Draw(Entity, Base):
    """One draw 抽取 under its number. `secret_sealed` opens only with the draw key.

    What decided it stands in `draw_file`, byte for byte as hashed. The version also guards its
    deposits, dice, files and selection.
    """

    __tablename__ = "draw"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    plan_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw_plan.id"))
    period: Mapped[str]
    draw_no: Mapped[str] = mapped_column(unique=True)
    serial: Mapped[int]
    year: Mapped[int]
    state: Mapped[str] = mapped_column(default=DrawState.PLANNED, index=True)
    level: Mapped[str]
    hash: Mapped[str]
    draw_on: Mapped[date]
    due_on: Mapped[date]
    reveal: Mapped[str]
    team_size: Mapped[int]
    list_public: Mapped[bool]
    deposits_close_at: Mapped[datetime | None]
    opens_at: Mapped[datetime | None]
    dice_until_at: Mapped[datetime | None]
    summary: Mapped[list[Any]] = mapped_column(default=list)
    announce_serial: Mapped[int | None]
    manifest_sha256: Mapped[str | None]
    secret_sealed: Mapped[bytes | None]
    result_sha256: Mapped[str | None]
    held_code: Mapped[str | None]
    held_detail: Mapped[str | None]
    held_extras: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    reminded_on: Mapped[date | None]
    reminders: Mapped[int] = mapped_column(default=0)
    void_reason: Mapped[str | None]
    planned_at: Mapped[datetime]
    planned_by_kind: Mapped[str]
    planned_by_id: Mapped[UUID | None]
    frozen_at: Mapped[datetime | None]
    frozen_by_kind: Mapped[str | None]
    frozen_by_id: Mapped[UUID | None]
    announced_at: Mapped[datetime | None]
    announced_by_kind: Mapped[str | None]
    announced_by_id: Mapped[UUID | None]
    seeded_at: Mapped[datetime | None]
    seeded_by_kind: Mapped[str | None]
    seeded_by_id: Mapped[UUID | None]
    drawn_at: Mapped[datetime | None]
    drawn_by_kind: Mapped[str | None]
    drawn_by_id: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    published_by_kind: Mapped[str | None]
    published_by_id: Mapped[UUID | None]
    voided_at: Mapped[datetime | None]
    voided_by_kind: Mapped[str | None]
    voided_by_id: Mapped[UUID | None]

    plan: Mapped[DrawPlan] = relationship(back_populates="draws", lazy="joined")

    __table_args__ = (
        # A void draw keeps its number and makes room for one that a person ordered anew.
        sa.Index(
            "uq_draw_plan_id_period",
            "plan_id",
            "period",
            unique=True,
            sqlite_where=sa.text("state <> 'void'"),
            postgresql_where=sa.text("state <> 'void'"),
        ),
        sa.UniqueConstraint("agency_id", "announce_serial"),
        sa.UniqueConstraint("district", "year", "serial"),
        one_of("state", DrawState),
        one_of("level", Level),
        in_pairs("planned", required=True),
        *(
            in_pairs(prefix)
            for prefix in ("frozen", "announced", "seeded", "drawn", "published", "voided")
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (secret_sealed IS NULL)", name="secret_with_manifest"
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (manifest_sha256 IS NULL)", name="hash_with_manifest"
        ),
        sa.CheckConstraint("voided_at IS NULL OR void_reason IS NOT NULL", name="void_with_reason"),
    )


class DrawDeposit(Entity, Base):
    """32 random bytes that a person sealed 封存; its commitment is public with the manifest.

    `draw_id` is None while it stands ready for the next sealed draw; `number` is its place in the
    manifest.
    """

    __tablename__ = "draw_deposit"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    draw_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("draw.id"), index=True)
    number: Mapped[int | None]
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    role: Mapped[str]
    hash: Mapped[str]
    commitment: Mapped[str] = mapped_column(unique=True)
    value_sealed: Mapped[bytes]
    deposited_at: Mapped[datetime]
    deposited_by_kind: Mapped[str]
    deposited_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("draw_id", "account_id"),
        sa.UniqueConstraint("draw_id", "number"),
        sa.CheckConstraint("number IS NULL OR draw_id IS NOT NULL", name="numbered_in_a_draw"),
        in_pairs("deposited", required=True),
    )


class DrawEntropy(Base):
    """What one person typed of the dice 骰子; two different people have to type the same."""

    __tablename__ = "draw_entropy"

    id: Mapped[UUID] = id_column()
    draw_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw.id"), index=True)
    attempt: Mapped[int]
    digits: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"))
    role: Mapped[str]
    state: Mapped[str]
    entered_at: Mapped[datetime]
    entered_by_kind: Mapped[str]
    entered_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("draw_id", "attempt", "account_id"),
        sa.UniqueConstraint("draw_id", "attempt", "role"),
        one_of("state", EntropyState),
        in_pairs("entered", required=True),
    )


class DrawHold(Entity, Base):
    """A period whose draws wait for an administrator, because a restored database may not know of
    one that was made in it.
    """

    __tablename__ = "draw_hold"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    period: Mapped[str]
    detail: Mapped[str]
    held_at: Mapped[datetime]
    held_by_kind: Mapped[str]
    held_by_id: Mapped[UUID | None]
    released_at: Mapped[datetime | None]
    released_by_kind: Mapped[str | None]
    released_by_id: Mapped[UUID | None]
    release_reason: Mapped[str | None]

    __table_args__ = (
        in_pairs("held", required=True),
        in_pairs("released"),
        sa.CheckConstraint(
            "(released_at IS NULL) = (release_reason IS NULL)", name="released_with_reason"
        ),
    )


class DrawFile(Base):
    """A file of a draw, as hashed; everybody may fetch it from `public_from` on."""

    __tablename__ = "draw_file"

    draw_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(deferred=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    audience: Mapped[str]
    public_from: Mapped[datetime | None]

    __table_args__ = (
        one_of("audience", Audience),
        sa.CheckConstraint(
            "public_from IS NULL OR audience IN ('announced', 'revealed')", name="never_public"
        ),
    )


class DrawSelection(Base):
    """A drawn unit or a reserve 备选, in the order of the lots of its class.

    A reserve has a task from the day on which it follows a unit that cannot be visited.
    """

    __tablename__ = "draw_selection"

    id: Mapped[UUID] = id_column()
    draw_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw.id"))
    stratum: Mapped[str]
    weight: Mapped[int]
    rank: Mapped[int]
    kind: Mapped[str]
    archive_no: Mapped[str]
    ticket: Mapped[str]
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), index=True)

    __table_args__ = (
        sa.UniqueConstraint("draw_id", "stratum", "archive_no"),
        sa.UniqueConstraint("draw_id", "stratum", "weight", "rank"),
        one_of("kind", SelectionKind),
    )


_OPEN_REPLACEMENT = sa.text("kind = 'replacement' AND state IN ('proposed', 'confirmed')")
_OPEN_REDRAW = sa.text("kind = 'slot-redraw' AND state IN ('proposed', 'confirmed')")


class DrawChange(Entity, Base):
    """What was changed of a result 变更, or is proposed to be; `record` is what the public reads.

    `number` counts the changes of a draw in the order in which they were carried out. The version
    also guards the skipped reserves.
    """

    __tablename__ = "draw_change"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    draw_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw.id"), index=True)
    selection_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw_selection.id"))
    task_id: Mapped[UUID] = mapped_column(sa.ForeignKey("task.id"), index=True)
    kind: Mapped[str]
    cause: Mapped[str]
    note: Mapped[str]
    evidence: Mapped[list[str]]
    skips: Mapped[list[Any]]
    state: Mapped[str]
    number: Mapped[int | None]
    officer_out_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    officer_in_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    redraw_no: Mapped[int | None]
    after_freeze: Mapped[bool]
    reserve_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("draw_selection.id"), unique=True)
    new_task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), unique=True)
    record: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    held_code: Mapped[str | None]
    held_detail: Mapped[str | None]
    proposed_officer_id: Mapped[UUID | None]
    confirmed_officer_id: Mapped[UUID | None]
    approved_reason: Mapped[str | None]
    ended_reason: Mapped[str | None]
    proposed_at: Mapped[datetime]
    proposed_by_kind: Mapped[str]
    proposed_by_id: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    approved_by_kind: Mapped[str | None]
    approved_by_id: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by_kind: Mapped[str | None]
    confirmed_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]
    carried_out_at: Mapped[datetime | None]
    carried_out_by_kind: Mapped[str | None]
    carried_out_by_id: Mapped[UUID | None]

    draw: Mapped[Draw] = relationship()
    line: Mapped[DrawSelection] = relationship(foreign_keys=[selection_id])
    reserve: Mapped[DrawSelection | None] = relationship(foreign_keys=[reserve_id])
    skipped: Mapped[list["DrawReserveSkip"]] = relationship(order_by="DrawReserveSkip.rank")

    __table_args__ = (
        sa.UniqueConstraint("draw_id", "number"),
        sa.UniqueConstraint("task_id", "redraw_no"),
        sa.Index(
            "uq_draw_change_open_replacement",
            "task_id",
            unique=True,
            sqlite_where=_OPEN_REPLACEMENT,
            postgresql_where=_OPEN_REPLACEMENT,
        ),
        sa.Index(
            "uq_draw_change_open_redraw",
            "task_id",
            "officer_out_id",
            unique=True,
            sqlite_where=_OPEN_REDRAW,
            postgresql_where=_OPEN_REDRAW,
        ),
        one_of("kind", ChangeKind),
        one_of("state", ChangeState),
        in_pairs("proposed", required=True),
        *(in_pairs(prefix) for prefix in ("approved", "confirmed", "ended", "carried_out")),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR (confirmed_officer_id IS NOT NULL"
            " AND (proposed_by_id IS NULL OR confirmed_by_id <> proposed_by_id)"
            " AND (proposed_officer_id IS NULL OR confirmed_officer_id <> proposed_officer_id))",
            name="second_person",
        ),
        sa.CheckConstraint(
            "kind = 'reassignment' OR state NOT IN ('confirmed', 'carried-out')"
            " OR confirmed_at IS NOT NULL",
            name="carried_out_by_two",
        ),
        sa.CheckConstraint(
            "approved_at IS NULL OR (approved_reason IS NOT NULL"
            " AND (proposed_by_id IS NULL OR approved_by_id <> proposed_by_id))",
            name="approved_by_another",
        ),
        sa.CheckConstraint(
            "(state = 'carried-out') = (carried_out_at IS NOT NULL)"
            " AND (carried_out_at IS NULL) = (number IS NULL)"
            " AND (carried_out_at IS NULL) = (record IS NULL)",
            name="carried_out_is_recorded",
        ),
        sa.CheckConstraint(
            "(state IN ('refused', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended_by_somebody"
        ),
        sa.CheckConstraint(
            "kind = 'replacement' OR (reserve_id IS NULL AND new_task_id IS NULL)",
            name="reserve_of_a_replacement",
        ),
    )

    @property
    def draw_no(self) -> str:
        return self.draw.draw_no

    @property
    def stratum(self) -> str:
        return self.line.stratum

    @property
    def archive_no(self) -> str:
        return self.line.archive_no

    @property
    def reserve_archive_no(self) -> str | None:
        return None if self.reserve is None else self.reserve.archive_no

    @property
    def kind_name(self) -> str:
        return KIND_NAMES[self.kind]

    @property
    def state_name(self) -> str:
        return STATE_NAMES[self.state]


class DrawReserveSkip(Base):
    """A reserve that was passed over because it cannot be visited either, and why."""

    __tablename__ = "draw_reserve_skip"

    id: Mapped[UUID] = id_column()
    change_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw_change.id"), index=True)
    selection_id: Mapped[UUID] = mapped_column(sa.ForeignKey("draw_selection.id"), unique=True)
    archive_no: Mapped[str]
    rank: Mapped[int]
    cause: Mapped[str]
    note: Mapped[str]
    evidence: Mapped[list[str]]
    automatic: Mapped[bool]
    skipped_at: Mapped[datetime]
    skipped_by_kind: Mapped[str]
    skipped_by_id: Mapped[UUID | None]

    __table_args__ = (in_pairs("skipped", required=True),)
