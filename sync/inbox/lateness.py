"""What the team of a task hears of contributions that came too late for their authors."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db
from app.tasks import service as tasks
from app.tasks.models import Task
from sync.inbox.models import ReviewItem
from sync.inbox.rules import ReviewState


def tell_teams(task_ids: Collection[UUID], *, by: Actor, at: datetime) -> None:
    """Let each task say how many late contributions to it wait for a supervisor.

    Its team reads that with the task; what was contributed, only who decides. The task is locked
    before counting: of two tablets that come at once, the second counts both.
    """
    db.session.flush()
    for task_id in sorted(task_ids):
        task = db.session.get(Task, task_id, with_for_update=True, populate_existing=True)
        if task is None:
            continue
        waiting = db.session.scalar(
            sa.select(sa.func.count()).where(
                ReviewItem.task_id == task_id, ReviewItem.state == ReviewState.OPEN
            )
        )
        tasks.note_late(task, waiting or 0, by=by, at=at)
