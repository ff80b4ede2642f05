"""Two quarters of the demo district: one finished and published, one drawn this morning.

Everything is done by the services that an office uses. Secrets, deposits and dice derive from the
seed, so that the same seed and day give the same draws; each says 演示.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from PIL import Image, ImageDraw

from app import entry
from app.access import Actor, Role
from app.catalogue import seeds
from app.catalogue import service as catalogue
from app.days import day_begins, local_date
from app.db import db, transaction
from app.demo import casework
from app.demo.chance import Chance
from app.demo.registers import actor_of
from app.documents.rules import Signature
from app.draws import annual_plans, annual_queries, plans, progress, seeding
from app.draws.annual import QUARTERS, Item, Way
from app.draws.annual_plans import NewAnnualPlan
from app.draws.models import DrawPlan
from app.draws.stages import DrawKind, Level, NewPlan
from app.errors import Invalid
from app.evidence import service as evidence
from app.evidence.rules import object_key
from app.people.models import Agency, Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.visits import answering
from app.visits import rules as visit_rules
from app.visits import service as visits
from app.visits.service import Start

STRATA = {
    "公共场所/住宿场所": [10, 100],
    "公共场所/游泳场所": [30, 100],
    "公共场所/美容美发场所": [5, 100],
    "公共场所/沐浴场所": [10, 100],
    "传染病防治/基层医疗机构": [5, 100],
    "传染病防治/二级以上医疗机构": [20, 100],
    "医疗卫生/口腔诊所": [10, 100],
    "生活饮用水/二次供水": [5, 100],
    "学校卫生/中小学校": [20, 100],
}
ATTENDED_STRATA = {"医疗卫生/医疗美容机构": [20, 100]}
_SUPERVISORS = ("310105001", "310105002", "310105003")  # officers who are supervisors as well
_PUNISHED = "lodging"  # in the first visit to one, something is punished on the spot
_CLOSED_SHARE = (1, 25)
_WRONG_SHARE = (1, 30)


class DayWithoutChecklists(Invalid):
    code, title = "day-without-checklists", "这一天没有检查表"


def plan_year(agency_id: UUID, *, on: date) -> None:
    """Publish the plan of the year that the quarter of `on` carries out, in March if that is past.

    Its ratios are those of four quarters. Raises DayWithoutChecklists.
    """
    day = planned_on(on)
    quarters = {name: (min(4 * num, den), den) for name, (num, den) in STRATA.items()}
    once = {name: (num, den) for name, (num, den) in ATTENDED_STRATA.items()}
    items = [
        Item(
            level=DrawKind.DISTRICT,
            stratum=name,
            rule=list(ratio),
            scope="",
            organs=(),
            way=Way.BOTH if name.startswith("生活饮用水") else Way.ON_SITE,
            checklists=(),
            basis="上海市优化营商环境条例；国办发〔2015〕58号",
            periods=QUARTERS if name in quarters else (),
        )
        for name, ratio in {**quarters, **once}.items()
    ]
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        by, at = actor_of("kezhang"), day_begins(day) + timedelta(hours=9)
        data = NewAnnualPlan(on.year, f"{on.year}年度“双随机”抽查计划（演示）", items)
        plan = annual_plans.save_annual_plan(data, agency=agency, by=by, at=at)
        annual_plans.publish_annual_plan(plan, by=by, at=at + timedelta(hours=1))


def planned_on(on: date) -> date:
    """Return the day in March, or the first after it on which there are checklists to plan with.

    Raises DayWithoutChecklists where there are none yet when the quarter of `on` is planned.
    """
    last = on - timedelta(days=12)
    since = min(date.fromisoformat(row["effective_from"]) for row in seeds.rows("checklists"))
    if since > last:
        raise DayWithoutChecklists(
            f"目录中的检查表自 {since} 起有效，不能演示 {quarter_of(on)} 的计划和检查。"
            "请换一个较晚的日期，或先在目录数据（checklists）中补上当时的检查表。",
            since=since.isoformat(),
        )
    return max(since, min(date(on.year, 3, 20), last))


def quarter_of(on: date) -> str:
    """Return the period of a day, `2026-Q4`."""
    return f"{on.year}-Q{(on.month - 1) // 3 + 1}"


def quarter_end(on: date) -> date:
    """Return the last day of the quarter in which a day lies."""
    month = 3 * ((on.month - 1) // 3) + 4
    return (date(on.year + month // 13, (month - 1) % 12 + 1, 1)) - timedelta(days=1)


def _towards_end(on: date, before_end: int, *, after: int) -> date:
    """Return a day so long before the quarter ends; late in it, so many days after `on`."""
    end = quarter_end(on)
    return max(end - timedelta(days=before_end), min(on + timedelta(days=after), end))


def secret(seed: str) -> Callable[[str], bytes]:
    """Return the chance of the demo: 32 bytes by purpose, the same for the same seed."""
    return lambda purpose: hashlib.sha256(f"演示 {seed} {purpose}".encode()).digest()


def quarter_plan(on: date) -> NewPlan:
    """Return the plan of a quarter that is drawn by itself on `on`."""
    return NewPlan(
        name=f"{on.year}年第{(on.month - 1) // 3 + 1}季度区级双随机抽查计划（演示）",
        year=on.year,
        period=quarter_of(on),
        kind=DrawKind.DISTRICT,
        strata=STRATA,
        level=Level.SEALED,
        draw_on=on,
        due_on=_towards_end(on, 10, after=7),
    )


def attended_plan(on: date) -> NewPlan:
    """Return the plan of a campaign whose draw waits for its dice from `on`."""
    return NewPlan(
        name="医疗美容机构专项抽查计划（现场掷骰，演示）",
        year=on.year,
        period=quarter_of(on),
        kind=DrawKind.DISTRICT,
        strata=ATTENDED_STRATA,
        level=Level.ATTENDED,
        draw_on=on,
        due_on=_towards_end(on, 5, after=7),
        dice_until_at=day_begins(_towards_end(on, 14, after=3)) + timedelta(hours=17),
    )


def run_quarter(seed: str, agency_id: UUID, *, on: date) -> None:
    """Plan a quarter, deposit, and let the draw run by itself through its day `on`."""
    morning = day_begins(on) + timedelta(hours=9)
    _save(quarter_plan(on), agency_id, at=morning - timedelta(days=10))
    for login in ("jijian", "fazhi"):
        with transaction():
            value = secret(seed)(f"封存 {quarter_of(on)} {login}")
            agency = db.session.get_one(Agency, agency_id)
            by = actor_of(login)
            seeding.deposit(None, value, agency=agency, by=by, at=morning - timedelta(days=1))
    for hours in (0, 4, 7):
        progress.run_due(at=morning + timedelta(hours=hours), chance=secret(seed))


def plan_attended(agency_id: UUID, *, on: date) -> None:
    """Plan a campaign whose draw waits for its dice."""
    _save(attended_plan(on), agency_id, at=day_begins(on) - timedelta(days=7))


def _save(plan: NewPlan, agency_id: UUID, *, at: datetime) -> DrawPlan:
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        year = annual_queries.annual_plan_in_force(agency_id, plan.year)
        plan = replace(plan, annual_plan_id=None if year is None else year.id)
        return plans.save_plan(plan, agency=agency, by=actor_of("kezhang"), at=at)


def inspect_quarter(seed: str, agency_id: UUID, *, on: date) -> None:
    """Let the teams inspect everything that was drawn in the quarter of `on`, and publish."""
    found = list(
        db.session.scalars(
            sa.select(Task.id)
            .where(Task.agency_id == agency_id, Task.state == TaskState.ASSIGNED)
            .order_by(Task.task_no)
        )
    )
    shut = _shut_door(agency_id, at=day_begins(on) + timedelta(days=20))
    decided = False
    for number, task_id in enumerate(found):
        at = day_begins(on) + timedelta(days=3 + number % 60, hours=9, minutes=7 * (number % 50))
        with transaction():
            task = tasks.get_task(task_id, agency_id)
            chance = Chance(seed, f"visit/{task.task_no}/{quarter_of(on)}")
            if chance.happens(*_CLOSED_SHARE):
                _close(task, shut, at=at)
            else:
                spot = not decided and task.object_class == _PUNISHED
                decided |= spot
                _inspect(task, chance, at=at, spot=spot)
    progress.publish_due(at=day_begins(quarter_end(on) + timedelta(days=1)) + timedelta(hours=9))


def _inspect(task: Task, chance: Chance, *, at: datetime, spot: bool) -> None:
    lead = _officer(task.lead_officer_id)
    by = _acting(lead)
    tasks.accept_task(task.id, officer_id=lead.id, by=by, at=at)
    checklist = catalogue.get_row("checklist", str(task.checklist_code), local_date(at))
    start = Start(
        task_id=task.id,
        unit_id=task.unit_id,
        checklist_code=checklist.code,
        form_version=int(checklist.body["form_version"]),
    )
    common: dict[str, Any] = {"officer_id": lead.id, "by": by}
    for one in (lead, *_colleagues(task, lead)):
        moment: dict[str, Any] = {"recorded_at": at, "at": at}
        visits.start_visit(
            task.visit_id, start, officer_id=one.id, device_id=None, by=_acting(one), **moment
        )
    wrong = 0
    for code in (code for part in checklist.body["sections"] for code in part["items"]):
        at += timedelta(minutes=2)
        result = "no" if chance.happens(*_WRONG_SHARE) and not _needs_photo(code, at) else "yes"
        wrong += result == "no"
        answering.answer_item(
            task.visit_id,
            visit_rules.item_id(code),
            {"result": result, "note": "演示：现场已要求改正。" if result == "no" else ""},
            recorded_at=at,
            at=at,
            **common,
        )
    if spot:
        at += timedelta(minutes=2)
        casework.decide_at_visit(task, lead, at=at)
    outcome = "ordered-to-correct" if wrong or spot else "no-problem"
    done = at + timedelta(minutes=5)
    visits.finish_visit(task.visit_id, outcome, "演示检查。", recorded_at=done, at=done, **common)
    visits.sign_visit(
        task.visit_id, Signature(), device_id=None, recorded_at=done, at=done, **common
    )
    tasks.complete_task(task.id, by=actor_of("kezhang"), at=done + timedelta(days=1))


def _needs_photo(code: str, at: datetime) -> bool:
    row = catalogue.get_row("check_item", code, local_date(at))
    return bool(row.body["on_no"]["photo_required"])


def _close(task: Task, picture: str, *, at: datetime) -> None:
    lead = _officer(task.lead_officer_id)
    tasks.propose_closing(
        task.id, "ceased", "演示：门已关闭，无人经营。", [picture], by=_acting(lead), at=at
    )
    db.session.flush()  # the approval below looks at the proposal
    on_team = {_officer(officer_id).certificate_no for officer_id in task.officer_ids()}
    second = next(number for number in _SUPERVISORS if number not in on_team)
    tasks.approve_closing(task.id, by=actor_of(second), at=at + timedelta(days=2))


def _colleagues(task: Task, lead: Officer) -> list[Officer]:
    """Return who goes along: the law wants two (行政处罚法 第四十二条)."""
    found = [_officer(officer_id) for officer_id in task.officer_ids() if officer_id != lead.id]
    return sorted(found, key=lambda one: one.certificate_no)


def _officer(officer_id: UUID | None) -> Officer:
    return db.session.get_one(Officer, officer_id)


def _acting(officer: Officer) -> Actor:
    by = actor_of(officer.certificate_no)
    return Actor(
        by.kind, by.id, by.agency_id, by.district, frozenset({Role.OFFICER}), officer_id=officer.id
    )


def _shut_door(agency_id: UUID, *, at: datetime) -> str:
    """Store a picture that says what it is, for the tasks that are closed; return its hash."""
    image = Image.new("RGB", (640, 480), (92, 98, 104))
    draw = ImageDraw.Draw(image)
    draw.rectangle((170, 60, 470, 470), fill=(70, 52, 40), outline=(30, 22, 18), width=6)
    draw.text((250, 30), "DEMO / yanshi", fill=(255, 255, 255))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    data = out.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    entry.storage().put_new(object_key(agency_id, sha256), data)
    inspected = evidence.inspect_stored(entry.storage(), agency_id, sha256, mime="image/jpeg")
    with transaction():
        agency = db.session.get_one(Agency, agency_id)
        evidence.record_stored(
            sha256,
            inspected,
            size_bytes=len(data),
            mime="image/jpeg",
            role="photo",
            agency_id=agency_id,
            district=agency.district,
            by=actor_of("kezhang"),
            at=at,
        )
    return sha256
