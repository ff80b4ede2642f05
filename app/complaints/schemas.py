"""The shapes of complaints over HTTP; who complained has a shape, and a route, of its own."""

import marshmallow as ma
from marshmallow import fields

from app.complaints.rules import (
    Channel,
    ComplaintKind,
    ComplaintResult,
    ComplaintState,
    Step,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.problems import PageSchema

_CODE = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class ComplaintQuerySchema(PageSchema):
    """Query of the complaints of an agency, in the order of their ids; `late`: a step is overdue"""

    state = Choice(ComplaintState, load_default=None, allow_none=True)
    kind = Choice(ComplaintKind, load_default=None, allow_none=True)
    channel = Choice(Channel, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    task_id = Id(load_default=None, allow_none=True)
    external_no = Text(max=100, load_default=None, allow_none=True)
    late = Flag(load_default=None, allow_none=True)


class ComplainantSchema(ma.Schema):
    """Who complained, as far as they said it."""

    name = Text(max=100, load_default=None, allow_none=True)
    phone = Text(max=40, load_default=None, allow_none=True)
    address = Text(max=400, load_default=None, allow_none=True)
    note = Text(max=1000, load_default=None, allow_none=True)


class NewComplaintSchema(ma.Schema):
    """What was told; without `complainant` it is anonymous."""

    kind = Choice(ComplaintKind, required=True)
    channel = Choice(Channel, required=True)
    content = Text(max=8000, required=True)
    received_on = Day(load_default=None, allow_none=True)
    external_no = Text(max=100, load_default=None, allow_none=True)
    specialty = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    accused = Text(max=200, load_default=None, allow_none=True)
    place = Text(max=400, load_default=None, allow_none=True)
    reward_claimed = Flag(load_default=False)
    complainant = fields.Nested(ComplainantSchema, load_default=None, allow_none=True)


class ComplaintStepSchema(ma.Schema):
    """A step and its last day; without `due_on`, `due_reason` says what its term waits for."""

    step = Choice(Step, required=True)
    rule_id = Id(required=True)
    begins_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    done_on = Day(required=True, allow_none=True)
    warned_at = Instant(required=True, allow_none=True)
    late_at = Instant(required=True, allow_none=True)


class ComplaintSchema(ma.Schema):
    """A complaint without who complained."""

    id = Id(required=True)
    version = Count(1, required=True)
    number = Text(max=100, required=True)
    kind = Choice(ComplaintKind, required=True)
    channel = Choice(Channel, required=True)
    external_no = Text(max=100, required=True, allow_none=True)
    received_on = Day(required=True)
    specialty = Text(max=100, required=True, allow_none=True)
    unit_id = Id(required=True, allow_none=True)
    accused = Text(max=200, required=True, allow_none=True)
    place = Text(max=400, required=True, allow_none=True)
    content = Text(max=8000, required=True)
    anonymous = fields.Boolean(required=True)
    reward_claimed = fields.Boolean(required=True)
    state = Choice(ComplaintState, required=True)
    reason = Text(max=1000, required=True, allow_none=True)
    organ = Text(max=200, required=True, allow_none=True)
    task_id = Id(required=True, allow_none=True)
    result = Choice(ComplaintResult, required=True, allow_none=True)
    result_note = Text(max=4000, required=True, allow_none=True)
    reply_template = Text(max=100, required=True, allow_none=True)
    reply_text = Text(max=8000, required=True, allow_none=True)
    document_id = Id(required=True, allow_none=True)
    merged_into_id = Id(required=True, allow_none=True)
    filed_at = Instant(required=True)
    accepted_at = Instant(required=True, allow_none=True)
    assigned_at = Instant(required=True, allow_none=True)
    concluded_at = Instant(required=True, allow_none=True)
    replied_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    steps = fields.List(fields.Nested(ComplaintStepSchema), required=True)


class WholeComplaintSchema(ComplaintSchema):
    """A complaint with what it led to, and others that say the same."""

    visit_id = Id(required=True, allow_none=True)
    case_ids = fields.List(Id(), required=True)
    merged = fields.List(fields.String(), required=True)
    repeats = fields.List(fields.String(), required=True)


class ComplaintReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class ComplaintTransferSchema(ComplaintReasonSchema):
    """To which organ, and why."""

    organ = Text(max=200, required=True)


class ComplaintMergeSchema(ComplaintReasonSchema):
    """Into which complaint, and why."""

    into_id = Id(required=True)


class ComplaintAssignSchema(ma.Schema):
    """What is to be checked; without `unit_id`, the unit that the complaint names."""

    specialty = Text(max=100, pattern=_CODE, required=True)
    object_class = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)
    checklist_code = Text(max=100, pattern=_CODE, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)


class ComplaintResultSchema(ma.Schema):
    """What the check came to."""

    result = Choice(ComplaintResult, required=True)
    note = Text(max=4000, required=True)


class ReplyDraftQuerySchema(ma.Schema):
    """Which template is to be filled."""

    template = Text(max=100, pattern=_CODE, required=True)


class ReplyDraftSchema(ma.Schema):
    """The words of a template, filled."""

    text = Text(max=8000, required=True)


class ComplaintReplySchema(ma.Schema):
    """How it is answered; without `text`, in the words of the template."""

    template = Text(max=100, pattern=_CODE, required=True)
    text = Text(max=8000, load_default=None, allow_none=True)
    document_id = Id(load_default=None, allow_none=True)
