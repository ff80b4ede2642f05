"""What waits to be planned, and what a stored plan holds, in the words of the rules."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.catalogue import service as catalogue
from app.days import local_date
from app.errors import Invalid
from app.jointvisits import queries, takeover
from app.jointvisits.changing import entry_of
from app.jointvisits.models import JointPlan, JointVisit, JointVisitTask
from app.jointvisits.rules import (
    IN_PLAN,
    Capacity,
    OpenTask,
    Pin,
    Schedule,
    Visit,
    VisitState,
    Window,
)
from app.jointvisits.takeover import Fixed, Scope
from app.jointvisits.windows import YearMissing, number_of, window_of, working_days
from app.people import service as people

OVERDUE_DAYS = "joint-overdue-days"
LONGEST = timedelta(days=184)  # half a year


class JointPlanInvalid(Invalid):
    """`reason`: `calendar-2027-missing` where a year's working days are not known."""

    code, title = "joint-plan-invalid", "联合检查计划有误"


@dataclass(frozen=True)
class NewPlan:
    """What is to be planned: a period, what can be done in a day, and whom it is about.

    `keep_pins`: what people fixed by hand in the plans before stays so.
    """

    first_on: date
    last_on: date
    teams: int
    visits_each: int
    unit_ids: tuple[UUID, ...] = ()
    zones: tuple[str, ...] = ()
    keep_pins: bool = True


@dataclass(frozen=True)
class Problem:
    """What a schedule has to solve: days by number, tasks with their windows, what a day holds.

    `due` has the last day of each task, by its id; `pins` what people put on their days, `first`
    the first day that is not over. `fixed` is what a new plan found in those before.
    """

    days: tuple[date, ...]
    tasks: tuple[OpenTask, ...]
    capacity: Capacity
    due: Mapping[str, date | None] = field(default_factory=dict)
    pins: tuple[Pin, ...] = ()
    first: int = 0
    fixed: tuple[Fixed, ...] = ()

    def is_overdue(self, task: OpenTask) -> bool:
        """Tell whether the last day of a task is over before the first day."""
        due_on = self.due.get(task.id)
        return due_on is not None and due_on < self.days[0]


def read_open(new: NewPlan, *, agency_id: UUID, at: datetime) -> Problem:
    """Gather every task that waits, whatever its specialty and origin, for a plan of a period.

    Days up to today are over. What is fixed keeps its day, also where it breaks a window. Raises
    JointPlanInvalid (no days, too many, a year without calendar, units of others).
    """
    days = days_of(new.first_on, new.last_on, at=at)
    own = {unit.id for unit in queries.units_by_id(new.unit_ids) if unit.agency_id == agency_id}
    if strange := set(new.unit_ids) - own:
        detail = "有的单位不存在，或不属于本机构。"
        raise JointPlanInvalid(detail, units=sorted(str(one) for one in strange))
    soon = int(catalogue.setting(OVERDUE_DAYS, local_date(at)))
    waiting = queries.waiting(agency_id, unit_ids=new.unit_ids, zones=new.zones)
    fixed: list[Fixed] = []
    if new.keep_pins:
        ids = {one.id for one in waiting}
        scope = Scope(days, local_date(at), new.unit_ids, new.zones, ids)
        fixed = takeover.fixed_before(agency_id, scope)
    pins = tuple(pin for one in fixed if (pin := one.pin(days)) is not None)
    held = {task for pin in pins for task in pin.tasks}
    found = []
    for one in waiting:
        window = window_of(days, one.due_on, overdue_days=soon, from_on=one.from_on)
        if window is None and str(one.id) in held:
            window = Window(len(days) - 1, len(days) - 1)  # the nearest day that it could have
        if window is not None:  # else it may be planned in a later period
            found.append((one, window))
    department = people.get_agency(agency_id).name
    tasks = tuple(
        OpenTask(
            id=str(one.id),
            unit=str(one.unit_id),
            zone=one.zone,
            specialty=one.specialty,
            department=department,
            window=window,
        )
        for one, window in found
    )
    due = {str(one.id): one.due_on for one, _ in found}
    capacity = Capacity(new.teams, new.visits_each)
    return Problem(tuple(days), tasks, capacity, due, pins, fixed=tuple(fixed))


