"""Verbs of documents: issue one under a number of the tablet's block, sign it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app import canonical
from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, touch
from app.documents import queries, rules
from app.documents.models import Document, DocumentSignature, NumberBlock
from app.documents.rules import (
    BlockState,
    DocumentKind,
    DocumentState,
    Signature,
    SignMethod,
    Template,
)
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.people.models import Agency
from app.units import service as units
from app.units.models import Unit


class DocumentUnknown(NotFound):
    code, title = "document-unknown", "未找到文书"


class NumberNotYours(Forbidden):
    code, title = "number-not-yours", "文书编号不在本人号段内"


class NumberUsed(Conflict):
    code, title = "number-used", "文书编号已被使用"


class NumberWrong(Invalid):
    code, title = "number-wrong", "文书编号与号段格式不符"


class DocumentIncomplete(Invalid):
    code, title = "document-incomplete", "文书内容不完整"


class DocumentIssuedAlready(Conflict):
    code, title = "document-issued-already", "同一文书已按其他内容出具"


class DocumentLocked(Conflict):
    code, title = "document-locked", "文书已签名锁定"


class ContentDiffers(Conflict):
    code, title = "content-differs", "签名的内容与文书不一致"


def get_document(document_id: UUID, agency_id: UUID | None) -> Document:
    """Return a document of the agency. Raises DocumentUnknown, also for another agency's."""
    document = queries.find_document(document_id)
    if document is None or document.agency_id != agency_id:
        raise DocumentUnknown("没有这份文书，或它不属于本机构。")
    return document


def template_of(kind: DocumentKind, at: datetime) -> Template:
    """Return what a kind of document has to say on the local day of an instant.

    Raises CatalogueRowMissing.
    """
    row = catalogue.get_row(Kind.DOCUMENT_TEMPLATE, kind, local_date(at))
    return rules.read_template(row.code, row.body)


# --- numbers -----------------------------------------------------------------------------------


def allot_block(
    agency: Agency,
    device_id: UUID,
    officer_id: UUID,
    kind: DocumentKind,
    *,
    size: int,
    year: int | None = None,
    by: Actor,
    at: datetime,
) -> NumberBlock:
    """Give a tablet and its officer the next `size` numbers of a kind of document.

    Of this local year, unless `year` says another. Nobody else ever gets these numbers. Raises
    CatalogueRowMissing where the catalogue does not know the kind. Flushes: the journal names the
    block.
    """
    template = template_of(kind, at)
    year = local_date(at).year if year is None else year
    series = rules.series_of(kind, year)
    serials = queries.take_serials(agency.id, series, size)
    block = NumberBlock(
        agency_id=agency.id,
        district=agency.district,
        device_id=device_id,
        officer_id=officer_id,
        kind=kind,
        year=year,
        series=series,
        first=serials[0],
        last=serials[-1],
        number_form=template.number_form,
        serial_digits=template.serial_digits,
        state=BlockState.OPEN,
        allotted_at=at,
        allotted_by_kind=by.kind,
        allotted_by_id=by.id,
    )
    db.session.add(block)
    db.session.flush()
    journal.record(
        Event.NUMBER_BLOCK_ALLOTTED,
        block,
        by=by,
        at=at,
        data={
            "series": series,
            "first": block.first,
            "last": block.last,
            "device_id": str(device_id),
            "officer_id": str(officer_id),
        },
    )
    return block


def _block_for(
    agency_id: UUID, series: str, serial: int, *, device_id: UUID | None, officer_id: UUID
) -> NumberBlock:
    """Return the block of this tablet and officer in which a number lies, open or ended.

    A range that may have been given out before a restore is everybody's: who wrote the number had
    it from a block that the database has lost.
    """
    block = queries.find_block(agency_id, series, serial)
    owner = None if block is None else (block.device_id, block.officer_id)
    if block is None or owner not in {(device_id, officer_id), (None, None)}:
        raise NumberNotYours(
            "该编号不在分配给本终端和本人的号段内，内容已留存，由负责人处理。",
            series=series,
            serial=serial,
        )
    return block


def _number_in(block: NumberBlock, serial: int, written: str | None) -> str:
    number = rules.format_number(block.number_form, block.serial_digits, block.year, serial)
    if block.device_id is None:
        return written or number
    if written not in {None, number}:
        raise NumberWrong("文书上的编号与号段规定的格式不符，内容已留存。", expected=number)
    return number


# --- issuing -----------------------------------------------------------------------------------


