"""The shape of documents and of number blocks over HTTP; tablets write them, here they are read."""

import marshmallow as ma
from marshmallow import fields as plain

from app.documents.rules import (
    BlockState,
    Confirmation,
    DocumentKind,
    DocumentState,
    EndReason,
    PaperMethod,
    PaperRole,
    ServiceMode,
    Slot,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text
from app.problems import PageSchema


class DocumentQuerySchema(PageSchema):
    """Query of the documents of an agency, in the order of their ids."""

    kind = Choice(DocumentKind, load_default=None, allow_none=True)
    state = Choice(DocumentState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)
    case_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)


class DocumentSchema(ma.Schema):
    """A document under its number; `content_hash` is of what it says."""

    id = Id(required=True)
    version = Count(1, required=True)
    kind = Choice(DocumentKind, required=True)
    state = Choice(DocumentState, required=True)
    number = Text(max=100, required=True)
    series = Text(max=60, required=True)
    serial = Count(1, required=True)
    block_id = Id(required=True, allow_none=True)
    unit_id = Id(required=True, allow_none=True)
    visit_id = Id(required=True, allow_none=True)
    task_id = Id(required=True, allow_none=True)
    case_id = Id(required=True, allow_none=True)
    officer_id = Id(required=True)
    officer_ids = plain.List(Id(), required=True)
    device_id = Id(required=True, allow_none=True)
    content_hash = Sha256(required=True)
    issued_recorded_at = Instant(required=True)
    issued_at = Instant(required=True)
    signed_at = Instant(required=True, allow_none=True)


