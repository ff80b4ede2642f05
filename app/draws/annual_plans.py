"""The year's plan: drafted, published by the end of March, revised; how far its year has come."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, savepoint
from app.draws import annual, annual_queries, freezing, stages
from app.draws.annual import Item
from app.draws.models import AnnualPlan
from app.draws.stages import AnnualState
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency


class AnnualPlanNotFound(NotFound):
    code, title = "annual-plan-not-found", "未找到年度抽查计划"


class AnnualPlanInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "annual-plan-invalid", "年度抽查计划有误"


class AnnualPlanTaken(Conflict):
    code, title = "annual-plan-taken", "本年度已有抽查计划"


class AnnualPlanStateWrong(Conflict):
    """`state`: where the plan stands."""

    code, title = "annual-plan-state-wrong", "年度抽查计划状态不允许此操作"


class NewAnnualPlan(NamedTuple):
    """What a supervisor plans for a year."""

    year: int
    title: str
    items: Sequence[Item]
    note: str | None = None


class ItemProgress(NamedTuple):
    """An item with its base and number (live before publication) and how far it has come."""

    item: Item
    drawn: int
    completed: int


class Late(NamedTuple):
    """An agency whose plan of a year was not public by the day the law names."""

    agency_id: UUID
    agency: str
    district: str
    year: int
    due_on: date


# ---- verbs ---------------------------------------------------------------------------------------


def get_annual_plan(plan_id: UUID, agency_id: UUID | None) -> AnnualPlan:
    """Return a year's plan of an agency. Raises AnnualPlanNotFound, also for a foreign one."""
    plan = db.session.get(AnnualPlan, plan_id)
    if plan is None or plan.agency_id != agency_id:
        raise AnnualPlanNotFound("没有这个年度抽查计划，或它不属于本机构。")
    return plan


def save_annual_plan(data: NewAnnualPlan, *, agency: Agency, by: Actor, at: datetime) -> AnnualPlan:
    """Draft the first plan of a year. Raises AnnualPlanInvalid (`errors`) and AnnualPlanTaken."""
    plan = AnnualPlan(
        agency_id=agency.id, district=agency.district, revision=1, state=AnnualState.DRAFT
    )
    _write(plan, data, agency, by=by, at=at)
    return _added(plan, by=by, at=at)


def change_annual_plan(
    plan: AnnualPlan, data: NewAnnualPlan, *, agency: Agency, by: Actor, at: datetime
) -> AnnualPlan:
    """Replace a draft; its year stays. Raises AnnualPlanStateWrong and AnnualPlanInvalid."""
    _expect(plan, AnnualState.DRAFT, "只有草案可以修改；已公布的计划请修订。")
    if data.year != plan.year:
        _refuse([stages.Fault("year", "计划的年度不能修改。")])
    _write(plan, data, agency, by=by, at=at)
    _record(Event.ANNUAL_PLAN_SAVED, plan, by=by, at=at)
    return plan


def publish_annual_plan(plan: AnnualPlan, *, by: Actor, at: datetime) -> AnnualPlan:
    """Publish a draft with the bases of this day; the revision before it is superseded.

    Raises AnnualPlanStateWrong.
    """
    _expect(plan, AnnualState.DRAFT, "只有草案可以公布。")
    before = annual_queries.annual_plan_in_force(plan.agency_id, plan.year)
    if before is not None:
        before.state = AnnualState.SUPERSEDED
        db.session.flush()  # of each year one revision is in force
        _record(Event.ANNUAL_PLAN_SUPERSEDED, before, by=by, at=at)
    plan.items = [item.as_json() for item in _with_bases(plan, local_date(at))]
    plan.state = AnnualState.PUBLISHED
    plan.published_at, plan.published_by_kind, plan.published_by_id = at, str(by.kind), by.id
    _record(Event.ANNUAL_PLAN_PUBLISHED, plan, by=by, at=at)
    return plan


