"""The day on which somebody means to go for a task, and the joint visit that it goes with.

Whoever plans tells the task, and its row tells the tablets of its team; a task knows no more of a
plan than that.
"""

from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks.models import Task
from app.tasks.rules import STATE_NAMES, UNBEGUN_STATES, TaskState
from app.tasks.steps import TaskStateWrong


def plan_task(
    task: Task, planned_on: date, joint_visit_id: UUID, *, by: Actor, at: datetime
) -> bool:
    """Give a task that nobody began its day and its joint visit; False where it has both already.

    Raises TaskStateWrong.
    """
    if task.state not in UNBEGUN_STATES:
        name = STATE_NAMES[TaskState(task.state)]
        raise TaskStateWrong(
            f"任务 {task.task_no} 现为“{name}”，不能再安排检查日期。",
            state=task.state,
            possible=[],
        )
    if (task.planned_on, task.joint_visit_id) == (planned_on, joint_visit_id):
        return False
    task.planned_on, task.joint_visit_id = planned_on, joint_visit_id
    data = {"planned_on": planned_on.isoformat(), "joint_visit_id": str(joint_visit_id)}
    journal.record(Event.TASK_PLANNED, task, by=by, at=at, data=data)
    return True


def drop_plan(task: Task, *, by: Actor, at: datetime) -> None:
    """Take a task's day and joint visit from it, where it has them."""
    if task.joint_visit_id is None:
        return
    data = {"joint_visit_id": str(task.joint_visit_id)}
    task.planned_on = task.joint_visit_id = None
    journal.record(Event.TASK_PLAN_DROPPED, task, by=by, at=at, data=data)
