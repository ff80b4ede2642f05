"""Tables of supervised units: the register, what a unit is registered and licensed for, imports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.units.lifecycle_rules import LifeVerb, StepState, VerificationResult
from app.units.rules import STATUS_NAMES, ImportState, LicenceKind, Register, UnitStatus


class Unit(Entity, Base):
    """A supervised unit, or a person or place without licence: flagged by state, never deleted.

    Several units may share one 统一社会信用代码, so the key inside the agency is `archive_no`; it
    is never given to another unit. The version also guards registrations and licences.
    """

    __tablename__ = "unit"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    archive_no: Mapped[str]
    name: Mapped[str]
    sign_name: Mapped[str | None]
    uscc: Mapped[str | None] = mapped_column(index=True)
    legal_representative: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str]
    street_code: Mapped[str | None]
    grid_cell: Mapped[str | None]
    lat_e7: Mapped[int | None]
    lon_e7: Mapped[int | None]
    datum: Mapped[str] = mapped_column(default="WGS-84")
    risk_class: Mapped[str | None]
    credit_class: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=UnitStatus.IN_OPERATION)
    opened_on: Mapped[date | None]
    note: Mapped[str | None]

    registrations: Mapped[list["UnitRegistration"]] = relationship(
        back_populates="unit",
        cascade="all, delete-orphan",
        lazy="selectin",
        order_by="(UnitRegistration.specialty, UnitRegistration.object_class)",
    )
    licences: Mapped[list["Licence"]] = relationship(
        back_populates="unit",
        cascade="all, delete-orphan",
        lazy="selectin",
        order_by="(Licence.kind, Licence.number, Licence.id)",
    )

    @property
    def state_name(self) -> str:
        return STATUS_NAMES[UnitStatus(self.state)]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "archive_no"),
        sa.Index("ix_unit_agency_id_state", "agency_id", "state"),
        sa.Index("ix_unit_agency_id_name", "agency_id", "name"),
        sa.CheckConstraint("(lat_e7 IS NULL) = (lon_e7 IS NULL)", name="place_whole"),
        sa.CheckConstraint("archive_no <> '' AND name <> ''", name="named"),
        one_of("state", UnitStatus),
    )


class UnitRegistration(Base):
    """What a unit is supervised for: one specialty and object class, by catalogue code."""

    __tablename__ = "unit_registration"

    id: Mapped[UUID] = id_column()
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    specialty: Mapped[str]
    object_class: Mapped[str]

    unit: Mapped[Unit] = relationship(back_populates="registrations")

    __table_args__ = (
        sa.UniqueConstraint("unit_id", "specialty", "object_class"),
        sa.Index("ix_unit_registration_specialty_object_class", "specialty", "object_class"),
    )


class Licence(Base):
    """A permit 许可 or a filing 备案 of a unit, as the approving section handed it over.

    `commitment` marks 告知承诺: granted on a promise, so an inspection has to follow.
    """

    __tablename__ = "licence"

    id: Mapped[UUID] = id_column()
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    kind: Mapped[str]
    number: Mapped[str]
    object_class: Mapped[str | None]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    commitment: Mapped[bool] = mapped_column(default=False)

    unit: Mapped[Unit] = relationship(back_populates="licences")

    __table_args__ = (
        one_of("kind", LicenceKind),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_until IS NULL OR valid_from <= valid_until",
            name="dates_in_order",
        ),
    )


class UnitLabel(Entity, Base):
    """A dated entry of a unit on a list 标签: under investigation, supervised from afar, …

    `label` is a code of the catalogue's `unit_label` rows. It holds from `from_on` to `until_on`,
    both included; an entry is ended, never deleted.
    """

    __tablename__ = "unit_label"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    label: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    source: Mapped[str]
    reference: Mapped[str | None]
    end_reason: Mapped[str | None]
    declared_at: Mapped[datetime]
    declared_by_kind: Mapped[str]
    declared_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]

    unit: Mapped[Unit] = relationship(lazy="joined")

    __table_args__ = (
        sa.Index("ix_unit_label_agency_id_label", "agency_id", "label"),
        in_pairs("declared", required=True),
        in_pairs("ended"),
        sa.CheckConstraint("until_on IS NULL OR from_on <= until_on", name="days_in_order"),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_with_reason"),
    )


class UnitVerification(Entity, Base):
    """A 校验 of a unit: its result, the cycle that its beds put it in, and when the next is due.

    `next_due_on` follows from the cycle's row; of a deferred one it is the end of its grace.
    """

    __tablename__ = "unit_verification"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    verified_on: Mapped[date]
    result: Mapped[str]
    beds: Mapped[int]
    cycle: Mapped[str]
    next_due_on: Mapped[date]
    document_no: Mapped[str]
    note: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("unit_id", "verified_on"),
        sa.Index("ix_unit_verification_next_due_on", "next_due_on"),
        one_of("result", VerificationResult),
        in_pairs("recorded", required=True),
        sa.CheckConstraint("beds >= 0", name="beds_not_negative"),
        sa.CheckConstraint("next_due_on > verified_on", name="next_later"),
    )


class UnitStep(Entity, Base):
    """A step in the life of a unit: what an organ did, on which day, by which document and why.

    强制注销 takes effect only when a second person confirmed it.
    """

    __tablename__ = "unit_step"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    verb: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    state: Mapped[str]
    on_day: Mapped[date]
    document_no: Mapped[str | None]
    reason: Mapped[str]
    refused_reason: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by_kind: Mapped[str | None]
    confirmed_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.Index("ix_unit_step_unit_id_id", "unit_id", "id"),
        sa.Index("ix_unit_step_agency_id_state", "agency_id", "state"),
        one_of("verb", LifeVerb),
        one_of("before", UnitStatus),
        one_of("after", UnitStatus),
        one_of("state", StepState),
        in_pairs("recorded", required=True),
        in_pairs("confirmed"),
        sa.CheckConstraint(
            "verb <> 'force-cancel' OR state <> 'taken'"
            " OR (confirmed_at IS NOT NULL AND confirmed_by_id <> recorded_by_id)",
            name="second_person",
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (refused_reason IS NOT NULL)", name="refused_with_reason"
        ),
    )


class SelfCheck(Entity, Base):
    """What a unit said of itself on a platform for self-checks 自查, as it was imported."""

    __tablename__ = "self_check"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    platform: Mapped[str]
    checked_on: Mapped[date]
    passed: Mapped[bool]
    problems: Mapped[str | None]
    imported_at: Mapped[datetime]
    imported_by_kind: Mapped[str]
    imported_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("unit_id", "platform", "checked_on"),
        in_pairs("imported", required=True),
        sa.CheckConstraint("passed OR problems IS NOT NULL", name="failed_with_problems"),
    )


class RegisterImport(Entity, Base):
    """A file of units or officers: previewed row by row, then applied whole or not at all."""

    __tablename__ = "register_import"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    register: Mapped[str]
    state: Mapped[str]
    sha256: Mapped[str]
    file_name: Mapped[str]
    counts: Mapped[dict[str, Any]]
    columns: Mapped[list[str]]
    previewed_at: Mapped[datetime]
    previewed_by_kind: Mapped[str]
    previewed_by_id: Mapped[UUID | None]
    applied_at: Mapped[datetime | None]
    applied_by_kind: Mapped[str | None]
    applied_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("register", Register),
        one_of("state", ImportState),
        in_pairs("previewed", required=True),
        in_pairs("applied"),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_at IS NOT NULL)", name="applied_has_its_time"
        ),
    )


class RegisterImportRow(Base):
    """One row of an imported file: the verdict, why, and its cells until they are applied.

    Cells may hold personal values; applying empties them, what was taken over stands in the
    register.
    """

    __tablename__ = "register_import_row"

    import_id: Mapped[UUID] = mapped_column(sa.ForeignKey("register_import.id"), primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str]
    verdict: Mapped[str]
    reasons: Mapped[list[Any]]
    changed: Mapped[list[str]]
    cells: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))

    __table_args__ = (sa.Index("ix_register_import_row_verdict", "import_id", "verdict"),)
