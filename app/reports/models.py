"""Tables of reports: permits as the approving section handed them over, forms that were imported,
numbers that people keep by hand, and who read which dossier."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, in_pairs, one_of
from app.reports.permit_rules import PermitOutcome
from app.reports.quantities import Quantity, Unit


class PermitRecord(Entity, Base):
    """One application for a permit 许可办件, as imported; the process itself is another system's.

    `item` is a code of the catalogue's `permit_item`. Without `closed_on` it is under way. A record
    that comes again under its number takes the newer values.
    """

    __tablename__ = "permit_record"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    record_no: Mapped[str]
    item: Mapped[str]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    applied_on: Mapped[date]
    outcome: Mapped[str | None]
    closed_on: Mapped[date | None]
    due_on: Mapped[date | None]
    online: Mapped[bool]
    fully_online: Mapped[bool]
    commitment: Mapped[bool]
    on_the_spot: Mapped[bool]
    charge_fen: Mapped[int]
    imported_at: Mapped[datetime]
    imported_by_kind: Mapped[str]
    imported_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "record_no"),
        sa.Index("ix_permit_record_agency_id_closed_on", "agency_id", "closed_on"),
        one_of("outcome", PermitOutcome),
        in_pairs("imported", required=True),
        sa.CheckConstraint("(closed_on IS NULL) = (outcome IS NULL)", name="closed_with_outcome"),
        sa.CheckConstraint("charge_fen >= 0", name="charge_not_negative"),
    )


class AnnualTable(Entity, Base):
    """A form 行政许可办理和批后监管情况统计表 that came in as a file, with what was repaired.

    `rows` hold the cells of the 25 columns as text, `repairs` the numbers of the lines that were
    changed to be read and how. The newest of a year counts.
    """

    __tablename__ = "annual_table"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    year: Mapped[int]
    file_name: Mapped[str]
    sha256: Mapped[str]
    rows: Mapped[list[Any]]
    repairs: Mapped[list[Any]]
    imported_at: Mapped[datetime]
    imported_by_kind: Mapped[str]
    imported_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.Index("ix_annual_table_agency_id_year", "agency_id", "year"),
        in_pairs("imported", required=True),
    )


class ManualCount(Entity, Base):
    """A number that no table of the product knows, entered by a person with its source.

    `counter` is a code of the catalogue's `manual_counter`, `unit` the unit it is counted in.
    `number_e6` is the number in millionths: exact, also for 万元. A wrong one is voided, not
    changed.
    """

    __tablename__ = "manual_count"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    counter: Mapped[str]
    unit: Mapped[str]
    number_e6: Mapped[int]
    at_least: Mapped[bool]
    from_on: Mapped[date]
    until_on: Mapped[date]
    source: Mapped[str]
    sourced_on: Mapped[date]
    note: Mapped[str | None]
    void_reason: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]
    voided_at: Mapped[datetime | None]
    voided_by_kind: Mapped[str | None]
    voided_by_id: Mapped[UUID | None]

    @property
    def quantity(self) -> Quantity:
        """Return the number with its unit."""
        return Quantity(Decimal(self.number_e6).scaleb(-6), Unit(self.unit))

    @property
    def number(self) -> str:
        return self.quantity.text

    __table_args__ = (
        sa.Index("ix_manual_count_agency_id_until_on", "agency_id", "until_on"),
        in_pairs("recorded", required=True),
        in_pairs("voided"),
        sa.CheckConstraint("number_e6 >= 0", name="number_not_negative"),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
        sa.CheckConstraint("(voided_at IS NULL) = (void_reason IS NULL)", name="voided_why"),
    )


class FileReview(Entity, Base):
    """A review of closed case files 案卷评查: a random sample that can be drawn again.

    The population are the cases of the agency that were closed within the days; its ids, sorted,
    have the hash `population_sha256`. Criteria are the catalogue's on `criteria_on`.
    """

    __tablename__ = "file_review"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    name: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date]
    seed: Mapped[str]
    criteria_on: Mapped[date]
    population: Mapped[int]
    population_sha256: Mapped[str]
    drawn_at: Mapped[datetime]
    drawn_by_kind: Mapped[str]
    drawn_by_id: Mapped[UUID | None]

    files: Mapped[list["ReviewedFile"]] = relationship(
        back_populates="review", order_by="ReviewedFile.place", lazy="selectin"
    )

    __table_args__ = (
        sa.Index("ix_file_review_agency_id_id", "agency_id", "id"),
        in_pairs("drawn", required=True),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
    )


class ReviewedFile(Entity, Base):
    """A file that was drawn for review, who reviews it, and what they found in it.

    `findings` hold, for each criterion, the points given and why points were taken.
    """

    __tablename__ = "reviewed_file"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    review_id: Mapped[UUID] = mapped_column(sa.ForeignKey("file_review.id"))
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"))
    place: Mapped[int]
    ticket: Mapped[str]
    reviewer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    findings: Mapped[list[Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    points: Mapped[int | None]
    points_of: Mapped[int | None]
    note: Mapped[str | None]
    judged_at: Mapped[datetime | None]
    judged_by_kind: Mapped[str | None]
    judged_by_id: Mapped[UUID | None]

    review: Mapped[FileReview] = relationship(back_populates="files")

    __table_args__ = (
        sa.UniqueConstraint("review_id", "case_id"),
        sa.UniqueConstraint("review_id", "place"),
        in_pairs("judged"),
        sa.CheckConstraint(
            "(judged_at IS NULL) = (findings IS NULL)"
            " AND (judged_at IS NULL) = (points IS NULL)"
            " AND (judged_at IS NULL) = (points_of IS NULL)",
            name="judged_whole",
        ),
        sa.CheckConstraint("points >= 0 AND points <= points_of", name="points_within"),
    )


class DossierReading(Entity, Base):
    """Somebody opened the dossier of a unit: who, when, and on behalf of what."""

    __tablename__ = "dossier_reading"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    read_at: Mapped[datetime]
    read_by_kind: Mapped[str]
    read_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.Index("ix_dossier_reading_unit_id_id", "unit_id", "id"),
        in_pairs("read", required=True),
    )
