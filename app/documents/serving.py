"""Service 送达 of documents: a record of its own, with what each mode needs as proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import rules as terms
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.rules import Calendar, DayKind, Deadline, Term
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, new_id
from app.documents import desk, queries, rules, service
from app.documents.desk import Party
from app.documents.models import Document, DocumentService
from app.documents.rules import (
    DocumentKind,
    DocumentState,
    PaperMethod,
    PaperRole,
    ServiceMode,
    ServiceNeed,
    Slot,
)
from app.documents.wording import day_text
from app.errors import Conflict, Invalid, NotFound
from app.evidence import queries as evidence
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks.teams import TEAM_SIZE


class ServiceUnknown(NotFound):
    code, title = "service-unknown", "未找到送达记录"


class ServiceModeUnknown(Invalid):
    code, title = "service-mode-unknown", "目录中没有这种送达方式"


class ServiceUnproved(Invalid):
    code, title = "service-unproved", "送达证据不全"


class ServiceDayWrong(Invalid):
    code, title = "service-day-wrong", "送达日期有误"


class DocumentNotSigned(Conflict):
    code, title = "document-not-signed", "文书尚未签名盖章"


class ServiceEnded(Conflict):
    code, title = "service-ended", "送达记录不能再改"


@dataclass(frozen=True)
class Serving:
    """What is said of a service: to whom, where, how, and what proves it.

    `handed_on` is the day it was handed over, left, posted, sent or published; `delivered_on` that
    on which it arrived, where the mode counts from that. `consent_id` is the 送达地址确认书.
    `officer_ids` served it 送达人; where nobody is named, who records it, else the document's own.
    """

    mode: ServiceMode
    handed_on: date
    recipient: str
    place: str
    delivered_on: date | None = None
    receiver_name: str | None = None
    relation: str | None = None
    refusal: str | None = None
    witnesses: Sequence[str] = ()
    tracking_no: str | None = None
    consent_id: UUID | None = None
    agent: str | None = None
    channel: str | None = None
    evidence: Sequence[str] = ()
    officer_ids: Sequence[UUID] = ()
    note: str | None = None


# --- when --------------------------------------------------------------------------------------


def due_of(document: Document, calendar: Calendar | None = None) -> Deadline | None:
    """Return by when a document has to be served (行政处罚法 第六十一条), None where it has not.

    Seven working days from the day after it was issued, by the row in force on that day. Open with
    its reason where a year's calendar is missing.
    """
    template = service.template_of(DocumentKind(document.kind), document.issued_recorded_at)
    if template.service is not ServiceNeed.SERVED:
        return None
    issued_on = local_date(document.issued_recorded_at)
    value = catalogue.setting("document-service-term", issued_on)
    term = Term(days=int(value["days"]), kind=DayKind(value["kind"]))
    return terms.due(term, issued_on, calendar or catalogue.calendar())


def served_on(document_id: UUID) -> date | None:
    """Return the day from which a document counts as served, the earliest that is known."""
    found = [
        one.effective_on
        for one in queries.services_of([document_id])
        if one.withdrawn_at is None and one.effective_on is not None
    ]
    return min(found, default=None)


def _effective_on(row: CatalogueRow, said: Serving | DocumentService) -> date | None:
    """Return from which day a service counts, by its mode's row; None while that is not known."""
    counted = said.handed_on if row.body["counts_from"] == "handed" else said.delivered_on
    days = int(row.body["days"])
    if counted is None or days == 0:
        return counted
    return terms.due(Term(days, DayKind.NATURAL), counted, catalogue.calendar()).due_on


@dataclass(frozen=True)
class Standing:
    """Where the service of a document stands: whether it is needed, by when, since when it is."""

    needed: bool
    due_on: date | None
    due_reason: str | None
    served_on: date | None
    open_signatures: Sequence[Slot]
    items: Sequence[DocumentService]


