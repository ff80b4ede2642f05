"""What waits to be planned, and what a stored plan holds, in the words of the rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.catalogue import service as catalogue
from app.days import local_date
from app.errors import Invalid
from app.jointvisits import queries
from app.jointvisits.changing import entry_of
from app.jointvisits.models import JointPlan, JointVisit, JointVisitTask
from app.jointvisits.rules import (
    IN_PLAN,
    Capacity,
    OpenTask,
    Schedule,
    Visit,
    VisitState,
    Window,
)
from app.jointvisits.windows import YearMissing, number_of, window_of, working_days
from app.people import service as people

OVERDUE_DAYS = "joint-overdue-days"
LONGEST = timedelta(days=184)  # half a year


class JointPlanInvalid(Invalid):
    """`reason`: `calendar-2027-missing` where a year's working days are not known."""

    code, title = "joint-plan-invalid", "联合检查计划有误"


@dataclass(frozen=True)
class NewPlan:
    """What is to be planned: a period, what can be done in a day, and whom it is about."""

    first_on: date
    last_on: date
    teams: int
    visits_each: int
    unit_ids: tuple[UUID, ...] = ()
    zones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What a schedule has to solve: days by number, tasks with their windows, what a day holds.

    `due` has the last day of each task, by its id.
    """

    days: tuple[date, ...]
    tasks: tuple[OpenTask, ...]
    capacity: Capacity
    due: Mapping[str, date | None] = field(default_factory=dict)

    def is_overdue(self, task: OpenTask) -> bool:
        """Tell whether the last day of a task is over before the first day."""
        due_on = self.due.get(task.id)
        return due_on is not None and due_on < self.days[0]


def read_open(new: NewPlan, *, agency_id: UUID, at: datetime) -> Problem:
    """Gather every task that waits, whatever its specialty and origin, for a plan of a period.

    Days up to today are over. Raises JointPlanInvalid (no days, too many, a year
    without calendar, units of others).
    """
    days = days_of(new.first_on, new.last_on, at=at)
    own = {unit.id for unit in queries.units_by_id(new.unit_ids) if unit.agency_id == agency_id}
    if strange := set(new.unit_ids) - own:
        detail = "有的单位不存在，或不属于本机构。"
        raise JointPlanInvalid(detail, units=sorted(str(one) for one in strange))
    soon = int(catalogue.setting(OVERDUE_DAYS, local_date(at)))
    found = []
    for one in queries.waiting(agency_id, unit_ids=new.unit_ids, zones=new.zones):
        window = window_of(days, one.due_on, overdue_days=soon, from_on=one.from_on)
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
    return Problem(tuple(days), tasks, Capacity(new.teams, new.visits_each), due)


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


def problem_of(plan: JointPlan, visits: Sequence[JointVisit] | None = None) -> Problem:
    """Return what a stored plan solves, as it was when it was made, without what was taken out.

    The same tasks and windows for every maker of schedules.
    """
    days = plan.working_days
    found = queries.visits_of(plan.id) if visits is None else visits
    rows = [(visit, row) for visit in found if visit.state in IN_PLAN for row in visit.tasks]
    tasks = tuple(open_task(visit, row, days) for visit, row in rows)
    due = {str(row.task_id): row.due_on for _, row in rows}
    return Problem(days, tasks, Capacity(plan.teams, plan.visits_each), due)


def schedule_of(
    plan: JointPlan, visits: Iterable[JointVisit] | None = None, *, pinning: bool = False
) -> Schedule:
    """Return the schedule that a plan holds; `pinning` what was changed by hand to its days."""
    days = plan.working_days
    found = queries.visits_of(plan.id) if visits is None else visits
    placed, unplaced = [], []
    for visit in found:
        tasks = tuple(open_task(visit, row, days) for row in visit.tasks)
        if visit.state == VisitState.PLANNED and visit.planned_on is not None:
            day = number_of(days, visit.planned_on)
            if day is None:
                raise AssertionError("a planned day is one of the plan's")
            entry = entry_of(tasks, day)
            pinned = pinning and visit.pinned
            placed.append(Visit(entry.pinned_to(day) if pinned else entry, day))
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
