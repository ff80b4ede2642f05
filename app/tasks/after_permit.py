"""The check after a permit that was granted on a promise 告知承诺: made by the timetable, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.catalogue import service as catalogue
from app.db import db
from app.people.models import Agency
from app.tasks import service
from app.tasks.models import AfterPermitTask, Task
from app.tasks.rules import NewTask, suited_checklist
from app.units.models import Licence, Unit, UnitRegistration
from app.units.rules import UnitStatus, is_drawable

ORIGIN = "after-permit"
_SETTING = "after-permit"


@dataclass(frozen=True, slots=True)
class Promised:
    """A licence granted on a promise that has no check yet."""

    unit_id: UUID
    kind: str
    number: str
    valid_from: date
    object_class: str | None


def promised(on: date) -> Sequence[Promised]:
    """Return the licences that need a check after the permit and have none, on a day.

    Those granted since the day that the setting names; of units that may practise. A licence
    without its day, or of a unit registered for nothing, cannot be dated or assigned: it waits.
    """
    since = date.fromisoformat(str(_rule(on)["since"]))
    made = sa.exists().where(
        AfterPermitTask.unit_id == Licence.unit_id,
        AfterPermitTask.licence_kind == Licence.kind,
        AfterPermitTask.licence_number == Licence.number,
    )
    registered = sa.exists().where(UnitRegistration.unit_id == Licence.unit_id)
    drawable = [status for status in UnitStatus if is_drawable(status)]
    query = (
        sa.select(
            Licence.unit_id,
            Licence.kind,
            Licence.number,
            sa.func.min(Licence.valid_from),
            sa.func.min(Licence.object_class),
        )
        .join(Unit, Unit.id == Licence.unit_id)
        .where(
            Licence.commitment,
            Licence.valid_from >= since,
            Licence.valid_from <= on,
            Unit.state.in_(drawable),
            registered,
            ~made,
        )
        .group_by(Licence.unit_id, Licence.kind, Licence.number)
        .order_by(Licence.unit_id, Licence.number)
    )
    return [
        Promised(unit_id, kind, number, valid_from, object_class)
        for unit_id, kind, number, valid_from, object_class in db.session.execute(query)
        if valid_from is not None  # said above; the least of no days would be none
    ]


def create_check(one: Promised, *, on: date, by: Actor, at: datetime) -> Task | None:
    """Create the check of a licence, due so many days after it was granted; None if it is there.

    Raises what keeps a task from being created.
    """
    key = (one.unit_id, one.kind, one.number)
    if db.session.get(AfterPermitTask, key) is not None:
        return None
    unit = db.session.get_one(Unit, one.unit_id)
    specialty, object_class = _kind(unit, one.object_class)
    checklists = catalogue.in_force(catalogue.Kind.CHECKLIST, on)
    task = service.create_task(
        NewTask(
            unit_id=unit.id,
            specialty=specialty,
            object_class=object_class,
            origin=ORIGIN,
            origin_reference=one.number,
            checklist_code=suited_checklist(checklists, specialty, object_class),
            due_on=one.valid_from + timedelta(days=int(_rule(on)["days"])),
        ),
        agency=db.session.get_one(Agency, unit.agency_id),
        by=by,
        at=at,
    )
    db.session.add(
        AfterPermitTask(
            unit_id=one.unit_id,
            licence_kind=one.kind,
            licence_number=one.number,
            task_id=task.id,
        )
    )
    db.session.flush()  # two at once: the second finds the key taken and undoes its task
    return task


def _kind(unit: Unit, object_class: str | None) -> tuple[str, str | None]:
    """Return what the check is for: the licence's class, else what the unit is registered for."""
    kinds = sorted((one.specialty, one.object_class) for one in unit.registrations)
    same = [kind for kind in kinds if kind[1] == object_class]
    return (same or kinds)[0]


def _rule(on: date) -> dict[str, Any]:
    found: dict[str, Any] = catalogue.setting(_SETTING, on)
    return found