def standing_of(document: Document) -> Standing:
    """Return where the service of a document stands, and what is still to be signed."""
    template = service.template_of(DocumentKind(document.kind), document.issued_recorded_at)
    due = due_of(document)
    team = int(catalogue.setting(TEAM_SIZE, local_date(document.issued_recorded_at)))
    signed = [one.role for one in document.signatures]
    return Standing(
        needed=due is not None,
        due_on=None if due is None else due.due_on,
        due_reason=None if due is None else due.reason,
        served_on=served_on(document.id),
        open_signatures=rules.open_slots(template.slots, signed, team=team),
        items=queries.services_of([document.id]),
    )


@dataclass(frozen=True)
class Unserved:
    """A signed document that has to be served and is not known to be; late after `due_on`."""

    document: Document
    due_on: date | None
    due_reason: str | None
    late: bool
    warned_at: datetime | None = None
    late_at: datetime | None = None


def unserved(agency_id: UUID | None, on: date) -> list[Unserved]:
    """Return what has to be served and is not served by a day, the most urgent first."""
    templates = catalogue.in_force(Kind.DOCUMENT_TEMPLATE, on)
    kinds = [row.code for row in templates if row.body.get("service") == ServiceNeed.SERVED]
    calendar, found = catalogue.calendar(), []
    documents = queries.unserved_of(agency_id, kinds, on)
    noted = queries.service_terms([one.id for one in documents])
    for document in documents:
        if (due := due_of(document, calendar)) is None:
            continue
        term = noted.get(document.id)
        if term is not None and term.due_on is not None:
            due = Deadline(term.due_on)
        late = due.due_on is not None and due.due_on < on
        warned_at = None if term is None else term.warned_at
        late_at = None if term is None else term.late_at
        found.append(Unserved(document, due.due_on, due.reason, late, warned_at, late_at))
    return sorted(found, key=lambda one: (one.due_on or date.max, str(one.document.id)))


# --- verbs -------------------------------------------------------------------------------------


