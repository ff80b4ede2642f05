"""Publication over HTTP: what is public where, lists that leave, receipts, cards, reports."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import transaction
from app.documents import pages
from app.people import service as people
from app.people.models import Agency
from app.problems import Blueprint, Page, PageSchema, page, sole_file
from app.publication import credit_reports, exports, queries, receiving, rules, service
from app.publication.card_api import cards
from app.publication.models import CreditReport, Publication, PublicationReceipt
from app.publication.schemas import (
    CreditReportQuerySchema,
    CreditReportSchema,
    DecisionExportSchema,
    FileFormat,
    NewCreditReportSchema,
    PublicationFiguresSchema,
    PublicationPeriodSchema,
    PublicationQuerySchema,
    PublicationReceiptFileSchema,
    PublicationReceiptSchema,
    PublicationSchema,
    TakenPublicationReceiptsSchema,
    WithdrawPublicationSchema,
)

publications = Blueprint("publications", __name__, url_prefix="/publications", description="公示")
reports = Blueprint(
    "credit-reports", __name__, url_prefix="/credit-reports", description="专用信用报告"
)
BLUEPRINTS = (publications, cards, reports)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)
MIME: Mapping[FileFormat, str] = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}


@publications.route("")
@requires(*READERS)
@publications.arguments(PublicationQuerySchema, location="query")
@publications.paged(PublicationSchema)
def list_publications(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询公示信息"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = page(
        queries.publications_in(current_actor().agency_id, **query),
        Publication.id,
        limit=limit,
        cursor=cursor,
    )
    return Page([_shown(one) for one in found.items], found.next_cursor)


@publications.route("/<uuid:publication_id>")
@requires(*READERS)
@publications.etag
@publications.response(200, PublicationSchema)
def get_publication(publication_id: UUID) -> dict[str, Any]:
    """查看公示信息及其期限"""
    row = service.get_publication(publication_id, current_actor().agency_id)
    publications.set_etag(row.version)
    return _shown(row)


@publications.route("/<uuid:publication_id>/withdraw", methods=["POST"])
@requires(*KEEPERS)
@publications.etag
@publications.arguments(WithdrawPublicationSchema)
@publications.response(200, PublicationSchema)
def withdraw_publication(data: dict[str, Any], publication_id: UUID) -> dict[str, Any]:
    """撤回公示信息

    撤回后只说明已经撤回，不再显示内容。
    """
    with transaction():
        row = service.get_publication(publication_id, current_actor().agency_id)
        publications.check_version(row, PublicationSchema)
        service.withdraw(row, data["reason"], by=current_actor(), at=clock.now())
    publications.set_etag(row.version)
    return _shown(row)


def _shown(row: Publication) -> dict[str, Any]:
    today = local_date(clock.now())
    names = set(PublicationSchema().fields) - {"late", "withdrawn_late"}
    published = None if row.published_at is None else local_date(row.published_at)
    ended = None if row.ended_at is None else local_date(row.ended_at)
    done = published or ended
    return {
        **{name: getattr(row, name) for name in names},
        "late": rules.is_late(row.due_on, done, today),
        "withdrawn_late": rules.is_late(row.withdraw_due_on, ended, today),
    }


@publications.route("/decisions/export")
@requires(*READERS)
@publications.arguments(DecisionExportSchema, location="query")
@publications.response(200, content_type=MIME[FileFormat.XLSX])
def export_decisions(query: dict[str, Any]) -> flask.Response:
    """导出行政处罚“双公示”清单"""
    found = exports.decisions(
        current_actor().agency_id, query["channel"], query["from_on"], query["until_on"]
    )
    file_format = query["format"]
    write = exports.as_xlsx if file_format is FileFormat.XLSX else exports.as_csv
    data = write(found, inside=True)
    name = f"行政处罚双公示-{query['from_on']}-{query['until_on']}.{file_format}"
    return as_file(data, file_format, "decisions", name)


def as_file(data: bytes, file_format: FileFormat, plain: str, name: str) -> flask.Response:
    """Return bytes as a file to be kept, under a Chinese name where the browser knows it."""
    response = flask.make_response(data)
    response.headers["Content-Type"] = MIME[file_format]
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}.{file_format}\"; filename*=UTF-8''{quote(name)}"
    )
    return response


@publications.route("/figures")
@requires(*READERS)
@publications.arguments(PublicationPeriodSchema, location="query")
@publications.response(200, PublicationFiguresSchema)
def show_figures(query: dict[str, Any]) -> dict[str, Any]:
    """统计一段时间的公示率、上报率、合规率和及时率

    各附分子、分母和未计入的清单。
    """
    agency_id, period = current_actor().agency_id, (query["from_on"], query["until_on"])
    today = local_date(clock.now())
    return {
        "channels": service.figures_of(agency_id, *period, today=today),
        **receiving.rates_of(agency_id, *period),
    }


@publications.route("/receipts")
@requires(*READERS)
@publications.arguments(PageSchema, location="query")
@publications.paged(PublicationReceiptSchema)
def list_receipts(query: dict[str, Any]) -> Page[PublicationReceipt]:
    """查询信用平台回执"""
    return page(queries.receipts_in(current_actor().agency_id), PublicationReceipt.id, **query)


@publications.route("/receipts", methods=["POST"])
@requires(*KEEPERS)
@publications.arguments(PublicationReceiptFileSchema, location="files")
@publications.response(200, TakenPublicationReceiptsSchema)
def import_receipts(data: dict[str, Any]) -> receiving.Taken:
    """导入信用平台回执表格

    各行一次写入；有一行不能采用，全部不写入。再次导入同一行不产生新的回执。
    """
    source = sole_file(data).read()
    with transaction():
        return receiving.import_receipts(
            source, agency=_agency(), by=current_actor(), at=clock.now()
        )


@reports.route("")
@requires(*READERS)
@reports.arguments(CreditReportQuerySchema, location="query")
@reports.paged(CreditReportSchema)
def list_reports(query: dict[str, Any]) -> Page[CreditReport]:
    """查询已出具的专用信用报告"""
    unit_id = query.pop("unit_id")
    found = credit_reports.reports_in(current_actor().agency_id, unit_id)
    return page(found, CreditReport.id, **query)


@reports.route("", methods=["POST"])
@requires(*KEEPERS)
@reports.creates
@reports.arguments(NewCreditReportSchema)
@reports.response(201, CreditReportSchema)
def issue_report(data: dict[str, Any]) -> CreditReport:
    """出具专用信用报告

    可以选定处罚决定日期的起止；不能早于信用网站最长的公示期限。任何人可以凭核验码在公开页面核验。
    """
    with transaction():
        return credit_reports.issue_report(
            data["unit_id"],
            data["purpose"],
            period=credit_reports.Period(data["from_on"], data["until_on"]),
            agency=_agency(),
            by=current_actor(),
            at=clock.now(),
        )


@reports.route("/<uuid:report_id>")
@requires(*READERS)
@reports.response(200, CreditReportSchema)
def get_report(report_id: UUID) -> CreditReport:
    """查看专用信用报告"""
    return credit_reports.get_report(report_id, current_actor().agency_id)


@reports.route("/<uuid:report_id>/pdf")
@requires(*READERS)
@reports.response(200, pages.BINARY, content_type=pages.MIME)
def print_report(report_id: UUID) -> flask.Response:
    """下载专用信用报告 PDF（A4、PDF/A）

    出具以后撤销、修复或者期满的记录只计数，不再列出。
    """
    report = credit_reports.get_report(report_id, current_actor().agency_id)
    base = entry.config().text("PUBLIC_URL") or flask.request.url_root
    address = f"{base.rstrip('/')}/public/credit-reports/{report.code}"
    made = credit_reports.print_report(report, address, at=clock.now())
    return pages.answer(made, f"专用信用报告-{report.code}")


def _agency() -> Agency:
    agency_id = current_actor().agency_id
    if agency_id is None:
        raise people.AgencyNotFound("没有这个机构。")
    return people.get_agency(agency_id)
