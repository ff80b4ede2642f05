"""The shapes of tasks over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema
from app.tasks.rules import TaskState, Verb

_CODE = r"^[a-z0-9][a-z0-9._-]*$"
_MAX_TEAM = 20


def _code(**options: Any) -> Text:
    return Text(max=60, pattern=_CODE, hint="应为目录中的代码。", **options)


def _team(**options: Any) -> fields.List[Any]:
    return fields.List(Id(), validate=ma.validate.Length(1, _MAX_TEAM), **options)


class TaskQuerySchema(PageSchema):
    """Query of the tasks of an agency, in the order of their making."""

    state = Choice(TaskState, load_default=absent)
    officer_id = Id(load_default=absent)
    unit_id = Id(load_default=absent)
    origin = _code(load_default=absent)
    specialty = _code(load_default=absent)
    level = Text(max=20, load_default=absent)
    overdue = Flag(load_default=absent)
    due_from = Day(load_default=absent)
    due_until = Day(load_default=absent)


class TaskUnitSchema(ma.Schema):
    """The unit of a task, as much as a list needs."""

    id = Id(required=True)
    archive_no = Text(max=23, required=True)
    name = Text(max=100, required=True)
    address = Text(max=200, required=True)


class TaskOfficerSchema(ma.Schema):
    """One officer of the team."""

    officer_id = Id(required=True)
    name = Text(max=60, required=True)
    is_lead = Flag(required=True)


class TaskSchema(ma.Schema):
    """A task; an instant tells of the last time its step was taken."""

    id = Id(required=True)
    version = Count(1, required=True)
    task_no = Text(max=40, required=True)
    unit = fields.Nested(TaskUnitSchema, required=True)
    specialty = _code(required=True)
    object_class = _code(required=True, allow_none=True)
    origin = _code(required=True)
    origin_reference = Text(max=100, required=True, allow_none=True)
    level = Text(max=20, required=True, allow_none=True)
    checklist_code = _code(required=True, allow_none=True)
    from_on = Day(required=True, allow_none=True)
    due_on = Day(required=True, allow_none=True)
    planned_on = Day(required=True, allow_none=True)
    joint_visit_id = Id(required=True, allow_none=True)
    state = Choice(TaskState, required=True)
    state_name = fields.String(required=True)
    possible_verbs = fields.List(Choice(Verb), required=True)
    awaiting_results = Flag(required=True)
    round = Count(1, required=True)
    late_waiting = Count(required=True)
    visit_id = Id(required=True)
    lead_officer_id = Id(required=True, allow_none=True)
    team = fields.List(fields.Nested(TaskOfficerSchema), required=True)
    outcome = _code(required=True, allow_none=True)
    reassign_reason = Text(max=500, required=True, allow_none=True)
    return_reason = Text(max=1000, required=True, allow_none=True)
    closing_reason = _code(required=True, allow_none=True)
    closing_note = Text(max=1000, min=0, required=True, allow_none=True)
    closing_evidence = fields.List(Sha256(), required=True)
    closing_proposed_officer_id = Id(required=True, allow_none=True)
    closing_refused_reason = Text(max=1000, required=True, allow_none=True)
    closed_officer_id = Id(required=True, allow_none=True)
    reopen_reason = Text(max=1000, required=True, allow_none=True)
    reopened_second_officer_id = Id(required=True, allow_none=True)
    created_at = Instant(required=True)
    assigned_at = Instant(required=True, allow_none=True)
    accepted_at = Instant(required=True, allow_none=True)
    started_at = Instant(required=True, allow_none=True)
    submitted_at = Instant(required=True, allow_none=True)
    returned_at = Instant(required=True, allow_none=True)
    completed_at = Instant(required=True, allow_none=True)
    closing_proposed_at = Instant(required=True, allow_none=True)
    closed_at = Instant(required=True, allow_none=True)
    closing_refused_at = Instant(required=True, allow_none=True)
    reopened_at = Instant(required=True, allow_none=True)


class NewTaskSchema(ma.Schema):
    """A task to be created; codes are the catalogue's."""

    unit_id = Id(required=True)
    specialty = _code(required=True)
    origin = _code(required=True)
    object_class = _code(load_default=None, allow_none=True)
    origin_reference = Text(max=100, load_default=None, allow_none=True)
    level = Text(max=20, load_default=None, allow_none=True)
    checklist_code = _code(load_default=None, allow_none=True)
    due_on = Day(load_default=None, allow_none=True)
    from_on = Day(load_default=None, allow_none=True)


class AssignTaskSchema(ma.Schema):
    """The team; the lead is one of it."""

    officer_ids = _team(required=True)
    lead_officer_id = Id(required=True)


class ReassignTaskSchema(AssignTaskSchema):
    """Another team, and why."""

    reason = Text(max=500, required=True)


class TaskReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class OutcomeSchema(ma.Schema):
    """What the last result of the samples came to."""

    outcome = _code(required=True)


class ProposeClosingSchema(ma.Schema):
    """Why a task cannot be inspected, and what shows it."""

    reason = _code(required=True)
    note = Text(max=1000, min=0, load_default="")
    evidence = fields.List(Sha256(), required=True, validate=ma.validate.Length(max=50))


class ReopenTaskSchema(ma.Schema):
    """Why a task is opened again, who agrees, and, where it has none, the team."""

    reason = Text(max=1000, required=True)
    second_officer_id = Id(required=True)
    officer_ids = _team(load_default=None, allow_none=True)
    lead_officer_id = Id(load_default=None, allow_none=True)
