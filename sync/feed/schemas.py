"""The shape of the feed's questions and answers on the wire."""

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Count, Flag, Id, Sha256, Text
from sync import wire
from sync.feed.rules import ENTITY_TYPES, PAGE_ROWS, PAGE_ROWS_MAX

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_IDS = rf"^{_ID}(,{_ID}){{0,19}}$"


class FeedQuerySchema(ma.Schema):
    """Query of a pull; an empty cursor opens a generation."""

    cursor = Text(min=0, max=wire.MAX_CURSOR, load_default="")
    limit = Count(1, PAGE_ROWS_MAX, load_default=PAGE_ROWS)
    want = Text(
        max=20 * 37,
        pattern=_IDS,
        hint="应为至多 20 个单位编号，以逗号分隔。",
        load_default=None,
        allow_none=True,
    )


class FeedRowSchema(ma.Schema):
    """The newest state of an entity in a scope; `scope` and `present` alone: the scope is left."""

    stream = fields.String(required=True)
    scope = fields.String(required=True)
    type = fields.String(validate=validate.OneOf(ENTITY_TYPES))
    id = Id()
    version = Count(1)
    present = fields.Boolean(required=True)
    body = fields.Dict(allow_none=True)


class FeedPageSchema(ma.Schema):
    """A page of the feed; `complete`: with it the tablet has all that there is."""

    generation = Id(required=True)
    rows = fields.List(fields.Nested(FeedRowSchema), required=True)
    cursor = fields.String(required=True)
    more = fields.Boolean(required=True)
    complete = fields.Boolean(required=True)


class SetSumSchema(ma.Schema):
    """How many entities of a type a scope shows, and SHA-256 over `id:version` LF, sorted."""

    scope = Text(max=60, required=True)
    type = Text(max=40, required=True)
    count = Count(0, required=True)
    hash = Sha256(required=True)


class VerifySchema(ma.Schema):
    """What a tablet holds, and up to where it has read."""

    cursor = Text(max=wire.MAX_CURSOR, required=True)
    sets = fields.List(
        fields.Nested(SetSumSchema), required=True, validate=validate.Length(max=500)
    )


class VerifiedSchema(ma.Schema):
    """`behind`: pull first. `differs`: the sets as the server has them; begin a generation."""

    behind = Flag(required=True)
    differs = fields.List(fields.Nested(SetSumSchema), required=True)