def revise_annual_plan(plan: AnnualPlan, reason: str, *, by: Actor, at: datetime) -> AnnualPlan:
    """Return a new draft with the items of a published plan, which stays in force until then.

    Raises AnnualPlanStateWrong, and AnnualPlanTaken while another draft is in the making.
    """
    _expect(plan, AnnualState.PUBLISHED, "只有已公布的计划可以修订。")
    revised = AnnualPlan(
        agency_id=plan.agency_id,
        district=plan.district,
        year=plan.year,
        revision=plan.revision + 1,
        title=plan.title,
        note=plan.note,
        revision_reason=reason,
        items=[replace(item, listed=None, planned=None).as_json() for item in items_of(plan)],
        state=AnnualState.DRAFT,
    )
    _stamp_saved(revised, by=by, at=at)
    return _added(revised, by=by, at=at)


def _added(plan: AnnualPlan, *, by: Actor, at: datetime) -> AnnualPlan:
    try:
        with savepoint():
            db.session.add(plan)
    except IntegrityError as error:
        raise AnnualPlanTaken(
            f"{plan.year} 年度已有计划或正在拟订的草案，请修改草案，或修订已公布的计划。"
        ) from error
    _record(Event.ANNUAL_PLAN_SAVED, plan, by=by, at=at)
    return plan


def _expect(plan: AnnualPlan, state: AnnualState, detail: str) -> None:
    if plan.state != state:
        raise AnnualPlanStateWrong(detail, state=plan.state)


def _write(
    plan: AnnualPlan, data: NewAnnualPlan, agency: Agency, *, by: Actor, at: datetime
) -> None:
    on = _day_of(data.year, at)
    items = [_whole(item, agency, on) for item in data.items]
    found = annual.faults(items) + _unknown(items, on)
    if found:
        _refuse(found)
    plan.year, plan.title, plan.note = data.year, data.title, data.note
    plan.items = [item.as_json() for item in items]
    _stamp_saved(plan, by=by, at=at)


def _stamp_saved(plan: AnnualPlan, *, by: Actor, at: datetime) -> None:
    plan.saved_at, plan.saved_by_kind, plan.saved_by_id = at, str(by.kind), by.id


def _day_of(year: int, at: datetime) -> date:
    """Return the day whose catalogue counts for a year's plan: today, or the year's first day."""
    return max(local_date(at), date(year, 1, 1))


def _whole(item: Item, agency: Agency, on: date) -> Item:
    """Return an item with what it leaves open: who inspects, whom, and by which checklists."""
    codes = freezing.stratum_codes({item.stratum}, on)
    return replace(
        item,
        scope=item.scope or f"本辖区在册的“{item.stratum}”单位",
        organs=tuple(item.organs) or (agency.name,),
        checklists=tuple(item.checklists) or _checklists(codes.get(item.stratum), on),
    )


def _checklists(code: Any, on: date) -> tuple[str, ...]:
    if code is None:
        return ()
    return tuple(
        row.code
        for row in catalogue.in_force("checklist", on)
        if row.body["specialty"] == code.specialty
        and (code.object_class is None or code.object_class in row.body["object_classes"])
    )


def _unknown(items: Sequence[Item], on: date) -> list[stages.Fault]:
    """What the catalogue does not know, and what it knows without a basis in law."""
    codes = freezing.stratum_codes({item.stratum for item in items}, on)
    lists = {row.code: row for row in catalogue.in_force("checklist", on)}
    basis = {row.code: bool(row.body["basis"]) for row in catalogue.in_force("check_item", on)}
    factors = {one.field: one.weights for one in freezing.factors_on(None, on)}
    found = []
    for number, item in enumerate(items):
        name = f"items/{number}"
        if item.stratum not in codes:
            found.append(stages.Fault(f"{name}/stratum", "目录中没有这个专业或对象类别。"))
        for code in item.checklists:
            if code not in lists:
                found.append(stages.Fault(f"{name}/checklists", f"目录中没有检查表“{code}”。"))
            elif _without_basis(lists[code].body, basis):
                detail = f"检查表“{code}”含有没有法律依据的检查项目，不能列入计划。"
                found.append(stages.Fault(f"{name}/checklists", detail))
        if item.factor is not None:
            grades = factors.get(item.factor, {})
            if not grades or not set(item.rule) <= set(grades):
                detail = "目录中没有这种等级的权重，或没有其中某一级。"
                found.append(stages.Fault(f"{name}/factor", detail))
    return found


def _without_basis(body: Mapping[str, Any], basis: Mapping[str, bool]) -> bool:
    codes = [code for part in body["sections"] for code in part["items"]]
    return not all(basis.get(code, False) for code in codes)


