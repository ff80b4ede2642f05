"""The JSON shape of the review list."""

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Id, Instant, Text
from sync.inbox.rules import Decision, ReviewKind, ReviewState
from sync.wire import MAX_CURSOR


class ReviewQuerySchema(ma.Schema):
    """Which items, and where to go on."""

    kind = Choice(ReviewKind, load_default=None, allow_none=True)
    cursor = Text(max=MAX_CURSOR, min=0, load_default="")
    limit = Count(min=1, max=200, load_default=50)


class ReviewItemSchema(ma.Schema):
    """Something a supervisor has to look at; `op` is the operation's text as it was signed."""

    id = Id(required=True, attribute="item.id")
    kind = Choice(ReviewKind, required=True, attribute="item.kind")
    reason = fields.String(required=True, attribute="item.reason")
    device_id = Id(required=True, attribute="item.device_id")
    officer_id = Id(required=True, allow_none=True, attribute="item.officer_id")
    detail = fields.Dict(required=True, attribute="item.detail")
    op = fields.String(required=True, allow_none=True)
    current = fields.Dict(required=True, allow_none=True)
    possible = fields.List(Choice(Decision), required=True)
    state = Choice(ReviewState, required=True, attribute="item.state")
    created_at = Instant(required=True, attribute="item.created_at")
    decision = Choice(Decision, required=True, allow_none=True, attribute="item.decision")
    decision_reason = fields.String(
        required=True, allow_none=True, attribute="item.decision_reason"
    )
    decided_at = Instant(required=True, allow_none=True, attribute="item.decided_at")


class ReviewListSchema(ma.Schema):
    """One page of the list, oldest first."""

    items = fields.List(fields.Nested(ReviewItemSchema), required=True)
    cursor = fields.String(required=True)
    more = fields.Boolean(required=True)


class ReviewDecisionSchema(ma.Schema):
    """What is decided, and why; `fields` belongs to `merge`."""

    decision = Choice(Decision, required=True)
    fields_ = fields.Dict(
        keys=fields.String(),
        data_key="fields",
        load_default=None,
        allow_none=True,
    )
    reason = Text(max=1000, required=True)
