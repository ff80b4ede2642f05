"""The documents of a visit: its file as one PDF, and what is drawn up at a desk for it."""

from typing import Any
from uuid import UUID

import flask

from app import clock, entry
from app.access import Role, current_actor, requires
from app.db import transaction
from app.documents import desk, pages
from app.documents.models import Document
from app.documents.schemas import NewPaperSchema, WholeDocumentSchema
from app.problems import Blueprint
from app.visits import contributing, filing

blp = Blueprint("visit-files", __name__, url_prefix="/visits", description="检查文书卷")


@blp.route("/<uuid:visit_id>/file.pdf")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.response(200, pages.BINARY, content_type=pages.MIME)
def print_file(visit_id: UUID) -> flask.Response:
    """下载检查文书卷 PDF（封面、目录、文书、证据清单）"""
    visit = contributing.get_visit(visit_id, current_actor().agency_id)
    return pages.answer(filing.print_file(visit, entry.storage()), f"visit-{visit.id}")


@blp.route("/<uuid:visit_id>/documents", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewPaperSchema)
@blp.response(201, WholeDocumentSchema)
def draw_up(data: dict[str, Any], visit_id: UUID) -> Document:
    """为一次检查制作文书"""
    with transaction():
        by = current_actor()
        visit = contributing.get_visit(visit_id, by.agency_id)
        return desk.draw_up(
            data["kind"],
            data["fields"],
            unit_id=visit.unit_id,
            visit_id=visit.id,
            task_id=visit.task_id,
            officer_ids=data["officer_ids"],
            by=by,
            at=clock.now(),
        )
