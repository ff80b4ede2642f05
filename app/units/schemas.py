"""The shapes of units and of register imports over HTTP."""

from enum import StrEnum
from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema
from app.registers import Severity, Verdict
from app.units.rules import (
    ARCHIVE_NO_BYTES,
    MAX_LENGTHS,
    ImportState,
    LicenceKind,
    Register,
    UnitStatus,
)

_CODE = r"^[a-z0-9][a-z0-9._-]*$"
_MOST = 20
_DEGREES_E7 = 1_800_000_000


class FileFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"


def _code(**options: Any) -> Text:
    return Text(max=60, pattern=_CODE, hint="应为目录中的代码。", **options)


def _text(name: str, **options: Any) -> Text:
    return Text(max=MAX_LENGTHS[name], **options)


class UnitQuerySchema(PageSchema):
    """Query of the units of an agency, in the order of their registration."""

    text = Text(max=60, load_default=absent, metadata={"description": "名称、招牌名或档案编号"})
    specialty = _code(load_default=absent)
    object_class = _code(load_default=absent)
    state = Choice(UnitStatus, load_default=absent)
    street_code = _text("street_code", load_default=absent)


class RegistrationSchema(ma.Schema):
    """One thing a unit is supervised for, by catalogue codes."""

    specialty = _code(required=True)
    object_class = _code(required=True)


class LicenceSchema(ma.Schema):
    """One permit or filing; `commitment`: granted on a promise."""

    kind = Choice(LicenceKind, required=True)
    number = Text(max=60, required=True)
    object_class = _code(load_default=None, allow_none=True)
    valid_from = Day(load_default=None, allow_none=True)
    valid_until = Day(load_default=None, allow_none=True)
    commitment = Flag(load_default=False)


def _registrations(**options: Any) -> fields.List[Any]:
    one = fields.Nested(RegistrationSchema)
    return fields.List(one, validate=ma.validate.Length(max=_MOST), **options)


def _licences(**options: Any) -> fields.List[Any]:
    one = fields.Nested(LicenceSchema)
    return fields.List(one, validate=ma.validate.Length(max=_MOST), **options)


class UnitSchema(ma.Schema):
    """A unit; who need not know sees representative and telephone masked."""

    id = Id(required=True)
    version = Count(1, required=True)
    archive_no = Text(max=ARCHIVE_NO_BYTES, required=True)
    name = _text("name", required=True)
    sign_name = _text("sign_name", required=True, allow_none=True)
    uscc = Text(max=18, required=True, allow_none=True)
    legal_representative = _text("legal_representative", required=True, allow_none=True)
    phone = _text("phone", required=True, allow_none=True)
    address = _text("address", required=True)
    street_code = _text("street_code", required=True, allow_none=True)
    grid_cell = _text("grid_cell", required=True, allow_none=True)
    lat_e7 = Count(-_DEGREES_E7, _DEGREES_E7, required=True, allow_none=True)
    lon_e7 = Count(-_DEGREES_E7, _DEGREES_E7, required=True, allow_none=True)
    datum = fields.String(required=True)
    risk_class = _text("risk_class", required=True, allow_none=True)
    credit_class = _text("credit_class", required=True, allow_none=True)
    state = Choice(UnitStatus, required=True)
    state_name = fields.String(required=True)
    opened_on = Day(required=True, allow_none=True)
    note = _text("note", required=True, allow_none=True)
    registrations = fields.List(fields.Nested(RegistrationSchema), required=True)
    licences = fields.List(fields.Nested(LicenceSchema), required=True)


class UnitChangesSchema(ma.Schema):
    """What of a unit can be changed; what is left out stays, lists are replaced whole."""

    name = _text("name")
    sign_name = _text("sign_name", allow_none=True)
    uscc = Text(max=40, allow_none=True)
    legal_representative = _text("legal_representative", allow_none=True)
    phone = _text("phone", allow_none=True)
    address = _text("address")
    street_code = _text("street_code", allow_none=True)
    grid_cell = _text("grid_cell", allow_none=True)
    lat_e7 = Count(-_DEGREES_E7, _DEGREES_E7, allow_none=True)
    lon_e7 = Count(-_DEGREES_E7, _DEGREES_E7, allow_none=True)
    risk_class = _text("risk_class", allow_none=True)
    credit_class = _text("credit_class", allow_none=True)
    state = Choice(UnitStatus)
    opened_on = Day(allow_none=True)
    note = _text("note", allow_none=True)
    registrations = _registrations()
    licences = _licences()


