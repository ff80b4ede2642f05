"""Tables of documents, of the blocks their numbers come from, and of who signed them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.documents.rules import (
    BlockState,
    Confirmation,
    DocumentKind,
    DocumentState,
    EndReason,
    PaperMethod,
    PaperRole,
    ServiceMode,
)


class NumberSeries(Base):
    """The last number that an agency allotted in a series; its row is locked by who takes more."""

    __tablename__ = "number_series"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class NumberBlock(Entity, Base):
    """Numbers of one series that one tablet and one officer may write, nobody else.

    It keeps the form in which its numbers are printed, so that a tablet writes them without asking.
    Without device and officer: a range that may have been given out before a restore.
    """

    __tablename__ = "number_block"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    device_id: Mapped[UUID | None]
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    kind: Mapped[str]
    year: Mapped[int]
    series: Mapped[str]
    first: Mapped[int]
    last: Mapped[int]
    number_form: Mapped[str]
    serial_digits: Mapped[int]
    state: Mapped[str] = mapped_column(default=BlockState.OPEN)
    end_reason: Mapped[str | None]
    allotted_at: Mapped[datetime]
    allotted_by_kind: Mapped[str]
    allotted_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    ended_by_kind: Mapped[str | None]
    ended_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "series", "first"),
        sa.Index("ix_number_block_device_id_state", "device_id", "state"),
        sa.Index("ix_number_block_agency_id_id", "agency_id", "id"),
        one_of("kind", DocumentKind),
        one_of("state", BlockState),
        one_of("end_reason", EndReason),
        in_pairs("allotted", required=True),
        in_pairs("ended"),
        sa.CheckConstraint("1 <= first AND first <= last", name="range_counts"),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_when"),
        sa.CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="ended_why"),
        sa.CheckConstraint(
            "(device_id IS NOT NULL AND officer_id IS NOT NULL)"
            " OR (end_reason IS NOT NULL AND end_reason = 'restored')",
            name="somebodys",
        ),
    )


class Document(Entity, Base):
    """A document that was issued to a unit. Its version guards its signatures.

    `content_hash` is of what it says; a signature names the hash of what was shown. `names` are the
    organ, the unit and the officers as they were called when it was issued. Without a block it took
    its number at a desk; without a unit it is to a party whom no register knows. `case_id` names a
    case, which stands above this package.
    """

    __tablename__ = "document"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    kind: Mapped[str]
    series: Mapped[str]
    serial: Mapped[int]
    number: Mapped[str]
    block_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("number_block.id"), index=True)
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("task.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(index=True)
    fields: Mapped[dict[str, Any]]
    names: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    officer_ids: Mapped[list[str]]
    device_id: Mapped[UUID | None]
    content_hash: Mapped[str]
    state: Mapped[str] = mapped_column(default=DocumentState.ISSUED)
    issued_recorded_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    issued_by_kind: Mapped[str]
    issued_by_id: Mapped[UUID | None]
    signed_at: Mapped[datetime | None]
    signed_by_kind: Mapped[str | None]
    signed_by_id: Mapped[UUID | None]

    signatures: Mapped[list["DocumentSignature"]] = relationship(
        back_populates="document",
        order_by="(DocumentSignature.role, DocumentSignature.officer_id)",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "series", "serial"),
        sa.Index("ix_document_agency_id_id", "agency_id", "id"),
        sa.Index("ix_document_kind_issued", "agency_id", "kind", "issued_at", "issued_recorded_at"),
        one_of("kind", DocumentKind),
        one_of("state", DocumentState),
        in_pairs("issued", required=True),
        in_pairs("signed"),
        sa.CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed_when"),
    )


class DocumentSignature(Base):
    """A signature under a document; `officer_id` signed, or took the other's signature.

    `signer_name` says who it was where it is no officer, `account_id` who gave it at a desk,
    `picture_sha256` which original shows it.
    """

    __tablename__ = "document_signature"

    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), primary_key=True)
    method: Mapped[str]
    reason: Mapped[str | None]
    content_hash: Mapped[str | None]
    device_id: Mapped[UUID | None]
    signer_name: Mapped[str | None]
    account_id: Mapped[UUID | None]
    picture_sha256: Mapped[str | None]
    recorded_at: Mapped[datetime]

    document: Mapped[Document] = relationship(back_populates="signatures")

    __table_args__ = (
        one_of("role", PaperRole),
        one_of("method", PaperMethod),
        sa.CheckConstraint(
            "(method = 'refused') = (reason IS NOT NULL)", name="refused_with_reason"
        ),
    )


class DocumentCorrection(Base):
    """A visible correction 更正 of a locked document: words struck, the right ones, by whom.

    `field` names a field of the template, or `table/row/column`. The version of the document rises;
    what it says, and its hash, stay.
    """

    __tablename__ = "document_correction"

    id: Mapped[UUID] = id_column()
    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"))
    number: Mapped[int]
    field: Mapped[str]
    struck: Mapped[str]
    right: Mapped[str] = mapped_column("right_text")
    occurrence: Mapped[int]
    reason: Mapped[str]
    confirmed_by: Mapped[str]
    confirmed_name: Mapped[str | None]
    by_name: Mapped[str]
    corrected_at: Mapped[datetime]
    corrected_by_kind: Mapped[str]
    corrected_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("document_id", "number"),
        one_of("confirmed_by", Confirmation),
        in_pairs("corrected", required=True),
        sa.CheckConstraint("number >= 1 AND occurrence >= 1", name="counted"),
        sa.CheckConstraint("struck <> '' AND struck <> right_text", name="changes_something"),
        sa.CheckConstraint(
            "(confirmed_by = 'party') = (confirmed_name IS NOT NULL)", name="party_named"
        ),
    )


class DocumentService(Entity, Base):
    """How a document was served 送达, with what proves it; withdrawn ones stay.

    `effective_on` is the day from which it counts as served, empty while that is not known. The
    evidence are originals of the agency by SHA-256.
    """

    __tablename__ = "document_service"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"), index=True)
    mode: Mapped[str]
    mode_from: Mapped[date]
    handed_on: Mapped[date]
    delivered_on: Mapped[date | None]
    effective_on: Mapped[date | None]
    recipient: Mapped[str]
    receiver_name: Mapped[str | None]
    relation: Mapped[str | None]
    place: Mapped[str]
    refusal: Mapped[str | None]
    witnesses: Mapped[list[str]]
    tracking_no: Mapped[str | None]
    consent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    agent: Mapped[str | None]
    channel: Mapped[str | None]
    evidence: Mapped[list[str]]
    officer_ids: Mapped[list[str]]
    note: Mapped[str | None]
    receipt_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_kind: Mapped[str | None]
    withdrawn_by_id: Mapped[UUID | None]
    withdrawn_reason: Mapped[str | None]

    __table_args__ = (
        one_of("mode", ServiceMode),
        in_pairs("recorded", required=True),
        in_pairs("withdrawn"),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="withdrawn_why"
        ),
        sa.CheckConstraint(
            "delivered_on IS NULL OR delivered_on >= handed_on", name="delivered_after"
        ),
        sa.Index("ix_document_service_agency_id_id", "agency_id", "id"),
    )


class ServiceTerm(Base):
    """By when a document has to be served, as it was first computed, and what was said about it.

    Without `due_on` the calendar of a year is missing, which `due_reason` says.
    """

    __tablename__ = "service_term"

    document_id: Mapped[UUID] = mapped_column(sa.ForeignKey("document.id"), primary_key=True)
    due_on: Mapped[date | None]
    due_reason: Mapped[str | None]
    warned_at: Mapped[datetime | None]
    late_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("(due_on IS NULL) = (due_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint(
            "due_on IS NOT NULL OR (warned_at IS NULL AND late_at IS NULL)", name="noticed_when_due"
        ),
    )
