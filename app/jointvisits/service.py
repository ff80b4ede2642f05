"""Plans of joint visits: proposed, approved by a second person, published, withdrawn.

A plan is worked out from what is read (`draft_plan`), before anything is written; stored it is the
same for ever. Whoever made the schedule, one judge looks at it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app import canonical
from app.access import Actor
from app.catalogue import service as catalogue
from app.codes import service as codes
from app.codes.rules import CodeState
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Invalid, NotFound
from app.jointvisits import approving, capping, queries, takeover, team_queries
from app.jointvisits.judging import faults
from app.jointvisits.merging import merge
from app.jointvisits.models import JointPlan, JointVisit, JointVisitTask
from app.jointvisits.operations import mark_kinds
from app.jointvisits.promises import Chance, fresh, promise
from app.jointvisits.reading import NewPlan, Problem, problem_of, read_open
from app.jointvisits.rules import (
    IN_PLAN,
    Entry,
    Maker,
    OpenTask,
    PlanState,
    Schedule,
    Visit,
    VisitKind,
    VisitState,
)
from app.jointvisits.scheduling import schedule
from app.jointvisits.weighing import Comparison, compare, figures
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.tasks import planning
from app.tasks.models import Task
from app.tasks.rules import UNBEGUN_STATES
from app.tasks.teams import TEAM_SIZE

NO_ROOM = "这些任务期限内的各日均已排满。"
NO_DAY_LEFT = "这些任务期限内的工作日均已过去。"


class JointPlanUnknown(NotFound):
    code, title = "joint-plan-unknown", "未找到联合检查计划"


class JointVisitUnknown(NotFound):
    code, title = "joint-visit-unknown", "未找到联合检查"


class NothingToPlan(Invalid):
    code, title = "joint-plan-empty", "没有可以安排的任务"


class JointPlanStateWrong(Conflict):
    """Extras: `state`."""

    code, title = "joint-plan-state-wrong", "联合检查计划状态不允许此操作"


class TeamsWaiting(Conflict):
    code, title = "joint-teams-waiting", "组队抽取尚未完成"


class ScheduleFaulty(Invalid):
    """Extras: `faults`, as the judge words them."""

    code, title = "joint-schedule-faulty", "检查安排不符合约束"


class TaskPlannedElsewhere(Conflict):
    """Extras: `tasks`, their numbers."""

    code, title = "joint-task-planned", "任务已列入其他联合检查计划"


@dataclass(frozen=True)
class Draft:
    """A plan that is worked out and not stored yet: values alone, no row."""

    new: NewPlan
    problem: Problem
    schedule: Schedule
    comparison: Comparison


PublishingGuard = Callable[[JointPlan, Sequence[JointVisit], Actor, datetime], None]
_guards: list[PublishingGuard] = []


def guard(publishing: PublishingGuard) -> None:
    """Ask before a plan is published; a guard may refuse, by raising.

    `docs/joint-visits.md` lists who does.
    """
    if publishing not in _guards:
        _guards.append(publishing)


# --- find ---


def get_plan(plan_id: UUID, agency_id: UUID | None) -> JointPlan:
    """Return a plan of the agency. Raises JointPlanUnknown, also for another agency's."""
    plan = queries.find_plan(plan_id)
    if plan is None or plan.agency_id != agency_id:
        raise JointPlanUnknown("没有这份联合检查计划，或它不属于本机构。")
    return plan


def get_visit(joint_visit_id: UUID, agency_id: UUID | None) -> JointVisit:
    """Return a joint visit of the agency. Raises JointVisitUnknown, also for another agency's."""
    visit = queries.find_visit(joint_visit_id)
    if visit is None or visit.agency_id != agency_id:
        raise JointVisitUnknown("没有这次联合检查，或它不属于本机构。")
    return visit


# --- propose ---


