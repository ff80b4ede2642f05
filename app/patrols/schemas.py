"""The shapes of assistants, patrols, their opinions and hints over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.patrols.rules import AssistantState, HintState
from app.problems import PageSchema

_CODE = r"^[a-z0-9]+(-[a-z0-9]+)*$"


def _cells(**options: Any) -> Any:
    return fields.List(Text(max=40), validate=validate.Length(1, 200), **options)


def _maybe_id() -> Any:
    return Id(load_default=None, allow_none=True)


def _maybe_day() -> Any:
    return Day(load_default=None, allow_none=True)


class AssistantQuerySchema(PageSchema):
    """Query of the assistants of an agency, in the order of their ids."""

    service_unit = Text(max=200, load_default=None, allow_none=True)
    state = Choice(AssistantState, load_default=None, allow_none=True)


class NewAssistantSchema(ma.Schema):
    """An assistant of a service unit."""

    name = Text(max=60, required=True)
    service_unit = Text(max=200, required=True)
    grid_cells = _cells(required=True)
    account_id = _maybe_id()


class AssistantChangesSchema(ma.Schema):
    """What changes of an assistant."""

    service_unit = Text(max=200)
    grid_cells = _cells()
    state = Choice(AssistantState)


class AssistantSchema(ma.Schema):
    """An assistant."""

    id = Id(required=True)
    version = Count(1, required=True)
    name = Text(max=60, required=True)
    service_unit = Text(max=200, required=True)
    grid_cells = fields.List(fields.String(), required=True)
    account_id = Id(required=True, allow_none=True)
    state = Choice(AssistantState, required=True)


class PatrolQuerySchema(PageSchema):
    """Query of the patrols of an agency, in the order of their ids."""

    grid_cell = Text(max=40, load_default=None, allow_none=True)
    service_unit = Text(max=200, load_default=None, allow_none=True)
    unit_id = _maybe_id()
    from_on = _maybe_day()
    until_on = _maybe_day()


class PatrolUnitSchema(ma.Schema):
    """A unit that was seen."""

    unit_id = Id(required=True)
    problem = Flag(load_default=False)
    remark = Text(max=2000, load_default=None, allow_none=True)


class NewPatrolSchema(ma.Schema):
    """A patrol of a grid cell."""

    grid_cell = Text(max=40, required=True)
    guide_id = Id(required=True)
    assistant_ids = fields.List(Id(), validate=validate.Length(1, 20), required=True)
    seen_units = fields.List(
        fields.Nested(PatrolUnitSchema), validate=validate.Length(1, 200), required=True
    )
    on_day = _maybe_day()
    note = Text(max=2000, load_default=None, allow_none=True)


class PatrolSchema(ma.Schema):
    """A patrol; it is no inspection."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    on_day = Day(required=True)
    grid_cell = Text(max=40, required=True)
    service_unit = Text(max=200, required=True)
    officer_id = Id(required=True)
    note = Text(max=2000, required=True, allow_none=True)
    assistant_ids = fields.List(Id(), required=True)
    units = fields.List(fields.Nested(PatrolUnitSchema), required=True)


class NewAssistantOpinionSchema(ma.Schema):
    """What an opinion of assistants says."""

    seen_unit_id = Id(required=True)
    problem = Text(max=4000, required=True)
    basis = Text(max=1000, required=True)
    advice = Text(max=4000, required=True)
    deadline_on = Day(required=True)


class AssistantOpinionSchema(ma.Schema):
    """A 卫生监督协管意见书; its text and signatures are the document's."""

    id = Id(required=True)
    version = Count(1, required=True)
    patrol_id = Id(required=True)
    unit_id = Id(required=True)
    document_id = Id(required=True)
    number = Text(max=200, required=True)
    issued_on = Day(required=True)


class AssistantOpinionQuerySchema(PageSchema):
    """Query of the opinions of assistants."""

    patrol_id = _maybe_id()
    unit_id = _maybe_id()


class HintQuerySchema(PageSchema):
    """Query of hints."""

    state = Choice(HintState, load_default=None, allow_none=True)
    unit_id = _maybe_id()
    patrol_id = _maybe_id()


class NewHintSchema(ma.Schema):
    """What assistants hand over to the officers."""

    seen_unit_id = Id(required=True)
    text = Text(max=4000, required=True)


class TakeHintSchema(ma.Schema):
    """What officers are to check."""

    specialty = Text(max=100, pattern=_CODE, required=True)
    object_class = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)
    checklist_code = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)


class DeclineHintSchema(ma.Schema):
    """Why nothing is checked."""

    reason = Text(max=1000, required=True)


class HintSchema(ma.Schema):
    """A hint to the officers, and what became of it."""

    id = Id(required=True)
    version = Count(1, required=True)
    patrol_id = Id(required=True)
    unit_id = Id(required=True)
    text = Text(max=4000, required=True)
    state = Choice(HintState, required=True)
    task_id = Id(required=True, allow_none=True)
    reason = Text(max=1000, required=True, allow_none=True)
    handed_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)


class PatrolDaysSchema(ma.Schema):
    """Of which days, both included."""

    from_on = Day(required=True)
    until_on = Day(required=True)


class PatrolCountsSchema(ma.Schema):
    """人次, 间次 and 份, apart from what officers count."""

    assistant_visits = Count(0, required=True)
    unit_visits = Count(0, required=True)
    opinions = Count(0, required=True)


class CoverageQuerySchema(ma.Schema):
    """Of which year."""

    in_year = Count(2000, 2199, required=True)


class CoverageRowSchema(ma.Schema):
    """How far a service unit has come with its rounds of the year."""

    service_unit = Text(max=200, required=True)
    units = Count(0, required=True)
    rounds = Count(0, required=True)
    required = Count(0, required=True)
    missing = Count(0, required=True)
    met = fields.Boolean(required=True)


class CoverageSchema(ma.Schema):
    """All service units."""

    rows = fields.List(fields.Nested(CoverageRowSchema), required=True)