def days_of(first_on: date, last_on: date, *, at: datetime) -> list[date]:
    """Return the working days of a period that are to come. Raises JointPlanInvalid."""
    if last_on < first_on:
        raise JointPlanInvalid("截止日期不能早于起始日期。")
    first = max(first_on, local_date(at) + timedelta(days=1))
    if last_on > first + LONGEST:
        raise JointPlanInvalid("一个计划最长半年，请分期安排。")
    try:
        days = working_days(first, last_on, catalogue.calendar())
    except YearMissing as missing:
        raise JointPlanInvalid(
            f"{missing.year} 年的工作日历尚未载入，不能安排到该年；请先载入，或把截止日期提前。",
            reason=f"calendar-{missing.year}-missing",
        ) from missing
    if not days:
        raise JointPlanInvalid("这段时间里没有今天以后的工作日。")
    return days


# --- what is stored ---


def problem_of(
    plan: JointPlan, visits: Sequence[JointVisit] | None = None, *, today: date | None = None
) -> Problem:
    """Return what a stored plan solves, as it was when it was made, without what was taken out.

    The same tasks and windows for every maker of schedules. With `today` days before it are over:
    only what was fixed by hand, or was begun, stays on them.
    """
    days = plan.working_days
    found = queries.visits_of(plan.id) if visits is None else visits
    rows = [(visit, row) for visit in found if visit.state in IN_PLAN for row in visit.tasks]
    tasks = tuple(open_task(visit, row, days) for visit, row in rows)
    due = {str(row.task_id): row.due_on for _, row in rows}
    first = 0 if today is None else bisect_left(days, today)
    waits = set()
    if today is not None:
        waits = {one.id for one in queries.days_over([plan.id], today).get(plan.id, ())}
    pins = []
    for visit in found:
        day = None if visit.planned_on is None else number_of(days, visit.planned_on)
        if visit.state != VisitState.PLANNED or day is None:
            continue
        if visit.pinned or (day < first and visit.id not in waits):
            pins.append(Pin(frozenset(str(row.task_id) for row in visit.tasks), day))
    capacity = Capacity(plan.teams, plan.visits_each)
    return Problem(days, tasks, capacity, due, tuple(pins), first)


def schedule_of(plan: JointPlan, visits: Iterable[JointVisit] | None = None) -> Schedule:
    """Return the schedule that a plan holds."""
    days = plan.working_days
    found = queries.visits_of(plan.id) if visits is None else visits
    placed, unplaced = [], []
    for visit in found:
        tasks = tuple(open_task(visit, row, days) for row in visit.tasks)
        if visit.state == VisitState.PLANNED and visit.planned_on is not None:
            day = number_of(days, visit.planned_on)
            if day is None:
                raise AssertionError("a planned day is one of the plan's")
            placed.append(Visit(entry_of(tasks, day), day))
        elif visit.state == VisitState.UNPLACED:
            unplaced.append(entry_of(tasks, None))
    return Schedule(tuple(placed), tuple(unplaced))


def open_task(visit: JointVisit, row: JointVisitTask, days: Sequence[date]) -> OpenTask:
    """Return a stored task as the rules see it."""
    first, last = number_of(days, row.first_on), number_of(days, row.last_on)
    if first is None or last is None:
        raise AssertionError("a window is made of the plan's days")
    return OpenTask(
        id=str(row.task_id),
        unit=str(visit.unit_id),
        zone=visit.zone,
        specialty=row.specialty,
        department=row.department,
        window=Window(first, last),
    )
