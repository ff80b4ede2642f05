"""What the task says of a case that its visit led to: class of object 对象类别, origin.

Some causes are none for some classes, some lists not for what a draw finds.
"""

from collections.abc import Mapping
from typing import Any

from app.cases.models import PenaltyCase
from app.catalogue import causes
from app.db import db
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Visit


def object_class_of(case: PenaltyCase, cause: Mapping[str, Any]) -> str | None:
    """Return the class of what was inspected, else one of the unit's; None where none is known.

    A unit may be several at once: the cause is judged by a class that it is for, where the unit has
    one of its specialty.
    """
    task = _task_of(case)
    if task is not None and task.object_class and task.specialty == cause["specialty"]:
        return task.object_class
    unit = None if case.unit_id is None else db.session.get(Unit, case.unit_id)
    own = [] if unit is None else unit.registrations
    known = [one.object_class for one in own if one.specialty == cause["specialty"]]
    fitting = [one for one in known if causes.covers(cause, one)]
    return next(iter(fitting or known), None)


def origin_of(case: PenaltyCase) -> str | None:
    """Return the origin of the task at whose visit the act was found; None without one."""
    task = _task_of(case)
    return None if task is None else task.origin


def _task_of(case: PenaltyCase) -> Task | None:
    visit = None if case.visit_id is None else db.session.get(Visit, case.visit_id)
    if visit is None or visit.task_id is None:
        return None
    return db.session.get(Task, visit.task_id)
