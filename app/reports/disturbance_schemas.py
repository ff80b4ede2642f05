"""The shapes of the report of entries 入企扰企 over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.caps.rules import Verdict
from app.fields import Choice, Count, Day, Flag, Id, Text, absent
from app.problems import PageSchema
from app.reports.disturbance_rules import By, Code
from app.reports.quantities import Unit
from app.units.schemas import FileFormat

_CAP = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class PeriodQuerySchema(ma.Schema):
    """The days, both included: without `from` the year of `until`, without it until today."""

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)


class PeriodFileQuerySchema(PeriodQuerySchema):
    """The same, and the form of the file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class ChosenQuerySchema(PeriodQuerySchema):
    """Which entries: behind a number, of a line (`by` and `code`), into units entered so often."""

    number = Choice(Code, load_default=absent)
    by = Choice(By, load_default=absent)
    code = Text(max=200, min=0, load_default=absent)
    unit_id = Id(load_default=absent)
    times = Count(1, load_default=absent)


class ChosenPageQuerySchema(PageSchema, ChosenQuerySchema):
    """The same, page by page."""


class ChosenFileQuerySchema(ChosenQuerySchema):
    """The same, as a file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class ExcessPageQuerySchema(PageSchema, PeriodQuerySchema):
    """Entries beyond one cap, page by page."""

    cap = Text(max=60, pattern=_CAP, hint="应为目录中的频次上限代码。", required=True)


class ExcessFileQuerySchema(PeriodFileQuerySchema):
    """Entries beyond one cap, as a file."""

    cap = Text(max=60, pattern=_CAP, hint="应为目录中的频次上限代码。", required=True)


class NumberSchema(ma.Schema):
    """A number with its unit, the same days a year before, the change in per cent 同比."""

    code = Choice(Code, required=True)
    name = fields.String(required=True)
    unit = Choice(Unit, required=True, attribute="quantity.unit")
    number = fields.String(required=True, attribute="quantity.text")
    before = fields.String(required=True, attribute="before.text")
    change_percent = fields.Method("_change", required=True, metadata={"type": ["string", "null"]})

    def _change(self, line: Any) -> str | None:
        return None if line.change is None else str(line.change)


class LineSchema(ma.Schema):
    """What entries of a kind were."""

    code = fields.String(required=True)
    separate = Count(required=True)
    entries = Count(required=True)
    saved = Count(required=True)
    clean = Count(required=True)
    exempt = Count(required=True)
    units = Count(required=True)


class TimesSchema(ma.Schema):
    """How many units were entered so often."""

    times = Count(1, required=True)
    units = Count(required=True)


class CapLineSchema(ma.Schema):
    """What was beyond a cap, by what the cap said: flagged, without or with what it needs."""

    code = fields.String(required=True, attribute="cap.code")
    name = fields.String(required=True, attribute="cap.name")
    most = Count(required=True, attribute="cap.most")
    source = fields.String(required=True, attribute="cap.source")
    confirmed = Flag(required=True, attribute="cap.confirmed")
    units = Count(required=True)
    entries = Count(required=True)
    flagged = fields.Method("_flagged", required=True, metadata={"type": "integer"})
    without = fields.Method("_without", required=True, metadata={"type": "integer"})
    excepted = fields.Method("_excepted", required=True, metadata={"type": "integer"})

    def _flagged(self, line: Any) -> int:
        return int(line.verdicts.get(Verdict.FLAG, 0))

    def _without(self, line: Any) -> int:
        return sum(line.verdicts.get(one, 0) for one in (Verdict.REASON, Verdict.EXCEPTION))

    def _excepted(self, line: Any) -> int:
        return int(line.verdicts.get(Verdict.EXCEPTED, 0))


class PlannedSchema(ma.Schema):
    """What published plans of joint visits meant for the days, and what their tasks became."""

    tasks = Count(required=True)
    entries = Count(required=True)
    saved = Count(required=True)
    visited = Count(required=True)
    made = Count(required=True)
    really_saved = Count(required=True)


class LinesSchema(ma.Schema):
    """Entries told apart."""

    quarter = fields.List(fields.Nested(LineSchema), required=True)
    department = fields.List(fields.Nested(LineSchema), required=True)
    level = fields.List(fields.Nested(LineSchema), required=True)
    origin = fields.List(fields.Nested(LineSchema), required=True)


class DisturbanceSchema(ma.Schema):
    """The report of a period."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    counted = fields.List(fields.Nested(NumberSchema), required=True)
    tasks_per_entry = fields.String(required=True, allow_none=True)
    saved_percent = fields.String(required=True, allow_none=True)
    clean_percent = fields.String(required=True, allow_none=True)
    again_percent = fields.String(required=True, allow_none=True)
    distribution = fields.List(fields.Nested(TimesSchema), required=True)
    lines = fields.Nested(LinesSchema, required=True)
    caps = fields.List(fields.Nested(CapLineSchema), required=True)
    planned = fields.Nested(PlannedSchema, required=True)


class EntryVisitSchema(ma.Schema):
    """A visit of an entry."""

    id = Id(required=True)
    task_id = Id(required=True, allow_none=True)
    origin = fields.String(required=True, allow_none=True)
    specialty = fields.String(required=True, allow_none=True)
    department = fields.String(required=True)


class EntryMadeSchema(ma.Schema):
    """An entry into a unit, with what it was for."""

    id = Id(required=True)
    on = Day(required=True)
    unit_id = Id(required=True)
    archive_no = fields.String(required=True)
    unit_name = fields.String(required=True)
    exempt = Flag(required=True)
    clean = Flag(required=True)
    saved = Count(required=True)
    visits = fields.List(fields.Nested(EntryVisitSchema), required=True)


class ExcessSchema(EntryMadeSchema):
    """An entry beyond a cap: how many it had counted, what it said, and what let it be."""

    used = Count(required=True)
    most = Count(required=True)
    verdict = Choice(Verdict, required=True)
    exception_id = Id(required=True, allow_none=True)
    reason = Text(max=2000, required=True, allow_none=True)


class UnitEnteredSchema(ma.Schema):
    """How often a unit was entered, and what was saved."""

    unit_id = Id(required=True)
    archive_no = fields.String(required=True)
    unit_name = fields.String(required=True)
    separate = Count(required=True)
    entries = Count(required=True)
    saved = Count(required=True)
    exempt = Count(required=True)
    clean = Count(required=True)
    last_on = Day(required=True)