class DocumentSignatureSchema(ma.Schema):
    """A signature given or refused; `officer_id` signed, or took the other's signature."""

    role = Choice(PaperRole, required=True)
    officer_id = Id(required=True)
    method = Choice(PaperMethod, required=True)
    reason = Text(max=1000, required=True, allow_none=True)
    content_hash = Sha256(required=True, allow_none=True)
    signer_name = Text(max=200, required=True, allow_none=True)
    picture_sha256 = Sha256(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class WholeDocumentSchema(DocumentSchema):
    """A document with what it says and who signed it."""

    fields_ = plain.Dict(required=True, data_key="fields", attribute="fields")
    signatures = plain.List(plain.Nested(DocumentSignatureSchema), required=True)


class NewPaperSchema(ma.Schema):
    """A document for a visit or a case; `fields` are those of its kind's template."""

    kind = Choice(DocumentKind, required=True)
    officer_ids = plain.List(Id(), load_default=list, validate=ma.validate.Length(max=20))
    fields_ = plain.Dict(keys=Text(max=100), required=True, data_key="fields", attribute="fields")


class NewDocumentSchema(NewPaperSchema):
    """A document that is drawn up at a desk for a unit."""

    unit_id = Id(required=True)


class RewriteDocumentSchema(ma.Schema):
    """Fields of a document that nobody has signed; null takes one out."""

    fields_ = plain.Dict(keys=Text(max=100), required=True, data_key="fields", attribute="fields")


class SignDocumentSchema(ma.Schema):
    """A signature at a desk; `refusal` notes that the party does not sign, and why."""

    role = Choice(PaperRole, required=True)
    signer_name = Text(max=200, load_default=None, allow_none=True)
    refusal = Text(max=1000, load_default=None, allow_none=True)
    witness_name = Text(max=200, load_default=None, allow_none=True)
    content_hash = Sha256(load_default=None, allow_none=True)


class CorrectDocumentSchema(ma.Schema):
    """Words of a locked document that are wrong, and the right ones; empty: left out."""

    field = Text(max=200, required=True)
    struck = Text(max=20_000, required=True)
    right = Text(max=20_000, min=0, required=True)
    occurrence = Count(1, load_default=None, allow_none=True)
    reason = Text(max=1000, required=True)
    confirmed_by = Choice(Confirmation, required=True)
    confirmed_name = Text(max=200, load_default=None, allow_none=True)


class CorrectionSchema(ma.Schema):
    """A correction; `by_name` made it, `confirmed_name` is that of a party who confirmed it."""

    number = Count(1, required=True)
    field = Text(max=200, required=True)
    struck = Text(max=20_000, required=True)
    right = Text(max=20_000, min=0, required=True)
    occurrence = Count(1, required=True)
    reason = Text(max=1000, required=True)
    confirmed_by = Choice(Confirmation, required=True)
    confirmed_name = Text(max=200, required=True, allow_none=True)
    by_name = Text(max=200, min=0, required=True)
    corrected_at = Instant(required=True)


class CorrectionsSchema(ma.Schema):
    """The corrections of a document, in their order."""

    items = plain.List(plain.Nested(CorrectionSchema), required=True)


class ServeDocumentSchema(ma.Schema):
    """How a document was served; what each mode needs stands in the catalogue (`service_mode`)."""

    mode = Choice(ServiceMode, required=True)
    handed_on = Day(required=True)
    delivered_on = Day(load_default=None, allow_none=True)
    recipient = Text(max=200, required=True)
    place = Text(max=400, required=True)
    receiver_name = Text(max=200, load_default=None, allow_none=True)
    relation = Text(max=100, load_default=None, allow_none=True)
    refusal = Text(max=1000, load_default=None, allow_none=True)
    witnesses = plain.List(Text(max=200), load_default=list, validate=ma.validate.Length(max=10))
    tracking_no = Text(max=100, load_default=None, allow_none=True)
    consent_id = Id(load_default=None, allow_none=True)
    agent = Text(max=200, load_default=None, allow_none=True)
    channel = Text(max=400, load_default=None, allow_none=True)
    evidence = plain.List(Sha256(), load_default=list, validate=ma.validate.Length(max=50))
    officer_ids = plain.List(Id(), load_default=list, validate=ma.validate.Length(max=10))
    note = Text(max=2000, load_default=None, allow_none=True)


class ServiceSchema(ma.Schema):
    """A record of a service; it counts from `effective_on`, empty while that is not known."""

    id = Id(required=True)
    version = Count(1, required=True)
    document_id = Id(required=True)
    mode = Choice(ServiceMode, required=True)
    handed_on = Day(required=True)
    delivered_on = Day(required=True, allow_none=True)
    effective_on = Day(required=True, allow_none=True)
    recipient = Text(max=200, required=True)
    place = Text(max=400, required=True)
    receiver_name = Text(max=200, required=True, allow_none=True)
    relation = Text(max=100, required=True, allow_none=True)
    refusal = Text(max=1000, required=True, allow_none=True)
    witnesses = plain.List(Text(max=200), required=True)
    tracking_no = Text(max=100, required=True, allow_none=True)
    consent_id = Id(required=True, allow_none=True)
    agent = Text(max=200, required=True, allow_none=True)
    channel = Text(max=400, required=True, allow_none=True)
    evidence = plain.List(Sha256(), required=True)
    note = Text(max=2000, required=True, allow_none=True)
    receipt_id = Id(required=True, allow_none=True)
    recorded_at = Instant(required=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    withdrawn_reason = Text(max=1000, required=True, allow_none=True)


class ServicesSchema(ma.Schema):
    """How a document was served, and by when it has to be; open: the reason says why."""

    needed = Flag(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=60, required=True, allow_none=True)
    served_on = Day(required=True, allow_none=True)
    open_signatures = plain.List(Choice(Slot), required=True)
    items = plain.List(plain.Nested(ServiceSchema), required=True)


class UnservedSchema(ma.Schema):
    """A signed document that has to be served; `due_on` is open where a calendar is missing."""

    document = plain.Nested(DocumentSchema, required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=60, required=True, allow_none=True)
    late = Flag(required=True)
    warned_at = Instant(required=True, allow_none=True)
    late_at = Instant(required=True, allow_none=True)


class UnservedListSchema(ma.Schema):
    """What is not served, the most urgent first."""

    items = plain.List(plain.Nested(UnservedSchema), required=True)


class DeliverServiceSchema(ma.Schema):
    """The day on which something posted or entrusted arrived."""

    delivered_on = Day(required=True)
    receiver_name = Text(max=200, load_default=None, allow_none=True)


class WithdrawServiceSchema(ma.Schema):
    """Why a record of a service is taken back."""

    reason = Text(max=1000, required=True)


class NumberBlockQuerySchema(PageSchema):
    """Query of the number blocks of an agency, in the order of their allotment."""

    kind = Choice(DocumentKind, load_default=None, allow_none=True)
    state = Choice(BlockState, load_default=None, allow_none=True)
    year = Count(2000, 2199, load_default=None, allow_none=True)
    device_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)


class NumberGapSchema(ma.Schema):
    """Numbers without a document; `reason` says why: `skipped` in a block still written from,
    `quarantined`, `conflict`, `held` or `declined` where a paper came and did not come in."""

    first = Count(1, required=True)
    last = Count(1, required=True)
    reason = Text(max=40, required=True)


class NumberBlockSchema(ma.Schema):
    """A block, and what became of its numbers.

    Without device and officer it is a range that may have been given out before a restore.
    """

    id = Id(required=True, attribute="block.id")
    version = Count(1, required=True, attribute="block.version")
    kind = Choice(DocumentKind, required=True, attribute="block.kind")
    year = Count(1, required=True, attribute="block.year")
    series = Text(max=60, required=True, attribute="block.series")
    first = Count(1, required=True, attribute="block.first")
    last = Count(1, required=True, attribute="block.last")
    device_id = Id(required=True, allow_none=True, attribute="block.device_id")
    officer_id = Id(required=True, allow_none=True, attribute="block.officer_id")
    state = Choice(BlockState, required=True, attribute="block.state")
    end_reason = Choice(EndReason, required=True, allow_none=True, attribute="block.end_reason")
    allotted_at = Instant(required=True, attribute="block.allotted_at")
    ended_at = Instant(required=True, allow_none=True, attribute="block.ended_at")
    used = Count(0, required=True)
    free = Count(0, required=True)
    gaps = plain.List(plain.Nested(NumberGapSchema), required=True)