def issue_document(
    document_id: UUID,
    kind: DocumentKind,
    *,
    series: str,
    serial: int,
    number: str | None = None,
    fields: Mapping[str, Any],
    unit_id: UUID,
    visit_id: UUID | None,
    task_id: UUID | None,
    officer_id: UUID,
    officer_ids: Sequence[UUID] = (),
    device_id: UUID | None,
    recorded_at: datetime,
    by: Actor,
    at: datetime,
) -> Document:
    """Issue a document under a number that a tablet took from its own block.

    `officer_id` is who issues it and owns the block, `officer_ids` are all whose document it is
    (they come to include the issuer). `number` is what was printed, checked where it is given.
    Visit and task are the caller's to check. The same document again has no second effect. Flushes:
    a number that another transaction used meanwhile shows here.

    Raises NumberNotYours (`series`, `serial`), NumberUsed (`document_id`), NumberWrong
    (`expected`), DocumentIncomplete (`missing`), DocumentIssuedAlready (this id says something
    else), UnitNotFound, OfficerNotFound and CatalogueRowMissing.
    """
    officers = sorted({officer_id, *officer_ids})
    standing = queries.find_document(document_id)
    if standing is not None:
        return _same(standing, (kind, series, serial, fields, officers), unit_id, by=by)
    unit = units.get_unit(unit_id, agency_of(by))
    for one in officers:
        people.get_officer(one, by.agency_id)
    block = _block_for(unit.agency_id, series, serial, device_id=device_id, officer_id=officer_id)
    if block.kind != kind:
        raise NumberNotYours("该号段不是这类文书的号段。", series=series, serial=serial)
    if used := queries.find_by_serial(unit.agency_id, series, serial):
        raise NumberUsed(
            "这个编号已经用于另一份文书，内容已留存，由负责人处理。", document_id=used.id
        )
    _refuse_incomplete(kind, fields, recorded_at)
    number = _number_in(block, serial, number)
    document = Document(
        id=document_id,
        agency_id=unit.agency_id,
        district=unit.district,
        kind=kind,
        series=series,
        serial=serial,
        number=number,
        block_id=block.id,
        unit_id=unit.id,
        visit_id=visit_id,
        task_id=task_id,
        fields=dict(fields),
        names=names_of(people.get_agency(unit.agency_id), unit, officers),
        officer_id=officer_id,
        officer_ids=[str(one) for one in officers],
        device_id=device_id,
        content_hash="",
        state=DocumentState.ISSUED,
        issued_recorded_at=recorded_at,
        issued_at=at,
        issued_by_kind=by.kind,
        issued_by_id=by.id,
    )
    document.content_hash = hash_of(document, fields)
    db.session.add(document)
    db.session.flush()
    record_issued(document, by=by, at=at)
    return document


def record_issued(document: Document, *, by: Actor, at: datetime) -> None:
    """Write a document that was issued into the journal."""
    journal.record(
        Event.DOCUMENT_ISSUED,
        document,
        by=by,
        at=at,
        data={
            "kind": str(document.kind),
            "series": document.series,
            "serial": document.serial,
            "block_id": None if document.block_id is None else str(document.block_id),
            "visit_id": None if document.visit_id is None else str(document.visit_id),
            "case_id": None if document.case_id is None else str(document.case_id),
            "officer_ids": document.officer_ids,
            "content_hash": document.content_hash,
        },
    )


def _same(
    standing: Document,
    said: tuple[DocumentKind, str, int, Mapping[str, Any], list[UUID]],
    unit_id: UUID,
    *,
    by: Actor,
) -> Document:
    """Return a document that says exactly this already."""
    get_document(standing.id, by.agency_id)
    kind, series, serial, fields, officers = said
    if (
        (standing.kind, standing.series, standing.serial) != (kind, series, serial)
        or standing.unit_id != unit_id
        or standing.fields != dict(fields)
        or standing.officer_ids != [str(one) for one in officers]
    ):
        raise DocumentIssuedAlready(
            "这份文书已经按其他编号或内容出具，内容已留存，由负责人处理。", number=standing.number
        )
    return standing


def change_document(
    document_id: UUID,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
    by: Actor,
    at: datetime,
) -> Document:
    """Change what an unsigned document says; its number, unit and officers stay.

    Nothing happens where nothing differs. Raises DocumentUnknown, DocumentLocked and
    DocumentIncomplete (`missing`).
    """
    document = get_document(document_id, by.agency_id)
    fields = {**document.fields, **changes}
    if fields == document.fields:
        return document
    refuse_locked(document)
    _refuse_incomplete(DocumentKind(document.kind), fields, recorded_at)
    names = sorted(n for n in changes if document.fields.get(n) != changes[n])
    document.fields = fields
    document.content_hash = hash_of(document, fields)
    journal.record(
        Event.DOCUMENT_CHANGED,
        document,
        by=by,
        at=at,
        data={
            "fields": names,
            "officer_id": str(officer_id),
            "content_hash": document.content_hash,
        },
    )
    return document


