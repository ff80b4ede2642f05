"""Tables of evidence: originals by SHA-256 within an agency, and what they are evidence of."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.evidence.rules import EvidenceState

VIDEOS = "'video/%'"  # as SQL, so that the few videos are found by their index


class Evidence(Entity, Base):
    """One original: what it says of itself (EXIF), and what the tablet said when it was made.

    `claimed_*` come from the operation that brought it, the rest from the bytes; the offsets hold
    one against the other. Coordinates are WGS-84 in 1e-7 degrees. Its version guards its links.
    `uninspected`: a picture whose bytes are here and that nobody has looked into yet.
    """

    __tablename__ = "evidence"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    mime: Mapped[str]
    role: Mapped[str]
    state: Mapped[str] = mapped_column(default=EvidenceState.AWAITED)
    expected_at: Mapped[datetime | None]
    expected_by_kind: Mapped[str | None]
    expected_by_id: Mapped[UUID | None]
    stored_at: Mapped[datetime | None]
    stored_by_kind: Mapped[str | None]
    stored_by_id: Mapped[UUID | None]
    taken_at: Mapped[datetime | None]
    lat_e7: Mapped[int | None]
    lon_e7: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    dhash: Mapped[str | None]
    thumbnail: Mapped[bool] = mapped_column(default=False)
    uninspected: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    claimed_at: Mapped[datetime | None]
    claimed_lat_e7: Mapped[int | None]
    claimed_lon_e7: Mapped[int | None]
    place_offset_m: Mapped[int | None]
    time_offset_s: Mapped[int | None]

    links: Mapped[list["EvidenceLink"]] = relationship(order_by="EvidenceLink.id")

    __table_args__ = (
        sa.UniqueConstraint("agency_id", "sha256"),
        sa.Index("ix_evidence_dhash", "agency_id", "dhash"),
        sa.Index(
            "ix_evidence_uninspected",
            "id",
            sqlite_where=sa.text("uninspected = 1"),
            postgresql_where=sa.text("uninspected"),
        ),
        sa.Index(
            "ix_evidence_video",
            "agency_id",
            "taken_at",
            "stored_at",
            sqlite_where=sa.text(f"mime LIKE {VIDEOS}"),
            postgresql_where=sa.text(f"mime LIKE {VIDEOS}"),
        ),
        one_of("state", EvidenceState),
        in_pairs("expected"),
        in_pairs("stored"),
    )


class EvidencePrint(Base):
    """The fingerprint of a picture in which there is enough to see; its bands are what is searched.

    Two fingerprints whose first halves differ in three bits at most have at least one band in
    common, so four look-ups find every picture that is nearly the same.
    """

    __tablename__ = "evidence_print"

    evidence_id: Mapped[UUID] = mapped_column(sa.ForeignKey("evidence.id"), primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    print: Mapped[str]
    band_0: Mapped[int]
    band_1: Mapped[int]
    band_2: Mapped[int]
    band_3: Mapped[int]

    __table_args__ = tuple(
        sa.Index(f"ix_evidence_print_band_{number}", "agency_id", f"band_{number}")
        for number in range(4)
    )


class EvidenceLink(Base):
    """What an original is evidence of; retracted links stay.

    `claimed_*` are what the tablet recorded for this use: when, with which fix, and whether its
    clock could not be trusted.
    """

    __tablename__ = "evidence_link"

    id: Mapped[UUID] = id_column()
    evidence_id: Mapped[UUID] = mapped_column(sa.ForeignKey("evidence.id"), index=True)
    subject_type: Mapped[str]
    subject_id: Mapped[UUID] = mapped_column(index=True)
    role: Mapped[str]
    op_id: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None]
    claimed_fix: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    claimed_suspect: Mapped[bool] = mapped_column(default=False)
    attached_at: Mapped[datetime]
    attached_by_kind: Mapped[str]
    attached_by_id: Mapped[UUID | None]
    retracted_at: Mapped[datetime | None]
    retracted_by_kind: Mapped[str | None]
    retracted_by_id: Mapped[UUID | None]

    __table_args__ = (
        sa.UniqueConstraint("evidence_id", "subject_type", "subject_id", "role"),
        in_pairs("retracted"),
    )
