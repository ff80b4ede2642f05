"""Officers for a given list: the units are said, who goes there is drawn like everything else."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.access import Actor
from app.catalogue import service as catalogue
from app.draws import plans, queries
from app.draws.models import DrawPlan
from app.draws.stages import (
    DrawKind,
    DrawState,
    Fallback,
    HashName,
    JointRole,
    Level,
    NewPlan,
    PlanState,
)
from app.errors import Conflict
from app.lists import queries as list_queries
from app.lists import service as lists
from app.lists.models import GivenList
from app.people.models import Agency

_NAME = 80  # characters of a list's name in that of its plan
_ENDED = (DrawState.DRAWN, DrawState.PUBLISHED)


class NothingToAssign(Conflict):
    code, title = "given-list-nothing-to-assign", "没有待分派的任务"


class OfficerDrawUnderWay(Conflict):
    """`plan_id`: the plan by which the list's officers are being drawn."""

    code, title = "officer-draw-under-way", "检查人员正在抽取"


@dataclass(frozen=True)
class OfficerDraw:
    """How the officers are drawn; what is None takes the default of a plan."""

    level: Level
    draw_on: date
    due_on: date | None = None
    hash: HashName = HashName.SHA256
    deposits_close_at: datetime | None = None
    opens_at: datetime | None = None
    dice_until_at: datetime | None = None
    reveal: str | None = None
    team_size: int = 2
    officer_limit: int | None = None
    fallback: Fallback = Fallback.NONE


def plan_officers(
    found: GivenList, wanted: OfficerDraw, *, agency: Agency, by: Actor, at: datetime
) -> DrawPlan:
    """Plan the draw of officers for every task of a list that nobody was sent for yet.

    The plan's units are those tasks' as they are at the freeze; all of them are taken, so that
    chance decides the teams alone. Raises NothingToAssign, OfficerDrawUnderWay, PlanInvalid, and
    what saving a plan raises.
    """
    lists.open_list(found)
    pending = list_queries.pending_tasks(found.id)
    if not pending:
        raise NothingToAssign("名单没有待分派的任务，请先生成任务。")
    earlier = queries.plans_of_list(found.id)
    for plan in earlier:
        if _is_under_way(plan):
            raise OfficerDrawUnderWay(
                "该名单的检查人员正在抽取，结果产生之后才能再抽。", plan_id=plan.id
            )
    names = {row.code: row.body["name"] for row in catalogue.in_force("specialty", wanted.draw_on)}
    specialties = {one.specialty for one in pending} & names.keys()
    values: dict[str, Any] = dict(vars(wanted))
    stated = [one.due_on for one in pending if one.due_on is not None]
    values["due_on"] = wanted.due_on or max(stated, default=found.due_on)
    if values["due_on"] is None:
        detail = "名单没有任务期限，请填写检查人员执法证须有效到哪一天。"
        raise plans.PlanInvalid(detail, errors=[{"pointer": "#/due_on", "detail": detail}])
    again = f"（第{len(earlier) + 1}次）" if earlier else ""
    return plans.save_plan(
        NewPlan(
            **values,
            name=f"{found.name[:_NAME]}检查人员{again}",
            year=found.year,
            period=found.period,
            kind=DrawKind(found.level),
            strata={names[code]: [1, 1] for code in sorted(specialties)},
            weight_factors=(),
            **_joint(found),
            given_list_id=found.id,
        ),
        agency=agency,
        by=by,
        at=at,
    )


def _joint(found: GivenList) -> dict[str, Any]:
    """Return what a plan says of the departments of a cross-department list."""
    if found.level != DrawKind.CROSS_DEPARTMENT:
        return {}
    return {
        "role": JointRole(found.role),
        "lead_department": found.lead_department,
        "partner_departments": tuple(found.partner_departments),
        "area": found.field,
    }


def _is_under_way(plan: DrawPlan) -> bool:
    """Tell whether a plan may still send officers somewhere."""
    if plan.state != PlanState.ACTIVE:
        return False
    drawn = queries.draws_of_plan(plan.id)
    return not drawn or drawn[-1].state not in (*_ENDED, DrawState.VOID)
