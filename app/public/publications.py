"""The public pages 一公开: penalty decisions, results of visits, officers, checking a report.

Plain, below 100 KB, whole without script. Of a natural person nothing is shown but 王某某; what was
withdrawn says so and shows nothing else.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import flask
from flask import Blueprint

from app import canonical, clock, sheets
from app.access import anyone
from app.days import local_date
from app.db import db
from app.errors import DomainError, NotFound
from app.people import queries as people_queries
from app.problems import page
from app.public.pages import show_failure
from app.publication import credit_reports, exports, queries, rules, sources
from app.publication.models import Publication
from app.publication.rules import PublicationState, SubjectType
from app.publication.service import PORTAL, channels_on

blp = Blueprint("public_results", __name__, template_folder="templates", url_prefix="/public")
blp.register_error_handler(DomainError, show_failure)

ROWS_SHOWN = 50
MOST = 1_000  # rows of a file for programs
AGE_S = 60


class NotPublic(NotFound):
    code, title = "not-public", "没有这条公示信息"


@blp.route("/decisions")
@anyone
def list_decisions() -> str:
    """List the penalty decisions that the portal shows, newest first."""
    return _list(SubjectType.DECISION, "public/decisions.html")


@blp.route("/results")
@anyone
def list_results() -> str:
    """List the results of visits that the portal shows, newest first."""
    return _list(SubjectType.RESULT, "public/results.html")


def _list(subject: SubjectType, template: str) -> str:
    cursor = flask.request.args.get("cursor")
    query = queries.shown_publicly(PORTAL, subject)
    found = page(query, Publication.id, limit=ROWS_SHOWN, cursor=cursor, newest_first=True)
    today = local_date(clock.now())
    return flask.render_template(
        template,
        rows=[_told(one) for one in found.items],
        next_cursor=found.next_cursor,
        channel=next((one for one in channels_on(today) if one.code == PORTAL), None),
    )


@blp.route("/decisions/<uuid:publication_id>")
@anyone
def show_decision(publication_id: UUID) -> str:
    """Show one decision, or that it was withdrawn."""
    row = db.session.get(Publication, publication_id)
    ended = {PublicationState.DUE, PublicationState.EXPIRED, PublicationState.REPAIRED}
    if (
        row is None
        or row.published_at is None
        or row.subject_type != SubjectType.DECISION
        or row.channel != PORTAL
        or row.state in ended
    ):
        raise NotPublic("没有这条公示信息，或公示已经结束，请核对链接。")
    return flask.render_template("public/decision.html", row=_told(row))


@blp.route("/decisions.json")
@anyone
def send_decisions() -> flask.Response:
    """Send the decisions that the portal shows, for programs."""
    return _json(SubjectType.DECISION)


@blp.route("/results.json")
@anyone
def send_results() -> flask.Response:
    """Send the results that the portal shows, for programs."""
    return _json(SubjectType.RESULT)


def _json(subject: SubjectType) -> flask.Response:
    items = [
        {
            "id": str(row.id),
            "state": str(row.state),
            "published_at": canonical.instant(row.published_at),
            "until_on": None if row.max_end is None else row.max_end.isoformat(),
            "content": row.content,
        }
        for row in _newest(subject)
        if row.published_at is not None
    ]
    response = flask.jsonify({"items": items, "most": MOST})
    response.headers["Cache-Control"] = f"public, max-age={AGE_S}"
    return response


def _newest(subject: SubjectType) -> Sequence[Publication]:
    query = queries.shown_publicly(PORTAL, subject)
    return db.session.scalars(query.order_by(Publication.id.desc()).limit(MOST)).all()


@blp.route("/decisions.csv")
@anyone
def send_decision_table() -> flask.Response:
    """Send the decisions as the list 双公示."""
    return _csv(exports.as_csv(_newest(SubjectType.DECISION)))


@blp.route("/results.csv")
@anyone
def send_result_table() -> flask.Response:
    """Send the results as a table."""
    header = ("单位", "统一社会信用代码", "任务编号", "专业", "检查日期", "结果", "检查机关")
    names = ("party", "uscc", "number", "specialty", "visited_on", "result", "agency")
    said = [row.content for row in _newest(SubjectType.RESULT) if row.content is not None]
    rows = [[one[name] for name in names] for one in said]
    return _csv(b"".join(sheets.write_csv(header, rows)))


def _csv(data: bytes) -> flask.Response:
    response = flask.make_response(data)
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Cache-Control"] = f"public, max-age={AGE_S}"
    return response


@blp.route("/officers")
@anyone
def list_officers() -> str:
    """List who may inspect: name, certificate, specialties, of every agency."""
    on = local_date(clock.now())
    agencies = [
        {"name": agency.name, "officers": [_officer(one, on) for one in found]}
        for agency, found in people_queries.officers_by_agency(on)
    ]
    return flask.render_template("public/officers.html", agencies=agencies, on=on)


def _officer(officer: Any, on: date) -> dict[str, Any]:
    return {
        "name": officer.name,
        "certificate_no": officer.certificate_no,
        "valid_until": officer.certificate_valid_until,
        "specialties": "、".join(sources.specialty_name(code, on) for code in officer.specialties),
    }


@blp.route("/credit-reports")
@anyone
def ask_for_code() -> Any:
    """Ask for the code of a credit report, or go to the one that was typed."""
    if code := flask.request.args.get("code", "").strip():
        return flask.redirect(flask.url_for(".check_report", code=code[:40]))
    return flask.render_template("public/credit_report_code.html")


@blp.route("/credit-reports/<code>")
@anyone
def check_report(code: str) -> str:
    """Say what a code proves: the report, what of it still stands, what changed since."""
    checked = credit_reports.check_report(code, at=clock.now())
    name, uscc = checked.body["unit"], checked.body["uscc"]
    shown = rules.mask_person(name) if rules.may_be_person(name, uscc) else name
    return flask.render_template(
        "public/credit_report.html",
        checked=checked,
        name=shown,
        period=credit_reports.period_of(checked.report).text(),
        sanctions=credit_reports.sanctions_text,
    )


_FEN: Callable[[int], str] = rules.wan


def _told(row: Publication) -> dict[str, Any]:
    said = row.content or {}
    return {
        "row": row,
        "said": said,
        "withdrawn": row.state == PublicationState.WITHDRAWN,
        "fine": _FEN(said.get("fine_fen", 0)),
        "confiscated": _FEN(said.get("confiscated_fen", 0)),
        "kinds": "、".join(said.get("kinds", [])),
    }
