"""Evidence: expected by an operation, stored by an upload, in either order, once by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.db import add_unless, db, new_id, savepoint, touch
from app.errors import NotFound
from app.evidence import images, prints, queries
from app.evidence.models import Evidence, EvidenceLink, EvidencePrint
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
stored_size = queries.stored_size
awaited_of = queries.awaited_of


class EvidenceMissing(NotFound):
    code, title = "evidence-missing", "证据不存在"


@dataclass(frozen=True)
class Claim:
    """What the tablet recorded when the evidence was made.

    Latitude and longitude are WGS-84; `fix` is all the tablet said of its place, as it said it.
    `suspect`: its clock could not be trusted.
    """

    at: datetime | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None
    fix: Mapping[str, Any] | None = None
    suspect: bool = False


@dataclass(frozen=True)
class Inspected:
    """What the stored bytes turned out to be; `later`: so far only that they begin as a picture."""

    state: EvidenceState
    picture: images.Picture | None
    thumbnail: bool
    later: bool = False


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
    before is taken as it is. A further link lets the version of the evidence rise.
    """
    found = _find(agency_id, sha256) or _add(
        Evidence(
            id=new_id(),
            agency_id=agency_id,
            district=district,
            sha256=sha256,
            size_bytes=size_bytes,
            mime=mime,
            role=role,
            state=EvidenceState.AWAITED,
        )
    )
    if found.expected_at is None:
        found.expected_at, found.expected_by_kind, found.expected_by_id = at, by.kind, by.id
        found.mime, found.role = mime, role
        found.state = _state_of(found.mime, EvidenceState(found.state))
        found.uninspected = found.uninspected and is_picture(mime)
    if claim is not None and found.claimed_at is None:
        found.claimed_at = claim.at
        found.claimed_lat_e7, found.claimed_lon_e7 = claim.lat_e7, claim.lon_e7
        _compare(found)
    _link(found, subject_type, subject_id, role, op_id, claim or Claim(), by=by, at=at)
    return found


def _find(agency_id: UUID, sha256: str) -> Evidence | None:
    db.session.flush()  # the row is read anew: what this transaction changed must be in it
    return queries.find_evidence(agency_id, sha256, lock=True)


def _add(evidence: Evidence) -> Evidence:
    """Return the new row, or the one that another transaction has just made of this content."""
    try:
        with savepoint():
            db.session.add(evidence)
    except IntegrityError:
        found = _find(evidence.agency_id, evidence.sha256)
        if found is None:
            raise
        return found
    return evidence


def _state_of(mime: str, state: EvidenceState) -> EvidenceState:
    """Return the state of content of this type; what is to be no picture cannot be a bad one."""
    if state is EvidenceState.NOT_A_PICTURE and not is_picture(mime):
        return EvidenceState.STORED
    return state


def awaited_type(agency_id: UUID, sha256: str) -> str | None:
    """Return the media type that an operation announced for content that has not come yet."""
    found = queries.find_content(agency_id, sha256)
    return found.mime if found is not None and found.state == EvidenceState.AWAITED else None


