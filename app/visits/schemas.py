"""The shape of visits, their findings, orders and samples over HTTP; tablets write them."""

from enum import StrEnum

import marshmallow as ma
from marshmallow import fields

from app.documents.rules import SignMethod, SignRole
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text
from app.parties.schemas import BeforeSchema
from app.problems import PageSchema
from app.visits.integrity_rules import IntegrityKind, IntegrityState, Reason, Unjudged
from app.visits.marks import Mark, Presence, Shown
from app.visits.rules import (
    AnswerResult,
    CodeMark,
    VisitKind,
    VisitState,
)
from app.visits.terms import ContactKind, OrderState, SampleResult, SampleState, Verdict


class VisitQuerySchema(PageSchema):
    """Query of the visits of an agency, in the order of their ids."""

    state = Choice(VisitState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)
    mark = Choice(Mark, load_default=None, allow_none=True)
    marked = Flag(load_default=None, allow_none=True)


class VisitMarkSchema(ma.Schema):
    """What was not in order at the door, in words, by whose start it was seen; it stops nothing."""

    mark = Choice(Mark, required=True)
    words = fields.String(required=True)
    officer_id = Id(required=True)
    device_id = Id(required=True, allow_none=True)
    marked_at = Instant(required=True)


class VisitArrivalSchema(ma.Schema):
    """What was said at the door about an officer who came; null where a tablet did not say."""

    officer_id = Id(required=True)
    device_id = Id(required=True, allow_none=True)
    presence = Choice(Presence, required=True)
    code_id = Id(required=True, allow_none=True)
    code_shown = Choice(Shown, required=True)
    reason = Text(max=1000, required=True, allow_none=True)
    certificate_shown = fields.Boolean(required=True, allow_none=True)
    recusal_asked = fields.Boolean(required=True, allow_none=True)
    recusal_requested = fields.Boolean(required=True, allow_none=True)
    cap_reason = Text(max=1000, required=True, allow_none=True)
    recorded_at = Instant(required=True)


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
    marks = fields.List(fields.Nested(VisitMarkSchema), required=True)


class ThresholdSchema(ma.Schema):
    """The catalogue row that something was held against, as it was."""

    code = fields.String(required=True)
    value = fields.Raw(required=True)
    unit = fields.String(required=True)
    effective_from = fields.String(required=True)
    row_id = Id(required=True)
    row_version = Count(1, required=True)
    confirmed = fields.Boolean(required=True)


