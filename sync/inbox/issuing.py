"""Documents that tablets issue and sign: from signed fields to the verbs of `app.documents`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app import canonical
from app.db import db
from app.documents import rules as document_rules
from app.documents import service as documents
from app.documents.models import Document
from app.documents.rules import DocumentKind
from app.visits import contributing
from app.visits import rules as visit_rules
from app.visits.models import Visit
from sync.inbox import rules
from sync.inbox.doing import Doing, Effect, NotTheirVisit, applied, their_visit
from sync.inbox.rules import OperationType, Outcome

KINDS: Mapping[OperationType, DocumentKind] = {
    OperationType.OPINION_ISSUE: DocumentKind.OPINION,
    OperationType.ORDER_ISSUE: DocumentKind.CORRECTIVE_ORDER,
    OperationType.DECISION_ISSUE: DocumentKind.ON_SITE_DECISION,
    OperationType.SAMPLE_RECORD: DocumentKind.SAMPLING_RECORD,
}


SIGNATURE = "signature"  # the role of an attachment that shows how somebody signed


def find_document(entity_id: UUID) -> Document | None:
    """Return the document that an entity id names, None where it names something else."""
    return db.session.get(Document, entity_id)


def issue(doing: Doing) -> Effect:
    """Issue a document under a number of the tablet's block, or change it while it is unsigned.

    One of the same id meets what stands as findings do: three-way by what the tablet had seen; its
    number, unit and officers never change.
    """
    fields = doing.fields
    visit = None
    if fields.get("visit_id") is not None:
        visit = visit_of(doing)
    standing = find_document(doing.entity_id)
    if standing is not None and _is_same_paper(standing, doing):
        return _change(standing, contents_of(doing.type, fields), doing)
    return applied(issue_paper(doing, visit))


def visit_of(doing: Doing) -> Visit:
    """Return the visit at which a paper is issued: the author's, at the unit that it names.

    Raises VisitIdWrong and what `their_visit` raises.
    """
    visit = their_visit(doing.id_of("visit_id"), doing)
    if visit.unit_id != doing.id_of("unit_id"):
        raise contributing.VisitIdWrong("文书所写单位与检查的单位不符，内容已留存。")
    return visit


def issue_paper(doing: Doing, visit: Visit | None) -> Document:
    """Issue the document that an operation hands over, under its number of the tablet's block."""
    fields = doing.fields
    contents = contents_of(doing.type, fields)
    return documents.issue_document(
        doing.entity_id,
        KINDS[doing.type],
        series=fields["series"],
        serial=fields["serial"],
        number=fields.get("number"),
        fields={name: value for name, value in contents.items() if value is not None},
        unit_id=doing.id_of("unit_id"),
        visit_id=None if visit is None else visit.id,
        task_id=None if visit is None else visit.task_id,
        officer_id=doing.officer_id,
        officer_ids=[UUID(one) for one in fields.get("officer_ids", ())],
        device_id=doing.operation.device_id,
        recorded_at=doing.operation.recorded_at,
        by=doing.by,
        at=doing.at,
    )


def contents_of(type_: OperationType, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says: the fields of its operation that are not about the paper."""
    return {name: fields[name] for name in rules.contents(type_) if name in fields}


def current_of(type_: str, document_id: UUID) -> dict[str, Any] | None:
    """Return what a document says now, for the review list."""
    document = find_document(document_id)
    if document is None:
        return None
    return {
        **{name: document.fields.get(name) for name in rules.contents(OperationType(type_))},
        "version": document.version,
        "number": document.number,
        "officer_id": str(document.officer_id),
        "recorded_at": canonical.instant(document.issued_recorded_at),
    }


def _is_same_paper(standing: Document, doing: Doing) -> bool:
    """Tell whether an operation is about the paper that stands: kind, number and unit agree.

    It need not name the officers again: then they stay.
    """
    fields = doing.fields
    named = fields.get("officer_ids")
    return (
        standing.agency_id == doing.by.agency_id
        and (standing.kind, standing.series) == (KINDS[doing.type], fields["series"])
        and (standing.serial, str(standing.unit_id)) == (fields["serial"], fields["unit_id"])
        and (named is None or set(named) | {str(standing.officer_id)} == set(standing.officer_ids))
    )


def _change(standing: Document, contents: Mapping[str, Any], doing: Doing) -> Effect:
    if str(doing.officer_id) not in standing.officer_ids and not doing.admitted:
        raise NotTheirVisit("您不是这份文书的执法人员，内容已留存，由负责人处理。")
    met = visit_rules.resolve(
        {name: standing.fields.get(name) for name in rules.CONTENTS[doing.type]},
        standing.version,
        contents,
        base=doing.operation.base,
        base_version=doing.operation.base_version,
        same_author=standing.officer_id == doing.officer_id,
    )
    if met.changes or met.disputed:
        documents.refuse_locked(standing)
    if met.outcome is visit_rules.Merge.CONFLICT:
        detail = {"fields": list(met.disputed)}
        return Effect(Outcome.CONFLICT, standing.version, "field-conflict", detail)
    documents.change_document(
        standing.id,
        met.changes,
        officer_id=doing.officer_id,
        recorded_at=doing.operation.recorded_at,
        by=doing.by,
        at=doing.at,
    )
    return applied(standing, Outcome(str(met.outcome)))


def sign(doing: Doing, document: Document) -> Effect:
    """Add the signatures of an operation to a document; the first locks it."""
    if document.visit_id is not None:
        their_visit(document.visit_id, doing)
    elif str(doing.officer_id) not in document.officer_ids:
        raise NotTheirVisit("您不是这份文书的执法人员，内容已留存，由负责人处理。")
    signed = documents.sign_document(
        document.id,
        signature_of(doing),
        officer_id=doing.officer_id,
        device_id=doing.operation.device_id,
        recorded_at=doing.operation.recorded_at,
        by=doing.by,
        at=doing.at,
    )
    return applied(signed)


def signature_of(doing: Doing) -> document_rules.Signature:
    """Return the signature, given or refused, that an operation brings."""
    fields = doing.fields
    refused = doing.type is OperationType.DOCUMENT_REFUSE_SIGNATURE or fields.get("refused")
    confirmation = doing.operation.confirmation
    pictures = [one for one in doing.operation.attachments if one["role"] == SIGNATURE]
    return document_rules.Signature(
        role=document_rules.SignRole(fields.get("role", "party" if refused else "officer")),
        content_hash=fields.get("content_hash"),
        refusal=(fields.get("reason") or "拒绝签名") if refused else None,
        confirmed_by=None if confirmation is None else UUID(confirmation["officer_id"]),
        picture_sha256=pictures[0]["sha256"] if pictures else None,
    )
