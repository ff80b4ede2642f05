"""Visit codes over HTTP, for those who come; who is visited uses the public page of a code."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import flask
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import clock, entry
from app.access import Role, current_actor, current_agency_id, requires
from app.caps import service as caps
from app.caps.rules import span
from app.catalogue.caps import Period
from app.codes import pictures, queries, service
from app.codes.models import VisitCode, VisitObjection, VisitRating
from app.codes.schemas import (
    CodeQuerySchema,
    CodeReasonSchema,
    CodeSchema,
    NewCodeSchema,
    ObjectionAnswerSchema,
    ObjectionQuerySchema,
    ObjectionSchema,
    RatingSchema,
    RatingsQuerySchema,
    RatingsSchema,
    UnitCodeSchema,
)
from app.codes.service import NewCode
from app.days import FIRST_DAY, local_date
from app.db import transaction
from app.problems import Blueprint, Page, PageSchema, page
from app.units import service as units

blp = Blueprint("visit-codes", __name__, url_prefix="/visit-codes", description="检查码")
doors = Blueprint("unit-codes", __name__, url_prefix="/units/<uuid:unit_id>", description="单位码")
ratings = Blueprint("visit-ratings", __name__, url_prefix="/visit-ratings", description="检查评价")
objections = Blueprint(
    "visit-objections", __name__, url_prefix="/visit-objections", description="检查异议"
)
BLUEPRINTS = (blp, doors, ratings, objections)
READERS = (Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR)


def init_app(_flask_app: flask.Flask) -> None:
    """Let caps know to which visits other departments came."""
    caps.ask_partners(queries.visits_with_partners)


@blp.route("")
@requires(*READERS)
@blp.arguments(CodeQuerySchema, location="query")
@blp.paged(CodeSchema)
def list_codes(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询检查码"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = page(
        queries.codes_of(current_agency_id(), **query), VisitCode.id, limit=limit, cursor=cursor
    )
    return Page([_body(code) for code in found.items], found.next_cursor)


@blp.route("", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewCodeSchema)
@blp.response(201, CodeSchema)
def request_code(data: dict[str, Any]) -> dict[str, Any]:
    """申请检查码

    有计划检查列明任务，触发式检查写明原因。超过检查频次上限的有计划检查须先获批准；
    触发式检查照发，并记明超过哪些上限。
    """
    with transaction():
        code = service.request_code(
            NewCode(**data), agency_id=current_agency_id(), by=current_actor(), at=clock.now()
        )
    return _body(code)


@blp.route("/<uuid:code_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, CodeSchema)
def get_code(code_id: UUID) -> dict[str, Any]:
    """查看检查码及其内容"""
    code = service.get_code(code_id, current_agency_id())
    blp.set_etag(code.version)
    return _body(code)


@blp.route("/<uuid:code_id>/qr.svg")
@requires(*READERS)
@blp.response(200, content_type="image/svg+xml")
def show_picture(code_id: UUID) -> flask.Response:
    """下载检查码图片（SVG）"""
    code = service.get_code(code_id, current_agency_id())
    return _picture(service.text_of(code, _key()))


@blp.route("/<uuid:code_id>/revoke", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@blp.etag
@blp.arguments(CodeReasonSchema)
@blp.response(200, CodeSchema)
def revoke(data: dict[str, Any], code_id: UUID) -> dict[str, Any]:
    """撤销检查码，写明原因；扫码的人会看到已撤销"""
    with transaction():
        code = service.get_code(code_id, current_agency_id())
        blp.check_version(SimpleNamespace(**_body(code)), CodeSchema)
        code = service.revoke_code(
            code_id,
            data["reason"],
            agency_id=current_agency_id(),
            by=current_actor(),
            at=clock.now(),
        )
    blp.set_etag(code.version)
    return _body(code)


@doors.route("/code")
@requires(*READERS)
@doors.response(200, UnitCodeSchema)
def get_unit_code(unit_id: UUID) -> dict[str, Any]:
    """查看单位码：贴在门口，监督员扫码核对单位"""
    unit = units.get_unit(unit_id, current_agency_id())
    return {"unit_id": unit.id, "text": service.unit_text(unit, _key())}


@doors.route("/code/qr.svg")
@requires(*READERS)
@doors.response(200, content_type="image/svg+xml")
def show_unit_picture(unit_id: UUID) -> flask.Response:
    """下载单位码图片（SVG）"""
    return _picture(service.unit_text(units.get_unit(unit_id, current_agency_id()), _key()))


@ratings.route("/summary")
@requires(*READERS)
@ratings.arguments(RatingsQuerySchema, location="query")
@ratings.response(200, RatingsSchema)
def show_average(query: dict[str, Any]) -> dict[str, Any]:
    """查看满意度：已公布的评价件数和平均分；评价每满五件一并公布"""
    last: date = query["until_on"] or local_date(clock.now())
    first: date = query["from_on"] or max(FIRST_DAY, span(Period.ROLLING_YEAR, last)[0])
    count, average = service.average(current_agency_id(), first, last)
    return {"from_on": first, "until_on": last, "count": count, "average_hundredths": average}


@ratings.route("")
@requires(Role.AUDITOR)
@ratings.arguments(PageSchema, location="query")
@ratings.paged(RatingSchema)
def list_ratings(query: dict[str, Any]) -> Page[VisitRating]:
    """查询已公布的评价（仅稽查人员），不显示是哪次检查的"""
    found = queries.ratings_of(current_agency_id())
    return page(found, VisitRating.id, **query)


@objections.route("")
@requires(Role.SUPERVISOR, Role.AUDITOR)
@objections.arguments(ObjectionQuerySchema, location="query")
@objections.paged(ObjectionSchema)
def list_objections(query: dict[str, Any]) -> Page[VisitObjection]:
    """查询单位提出的异议"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = queries.objections_of(current_agency_id(), **query)
    return page(found, VisitObjection.id, limit=limit, cursor=cursor)


