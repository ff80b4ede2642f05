"""Evidence: expected by an operation, stored by an upload, in either order, once by content."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.db import db, new_id
from app.errors import NotFound
from app.evidence import images, queries
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import (
    EvidenceState,
    Place,
    compare_place,
    compare_time,
    is_picture,
    object_key,
    thumbnail_key,
)
from app.journal import service as journal
from app.journal.rules import Event
from app.storage import Storage

THUMBNAIL_EDGE_PX = 480
WHOLE_PICTURE_BYTES = 64 * 1024 * 1024
find_stored = queries.find_stored
awaited_of = queries.awaited_of


class EvidenceMissing(NotFound):
    code, title = "evidence-missing", "证据不存在"


@dataclass(frozen=True)
class Claim:
    """What the tablet recorded when the evidence was made."""

    at: datetime | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None


@dataclass(frozen=True)
class Inspected:
    """What the stored bytes turned out to be."""

    state: EvidenceState
    picture: images.Picture | None
    thumbnail: bool


def expect(
    sha256: str,
    *,
    size_bytes: int,
    mime: str,
    role: str,
    subject_type: str,
    subject_id: UUID,
    agency_id: UUID,
    district: str,
    op_id: UUID | None = None,
    claim: Claim | None = None,
    by: Actor,
    at: datetime,
) -> Evidence:
    """Attach content to a subject, whether its bytes are here or still on the tablet.

    The same content for the same subject and role is attached once; content that an upload brought
    before is taken as it is.
    """
    found = queries.find_evidence(agency_id, sha256)
    if found is None:
        found = Evidence(
            id=new_id(),
            agency_id=agency_id,
            district=district,
            sha256=sha256,
            size_bytes=size_bytes,
            mime=mime,
            role=role,
            expected_at=at,
            expected_by_kind=by.kind,
            expected_by_id=by.id,
        )
        db.session.add(found)
    if claim is not None and found.claimed_at is None:
        found.claimed_at = claim.at
        found.claimed_lat_e7, found.claimed_lon_e7 = claim.lat_e7, claim.lon_e7
        _compare(found)
    _link(found, subject_type, subject_id, role, op_id, by=by, at=at)
    return found


def _link(
    evidence: Evidence,
    subject_type: str,
    subject_id: UUID,
    role: str,
    op_id: UUID | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    known = [link for link, found in queries.links_of([subject_id]) if found.id == evidence.id]
    if any(link.role == role and link.subject_type == subject_type for link in known):
        return
    db.session.add(
        EvidenceLink(
            evidence_id=evidence.id,
            subject_type=subject_type,
            subject_id=subject_id,
            role=role,
            op_id=op_id,
            attached_at=at,
            attached_by_kind=by.kind,
            attached_by_id=by.id,
        )
    )
    db.session.flush()  # the next attachment of this content must see the link
    journal.record(
        Event.EVIDENCE_ATTACHED,
        evidence,
        by=by,
        at=at,
        data={"sha256": evidence.sha256, "to": str(subject_id), "type": subject_type},
        op_id=op_id,
    )


def inspect_stored(storage: Storage, agency_id: UUID, sha256: str, *, mime: str) -> Inspected:
    """Look into bytes that lie in the storage and make their thumbnail. Outside any transaction.

    Content that claims to be a picture and is none, or is too large to be opened, is told by its
    state; the bytes stay.
    """
    if not is_picture(mime):
        return Inspected(EvidenceState.STORED, None, thumbnail=False)
    key = object_key(agency_id, sha256)
    if storage.head(key).size_bytes > WHOLE_PICTURE_BYTES:
        return Inspected(EvidenceState.PICTURE_TOO_LARGE, None, thumbnail=False)
    data = storage.get(key)
    try:
        picture = images.inspect(data)
        small = images.thumbnail(data, edge_px=THUMBNAIL_EDGE_PX)
    except images.NotAPicture:
        return Inspected(EvidenceState.NOT_A_PICTURE, None, thumbnail=False)
    except images.PictureTooLarge:
        return Inspected(EvidenceState.PICTURE_TOO_LARGE, None, thumbnail=False)
    storage.put_new(thumbnail_key(agency_id, sha256), small)
    return Inspected(EvidenceState.STORED, picture, thumbnail=True)


def record_stored(
    sha256: str,
    inspected: Inspected,
    *,
    size_bytes: int,
    mime: str,
    role: str,
    agency_id: UUID,
    district: str,
    by: Actor,
    at: datetime,
) -> Evidence:
    """Record that the original with this hash lies durably in the storage; once, however often."""
    found = queries.find_evidence(agency_id, sha256)
    if found is None:
        found = Evidence(
            id=new_id(), agency_id=agency_id, district=district, sha256=sha256, role=role
        )
        db.session.add(found)
    elif found.state != EvidenceState.AWAITED:
        return found
    found.size_bytes, found.mime, found.state = size_bytes, mime, inspected.state
    found.stored_at, found.stored_by_kind, found.stored_by_id = at, by.kind, by.id
    found.thumbnail = inspected.thumbnail
    if picture := inspected.picture:
        found.taken_at, found.dhash = picture.taken_at, picture.dhash
        found.lat_e7, found.lon_e7 = picture.lat_e7, picture.lon_e7
        found.width, found.height = picture.width, picture.height
    _compare(found)
    journal.record(
        Event.EVIDENCE_STORED,
        found,
        by=by,
        at=at,
        data={"sha256": sha256, "size_bytes": size_bytes, "state": str(inspected.state)},
    )
    return found


def _compare(evidence: Evidence) -> None:
    """Hold what the picture says of place and time against what the tablet recorded."""
    metres = compare_place(
        _place(evidence.lat_e7, evidence.lon_e7),
        _place(evidence.claimed_lat_e7, evidence.claimed_lon_e7),
    )
    seconds = compare_time(evidence.taken_at, evidence.claimed_at)
    evidence.place_offset_m = None if metres is None else round(metres)
    evidence.time_offset_s = None if seconds is None else round(seconds)


def _place(lat_e7: int | None, lon_e7: int | None) -> Place | None:
    return None if lat_e7 is None or lon_e7 is None else Place(lat_e7, lon_e7)


def retract(evidence_id: UUID, subject_id: UUID, *, by: Actor, at: datetime) -> Evidence:
    """Take evidence back from a subject; the bytes and the link stay, marked.

    Raises EvidenceMissing when it is not attached there.
    """
    for link, evidence in queries.links_of([subject_id]):
        if evidence.id == evidence_id:
            link.retracted_at = at
            link.retracted_by_kind, link.retracted_by_id = by.kind, by.id
            journal.record(
                Event.EVIDENCE_RETRACTED,
                evidence,
                by=by,
                at=at,
                data={"sha256": evidence.sha256, "from": str(subject_id)},
            )
            return evidence
    raise EvidenceMissing("该证据没有附在这项内容上，请刷新后重试。")


def get_evidence(evidence_id: UUID, agency_id: UUID | None) -> Evidence:
    """Return evidence of this agency. Raises EvidenceMissing."""
    found = db.session.get(Evidence, evidence_id)
    if found is None or found.agency_id != agency_id:
        raise EvidenceMissing("没有这份证据，或它不属于本机构。")
    return found
