"""Tasks over HTTP: supervisors lead them through their life, officers accept and propose."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, current_agency_id, requires
from app.days import local_date
from app.db import transaction
from app.errors import Forbidden
from app.people import service as people
from app.problems import Blueprint, Page, page
from app.tasks import queries, service
from app.tasks.models import Task
from app.tasks.rules import NewTask
from app.tasks.schemas import (
    AssignTaskSchema,
    NewTaskSchema,
    OutcomeSchema,
    ProposeClosingSchema,
    ReassignTaskSchema,
    ReopenTaskSchema,
    TaskQuerySchema,
    TaskReasonSchema,
    TaskSchema,
)

blp = Blueprint("tasks", __name__, url_prefix="/tasks", description="任务")

READERS = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.LEGAL_REVIEWER,
    Role.CLERK,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
)


class OfficerRequired(Forbidden):
    code, title = "officer-required", "需要监督员身份"


@blp.route("")
@requires(*READERS)
@blp.arguments(TaskQuerySchema, location="query")
@blp.paged(TaskSchema)
def list_tasks(query: dict[str, Any]) -> Page[Task]:
    """查询本机构的任务"""
    paging = {"limit": query.pop("limit"), "cursor": query.pop("cursor")}
    statement = queries.tasks_of(current_agency_id(), on=local_date(clock.now()), **query)
    return page(statement, Task.id, **paging)


@blp.route("", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.creates
@blp.arguments(NewTaskSchema)
@blp.response(201, TaskSchema)
def create_task(data: dict[str, Any]) -> Task:
    """新建任务"""
    with transaction():
        agency = people.get_agency(current_agency_id())
        return service.create_task(
            NewTask(**data), agency=agency, by=current_actor(), at=clock.now()
        )


@blp.route("/<uuid:task_id>")
@requires(*READERS)
@blp.etag
@blp.response(200, TaskSchema)
def get_task(task_id: UUID) -> Task:
    """查看任务"""
    task = service.get_task(task_id, current_agency_id())
    blp.set_etag(task.version)
    return task


@blp.route("/<uuid:task_id>/assign", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(AssignTaskSchema)
@blp.response(200, TaskSchema)
def assign(data: dict[str, Any], task_id: UUID) -> Task:
    """分派任务"""
    return _step(
        task_id,
        service.assign_task,
        officer_ids=data["officer_ids"],
        lead_id=data["lead_officer_id"],
    )


@blp.route("/<uuid:task_id>/reassign", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ReassignTaskSchema)
@blp.response(200, TaskSchema)
def reassign(data: dict[str, Any], task_id: UUID) -> Task:
    """改派任务"""
    return _step(
        task_id,
        service.reassign_task,
        officer_ids=data["officer_ids"],
        lead_id=data["lead_officer_id"],
        reason=data["reason"],
    )


@blp.route("/<uuid:task_id>/accept", methods=["POST"])
@requires(Role.OFFICER)
@blp.etag
@blp.response(200, TaskSchema)
def accept(task_id: UUID) -> Task:
    """接收任务"""
    officer_id = current_actor().officer_id
    if officer_id is None:
        raise OfficerRequired("您的账号没有关联监督员，请联系管理员。")
    return _step(task_id, service.accept_task, officer_id=officer_id)


@blp.route("/<uuid:task_id>/return", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(TaskReasonSchema)
@blp.response(200, TaskSchema)
def return_(data: dict[str, Any], task_id: UUID) -> Task:
    """退回补正"""
    return _step(task_id, service.return_task, reason=data["reason"])


@blp.route("/<uuid:task_id>/complete", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.response(200, TaskSchema)
def complete(task_id: UUID) -> Task:
    """完成任务"""
    return _step(task_id, service.complete_task)


@blp.route("/<uuid:task_id>/record-results", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(OutcomeSchema)
@blp.response(200, TaskSchema)
def record_results(data: dict[str, Any], task_id: UUID) -> Task:
    """录入最后一项检测结果"""
    return _step(task_id, service.record_results, outcome=data["outcome"])


@blp.route("/<uuid:task_id>/propose-closing", methods=["POST"])
@requires(Role.OFFICER, Role.SUPERVISOR)
@blp.etag
@blp.arguments(ProposeClosingSchema)
@blp.response(200, TaskSchema)
def propose_closing(data: dict[str, Any], task_id: UUID) -> Task:
    """申请关闭任务"""
    return _step(task_id, service.propose_closing, **data)


@blp.route("/<uuid:task_id>/approve-closing", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.response(200, TaskSchema)
def approve_closing(task_id: UUID) -> Task:
    """批准关闭任务

    由提出人以外、不在检查人员之列的另一名负责人办理。
    """
    return _step(task_id, service.approve_closing)


@blp.route("/<uuid:task_id>/refuse-closing", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(TaskReasonSchema)
@blp.response(200, TaskSchema)
def refuse_closing(data: dict[str, Any], task_id: UUID) -> Task:
    """不批准关闭任务"""
    return _step(task_id, service.refuse_closing, reason=data["reason"])


@blp.route("/<uuid:task_id>/reopen", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.etag
@blp.arguments(ReopenTaskSchema)
@blp.response(200, TaskSchema)
def reopen(data: dict[str, Any], task_id: UUID) -> Task:
    """重新打开任务"""
    return _step(
        task_id,
        service.reopen_task,
        reason=data["reason"],
        second_id=data["second_officer_id"],
        officer_ids=data["officer_ids"],
        lead_id=data["lead_officer_id"],
    )


def _step(task_id: UUID, verb: Callable[..., Task], **values: Any) -> Task:
    """Take one step of a task's life in a transaction, on the version the client has seen."""
    with transaction():
        blp.check_version(service.get_task(task_id, current_agency_id()), TaskSchema)
        task = verb(task_id, **values, by=current_actor(), at=clock.now())
    blp.set_etag(task.version)
    return task
