"""The shapes of reports over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.draws.stages import DRAW_NO, PERIOD
from app.fields import Choice, Count, Day, Instant, Text, absent
from app.reports.rules import Rounding

_CODE = r"^[a-z0-9][a-z0-9._-]*$"


def _code() -> Text:
    return Text(max=60, pattern=_CODE, hint="应为目录中的代码。", load_default=absent)


class TaskCountsQuerySchema(ma.Schema):
    """Query of the counts: a period by the day a task was made, both days included.

    Without `from` the year of `until`, without `until` until today. With a draw's number, or the
    period of draws, their tasks are counted instead, whenever made.
    """

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)
    draw_no = Text(
        max=20, pattern=f"^{DRAW_NO.pattern}$", hint="应为抽取编号。", load_default=absent
    )
    period = Text(max=10, pattern=PERIOD, hint="例如 2026-Q4。", load_default=absent)
    origin = _code()
    specialty = _code()
    level = Text(max=20, load_default=absent)
    reference = Text(
        max=100,
        load_default=absent,
        metadata={"description": "任务来源的编号：下达名单的文号，或抽取编号"},
    )
    rounding = Choice(Rounding, load_default=absent)

    @ma.validates_schema
    def _one_period(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse days beside a draw: nobody could say what was counted."""
        days = [name for name in ("from_on", "until_on") if data.get(name) is not None]
        draws = [name for name in ("draw_no", "period") if data.get(name) is not None]
        if (days and draws) or len(draws) > 1:
            raise ma.ValidationError("按抽取编号、抽取周期或起止日期统计，只选一种。", draws[0])


class RateSchema(ma.Schema):
    """A rate: exact as a fraction, shown in per cent by a named rounding; null without tasks."""

    name = fields.String(required=True)
    numerator = Count(required=True)
    denominator = Count(required=True)
    rounding = Choice(Rounding, required=True)
    percent = fields.String(required=True, allow_none=True)


class TaskNumbersSchema(ma.Schema):
    """completed + closed + open = tasks."""

    tasks = Count(required=True)
    completed = Count(required=True)
    closed = Count(required=True)
    open = Count(required=True)


class TaskNumberSchema(ma.Schema):
    """How many tasks are of one kind."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    tasks = Count(required=True)


class TaskSpecialtySchema(ma.Schema):
    """One specialty's counts and rates."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    counts = fields.Nested(TaskNumbersSchema, required=True)
    completion = fields.Nested(RateSchema, required=True)
    settlement = fields.Nested(RateSchema, required=True)


class TaskReportSchema(ma.Schema):
    """Counts and rates of the inspections of a period, as of an instant.

    `other_events` are no inspections and in none of the other numbers. The parts of `by_…` add up
    to `counts.tasks` each.
    """

    from_on = Day(required=True)
    until_on = Day(required=True)
    as_of = Instant(required=True)
    counts = fields.Nested(TaskNumbersSchema, required=True)
    other_events = Count(required=True)
    completion = fields.Nested(RateSchema, required=True)
    settlement = fields.Nested(RateSchema, required=True)
    by_specialty = fields.List(fields.Nested(TaskSpecialtySchema), required=True)
    by_origin = fields.List(fields.Nested(TaskNumberSchema), required=True)
    by_state = fields.List(fields.Nested(TaskNumberSchema), required=True)
    by_outcome = fields.List(fields.Nested(TaskNumberSchema), required=True)