class NewUnitSchema(UnitChangesSchema):
    """A unit to be registered; its archive number is given once and for ever."""

    archive_no = Text(max=ARCHIVE_NO_BYTES, required=True)
    name = _text("name", required=True)
    address = _text("address", required=True)


# --- labels ---


class NewUnitLabelSchema(ma.Schema):
    """A unit comes on a list: by the unit, the list's code, its days, and on what ground."""

    unit_id = Id(required=True)
    label = _code(required=True)
    from_on = Day(required=True)
    until_on = Day(load_default=None, allow_none=True)
    source = Text(max=500, required=True)
    reference = Text(max=100, load_default=None, allow_none=True)


class EndUnitLabelSchema(ma.Schema):
    """The last day of an entry, and why it ends."""

    until_on = Day(required=True)
    reason = Text(max=500, required=True)


class UnitLabelSchema(ma.Schema):
    """An entry of a list; `until_on` is its last day."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    archive_no = Text(max=ARCHIVE_NO_BYTES, required=True, attribute="unit.archive_no")
    unit_name = fields.String(required=True, attribute="unit.name")
    label = fields.String(required=True)
    from_on = Day(required=True)
    until_on = Day(required=True, allow_none=True)
    source = fields.String(required=True)
    reference = fields.String(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)
    declared_at = Instant(required=True)
    ended_at = Instant(required=True, allow_none=True)


class UnitLabelQuerySchema(PageSchema):
    """Query of the lists: of a unit, of one list, or those that hold on a day."""

    unit_id = Id(load_default=absent)
    label = _code(load_default=absent)
    on = Day(load_default=absent)


class LabelPreviewQuerySchema(ma.Schema):
    """With `preview` nothing is written."""

    preview = Flag(load_default=False)


# --- imports ---


class RegisterFileSchema(ma.Schema):
    """A table as a file: XLSX, or CSV in UTF-8 or GB18030."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class ImportCountsSchema(ma.Schema):
    """How many rows come to what; `warned` ones are among the others."""

    create = Count(required=True)
    change = Count(required=True)
    unchanged = Count(required=True)
    refuse = Count(required=True)
    warned = Count(required=True)


class ImportReasonSchema(ma.Schema):
    """Why a row is kept out or looked at twice."""

    code = fields.String(required=True)
    detail = fields.String(required=True)
    column = fields.String(required=True, allow_none=True)
    severity = Choice(Severity, required=True)


class LabelLineSchema(ma.Schema):
    """What became of a line of a table of a list."""

    row_no = Count(1, required=True)
    verdict = Choice(Verdict, required=True)
    archive_no = fields.String(required=True)
    label = fields.String(required=True)
    reasons = fields.List(fields.Nested(ImportReasonSchema), required=True)


class LabelLinesSchema(ma.Schema):
    """A table of a list, line by line."""

    preview = Flag(required=True)
    lines = fields.List(fields.Nested(LabelLineSchema), required=True)


class ImportRowSchema(ma.Schema):
    """What one row of the file comes to; `changed` holds names of fields."""

    row_no = Count(1, required=True)
    key = fields.String(required=True)
    verdict = Choice(Verdict, required=True)
    reasons = fields.List(fields.Nested(ImportReasonSchema), required=True)
    changed = fields.List(fields.String(), required=True)


class ImportSchema(ma.Schema):
    """An imported file; columns that mean nothing were not read."""

    id = Id(required=True)
    version = Count(1, required=True)
    register = Choice(Register, required=True)
    state = Choice(ImportState, required=True)
    file_name = fields.String(required=True)
    sha256 = Sha256(required=True)
    counts = fields.Nested(ImportCountsSchema, required=True)
    ignored_columns = fields.List(fields.String(), required=True)
    previewed_at = Instant(required=True)
    applied_at = Instant(required=True, allow_none=True)


class PreviewSchema(ImportSchema):
    """A new preview with its first rows; `Link` leads to all of them."""

    rows = fields.List(fields.Nested(ImportRowSchema), required=True)


class ImportRowsQuerySchema(PageSchema):
    """Query of an import's rows in the file's order."""

    verdict = Choice(Verdict, load_default=absent)


class ExportQuerySchema(ma.Schema):
    """The form of the file."""

    format = Choice(FileFormat, load_default=FileFormat.XLSX)
