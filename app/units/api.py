"""The register of units over HTTP, and registers of units and officers in and out as tables."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import flask
from werkzeug.datastructures import FileStorage

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.days import local_date
from app.db import transaction
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, page, read_cursor, sign_cursor, sole_file
from app.units import imports, labels, lifecycle_api, queries, rules, service
from app.units.labels import NewLabel
from app.units.models import RegisterImport, RegisterImportRow, Unit, UnitLabel
from app.units.rules import LicenceData, NewUnit, Register, Registration
from app.units.schemas import (
    EndUnitLabelSchema,
    ExportQuerySchema,
    FileFormat,
    ImportRowSchema,
    ImportRowsQuerySchema,
    ImportSchema,
    LabelLinesSchema,
    LabelPreviewQuerySchema,
    NewUnitLabelSchema,
    NewUnitSchema,
    PreviewSchema,
    RegisterFileSchema,
    UnitChangesSchema,
    UnitLabelQuerySchema,
    UnitLabelSchema,
    UnitQuerySchema,
    UnitSchema,
)

units = Blueprint("units", __name__, url_prefix="/units", description="被监督单位")
officers = Blueprint(
    "officer-registers", __name__, url_prefix="/officers", description="监督员名册导入导出"
)
unit_labels = Blueprint(
    "unit-labels", __name__, url_prefix="/unit-labels", description="单位名单（在案、无感监管）"
)
BLUEPRINTS = (units, officers, unit_labels, *lifecycle_api.BLUEPRINTS)

READERS = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
    Role.ASSISTANT,
)
_SEE_PEOPLE = (Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR)
_KEEPERS = (Role.SUPERVISOR, Role.ADMINISTRATOR)
_LABEL_KEEPERS = (Role.SUPERVISOR, Role.LEGAL_REVIEWER)
_LABEL_READERS = (*_LABEL_KEEPERS, Role.AUDITOR)  # a pending case is not everybody's to know
_MIME = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}
_FILE_NAMES = {Register.UNITS: "被监督单位", Register.OFFICERS: "监督员"}
_FIRST_ROWS = 50


# --- units ---


@units.route("")
@requires(*READERS)
@units.arguments(UnitQuerySchema, location="query")
@units.paged(UnitSchema)
def list_units(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询本机构的单位"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    found: Page[Unit] = page(queries.units_of(current_agency_id(), **query), Unit.id, **paging)
    return Page([_shown(unit) for unit in found.items], found.next_cursor)


@units.route("", methods=["POST"])
@requires(*_KEEPERS)
@units.creates
@units.arguments(NewUnitSchema)
@units.response(201, UnitSchema)
def register_unit(data: dict[str, Any]) -> dict[str, Any]:
    """登记单位"""
    with transaction():
        unit = service.register_unit(
            NewUnit(**_values(data)), agency=_agency(), by=current_actor(), at=clock.now()
        )
    return _shown(unit)


@units.route("/<uuid:unit_id>")
@requires(*READERS)
@units.etag
@units.response(200, UnitSchema)
def get_unit(unit_id: UUID) -> dict[str, Any]:
    """查看单位及其许可"""
    unit = service.get_unit(unit_id, current_agency_id())
    units.set_etag(unit.version)
    return _shown(unit)


@units.route("/<uuid:unit_id>", methods=["PATCH"])
@requires(*_KEEPERS)
@units.etag
@units.arguments(UnitChangesSchema)
@units.response(200, UnitSchema)
def change_unit(data: dict[str, Any], unit_id: UUID) -> dict[str, Any]:
    """修改单位资料"""
    with transaction():
        units.check_version(service.get_unit(unit_id, current_agency_id()), UnitSchema)
        unit = service.change_unit(unit_id, _values(data), by=current_actor(), at=clock.now())
    units.set_etag(unit.version)
    return _shown(unit)


def _values(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parsed body as the fields of a unit."""
    values = dict(data)
    if "registrations" in values:
        values["registrations"] = tuple(Registration(**one) for one in values["registrations"])
    if "licences" in values:
        values["licences"] = tuple(LicenceData(**one) for one in values["licences"])
    return values


def _shown(unit: Unit) -> dict[str, Any]:
    """Return a unit as the caller may see it."""
    shown = {name: getattr(unit, name) for name in UnitSchema().fields}
    if not current_actor().has(*_SEE_PEOPLE):
        person, phone = unit.legal_representative, unit.phone
        shown["legal_representative"] = person and rules.mask_person_name(person)
        shown["phone"] = phone and rules.mask_phone(phone)
    return shown


