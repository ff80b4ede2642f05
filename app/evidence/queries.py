"""Reads of evidence."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import EvidenceState


def find_evidence(agency_id: UUID, sha256: str, *, lock: bool = False) -> Evidence | None:
    """Return the evidence of an agency with this content, awaited or here.

    With `lock` it is as it is now, and nobody else changes it until the transaction ends.
    """
    query = sa.select(Evidence).where(Evidence.agency_id == agency_id, Evidence.sha256 == sha256)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


def find_stored(agency_id: UUID, sha256: str) -> Evidence | None:
    """Return the evidence of an agency with this content, if its bytes are here."""
    found = find_evidence(agency_id, sha256)
    return found if found is not None and found.state != EvidenceState.AWAITED else None


def links_of(subject_ids: Collection[UUID]) -> list[tuple[EvidenceLink, Evidence]]:
    """Return every link of these subjects that was not retracted, with its evidence."""
    rows = db.session.execute(
        sa.select(EvidenceLink, Evidence)
        .join(Evidence, Evidence.id == EvidenceLink.evidence_id)
        .where(EvidenceLink.subject_id.in_(subject_ids), EvidenceLink.retracted_at.is_(None))
        .order_by(EvidenceLink.id)
    )
    return [(link, evidence) for link, evidence in rows]


def awaited_of(subject_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return, per subject, how many of its photos have not arrived."""
    rows = db.session.execute(
        sa.select(EvidenceLink.subject_id, sa.func.count())
        .join(Evidence, Evidence.id == EvidenceLink.evidence_id)
        .where(
            EvidenceLink.subject_id.in_(subject_ids),
            EvidenceLink.retracted_at.is_(None),
            Evidence.state == EvidenceState.AWAITED,
        )
        .group_by(EvidenceLink.subject_id)
    )
    return {row[0]: row[1] for row in rows}
