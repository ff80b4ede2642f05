"""Top-up draws 补抽: a draw of its own over what another one left undrawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from app.access import Actor
from app.draws import change_queries, leftovers, plans
from app.draws.models import Draw, DrawPlan
from app.draws.stages import (
    Coordination,
    DrawKind,
    DrawState,
    HashName,
    JointRole,
    Level,
    NewPlan,
)
from app.draws.steps import DrawStateWrong, lock
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people


class TopUpInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "draw-top-up-invalid", "补抽有误"


@dataclass(frozen=True)
class NewTopUp:
    """How many of which strata are missing, and when they are drawn."""

    strata: Mapping[str, int]
    level: Level
    draw_on: date
    due_on: date
    reason: str


def order_top_up(draw: Draw, data: NewTopUp, *, by: Actor, at: datetime) -> DrawPlan:
    """Plan a draw over the lines that a draw left undrawn: new number, new manifest, new chance.

    Enlarging the first draw with its old seed would let whoever knows it choose the number. While
    the first result is not public the list stays private: the lines missing from it are the drawn
    ones. Raises DrawStateWrong, TopUpInvalid (`errors`), PlanInvalid.
    """
    lock(draw)
    if draw.state not in (DrawState.DRAWN, DrawState.PUBLISHED):
        raise DrawStateWrong("抽取还没有产生结果，不能补抽。", state=draw.state)
    _refuse(draw, data)
    before = draw.plan
    number = len(change_queries.top_ups_of(draw.draw_no)) + 1
    plan = plans.save_plan(
        NewPlan(
            name=f"{before.name[:90]} 补抽{number}",
            year=draw.year,
            period=draw.period,
            kind=DrawKind(before.kind),
            strata=dict(data.strata),
            level=data.level,
            draw_on=data.draw_on,
            due_on=data.due_on,
            weight_factors=tuple(before.weight_factors),
            coordination=Coordination(before.coordination),
            hash=HashName(before.hash),
            list_public=draw.list_public and draw.state == DrawState.PUBLISHED,
            exclusions=tuple(before.exclusions),
            role=None if before.role is None else JointRole(before.role),
            lead_department=before.lead_department,
            partner_departments=tuple(before.partner_departments),
            area=before.area,
            team_size=before.team_size,
            officer_limit=before.officer_limit,
        ),
        agency=people.get_agency(draw.agency_id),
        by=by,
        at=at,
    )
    plan.top_up_of, plan.top_up_reason = draw.draw_no, data.reason
    journal.record(
        Event.DRAW_TOP_UP_ORDERED,
        draw,
        by=by,
        at=at,
        data={"draw_no": draw.draw_no, "plan_id": str(plan.id)},
    )
    return plan


def _refuse(draw: Draw, data: NewTopUp) -> None:
    left = leftovers.eligible_left(draw)
    errors = []
    for name, number in data.strata.items():
        if name not in draw.plan.strata:
            errors.append((name, "原抽取没有这一层。"))
        elif number > left.get(name, 0):
            errors.append((name, f"“{name}”没有抽中的只剩 {left.get(name, 0)} 家可抽。"))
    if errors:
        raise TopUpInvalid(
            "补抽不能办理：" + "".join(detail for _, detail in errors[:3]),
            errors=[{"pointer": f"#/strata/{name}", "detail": detail} for name, detail in errors],
        )
