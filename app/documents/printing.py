"""A document as the page that it is: PDF/A, kept in the storage from the first time on.

A locked document is set once for each version; what was set stays what it was, also when the
layout changes later. Nothing here writes to the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app import canonical
from app.days import local_date
from app.db import db
from app.documents import queries, service, typeset
from app.documents.amending import Change
from app.documents.layout import Corrected, Paper, Signed, sheet_of
from app.documents.models import Document, DocumentCorrection, DocumentSignature
from app.documents.pictures import small_picture
from app.documents.rules import Confirmation, DocumentKind, DocumentState, PaperRole
from app.evidence import queries as evidence
from app.people import service as people
from app.people.models import Officer
from app.storage import Storage, StoredObjectMissing
from app.units.models import Unit

_CONFIRMED = {Confirmation.PROOF_SEAL: "加盖校对章", Confirmation.OFFICER: "执法人员签名"}


def print_document(document: Document, storage: Storage) -> bytes:
    """Return a document as PDF, out of the storage where it was set before.

    Raises PrintBusy, PrintFailed and what a storage raises.
    """
    sheet = sheet_for(document, storage)
    key = _key(document, sheet)
    try:
        return storage.get(key)
    except StoredObjectMissing:
        made = typeset.set_pages("document", sheet)
    return made if storage.put_new(key, made) else storage.get(key)


def _key(document: Document, sheet: Mapping[str, Any]) -> str:
    """Return where the page of this version lies; a draft's also hangs on how documents look.

    The picture of a signature may come after the signature: the page with it lies apart.
    """
    layout = typeset.layout_hash() if document.state != DocumentState.SIGNED else ""
    runs = (run for slot in sheet["slots"] for line in slot["lines"] for run in line)
    drawn = [canonical.digest(run["text"]) for run in runs if run["mark"] == "picture"]
    parts = [document.content_hash, str(document.version), layout, *drawn]
    said = canonical.digest(":".join(parts))
    return f"prints/{document.agency_id}/{document.id}/{said}"


def sheet_for(document: Document, storage: Storage) -> dict[str, Any]:
    """Return a document as data for the typesetter. Raises what a storage raises."""
    return sheet_of(paper_of(document, storage))


def paper_of(document: Document, storage: Storage) -> Paper:
    """Return a document as it is to be printed: template of its day, names, signatures."""
    officers = _officers_of(document)
    shown = _pictures_of(document, storage)
    return Paper(
        template=service.template_of(DocumentKind(document.kind), document.issued_recorded_at),
        number=document.number,
        issued_on=local_date(document.issued_recorded_at),
        draft=document.state != DocumentState.SIGNED,
        content_hash=document.content_hash,
        fields=document.fields,
        names=document.names or _names_now(document),
        signatures=[
            replace(_signed(one, document, officers), picture=shown.get(one.picture_sha256 or ""))
            for one in _in_order(document)
        ],
        corrections=[
            Corrected(
                field=one.field,
                change=Change(one.struck, one.right, one.number, one.occurrence),
                at=one.corrected_at,
                by_name=one.by_name,
                reason=one.reason,
                confirmed=_confirmed(one),
            )
            for one in queries.corrections_of(document.id)
        ],
    )


def _confirmed(one: DocumentCorrection) -> str:
    return (
        f"当事人{one.confirmed_name}确认"
        if one.confirmed_name
        else _CONFIRMED[Confirmation(one.confirmed_by)]
    )


def _names_now(document: Document) -> Mapping[str, Any]:
    """Return the names of a document that was issued before they were kept with it."""
    unit = None if document.unit_id is None else db.session.get_one(Unit, document.unit_id)
    agency = people.get_agency(document.agency_id)
    return service.names_of(agency, unit, [UUID(one) for one in document.officer_ids])


def _pictures_of(document: Document, storage: Storage) -> dict[str, str]:
    """Return the pictures of signatures that are here, by the hash of their originals."""
    found = {}
    for sha256 in {one.picture_sha256 for one in document.signatures} - {None}:
        original = evidence.find_stored(document.agency_id, str(sha256))
        drawn = None if original is None else small_picture(original, storage)
        if drawn is not None:
            found[str(sha256)] = drawn
    return found


def _in_order(document: Document) -> Sequence[DocumentSignature]:
    return sorted(
        document.signatures, key=lambda one: (one.recorded_at, one.role, str(one.officer_id))
    )


def _officers_of(document: Document) -> dict[str, Mapping[str, Any]]:
    """Return who signed or took a signature, as they were called at the issue where it says so."""
    known = {str(one["id"]): one for one in (document.names or {}).get("officers", ())}
    for signature in document.signatures:
        key = str(signature.officer_id)
        if key not in known:
            officer = db.session.get_one(Officer, signature.officer_id)
            known[key] = {"name": officer.name, "certificate_no": officer.certificate_no}
    return known


def _signed(
    one: DocumentSignature, document: Document, officers: Mapping[str, Mapping[str, Any]]
) -> Signed:
    officer = officers[str(one.officer_id)]
    outsider = one.role in {PaperRole.PARTY, PaperRole.WITNESS}
    own = one.role == PaperRole.OFFICER
    return Signed(
        role=one.role,
        method=one.method,
        at=one.recorded_at,
        name=one.signer_name or (officer["name"] if own else None),
        certificate_no=officer["certificate_no"] if own else None,
        reason=one.reason,
        taken_by=officer["name"] if outsider else None,
    )
