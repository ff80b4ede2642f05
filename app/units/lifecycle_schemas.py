"""The shapes of steps in the life of a unit, of 校验 and of self-checks over HTTP."""

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.problems import PageSchema
from app.registers import Verdict
from app.units.lifecycle_rules import BY_PERSONS, LifeVerb, StepState, VerificationResult
from app.units.rules import UnitStatus
from app.units.schemas import ImportReasonSchema


class StepQuerySchema(PageSchema):
    """Query of steps."""

    unit_id = Id(load_default=absent)
    state = Choice(StepState, load_default=absent)


class NewStepSchema(ma.Schema):
    """A step in the life of a unit; notices, announcements and ends name their document."""

    unit_id = Id(required=True)
    verb = fields.String(required=True, validate=validate.OneOf(sorted(BY_PERSONS)))
    on_day = Day(required=True)
    document_no = Text(max=60, load_default=None, allow_none=True)
    reason = Text(max=500, required=True)


class RefuseStepSchema(ma.Schema):
    """Why a step is refused."""

    reason = Text(max=500, required=True)


class StepSchema(ma.Schema):
    """A step that was taken, or waits for a second person."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    verb = Choice(LifeVerb, required=True)
    before = Choice(UnitStatus, required=True)
    after = Choice(UnitStatus, required=True)
    state = Choice(StepState, required=True)
    on_day = Day(required=True)
    document_no = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    refused_reason = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True)
    confirmed_at = Instant(required=True, allow_none=True)


class VerificationQuerySchema(PageSchema):
    """Query of each unit's newest 校验; `due_until`: whose next one is due by then."""

    unit_id = Id(load_default=absent)
    due_until = Day(load_default=absent)


class NewVerificationSchema(ma.Schema):
    """A 校验 and the beds by which its cycle is found."""

    unit_id = Id(required=True)
    verified_on = Day(required=True)
    result = Choice(VerificationResult, required=True)
    beds = Count(0, 100_000, required=True)
    document_no = Text(max=60, required=True)
    deferred_until = Day(load_default=None, allow_none=True)
    note = Text(max=500, load_default=None, allow_none=True)


class VerificationSchema(ma.Schema):
    """A 校验 with the day on which the next is due."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    verified_on = Day(required=True)
    result = Choice(VerificationResult, required=True)
    beds = Count(required=True)
    cycle = fields.String(required=True)
    next_due_on = Day(required=True)
    document_no = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)


class SelfCheckQuerySchema(PageSchema):
    """Query of self-checks."""

    unit_id = Id(load_default=absent)


class SelfCheckFileQuerySchema(ma.Schema):
    """Whether the table is only looked at."""

    preview = Flag(load_default=True)


class SelfCheckSchema(ma.Schema):
    """What a unit said of itself."""

    id = Id(required=True)
    unit_id = Id(required=True)
    platform = fields.String(required=True)
    checked_on = Day(required=True)
    passed = Flag(required=True)
    problems = fields.String(required=True, allow_none=True)
    imported_at = Instant(required=True)


class SelfCheckLineSchema(ma.Schema):
    """What becomes of a line of a table of self-checks."""

    row_no = Count(1, required=True)
    verdict = Choice(Verdict, required=True)
    archive_no = fields.String(required=True)
    reasons = fields.List(fields.Nested(ImportReasonSchema), required=True)


class SelfCheckLinesSchema(ma.Schema):
    """A table of self-checks, line by line."""

    preview = Flag(required=True)
    lines = fields.List(fields.Nested(SelfCheckLineSchema), required=True)
