"""Plans: what is to be drawn in a period, saved, changed, withdrawn, ordered anew."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app import entry
from app.access import Actor
from app.catalogue import service as catalogue
from app.db import db, savepoint
from app.draws import annual_queries, freezing, population, queries, rules, stages
from app.draws.models import DrawPlan
from app.draws.population import Exclusion
from app.draws.rules import Factor, PlanIncomplete
from app.draws.stages import DrawKind, DrawState, JointRole, Level, NewPlan, PlanState
from app.draws.steps import void
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency

DRAWN_THIS_YEAR = str(Exclusion.DRAWN_THIS_YEAR)


class PlanNotFound(NotFound):
    code, title = "draw-plan-not-found", "未找到抽查计划"


class PlanInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "draw-plan-invalid", "抽查计划有误"


class PlanTaken(Conflict):
    code, title = "draw-plan-taken", "同周期已有同名计划"


class PlanInUse(Conflict):
    """`draw_no`, `state`: the draw that was made from the plan."""

    code, title = "draw-plan-in-use", "计划已经用于抽取"


class BeaconOff(Conflict):
    code, title = "beacon-off", "没有开启信标式抽取"


def get_plan(plan_id: UUID, agency_id: UUID | None) -> DrawPlan:
    """Return a plan of an agency. Raises PlanNotFound, also for a foreign one."""
    plan = queries.find_plan(plan_id)
    if plan is None or plan.agency_id != agency_id:
        raise PlanNotFound("没有这个抽查计划，或它不属于本机构。")
    return plan


def save_plan(data: NewPlan, *, agency: Agency, by: Actor, at: datetime) -> DrawPlan:
    """Plan a draw; what the plan leaves open takes its default from the day of the draw.

    Raises PlanInvalid (`errors`) and PlanTaken.
    """
    plan = DrawPlan(agency_id=agency.id, district=agency.district, state=PlanState.ACTIVE)
    _write_plan(plan, data, by=by, at=at)
    try:
        with savepoint():
            db.session.add(plan)
    except IntegrityError as error:
        raise PlanTaken("同一周期已有同名的抽查计划，请换一个名称。") from error
    _record_plan(plan, by=by, at=at)
    return plan


def change_plan(plan: DrawPlan, data: NewPlan, *, by: Actor, at: datetime) -> DrawPlan:
    """Replace a plan that nothing was frozen from. Raises PlanInUse, PlanInvalid, PlanTaken.

    A top-up is not changed: what it may draw and show follows from the draw that it completes.
    """
    _refuse_used(plan)
    if plan.top_up_of is not None:
        raise PlanInUse("补抽计划不能修改，请撤回后重新办理补抽。", draw_no=plan.top_up_of)
    if plan.given_list_id is not None:  # whom it is about is not the plan's to say
        data = replace(
            data,
            given_list_id=plan.given_list_id,
            year=plan.year,
            period=plan.period,
            kind=DrawKind(plan.kind),
            role=None if plan.role is None else JointRole(plan.role),
            lead_department=plan.lead_department,
            partner_departments=tuple(plan.partner_departments),
            area=plan.area,
            annual_plan_id=None,
            strata=plan.strata,
            weight_factors=(),
        )
    try:
        with savepoint():
            _write_plan(plan, data, by=by, at=at)
    except IntegrityError as error:
        raise PlanTaken("同一周期已有同名的抽查计划，请换一个名称。") from error
    _record_plan(plan, by=by, at=at)
    return plan


def withdraw_plan(plan: DrawPlan, reason: str, *, by: Actor, at: datetime) -> DrawPlan:
    """Take a plan back before anything is frozen from it. Raises PlanInUse."""
    _refuse_used(plan)
    plan.state = PlanState.WITHDRAWN
    for draw in queries.draws_of_plan(plan.id):
        if draw.state == DrawState.PLANNED:
            void(draw, f"计划撤回：{reason}", by=by, at=at)
    _record_plan(plan, by=by, at=at)
    return plan


def order_redraw(plan: DrawPlan, reason: str, *, by: Actor, at: datetime) -> DrawPlan:
    """Let a plan whose draw is void be drawn again: new number, new manifest, new chance.

    Nothing draws again by itself: a person says so and why. Raises PlanInUse.
    """
    drawn = queries.draws_of_plan(plan.id)
    if not drawn or drawn[-1].state != DrawState.VOID or plan.state != PlanState.ACTIVE:
        raise PlanInUse("只有抽取作废的计划才能重新抽取。")
    plan.redraw_ordered_at, plan.redraw_ordered_by_kind = at, str(by.kind)
    plan.redraw_ordered_by_id, plan.redraw_reason = by.id, reason
    _record_plan(plan, by=by, at=at)
    return plan


def is_due(plan: DrawPlan, on: date) -> bool:
    """Tell whether a plan has to be drawn now: its day has come and nothing was drawn from it.

    After a void draw it is due only when somebody ordered it anew since.
    """
    if plan.state != PlanState.ACTIVE or plan.draw_on > on:
        return False
    drawn = queries.draws_of_plan(plan.id)
    if not drawn:
        return True
    last = drawn[-1]
    ordered = plan.redraw_ordered_at
    return (
        last.state == DrawState.VOID
        and last.voided_at is not None
        and ordered is not None
        and ordered >= last.voided_at
    )


def _refuse_beacon(sources: Sequence[str]) -> None:
    """Refuse a beacon where the operator did not allow it, or one that promises too little."""
    if not entry.config().number("BEACON_DRAWS"):
        raise BeaconOff("本机没有开启信标式抽取（BEACON_DRAWS），请改用现场式或封存式。")
    rules.check_sources(sources)


def _write_plan(plan: DrawPlan, data: NewPlan, *, by: Actor, at: datetime) -> None:
    faults = stages.faults(data)
    exclusions, wrong = _exclusions(data)
    faults += wrong
    if data.annual_plan_id is not None:
        annual = annual_queries.find_annual_plan(data.annual_plan_id)
        if annual is None or (annual.agency_id, annual.year) != (plan.agency_id, data.year):
            detail = "本机构没有这个年度抽查计划，或它属于其他年度。"
            faults.append(stages.Fault("annual_plan_id", detail))
    codes = freezing.stratum_codes(data.strata, data.draw_on)
    faults += [
        stages.Fault(f"strata/{name}", "目录中没有这个专业或对象类别。")
        for name in data.strata
        if name not in codes
    ]
    factors = freezing.factors_on(None, data.draw_on)
    faults += _grade_faults(data, factors)
    known = {factor.field for factor in factors}
    faults += [
        stages.Fault("weight_factors", f"目录中没有“{name}”的权重。")
        for name in data.weight_factors
        if name not in known
    ]
    if faults:
        raise PlanInvalid(
            "抽查计划有误，没有保存：" + "".join(dict.fromkeys(one.detail for one in faults)),
            errors=[{"pointer": f"#/{one.field}", "detail": one.detail} for one in faults],
        )
    if data.level is Level.BEACON:
        _refuse_beacon(data.beacon)
    reveal = str(catalogue.setting("reveal-default", data.draw_on))
    given = vars(stages.with_defaults(data, reveal))
    for name in given.keys() - {"exclude_drawn"}:
        setattr(plan, name, given[name])
    plan.exclusions, plan.partner_departments = exclusions, list(data.partner_departments)
    plan.beacon = list(data.beacon)
    plan.strata = {
        name: list(rule) if isinstance(rule, tuple) else rule for name, rule in data.strata.items()
    }
    plan.weight_factors = list(data.weight_factors)
    plan.saved_at, plan.saved_by_kind, plan.saved_by_id = at, str(by.kind), by.id


def _grade_faults(data: NewPlan, factors: Sequence[Factor]) -> list[stages.Fault]:
    """What keeps ratios by grade from becoming ratios by weight, with today's rule table."""
    chosen = [one for one in factors if one.field in data.weight_factors]
    found = []
    for name, rule in data.strata.items():
        if stages.is_graded(rule) and len(chosen) == 1:
            try:
                population.by_weight({name: rule}, chosen)
            except PlanIncomplete as error:
                found.append(stages.Fault(f"strata/{name}", error.detail))
    return found


