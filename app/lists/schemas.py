"""The shapes of given lists, their files and rows, and partners' results over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.lists.rules import (
    MOST_DEPARTMENTS,
    PERIOD,
    Change,
    Decision,
    FileState,
    ListState,
    MatchedBy,
    Outcome,
)
from app.problems import PageSchema
from app.registers import Severity
from app.tasks.rules import DrawKind, JointRole, TaskState
from app.units.rules import UnitStatus
from app.units.schemas import FileFormat

_CODE = r"^[a-z0-9][a-z0-9._-]*$"


def _code(**options: Any) -> Text:
    return Text(max=60, pattern=_CODE, hint="应为目录中的代码。", **options)


def _departments(**options: Any) -> fields.List[Any]:
    return fields.List(Text(max=100), validate=ma.validate.Length(max=MOST_DEPARTMENTS), **options)


class GivenListQuerySchema(PageSchema):
    """Query of the lists of an agency, in the order of their registration."""

    year = Count(2000, 2099, load_default=absent)
    level = Choice(DrawKind, load_default=absent)
    state = Choice(ListState, load_default=absent)
    reference = Text(max=100, load_default=absent)


class NewGivenListSchema(ma.Schema):
    """What is said about a list as a whole; the departments of a cross-department one."""

    name = Text(max=100, required=True)
    level = Choice(DrawKind, required=True)
    issued_by = Text(max=100, required=True)
    reference = Text(max=100, required=True, metadata={"description": "下达文件的文号"})
    year = Count(2000, 2099, required=True)
    period = Text(
        max=10, pattern=PERIOD, hint="例如 2026、2026-Q4、2026-H2 或 2026-11。", required=True
    )
    received_on = Day(required=True)
    due_on = Day(load_default=None, allow_none=True)
    role = Choice(JointRole, load_default=JointRole.LEAD)
    lead_department = Text(max=100, load_default=None, allow_none=True)
    partner_departments = _departments(load_default=list)
    field = Text(max=100, load_default=None, allow_none=True)


class GivenListReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class RowCountsSchema(ma.Schema):
    """How many rows are what; those that are gone are not among the others."""

    matched = Count(required=True)
    doubtful = Count(required=True)
    unknown_ = Count(data_key="unknown", attribute="unknown", required=True)
    duplicate = Count(required=True)
    refused = Count(required=True)
    gone = Count(required=True)
    applied = Count(required=True)


class TaskStateCountSchema(ma.Schema):
    """How many of the list's tasks are in a state."""

    state = Choice(TaskState, required=True)
    tasks = Count(required=True)