@objections.route("/<uuid:objection_id>")
@requires(Role.SUPERVISOR, Role.AUDITOR)
@objections.etag
@objections.response(200, ObjectionSchema)
def get_objection(objection_id: UUID) -> VisitObjection:
    """查看异议和答复"""
    found = service.get_objection(objection_id, current_agency_id())
    objections.set_etag(found.version)
    return found


@objections.route("/<uuid:objection_id>/answer", methods=["POST"])
@requires(Role.SUPERVISOR)
@objections.etag
@objections.arguments(ObjectionAnswerSchema)
@objections.response(200, ObjectionSchema)
def answer(data: dict[str, Any], objection_id: UUID) -> VisitObjection:
    """答复异议"""
    with transaction():
        found = service.get_objection(objection_id, current_agency_id())
        objections.check_version(found, ObjectionSchema)
        found = service.answer_objection(
            objection_id,
            data["answer"],
            agency_id=current_agency_id(),
            by=current_actor(),
            at=clock.now(),
        )
    objections.set_etag(found.version)
    return found


def _key() -> Ed25519PrivateKey:
    return entry.keys().receipt_key


def _picture(text: str) -> flask.Response:
    base = entry.config().text("PUBLIC_URL") or flask.request.url_root
    return flask.Response(pictures.svg(f"{base.rstrip('/')}/c/{text}"), mimetype="image/svg+xml")


def _body(code: VisitCode) -> dict[str, Any]:
    return {
        **{name: getattr(code, name, None) for name in CodeSchema().fields},
        "task_ids": [one.task_id for one in code.tasks],
        "officer_ids": [one.officer_id for one in code.officers],
        "partner_ids": [one.partner_id for one in code.partners],
        "standing": service.standing_of(code, clock.now()),
        "text": service.text_of(code, _key()),
    }
