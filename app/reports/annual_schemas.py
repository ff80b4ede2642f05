"""The shapes of the yearly form, of permits and of numbers kept by hand."""

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema
from app.registers import Verdict
from app.reports.annual_form import COUNTS, Fault, LineKind, Weight
from app.reports.quantities import Unit
from app.units.schemas import FileFormat, ImportReasonSchema

_CODE = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_HINT = "应为目录中的代码。"
_NUMBER = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"


def _year() -> Count:
    return Count(2000, 2199, required=True)


class YearQuerySchema(ma.Schema):
    """A year, up to a cut-off day within it."""

    year = _year()
    until_on = Day(load_default=absent)


class YearFileQuerySchema(YearQuerySchema):
    """The same, and the form of the file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)


class AnnualBehindQuerySchema(PageSchema):
    """Which number of the form is to be listed."""

    year = _year()
    until_on = Day(load_default=absent)
    item = Text(max=60, pattern=_CODE, hint=_HINT, required=True)
    column = fields.String(required=True, validate=validate.OneOf(COUNTS))


class ColumnSchema(ma.Schema):
    """A column of the form."""

    code = fields.String(required=True)
    name = fields.String(required=True)


class AnnualRowSchema(ma.Schema):
    """A row of the form, its cells in the order of the columns; 合计 has no item."""

    item = fields.String(required=True, allow_none=True)
    cells = fields.List(fields.String(), required=True)


class ViolationSchema(ma.Schema):
    """What does not fit the notes of the form; row 0 is 合计."""

    note = Count(1, required=True)
    row = Count(required=True)
    column = fields.String(required=True)
    weight = Choice(Weight, required=True)
    detail = fields.String(required=True)


class AnnualImportSchema(ma.Schema):
    """A form that came in as a file, with the lines that were repaired to be read."""

    id = Id(required=True)
    year = Count(required=True)
    file_name = fields.String(required=True)
    sha256 = Sha256(required=True)
    rows = fields.List(fields.List(fields.String()), required=True)
    repairs = fields.List(fields.Dict(), required=True)
    imported_at = Instant(required=True)


class AnnualTableSchema(ma.Schema):
    """The form of a year as it is counted, and the newest that came in as a file."""

    year = Count(required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    columns = fields.List(fields.Nested(ColumnSchema), required=True)
    rows = fields.List(fields.Nested(AnnualRowSchema), required=True)
    total = fields.Nested(AnnualRowSchema, required=True)
    violations = fields.List(fields.Nested(ViolationSchema), required=True)
    imported = fields.Nested(AnnualImportSchema, required=True, allow_none=True)


class CountedEntrySchema(ma.Schema):
    """One thing that a number counts."""

    id = Id(required=True)
    part = fields.String(required=True)
    type = fields.String(required=True)
    on = Day(required=True, allow_none=True)
    unit_id = Id(required=True, allow_none=True)
    archive_no = fields.String(required=True, allow_none=True)
    unit_name = fields.String(required=True, allow_none=True)
    label = fields.String(required=True, allow_none=True)
    amount_fen = Count(required=True, allow_none=True)


# --- a form that comes in ---


class AnnualFileQuerySchema(ma.Schema):
    """Which year a form is of; `repair` accepts what a preview proposed."""

    year = _year()
    preview = Flag(load_default=True)
    repair = Flag(load_default=False)


class LineFaultSchema(ma.Schema):
    """What is wrong with a line."""

    code = Choice(Fault, required=True)
    detail = fields.String(required=True)


class AnnualLineSchema(ma.Schema):
    """A line of the file: as it was found, how it would be repaired, what it then says."""

    row_no = Count(1, required=True)
    kind = Choice(LineKind, required=True)
    cell_count = Count(required=True)
    faults = fields.List(fields.Nested(LineFaultSchema), required=True)
    repairs = fields.List(fields.String(), required=True)
    cells = fields.List(fields.String(), required=True, allow_none=True)


class AnnualTakenSchema(ma.Schema):
    """A file of the form, line by line; `table` where it was taken in."""

    preview = Flag(required=True)
    lines = fields.List(fields.Nested(AnnualLineSchema), required=True)
    violations = fields.List(fields.Nested(ViolationSchema), required=True)
    table = fields.Nested(AnnualImportSchema, required=True, allow_none=True)


# --- permits ---


class PermitQuerySchema(ma.Schema):
    """Whether the table is only looked at."""

    preview = Flag(load_default=True)


class PermitLineSchema(ma.Schema):
    """What becomes of a line of a table of permits."""

    row_no = Count(1, required=True)
    verdict = Choice(Verdict, required=True)
    record_no = fields.String(required=True)
    reasons = fields.List(fields.Nested(ImportReasonSchema), required=True)


class PermitLinesSchema(ma.Schema):
    """A table of permits, line by line."""

    preview = Flag(required=True)
    lines = fields.List(fields.Nested(PermitLineSchema), required=True)


# --- numbers kept by hand ---


class NewManualCountSchema(ma.Schema):
    """A number for a period, in the unit of its counter, with its source and the source's day."""

    counter = Text(max=60, pattern=_CODE, hint=_HINT, required=True)
    number = Text(max=20, pattern=_NUMBER, hint="应为非负数，例如 28 或 2.306。", required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    source = Text(max=200, required=True)
    sourced_on = Day(required=True)
    at_least = Flag(load_default=False)
    note = Text(max=500, load_default=None, allow_none=True)


class VoidCountSchema(ma.Schema):
    """Why a number counts no more."""

    reason = Text(max=200, required=True)


class ManualCountSchema(ma.Schema):
    """A number kept by hand; `at_least` where its source says 余 or 近."""

    id = Id(required=True)
    version = Count(1, required=True)
    counter = fields.String(required=True)
    number = fields.String(required=True)
    unit = Choice(Unit, required=True)
    at_least = Flag(required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    source = fields.String(required=True)
    sourced_on = Day(required=True)
    note = fields.String(required=True, allow_none=True)
    recorded_at = Instant(required=True)
    voided_at = Instant(required=True, allow_none=True)
    void_reason = fields.String(required=True, allow_none=True)