class GivenListSchema(ma.Schema):
    """A list as registered."""

    id = Id(required=True)
    version = Count(1, required=True)
    name = fields.String(required=True)
    level = Choice(DrawKind, required=True)
    issued_by = fields.String(required=True)
    reference = fields.String(required=True)
    year = Count(required=True)
    period = fields.String(required=True)
    received_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    role = Choice(JointRole, required=True)
    lead_department = fields.String(required=True, allow_none=True)
    partner_departments = fields.List(fields.String(), required=True)
    field = fields.String(required=True, allow_none=True)
    state = Choice(ListState, required=True)
    saved_at = Instant(required=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    withdrawn_reason = fields.String(required=True, allow_none=True)


class GivenListDetailSchema(GivenListSchema):
    """A list with its counts and the file that holds."""

    rows = fields.Nested(RowCountsSchema, required=True)
    tasks = fields.List(fields.Nested(TaskStateCountSchema), required=True)
    current_sha256 = Sha256(required=True, allow_none=True)


# --- files ---


class GivenListUploadSchema(ma.Schema):
    """A table as a file: XLSX, or CSV in UTF-8 or GB18030."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class ChangeCountsSchema(ma.Schema):
    """How many lines of a file are what, beside the rows of the list."""

    new = Count(required=True)
    same = Count(required=True)
    changed = Count(required=True)
    gone = Count(required=True)
    refused = Count(required=True)


class GivenListFileSchema(ma.Schema):
    """A file of a list; columns that mean nothing were not read."""

    id = Id(required=True)
    version = Count(1, required=True)
    state = Choice(FileState, required=True)
    sha256 = Sha256(required=True)
    file_name = fields.String(required=True)
    counts = fields.Nested(ChangeCountsSchema, required=True)
    ignored_columns = fields.List(fields.String(), required=True)
    uploaded_at = Instant(required=True)
    confirmed_at = Instant(required=True, allow_none=True)


class ReceivedFileSchema(GivenListFileSchema):
    """What became of a file; `unchanged`: it holds already, nothing was written."""

    unchanged = Flag(required=True)
    rows = fields.Nested(RowCountsSchema, required=True)


class ListReasonSchema(ma.Schema):
    """Why a row is kept out or looked at twice."""

    code = fields.String(required=True)
    detail = fields.String(required=True)
    column = fields.String(required=True, allow_none=True)
    severity = Choice(Severity, required=True)


class GivenListLinesQuerySchema(PageSchema):
    """Query of the lines of a corrected file."""

    change = Choice(Change, load_default=absent)


class GivenListLineSchema(ma.Schema):
    """What a line of a corrected file does; one that is gone has no number."""

    row_no = Count(1, required=True, allow_none=True)
    change = Choice(Change, required=True)
    changed = fields.List(fields.String(), required=True)
    reasons = fields.List(fields.Nested(ListReasonSchema), required=True)
    row_id = Id(required=True, allow_none=True)
    name = fields.String(required=True)
    superior_no = fields.String(required=True)
    due_on = fields.String(required=True, allow_none=True)


# --- rows ---


class GivenListRowsQuerySchema(PageSchema):
    """Query of the rows of a list."""

    outcome = Choice(Outcome, load_default=absent)
    gone = Flag(load_default=absent)
    applied = Flag(load_default=absent)


class CandidateSchema(ma.Schema):
    """A unit that a row may mean; the score says how much the names share, 0 to 100."""

    unit_id = Id(required=True)
    archive_no = fields.String(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    score = Count(0, 100, required=True)


class RowUnitSchema(ma.Schema):
    """The unit that a row means."""

    id = Id(required=True)
    archive_no = fields.String(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    state = Choice(UnitStatus, required=True)
    state_name = fields.String(required=True)


class RowTaskSchema(ma.Schema):
    """The task that a row became."""

    id = Id(required=True)
    task_no = fields.String(required=True)
    state = Choice(TaskState, required=True)
    state_name = fields.String(required=True)
    due_on = Day(required=True, allow_none=True)
    outcome = fields.String(required=True, allow_none=True)


class PartnerResultSchema(ma.Schema):
    """What a partner department found."""

    department = fields.String(required=True)
    result = fields.String(required=True)
    outcome_code = fields.String(required=True, allow_none=True)
    found_on = Day(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True)


class GivenListRowSchema(ma.Schema):
    """A row: what the list says, which unit that is and how sure, and what became of it."""

    id = Id(required=True)
    version = Count(1, required=True)
    row_no = Count(1, required=True)
    superior_no = fields.String(required=True)
    archive_no = fields.String(required=True)
    uscc = fields.String(required=True)
    name = fields.String(required=True)
    address = fields.String(required=True)
    specialties = fields.List(fields.String(), required=True)
    stated_class = fields.String(required=True, allow_none=True)
    stated_due_on = Day(required=True, allow_none=True)
    matters = fields.String(required=True)
    note = fields.String(required=True)
    lead_department = fields.String(required=True)
    partner_departments = fields.List(fields.String(), required=True)
    outcome = Choice(Outcome, required=True)
    matched_by = Choice(MatchedBy, required=True, allow_none=True)
    reasons = fields.List(fields.Nested(ListReasonSchema), required=True)
    candidates = fields.List(fields.Nested(CandidateSchema), required=True)
    specialty = fields.String(required=True, allow_none=True)
    object_class = fields.String(required=True, allow_none=True)
    unit = fields.Nested(RowUnitSchema, required=True, allow_none=True)
    task = fields.Nested(RowTaskSchema, required=True, allow_none=True)
    decision = Choice(Decision, required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decided_by_id = Id(required=True, allow_none=True)
    gone_at = Instant(required=True, allow_none=True)
    partner_results = fields.List(fields.Nested(PartnerResultSchema), required=True)


class RowDecisionSchema(ma.Schema):
    """Which unit a row means (`unit` with its id), or that the register has none."""

    decision = Choice(Decision, required=True)
    unit_id = Id(load_default=None, allow_none=True)
    specialty = _code(load_default=None, allow_none=True)
    object_class = _code(load_default=None, allow_none=True)
    note = Text(max=500, min=0, load_default="")


class MatchedAnewSchema(ma.Schema):
    """How many rows another look at the register changed."""

    changed = Count(required=True)
    rows = fields.Nested(RowCountsSchema, required=True)


class AppliedSchema(ma.Schema):
    """How many tasks were made now, and how many rows wait for a decision or a unit."""

    created = Count(required=True)
    waiting = Count(required=True)
    rows = fields.Nested(RowCountsSchema, required=True)


# --- partners ---


class NewPartnerResultSchema(ma.Schema):
    """What a department found at the unit of a row."""

    department = Text(max=100, required=True)
    result = Text(max=1000, required=True)
    outcome_code = _code(load_default=None, allow_none=True)
    found_on = Day(load_default=None, allow_none=True)
    reference = Text(max=200, load_default=None, allow_none=True)


class PartnerPreviewQuerySchema(ma.Schema):
    """With `preview` nothing is written."""

    preview = Flag(load_default=False)


class PartnerLineSchema(ma.Schema):
    """What became of a line of a table of results."""

    row_no = Count(1, required=True)
    change = Choice(Change, required=True)
    department = fields.String(required=True)
    reasons = fields.List(fields.Nested(ListReasonSchema), required=True)


class PartnerLinesSchema(ma.Schema):
    """A table of results, line by line."""

    preview = Flag(required=True)
    lines = fields.List(fields.Nested(PartnerLineSchema), required=True)


class ListExportQuerySchema(ma.Schema):
    """The form of the file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)