def refuse_locked(document: Document) -> None:
    """Raise DocumentLocked for a document that was signed."""
    if document.state == DocumentState.SIGNED:
        raise DocumentLocked(
            "文书已签名锁定，内容不能再改；需要更正请另行出具文书。", signed_at=document.signed_at
        )


def _refuse_incomplete(kind: DocumentKind, fields: Mapping[str, Any], at: datetime) -> None:
    template = template_of(kind, at)
    if missing := rules.missing_fields(template.required, fields):
        raise DocumentIncomplete(f"《{template.name}》还有必填内容没有填写。", missing=missing)


def names_of(agency: Agency, unit: Unit | None, officer_ids: Sequence[UUID]) -> dict[str, Any]:
    """Return how organ, unit and officers are called now, for a document that is issued now.

    Raises OfficerNotFound.
    """
    officers = [people.get_officer(one, agency.id) for one in officer_ids]
    return {
        "organ": agency.name,
        "unit": None if unit is None else unit.name,
        "uscc": None if unit is None else unit.uscc,
        "address": None if unit is None else unit.address,
        "officers": [
            {"id": str(one.id), "name": one.name, "certificate_no": one.certificate_no}
            for one in officers
        ],
    }


def hash_of(document: Document, fields: Mapping[str, Any]) -> str:
    """Return the hash of what a document says: what is signed."""
    return canonical.digest(
        rules.content_text(
            document_id=document.id,
            kind=document.kind,
            number=document.number,
            unit_id=document.unit_id,
            officer_ids=document.officer_ids,
            fields=fields,
        )
    )


def agency_of(by: Actor) -> UUID:
    if by.agency_id is None:
        raise DocumentUnknown("没有这份文书，或它不属于本机构。")
    return by.agency_id


# --- signing -----------------------------------------------------------------------------------


def sign_document(
    document_id: UUID,
    signature: Signature,
    *,
    officer_id: UUID,
    device_id: UUID | None,
    recorded_at: datetime,
    by: Actor,
    at: datetime,
) -> Document:
    """Sign a document, or note that a signature was refused: it is locked from the first one on.

    A further signature joins the first; the same again changes nothing. The tablet's officer signs
    with it, and a colleague who confirmed by PIN. Raises DocumentUnknown, OfficerNotFound and
    ContentDiffers (`content_hash`): what was shown at the signing is not what the document says.
    """
    document = get_document(document_id, by.agency_id)
    refuse_differing(document, signature.content_hash)
    if signature.confirmed_by is not None:
        people.get_officer(signature.confirmed_by, document.agency_id)
    new = [
        (role, who, method)
        for role, who, method in rules.signatories(signature, officer_id)
        if not any(one.role == role and one.officer_id == who for one in document.signatures)
    ]
    if not new:
        return document
    for role, who, method in new:
        document.signatures.append(
            DocumentSignature(
                role=role,
                officer_id=who,
                method=method,
                reason=signature.refusal if method is SignMethod.REFUSED else None,
                content_hash=signature.content_hash,
                device_id=device_id,
                picture_sha256=signature.picture_sha256 if role == signature.role else None,
                recorded_at=recorded_at,
            )
        )
    lock(document, by=by, at=at)
    touch(document)
    journal.record(
        Event.DOCUMENT_SIGNED,
        document,
        by=by,
        at=at,
        data={
            "officer_id": str(officer_id),
            "role": str(signature.role),
            "refused": signature.refusal is not None,
        },
    )
    return document


def refuse_differing(document: Document, content_hash: str | None) -> None:
    """Raise ContentDiffers where what was shown is not what the document says."""
    if content_hash not in {None, document.content_hash}:
        raise ContentDiffers(
            "签名时显示的内容与文书现有内容不一致，签名已留存，由负责人处理。",
            content_hash=document.content_hash,
        )


def lock(document: Document, *, by: Actor, at: datetime) -> None:
    """Let what a document says never change again; a locked one stays as it is."""
    if document.state != DocumentState.SIGNED:
        document.state, document.signed_at = DocumentState.SIGNED, at
        document.signed_by_kind, document.signed_by_id = by.kind, by.id