def _link(
    evidence: Evidence,
    subject_type: str,
    subject_id: UUID,
    role: str,
    op_id: UUID | None,
    claim: Claim,
    *,
    by: Actor,
    at: datetime,
) -> None:
    known = [link for link, found in queries.links_of([subject_id]) if found.id == evidence.id]
    if any(link.role == role and link.subject_type == subject_type for link in known):
        return
    touch(evidence)
    db.session.add(
        EvidenceLink(
            evidence_id=evidence.id,
            subject_type=subject_type,
            subject_id=subject_id,
            role=role,
            op_id=op_id,
            claimed_at=claim.at,
            claimed_fix=None if claim.fix is None else dict(claim.fix),
            claimed_suspect=claim.suspect,
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


def glance_at(storage: Storage, agency_id: UUID, sha256: str, *, mime: str) -> Inspected:
    """Look at the first bytes of what lies in the storage: a picture is to be inspected later."""
    if not is_picture(mime):
        return Inspected(EvidenceState.STORED, None, thumbnail=False)
    beginning = next(storage.stream(object_key(agency_id, sha256), end=images.MARK_BYTES), b"")
    if not images.begins_as_picture(beginning):
        return Inspected(EvidenceState.NOT_A_PICTURE, None, thumbnail=False)
    return Inspected(EvidenceState.STORED, None, thumbnail=False, later=True)


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
        picture, small = images.look(data, edge_px=THUMBNAIL_EDGE_PX)
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
    """Record that the original with this hash lies durably in the storage; once, however often.

    What an operation said of its type and role stays.
    """
    new = Evidence(
        id=new_id(),
        version=1,
        agency_id=agency_id,
        district=district,
        sha256=sha256,
        mime=mime,
        role=role,
        state=EvidenceState.AWAITED,
    )
    _fill(new, inspected, size_bytes=size_bytes, by=by, at=at)
    db.session.flush()  # what this transaction expects may be this very content
    is_new = add_unless(new, unique=("agency_id", "sha256"))
    found = new if is_new else queries.get_evidence_of(agency_id, sha256)
    if not is_new:
        if found.state != EvidenceState.AWAITED:
            return found
        _fill(found, inspected, size_bytes=size_bytes, by=by, at=at)
    _print(found, inspected)
    journal.record(
        Event.EVIDENCE_STORED,
        found,
        by=by,
        at=at,
        data={"sha256": sha256, "size_bytes": size_bytes, "state": str(found.state)},
    )
    return found


def _fill(
    evidence: Evidence, inspected: Inspected, *, size_bytes: int, by: Actor, at: datetime
) -> None:
    """Let an awaited row say what its bytes turned out to be."""
    evidence.size_bytes = size_bytes
    evidence.stored_at, evidence.stored_by_kind, evidence.stored_by_id = at, by.kind, by.id
    _describe(evidence, inspected)


def _describe(evidence: Evidence, inspected: Inspected) -> None:
    """Let a row say what is known of its bytes, and hold it against what the tablet said."""
    evidence.state = _state_of(evidence.mime, inspected.state)
    evidence.thumbnail = inspected.thumbnail
    evidence.uninspected = inspected.later and is_picture(evidence.mime)
    if picture := inspected.picture:
        evidence.taken_at, evidence.dhash = picture.taken_at, picture.dhash
        evidence.lat_e7, evidence.lon_e7 = picture.lat_e7, picture.lon_e7
        evidence.width, evidence.height = picture.width, picture.height
    _compare(evidence)


def record_inspected(evidence_id: UUID, inspected: Inspected, *, by: Actor, at: datetime) -> bool:
    """Record what a picture turned out to be; once, also of two who looked. True for the first."""
    query = sa.select(Evidence).where(Evidence.id == evidence_id).with_for_update()
    found = db.session.scalars(query.execution_options(populate_existing=True)).one()
    if not found.uninspected:
        return False
    _describe(found, inspected)
    _print(found, inspected)
    journal.record(
        Event.EVIDENCE_INSPECTED,
        found,
        by=by,
        at=at,
        data={"sha256": found.sha256, "state": str(found.state)},
    )
    return True


def _print(evidence: Evidence, inspected: Inspected) -> None:
    """Keep the fingerprint of a picture that has one, so that its next use finds it."""
    found = None if inspected.picture is None else inspected.picture.print
    if found is None or db.session.get(EvidencePrint, evidence.id) is not None:
        return
    first, second, third, fourth = prints.bands(found)
    db.session.add(
        EvidencePrint(
            evidence_id=evidence.id,
            agency_id=evidence.agency_id,
            print=found,
            band_0=first,
            band_1=second,
            band_2=third,
            band_3=fourth,
        )
    )


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


def await_again(evidence: Evidence, *, by: Actor, at: datetime) -> None:
    """Let content be awaited whose bytes are gone: the tablet that has it sends it once more."""
    evidence.state, evidence.thumbnail = EvidenceState.AWAITED, False
    evidence.uninspected = False
    evidence.stored_at = evidence.stored_by_kind = evidence.stored_by_id = None
    journal.record(Event.EVIDENCE_LOST, evidence, by=by, at=at, data={"sha256": evidence.sha256})


def retract(evidence_id: UUID, subject_id: UUID, *, by: Actor, at: datetime) -> Evidence:
    """Take evidence back from a subject; the bytes and the link stay, marked.

    Raises EvidenceMissing when it is not attached there.
    """
    for link, evidence in queries.links_of([subject_id]):
        if evidence.id == evidence_id:
            link.retracted_at = at
            link.retracted_by_kind, link.retracted_by_id = by.kind, by.id
            touch(evidence)
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
