"""Tables of publication: what is public where, receipts of platforms, cards, credit reports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Entity, in_pairs, one_of
from app.publication.rules import CardKind, CardState, PublicationState, SubjectType


class Publication(Entity, Base):
    """Something public 公示 on one channel, from when, until when at least and at most.

    `content` is what the channel shows, anonymised; it is emptied when it is withdrawn. There is
    one row for a subject on a channel, however often its cause comes.
    """

    __tablename__ = "publication"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    channel: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    number: Mapped[str]
    event_on: Mapped[date]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    start_on: Mapped[date | None]
    min_end: Mapped[date | None]
    max_end: Mapped[date | None]
    rule_set: Mapped[str | None]
    state: Mapped[str]
    content: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    withdrawn_reason: Mapped[str | None]
    withdraw_due_on: Mapped[date | None]
    planned_at: Mapped[datetime]
    planned_by_kind: Mapped[str]
    planned_by_id: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    published_by_kind: Mapped[str | None]
    published_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", PublicationState),
        one_of("subject_type", SubjectType),
        in_pairs("planned", required=True),
        in_pairs("published"),
        in_pairs("ended"),
        sa.UniqueConstraint("channel", "subject_type", "subject_id"),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint("state <> 'public' OR published_at IS NOT NULL", name="public_when"),
        sa.CheckConstraint(
            "(state IN ('repaired', 'expired', 'withdrawn')) = (ended_at IS NOT NULL)",
            name="ended_when",
        ),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (content IS NULL AND withdrawn_reason IS NOT NULL)",
            name="withdrawn_without_content",
        ),
        sa.Index("ix_publication_agency_id_id", "agency_id", "id"),
        sa.Index(  # all that is asked of the many publications of a year
            "ix_publication_counted",
            "agency_id",
            "event_on",
            "subject_type",
            "published_at",
            "ended_at",
            "due_on",
        ),
        sa.Index(
            "ix_publication_reported", "agency_id", "channel", "event_on", "state", "ended_at", "id"
        ),
        sa.Index("ix_publication_subject_id", "subject_id"),
        sa.Index("ix_publication_channel_state_event_on", "channel", "state", "event_on"),
    )


class PublicationReceipt(Entity, Base):
    """What the credit platform answered about one record: taken in, or returned with its reason."""

    __tablename__ = "publication_receipt"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    publication_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("publication.id"), index=True)
    number: Mapped[str]
    reported_on: Mapped[date]
    accepted: Mapped[bool]
    reason: Mapped[str | None]
    file_sha256: Mapped[str]
    row_no: Mapped[int]
    imported_at: Mapped[datetime]
    imported_by_kind: Mapped[str]
    imported_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("imported", required=True),
        sa.UniqueConstraint("agency_id", "number", "reported_on"),
        sa.CheckConstraint("accepted OR reason IS NOT NULL", name="returned_with_reason"),
        sa.Index("ix_publication_receipt_agency_id_id", "agency_id", "id"),
    )


class ReportCard(Entity, Base):
    """A card for the national report, with its clock of 5 working days from its event.

    `subject_version` is the version of the unit that a change made; 0 for what happens once.
    """

    __tablename__ = "report_card"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    subject_version: Mapped[int] = mapped_column(default=0)
    event_on: Mapped[date]
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    opened_by_kind: Mapped[str]
    opened_by_id: Mapped[UUID | None]
    reported_at: Mapped[datetime | None]
    reported_by_kind: Mapped[str | None]
    reported_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("kind", CardKind),
        one_of("state", CardState),
        in_pairs("opened", required=True),
        in_pairs("reported"),
        sa.UniqueConstraint("kind", "subject_id", "subject_version"),
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint(
            "(state = 'reported') = (reported_at IS NOT NULL)", name="reported_when"
        ),
        sa.Index("ix_report_card_agency_id_id", "agency_id", "id"),
    )


class CreditReport(Entity, Base):
    """A special credit report 专用信用报告 as it was issued; anybody checks it by its code.

    `body` is canonical JSON: what stood in the record on `as_of`. Codes come from `secrets`.
    """

    __tablename__ = "credit_report"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    as_of: Mapped[date]
    purpose: Mapped[str]
    body: Mapped[str]
    sha256: Mapped[str]
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]

    __table_args__ = (
        in_pairs("issued", required=True),
        sa.Index("ix_credit_report_agency_id_id", "agency_id", "id"),
    )
