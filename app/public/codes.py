"""The page of a visit code: who comes, for what, until when; then what the unit says of it.

Opened by scanning, or by typing the short form at `/c`. Without sign-in and without script. What is
sent from here names nobody: a rating is kept apart from the visit.
"""

from datetime import datetime
from typing import Any

import flask
from flask import Blueprint
from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Response

from app import clock, entry
from app.access import anyone
from app.catalogue import service as catalogue
from app.codes import rules, service
from app.codes.rules import CodeKind, Scanned, Standing
from app.codes.schemas import ObjectionFormSchema, RatingFormSchema
from app.codes.service import Seen
from app.days import local_date
from app.db import transaction
from app.errors import DomainError, Invalid
from app.jointvisits import team_queries as teams
from app.people import service as people
from app.public.pages import show_failure
from app.units import queries as unit_queries

blp = Blueprint("public_codes", __name__, template_folder="templates", url_prefix="/c")
blp.register_error_handler(DomainError, show_failure)

STANDINGS = {
    Standing.VALID: ("有效", "检查码有效。请核对单位、人员和执法证号；不符的，可以拒绝检查。"),
    Standing.NOT_YET: ("尚未生效", "检查还没有到约定的时间；提前到来的，可以拒绝检查。"),
    Standing.EXPIRED: ("已过期", "检查码已过有效期；持过期检查码前来的，可以拒绝检查。"),
    Standing.REVOKED: ("已撤销", "机关已经撤销这个检查码；持撤销的检查码前来的，可以拒绝检查。"),
    Standing.USED: ("已使用", "这次检查已经结束；再次前来的，应当出示新的检查码。"),
}
KINDS = {CodeKind.PLANNED: "有计划检查", CodeKind.TRIGGERED: "触发式检查"}
DONE = {
    "rating": "评价已收到，谢谢。检查人员看不到这是谁作的评价。",
    "objection": "异议已收到。答复会显示在本页，请保存检查码，过几天再来查看。",
}


class FormWrong(Invalid):
    code, title = "form-wrong", "填写有误"


@blp.after_request
def keep_nothing(response: Response) -> Response:
    """Let no phone show later what a code stood for earlier."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blp.route("")
@anyone
def find() -> Response | str:
    """Let somebody type a code that cannot be scanned."""
    typed = flask.request.args.get("code", "").strip()
    if typed:
        return flask.redirect(f"/c/{rules.normal_short(typed)[:24]}", 303)
    return flask.render_template("public/code_find.html")


@blp.route("/<text>")
@anyone
def show(text: str) -> str:
    """Show what stands behind a code."""
    key = entry.keys().receipt_key
    if len(text) > 2 * rules.SHORT:
        claim = service.read_claim(text, key)
        if claim.scanned is Scanned.UNIT:
            unit = unit_queries.find_unit(claim.unit_id)
            return flask.render_template("public/code_unit.html", unit=unit)
    at = clock.now()
    seen = service.scan(text, key, at=at)
    return flask.render_template(
        "public/code.html",
        **_shown(seen, at),
        text=text,
        done=DONE.get(flask.request.args.get("done", "")),
    )


@blp.route("/<text>/rating", methods=["POST"])
@anyone
def rate(text: str) -> Response:
    """Take in a rating, once a code."""
    wrong = "请先选择是否满意；意见不超过 500 字。"
    data, at = _form(RatingFormSchema, wrong), clock.now()
    with transaction():
        seen = service.scan(text, entry.keys().receipt_key, at=at)
        service.rate(seen.code, data["score"], data["comment"], at=at)
    return flask.redirect(f"/c/{text}?done=rating", 303)


@blp.route("/<text>/objection", methods=["POST"])
@anyone
def object_to(text: str) -> Response:
    """Take in an objection."""
    wrong = "请写明异议内容，不超过 2000 字；联系方式不超过 200 字。"
    data, at = _form(ObjectionFormSchema, wrong), clock.now()
    with transaction():
        seen = service.scan(text, entry.keys().receipt_key, at=at)
        service.object_to(seen.code, data["text"], data["contact"], at=at)
    return flask.redirect(f"/c/{text}?done=objection", 303)


def _form(schema: type[Schema], wrong: str) -> dict[str, Any]:
    """Return what a form says; browsers end a line of a text with two characters, we with one."""
    given: dict[str, Any] = {
        name: value.replace("\r\n", "\n")
        for name, value in flask.request.form.items()
        if value.strip()
    }
    if given.get("score", "") in set("12345"):
        given["score"] = int(given["score"])
    try:
        data: dict[str, Any] = schema().load(given)
    except ValidationError as error:
        raise FormWrong(wrong) from error
    return data


def _shown(seen: Seen, at: datetime) -> dict[str, Any]:
    late = service.is_late(seen.code, at)
    on = local_date(seen.code.valid_from)
    names = {
        kind: {row.code: row.body for row in catalogue.in_force(kind, on)}
        for kind in ("checklist", "check_item", "origin", "visit_cap")
    }
    standing, advice = STANDINGS[seen.standing]
    return {
        "code": seen.code,
        "unit": seen.unit,
        "agency": people.get_agency(seen.code.agency_id).name,
        "kind": KINDS[CodeKind(seen.code.kind)],
        "standing": standing,
        "valid": seen.standing is Standing.VALID,
        "advice": advice,
        "officers": seen.officers,
        "partners": seen.partners,
        "partner_items": teams.items_of_code(seen.code.id),
        "tasks": [
            {
                "task": task,
                "origin": names["origin"].get(task.origin, {}).get("name", task.origin),
                "checklist": names["checklist"].get(task.checklist_code or "", {}).get("name"),
                "items": _items(names, task.checklist_code),
            }
            for task in seen.tasks
        ],
        "beyond": [names["visit_cap"][one]["name"] for one in seen.code.beyond_caps],
        "objections": seen.objections,
        "may_object": not late,
        "may_rate": not late and seen.standing not in service.UNVISITED,
    }


def _items(names: dict[str, dict[str, Any]], checklist_code: str | None) -> list[dict[str, str]]:
    checklist = names["checklist"].get(checklist_code or "")
    if checklist is None:
        return []
    codes = [code for section in checklist["sections"] for code in section["items"]]
    known = names["check_item"]
    return [
        {"name": known[code]["name"], "basis": _basis(known[code])}
        for code in codes
        if code in known
    ]


def _basis(item: dict[str, Any]) -> str:
    basis = item["basis"]
    return f"《{basis['law']}》{basis['article'] or ''}"
