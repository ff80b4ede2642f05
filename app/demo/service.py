"""Load the demo district: registers, a finished quarter, this quarter's draws, the desk's work."""

from collections.abc import Callable
from datetime import date, timedelta

import sqlalchemy as sa

from app.catalogue.calendars import YearNotPublished, seed_year
from app.catalogue.rules import make_calendar
from app.days import day_begins
from app.db import db, transaction
from app.demo import affairs, joint, quarters, registers
from app.demo.district import generate
from app.errors import Conflict
from app.journal import service as journal
from app.journal.models import Installation
from app.journal.rules import Event
from app.people.models import Agency

SEED = "演示"
Say = Callable[[str], None]


class NotADemo(Conflict):
    code, title = "not-a-demo", "不是演示库"


class DemoUnfinished(Conflict):
    code, title = "demo-unfinished", "演示数据未装载完"


def load(
    *,
    on: date | None,
    today: date,
    units: int = 2000,
    officers: int = 60,
    seed: str = SEED,
    say: Say = print,
) -> bool:
    """Load the demo district as it stands on `on`, by default the quarter's first working day.

    The same seed and day give the same content; the plan of joint visits begins after `today`,
    where that lies in the same quarter. Returns False, having changed nothing, where it is
    loaded already. Raises NotADemo for a database that holds anything else, DemoUnfinished for one
    whose loading was interrupted, DayWithoutChecklists for a day before the catalogue's checklists.
    """
    if _is_loaded():
        return False
    on = on or _first_working_day(today)
    before = _first_working_day(_quarter_before(on))
    quarters.planned_on(before)
    with transaction():
        installation = journal.install(at=day_begins(on))
        installation.demo = True
        db.session.flush()  # the guard below asks the database
    say(f"装载演示数据：{units} 家单位，名录日期 {before}，本季度抽取日 {on}")
    district = generate(seed=seed, on=on, units=units, officers=officers)
    with transaction():
        begins = min(before - timedelta(days=30), date(before.year, 3, 1))
        registers.load(district, at=day_begins(begins), on=before)
    agency_id = db.session.scalars(sa.select(Agency.id).where(Agency.district == "310105")).one()
    say(f"上季度：{quarters.quarter_of(before)} 计划、抽取、检查、公示")
    quarters.plan_year(agency_id, on=before)
    quarters.run_quarter(seed, agency_id, on=before)
    quarters.inspect_quarter(seed, agency_id, on=before)
    say(f"本季度：{quarters.quarter_of(on)} 自动抽取，另有一项现场掷骰的抽取等待录入")
    if on.year != before.year:
        quarters.plan_year(agency_id, on=on)
    quarters.plan_attended(agency_id, on=on)
    quarters.run_quarter(seed, agency_id, on=on)
    say(
        "另有投诉举报两件、协管巡查一次（附线索）、案件四件（当场处罚已结案、普通程序已结案、已告知、待听证）、重点机构全事项检查和联合检查计划一份（待批准）"
    )
    affairs.load(agency_id, on=on)
    joint.load(seed, agency_id, on=on, today=today)
    with transaction():
        journal.record(
            Event.DEMO_LOADED,
            None,
            by=registers.actor_of("admin"),
            at=day_begins(on) + timedelta(hours=17),
            data={"on": on.isoformat(), "units": units},
        )
    return True


def _is_loaded() -> bool:
    found = db.session.scalars(sa.select(Installation)).one_or_none()
    agencies = db.session.scalar(sa.select(sa.func.count()).select_from(Agency)) or 0
    if found is None or (not found.demo and not agencies):
        return False
    if not found.demo:
        raise NotADemo("这个数据库里已有正式数据，不能装载演示数据；请换一个 DATA_DIR 或数据库。")
    if journal.has_event(Event.DEMO_LOADED):
        return True
    if agencies:
        raise DemoUnfinished("上次装载演示数据时被中断；请清空 DATA_DIR（或数据库）后重新装载。")
    return False


def _first_working_day(day: date) -> date:
    """Return the first working day of a quarter; its first day where no calendar is published."""
    first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    try:
        known = [(found.day, found.is_working_day) for found in seed_year(day.year)]
    except YearNotPublished:
        return first
    calendar = make_calendar(known)
    while not calendar.is_working_day(first):
        first += timedelta(days=1)
    return first


def _quarter_before(on: date) -> date:
    return date(on.year, 3 * ((on.month - 1) // 3) + 1, 1) - timedelta(days=1)
