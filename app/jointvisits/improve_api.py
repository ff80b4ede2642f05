"""Improving a plan of joint visits over HTTP: the answer comes when the solver is done."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import marshmallow as ma

from app import clock, entry
from app.access import Role, current_actor, requires
from app.db import stop_reading, transaction
from app.errors import Invalid
from app.fields import Count
from app.jointvisits import improving, service
from app.jointvisits.schemas import JointPlanSchema
from app.jointvisits.showing import show_plan
from app.problems import Blueprint

blp = Blueprint(
    "joint-improvements",
    __name__,
    url_prefix="/joint-plans/<uuid:joint_plan_id>",
    description="联合检查排程优化",
)


class EffortTooGreat(Invalid):
    """Extras: `most_s`."""

    code, title = "effort-too-great", "优化时间过长"


class ImprovementSchema(ma.Schema):
    """How long the solver may look for a better schedule."""

    seconds = Count(1, max=3600, load_default=20)


@blp.route("/improve", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ImprovementSchema)
@blp.response(200, JointPlanSchema)
def improve(data: dict[str, Any], joint_plan_id: UUID) -> SimpleNamespace:
    """优化拟订中的计划：入企次数不变，减少外出次数

    需要安装排程求解组件。没有找到更好的排程时，计划保持原样。
    """
    by, most_s = current_actor(), entry.config().number("IMPROVE_MOST_S")
    if data["seconds"] > most_s:
        raise EffortTooGreat(f"优化时间最长 {most_s} 秒。", most_s=most_s)
    plan = service.get_plan(joint_plan_id, by.agency_id)
    blp.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
    question = improving.read_question(plan, at=clock.now())
    stop_reading()
    made = improving.solve(question, seconds=data["seconds"])
    with transaction():
        plan = service.get_plan(joint_plan_id, by.agency_id)
        blp.check_version(show_plan(plan, at=clock.now()), JointPlanSchema)
        plan = improving.keep_better(plan, question, made, by=by, at=clock.now())
    blp.set_etag(plan.version)
    return show_plan(plan, at=clock.now())
