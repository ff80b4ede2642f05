"""Given lists over HTTP: supervisors bring them in and decide; partners' results; the way back."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.days import local_date
from app.db import db, transaction
from app.lists import corrections, exports, imports, partner_results, queries, register, service
from app.lists.models import GivenList, GivenListFile, GivenListRow
from app.lists.rules import NewList
from app.lists.schemas import (
    AppliedSchema,
    GivenListDetailSchema,
    GivenListFileSchema,
    GivenListLineSchema,
    GivenListLinesQuerySchema,
    GivenListQuerySchema,
    GivenListReasonSchema,
    GivenListRowSchema,
    GivenListRowsQuerySchema,
    GivenListSchema,
    GivenListUploadSchema,
    ListExportQuerySchema,
    MatchedAnewSchema,
    NewGivenListSchema,
    NewPartnerResultSchema,
    PartnerLinesSchema,
    PartnerPreviewQuerySchema,
    ReceivedFileSchema,
    RowDecisionSchema,
)
from app.people import service as people
from app.problems import Blueprint, Page, PageSchema, page, read_cursor, sign_cursor, sole_file
from app.units.schemas import FileFormat

blp = Blueprint("lists", __name__, url_prefix="/lists", description="下达名单")

READERS = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)
_RECORDERS = (Role.SUPERVISOR, Role.CLERK)
_MIME = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}


# --- lists ---


@blp.route("")
@requires(*READERS)
@blp.arguments(GivenListQuerySchema, location="query")
@blp.paged(GivenListSchema)
def list_lists(query: dict[str, Any]) -> Page[GivenList]:
    """查询本机构的下达名单"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    return page(queries.lists_of(current_agency_id(), **query), GivenList.id, **paging)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewGivenListSchema)
@blp.response(201, GivenListDetailSchema)
def save_list(data: dict[str, Any]) -> dict[str, Any]:
    """登记下达名单

    先登记文号和下达机关，再上传名单文件。
    """
    with transaction():
        agency = people.get_agency(current_agency_id())
        found = service.save_list(_new(data), agency=agency, by=current_actor(), at=clock.now())
    return _detail(found)


