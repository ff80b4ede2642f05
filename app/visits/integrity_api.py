"""Findings on the evidence of visits over HTTP: supervisors decide, auditors read."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.db import transaction
from app.problems import Blueprint, Page, page
from app.visits import integrity
from app.visits import integrity_queries as queries
from app.visits.integrity_rules import IntegrityState
from app.visits.models import IntegrityFinding
from app.visits.schemas import (
    IntegrityDecisionSchema,
    IntegrityFindingSchema,
    IntegrityQuerySchema,
)

blp = Blueprint(
    "integrity", __name__, url_prefix="/integrity-findings", description="检查证据的疑点"
)
OVERSEERS = (Role.SUPERVISOR, Role.AUDITOR)


@blp.route("")
@requires(*OVERSEERS)
@blp.arguments(IntegrityQuerySchema, location="query")
@blp.paged(IntegrityFindingSchema)
def list_findings(query: dict[str, Any]) -> Page[IntegrityFinding]:
    """查询疑点

    位置、行程、拍摄时间、照片重复使用；只作提示，不阻止任何操作。
    """
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.findings_of(current_actor().agency_id, **query)
    return page(found, IntegrityFinding.id, limit=limit, cursor=cursor)


@blp.route("/<uuid:finding_id>")
@requires(*OVERSEERS)
@blp.etag
@blp.response(200, IntegrityFindingSchema)
def get_finding(finding_id: UUID) -> IntegrityFinding:
    """查看一项疑点"""
    finding = integrity.get_finding(finding_id, current_actor().agency_id)
    blp.set_etag(finding.version)
    return finding


@blp.route("/<uuid:finding_id>/decision", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(IntegrityDecisionSchema)
@blp.response(200, IntegrityFindingSchema)
def decide(data: dict[str, Any], finding_id: UUID) -> IntegrityFinding:
    """处理一项疑点：有合理解释（explained）或成立（upheld），写明理由"""
    by = current_actor()
    with transaction():
        finding = integrity.get_finding(finding_id, by.agency_id)
        blp.check_version(finding, IntegrityFindingSchema)
        state = IntegrityState(data["state"])
        finding = integrity.decide(finding_id, state, data["reason"], by=by, at=clock.now())
    blp.set_etag(finding.version)
    return finding
