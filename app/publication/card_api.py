"""Cards of the national report over HTTP: what is due, files of them, what was handed over."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import flask

from app import clock, sheets
from app.access import Role, current_actor, requires
from app.days import local_date
from app.db import db, transaction
from app.problems import Blueprint, Page, page
from app.publication import cards as service
from app.publication import queries
from app.publication.models import ReportCard
from app.publication.rules import CARD_NAMES
from app.publication.schemas import (
    FileFormat,
    ReportCardExportSchema,
    ReportCardQuerySchema,
    ReportCardSchema,
)

cards = Blueprint(
    "report-cards", __name__, url_prefix="/report-cards", description="国家信息报告卡"
)

READERS = (Role.CLERK, Role.SUPERVISOR, Role.AUDITOR)
KEEPERS = (Role.CLERK, Role.SUPERVISOR)
MIME = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}
MOST = 5_000  # cards in a file


@cards.route("")
@requires(*READERS)
@cards.arguments(ReportCardQuerySchema, location="query")
@cards.paged(ReportCardSchema)
def list_cards(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询信息报告卡"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = page(
        queries.cards_in(current_actor().agency_id, **query),
        ReportCard.id,
        limit=limit,
        cursor=cursor,
    )
    return Page([_shown(card) for card in found.items], found.next_cursor)


@cards.route("/export")
@requires(*READERS)
@cards.arguments(ReportCardExportSchema, location="query")
@cards.response(200, content_type=MIME[FileFormat.XLSX])
def export_cards(query: dict[str, Any]) -> flask.Response:
    """导出信息报告卡"""
    kind, file_format, today = query["kind"], query["format"], local_date(clock.now())
    chosen = queries.cards_in(current_actor().agency_id, kind=kind, state=query["state"])
    found = db.session.scalars(
        chosen.order_by(ReportCard.event_on, ReportCard.id).limit(MOST)
    ).all()
    header = [*service.COMMON, *service.OWN[kind]]
    rows = service.table(found, kind, today)
    if file_format is FileFormat.XLSX:
        data = sheets.write_xlsx(header, rows)
    else:
        data = b"".join(sheets.write_csv(header, rows))
    response = flask.make_response(data)
    response.headers["Content-Type"] = MIME[file_format]
    name = quote(f"{CARD_NAMES[kind]}-{today}.{file_format}")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{kind}.{file_format}\"; filename*=UTF-8''{name}"
    )
    return response


@cards.route("/<uuid:card_id>")
@requires(*READERS)
@cards.etag
@cards.response(200, ReportCardSchema)
def get_card(card_id: UUID) -> dict[str, Any]:
    """查看信息报告卡及其期限"""
    card = service.get_card(card_id, current_actor().agency_id)
    cards.set_etag(card.version)
    return _shown(card)


@cards.route("/<uuid:card_id>/report", methods=["POST"])
@requires(*KEEPERS)
@cards.etag
@cards.response(200, ReportCardSchema)
def report_card(card_id: UUID) -> dict[str, Any]:
    """登记信息报告卡已报告"""
    with transaction():
        card = service.get_card(card_id, current_actor().agency_id)
        cards.check_version(card, ReportCardSchema)
        service.report_card(card, by=current_actor(), at=clock.now())
    cards.set_etag(card.version)
    return _shown(card)


def _shown(card: ReportCard) -> dict[str, Any]:
    names = set(ReportCardSchema().fields) - {"late"}
    late = service.card_is_late(card, local_date(clock.now()))
    return {**{name: getattr(card, name) for name in names}, "late": late}