def _exclusions(data: NewPlan) -> tuple[list[str], list[stages.Fault]]:
    """Return which exclusions a plan applies, in the catalogue's order, and what is wrong."""
    rows = catalogue.in_force("draw_exclusion", data.draw_on)
    chosen = data.exclusions
    if chosen is None:
        chosen = tuple(row.code for row in rows if row.body["default"])
    wrong = [
        stages.Fault("exclusions", f"目录中没有“{code}”这一排除规则。")
        for code in sorted(set(chosen) - {row.code for row in rows})
    ]
    codes = set(chosen) | {row.code for row in rows if row.body["required"]}
    if data.exclude_drawn is not None:
        if data.exclusions is not None and data.exclude_drawn != (DRAWN_THIS_YEAR in chosen):
            detail = "exclude_drawn 与 exclusions 不一致，请只填一项。"
            wrong.append(stages.Fault("exclude_drawn", detail))
        codes = codes | {DRAWN_THIS_YEAR} if data.exclude_drawn else codes - {DRAWN_THIS_YEAR}
    return [row.code for row in rows if row.code in codes], wrong


def _record_plan(plan: DrawPlan, *, by: Actor, at: datetime) -> None:
    data = {
        "period": plan.period,
        "kind": plan.kind,
        "level": plan.level,
        "draw_on": plan.draw_on.isoformat(),
        "state": plan.state,
        "exclusions": list(plan.exclusions),
        "annual_plan_id": None if plan.annual_plan_id is None else str(plan.annual_plan_id),
        "redraw": plan.redraw_ordered_at is not None,
    }
    journal.record(Event.DRAW_PLAN_SAVED, plan, by=by, at=at, data=data)


def _refuse_used(plan: DrawPlan) -> None:
    for draw in queries.draws_of_plan(plan.id):
        if draw.state != DrawState.PLANNED:
            raise PlanInUse(
                f"计划已经用于抽取 {draw.draw_no}，不能再修改；如需重抽，请先作废该次抽取。",
                draw_no=draw.draw_no,
                state=draw.state,
            )
