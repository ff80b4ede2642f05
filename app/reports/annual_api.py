"""The yearly form 附件2, permits and numbers kept by hand, over HTTP."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

import flask
from marshmallow import RAISE

from app import clock, sheets
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import transaction
from app.people import service as people
from app.people.models import Agency
from app.problems import (
    Blueprint,
    CursorUnknown,
    Page,
    PageSchema,
    page,
    read_cursor,
    sign_cursor,
    sole_file,
)
from app.reports import annual_form, annual_tables, listing, manual_counts, permits, queries
from app.reports.annual_form import AnnualRow
from app.reports.annual_schemas import (
    AnnualBehindQuerySchema,
    AnnualFileQuerySchema,
    AnnualTableSchema,
    AnnualTakenSchema,
    CountedEntrySchema,
    ManualCountSchema,
    NewManualCountSchema,
    PermitLinesSchema,
    PermitQuerySchema,
    VoidCountSchema,
    YearFileQuerySchema,
    YearQuerySchema,
)
from app.reports.listing import Entry
from app.reports.manual_counts import NewManualCount
from app.reports.models import ManualCount
from app.reports.service import record_export
from app.sheetforms import write_form
from app.units.schemas import FileFormat, RegisterFileSchema

blp = Blueprint("annual-reports", __name__, url_prefix="/reports", description="年度统计")

READERS = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)
KEEPERS = (Role.SUPERVISOR, Role.CLERK, Role.ADMINISTRATOR)
MIME = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}


# --- the form ---


@blp.route("/annual-table")
@requires(*READERS)
@blp.arguments(YearQuerySchema, location="query", unknown=RAISE)
@blp.response(200, AnnualTableSchema)
def show_annual_table(query: dict[str, Any]) -> dict[str, Any]:
    """统计行政许可办理和批后监管情况（附件2）

    许可按办结日期计入；批后监管按对象、次数计，一个对象监管一次计一件；查处按处罚案件计。
    """
    agency = _agency()
    found = annual_tables.compute(agency, query["year"], until_on=query["until_on"])
    codes = [item.code for item in found.items]
    return {
        "year": found.year,
        "from_on": found.from_on,
        "until_on": found.until_on,
        "columns": [{"code": code, "name": name} for code, name in annual_form.NAMES.items()],
        "rows": [_row(row, code) for code, row in zip(codes, found.rows, strict=True)],
        "total": _row(found.total, None),
        "violations": found.violations,
        "imported": queries.newest_annual_table(agency.id, query["year"]),
    }


@blp.route("/annual-table/entries")
@requires(*READERS)
@blp.refuses(404)
@blp.arguments(AnnualBehindQuerySchema, location="query", unknown=RAISE)
@blp.paged(CountedEntrySchema)
def list_annual_entries(query: dict[str, Any]) -> Page[Entry]:
    """列出附件2一个数字背后的明细"""
    rows = annual_tables.rows_behind(
        _agency(), query["year"], query["item"], query["column"], until_on=query["until_on"]
    )
    return entries_page(rows, limit=query["limit"], cursor=query["cursor"])


@blp.route("/annual-table/export")
@requires(*READERS)
@blp.arguments(YearFileQuerySchema, location="query", unknown=RAISE)
@blp.response(200, content_type=MIME[FileFormat.XLSX])
def export_annual_table(query: dict[str, Any]) -> flask.Response:
    """导出附件2"""
    at, agency, file_format = clock.now(), _agency(), query["format"]
    found = annual_tables.compute(agency, query["year"], until_on=query["until_on"])
    title = f"{agency.name}{found.year}年度{annual_tables.TITLE}"
    if file_format is FileFormat.XLSX:
        data = write_form(annual_tables.form_of(found.rows, title=title))
    else:
        lines = [annual_form.cells_of(row) for row in (*found.rows, found.total)]
        data = b"".join(sheets.write_csv(tuple(annual_form.NAMES.values()), lines))
    with transaction():
        record_export("annual-table", file_format, data, by=current_actor(), at=at)
    return as_file(data, file_format, "annual-table", f"{title}-{local_date(at)}")


@blp.route("/annual-tables", methods=["POST"])
@requires(*KEEPERS)
@blp.arguments(AnnualFileQuerySchema, location="query", unknown=RAISE)
@blp.arguments(RegisterFileSchema, location="files")
@blp.response(200, AnnualTakenSchema)
def take_annual_table(query: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """导入附件2

    逐行说明错位、断开的行和建议的修复，不会自行移动单元格。
    核对后以 repair=true 同意修复，修复内容一并保存。
    """
    file = sole_file(data)
    with transaction():
        taken = annual_tables.take_table(
            file.read(),
            **query,
            file_name=printable(file.filename),
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
        )
    return {
        "preview": query["preview"],
        "lines": [
            {
                "row_no": line.row_no,
                "kind": line.kind,
                "cell_count": line.cell_count,
                "faults": [{"code": code, "detail": detail} for code, detail in line.faults],
                "repairs": line.repairs,
                "cells": None if line.row is None else annual_form.cells_of(line.row),
            }
            for line in taken.reading.lines
        ],
        "violations": taken.violations,
        "table": taken.table,
    }


@blp.route("/permit-records", methods=["POST"])
@requires(*KEEPERS)
@blp.arguments(PermitQuerySchema, location="query", unknown=RAISE)
@blp.arguments(RegisterFileSchema, location="files")
@blp.response(200, PermitLinesSchema)
def take_permits(query: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """导入许可办件

    各行一次写入；有一行不能采用，全部不写入。办件编号已有的，以新的内容为准。
    """
    source, preview = sole_file(data).read(), query["preview"]
    with transaction():
        lines = permits.take_permits(
            source, preview=preview, agency=_agency(), by=current_actor(), at=clock.now()
        )
    return {"preview": preview, "lines": lines}


# --- numbers kept by hand ---


@blp.route("/manual-counts")
@requires(*READERS)
@blp.arguments(PageSchema, location="query", unknown=RAISE)
@blp.paged(ManualCountSchema)
def list_manual_counts(query: dict[str, Any]) -> Page[ManualCount]:
    """列出填报数"""
    found: Page[ManualCount] = page(
        queries.all_manual_counts(_agency_id()), ManualCount.id, newest_first=True, **query
    )
    return found


@blp.route("/manual-counts", methods=["POST"])
@requires(*KEEPERS)
@blp.creates
@blp.arguments(NewManualCountSchema)
@blp.response(201, ManualCountSchema)
def record_manual_count(data: dict[str, Any]) -> ManualCount:
    """填报本系统以外工作的数字

    须注明来源和来源的日期；计量单位由项目规定，不同单位的数不相加。
    """
    with transaction():
        return manual_counts.record_count(
            NewManualCount(**data), agency=_agency(), by=current_actor(), at=clock.now()
        )


@blp.route("/manual-counts/<uuid:count_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, ManualCountSchema)
def get_manual_count(count_id: UUID) -> ManualCount:
    """查看填报数"""
    found = manual_counts.get_count(count_id, _agency_id())
    blp.set_etag(found.version)
    return found


@blp.route("/manual-counts/<uuid:count_id>/void", methods=["POST"])
@requires(*KEEPERS)
@blp.etag
@blp.arguments(VoidCountSchema)
@blp.response(200, ManualCountSchema)
def void_manual_count(data: dict[str, Any], count_id: UUID) -> ManualCount:
    """作废填报数"""
    with transaction():
        found = manual_counts.get_count(count_id, _agency_id())
        blp.check_version(found, ManualCountSchema)
        manual_counts.void_count(found, data["reason"], by=current_actor(), at=clock.now())
    blp.set_etag(found.version)
    return found


# --- what the other reports share ---


def entries_page(rows: Any, *, limit: int, cursor: str | None) -> Page[Entry]:
    """Return one page of what stands behind a number. Raises CursorUnknown."""
    after = None
    if cursor:
        given = read_cursor(cursor)
        try:
            after = (UUID(str(given["after"])), str(given["part"]))
        except (KeyError, ValueError) as error:
            raise CursorUnknown("分页游标无效，请从第一页重新读取。") from error
    found = listing.entries(rows, after=after, limit=limit + 1)
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], sign_cursor({"after": str(last.id), "part": last.part}))


def as_file(data: bytes, file_format: FileFormat, name: str, title: str) -> flask.Response:
    """Return a file to keep, with a name in Chinese and one for who cannot read it."""
    response = flask.make_response(data)
    response.headers["Content-Type"] = MIME[file_format]
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{name}.{file_format}"; '
        f"filename*=UTF-8''{quote(f'{title}.{file_format}')}"
    )
    return response


def printable(name: str | None) -> str:
    """Return the name of a file without its folder and what nobody can read."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[:200]


def _row(row: AnnualRow, item: str | None) -> dict[str, Any]:
    cells: Sequence[str] = annual_form.cells_of(row)
    return {"item": item, "cells": cells}


def _agency() -> Agency:
    return people.get_agency(_agency_id())


def _agency_id() -> UUID:
    """Return the caller's agency: every account has one."""
    return cast(UUID, current_actor().agency_id)
