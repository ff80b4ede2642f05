"""The shape of visit codes, ratings and objections over HTTP."""

import marshmallow as ma
from marshmallow import fields, validate

from app.codes.rules import CodeKind, CodeState, ObjectionState, Standing
from app.fields import Choice, Count, Day, Id, Instant, Text
from app.problems import PageSchema


class NewCodeSchema(ma.Schema):
    """A code that is asked for: planned with tasks, triggered with a reason."""

    unit_id = Id(required=True)
    task_ids = fields.List(
        Id(), load_default=list, validate=validate.Length(max=50), metadata={"uniqueItems": True}
    )
    officer_ids = fields.List(
        Id(), required=True, validate=validate.Length(min=1, max=20), metadata={"uniqueItems": True}
    )
    partner_ids = fields.List(
        Id(), load_default=list, validate=validate.Length(max=20), metadata={"uniqueItems": True}
    )
    valid_from = Instant(required=True)
    valid_until = Instant(required=True)
    reason = Text(max=1000, load_default=None, allow_none=True)


class CodeReasonSchema(ma.Schema):
    """Why a code is taken back."""

    reason = Text(max=1000, required=True)


class CodeQuerySchema(PageSchema):
    """Query of an agency's codes, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)
    state = Choice(CodeState, load_default=None, allow_none=True)


class CodeSchema(ma.Schema):
    """A visit code; `text` is what its picture holds, `standing` what a scan says now."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    task_ids = fields.List(Id(), required=True)
    officer_ids = fields.List(Id(), required=True)
    partner_ids = fields.List(Id(), required=True)
    kind = Choice(CodeKind, required=True)
    state = Choice(CodeState, required=True)
    standing = Choice(Standing, required=True)
    short = Text(max=12, required=True)
    text = Text(max=140, required=True)
    reason = Text(max=1000, required=True, allow_none=True)
    valid_from = Instant(required=True)
    valid_until = Instant(required=True)
    beyond_caps = fields.List(Text(max=100), required=True)
    afterwards = fields.Boolean(required=True)
    requested_at = Instant(required=True)
    revoked_at = Instant(required=True, allow_none=True)
    revoked_reason = Text(max=1000, required=True, allow_none=True)


class UnitCodeSchema(ma.Schema):
    """What the picture at a unit's door holds."""

    unit_id = Id(required=True)
    text = Text(max=140, required=True)


class RatingsQuerySchema(ma.Schema):
    """The days on which ratings came to be shown, both included; without any, the last year."""

    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class RatingsSchema(ma.Schema):
    """How many ratings are shown, and their average in hundredths; they are shown by five."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    count = Count(0, required=True)
    average_hundredths = Count(100, 500, required=True, allow_none=True)


class RatingSchema(ma.Schema):
    """A rating as the auditor reads it: of which visit it is, nobody is told."""

    id = Id(required=True)
    score = Count(1, 5, required=True)
    comment = Text(max=500, required=True, allow_none=True)
    shown_on = Day(required=True)


class ObjectionQuerySchema(PageSchema):
    """Query of an agency's objections, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    code_id = Id(load_default=None, allow_none=True)
    state = Choice(ObjectionState, load_default=None, allow_none=True)


class ObjectionSchema(ma.Schema):
    """What a unit objected to, and the answer."""

    id = Id(required=True)
    version = Count(1, required=True)
    code_id = Id(required=True)
    unit_id = Id(required=True)
    state = Choice(ObjectionState, required=True)
    text = Text(max=2000, required=True)
    contact = Text(max=200, required=True, allow_none=True)
    received_at = Instant(required=True)
    answer = Text(max=2000, required=True, allow_none=True)
    answered_at = Instant(required=True, allow_none=True)


class ObjectionAnswerSchema(ma.Schema):
    """What is answered to an objection."""

    answer = Text(max=2000, required=True)


class RatingFormSchema(ma.Schema):
    """What a unit sends from the page of its code."""

    score = Count(1, 5, required=True)
    comment = Text(max=500, load_default=None, allow_none=True)


class ObjectionFormSchema(ma.Schema):
    """What a unit objects to, from the page of its code."""

    text = Text(max=2000, required=True)
    contact = Text(max=200, load_default=None, allow_none=True)