def _refuse(faults: Sequence[stages.Fault]) -> None:
    raise AnnualPlanInvalid(
        "年度抽查计划有误，没有保存：" + "".join(dict.fromkeys(one.detail for one in faults)),
        errors=[{"pointer": f"#/{one.field}", "detail": one.detail} for one in faults],
    )


def _record(event: Event, plan: AnnualPlan, *, by: Actor, at: datetime) -> None:
    data = {
        "year": plan.year,
        "revision": plan.revision,
        "items": len(plan.items),
        "state": plan.state,
    }
    journal.record(event, plan, by=by, at=at, data=data)


# ---- reading -------------------------------------------------------------------------------------


def items_of(plan: AnnualPlan) -> list[Item]:
    return [annual.read_item(one) for one in plan.items]


def _with_bases(plan: AnnualPlan, on: date) -> list[Item]:
    """Return the items with their bases and numbers as the register is now."""
    items = items_of(plan)
    day = max(on, date(plan.year, 1, 1))
    codes = freezing.stratum_codes({item.stratum for item in items}, day)
    bases = annual.count_bases(items, codes, freezing.plain_rows(plan.agency_id))
    sources = freezing.sources_on(day)
    unrated = catalogue.setting("unrated-class", day)
    return [
        replace(
            item,
            listed=base.listed,
            planned=annual.planned(item.rule, base, of=of, unrated=unrated.get(of)),
        )
        for item, base in zip(items, bases, strict=True)
        for of in (sources.get(item.factor or ""),)
    ]


def progress_of(plan: AnnualPlan, *, at: datetime) -> list[ItemProgress]:
    """Return every item with what was drawn and completed in its year; a draft's bases are live."""
    published = plan.published_at is not None
    items = items_of(plan) if published else _with_bases(plan, local_date(at))
    done = annual.progress(items, _rows(plan))
    return [ItemProgress(item, *one) for item, one in zip(items, done, strict=True)]


def _rows(plan: AnnualPlan) -> list[annual.Row]:
    """Return what the year's drawn and given tasks came to, by the names of the catalogue."""
    on = date(plan.year, 12, 31)
    specialties = {row.code: row.body["name"] for row in catalogue.in_force("specialty", on)}
    classes = {row.code: row.body["stratum"] for row in catalogue.in_force("object_class", on)}
    return [
        annual.Row(
            row.level,
            specialties.get(row.specialty, row.specialty),
            classes.get(row.object_class or ""),
            row.drawn,
            row.completed,
        )
        for row in annual_queries.tasks_by_stratum(plan.agency_id, plan.year)
    ]


def departures_of(
    plan: AnnualPlan, wanted: Sequence[annual.Wanted], *, level: str, period: str, at: datetime
) -> list[annual.Warned]:
    """Return in what a draw departs from the year's plan that is in force; never a refusal."""
    in_force = annual_queries.annual_plan_in_force(plan.agency_id, plan.year) or plan
    rows = progress_of(in_force, at=at)
    found = annual.departures(
        [row.item for row in rows],
        [annual.Done(row.drawn, row.completed) for row in rows],
        wanted,
        level=level,
        period=period,
    )
    if in_force.published_at is None:
        detail = f"{plan.year} 年度抽查计划尚未公布。"
        found.insert(0, annual.Warned("annual-plan-not-published", "", detail))
    return found


def publish_by(year: int) -> date | None:
    """Return the last day for publishing a year's plan, or None where the catalogue names none."""
    try:
        value = catalogue.setting("plan-publish-by", date(year, 1, 1))
    except catalogue.CatalogueRowMissing:
        return None
    return annual.due_on(year, str(value))


def is_late(plan: AnnualPlan, *, at: datetime) -> bool:
    """Tell whether the year's first plan was not public by the day the law names."""
    due = publish_by(plan.year)
    if due is None:
        return False
    first = annual_queries.first_published_at(plan.agency_id, plan.year)
    return local_date(at if first is None else first) > due


def plans_late(on: date) -> list[Late]:
    """Return the agencies that draw here and whose plan of the year is not public in time.

    An agency counts once it has saved any plan; one that only keeps registers plans elsewhere.
    """
    due = publish_by(on.year)
    if due is None or on <= due:
        return []
    return [
        Late(agency.id, agency.name, agency.district, on.year, due)
        for agency in annual_queries.agencies_without_annual_plan(on.year)
    ]