# --- labels ---


@unit_labels.route("")
@requires(*_LABEL_READERS)
@unit_labels.arguments(UnitLabelQuerySchema, location="query")
@unit_labels.paged(UnitLabelSchema)
def list_labels(query: dict[str, Any]) -> Page[UnitLabel]:
    """查询单位名单"""
    filters = {name: query.pop(name) for name in ("unit_id", "label", "on")}
    return page(queries.labels_in(current_agency_id(), **filters), UnitLabel.id, **query)


@unit_labels.route("", methods=["POST"])
@requires(*_LABEL_KEEPERS)
@unit_labels.creates
@unit_labels.arguments(NewUnitLabelSchema)
@unit_labels.response(201, UnitLabelSchema)
def declare_label(data: dict[str, Any]) -> UnitLabel:
    """将单位列入名单"""
    with transaction():
        return labels.declare_label(
            NewLabel(**data), agency=_agency(), by=current_actor(), at=clock.now()
        )


@unit_labels.route("/imports", methods=["POST"])
@requires(*_LABEL_KEEPERS)
@unit_labels.arguments(LabelPreviewQuerySchema, location="query")
@unit_labels.arguments(RegisterFileSchema, location="files")
@unit_labels.response(200, LabelLinesSchema)
def upload_labels(query: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """导入单位名单表格

    各行一次写入；有一行不能采用，全部不写入。
    """
    source, preview = sole_file(data).read(), query["preview"]
    with transaction():
        lines = labels.take_labels(
            source, preview=preview, agency=_agency(), by=current_actor(), at=clock.now()
        )
    return {"preview": preview, "lines": lines}


@unit_labels.route("/<uuid:label_id>")
@requires(*_LABEL_READERS)
@unit_labels.etag
@unit_labels.response(200, UnitLabelSchema)
def get_label(label_id: UUID) -> UnitLabel:
    """查看名单记录"""
    label = labels.get_label(label_id, current_agency_id())
    unit_labels.set_etag(label.version)
    return label


@unit_labels.route("/<uuid:label_id>/end", methods=["POST"])
@requires(*_LABEL_KEEPERS)
@unit_labels.etag
@unit_labels.arguments(EndUnitLabelSchema)
@unit_labels.response(200, UnitLabelSchema)
def end_label(data: dict[str, Any], label_id: UUID) -> UnitLabel:
    """终止名单记录"""
    with transaction():
        label = labels.get_label(label_id, current_agency_id())
        unit_labels.check_version(label, UnitLabelSchema)
        labels.end_label(
            label, data["until_on"], data["reason"], by=current_actor(), at=clock.now()
        )
    unit_labels.set_etag(label.version)
    return label


# --- registers in and out ---


@units.route("/imports", methods=["POST"])
@requires(*_KEEPERS)
@units.creates
@units.arguments(RegisterFileSchema, location="files")
@units.response(201, PreviewSchema)
def preview_units(data: dict[str, Any]) -> Any:
    """上传单位名册并预览

    逐行说明将新增、变更、不变或不予导入及其原因；此时尚未写入名册。
    """
    return _preview(Register.UNITS, data["file"])


@units.route("/imports/<uuid:import_id>")
@requires(*_KEEPERS)
@units.response(200, ImportSchema)
def show_units_import(import_id: UUID) -> dict[str, Any]:
    """查看单位名册导入"""
    return _import(Register.UNITS, import_id)


@units.route("/imports/<uuid:import_id>/rows")
@requires(*_KEEPERS)
@units.arguments(ImportRowsQuerySchema, location="query")
@units.paged(ImportRowSchema)
def list_units_rows(query: dict[str, Any], import_id: UUID) -> Page[RegisterImportRow]:
    """逐行查看单位名册导入"""
    return _rows(Register.UNITS, import_id, **query)


@units.route("/imports/<uuid:import_id>/apply", methods=["POST"])
@requires(*_KEEPERS)
@units.response(200, ImportSchema)
def apply_units(import_id: UUID) -> dict[str, Any]:
    """按预览导入单位名册

    不予导入的行除外，其余各行一次写入；预览后资料有变化的，全部不写入。
    """
    return _apply(Register.UNITS, import_id)


@units.route("/export")
@requires(*_KEEPERS)
@units.arguments(ExportQuerySchema, location="query")
@units.response(200, content_type=_MIME[FileFormat.XLSX])
def export_units(query: dict[str, Any]) -> flask.Response:
    """导出单位名册"""
    return _export(Register.UNITS, query["format"])


@officers.route("/imports", methods=["POST"])
@requires(*_KEEPERS)
@officers.creates
@officers.arguments(RegisterFileSchema, location="files")
@officers.response(201, PreviewSchema)
def preview_officers(data: dict[str, Any]) -> Any:
    """上传监督员名册并预览"""
    return _preview(Register.OFFICERS, data["file"])


@officers.route("/imports/<uuid:import_id>")
@requires(*_KEEPERS)
@officers.response(200, ImportSchema)
def show_officers_import(import_id: UUID) -> dict[str, Any]:
    """查看监督员名册导入"""
    return _import(Register.OFFICERS, import_id)


@officers.route("/imports/<uuid:import_id>/rows")
@requires(*_KEEPERS)
@officers.arguments(ImportRowsQuerySchema, location="query")
@officers.paged(ImportRowSchema)
def list_officers_rows(query: dict[str, Any], import_id: UUID) -> Page[RegisterImportRow]:
    """逐行查看监督员名册导入"""
    return _rows(Register.OFFICERS, import_id, **query)


@officers.route("/imports/<uuid:import_id>/apply", methods=["POST"])
@requires(*_KEEPERS)
@officers.response(200, ImportSchema)
def apply_officers(import_id: UUID) -> dict[str, Any]:
    """按预览导入监督员名册"""
    return _apply(Register.OFFICERS, import_id)


@officers.route("/export")
@requires(*_KEEPERS)
@officers.arguments(ExportQuerySchema, location="query")
@officers.response(200, content_type=_MIME[FileFormat.XLSX])
def export_officers(query: dict[str, Any]) -> flask.Response:
    """导出监督员名册"""
    return _export(Register.OFFICERS, query["format"])


def _preview(register: Register, file: FileStorage) -> Any:
    at, by = clock.now(), current_actor()
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in name if character.isprintable())[:200]
    preview = imports.read_preview(register, file.read(), name, agency=_agency(), at=at)
    with transaction():
        found = imports.record_preview(preview, agency=_agency(), by=by, at=at)
    rows = _rows(register, found.id, limit=_FIRST_ROWS, cursor=None, verdict=None)
    body = {**_described(found), "rows": rows.items}
    if rows.next_cursor is None:
        return body
    link = f"{flask.request.path}/{found.id}/rows?limit={_FIRST_ROWS}&cursor={rows.next_cursor}"
    return body, 201, {"Link": f'<{link}>; rel="next"'}