def draft_plan(new: NewPlan, *, agency_id: UUID, at: datetime) -> Draft:
    """Work out a plan: the fewest entries that carry every waiting task, on few zone-days.

    What people fixed by hand in the plans before stays on its day. Reads only. Raises
    JointPlanInvalid and NothingToPlan.
    """
    problem = read_open(new, agency_id=agency_id, at=at)
    if not problem.tasks:
        raise NothingToPlan("没有尚未开始、也未列入其他计划的任务。")
    entries = merge(problem.tasks, problem.pins)
    made = schedule(entries, problem.capacity, days=len(problem.days))
    return Draft(new, problem, made, _compare(problem, made))


def propose_plan(
    draft: Draft, *, agency: Agency, by: Actor, at: datetime, chance: Chance = fresh
) -> JointPlan:
    """Store a plan that was worked out, and promise the secret of its teams; flushes.

    Windows and days that a pin breaks stand in its faults. Raises ScheduleFaulty for any other.
    """
    problem, new = draft.problem, draft.new
    found = _refuse_faults(problem, draft.schedule)
    plan = JointPlan(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        first_on=new.first_on,
        last_on=new.last_on,
        days=[day.isoformat() for day in problem.days],
        state=PlanState.PROPOSED,
        maker=Maker.GREEDY,
        teams=new.teams,
        visits_each=new.visits_each,
        unit_ids=sorted(str(one) for one in new.unit_ids),
        zones=sorted(new.zones),
        comparison=figures(asdict(draft.comparison)),
        faults=found,
        pins=[one.stored for one in problem.fixed],
        proposed_officer_id=by.officer_id,
        proposed_at=at,
        proposed_by_kind=str(by.kind),
        proposed_by_id=by.id,
        drafted_officer_id=by.officer_id,
        drafted_at=at,
        drafted_by_kind=str(by.kind),
        drafted_by_id=by.id,
    )
    db.session.add(plan)
    db.session.flush()
    visits = _store(plan, problem, draft.schedule, {}, by=by, at=at)
    _journal_schedule(Event.JOINT_PLAN_PROPOSED, plan, visits, by=by, at=at)
    promise(plan, chance(), by=by, at=at)
    return plan


def replace_schedule(
    plan: JointPlan,
    made: Schedule,
    *,
    maker: Maker = Maker.SOLVER,
    by: Actor,
    at: datetime,
) -> JointPlan:
    """Give a proposed plan another schedule of the same tasks, and compare anew; flushes.

    A visit that carries the same tasks as before keeps its id, its officers and its reasons. What a
    change by hand left broken may stay so, and nothing more. Raises JointPlanStateWrong and
    ScheduleFaulty.
    """
    _require(plan, PlanState.PROPOSED)
    visits = queries.visits_of(plan.id)
    problem = problem_of(plan, visits, today=local_date(at))
    found = _refuse_faults(problem, made, known=plan.faults)
    before = {_carried(visit): visit for visit in visits if visit.state in IN_PLAN}
    kept = _store(plan, problem, made, before, by=by, at=at)
    for visit in {*before.values()} - {*kept}:
        db.session.delete(visit)
    plan.maker, plan.faults = maker, found
    plan.comparison = compared(problem, made)
    touch(plan)
    db.session.flush()
    _journal_schedule(Event.JOINT_PLAN_RESCHEDULED, plan, kept, by=by, at=at)
    return plan


def compared(problem: Problem, made: Schedule) -> dict[str, Any]:
    """Return what a schedule is worth, as a plan stores it."""
    return figures(asdict(_compare(problem, made)))


def _compare(problem: Problem, made: Schedule) -> Comparison:
    team = int(catalogue.setting(TEAM_SIZE, problem.days[0]))
    days = len(problem.days)
    return compare(problem.tasks, made, problem.capacity, days=days, team=team, pins=problem.pins)


