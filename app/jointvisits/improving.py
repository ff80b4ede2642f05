"""Fewer journeys for a proposed plan: read, solved outside any transaction, kept if it is better.

The solver keeps the plan's entries; only their days change. One plan at a time in a process: the
others get a word and not a processor.
"""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from app.access import Actor
from app.days import local_date
from app.errors import Conflict, Unavailable
from app.jointvisits import queries, service, team_queries
from app.jointvisits.models import JointPlan
from app.jointvisits.reading import problem_of, schedule_of
from app.jointvisits.rules import (
    Capacity,
    Entry,
    Maker,
    PlanState,
    Schedule,
    Visit,
    with_pins,
)
from app.jointvisits.service import JointPlanStateWrong
from app.jointvisits.solving import Effort, improve, rank

_turn = Lock()


class JointPlanStaffed(Conflict):
    code, title = "joint-plan-staffed", "联合检查计划已提出组队抽取"


class SolverBusy(Unavailable):
    code, title = "solver-busy", "正在优化其他计划"


@dataclass(frozen=True)
class Question:
    """What a stored plan asks of the solver: values alone, no row.

    `start` is where the visits stand, but for those on days that are over; `late` are entries all
    of whose days are over, which no schedule places.
    """

    entries: tuple[Entry, ...]
    capacity: Capacity
    days: int
    start: Schedule
    late: tuple[Entry, ...]


def read_question(plan: JointPlan, *, at: datetime) -> Question:
    """Return what there is to improve in a plan. Reads only.

    What was changed by hand stays as somebody wanted it: these visits are pinned to their days.
    Nothing else stays on a day before today, or comes there.
    A plan whose teams were asked for by lot is improved no more: other days would mean another lot,
    until somebody likes it. Raises JointPlanStateWrong unless the plan is proposed, and
    JointPlanStaffed.
    """
    if plan.state != PlanState.PROPOSED:
        raise JointPlanStateWrong("只有拟订中的计划可以优化排程。", state=plan.state)
    if team_queries.has_lot(plan.id):
        raise JointPlanStaffed("检查人员已按日期抽取，不能再改日期；请在组队之前优化排程。")
    visits = queries.visits_of(plan.id)
    problem = problem_of(plan, visits, today=local_date(at))
    start, late = _from_day(with_pins(schedule_of(plan, visits), problem.pins), problem.first)
    entries = (*(visit.entry for visit in start.visits), *start.unplaced)
    return Question(entries, problem.capacity, len(problem.days), start, late)


def _from_day(stored: Schedule, first: int) -> tuple[Schedule, tuple[Entry, ...]]:
    """Return where a schedule stands without the days before one, and what has no day left."""
    placed, unplaced, late = [], [], []
    stands = [(one.entry, one.day) for one in stored.visits]
    for whole, day in [*stands, *((entry, None) for entry in stored.unplaced)]:
        entry = whole.from_day(first)
        if entry is None:
            late.append(whole)
        elif day is None or (day < first and not entry.pinned):
            unplaced.append(entry)
        else:
            placed.append(Visit(entry, day))
    return Schedule(tuple(placed), tuple(unplaced)), tuple(late)


def solve(question: Question, *, seconds: int) -> Schedule:
    """Return the best schedule found in so many seconds, never a worse one than the plan has.

    Blocks; to be called outside a transaction. Raises SolverMissing, and SolverBusy while this
    process works on another plan.
    """
    if not _turn.acquire(blocking=False):
        raise SolverBusy("正在优化其他计划，请稍后再试。", retry_after_s=seconds)
    try:
        found = improve(
            question.entries,
            question.capacity,
            days=question.days,
            effort=Effort(seconds),
            start=question.start,
        )
    finally:
        _turn.release()
    return _with_late(found.schedule, question)


def _with_late(made: Schedule, question: Question) -> Schedule:
    return Schedule(made.visits, (*made.unplaced, *question.late))


def keep_better(
    plan: JointPlan, question: Question, made: Schedule, *, by: Actor, at: datetime
) -> JointPlan:
    """Store the schedule where it is better than what the plan had; else nothing is written.

    The caller has seen to it that the plan is still at the version of the question. Raises
    JointPlanStateWrong and ScheduleFaulty.
    """
    if rank(made) < rank(_with_late(question.start, question)):
        service.replace_schedule(plan, made, maker=Maker.SOLVER, by=by, at=at)
    return plan
