"""The shapes of the counts of a period over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Choice, Count, Day, Flag, Text, absent
from app.problems import PageSchema
from app.reports.counters import COUNTERS
from app.reports.quantities import Unit
from app.reports.rules import Rounding
from app.units.schemas import FileFormat

_CODE = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def _counting() -> Text:
    hint = "应为目录中的统计口径。"
    return Text(max=60, pattern=_CODE, hint=hint, load_default=absent)


class CountsQuerySchema(ma.Schema):
    """The days to count, both included: without `from` the year of `until`, without it until today.

    `counting` is the rule (`case_counting`) by which a decision of several kinds counts.
    """

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)
    counting = _counting()
    rounding = Choice(Rounding, load_default=absent)


class CountsFileQuerySchema(CountsQuerySchema):
    """The same, and the form of the file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class CounterQuerySchema(PageSchema):
    """Which number is to be listed."""

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)
    counting = _counting()
    counter = fields.String(required=True, validate=validate.OneOf(tuple(COUNTERS)))


class CounterFileQuerySchema(ma.Schema):
    """Which number is to be listed in a file."""

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)
    counting = _counting()
    counter = fields.String(required=True, validate=validate.OneOf(tuple(COUNTERS)))
    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class CountedSchema(ma.Schema):
    """A number with its unit, the same days a year before, the change in per cent 同比."""

    code = fields.String(required=True, attribute="counter.code")
    name = fields.String(required=True, attribute="counter.name")
    block = fields.String(required=True, attribute="counter.block")
    unit = Choice(Unit, required=True, attribute="counter.unit")
    number = fields.String(required=True, attribute="quantity.text")
    before = fields.String(required=True, attribute="before.text")
    change_percent = fields.Method("_change", required=True, metadata={"type": ["string", "null"]})

    def _change(self, line: Any) -> str | None:
        return None if line.change is None else str(line.change)


class ShareSchema(ma.Schema):
    """A rate of some days."""

    numerator = Count(required=True)
    denominator = Count(required=True)
    percent = fields.String(required=True, allow_none=True)


class CountRateSchema(ma.Schema):
    """A rate, and of the same days a year before; both its numbers are counters."""

    code = fields.String(required=True, attribute="rate.code")
    name = fields.String(required=True, attribute="rate.name")
    numerator_counter = fields.String(required=True, attribute="rate.numerator")
    denominator_counter = fields.String(required=True, attribute="rate.denominator")
    numerator = Count(required=True, attribute="now.numerator")
    denominator = Count(required=True, attribute="now.denominator")
    percent = fields.String(required=True, allow_none=True, attribute="now.percent")
    before = fields.Nested(ShareSchema, required=True)


class SpanSchema(ma.Schema):
    """How many days so many cases took."""

    cases = Count(required=True)
    mean = fields.String(required=True, allow_none=True)
    median = fields.String(required=True, allow_none=True)


class CaseDaysSchema(ma.Schema):
    """How many days cases took, and the same days a year before; `counter` lists the cases."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    counter = fields.String(required=True)
    cases = Count(required=True, attribute="now.cases")
    mean = fields.String(required=True, allow_none=True, attribute="now.mean")
    median = fields.String(required=True, allow_none=True, attribute="now.median")
    before = fields.Nested(SpanSchema, required=True)


class ManualLineSchema(ma.Schema):
    """What was entered by hand for a counter; `at_least` where a source says 余 or 近."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    number = fields.String(required=True, attribute="quantity.text")
    unit = Choice(Unit, required=True, attribute="quantity.unit")
    at_least = Flag(required=True)


class CountsSchema(ma.Schema):
    """The counts of a period; `uncounted` says what is not counted."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    counting = fields.String(required=True)
    rounding = Choice(Rounding, required=True)
    counted = fields.List(fields.Nested(CountedSchema), required=True)
    rates = fields.List(fields.Nested(CountRateSchema), required=True)
    days = fields.List(fields.Nested(CaseDaysSchema), required=True)
    manual = fields.List(fields.Nested(ManualLineSchema), required=True)
    uncounted = fields.List(fields.String(), required=True)