def _refuse_faults(problem: Problem, made: Schedule, *, known: Collection[str] = ()) -> list[str]:
    """Return what the judge finds, all of it `known` or broken by the pins already.

    Raises ScheduleFaulty for anything else.
    """
    pins = problem.pins
    found = faults(problem.tasks, made, problem.capacity, pins=pins, first=problem.first)
    fixed = {task for pin in pins for task in pin.tasks}
    own = [one for one in problem.tasks if one.id in fixed]
    alone = Schedule(tuple(Visit(one, one.window.first) for one in merge(own, pins)), ())
    excused = {*known, *faults(own, alone, problem.capacity, pins=pins, first=problem.first)}
    if fresh := [one for one in found if one not in excused]:
        raise ScheduleFaulty("检查安排不符合约束，没有保存。", faults=fresh[:100])
    return found


def _carried(visit: JointVisit) -> frozenset[str]:
    return frozenset(str(row.task_id) for row in visit.tasks)


def _store(
    plan: JointPlan,
    problem: Problem,
    made: Schedule,
    before: dict[frozenset[str], JointVisit],
    *,
    by: Actor,
    at: datetime,
) -> list[JointVisit]:
    """Write a schedule's entries as visits of a plan; `before` are those that may be used again."""
    known = {visit.id: visit.version for visit in before.values()}
    placed: list[tuple[Entry, date | None]] = [
        *((visit.entry, problem.days[visit.day]) for visit in made.visits),
        *((entry, None) for entry in made.unplaced),
    ]
    visits = []
    for entry, planned_on in placed:
        visit = before.get(frozenset(one.id for one in entry.tasks)) or _new_visit(
            plan, entry, problem
        )
        visit.planned_on = planned_on
        visit.state = VisitState.UNPLACED if planned_on is None else VisitState.PLANNED
        if not visit.pinned:
            visit.reason = None if planned_on is not None else _no_day(visit, local_date(at))
        visits.append(visit)
    takeover.keep_fixed(visits, problem.fixed)
    mark_kinds(plan.agency_id, visits, on=plan.first_on)
    db.session.add_all(visits)
    db.session.flush()
    takeover.bring_along(visits, problem.fixed)
    capping.keep_caps(plan, visits)
    for visit in visits:
        if known.get(visit.id) != visit.version:
            data = {**place_of(visit), "tasks": len(visit.tasks)}
            journal.record(Event.JOINT_VISIT_PLANNED, visit, by=by, at=at, data=data)
    return visits


def _no_day(visit: JointVisit, today: date) -> str:
    return NO_DAY_LEFT if min(row.last_on for row in visit.tasks) < today else NO_ROOM


def place_of(visit: JointVisit) -> dict[str, Any]:
    """Return where a visit stands in its plan, as the journal says it."""
    planned_on = None if visit.planned_on is None else visit.planned_on.isoformat()
    return {"plan_id": str(visit.plan_id), "state": str(visit.state), "planned_on": planned_on}


def _new_visit(plan: JointPlan, entry: Entry, problem: Problem) -> JointVisit:
    return JointVisit(
        id=new_id(),
        plan_id=plan.id,
        agency_id=plan.agency_id,
        district=plan.district,
        unit_id=UUID(entry.unit),
        zone=entry.zone,
        kind=VisitKind.MERGED,
        tasks=[_new_task(one, problem) for one in entry.tasks],
        officers=[],
        caps=[],
    )


def _new_task(task: OpenTask, problem: Problem) -> JointVisitTask:
    return JointVisitTask(
        task_id=UUID(task.id),
        specialty=task.specialty,
        department=task.department,
        first_on=problem.days[task.window.first],
        last_on=problem.days[task.window.last],
        due_on=problem.due.get(task.id),
        overdue=problem.is_overdue(task),
    )


