"""Quarterly operations at key institutions: one visit that covers all that they are supervised for.

A key institution 重点机构 stands on the list `key-institution` of unit labels. How many operations
a quarter there should be are rows of the catalogue (一支队伍进机构, 每季度一至二次).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.access import Actor
from app.caps.rules import span
from app.catalogue import service as catalogue
from app.catalogue.caps import Period
from app.days import local_date
from app.errors import Invalid
from app.jointvisits import queries
from app.jointvisits.models import JointVisit
from app.jointvisits.rules import VisitKind
from app.people.models import Agency
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import NewTask, suited_checklist
from app.units import queries as unit_queries
from app.units.models import Unit

KEY = "key-institution"
LEAST, MOST = "operations-per-quarter-least", "operations-per-quarter-most"
ORIGIN = "operation"  # a row of the catalogue: caps say by it what they do not count


class OperationInvalid(Invalid):
    code, title = "joint-operation-invalid", "全事项检查安排有误"


class Warned(StrEnum):
    """What is wrong with the number of operations in a quarter."""

    TOO_FEW = "too-few"
    TOO_MANY = "too-many"


@dataclass(frozen=True)
class Operations:
    """A key institution's operations of a quarter: planned by published plans, and held."""

    unit_id: UUID
    planned: int
    held: int
    warning: Warned | None


def key_institutions(agency_id: UUID, on: date) -> set[UUID]:
    """Return the units of an agency that are key institutions on a day."""
    labels = unit_queries.labels_on(agency_id, on)
    return {unit_id for unit_id, own in labels.items() if KEY in own}


def operations_of(agency_id: UUID, on: date, *, today: date) -> list[Operations]:
    """Return each key institution's operations in the quarter of a day, with what is wrong.

    Of a quarter that is over only those that were held count.
    """
    first, last = span(Period.QUARTER, on)
    least, most = wanted_on(on)
    units = key_institutions(agency_id, min(max(first, today), last))
    planned: dict[UUID, int] = dict.fromkeys(units, 0)
    held: dict[UUID, int] = dict.fromkeys(units, 0)
    for unit_id, is_held in queries.operations_between(agency_id, first, last):
        if unit_id in units:
            planned[unit_id] += 1
            held[unit_id] += is_held
    counted = held if last < today else planned
    return [
        Operations(one, planned[one], held[one], warning_of(counted[one], least, most))
        for one in sorted(units)
    ]


def wanted_on(on: date) -> tuple[int, int]:
    """Return how many operations a quarter there should be at least and at most."""
    return int(catalogue.setting(LEAST, on)), int(catalogue.setting(MOST, on))


def warning_of(count: int, least: int, most: int) -> Warned | None:
    """Say what is wrong with so many operations in a quarter."""
    if count < least:
        return Warned.TOO_FEW
    return Warned.TOO_MANY if count > most else None


def call_operations(
    agency: Agency, on: date, unit_ids: Collection[UUID] = (), *, by: Actor, at: datetime
) -> list[Task]:
    """Create what an operation lacks: a task for each thing that an institution is supervised for.

    What waits already is not created again. Without `unit_ids` it is for every key institution with
    too few operations in the quarter of the day. A plan gathers the tasks, which may be planned
    from the quarter's first day on and are due at its end. Raises OperationInvalid (not a key
    institution, a quarter that is over).
    """
    today = local_date(at)
    first, last = span(Period.QUARTER, on)
    if last < today:
        raise OperationInvalid("该季度已经过去。")
    units = key_institutions(agency.id, min(max(first, today), last))
    if strange := set(unit_ids) - units:
        raise OperationInvalid("不是本机构的重点机构。", units=sorted(str(one) for one in strange))
    wanted = set(unit_ids) or {
        one.unit_id
        for one in operations_of(agency.id, on, today=today)
        if one.warning is Warned.TOO_FEW
    }
    waiting = queries.waiting_matters(agency.id, wanted, first, last, today=today)
    checklists = catalogue.in_force(catalogue.Kind.CHECKLIST, today)
    reference = f"一支队伍进机构 {first.year}-Q{(first.month + 2) // 3}"
    new = [
        NewTask(
            unit_id=unit.id,
            specialty=specialty,
            object_class=object_class,
            origin=ORIGIN,
            origin_reference=reference,
            checklist_code=suited_checklist(checklists, specialty, object_class),
            due_on=last,
            from_on=first,
        )
        for unit in queries.units_by_id(wanted)
        for specialty, object_class in sorted(matters_of(unit))
        if (unit.id, specialty, object_class) not in waiting
    ]
    return tasks.create_tasks(new, agency=agency, by=by, at=at)


def matters_of(unit: Unit) -> set[tuple[str, str | None]]:
    """Return all that a unit is supervised for 全事项: specialties with their classes."""
    return {(one.specialty, one.object_class) for one in unit.registrations}


def mark_kinds(agency_id: UUID, visits: Sequence[JointVisit], *, on: date) -> None:
    """Say of visits whether they are operations: all of a key institution's matters together."""
    keys = key_institutions(agency_id, on)
    own = [visit for visit in visits if visit.unit_id in keys]
    units = {unit.id: unit for unit in queries.units_by_id({one.unit_id for one in own})}
    found = queries.tasks_by_id({row.task_id for one in own for row in one.tasks})
    for visit in visits:
        visit.kind = VisitKind.MERGED
    for visit in own:
        matters = matters_of(units[visit.unit_id])
        carried = {
            (task.specialty, task.object_class)
            for task in (found[row.task_id] for row in visit.tasks)
        }
        if matters and matters <= carried:
            visit.kind = VisitKind.OPERATION
