"""The shape of visits over HTTP; they are written by tablets and only read here."""

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Id, Instant, Sha256, Text
from app.problems import PageSchema
from app.visits.rules import (
    AnswerResult,
    CodeMark,
    SignMethod,
    SignRole,
    VisitKind,
    VisitState,
)


class VisitQuerySchema(PageSchema):
    """Query of the visits of an agency, in the order of their ids."""

    state = Choice(VisitState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)


class VisitAttendanceSchema(ma.Schema):
    """Who was there, by the tablet that says so."""

    officer_id = Id(required=True)
    device_id = Id(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class VisitSignatureSchema(ma.Schema):
    """A signature given or refused; `officer_id` signed, or took the other's signature."""

    role = Choice(SignRole, required=True)
    officer_id = Id(required=True)
    method = Choice(SignMethod, required=True)
    reason = Text(max=500, required=True, allow_none=True)
    content_hash = Sha256(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class VisitAnswerSchema(ma.Schema):
    """The answer to one check item; its author and the tablet's time."""

    id = Id(required=True)
    version = Count(1, required=True)
    item_id = Id(required=True)
    item_code = Text(max=100, required=True)
    result = Choice(AnswerResult, required=True)
    note = Text(max=4000, required=True, allow_none=True)
    officer_id = Id(required=True)
    recorded_at = Instant(required=True)


class FindingSchema(ma.Schema):
    """What was found, its legal basis and how it is to be handled."""

    id = Id(required=True)
    version = Count(1, required=True)
    item_id = Id(required=True, allow_none=True)
    text = Text(max=4000, required=True)
    basis = Text(max=2000, required=True, allow_none=True)
    handling = Text(max=100, required=True, allow_none=True)
    correct_within_days = Count(0, 3650, required=True, allow_none=True)
    officer_id = Id(required=True)
    recorded_at = Instant(required=True)


class VisitSchema(ma.Schema):
    """A visit; `*_recorded_at` is the tablet's clock, `*_at` the server's."""

    id = Id(required=True)
    version = Count(1, required=True)
    task_id = Id(required=True, allow_none=True)
    unit_id = Id(required=True)
    kind = Choice(VisitKind, required=True)
    state = Choice(VisitState, required=True)
    reason = Text(max=500, required=True, allow_none=True)
    checklist_code = Text(max=100, required=True, allow_none=True)
    form_version = Count(0, required=True, allow_none=True)
    code_mark = Choice(CodeMark, required=True, allow_none=True)
    clock_suspect = fields.Boolean(required=True)
    interrupted_reason = Text(max=500, required=True, allow_none=True)
    interrupted_at = Instant(required=True, allow_none=True)
    started_recorded_at = Instant(required=True)
    started_at = Instant(required=True)
    finished_recorded_at = Instant(required=True, allow_none=True)
    finished_at = Instant(required=True, allow_none=True)
    signed_at = Instant(required=True, allow_none=True)
    outcome = Text(max=100, required=True, allow_none=True)
    summary = Text(max=4000, required=True, allow_none=True)
    attendance = fields.List(fields.Nested(VisitAttendanceSchema), required=True)


class WholeVisitSchema(VisitSchema):
    """A visit with all that belongs to it; `photos_awaited`: 照片待上传 k 张."""

    fix = fields.Dict(required=True, allow_none=True)
    signatures = fields.List(fields.Nested(VisitSignatureSchema), required=True)
    answers = fields.List(fields.Nested(VisitAnswerSchema), required=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)
    photos_awaited = Count(required=True)