def _journal_schedule(
    event: Event, plan: JointPlan, visits: Sequence[JointVisit], *, by: Actor, at: datetime
) -> None:
    data = {
        "first_on": plan.first_on.isoformat(),
        "last_on": plan.last_on.isoformat(),
        "maker": str(plan.maker),
        "visits": len(visits),
        "unplaced": sum(visit.state == VisitState.UNPLACED for visit in visits),
        "pinned": sum(visit.pinned for visit in visits),
        "schedule_sha256": schedule_sha256(visits),
    }
    journal.record(event, plan, by=by, at=at, data=data)


def schedule_sha256(visits: Iterable[JointVisit]) -> str:
    """Return what proves a stored schedule: the hash of its days and tasks, in canonical JSON."""
    rows = sorted(
        [
            "" if visit.planned_on is None else visit.planned_on.isoformat(),
            str(visit.unit_id),
            sorted(_carried(visit)),
        ]
        for visit in visits
    )
    return canonical.digest(canonical.dumps(rows))


# --- decide ---


def approve_plan(plan: JointPlan, *, by: Actor, at: datetime) -> JointPlan:
    """Approve a proposed plan, as the second person: another had it in hand last.

    Who approves may go along: what is theirs to see is the plan, not a finding of theirs; the
    plan's points name the visits (`watching.points_of`) and the journal their number. Caps are
    asked once more. Raises JointPlanStateWrong, TeamsWaiting (the second person has to see who
    goes), SecondPersonInvalid, DaysOver and CapsOpen.
    """
    _require(plan, PlanState.PROPOSED)
    if team_queries.is_waiting(plan.id):
        raise TeamsWaiting("组队抽取已经提出，完成之后才能批准。")
    visits = queries.visits_of(plan.id)
    approving.require_second(plan, by=by)
    approving.refuse_days_over(plan, today=local_date(at))
    approving.refuse_open_caps(plan, visits)
    plan.state, plan.approved_officer_id = PlanState.APPROVED, by.officer_id
    _stamp(plan, "approved", by=by, at=at)
    data = {
        "schedule_sha256": schedule_sha256(_in_plan(visits)),
        "goes_along": len(goes_along(visits, by.officer_id)),
    }
    journal.record(Event.JOINT_PLAN_APPROVED, plan, by=by, at=at, data=data)
    return plan


def publish_plan(plan: JointPlan, *, by: Actor, at: datetime) -> JointPlan:
    """Publish an approved plan: its tasks get their day and their joint visit.

    A task that was begun or closed meanwhile stays as it is; the plan shows it. Guards are asked,
    and the caps once more. Raises JointPlanStateWrong, DaysOver, CapsOpen and TaskPlannedElsewhere.
    """
    _require(plan, PlanState.APPROVED)
    visits = queries.visits_of(plan.id)
    approving.refuse_days_over(plan, today=local_date(at))
    approving.refuse_open_caps(plan, visits)
    for ask in _guards:
        ask(plan, visits, by, at)
    for visit in visits:
        if visit.state == VisitState.PLANNED:
            plan_tasks(visit, by=by, at=at)
    plan.state = PlanState.PUBLISHED
    _stamp(plan, "published", by=by, at=at)
    data = {"schedule_sha256": schedule_sha256(_in_plan(visits))}
    journal.record(Event.JOINT_PLAN_PUBLISHED, plan, by=by, at=at, data=data)
    return plan


def note_change(visit: JointVisit, *, by: Actor, at: datetime) -> None:
    """Remember who changed a visit of a plan: who does cannot approve it, and somebody has to."""
    plan = visit.plan
    plan.changed_officer_id, plan.changed_at = by.officer_id, at
    plan.changed_by_kind, plan.changed_by_id = str(by.kind), by.id
    if plan.state != PlanState.PUBLISHED:  # one that is published was approved before
        plan.drafted_officer_id, plan.drafted_at = by.officer_id, at
        plan.drafted_by_kind, plan.drafted_by_id = str(by.kind), by.id
    if plan.state == PlanState.APPROVED:
        plan.state, plan.approved_officer_id = PlanState.PROPOSED, None
        plan.approved_at = plan.approved_by_kind = plan.approved_by_id = None
    touch(plan)
    data = {"changed": str(visit.id), "state": str(plan.state)}
    journal.record(Event.JOINT_PLAN_CHANGED, plan, by=by, at=at, data=data)


