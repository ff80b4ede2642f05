"""Who may contribute to a visit, and to what of it.

What comes too late, or to what is not there, is refused with a code that the inbox keeps as the
reason (`late-contribution`, `task-closed`, `task-gone`, `form-version`, `visit-locked` …).
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from app.access import Actor
from app.db import db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.visits import queries, rules
from app.visits.models import Visit
from app.visits.rules import VisitState


class VisitUnknown(NotFound):
    code, title = "visit-unknown", "未找到检查"


class TaskGone(NotFound):
    code, title = "task-gone", "任务已不存在"


class TaskIsClosed(Conflict):
    code, title = "task-closed", "任务已关闭或已完成"


class LateContribution(Conflict):
    code, title = "late-contribution", "任务已改派他人"


class VisitIdWrong(Invalid):
    code, title = "visit-id-wrong", "检查编号不符"


class VisitLocked(Conflict):
    code, title = "visit-locked", "检查已签名锁定"


class FormVersionUnknown(Invalid):
    code, title = "form-version", "表单版本不可用"


class ItemUnknown(Invalid):
    code, title = "item-unknown", "检查表中没有该事项"


class NotOnVisit(Forbidden):
    code, title = "not-on-visit", "不是本次检查的人员"


def get_visit(visit_id: UUID, agency_id: UUID | None) -> Visit:
    """Return a visit of the agency. Raises VisitUnknown, also for another agency's visit."""
    visit = queries.find_visit(visit_id)
    if visit is None or visit.agency_id != agency_id:
        raise VisitUnknown("没有这次检查，或它不属于本机构。")
    return visit


def begun_visit(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit of the agency that somebody began.

    What is said about a visit that nobody began comes too late all the same when its task is
    closed or another's meanwhile: raises TaskIsClosed and LateContribution before VisitUnknown.
    """
    if queries.find_visit(visit_id) is None and not admitted:
        task = queries.find_task_of(visit_id)
        if task is not None and task.agency_id == by.agency_id:
            task_for(task.id, officer_id, by=by)
    return get_visit(visit_id, by.agency_id)


def open_visit(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit whose contents this officer may still change."""
    visit = visit_for(visit_id, officer_id, admitted=admitted, by=by)
    refuse_locked(visit)
    return visit


def refuse_locked(visit: Visit) -> None:
    """Raise VisitLocked once a visit is signed."""
    if visit.state == VisitState.SIGNED:
        raise VisitLocked(
            "本次检查已签名锁定，内容不能再改；需要更正请办理补正。", signed_at=visit.signed_at
        )


def visit_for(visit_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Visit:
    """Return a visit that this officer is part of, and whose task is still theirs.

    The visit of a round that is over ended with it: what comes to it now is late.
    """
    visit = begun_visit(visit_id, officer_id, admitted=admitted, by=by)
    if visit.task_id is not None:
        task = task_for(visit.task_id, officer_id, admitted=admitted, by=by)
        if task.visit_id != visit.id and not admitted:
            raise TaskIsClosed(
                "任务已重新打开，这次检查属于上一轮；内容已留存，由负责人处理。", state=task.state
            )
    elif not admitted and officer_id not in _attending(visit):
        raise NotOnVisit("您不是本次检查的人员，不能修改其内容。")
    return visit


def _attending(visit: Visit) -> Collection[UUID]:
    return {one.officer_id for one in visit.attendance}


def task_for(task_id: UUID, officer_id: UUID, *, admitted: bool = False, by: Actor) -> Task:
    """Return an open task on whose team this officer is; whoever is `admitted` may be late.

    Raises TaskGone, TaskIsClosed and LateContribution: the three ways in which work offline can
    come too late.
    """
    task = db.session.get(Task, task_id)
    if task is None or task.agency_id != by.agency_id:
        raise TaskGone("该任务已不存在，内容已留存，由负责人处理。")
    if admitted:
        return task
    if task.state in {TaskState.COMPLETED, TaskState.CLOSED}:
        raise TaskIsClosed("该任务已完成或已关闭，内容已留存，由负责人处理。", state=task.state)
    if officer_id not in task.officer_ids():
        raise LateContribution("该任务已改派他人，内容已留存，由负责人处理。", task_id=task.id)
    return task


def items_of_form(code: str, form_version: int | None) -> Mapping[UUID, rules.Item]:
    """Return the items of a checklist as a version asks them. Raises FormVersionUnknown."""
    items = queries.form_items(code, form_version or 0)
    if items is None:
        raise FormVersionUnknown(
            "服务器没有这一版检查表，内容已留存，由负责人处理。",
            checklist_code=code,
            form_version=form_version,
        )
    return items


def item_of(visit: Visit, item_id: UUID) -> rules.Item:
    """Return an item of the visit's checklist. Raises ItemUnknown and FormVersionUnknown."""
    items = (
        {}
        if visit.checklist_code is None
        else items_of_form(visit.checklist_code, visit.form_version)
    )
    if item_id not in items:
        raise ItemUnknown("本次检查的检查表中没有该事项。", item_id=item_id)
    return items[item_id]
