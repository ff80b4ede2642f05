"""An operation being carried out, what it did, and whose task or visit it may touch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.db import db
from app.errors import Forbidden
from app.tasks.models import Task
from app.visits import contributing
from app.visits.models import Visit
from sync.inbox.rules import OperationType, Outcome
from sync.operations import Operation


class NotTheirVisit(Forbidden):
    code, title = "not-their-visit", "不是本次检查的人员"


@dataclass(frozen=True)
class Effect:
    """What an operation did: its outcome, and the version of its entity afterwards.

    Where the version is there only after the next flush, `entity` has it then.
    """

    outcome: Outcome
    version: int | None = None
    reason: str | None = None
    detail: Mapping[str, Any] | None = None
    entity: Any = None


@dataclass(frozen=True)
class Doing:
    """An operation being carried out: by its author on its device, received at.

    `admitted`: a supervisor lets it in although it came too late.
    """

    operation: Operation
    type: OperationType
    by: Actor
    at: datetime
    clock_suspect: bool
    admitted: bool = False

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.operation.fields

    @property
    def entity_id(self) -> UUID:
        return self.operation.entity_id

    @property
    def officer_id(self) -> UUID:
        return self.operation.officer_id

    def id_of(self, name: str) -> UUID:
        return UUID(self.fields[name])


def applied(entity: Any, outcome: Outcome = Outcome.APPLIED) -> Effect:
    """Return that an operation took effect on an entity."""
    db.session.flush()  # the receipt names the version that the database gave
    return Effect(outcome, entity.version)


def their_task(task_id: UUID, doing: Doing) -> Task:
    """Return an open task on whose team the author is; raises what `task_for` raises."""
    return contributing.task_for(task_id, doing.officer_id, admitted=doing.admitted, by=doing.by)


def their_visit(visit_id: UUID, doing: Doing) -> Visit:
    """Return a visit of the author's open task, or an unplanned one that the author attended.

    Raises VisitUnknown, NotTheirVisit, and what `their_task` raises.
    """
    visit = contributing.begun_visit(
        visit_id, doing.officer_id, admitted=doing.admitted, by=doing.by
    )
    if visit.task_id is not None:
        their_task(visit.task_id, doing)
    elif not doing.admitted and doing.officer_id not in {
        one.officer_id for one in visit.attendance
    }:
        raise NotTheirVisit("您不是本次检查的人员，内容已留存，由负责人处理。")
    return visit
