"""The shape of caps, entries and exceptions over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.caps.rules import ExceptionState, Verdict
from app.catalogue.caps import Beyond, Counts, Of, Period
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.problems import PageSchema


class CapQuerySchema(ma.Schema):
    """The entry that somebody means to make; what is left out counts as not known."""

    on = Day(load_default=None, allow_none=True)
    origin = Text(max=100, load_default=None, allow_none=True)
    joint = Flag(load_default=False)
    level = Text(max=100, load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)
    specialty = Text(max=100, load_default=None, allow_none=True)


class EnteredSchema(ma.Schema):
    """One time somebody went in; `visit_id` is its first visit.

    `elsewhere`: into another unit of the same enterprise.
    """

    visit_id = Id(attribute="id", required=True)
    on = Day(required=True)
    origins = fields.List(Text(max=100), required=True)
    joint = fields.Boolean(required=True)
    clean = fields.Boolean(required=True, allow_none=True)
    elsewhere = fields.Boolean(required=True)


class CapSchema(ma.Schema):
    """A cap of the catalogue."""

    code = Text(max=100, required=True)
    name = Text(max=200, required=True)
    most = Count(0, required=True)
    period = Choice(Period, required=True)
    of = Choice(Of, required=True)
    counts = Choice(Counts, required=True)
    beyond = Choice(Beyond, required=True)
    source = Text(max=1000, required=True)
    confirmed = fields.Boolean(required=True)


class CapAnswerSchema(ma.Schema):
    """What a cap says of the intended entry, and the entries from `first` to `last` it counted."""

    cap = fields.Nested(CapSchema, required=True)
    first = Day(required=True)
    last = Day(required=True)
    used = Count(0, required=True)
    counted = fields.List(fields.Nested(EnteredSchema), required=True)
    verdict = Choice(Verdict, required=True)
    exception_id = Id(required=True, allow_none=True)


class CapAnswersSchema(ma.Schema):
    """What every cap in force on a day says."""

    unit_id = Id(required=True)
    on = Day(required=True)
    caps = fields.List(fields.Nested(CapAnswerSchema), required=True)


class EntriesQuerySchema(ma.Schema):
    """The days to look at, both included, at most three years; without any, the last year."""

    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class EntriesSchema(ma.Schema):
    """The entries into a unit, the earliest first."""

    entries = fields.List(fields.Nested(EnteredSchema), required=True)


class CapExceptionQuerySchema(PageSchema):
    """Query of an agency's exceptions, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    cap_code = Text(max=100, load_default=None, allow_none=True)
    state = Choice(ExceptionState, load_default=None, allow_none=True)


class NewCapExceptionSchema(ma.Schema):
    """What is asked for: beyond which cap, on which days, and why."""

    unit_id = Id(required=True)
    cap_code = Text(max=100, required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    reason = Text(max=1000, required=True)


class CapExceptionRefusalSchema(ma.Schema):
    """Why an exception is refused."""

    reason = Text(max=1000, required=True)


class CapExceptionSchema(ma.Schema):
    """An exception, who asked for it and who decided."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    cap_code = Text(max=100, required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    reason = Text(max=1000, required=True)
    state = Choice(ExceptionState, required=True)
    proposed_officer_id = Id(required=True, allow_none=True)
    proposed_at = Instant(required=True)
    decided_officer_id = Id(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_reason = Text(max=1000, required=True, allow_none=True)
