"""Changes of a draw over HTTP: supervisors propose, a second one confirms, the timetable draws."""

from datetime import date
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.days import local_date
from app.db import transaction
from app.draws import change_queries, changes, confirming, leftovers, proposing, service, topups
from app.draws.change_schemas import (
    DrawChangeQuerySchema,
    DrawChangeSchema,
    DrawFigureSchema,
    NewRedrawSchema,
    NewReplacementSchema,
    NewTopUpSchema,
)
from app.draws.models import DrawChange, DrawPlan
from app.draws.plan_api import INSIDERS, READERS
from app.draws.plan_schemas import DrawPlanSchema
from app.draws.proposing import Skip
from app.draws.schemas import DrawReasonSchema
from app.draws.topups import NewTopUp
from app.problems import Blueprint, Page, PageSchema, page
from app.tasks.models import Task
from app.tasks.schemas import TaskSchema

blp = Blueprint("draw-changes", __name__, url_prefix="/draws", description="抽取变更")
decisions = Blueprint(
    "draw-change-decisions", __name__, url_prefix="/draw-changes", description="抽取变更的办理"
)
APPROVERS = (Role.SUPERVISOR, Role.LEGAL_REVIEWER, Role.ADMINISTRATOR)  # the catalogue says which


@blp.route("/<draw_no>/changes")
@requires(*INSIDERS)
@blp.arguments(DrawChangeQuerySchema, location="query")
@blp.paged(DrawChangeSchema)
def list_changes(query: dict[str, Any], draw_no: str) -> Page[DrawChange]:
    """查询抽取结果的变更：替换、重新抽取人员、改派"""
    draw = service.get_draw(draw_no, current_agency_id())
    statement = change_queries.changes_of(draw.id, state=query.pop("state"), kind=query.pop("kind"))
    return page(statement, DrawChange.id, **query)


@blp.route("/<draw_no>/changes/figure")
@requires(*INSIDERS)
@blp.refuses(409)
@blp.response(200, DrawFigureSchema)
def count_changes(draw_no: str) -> dict[str, Any]:
    """查看人员调整的比例和上限"""
    draw = service.get_draw(draw_no, current_agency_id())
    figure = changes.figure_of(draw, _today())
    return {
        "changed": figure.changed,
        "total": figure.total,
        "cap": list(figure.cap),
        "share": figure.share,
        "kept": figure.kept,
    }


@blp.route("/<draw_no>/replacements", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewReplacementSchema)
@blp.response(201, DrawChangeSchema)
def propose_replacement(data: dict[str, Any], draw_no: str) -> DrawChange:
    """提出以备选单位替换不能检查的单位，须附证据"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        return proposing.propose_replacement(
            draw,
            data["task_id"],
            data["cause"],
            data["note"],
            data["evidence"],
            skips=[Skip(**one) for one in data["skips"]],
            by=current_actor(),
            at=clock.now(),
        )


@blp.route("/<draw_no>/slot-redraws", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewRedrawSchema)
@blp.response(201, DrawChangeSchema)
def propose_redraw(data: dict[str, Any], draw_no: str) -> DrawChange:
    """提出重新抽取一名检查人员"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        return proposing.propose_redraw(
            draw,
            data["task_id"],
            data["officer_id"],
            data["cause"],
            data["note"],
            by=current_actor(),
            at=clock.now(),
        )


@blp.route("/<draw_no>/top-up", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewTopUpSchema)
@blp.response(201, DrawPlanSchema)
def order_top_up(data: dict[str, Any], draw_no: str) -> DrawPlan:
    """备选用完后办理补抽：以未抽中的单位另行抽取，新编号、新公告、新随机数"""
    with transaction():
        draw = service.get_draw(draw_no, current_agency_id())
        return topups.order_top_up(draw, NewTopUp(**data), by=current_actor(), at=clock.now())


@blp.route("/carried-over")
@requires(*READERS)
@blp.arguments(PageSchema, location="query")
@blp.paged(TaskSchema)
def list_all_carried_over(query: dict[str, Any]) -> Page[Task]:
    """查询本机构各次抽取结转的任务：周期已过，尚未办结"""
    return page(leftovers.carried_over(current_agency_id(), _today()), Task.id, **query)


@blp.route("/<draw_no>/carried-over")
@requires(*READERS)
@blp.arguments(PageSchema, location="query")
@blp.paged(TaskSchema)
def list_carried_over(query: dict[str, Any], draw_no: str) -> Page[Task]:
    """查询一次抽取结转的任务：仍计入抽取它的周期"""
    draw = service.get_draw(draw_no, current_agency_id())
    return page(leftovers.carried_over(draw.agency_id, _today(), draw.id), Task.id, **query)


@decisions.route("/<uuid:change_id>")
@requires(*INSIDERS)
@decisions.etag
@decisions.response(200, DrawChangeSchema)
def get_change(change_id: UUID) -> DrawChange:
    """查看一项变更"""
    change = changes.get_change(change_id, current_agency_id())
    decisions.set_etag(change.version)
    return change


@decisions.route("/<uuid:change_id>/confirm", methods=["POST"])
@requires(Role.SUPERVISOR)
@decisions.etag
@decisions.response(200, DrawChangeSchema)
def confirm(change_id: UUID) -> DrawChange:
    """复核同意：由提出人以外、不在检查人员之列的另一名负责人办理

    替换的，备选单位依次递补；重新抽取人员的，由定时任务按签抽取。
    """
    with transaction():
        change = _current(change_id)
        confirming.confirm_change(change, by=current_actor(), at=clock.now())
    return _done(change)


@decisions.route("/<uuid:change_id>/approve", methods=["POST"])
@requires(*APPROVERS)
@decisions.etag
@decisions.arguments(DrawReasonSchema)
@decisions.response(200, DrawChangeSchema)
def approve(data: dict[str, Any], change_id: UUID) -> DrawChange:
    """批准超过上限的人员调整，批准人由目录规定"""
    with transaction():
        change = _current(change_id)
        confirming.approve_change(change, data["reason"], by=current_actor(), at=clock.now())
    return _done(change)


@decisions.route("/<uuid:change_id>/refuse", methods=["POST"])
@requires(Role.SUPERVISOR)
@decisions.etag
@decisions.arguments(DrawReasonSchema)
@decisions.response(200, DrawChangeSchema)
def refuse(data: dict[str, Any], change_id: UUID) -> DrawChange:
    """不同意变更；回避不能拒绝"""
    with transaction():
        change = _current(change_id)
        confirming.refuse_change(change, data["reason"], by=current_actor(), at=clock.now())
    return _done(change)


@decisions.route("/<uuid:change_id>/withdraw", methods=["POST"])
@requires(Role.SUPERVISOR)
@decisions.etag
@decisions.arguments(DrawReasonSchema)
@decisions.response(200, DrawChangeSchema)
def withdraw(data: dict[str, Any], change_id: UUID) -> DrawChange:
    """提出人撤回变更"""
    with transaction():
        change = _current(change_id)
        confirming.withdraw_change(change, data["reason"], by=current_actor(), at=clock.now())
    return _done(change)


def _current(change_id: UUID) -> DrawChange:
    """Return a change on the version the client has seen."""
    change = changes.get_change(change_id, current_agency_id())
    decisions.check_version(change, DrawChangeSchema)
    return change


def _done(change: DrawChange) -> DrawChange:
    decisions.set_etag(change.version)
    return change


def _today() -> date:
    return local_date(clock.now())
