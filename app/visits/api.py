"""Visits over HTTP, for reading: tablets write them by the field sync protocol."""

from typing import Any
from uuid import UUID

import flask

from app import clock
from app.access import Role, current_actor, requires
from app.evidence import service as evidence
from app.parties.before import before_of
from app.parties.rules import Met
from app.problems import Blueprint, Page, page
from app.tasks import service as tasks
from app.visits import (
    contact_api,
    contributing,
    file_api,
    integrity,
    order_api,
    queries,
    sample_api,
    samples,
)
from app.visits.integrity_api import OVERSEERS
from app.visits.integrity_api import blp as integrity_blp
from app.visits.models import Visit
from app.visits.schemas import VisitQuerySchema, VisitSchema, WholeVisitSchema

blp = Blueprint("visits", __name__, url_prefix="/visits", description="检查")
BLUEPRINTS = (
    blp,
    integrity_blp,
    order_api.blp,
    sample_api.blp,
    file_api.blp,
    contact_api.blp,
)


def init_app(flask_app: flask.Flask) -> None:
    """Let tasks wait while samples are out."""
    tasks.watch(samples.are_out)


@blp.route("")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.arguments(VisitQuerySchema, location="query")
@blp.paged(VisitSchema)
def list_visits(query: dict[str, Any]) -> Page[Visit]:
    """查询检查"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    visits = queries.visits_of(current_actor().agency_id, **query)
    return page(visits, Visit.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:visit_id>")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)
@blp.response(200, WholeVisitSchema)
def get_visit(visit_id: UUID) -> dict[str, Any]:
    """查看检查及其填报、发现、签名和待上传照片数

    疑点（integrity）只给负责人和稽查人员，监督员看到的是空值。
    """
    visit = contributing.get_visit(visit_id, current_actor().agency_id)
    answers, findings = queries.answers_of(visit_id), queries.findings_of(visit_id)
    subjects = {visit_id, *(row.id for row in answers), *(row.id for row in findings)}
    return {
        **{name: getattr(visit, name) for name in VisitSchema().fields},
        "before": before_of(Met.VISIT, visit_id, by=current_actor(), at=clock.now()),
        "fix": visit.fix,
        "finished_fix": visit.finished_fix,
        "arrivals": visit.arrivals,
        "signatures": visit.signatures,
        "answers": answers,
        "findings": findings,
        "photos_awaited": sum(evidence.awaited_of(subjects).values()),
        "integrity": integrity.shown_of(visit) if current_actor().has(*OVERSEERS) else None,
    }
