"""What is written at a desk: documents under the next number of their series, and signatures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.documents import queries, rules, service
from app.documents.models import Document, DocumentSignature
from app.documents.rules import (
    DocumentKind,
    DocumentState,
    PaperMethod,
    PaperRole,
    Template,
)
from app.errors import Conflict, Forbidden, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.people.models import Account
from app.units import service as units


class DocumentFieldsWrong(Invalid):
    code, title = "document-fields-wrong", "文书内容有误"


class DocumentOfficersMissing(Invalid):
    code, title = "document-officers-missing", "没有写明承办人员"


class DocumentPartyMissing(Invalid):
    code, title = "document-party-missing", "没有写明当事人"


class DocumentKindUnknown(Invalid):
    code, title = "document-kind-unknown", "目录中没有这类文书"


class SignatureNotAsked(Invalid):
    code, title = "signature-not-asked", "这类文书没有该签名栏"


class SignatureIncomplete(Invalid):
    code, title = "signature-incomplete", "签名信息不完整"


class SignatureNotYours(Forbidden):
    code, title = "signature-not-yours", "不能代为签名"


class SignedAlready(Conflict):
    code, title = "signed-already", "该签名栏已经签名"


@dataclass(frozen=True)
class Party:
    """To whom a document is, where that is not the unit as the register has it."""

    name: str
    address: str | None = None
    uscc: str | None = None


def template_for(kind: DocumentKind, at: datetime) -> Template:
    """Return the template in force on the local day of an instant. Raises DocumentKindUnknown."""
    try:
        return service.template_of(kind, at)
    except catalogue.CatalogueRowMissing as error:
        raise DocumentKindUnknown("目录中没有在该日有效的这类文书。", kind=str(kind)) from error


def draw_up(
    kind: DocumentKind,
    fields: Mapping[str, Any],
    *,
    unit_id: UUID | None,
    party: Party | None = None,
    case_id: UUID | None = None,
    visit_id: UUID | None = None,
    task_id: UUID | None = None,
    officer_ids: Sequence[UUID] = (),
    document_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> Document:
    """Issue a document at a desk, under the next number of its series: nothing is left over.

    Its officers are `officer_ids` and whoever acts, where they are an officer; the first one named
    issues it. `party` is named in place of the unit, and needed where there is none. Case, visit
    and task are the caller's to check. The same `document_id` again, saying
    the same, has no second effect. Flushes: the journal names the document.

    Raises DocumentKindUnknown, DocumentFieldsWrong (`errors`: what is wrong with which field),
    DocumentPartyMissing, DocumentOfficersMissing, UnitNotFound, OfficerNotFound and
    DocumentIssuedAlready.
    """
    if unit_id is None and party is None:
        raise DocumentPartyMissing("请写明文书的当事人。")
    named = [*officer_ids, *([by.officer_id] if by.officer_id else [])]
    if not named:
        raise DocumentOfficersMissing("请写明承办这份文书的执法人员。")
    said = {name: value for name, value in fields.items() if value is not None}
    document_id = document_id or new_id()
    if standing := queries.find_document(document_id):
        return _same(standing, kind, said, case_id, by=by)
    template = template_for(kind, at)
    refuse_wrong(template, said)
    agency = people.get_agency(service.agency_of(by))
    unit = None if unit_id is None else units.get_unit(unit_id, agency.id)
    officers = sorted(set(named))
    names = service.names_of(agency, unit, officers)
    if party is not None:
        names |= {"unit": party.name, "address": party.address, "uscc": party.uscc}
    year = local_date(at).year
    series = rules.series_of(kind, year)
    serial = queries.take_serials(agency.id, series, 1)[0]
    document = Document(
        id=document_id,
        agency_id=agency.id,
        district=agency.district,
        kind=kind,
        series=series,
        serial=serial,
        number=rules.format_number(template.number_form, template.serial_digits, year, serial),
        unit_id=unit_id,
        visit_id=visit_id,
        task_id=task_id,
        case_id=case_id,
        fields=said,
        names=names,
        officer_id=named[0],
        officer_ids=[str(one) for one in officers],
        content_hash="",
        state=DocumentState.ISSUED,
        issued_recorded_at=at,
        issued_at=at,
        issued_by_kind=by.kind,
        issued_by_id=by.id,
    )
    document.content_hash = service.hash_of(document, said)
    db.session.add(document)
    db.session.flush()
    service.record_issued(document, by=by, at=at)
    return document


def _same(
    standing: Document,
    kind: DocumentKind,
    fields: Mapping[str, Any],
    case_id: UUID | None,
    *,
    by: Actor,
) -> Document:
    """Return a document that says exactly this already."""
    service.get_document(standing.id, by.agency_id)
    if (standing.kind, standing.fields, standing.case_id) != (kind, dict(fields), case_id):
        raise service.DocumentIssuedAlready("这份文书已经按其他内容出具。", number=standing.number)
    return standing


def refuse_wrong(template: Template, fields: Mapping[str, Any]) -> None:
    """Raise DocumentFieldsWrong where a field is unknown, missing or of another kind."""
    if found := rules.wrong_fields(template, fields):
        raise DocumentFieldsWrong(
            f"《{template.name}》的内容需要更正：{next(iter(found.values()))}",
            errors=[
                {"pointer": f"#/fields/{name}", "detail": detail} for name, detail in found.items()
            ],
        )


def rewrite(document_id: UUID, fields: Mapping[str, Any], *, by: Actor, at: datetime) -> Document:
    """Change fields of a document that nobody has signed; None takes one out, its number stays.

    Raises DocumentUnknown, DocumentLocked and DocumentFieldsWrong.
    """
    document = service.get_document(document_id, by.agency_id)
    service.refuse_locked(document)
    whole = {**document.fields, **fields}
    said = {name: value for name, value in whole.items() if value is not None}
    if said == document.fields:
        return document
    refuse_wrong(template_for(DocumentKind(document.kind), document.issued_recorded_at), said)
    names = sorted(n for n in whole if document.fields.get(n) != whole[n])
    document.fields, document.content_hash = said, service.hash_of(document, said)
    journal.record(
        Event.DOCUMENT_CHANGED,
        document,
        by=by,
        at=at,
        data={"fields": names, "content_hash": document.content_hash},
    )
    return document


# --- signing -----------------------------------------------------------------------------------

_NEEDS: Mapping[PaperRole, tuple[Role, ...]] = {
    PaperRole.APPROVER: (Role.SUPERVISOR,),
    PaperRole.SEAL: (Role.SUPERVISOR,),
    PaperRole.REVIEWER: (Role.LEGAL_REVIEWER, Role.SUPERVISOR),
}
_OUTSIDERS = (PaperRole.PARTY, PaperRole.WITNESS)


def sign(
    document_id: UUID,
    role: PaperRole,
    *,
    signer_name: str | None = None,
    refusal: str | None = None,
    witness_name: str | None = None,
    content_hash: str | None = None,
    by: Actor,
    at: datetime,
) -> Document:
    """Sign a document at a desk, or note that the party refuses: locked from the first one on.

    People of the organ sign as themselves; party and witness by hand, before an officer, with their
    name. Who refuses a record needs a witness (`witness_name`) besides the reason. Heads approve
    and seal, legal reviewers review.

    Raises DocumentUnknown, SignatureNotAsked, SignatureNotYours, SignatureIncomplete (`missing`),
    SignedAlready and ContentDiffers (`content_hash`).
    """
    document = service.get_document(document_id, by.agency_id)
    service.refuse_differing(document, content_hash)
    template = template_for(DocumentKind(document.kind), document.issued_recorded_at)
    _refuse_unasked(template, role)
    _refuse_incomplete(template, role, signer_name, refusal, witness_name)
    officer_id = _officer_for(document, role, by)
    name = signer_name if role in _OUTSIDERS else account_name(by)
    method = _method_of(role, refusal)
    if any((one.role, one.officer_id) == (role, officer_id) for one in document.signatures):
        raise SignedAlready("这个签名栏已经签名，不能再签。", role=str(role))
    _add(document, role, officer_id, method, name, refusal, by=by, at=at)
    if refusal is not None and witness_name is not None:
        known = {(one.role, one.officer_id) for one in document.signatures}
        if (PaperRole.WITNESS, officer_id) not in known:
            hand = PaperMethod.HAND
            _add(document, PaperRole.WITNESS, officer_id, hand, witness_name, None, by=by, at=at)
    service.lock(document, by=by, at=at)
    touch(document)
    journal.record(
        Event.DOCUMENT_SIGNED,
        document,
        by=by,
        at=at,
        data={
            "officer_id": str(officer_id),
            "role": str(role),
            "refused": refusal is not None,
        },
    )
    return document


def _add(
    document: Document,
    role: PaperRole,
    officer_id: UUID,
    method: PaperMethod,
    name: str | None,
    refusal: str | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    document.signatures.append(
        DocumentSignature(
            role=role,
            officer_id=officer_id,
            method=method,
            reason=refusal,
            content_hash=document.content_hash,
            signer_name=name,
            account_id=by.id,
            recorded_at=at,
        )
    )


def _method_of(role: PaperRole, refusal: str | None) -> PaperMethod:
    if refusal is not None:
        return PaperMethod.REFUSED
    if role in _OUTSIDERS:
        return PaperMethod.HAND
    return PaperMethod.SEAL if role is PaperRole.SEAL else PaperMethod.ACCOUNT


def _refuse_unasked(template: Template, role: PaperRole) -> None:
    asked = {rules.SLOT_ROLES[slot] for slot in template.slots} | {PaperRole.WITNESS}
    if role not in asked:
        raise SignatureNotAsked(f"《{template.name}》没有这个签名栏。", role=str(role))


def _refuse_incomplete(
    template: Template,
    role: PaperRole,
    signer_name: str | None,
    refusal: str | None,
    witness_name: str | None,
) -> None:
    if role not in _OUTSIDERS:
        if refusal is not None:
            raise SignatureIncomplete("只有当事人可以拒绝签名。", missing=[])
        return
    missing = []
    if signer_name is None and refusal is None:
        missing.append("signer_name")
    if refusal is not None and rules.Slot.PARTY in template.slots and witness_name is None:
        missing.append("witness_name")
    if missing:
        raise SignatureIncomplete(
            "当事人、见证人签名须写明姓名；笔录拒绝签名的须注明理由并有见证人。", missing=missing
        )


def _officer_for(document: Document, role: PaperRole, by: Actor) -> UUID:
    """Return whose signature it is, or who took it. Raises SignatureNotYours."""
    wanted = _NEEDS.get(role)
    if wanted is not None and not by.has(*wanted):
        raise SignatureNotYours("负责人、法制审核人员才能在这一栏签名或者用印。", role=str(role))
    if role is PaperRole.OFFICER and str(by.officer_id) not in document.officer_ids:
        raise SignatureNotYours("您不是这份文书的承办人员。", role=str(role))
    return by.officer_id or document.officer_id


def account_name(by: Actor) -> str | None:
    """Return the name of the account that acts, None where nobody is signed in."""
    account = None if by.id is None else db.session.get(Account, by.id)
    return None if account is None else account.name