def withdraw_plan(plan: JointPlan, reason: str, *, by: Actor, at: datetime) -> JointPlan:
    """Withdraw a plan, with the reason: its tasks lose their day, its visits their codes.

    What was begun stays as it was. Raises JointPlanStateWrong.
    """
    _require(plan, PlanState.PROPOSED, PlanState.APPROVED, PlanState.PUBLISHED)
    if plan.state == PlanState.PUBLISHED:
        for visit in queries.visits_of(plan.id):
            release_tasks(visit, by=by, at=at)
            revoke_code(visit, by=by, at=at)
    plan.state, plan.withdrawn_reason = PlanState.WITHDRAWN, reason
    _stamp(plan, "withdrawn", by=by, at=at)
    journal.record(Event.JOINT_PLAN_WITHDRAWN, plan, by=by, at=at)
    return plan


# --- what a published visit tells its tasks ---


def plan_tasks(visit: JointVisit, *, among: Collection[UUID] = (), by: Actor, at: datetime) -> None:
    """Let the tasks of a visit know its day; they may come from visits `among` those named.

    Raises TaskPlannedElsewhere.
    """
    if visit.planned_on is None:
        return
    own = _unbegun(visit)
    taken = [one.task_no for one in own if one.joint_visit_id not in {None, visit.id, *among}]
    if taken:
        raise TaskPlannedElsewhere("任务已列入另一份已发布的计划。", tasks=taken)
    for task in own:
        planning.plan_task(task, visit.planned_on, visit.id, by=by, at=at)


def release_tasks(visit: JointVisit, *, by: Actor, at: datetime) -> None:
    """Take their day from the tasks of a visit that nobody began."""
    for task in _unbegun(visit):
        if task.joint_visit_id == visit.id:
            planning.drop_plan(task, by=by, at=at)


def revoke_code(visit: JointVisit, *, by: Actor, at: datetime) -> None:
    """Take back the code of a visit that is not as its code says any more."""
    if visit.code_id is None:
        return
    code = codes.get_code(visit.code_id, visit.agency_id)
    if code.state != CodeState.REVOKED:
        reason = "联合检查安排已变更或撤回"
        codes.revoke_code(code.id, reason, agency_id=visit.agency_id, by=by, at=at)
    visit.code_id = None
    data = {"code_id": str(code.id)}
    journal.record(Event.JOINT_VISIT_CODE_DROPPED, visit, by=by, at=at, data=data)


def _unbegun(visit: JointVisit) -> list[Task]:
    return [one for one in queries.tasks_of(visit.id) if one.state in UNBEGUN_STATES]


def goes_along(visits: Iterable[JointVisit], officer_id: UUID | None) -> list[JointVisit]:
    """Return the visits with a day in whose team somebody stands."""
    return [
        visit
        for visit in visits
        if visit.state == VisitState.PLANNED
        and any(one.officer_id == officer_id for one in visit.officers)
    ]


def _in_plan(visits: Collection[JointVisit]) -> list[JointVisit]:
    return [visit for visit in visits if visit.state in IN_PLAN]


def _require(plan: JointPlan, *states: PlanState) -> None:
    if plan.state not in states:
        raise JointPlanStateWrong("计划现在的状态不允许此操作，请刷新后再办理。", state=plan.state)


def _stamp(plan: JointPlan, pair: str, *, by: Actor, at: datetime) -> None:
    setattr(plan, f"{pair}_at", at)
    setattr(plan, f"{pair}_by_kind", str(by.kind))
    setattr(plan, f"{pair}_by_id", by.id)
