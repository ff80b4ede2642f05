"""Corrections 更正 of locked documents: visible, signed for, and never over what was signed."""

from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.db import db, touch
from app.documents import amending, layout, queries, service
from app.documents.amending import Change
from app.documents.desk import account_name, template_for
from app.documents.models import DocumentCorrection
from app.documents.rules import Confirmation, DocumentKind, DocumentState
from app.errors import Conflict, Invalid
from app.journal import service as journal
from app.journal.rules import Event


class DocumentNotLocked(Conflict):
    code, title = "document-not-locked", "文书尚未签名"


class CorrectionMisplaced(Invalid):
    code, title = "correction-misplaced", "找不到要更正的内容"


class CorrectionUnconfirmed(Invalid):
    code, title = "correction-unconfirmed", "更正没有确认"


def correct(
    document_id: UUID,
    field: str,
    struck: str,
    right: str,
    *,
    reason: str,
    confirmed_by: Confirmation,
    confirmed_name: str | None = None,
    occurrence: int | None = None,
    by: Actor,
    at: datetime,
) -> DocumentCorrection:
    """Strike words of a locked document and write the right ones beside, visibly.

    `field` is a field's name or `table/row/column`; the words are those that read there now, each
    correction counted in. Where they stand more than once, `occurrence` says which. On a document
    that leaves the organ the proof seal 校对章 or the party confirms (卫生行政执法文书规范).
    What was signed and its hash stay.

    Raises DocumentUnknown, DocumentNotLocked, CorrectionMisplaced (`occurrences`) and
    CorrectionUnconfirmed.
    """
    document = service.get_document(document_id, by.agency_id)
    if document.state != DocumentState.SIGNED:
        raise DocumentNotLocked("文书还没有签名，可以直接修改，不需要更正。")
    template = template_for(DocumentKind(document.kind), document.issued_recorded_at)
    _refuse_unconfirmed(template.outward, confirmed_by, confirmed_name)
    text = layout.read_path(template, document.fields, field)
    earlier = queries.corrections_of(document.id)
    pieces = amending.amended(text or "", [_change(one) for one in earlier if one.field == field])
    found = amending.occurrences(pieces, struck)
    if found == 0 or (occurrence or 1) > found or (occurrence is None and found > 1):
        raise CorrectionMisplaced(
            "要更正的文字应与文书现有内容一致；出现多处的，请写明是第几处。", occurrences=found
        )
    correction = DocumentCorrection(
        document_id=document.id,
        number=len(earlier) + 1,
        field=field,
        struck=struck,
        right=right,
        occurrence=occurrence or 1,
        reason=reason,
        confirmed_by=confirmed_by,
        confirmed_name=confirmed_name,
        by_name=account_name(by) or "",
        corrected_at=at,
        corrected_by_kind=by.kind,
        corrected_by_id=by.id,
    )
    db.session.add(correction)
    touch(document)
    journal.record(
        Event.DOCUMENT_CORRECTED,
        document,
        by=by,
        at=at,
        data={"number": correction.number, "field": field, "confirmed_by": str(confirmed_by)},
    )
    return correction


def _change(one: DocumentCorrection) -> Change:
    return Change(one.struck, one.right, one.number, one.occurrence)


def _refuse_unconfirmed(outward: bool, confirmed_by: Confirmation, name: str | None) -> None:
    if outward and confirmed_by is Confirmation.OFFICER:
        raise CorrectionUnconfirmed(
            "对外使用的文书，更正处应加盖校对章，或者由当事人签名、按指印。"
        )
    if (confirmed_by is Confirmation.PARTY) != (name is not None):
        raise CorrectionUnconfirmed("由当事人确认的更正须写明当事人姓名，其他更正不写。")