def record_service(document_id: UUID, said: Serving, *, by: Actor, at: datetime) -> DocumentService:
    """Record how a document was served; it is a row of its own and changes nothing signed.

    Raises DocumentUnknown, DocumentNotSigned, ServiceModeUnknown, ServiceDayWrong, OfficerNotFound
    and ServiceUnproved (`missing`: what the mode needs, 行政处罚法 第六十一条). Flushes: the
    journal names the row.
    """
    document = service.get_document(document_id, by.agency_id)
    if document.state != DocumentState.SIGNED:
        raise DocumentNotSigned("文书尚未签名或者盖章，不能送达。")
    row = _row_of(said.mode, said.handed_on)
    _refuse_days(document, said.handed_on, said.delivered_on, at)
    if missing := _missing(row, said, document):
        names = "、".join(NEEDS[one] for one in missing)
        raise ServiceUnproved(
            f"{row.body['name']}还需要：{names}（{row.source}）。", missing=missing
        )
    served = DocumentService(
        id=new_id(),
        agency_id=document.agency_id,
        district=document.district,
        document_id=document.id,
        mode=said.mode,
        mode_from=row.effective_from,
        handed_on=said.handed_on,
        delivered_on=said.delivered_on,
        effective_on=_effective_on(row, said),
        recipient=said.recipient,
        receiver_name=said.receiver_name,
        relation=said.relation,
        place=said.place,
        refusal=said.refusal,
        witnesses=list(said.witnesses),
        tracking_no=said.tracking_no,
        consent_id=said.consent_id,
        agent=said.agent,
        channel=said.channel,
        evidence=list(said.evidence),
        officer_ids=_served_by(said, document, by),
        note=said.note,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    db.session.add(served)
    db.session.flush()
    journal.record(
        Event.DOCUMENT_SERVICE_RECORDED,
        served,
        by=by,
        at=at,
        data={
            "document_id": str(document.id),
            "mode": str(said.mode),
            "handed_on": said.handed_on.isoformat(),
            "effective_on": _iso(served.effective_on),
            "evidence": served.evidence,
        },
    )
    return served


def _served_by(said: Serving, document: Document, by: Actor) -> list[str]:
    """Return who served a document. Raises OfficerNotFound for another agency's."""
    for one in said.officer_ids:
        people.get_officer(one, document.agency_id)
    if said.officer_ids:
        return sorted({str(one) for one in said.officer_ids})
    return [str(by.officer_id)] if by.officer_id else document.officer_ids


def record_delivery(
    service_id: UUID, delivered_on: date, receiver_name: str | None, *, by: Actor, at: datetime
) -> DocumentService:
    """Record the day on which what was posted or entrusted arrived: from it the service counts.

    Raises ServiceUnknown, ServiceEnded and ServiceDayWrong.
    """
    served = get_service(service_id, by.agency_id)
    if served.withdrawn_at is not None or served.delivered_on is not None:
        raise ServiceEnded("这条送达记录已经撤回或者已经登记收件日期。")
    document = service.get_document(served.document_id, by.agency_id)
    _refuse_days(document, served.handed_on, delivered_on, at)
    served.delivered_on = delivered_on
    served.receiver_name = receiver_name or served.receiver_name
    served.effective_on = _effective_on(_row_of(ServiceMode(served.mode), served.handed_on), served)
    journal.record(
        Event.DOCUMENT_SERVICE_DELIVERED,
        served,
        by=by,
        at=at,
        data={"effective_on": _iso(served.effective_on)},
    )
    return served


def withdraw_service(service_id: UUID, reason: str, *, by: Actor, at: datetime) -> DocumentService:
    """Take a wrong record of a service back; it stays, with the reason.

    Raises ServiceUnknown and ServiceEnded.
    """
    served = get_service(service_id, by.agency_id)
    if served.withdrawn_at is not None:
        raise ServiceEnded("这条送达记录已经撤回。")
    served.withdrawn_at, served.withdrawn_reason = at, reason
    served.withdrawn_by_kind, served.withdrawn_by_id = by.kind, by.id
    journal.record(Event.DOCUMENT_SERVICE_WITHDRAWN, served, by=by, at=at)
    return served


def draw_receipt(service_id: UUID, *, by: Actor, at: datetime) -> Document:
    """Draw up the 送达回执 of a service, once; it is signed like any document.

    Raises ServiceUnknown, ServiceEnded (withdrawn, or not known to have arrived) and what `draw_up`
    raises.
    """
    served = get_service(service_id, by.agency_id)
    if served.receipt_id is not None:
        return service.get_document(served.receipt_id, by.agency_id)
    if served.withdrawn_at is not None or served.effective_on is None:
        raise ServiceEnded("送达已经撤回，或者还没有登记收件日期。")
    document = service.get_document(served.document_id, by.agency_id)
    template = service.template_of(DocumentKind(document.kind), document.issued_recorded_at)
    row = _row_of(ServiceMode(served.mode), served.handed_on)
    receipt = desk.draw_up(
        DocumentKind.SERVICE_RECEIPT,
        {
            "served_name": template.name,
            "served_number": document.number,
            "recipient": served.recipient,
            "mode": row.body["name"],
            "place": served.place,
            "served_on": served.effective_on.isoformat(),
            "receiver_name": _with_relation(served),
            "refusal": served.refusal,
            "witnesses": "、".join(served.witnesses) or None,
            "tracking": served.tracking_no,
            "evidence": _evidence_text(served),
            "note": served.note,
        },
        unit_id=document.unit_id,
        party=_party_of(document),
        case_id=document.case_id,
        visit_id=document.visit_id,
        task_id=document.task_id,
        officer_ids=[UUID(one) for one in served.officer_ids],
        by=by,
        at=at,
    )
    served.receipt_id = receipt.id
    journal.record(
        Event.DOCUMENT_SERVICE_RECEIPTED,
        served,
        by=by,
        at=at,
        data={"receipt_id": str(receipt.id)},
    )
    return receipt


def get_service(service_id: UUID, agency_id: UUID | None) -> DocumentService:
    """Return a service of the agency. Raises ServiceUnknown, also for another agency's."""
    served = queries.find_service(service_id)
    if served is None or served.agency_id != agency_id:
        raise ServiceUnknown("没有这条送达记录，或它不属于本机构。")
    return served


# --- what a mode needs -------------------------------------------------------------------------

NEEDS: Mapping[str, str] = {
    "receiver_name": "签收人姓名",
    "refusal": "拒收理由",
    "witness-or-evidence": "见证人，或者送达过程的照片、录像",
    "tracking_no": "邮寄单号",
    "consent": "当事人已签名的送达地址确认书（同意电子送达）",
    "evidence": "送达过程的照片、截屏、录音或者录像",
    "channel": "送达的系统、载体或者公告的载体",
    "agent": "受委托的机关",
    "note": "采用公告送达的理由",
}


def _row_of(mode: ServiceMode, on: date) -> CatalogueRow:
    try:
        return catalogue.get_row(Kind.SERVICE_MODE, mode, on)
    except catalogue.CatalogueRowMissing as error:
        raise ServiceModeUnknown("目录中没有在该日有效的这种送达方式。", mode=str(mode)) from error


def _missing(row: CatalogueRow, said: Serving, document: Document) -> list[str]:
    """Return what the mode needs and is not there, in the order of its row."""
    there: Mapping[str, bool] = {
        "receiver_name": bool(said.receiver_name),
        "refusal": bool(said.refusal),
        "witness-or-evidence": bool(said.witnesses) or _is_stored(said, document),
        "tracking_no": bool(said.tracking_no),
        "consent": _is_consented(said.consent_id, document),
        "evidence": _is_stored(said, document),
        "channel": bool(said.channel),
        "agent": bool(said.agent),
        "note": bool(said.note),
    }
    named: Sequence[Any] = row.body["needs"]
    return [str(one) for one in named if not there.get(str(one), True)]


def _is_stored(said: Serving, document: Document) -> bool:
    """Tell whether evidence is named, and all of it is known to the agency."""
    found = [evidence.find_evidence(document.agency_id, one) for one in said.evidence]
    return bool(found) and None not in found


def _is_consented(consent_id: UUID | None, document: Document) -> bool:
    """Tell whether the party signed a 送达地址确认书 that agrees to electronic service."""
    consent = None if consent_id is None else queries.find_document(consent_id)
    return (
        consent is not None
        and (consent.agency_id, consent.unit_id) == (document.agency_id, document.unit_id)
        and consent.kind == DocumentKind.SERVICE_ADDRESS
        and consent.fields.get("electronic") is True
        and any(
            one.role == PaperRole.PARTY and one.method != PaperMethod.REFUSED
            for one in consent.signatures
        )
    )


def _refuse_days(
    document: Document, handed_on: date, delivered_on: date | None, at: datetime
) -> None:
    """Refuse days before the document, days to come, and an arrival before the sending."""
    days = [local_date(document.issued_recorded_at), handed_on, delivered_on or handed_on]
    if days != sorted(days) or days[-1] > local_date(at):
        raise ServiceDayWrong(
            "送达日期不能早于文书日期，不能晚于今天，收件不能早于寄出。",
            issued_on=days[0].isoformat(),
        )


def _party_of(document: Document) -> Party | None:
    """Return the party as the document names it; None where it was issued before it did."""
    names = document.names or {}
    if not names.get("unit"):
        return None
    return Party(names["unit"], names.get("address"), names.get("uscc"))


def _with_relation(served: DocumentService) -> str | None:
    if served.receiver_name is None or served.relation is None:
        return served.receiver_name
    return f"{served.receiver_name}（{served.relation}）"


def _evidence_text(served: DocumentService) -> str | None:
    found = [*([served.channel] if served.channel else []), *served.evidence]
    return "；".join(found) or None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def summary_of(served: DocumentService) -> str:
    """Return a service as one line for a file: mode, receiver and day."""
    row = _row_of(ServiceMode(served.mode), served.handed_on)
    day = "尚未送达" if served.effective_on is None else f"{day_text(served.effective_on)}送达"
    return f"{row.body['name']}，{served.recipient}，{day}"