@blp.route("/<uuid:list_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, GivenListDetailSchema)
def get_list(list_id: UUID) -> dict[str, Any]:
    """查看下达名单：各行匹配情况和任务进度"""
    found = service.get_list(list_id, current_agency_id())
    blp.set_etag(found.version)
    return _detail(found)


@blp.route("/<uuid:list_id>", methods=["PUT"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(NewGivenListSchema)
@blp.response(200, GivenListDetailSchema)
def change_list(data: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """修改下达名单的登记内容

    期限改变时，没有单列期限的未办结任务一并改变。
    """
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        blp.check_version(found, GivenListSchema)
        service.change_list(found, _new(data), by=current_actor(), at=clock.now())
    blp.set_etag(found.version)
    return _detail(found)


@blp.route("/<uuid:list_id>/withdraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(GivenListReasonSchema)
@blp.response(200, GivenListDetailSchema)
def withdraw_list(data: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """撤回误登记的下达名单（生成任务之前）"""
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        blp.check_version(found, GivenListSchema)
        service.withdraw_list(found, data["reason"], by=current_actor(), at=clock.now())
    blp.set_etag(found.version)
    return _detail(found)


# --- files ---


@blp.route("/<uuid:list_id>/files", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(GivenListUploadSchema, location="files")
@blp.response(201, ReceivedFileSchema)
@blp.alt_response(200, schema=ReceivedFileSchema, description="该文件已经采用，没有变化")
def upload_file(data: dict[str, Any], list_id: UUID) -> Any:
    """上传名单文件

    第一个文件逐行与底档匹配，此时不生成任务。更正的文件先与名单比较，确认后才采用；
    同一文件再次上传没有变化。
    """
    at, agency_id = clock.now(), current_agency_id()
    service.get_list(list_id, agency_id)
    file = sole_file(data)
    name = (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in name if character.isprintable())[:200]
    upload = imports.read_upload(file.read(), name, agency_id=agency_id, at=at)
    with transaction():
        found = service.get_list(list_id, agency_id)
        received = imports.receive_file(found, upload, by=current_actor(), at=at)
    body = {
        **_columns(received.file),
        "unchanged": received.unchanged,
        "rows": _rows_counted(list_id),
    }
    return (body, 200) if received.unchanged else (body, 201)


@blp.route("/<uuid:list_id>/files")
@requires(*READERS)
@blp.arguments(PageSchema, location="query")
@blp.paged(GivenListFileSchema)
def list_files(query: dict[str, Any], list_id: UUID) -> Page[GivenListFile]:
    """查看名单收到过的文件"""
    service.get_list(list_id, current_agency_id())
    return page(queries.files_of(list_id), GivenListFile.id, **query)


@blp.route("/<uuid:list_id>/files/<uuid:file_id>/lines")
@requires(*READERS)
@blp.arguments(GivenListLinesQuerySchema, location="query")
@blp.paged(GivenListLineSchema)
def list_lines(query: dict[str, Any], list_id: UUID, file_id: UUID) -> Page[dict[str, Any]]:
    """逐行查看更正文件与名单的差别"""
    found = service.get_list(list_id, current_agency_id())
    imports.get_file(found, file_id)
    limit, cursor = query["limit"], query["cursor"]
    after = int(read_cursor(cursor).get("line", 0)) if cursor else 0
    lines = queries.lines_of(file_id, change=query["change"], after=after, limit=limit + 1)
    shown = [
        {
            **{name: getattr(line, name) for name in ("row_no", "change", "changed", "reasons")},
            "row_id": line.row_id,
            **{name: line.said[name] for name in ("name", "superior_no", "due_on")},
        }
        for line in lines[:limit]
    ]
    more = len(lines) > limit
    return Page(shown, sign_cursor({"line": lines[limit - 1].position}) if more else None)


@blp.route("/<uuid:list_id>/files/<uuid:file_id>/confirm", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.response(200, GivenListFileSchema)
def confirm_file(list_id: UUID, file_id: UUID) -> GivenListFile:
    """确认采用更正的文件

    新增的行加入名单，期限的变化写入未办结任务；名单中不再有的行只作标记，任务保留。
    """
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        file = imports.get_file(found, file_id)
        return corrections.confirm_file(found, file, by=current_actor(), at=clock.now())


# --- rows ---


@blp.route("/<uuid:list_id>/rows")
@requires(*READERS)
@blp.arguments(GivenListRowsQuerySchema, location="query")
@blp.paged(GivenListRowSchema)
def list_rows(query: dict[str, Any], list_id: UUID) -> Page[GivenListRow]:
    """查询名单各行：匹配结果、候选单位、任务、部门结果"""
    service.get_list(list_id, current_agency_id())
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    return page(queries.rows_of(list_id, **query), GivenListRow.id, **paging)


@blp.route("/<uuid:list_id>/rows/<uuid:row_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, GivenListRowSchema)
def get_row(list_id: UUID, row_id: UUID) -> GivenListRow:
    """查看名单的一行"""
    row = service.get_row(service.get_list(list_id, current_agency_id()), row_id)
    blp.set_etag(row.version)
    return row


@blp.route("/<uuid:list_id>/rows/<uuid:row_id>/decision", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(RowDecisionSchema)
@blp.response(200, GivenListRowSchema)
def decide_row(data: dict[str, Any], list_id: UUID, row_id: UUID) -> GivenListRow:
    """核对一行：选定单位，或确认底档中没有"""
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        row = service.get_row(found, row_id)
        blp.check_version(row, GivenListRowSchema)
        service.decide_row(found, row, **data, by=current_actor(), at=clock.now())
    blp.set_etag(row.version)
    db.session.refresh(row, ["unit"])
    return row


@blp.route("/<uuid:list_id>/match", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.response(200, MatchedAnewSchema)
def match_again(list_id: UUID) -> dict[str, Any]:
    """重新匹配尚无单位的行（例如补登底档之后）"""
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        changed = service.rematch(found, by=current_actor(), at=clock.now())
    return {"changed": changed, "rows": _rows_counted(list_id)}


@blp.route("/<uuid:list_id>/apply", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.response(200, AppliedSchema)
def apply_list(list_id: UUID) -> dict[str, Any]:
    """为已匹配的行生成任务

    待核对的行以后核对了再次办理；每行只生成一个任务，重复办理不会多出。
    """
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        agency = people.get_agency(current_agency_id())
        applied = service.apply_list(found, agency=agency, by=current_actor(), at=clock.now())
    return {
        "created": applied.created,
        "waiting": applied.waiting,
        "rows": _rows_counted(list_id),
    }


# --- partners ---


@blp.route("/<uuid:list_id>/rows/<uuid:row_id>/partner-result", methods=["POST"])
@requires(*_RECORDERS)
@blp.arguments(NewPartnerResultSchema)
@blp.response(200, GivenListRowSchema)
def record_partner_result(data: dict[str, Any], list_id: UUID, row_id: UUID) -> GivenListRow:
    """登记其他部门的检查结果"""
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        row = service.get_row(found, row_id)
        result = service.NewPartnerResult(**data)
        service.record_partner_result(found, row, result, by=current_actor(), at=clock.now())
    db.session.refresh(row, ["partner_results"])
    return row


@blp.route("/<uuid:list_id>/partner-results", methods=["POST"])
@requires(*_RECORDERS)
@blp.arguments(PartnerPreviewQuerySchema, location="query")
@blp.arguments(GivenListUploadSchema, location="files")
@blp.response(200, PartnerLinesSchema)
def upload_partner_results(
    query: dict[str, Any], data: dict[str, Any], list_id: UUID
) -> dict[str, Any]:
    """导入其他部门的检查结果表

    各行一次写入；有一行不能采用，全部不写入。
    """
    at, preview = clock.now(), query["preview"]
    service.get_list(list_id, current_agency_id())
    rows = register.read_results(sole_file(data).read(), imports.words_on(local_date(at)))
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        lines = partner_results.take_partner_results(
            found, rows, preview=preview, by=current_actor(), at=at
        )
    return {"preview": preview, "lines": lines}


# --- the way back ---


@blp.route("/<uuid:list_id>/export")
@requires(*_RECORDERS)
@blp.arguments(ListExportQuerySchema, location="query")
@blp.response(200, content_type=_MIME[FileFormat.XLSX])
def export_list(query: dict[str, Any], list_id: UUID) -> flask.Response:
    """导出名单及检查结果，用于上报"""
    at, file_format = clock.now(), query["format"]
    data = exports.export_list(service.get_list(list_id, current_agency_id()), file_format, at=at)
    with transaction():
        found = service.get_list(list_id, current_agency_id())
        exports.record_export(found, file_format, by=current_actor(), at=at)
    name = f"下达名单-{local_date(at)}.{file_format}"
    response = flask.make_response(data)
    response.headers["Content-Type"] = _MIME[file_format]
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"list.{file_format}\"; filename*=UTF-8''{quote(name)}"
    )
    return response


# --- small things ---


def _new(data: dict[str, Any]) -> NewList:
    departments = tuple(dict.fromkeys(data["partner_departments"]))
    return NewList(**{**data, "partner_departments": departments})


def _detail(found: GivenList) -> dict[str, Any]:
    counts = queries.counts_of([found.id])[found.id]
    current = queries.current_file(found.id)
    return {
        **_columns(found),
        "rows": {**counts.outcomes, "gone": counts.gone, "applied": counts.applied},
        "tasks": [{"state": state, "tasks": n} for state, n in sorted(counts.tasks.items())],
        "current_sha256": None if current is None else current.sha256,
    }


def _rows_counted(list_id: UUID) -> dict[str, int]:
    counts = queries.counts_of([list_id])[list_id]
    return {**counts.outcomes, "gone": counts.gone, "applied": counts.applied}


def _columns(row: GivenList | GivenListFile) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
