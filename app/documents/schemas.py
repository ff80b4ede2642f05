"""The shape of documents and of number blocks over HTTP; tablets write them, here they are read."""

import marshmallow as ma
from marshmallow import fields as plain

from app.documents.rules import (
    BlockState,
    DocumentKind,
    DocumentState,
    EndReason,
    PaperMethod,
    PaperRole,
)
from app.fields import Choice, Count, Id, Instant, Sha256, Text
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
    unit_id = Id(required=True)
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


class NewDocumentSchema(ma.Schema):
    """A document that is drawn up at a desk; `fields` are those of its kind's template."""

    kind = Choice(DocumentKind, required=True)
    unit_id = Id(required=True)
    officer_ids = plain.List(Id(), load_default=list, validate=ma.validate.Length(max=20))
    fields_ = plain.Dict(keys=Text(max=100), required=True, data_key="fields", attribute="fields")


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


class NumberBlockQuerySchema(PageSchema):
    """Query of the number blocks of an agency, in the order of their allotment."""

    kind = Choice(DocumentKind, load_default=None, allow_none=True)
    state = Choice(BlockState, load_default=None, allow_none=True)
    year = Count(2000, 2199, load_default=None, allow_none=True)
    device_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)


class NumberGapSchema(ma.Schema):
    """Numbers without a document; `reason` says why, `skipped` in a block still written from."""

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
