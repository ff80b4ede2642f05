"""What ran, who acts, what waits for whom and what is late: for the command, the API and the log.

Nothing here writes. An agency sees what concerns it: its own draws, and of the jobs whether they
run; what a job did for another agency, or what its failure said, is left out.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import entry
from app.access import Role
from app.days import day_begins, local_date
from app.db import db
from app.draws import annual_plans, change_queries, plans, queries, reading
from app.draws.models import Draw
from app.draws.seeding import DEPOSIT_ROLES
from app.draws.stages import DrawState, Waiting
from scheduler.jobs import JOBS
from scheduler.models import SchedulerLease, SchedulerRun
from scheduler.rules import Outcome, When, is_overdue
from scheduler.timetable import timetable

_OPEN = (
    DrawState.PLANNED,
    DrawState.FROZEN,
    DrawState.ANNOUNCED,
    DrawState.SEEDED,
    DrawState.DRAWN,
)
START_GRACE = timedelta(hours=1)
_BRING = "两名不同角色的人员：监督科长、法制审核、信用公示或纪检稽查"
_NOBODY: tuple[list[str], str] = ([], "定时任务")
# what a draw waits for -> the roles that can end it, in the words of the office
_WHOM: Mapping[str, tuple[list[str], str]] = {
    "deposits": ([str(role) for role in DEPOSIT_ROLES], _BRING),
    "dice": ([str(role) for role in DEPOSIT_ROLES], _BRING),
    "change": ([str(Role.SUPERVISOR)], "提出人以外、不在检查人员之列的监督科长"),
    "nobody-left": ([str(Role.SUPERVISOR)], "监督科长"),
    "release": ([str(Role.ADMINISTRATOR)], "管理员"),
    "held": ([str(Role.SUPERVISOR), str(Role.ADMINISTRATOR)], "监督科长，必要时管理员"),
}


def status(*, at: datetime, agency_id: UUID | None = None) -> dict[str, Any]:
    """Return who acts, what ran last, what waits for whom, and what is late.

    With `agency_id` only what concerns that agency. Instants are aware UTC.
    """
    lease = db.session.get(SchedulerLease, 1)
    acting = lease is not None and lease.expires_at > at
    times = timetable(tick_s=entry.config().number("TIMETABLE_TICK_S"))
    own = None if agency_id is None else _numbers(agency_id)
    jobs = [_job(name, when, at, own) for name, when in times.items()]
    waiting = [
        *_draws(at, agency_id),
        *_plans(at, agency_id),
        *_holds(agency_id),
        *_changes(agency_id),
    ]
    return {
        "acting": acting,
        "holder": None if lease is None else lease.holder,
        "acting_since": None if lease is None else lease.taken_at,
        "lease_expires_at": None if lease is None else lease.expires_at,
        "jobs": jobs,
        "waiting": waiting,
        "late": [*_late(waiting, jobs, acting=acting), *_late_years(at, agency_id)],
    }


def _numbers(agency_id: UUID) -> set[str]:
    return set(db.session.scalars(sa.select(Draw.draw_no).where(Draw.agency_id == agency_id)))


def _job(name: str, when: When, at: datetime, own: set[str] | None) -> dict[str, Any]:
    runs = sa.select(SchedulerRun).where(SchedulerRun.job == name)
    last = db.session.scalars(runs.order_by(SchedulerRun.due_at.desc()).limit(1)).one_or_none()
    done = db.session.scalar(
        sa.select(sa.func.max(SchedulerRun.due_at)).where(
            SchedulerRun.job == name, SchedulerRun.finished_at.is_not(None)
        )
    )
    return {
        "job": name,
        "meaning": JOBS[name].meaning,
        "next_due_at": when.next_due(at),
        "last_due_at": None if last is None else last.due_at,
        "started_at": None if last is None else last.started_at,
        "finished_at": None if last is None else last.finished_at,
        "outcome": None if last is None else last.outcome,
        "line": None if last is None else _line(last, own),
        "overdue": is_overdue(when, done, at),
    }


def _line(run: SchedulerRun, own: set[str] | None) -> str | None:
    """Return what a run says of itself; to an agency, only what it did for its draws."""
    if own is None or run.line is None:
        return run.line
    if run.outcome == Outcome.FAILED:
        return None
    parts = [part for part in run.line.split("; ") if part.partition(" ")[0] in own]
    return "; ".join(parts) or None


def _draws(at: datetime, agency_id: UUID | None) -> Iterator[dict[str, Any]]:
    found = queries.draws_in(agency_id).where(Draw.state.in_(_OPEN)).order_by(Draw.draw_no)
    for draw in db.session.scalars(found).unique():
        waiting = reading.waiting_for(draw, at)
        if waiting is not None:
            yield _waiting(
                waiting,
                draw.state,
                draw.period,
                draw_no=draw.draw_no,
                plan_id=draw.plan_id,
                reminders=draw.reminders,
            )


def _plans(at: datetime, agency_id: UUID | None) -> Iterator[dict[str, Any]]:
    """Yield the plans whose day has come and that have no draw yet."""
    on = local_date(at)
    for plan in queries.due_plans(on):
        if agency_id not in (None, plan.agency_id) or not plans.is_due(plan, on):
            continue
        begins = day_begins(plan.draw_on)
        detail = f"计划“{plan.name}”（{plan.period}）已到抽取日，等待定时任务。"
        waiting = Waiting("start", detail, begins, late=at > begins + START_GRACE)
        yield _waiting(waiting, "due", plan.period, plan_id=plan.id)


def _holds(agency_id: UUID | None) -> Iterator[dict[str, Any]]:
    """Yield the periods that wait for an administrator after a restore."""
    for hold in queries.holds_of(agency_id):
        detail = f"恢复后暂停，等待管理员核对并解除：{hold.detail}"
        yield _waiting(Waiting("release", detail, hold.held_at, late=True), "held", hold.period)


def _changes(agency_id: UUID | None) -> Iterator[dict[str, Any]]:
    """Yield the changes of results that wait for a second person, or have nobody left to draw."""
    for change in change_queries.undecided_changes(agency_id):
        if change.held_detail is None:
            detail = f"{change.kind_name}已提出，等待另一名负责人复核。"
            waiting = Waiting("change", detail, change.proposed_at, late=False)
        else:
            waiting = Waiting("nobody-left", change.held_detail, change.confirmed_at, late=True)
        yield _waiting(waiting, change.state, change.draw.period, draw_no=change.draw_no)


def _waiting(
    waiting: Waiting,
    state: str,
    period: str,
    *,
    draw_no: str | None = None,
    plan_id: UUID | None = None,
    reminders: int = 0,
) -> dict[str, Any]:
    roles, whom = _WHOM.get(waiting.code, _NOBODY)
    return {
        "draw_no": draw_no,
        "period": period,
        "plan_id": plan_id,
        "state": state,
        "waits_for": waiting.code,
        "roles": roles,
        "whom": whom,
        "detail": waiting.detail,
        "due_at": waiting.due_at,
        "late": waiting.late,
        "reminders": reminders,
    }


def _late(
    waiting: list[dict[str, Any]], jobs: list[dict[str, Any]], *, acting: bool
) -> Iterator[dict[str, Any]]:
    for one in waiting:
        if one["late"]:
            name = one["draw_no"] or one["period"]
            yield {"what": "draw", "name": name, "detail": one["detail"], "due_at": one["due_at"]}
    for job in jobs:
        if job["outcome"] == Outcome.FAILED:
            detail = f"最近一次运行失败。{job['line'] or ''}"
        elif job["overdue"]:
            detail = "到期没有运行。"
        else:
            continue
        yield {"what": "job", "name": job["job"], "detail": detail, "due_at": job["last_due_at"]}
    if not acting:
        detail = "没有定时任务进程在运行，请管理员启动 suicha scheduler run。"
        yield {"what": "timetable", "name": "timetable", "detail": detail, "due_at": None}


def _late_years(at: datetime, agency_id: UUID | None) -> Iterator[dict[str, Any]]:
    """Yield the annual plans that are not public by the day the law names."""
    for late in annual_plans.plans_late(local_date(at)):
        if agency_id in (None, late.agency_id):
            yield {
                "what": "annual-plan",
                "name": f"{late.district}-{late.year}",
                "detail": f"{late.agency} {late.year} 年度抽查计划没有按期公布。",
                "due_at": day_begins(late.due_on) + timedelta(days=1),
            }
