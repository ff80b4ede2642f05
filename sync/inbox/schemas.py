"""The JSON shape of what the inbox answers."""

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Id
from sync.inbox.rules import Outcome


class ReceiptSchema(ma.Schema):
    """A signed receipt: canonical body as text, so that its hash can be computed as it is."""

    body = fields.String(required=True)
    sig = fields.String(required=True)


class PushResultSchema(ma.Schema):
    """What one line of a batch came to."""

    line = Count(required=True, min=1)
    op_id = Id(required=True, allow_none=True)
    outcome = Choice(Outcome, required=True)
    reason = fields.String(required=True, allow_none=True)
    receipt = fields.Nested(ReceiptSchema, required=True)
    problem = fields.Dict(required=True, allow_none=True)


class PushResultsSchema(ma.Schema):
    """One result per line, in the order of the lines."""

    results = fields.List(fields.Nested(PushResultSchema), required=True)


class ReceiptQuerySchema(ma.Schema):
    """Which receipts a tablet still wants."""

    after_seq = Count(load_default=0)
    limit = Count(min=1, max=1000, load_default=200)


class ReceiptsSchema(ma.Schema):
    """Receipts by `receipt_seq`, and whether there are more."""

    receipts = fields.List(fields.Nested(ReceiptSchema), required=True)
    more = fields.Boolean(required=True)