class IntegrityFindingSchema(ma.Schema):
    """Something to look at on a visit's evidence; it blocks nothing.

    `other_*` name the second of two visits or pictures. `measured` holds whole numbers and words.
    """

    id = Id(required=True)
    version = Count(1, required=True)
    kind = Choice(IntegrityKind, required=True)
    reason = Choice(Reason, required=True)
    unit_id = Id(required=True)
    visit_id = Id(required=True, allow_none=True)
    task_id = Id(required=True, allow_none=True)
    evidence_id = Id(required=True, allow_none=True)
    officer_id = Id(required=True, allow_none=True)
    device_id = Id(required=True, allow_none=True)
    other_unit_id = Id(required=True, allow_none=True)
    other_visit_id = Id(required=True, allow_none=True)
    other_task_id = Id(required=True, allow_none=True)
    other_evidence_id = Id(required=True, allow_none=True)
    measured = fields.Dict(required=True)
    thresholds = fields.List(fields.Nested(ThresholdSchema), required=True)
    found_at = Instant(required=True)
    state = Choice(IntegrityState, required=True)
    decision_reason = Text(max=1000, required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_by_id = Id(required=True, allow_none=True)


class IntegrityQuerySchema(PageSchema):
    """Which findings of the agency, in the order in which they were found."""

    kind = Choice(IntegrityKind, load_default=None, allow_none=True)
    state = Choice(IntegrityState, load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    officer_id = Id(load_default=None, allow_none=True)


class IntegrityDecision(StrEnum):
    """What a supervisor can say: there is an explanation, or it stands."""

    EXPLAINED = IntegrityState.EXPLAINED
    UPHELD = IntegrityState.UPHELD


class IntegrityDecisionSchema(ma.Schema):
    """What is decided, and why."""

    state = Choice(IntegrityDecision, required=True)
    reason = Text(max=1000, required=True)


class NotJudgedSchema(ma.Schema):
    """What could not be judged, why, and of how many arrivals or photos."""

    kind = Choice(IntegrityKind, required=True)
    of = fields.String(required=True)
    reason = Choice(Unjudged, required=True)
    count = Count(1, required=True)


class IntegritySchema(ma.Schema):
    """What is known against a visit's evidence, and what nothing can be said of."""

    findings = fields.List(fields.Nested(IntegrityFindingSchema), required=True)
    not_judged = fields.List(fields.Nested(NotJudgedSchema), required=True)


class WholeVisitSchema(VisitSchema):
    """A visit with all that belongs to it; `photos_awaited`: 照片待上传 k 张.

    `fix` is where the first tablet was on arrival, `finished_fix` where it was on departure.
    `integrity` is for those who supervise: null for officers. `before`: what is known of the unit
    and of who was met.
    """

    before = fields.Nested(BeforeSchema, required=True)
    fix = fields.Dict(required=True, allow_none=True)
    finished_fix = fields.Dict(required=True, allow_none=True)
    arrivals = fields.List(fields.Nested(VisitArrivalSchema), required=True)
    signatures = fields.List(fields.Nested(VisitSignatureSchema), required=True)
    answers = fields.List(fields.Nested(VisitAnswerSchema), required=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)
    photos_awaited = Count(required=True)
    integrity = fields.Nested(IntegritySchema, required=True, allow_none=True)


class OrderQuerySchema(PageSchema):
    """Query of the corrective orders of an agency, in the order of their ids."""

    state = Choice(OrderState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    due_until = Day(load_default=None, allow_none=True)


class OrderItemSchema(ma.Schema):
    """One thing to be corrected."""

    finding_id = Id(required=True, allow_none=True)
    text = Text(max=4000, required=True)
    basis = Text(max=1000, required=True, allow_none=True)


class OrderSchema(ma.Schema):
    """A corrective order; without `due_on`, `due_reason` says what its term waits for."""

    id = Id(required=True)
    version = Count(1, required=True)
    visit_id = Id(required=True)
    task_id = Id(required=True, allow_none=True)
    unit_id = Id(required=True)
    document_id = Id(required=True, allow_none=True)
    number = Text(max=200, required=True)
    state = Choice(OrderState, required=True)
    issued_on = Day(required=True)
    correct_within_days = Count(0, 3650, required=True, allow_none=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    recheck_task_id = Id(required=True, allow_none=True)
    note = Text(max=1000, required=True, allow_none=True)
    officer_id = Id(required=True)
    recorded_at = Instant(required=True)
    issued_at = Instant(required=True)
    concluded_at = Instant(required=True, allow_none=True)
    items = fields.List(fields.Nested(OrderItemSchema), required=True)


class ConcludeOrderSchema(ma.Schema):
    """Whether what was ordered is corrected, and how that is known."""

    complied = Flag(required=True)
    note = Text(max=1000, required=True)


class SampleQuerySchema(PageSchema):
    """Query of the samples of an agency, in the order of their ids."""

    state = Choice(SampleState, load_default=None, allow_none=True)
    visit_id = Id(load_default=None, allow_none=True)
    card_late = Flag(load_default=False)


class SampleReadingSchema(ma.Schema):
    """One measured value, in the words of the report, and where it lies against its limit."""

    item = Text(max=200, required=True)
    value = Text(max=100, required=True)
    verdict = Choice(Verdict, required=True)
    unit = Text(max=40, load_default=None, allow_none=True)
    limit = Text(max=100, load_default=None, allow_none=True)


class SampleSchema(ma.Schema):
    """A sample; `taken_at` and `recorded_at` are the tablet's clock."""

    id = Id(required=True)
    version = Count(1, required=True)
    visit_id = Id(required=True)
    item_id = Id(required=True, allow_none=True)
    document_id = Id(required=True, allow_none=True)
    number = Text(max=200, required=True, allow_none=True)
    name = Text(max=200, required=True)
    lot = Text(max=200, required=True, allow_none=True)
    amount = Text(max=200, required=True)
    method = Text(max=400, required=True)
    place = Text(max=400, required=True, allow_none=True)
    taken_at = Instant(required=True)
    state = Choice(SampleState, required=True)
    result = Choice(SampleResult, required=True, allow_none=True)
    result_note = Text(max=4000, required=True, allow_none=True)
    report_no = Text(max=100, required=True, allow_none=True)
    reported_on = Day(required=True, allow_none=True)
    laboratory = Text(max=200, required=True, allow_none=True)
    rapid = fields.Boolean(required=True)
    readings = fields.List(fields.Nested(SampleReadingSchema), required=True, allow_none=True)
    card_due_on = Day(required=True, allow_none=True)
    card_due_reason = Text(max=100, required=True, allow_none=True)
    card_entered_on = Day(required=True, allow_none=True)
    officer_id = Id(required=True)
    recorded_at = Instant(required=True)
    resulted_at = Instant(required=True, allow_none=True)


class WholeSampleSchema(SampleSchema):
    """A sample; `evidence` says whether its result can be evidence in a case (rapid tests not)."""

    evidence = fields.Boolean(required=True)


class SampleCardSchema(ma.Schema):
    """When the card of a result was entered in the national system."""

    entered_on = Day(required=True)


class NewSampleResultSchema(ma.Schema):
    """What the laboratory reports; `outcome`, with the last one, completes the task."""

    result = Choice(SampleResult, required=True)
    report_no = Text(max=100, load_default=None, allow_none=True)
    reported_on = Day(load_default=None, allow_none=True)
    note = Text(max=4000, load_default=None, allow_none=True)
    laboratory = Text(max=200, load_default=None, allow_none=True)
    rapid = Flag(load_default=False)
    readings = fields.List(
        fields.Nested(SampleReadingSchema), validate=ma.validate.Length(0, 200), load_default=[]
    )
    outcome = Text(max=100, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", load_default=None, allow_none=True)


class ContactQuerySchema(PageSchema):
    """Query of what is no inspection, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    kind = Choice(ContactKind, load_default=None, allow_none=True)
    from_on = Day(load_default=None, allow_none=True)
    until_on = Day(load_default=None, allow_none=True)


class NewContactSchema(ma.Schema):
    """What was done with a unit; `outcome` only of a look from afar."""

    unit_id = Id(required=True)
    kind = Choice(ContactKind, required=True)
    officer_ids = fields.List(Id(), validate=ma.validate.Length(1, 20), required=True)
    summary = Text(max=4000, required=True)
    on_day = Day(load_default=None, allow_none=True)
    outcome = Text(max=100, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)


class ContactSchema(ma.Schema):
    """What was done with a unit and is no inspection."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    task_id = Id(required=True, allow_none=True)
    kind = Choice(ContactKind, required=True)
    on_day = Day(required=True)
    officer_ids = fields.List(fields.String(), required=True)
    summary = Text(max=4000, required=True)
    outcome = Text(max=100, required=True, allow_none=True)
    recorded_at = Instant(required=True)
