"""Changes by hand: their consequences are said first; only what is impossible is refused.

Windows, days, caps and loads may be overstepped by who gives a reason: the plan shows what the
judge finds, and each cap stands with its visit. A plan that was approved has to be approved again;
one that is published tells its tasks at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.caps.rules import Answer
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, new_id, touch
from app.errors import Conflict, Invalid
from app.jointvisits import capping, queries, service, team_queries
from app.jointvisits.capping import Planned
from app.jointvisits.changing import Board, Consequences, Stand, consequences
from app.jointvisits.lots import Bars
from app.jointvisits.models import (
    JointPlan,
    JointVisit,
    JointVisitChange,
    JointVisitOfficer,
    JointVisitTask,
)
from app.jointvisits.operations import mark_kinds
from app.jointvisits.reading import OVERDUE_DAYS, open_task, problem_of, schedule_of
from app.jointvisits.rules import (
    IN_PLAN,
    Capacity,
    ChangeVerb,
    Maker,
    PlanState,
    VisitKind,
    VisitState,
    Window,
)
from app.jointvisits.windows import number_of, window_of
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks.models import Task
from app.tasks.rules import BEGUN_STATES, UNBEGUN_STATES

Follower = Callable[[Sequence[JointVisit], str, Actor, datetime], None]
_followers: list[Follower] = []


def follow(told: Follower) -> None:
    """Tell of each change by hand in a published plan: the visits that it touched, and why."""
    if told not in _followers:
        _followers.append(told)


class ChangeInvalid(Invalid):
    code, title = "joint-change-invalid", "联合检查安排的变更有误"


class JointVisitBegun(Conflict):
    code, title = "joint-visit-begun", "联合检查已经开始"


@dataclass(frozen=True)
class Change:
    """What is to change, and why; a day for move and split, tasks for split and merge."""

    verb: ChangeVerb
    reason: str
    planned_on: date | None = None
    task_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Foreseen:
    """What a change leads to; `caps` by visit, `codes` are visit codes that it takes back.

    `barred` are officers of a team who may not go there on its day: recusal, absence, certificate.
    """

    consequences: Consequences
    barred: tuple[tuple[UUID, date], ...]
    caps: dict[UUID, list[Answer]]
    codes: tuple[UUID, ...]
    board: Board
    new_id: UUID
    rows: dict[UUID, JointVisitTask]


def foresee(visit: JointVisit, change: Change, *, at: datetime) -> Foreseen:
    """Say what a change leads to, and write nothing.

    Raises JointPlanStateWrong, JointVisitBegun and ChangeInvalid for what is impossible: a day that
    is none of the plan's working days or is over, tasks of another unit, or that are not there.
    """
    plan = visit.plan
    if plan.state == PlanState.WITHDRAWN:
        raise service.JointPlanStateWrong("计划已撤回，不能再变更。", state=plan.state)
    visits = [one for one in queries.visits_of(plan.id) if one.state in IN_PLAN]
    if visit.state not in IN_PLAN and change.verb is not ChangeVerb.MOVE:
        raise ChangeInvalid("这次检查已不在计划中，只能重新安排日期。")
    rows = {row.task_id: row for one in visits for row in one.tasks}
    board = board_of(plan, visits)
    key, fresh = str(visit.id), new_id()
    after = dict(board)
    if change.verb in {ChangeVerb.LEAVE_OUT, ChangeVerb.SHIFT}:
        after.pop(key)
    elif change.verb is ChangeVerb.MOVE:
        if visit.state not in IN_PLAN:
            _refuse_taken(visit, rows)
        stand = _stand(plan, visit, team_queries.leads_of(plan.agency_id))
        after[key] = replace(stand, day=_day(plan, change, at))
    elif change.verb is ChangeVerb.SPLIT:
        after.update(_split(after, key, str(fresh), change.task_ids, _day(plan, change, at)))
    else:
        rows |= _wanted(plan, visit, change.task_ids, rows)
        after = _merged(plan, visit, after, [rows[one] for one in change.task_ids])
    if after == board:
        raise ChangeInvalid("安排没有变化。")
    _refuse_begun(board, after)
    touched = _touched(board, after)
    return Foreseen(
        consequences(board, after, Capacity(plan.teams, plan.visits_each)),
        _barred(plan, visit.unit_id, [after[one] for one in sorted(touched & after.keys())]),
        _caps(plan, visit.unit_id, after),
        tuple(one.code_id for one in visits if str(one.id) in touched and one.code_id),
        after,
        fresh,
        rows,
    )


def change_by_hand(
    visit: JointVisit, change: Change, *, by: Actor, at: datetime
) -> tuple[Foreseen, list[JointVisit]]:
    """Change a plan by hand; return what it leads to and the visits that it touched.

    Codes of visits that are no longer as their code says are revoked. Raises what `foresee` raises.
    """
    foreseen = foresee(visit, change, at=at)
    plan = visit.plan
    before = {one.id: one.version for one in queries.visits_of(plan.id)}
    touched = _write(visit, change, foreseen)
    db.session.flush()
    together = [one for one in queries.visits_of(plan.id) if one.unit_id == visit.unit_id]
    mark_kinds(plan.agency_id, together, on=plan.first_on)
    capping.keep_caps(plan, together)
    if plan.state == PlanState.PUBLISHED:
        _tell_tasks(touched, by=by, at=at)
        for tell in _followers:
            tell(touched, change.reason, by, at)
    for one in touched:
        service.revoke_code(one, by=by, at=at)
    _keep(visit, change, foreseen, by=by, at=at)
    db.session.flush()
    for one in together:
        if one is not visit and before.get(one.id) != one.version:
            data = {**service.place_of(one), "changed": str(visit.id)}
            journal.record(Event.JOINT_VISIT_CHANGED, one, by=by, at=at, data=data)
    return foreseen, touched


# --- the board ---


def board_of(plan: JointPlan, visits: Iterable[JointVisit]) -> Board:
    """Return the visits of a plan as the rules of changes see them."""
    leads = team_queries.leads_of(plan.agency_id)
    return {str(one.id): _stand(plan, one, leads) for one in visits if one.tasks}


def _stand(plan: JointPlan, visit: JointVisit, leads: Mapping[UUID, Collection[str]]) -> Stand:
    days = plan.working_days
    covered = {name for one in visit.officers for name in leads.get(one.officer_id, ())}
    return Stand(
        tuple(open_task(visit, row, days) for row in visit.tasks),
        None if visit.planned_on is None else number_of(days, visit.planned_on),
        frozenset(str(one.officer_id) for one in visit.officers),
        frozenset(covered.union(one.specialty for one in visit.officers if one.specialty)),
    )


def _day(plan: JointPlan, change: Change, at: datetime) -> int:
    number = None
    if change.planned_on is not None:
        number = number_of(plan.working_days, change.planned_on)
    if change.planned_on is None or number is None:
        raise ChangeInvalid("日期须是计划期间内的工作日。")
    if change.planned_on < local_date(at):
        raise ChangeInvalid("日期已经过去。")
    return number


def _split(
    board: Board, key: str, fresh: str, task_ids: Sequence[UUID], day: int
) -> dict[str, Stand]:
    whole, wanted = board[key], {str(one) for one in task_ids}
    off = tuple(one for one in whole.tasks if one.id in wanted)
    rest = tuple(one for one in whole.tasks if one.id not in wanted)
    if len(off) != len(wanted) or not off or not rest:
        raise ChangeInvalid("请选出这次检查的一部分任务，不能一项不选，也不能全部选出。")
    return {key: replace(whole, tasks=rest), fresh: replace(whole, tasks=off, day=day)}


def _wanted(
    plan: JointPlan,
    visit: JointVisit,
    task_ids: Sequence[UUID],
    known: dict[UUID, JointVisitTask],
) -> dict[UUID, JointVisitTask]:
    """Return the rows of tasks that are in no visit of the plan yet, made for it."""
    own = {row.task_id for row in visit.tasks}
    tasks = queries.tasks_by_id(task_ids)
    if not task_ids or own & set(task_ids) or len(tasks) != len(set(task_ids)):
        raise ChangeInvalid("请选择同一单位、还不在这次检查中的任务。")
    found = {}
    for task in tasks.values():
        if (task.agency_id, task.unit_id) != (plan.agency_id, visit.unit_id):
            raise ChangeInvalid("请选择同一单位、还不在这次检查中的任务。")
        if task.id not in known:
            found[task.id] = _row(plan, task)
    return found


def _refuse_taken(visit: JointVisit, known: dict[UUID, JointVisitTask]) -> None:
    """Refuse to take a visit back into its plan whose tasks went elsewhere meanwhile."""
    tasks = queries.tasks_of(visit.id)
    gone = [one.task_no for one in tasks if one.id in known or not _is_free(one)]
    if gone or not tasks:
        raise ChangeInvalid("任务已经开始或办结，或者已列入其他检查。", tasks=gone)


def _is_free(task: Task) -> bool:
    return task.state in UNBEGUN_STATES and task.joint_visit_id is None


def _row(plan: JointPlan, task: Task) -> JointVisitTask:
    if not _is_free(task):
        raise ChangeInvalid("任务已经开始或办结，或者已列入另一份计划。", task_no=task.task_no)
    days = plan.working_days
    soon = int(catalogue.setting(OVERDUE_DAYS, days[0]))
    window = window_of(days, task.due_on, overdue_days=soon, from_on=task.from_on)
    if window is None:
        window = Window(len(days) - 1, len(days) - 1)  # by hand; its last day is the nearest
    return JointVisitTask(
        task_id=task.id,
        specialty=task.specialty,
        department=people.get_agency(plan.agency_id).name,
        first_on=days[window.first],
        last_on=days[window.last],
        due_on=task.due_on,
        overdue=task.due_on is not None and task.due_on < days[0],
    )


def _merged(
    plan: JointPlan, visit: JointVisit, board: dict[str, Stand], rows: Sequence[JointVisitTask]
) -> dict[str, Stand]:
    """Take tasks from wherever they stand and put them into a visit."""
    moving = {str(row.task_id) for row in rows}
    after = {}
    for key, stand in board.items():
        left = tuple(one for one in stand.tasks if one.id not in moving)
        if left:
            after[key] = replace(stand, tasks=left)
    added = tuple(open_task(visit, row, plan.working_days) for row in rows)
    key = str(visit.id)
    tasks = tuple(sorted((*after[key].tasks, *added), key=lambda one: one.id))
    after[key] = replace(after[key], tasks=tasks)
    return after


def _touched(before: Board, after: Board) -> set[str]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def _refuse_begun(before: Board, after: Board) -> None:
    """Refuse to change a visit that somebody is at, or was."""
    keys = _touched(before, after)
    touched = [board[key] for board in (before, after) for key in keys if key in board]
    tasks = queries.tasks_by_id({UUID(task.id) for one in touched for task in one.tasks})
    begun = sorted(task.task_no for task in tasks.values() if task.state in BEGUN_STATES)
    if begun:
        raise JointVisitBegun("检查已经开始或完成，不能再变更安排。", tasks=begun)


def _barred(
    plan: JointPlan, unit_id: UUID, stands: Sequence[Stand]
) -> tuple[tuple[UUID, date], ...]:
    """Return who of the teams may not go to the unit on the day of their visit."""
    going = [(one, plan.working_days[one.day]) for one in stands if one.day is not None]
    wanted = {UUID(officer) for one, _ in going for officer in one.officers}
    officers = [people.get_officer(one, plan.agency_id) for one in sorted(wanted)]
    if not officers:
        return ()
    days = [day for _, day in going]
    bars = Bars.read(officers, min(days), max(days))
    return tuple(
        (officer, day)
        for one, day in going
        for officer in sorted(bars.out(unit_id, day))
        if str(officer) in one.officers
    )


def _caps(plan: JointPlan, unit_id: UUID, board: Board) -> dict[UUID, list[Answer]]:
    days = plan.working_days
    planned = [
        Planned(
            UUID(key),
            unit_id,
            days[one.day],
            frozenset(UUID(task.id) for task in one.tasks),
            frozenset(UUID(officer) for officer in one.officers),
        )
        for key, one in board.items()
        if one.day is not None and one.tasks[0].unit == str(unit_id)
    ]
    return capping.ask_caps(plan, planned)


# --- what is written ---


def _write(visit: JointVisit, change: Change, foreseen: Foreseen) -> list[JointVisit]:
    """Write the board after a change; return the visits that differ, the changed one first."""
    plan = visit.plan
    visit.reason, visit.pinned = change.reason, True
    if change.verb in {ChangeVerb.LEAVE_OUT, ChangeVerb.SHIFT}:
        out = change.verb is ChangeVerb.LEAVE_OUT
        visit.state = VisitState.LEFT_OUT if out else VisitState.SHIFTED
        visit.planned_on = None
        return [visit]
    if change.verb is ChangeVerb.MOVE:
        visit.state, visit.planned_on = VisitState.PLANNED, change.planned_on
        return [visit]
    if change.verb is ChangeVerb.SPLIT:
        return [visit, _write_split(visit, change, foreseen.new_id)]
    others = []
    for one in queries.visits_of(plan.id):
        moving = [row for row in one.tasks if row.task_id in change.task_ids]
        if one.id != visit.id and one.state in IN_PLAN and moving:
            one.tasks = [row for row in one.tasks if row not in moving]
            others.append(one)
            if not one.tasks:
                one.state, one.planned_on = VisitState.LEFT_OUT, None
                one.reason = f"并入另一次检查：{change.reason}"
    visit.tasks += [_copy(foreseen.rows[key]) for key in change.task_ids]
    for one in (visit, *others):
        touch(one)
    return [visit, *others]


def _write_split(visit: JointVisit, change: Change, fresh: UUID) -> JointVisit:
    """Make a visit of its own from some of the tasks; the same people go."""
    off = [row for row in visit.tasks if row.task_id in change.task_ids]
    visit.tasks = [row for row in visit.tasks if row not in off]
    touch(visit)
    made = JointVisit(
        id=fresh,
        plan_id=visit.plan_id,
        agency_id=visit.agency_id,
        district=visit.district,
        unit_id=visit.unit_id,
        zone=visit.zone,
        kind=VisitKind.MERGED,
        state=VisitState.PLANNED,
        planned_on=change.planned_on,
        reason=change.reason,
        pinned=True,
        tasks=[_copy(row) for row in off],
        officers=[
            JointVisitOfficer(officer_id=one.officer_id, specialty=one.specialty, by_lot=one.by_lot)
            for one in visit.officers
        ],
        caps=[],
    )
    db.session.add(made)
    return made


def _copy(row: JointVisitTask) -> JointVisitTask:
    """Return a row for another visit: its key names the visit."""
    names = ("task_id", "specialty", "department", "first_on", "last_on", "due_on", "overdue")
    return JointVisitTask(**{name: getattr(row, name) for name in names})


def _tell_tasks(touched: Sequence[JointVisit], *, by: Actor, at: datetime) -> None:
    keys = {visit.id for visit in touched}
    for visit in touched:
        if visit.state == VisitState.PLANNED:
            service.plan_tasks(visit, among=keys, by=by, at=at)
        else:
            service.release_tasks(visit, by=by, at=at)


def _keep(
    visit: JointVisit, change: Change, foreseen: Foreseen, *, by: Actor, at: datetime
) -> None:
    """Keep the change and its consequences, compare the plan anew, journal."""
    plan = visit.plan
    told = asdict(foreseen.consequences)
    db.session.add(
        JointVisitChange(
            id=new_id(),
            plan_id=plan.id,
            joint_visit_id=visit.id,
            agency_id=plan.agency_id,
            verb=change.verb,
            planned_on=change.planned_on,
            task_ids=sorted(str(one) for one in change.task_ids),
            reason=change.reason,
            consequences=told,
            changed_officer_id=by.officer_id,
            changed_at=at,
            changed_by_kind=str(by.kind),
            changed_by_id=by.id,
        )
    )
    visits = queries.visits_of(plan.id)
    plan.comparison = service.compared(problem_of(plan, visits), schedule_of(plan, visits))
    plan.faults, plan.maker = list(foreseen.consequences.faults), Maker.HAND
    service.note_change(visit, by=by, at=at)
    data = {
        "verb": str(change.verb),
        "planned_on": None if change.planned_on is None else change.planned_on.isoformat(),
        "task_ids": sorted(str(one) for one in change.task_ids),
        "faults": len(foreseen.consequences.faults),
    }
    journal.record(Event.JOINT_VISIT_CHANGED, visit, by=by, at=at, data=data)
