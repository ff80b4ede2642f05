"""Reads of evidence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.evidence import prints
from app.evidence.models import Evidence, EvidenceLink, EvidencePrint
from app.evidence.rules import EvidenceState
from app.prepared import Prepared


def find_evidence(agency_id: UUID, sha256: str, *, lock: bool = False) -> Evidence | None:
    """Return the evidence of an agency with this content, awaited or here.

    With `lock` it is as it is now, and nobody else changes it until the transaction ends.
    """
    return db.session.scalars(_of(agency_id, sha256, lock=lock)).one_or_none()


def get_evidence_of(agency_id: UUID, sha256: str) -> Evidence:
    """Return the evidence of an agency with content that is known to have a row, locked."""
    return db.session.scalars(_of(agency_id, sha256, lock=True)).one()


def _of(agency_id: UUID, sha256: str, *, lock: bool) -> sa.Select[Evidence]:
    query = sa.select(Evidence).where(Evidence.agency_id == agency_id, Evidence.sha256 == sha256)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return query


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of content; in the order of the columns of what is read."""

    id: UUID
    state: str
    mime: str
    size_bytes: int


_CONTENT = Prepared(
    sa.select(*(Evidence.__table__.c[name.name] for name in fields(Content))).where(
        Evidence.agency_id == sa.bindparam("agency_id"), Evidence.sha256 == sa.bindparam("sha256")
    )
)


def find_content(agency_id: UUID, sha256: str) -> Content | None:
    """Return what is known of the evidence of an agency with this content, awaited or here."""
    rows = _CONTENT.rows_alone(agency_id=agency_id, sha256=sha256)
    return Content(*rows[0]) if rows else None


def find_stored(agency_id: UUID, sha256: str) -> Evidence | None:
    """Return the evidence of an agency with this content, if its bytes are here."""
    found = find_evidence(agency_id, sha256)
    return found if found is not None and found.state != EvidenceState.AWAITED else None


def stored_size(agency_id: UUID, sha256: str) -> int | None:
    """Return the size of content whose bytes an agency has, else None."""
    found = find_content(agency_id, sha256)
    return found.size_bytes if found and found.state != EvidenceState.AWAITED else None


def uninspected(before: datetime, *, after: UUID, limit: int) -> Sequence[UUID]:
    """Return pictures stored before an instant that nobody has looked into, in the order of ids."""
    return db.session.scalars(
        sa.select(Evidence.id)
        .where(Evidence.uninspected, Evidence.stored_at < before, Evidence.id > after)
        .order_by(Evidence.id)
        .limit(limit)
    ).all()


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


def near_prints(evidence_id: UUID, *, bits: int) -> list[UUID]:
    """Return the other pictures of the agency that look the same, oldest first.

    Each of four look-ups finds those that have one band of the fingerprint in common; one of them
    finds whatever differs in no more than `prints.SEARCH_BITS`.
    """
    own = db.session.get(EvidencePrint, evidence_id)
    if own is None:
        return []
    alike = [
        sa.select(EvidencePrint.evidence_id, EvidencePrint.print).where(
            EvidencePrint.agency_id == own.agency_id, column == getattr(own, column.key)
        )
        for column in (
            EvidencePrint.band_0,
            EvidencePrint.band_1,
            EvidencePrint.band_2,
            EvidencePrint.band_3,
        )
    ]
    found = {row.evidence_id: row.print for row in db.session.execute(sa.union_all(*alike))}
    found.pop(evidence_id)
    same = (one for one, text in found.items() if prints.is_same(own.print, text, bits=bits))
    return sorted(same)


def uses_of(evidence_ids: Collection[UUID]) -> list[tuple[EvidenceLink, Evidence]]:
    """Return what these originals are evidence of now, oldest use first."""
    rows = db.session.execute(
        sa.select(EvidenceLink, Evidence)
        .join(Evidence, Evidence.id == EvidenceLink.evidence_id)
        .where(EvidenceLink.evidence_id.in_(evidence_ids), EvidenceLink.retracted_at.is_(None))
        .order_by(EvidenceLink.id)
    )
    return [(link, evidence) for link, evidence in rows]
