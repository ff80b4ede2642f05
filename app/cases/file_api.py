"""The documents of a case: its file as one PDF, and what is drawn up at a desk for it."""

from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, requires
from app.cases import filing, service
from app.db import transaction
from app.documents import desk, pages
from app.documents.models import Document
from app.documents.schemas import NewPaperSchema, WholeDocumentSchema
from app.problems import Blueprint

blp = Blueprint("case-files", __name__, url_prefix="/cases", description="案卷")


@blp.route("/<uuid:case_id>/file.pdf")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.response(200, pages.BINARY, content_type=pages.MIME)
def print_file(case_id: UUID) -> flask.Response:
    """下载案卷 PDF（封面、目录、文书、证据清单）"""
    case = service.get_case(case_id, current_actor().agency_id)
    return pages.answer(filing.print_file(case, entry.storage()), case.number)


@blp.route("/<uuid:case_id>/documents", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER)
@blp.creates
@blp.arguments(NewPaperSchema)
@blp.response(201, WholeDocumentSchema)
def draw_up(data: dict[str, Any], case_id: UUID) -> Document:
    """为案件制作文书"""
    with transaction():
        by = current_actor()
        case = service.get_case(case_id, by.agency_id)
        return desk.draw_up(
            data["kind"],
            data["fields"],
            unit_id=case.unit_id,
            party=filing.party_of(case),
            case_id=case.id,
            visit_id=case.visit_id,
            officer_ids=data["officer_ids"] or case.officer_ids,
            by=by,
            at=clock.now(),
        )
