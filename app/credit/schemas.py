"""The shape of credit over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.credit.rules import EntryKind
from app.fields import Choice, Count, Day, Id, Instant, Text
from app.problems import PageSchema


class EntryQuerySchema(PageSchema):
    """Query of the entries of an agency, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    kind = Choice(EntryKind, load_default=None, allow_none=True)
    reference = Text(max=200, load_default=None, allow_none=True)


class EntrySchema(ma.Schema):
    """An entry; `about_id` is what a repair or a reversal is about."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True, allow_none=True)
    kind = Choice(EntryKind, required=True)
    reference = Text(max=200, required=True)
    decided_on = Day(required=True)
    tier = Text(max=100, required=True, allow_none=True)
    points = Count(0, required=True, allow_none=True)
    about_id = Id(required=True, allow_none=True)
    reason = Text(max=1000, required=True, allow_none=True)
    data = fields.Dict(required=True)
    recorded_at = Instant(required=True)


class ReverseSchema(ma.Schema):
    """Why an entry is taken out of the record: a won appeal, a mistake."""

    reason = Text(max=1000, required=True)
