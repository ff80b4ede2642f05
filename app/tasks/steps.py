"""What every step of a task has in common: whether its state allows it, who, when, the journal."""

from datetime import datetime
from typing import Any

from app.access import Actor
from app.db import touch
from app.errors import Conflict
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks import rules
from app.tasks.models import Task
from app.tasks.rules import TaskState, Verb


class TaskStateWrong(Conflict):
    """The task's state does not allow this; extras: `state`, `verb`, `possible` verbs."""

    code, title = "task-state-wrong", "任务状态不允许此操作"


_EVENTS = {
    Verb.ASSIGN: Event.TASK_ASSIGNED,
    Verb.REASSIGN: Event.TASK_REASSIGNED,
    Verb.ACCEPT: Event.TASK_ACCEPTED,
    Verb.START: Event.TASK_STARTED,
    Verb.SUBMIT: Event.TASK_SUBMITTED,
    Verb.RETURN: Event.TASK_RETURNED,
    Verb.ANSWER_RETURN: Event.TASK_RETURN_ANSWERED,
    Verb.RECORD_RESULTS: Event.TASK_RESULTS_RECORDED,
    Verb.COMPLETE: Event.TASK_COMPLETED,
    Verb.PROPOSE_CLOSING: Event.TASK_CLOSING_PROPOSED,
    Verb.APPROVE_CLOSING: Event.TASK_CLOSED,
    Verb.REFUSE_CLOSING: Event.TASK_CLOSING_REFUSED,
    Verb.REOPEN: Event.TASK_REOPENED,
}
_PAIRS = {
    Verb.ASSIGN: "assigned",
    Verb.REASSIGN: "assigned",
    Verb.ACCEPT: "accepted",
    Verb.START: "started",
    Verb.SUBMIT: "submitted",
    Verb.RETURN: "returned",
    Verb.ANSWER_RETURN: "submitted",
    Verb.RECORD_RESULTS: "completed",
    Verb.COMPLETE: "completed",
    Verb.PROPOSE_CLOSING: "closing_proposed",
    Verb.APPROVE_CLOSING: "closed",
    Verb.REFUSE_CLOSING: "closing_refused",
    Verb.REOPEN: "reopened",
}


def following(task: Task, verb: Verb) -> TaskState:
    """Return the state that `verb` leads to. Raises TaskStateWrong."""
    state = TaskState(task.state)
    found = rules.following(
        verb,
        state,
        previous=None if task.previous_state is None else TaskState(task.previous_state),
        awaiting_results=task.awaiting_results,
    )
    if found is None:
        name = rules.state_name(state, awaiting_results=task.awaiting_results)
        raise TaskStateWrong(
            f"任务 {task.task_no} 现为“{name}”，不能{rules.VERB_NAMES[verb]}。请刷新后再办理。",
            state=str(state),
            verb=str(verb),
            possible=[
                str(possible)
                for possible in rules.possible_verbs(state, awaiting_results=task.awaiting_results)
            ],
        )
    return found


def move(
    task: Task,
    verb: Verb,
    state: TaskState,
    *,
    by: Actor,
    at: datetime,
    data: dict[str, Any] | None = None,
) -> Task:
    """Take the step: state, who and when, journal."""
    task.state, task.previous_state, task.awaiting_results = state, None, False
    stamp(task, _PAIRS[verb], by=by, at=at)
    touch(task)  # of some steps only the team is changed
    journal.record(_EVENTS[verb], task, by=by, at=at, data={"state": str(state), **(data or {})})
    return task


def stamp(task: Task, pair: str, *, by: Actor, at: datetime) -> None:
    """Write who and when in a pair of columns."""
    setattr(task, f"{pair}_at", at)
    setattr(task, f"{pair}_by_kind", str(by.kind))
    setattr(task, f"{pair}_by_id", by.id)


def clear(task: Task, pair: str) -> None:
    """Empty a pair of columns."""
    for suffix in ("at", "by_kind", "by_id"):
        setattr(task, f"{pair}_{suffix}", None)
