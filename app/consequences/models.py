"""What people decided about findings: nothing, an opinion, a transfer, points, no case."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.consequences.rules import Decision
from app.db import Base, Entity, in_pairs, one_of


class FindingDecision(Entity, Base):
    """A decision about a finding that no other row tells of; one of a kind at a time.

    It is taken back with a reason, never deleted. `reference` names what lies elsewhere: the cause
    of the credit entry of points, the letter of a transfer.
    """

    __tablename__ = "finding_decision"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    finding_id: Mapped[UUID] = mapped_column(sa.ForeignKey("finding.id"))
    kind: Mapped[str]
    reason: Mapped[str]
    organ: Mapped[str | None]
    reference: Mapped[str | None]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    reply: Mapped[str | None]
    replied_on: Mapped[date | None]
    decided_at: Mapped[datetime]
    decided_by_kind: Mapped[str]
    decided_by_id: Mapped[UUID | None]
    revoked_reason: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_kind: Mapped[str | None]
    revoked_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("kind", Decision),
        in_pairs("decided", required=True),
        in_pairs("revoked"),
        sa.CheckConstraint("(kind = 'transfer') = (organ IS NOT NULL)", name="transfer_to"),
        sa.CheckConstraint("kind <> 'opinion' OR document_id IS NOT NULL", name="opinion_there"),
        sa.CheckConstraint("(reply IS NULL) = (replied_on IS NULL)", name="reply_when"),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_with_reason"
        ),
        sa.Index(
            "uq_finding_decision_standing",
            "finding_id",
            "kind",
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
    )
