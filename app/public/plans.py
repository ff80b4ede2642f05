"""The public pages of years' plans: who means to inspect whom, how, for what and what share."""

from collections.abc import Mapping
from typing import Any

import flask
from flask import Blueprint

from app import canonical, clock
from app.access import anyone
from app.catalogue import service as catalogue
from app.days import local_date
from app.draws import annual, annual_plans, annual_queries, stages
from app.draws.annual_plans import ItemProgress
from app.draws.models import AnnualPlan
from app.errors import DomainError, NotFound
from app.people import service as people
from app.public.pages import show_failure

blp = Blueprint("public_plans", __name__, template_folder="templates", url_prefix="/public/plans")
blp.register_error_handler(DomainError, show_failure)

YEARS = range(2020, 2100)


class YearPlanNotPublic(NotFound):
    code, title = "year-plan-not-public", "没有公布的年度抽查计划"


@blp.route("")
@anyone
def list_plans() -> str:
    """List the published plans of every year and district, newest first."""
    found = annual_queries.published_annual_plans()
    return flask.render_template("public/plans.html", plans=[_headline(plan) for plan in found])


@blp.route("/<district>/<int:year>")
@anyone
def show_plan(district: str, year: int) -> str:
    """Show what the agencies of a district published for a year."""
    found = _published(district, year)
    return flask.render_template(
        "public/plan.html",
        district=district,
        year=year,
        publish_by=annual_plans.publish_by(year),
        plans=[{**_headline(plan), "items": _items(plan)} for plan in found],
    )


@blp.route("/<district>/<int:year>.json")
@anyone
def send_plan(district: str, year: int) -> flask.Response:
    """Send the same for programs."""
    found = _published(district, year)
    body = {
        "district": district,
        "year": year,
        "publish_by": _day(annual_plans.publish_by(year)),
        "plans": [
            {
                "agency": one["agency"],
                "title": one["plan"].title,
                "revision": one["plan"].revision,
                "revision_reason": one["plan"].revision_reason,
                "note": one["plan"].note,
                "published_at": canonical.instant(one["plan"].published_at),
                "late": one["late"],
                "items": [
                    {**row.item.as_json(), "drawn": row.drawn, "completed": row.completed}
                    for row in annual_plans.progress_of(one["plan"], at=clock.now())
                ],
            }
            for one in map(_headline, found)
        ],
    }
    response = flask.jsonify(body)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


def _published(district: str, year: int) -> list[AnnualPlan]:
    found = annual_queries.published_annual_plans(district, year) if year in YEARS else []
    if not found:
        raise YearPlanNotPublic("这个地区没有公布这一年度的抽查计划，请核对链接。")
    return list(found)


def _headline(plan: AnnualPlan) -> dict[str, Any]:
    return {
        "plan": plan,
        "agency": people.get_agency(plan.agency_id).name,
        "late": annual_plans.is_late(plan, at=clock.now()),
    }


def _items(plan: AnnualPlan) -> list[dict[str, Any]]:
    names = {
        row.code: row.body["name"]
        for row in catalogue.in_force("checklist", local_date(plan.published_at or plan.saved_at))
    }
    return [_item(row, names) for row in annual_plans.progress_of(plan, at=clock.now())]


def _item(row: ItemProgress, names: Mapping[str, str]) -> dict[str, Any]:
    item = row.item
    return {
        "row": row,
        "item": item,
        "kind": stages.KIND_NAMES[item.level],
        "way": annual.WAY_NAMES[item.way],
        "rule": stages.describe_rule(item.rule),
        "checklists": [names.get(code, code) for code in item.checklists],
        "periods": "、".join(f"第{quarter[1:]}季度" for quarter in item.periods) or "全年",
        "role": None if item.role is None else stages.ROLE_NAMES[item.role],
    }


def _day(day: Any) -> str | None:
    return None if day is None else str(day)
