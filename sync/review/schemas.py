"""The JSON shape of the review list."""

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Id, Instant, Text, absent
from sync.inbox.rules import Decision, ReviewKind, ReviewState
from sync.wire import MAX_CURSOR


class ReviewQuerySchema(ma.Schema):
    """Which items, and where to go on."""

    kind = Choice(ReviewKind, load_default=absent)
    reason = Text(max=60, pattern=r"^[a-z][a-z-]*$", load_default=absent)
    device_id = Id(load_default=absent)
    state = Choice(ReviewState, load_default=ReviewState.OPEN)
    cursor = Text(max=MAX_CURSOR, min=0, load_default="")
    limit = Count(min=1, max=200, load_default=50)


class SaidSchema(ma.Schema):
    """Who said a value, when and on which tablet; null where it is not known."""

    officer_id = fields.String(required=True, allow_none=True)
    device_id = fields.String(required=True, allow_none=True)
    recorded_at = fields.String(required=True, allow_none=True)
    received_at = fields.String(required=True, allow_none=True)


class SideSchema(ma.Schema):
    """One field: what the tablet had seen, what it says, what stands."""

    field = fields.String(required=True)
    base = fields.Raw(required=True, allow_none=True)
    theirs = fields.Raw(required=True, allow_none=True)
    current = fields.Raw(required=True, allow_none=True)
    disputed = fields.Boolean(required=True)
    theirs_by = fields.Nested(SaidSchema, required=True)
    current_by = fields.Nested(SaidSchema, required=True)


class ReviewItemSchema(ma.Schema):
    """Something a supervisor has to look at; `op` is the operation's text as it was signed."""

    id = Id(required=True, attribute="item.id")
    version = Count(required=True, attribute="item.version")
    kind = Choice(ReviewKind, required=True, attribute="item.kind")
    reason = fields.String(required=True, attribute="item.reason")
    device_id = Id(required=True, attribute="item.device_id")
    officer_id = Id(required=True, allow_none=True, attribute="item.officer_id")
    detail = fields.Dict(required=True, attribute="item.detail")
    op = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True, allow_none=True)
    received_at = Instant(required=True, allow_none=True)
    current = fields.Dict(required=True, allow_none=True)
    sides = fields.List(fields.Nested(SideSchema), required=True)
    possible = fields.List(Choice(Decision), required=True)
    state = Choice(ReviewState, required=True, attribute="item.state")
    created_at = Instant(required=True, attribute="item.created_at")
    decision = Choice(Decision, required=True, allow_none=True, attribute="item.decision")
    decision_reason = fields.String(
        required=True, allow_none=True, attribute="item.decision_reason"
    )
    decision_fields = fields.Dict(required=True, allow_none=True, attribute="item.decision_fields")
    decided_at = Instant(required=True, allow_none=True, attribute="item.decided_at")
    answered_by = Id(required=True, allow_none=True)


class ReviewListSchema(ma.Schema):
    """One page of the list, oldest first."""

    items = fields.List(fields.Nested(ReviewItemSchema), required=True)
    cursor = fields.String(required=True)
    more = fields.Boolean(required=True)


class ReviewCountSchema(ma.Schema):
    """How many items of a kind and reason wait, and since when the oldest does."""

    kind = Choice(ReviewKind, required=True)
    reason = fields.String(required=True)
    count = Count(required=True)
    oldest_at = Instant(required=True)


class ReviewCountsSchema(ma.Schema):
    """What waits, by kind and reason."""

    counts = fields.List(fields.Nested(ReviewCountSchema), required=True)


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