def _import(register: Register, import_id: UUID) -> dict[str, Any]:
    return _described(imports.get_import(import_id, register, current_agency_id()))


def _rows(
    register: Register, import_id: UUID, *, limit: int, cursor: str | None, verdict: str | None
) -> Page[RegisterImportRow]:
    """Return one page of rows, ordered by their number in the file."""
    imports.get_import(import_id, register, current_agency_id())
    after = int(read_cursor(cursor).get("row", 0)) if cursor else 0
    found = queries.import_rows(import_id, verdict=verdict, after=after, limit=limit + 1)
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], sign_cursor({"row": found[limit - 1].row_no}))


def _apply(register: Register, import_id: UUID) -> dict[str, Any]:
    with transaction():
        found = imports.apply_import(
            import_id, register, agency=_agency(), by=current_actor(), at=clock.now()
        )
    return _described(found)


def _export(register: Register, file_format: FileFormat) -> flask.Response:
    at, agency = clock.now(), _agency()
    data = imports.export_register(register, file_format, agency=agency, at=at)
    with transaction():
        imports.record_export(register, file_format, agency=_agency(), by=current_actor(), at=at)
    name = f"{_FILE_NAMES[register]}-{local_date(at)}.{file_format}"
    response = flask.make_response(data)
    response.headers["Content-Type"] = _MIME[file_format]
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{register}.{file_format}\"; filename*=UTF-8''{quote(name)}"
    )
    return response


def _described(found: RegisterImport) -> dict[str, Any]:
    known = imports.KINDS[Register(found.register)].columns
    ignored = [column for column in found.columns if column not in known]
    return {
        "id": found.id,
        "version": found.version,
        "register": found.register,
        "state": found.state,
        "file_name": found.file_name,
        "sha256": found.sha256,
        "counts": found.counts,
        "ignored_columns": ignored,
        "previewed_at": found.previewed_at,
        "applied_at": found.applied_at,
    }


def _agency() -> Agency:
    return people.get_agency(current_agency_id())
