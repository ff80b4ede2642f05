"""Evidence over HTTP: metadata, originals and thumbnails, for the agency that owns them."""

from typing import Any, cast
from uuid import UUID

import flask
import sqlalchemy as sa

from app import clock, entry
from app.access import Role, current_actor, requires
from app.evidence import inspecting, papers, service
from app.evidence.models import Evidence, EvidenceLink
from app.evidence.rules import EvidenceState, object_key, thumbnail_key
from app.evidence.schemas import EvidenceQuerySchema, EvidenceSchema, PaperFileSchema
from app.people import service as people
from app.problems import Blueprint, Page, page, sole_file

blp = Blueprint("evidence", __name__, url_prefix="/evidence", description="证据")
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.LEGAL_REVIEWER, Role.AUDITOR)


@blp.route("")
@requires(*READERS)
@blp.arguments(EvidenceQuerySchema, location="query")
@blp.paged(EvidenceSchema)
def list_evidence(query: dict[str, Any]) -> Page[Evidence]:
    """查询证据"""
    found = sa.select(Evidence).where(Evidence.agency_id == current_actor().agency_id)
    if query["subject_id"]:
        links = sa.select(EvidenceLink.evidence_id).where(
            EvidenceLink.subject_id == query["subject_id"], EvidenceLink.retracted_at.is_(None)
        )
        found = found.where(Evidence.id.in_(links))
    if query["state"]:
        found = found.where(Evidence.state == query["state"])
    return page(found, Evidence.id, limit=query["limit"], cursor=query["cursor"])


@blp.route("", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR, Role.CLERK)
@blp.arguments(PaperFileSchema, location="files")
@blp.response(201, EvidenceSchema)
def take_in_paper(data: dict[str, Any]) -> Evidence:
    """上传申请人、当事人交来的材料（PDF、JPEG、PNG）

    再次上传同一文件，仍是同一份证据；办理信用修复等事项时按其 SHA-256 引用。
    """
    by = current_actor()
    agency = people.get_agency(cast(UUID, by.agency_id))
    source = sole_file(data).read()
    return papers.take_in(
        source, agency_id=agency.id, district=agency.district, by=by, at=clock.now()
    )


@blp.route("/<uuid:evidence_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, EvidenceSchema)
def get_evidence(evidence_id: UUID) -> Evidence:
    """查看证据信息"""
    evidence = service.get_evidence(evidence_id, current_actor().agency_id)
    blp.set_etag(evidence.version)
    return evidence


@blp.route("/<uuid:evidence_id>/original")
@requires(*READERS)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
def get_original(evidence_id: UUID) -> flask.Response:
    """下载证据原件"""
    evidence = service.get_evidence(evidence_id, current_actor().agency_id)
    if evidence.state == EvidenceState.AWAITED:
        raise service.EvidenceMissing("原件尚未上传，请稍后再试。")
    return send_original(evidence)


def send_original(evidence: Evidence) -> flask.Response:
    """Answer with the bytes of evidence that is here, as a file to be kept and never opened."""
    chunks = entry.storage().stream(object_key(evidence.agency_id, evidence.sha256))
    response = flask.Response(chunks, mimetype="application/octet-stream")
    response.headers["Content-Length"] = str(evidence.size_bytes)
    response.headers["Content-Disposition"] = f'attachment; filename="{evidence.sha256}"'
    return response


@blp.route("/<uuid:evidence_id>/thumbnail")
@requires(*READERS)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="image/jpeg")
def get_thumbnail(evidence_id: UUID) -> flask.Response:
    """查看证据缩略图

    刚收到、尚未处理的照片（`inspected` 为 false）在这时生成。
    """
    evidence = service.get_evidence(evidence_id, current_actor().agency_id)
    if evidence.uninspected:
        inspecting.inspect(evidence_id, at=clock.now())
        evidence = service.get_evidence(evidence_id, current_actor().agency_id)
    if not evidence.thumbnail:
        raise service.EvidenceMissing("这份证据没有缩略图。")
    small = entry.storage().get(thumbnail_key(evidence.agency_id, evidence.sha256))
    return flask.Response(small, mimetype="image/jpeg")
