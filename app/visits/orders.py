"""Corrective orders 责令改正: issued at a visit, due, rechecked, complied with or not.

An order is a fact once it was handed over: nothing about its term refuses it. What it leads to, the
recheck task, is made once, by the timetable, when the term is over.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.rules import DayKind, Deadline, Term, due
from app.days import local_date
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks import rules as task_rules
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.rules import NewTask
from app.units import service as units
from app.visits import contributing, queries, terms
from app.visits.models import CorrectiveOrder, CorrectiveOrderItem, Visit
from app.visits.rules import effective_at
from app.visits.terms import CONCLUDABLE, OrderItem, OrderState

RECHECK = "recheck"  # the origin's code in the catalogue
WORKING_DAY_TERMS = "order-working-day-terms"
MOVED = "deadline-moved-to-working-day"
RECHECK_WITHIN = "recheck-within-days"


class OrderUnknown(NotFound):
    code, title = "order-unknown", "未找到责令改正"


class OrderDiffers(Conflict):
    code, title = "order-differs", "与已下达的责令改正不一致"


class OrderStateWrong(Conflict):
    code, title = "order-state-wrong", "责令改正状态不允许此操作"


class FindingUnknown(Conflict):
    code, title = "finding-unknown", "没有这项检查发现"


class FindingAlreadyOrdered(Conflict):
    code, title = "finding-already-ordered", "该问题已责令改正"


class OrderTermWrong(Invalid):
    code, title = "order-term-wrong", "改正期限有误"


@dataclass(frozen=True)
class NewOrder:
    """What a tablet says of an order: what is to be corrected, and by when.

    The term is either a number of days (0: at once) or the day itself, as the document has it.
    """

    items: Sequence[OrderItem]
    number: str
    correct_within_days: int | None = None
    due_on: date | None = None
    clock_suspect: bool = False


@dataclass(frozen=True)
class Issued:
    """An order that stands; `again` when another tablet had issued the same before."""

    order: CorrectiveOrder
    again: bool


def get_order(order_id: UUID, agency_id: UUID | None) -> CorrectiveOrder:
    """Return an order of the agency. Raises OrderUnknown, also for another agency's."""
    order = db.session.get(CorrectiveOrder, order_id)
    if order is None or order.agency_id != agency_id:
        raise OrderUnknown("没有这份责令改正，或它不属于本机构。")
    return order


def issue_order(
    order_id: UUID,
    visit_id: UUID,
    new: NewOrder,
    *,
    officer_id: UUID,
    recorded_at: datetime,
    document_id: UUID | None = None,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Issued:
    """Issue an order at a visit, under the id that the tablet gave it.

    The same findings with the same term again, from the other tablet of the pair, make no second
    order. The term begins on the day on which it was handed over; where the calendar that it needs
    is not loaded it stays open with its reason. `admitted`: a supervisor lets in what came too
    late. Flushes: of two who issue at once one finds the other's.

    Raises OrderTermWrong, FindingUnknown, FindingAlreadyOrdered, OrderDiffers, and what keeps an
    officer from contributing (VisitUnknown, TaskGone, TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = contributing.visit_for(visit_id, officer_id, admitted=admitted, by=by)
    if (new.correct_within_days is None) == (new.due_on is None):
        raise OrderTermWrong("请写明改正期限：天数或者日期，二者择一。")
    key = terms.order_key(new.items)
    if known := queries.find_order(visit_id, key):
        _refuse_different(known, new)
        return Issued(known, again=True)
    if db.session.get(CorrectiveOrder, order_id) is not None:
        raise OrderDiffers("这个编号已用于另一份责令改正。", order_id=order_id)
    _refuse_findings(visit, new.items)
    suspect = visit.clock_suspect or new.clock_suspect
    issued_on = local_date(effective_at(recorded_at, at, suspect=suspect))
    deadline = _deadline(new.correct_within_days, new.due_on, issued_on)
    order = CorrectiveOrder(
        id=order_id,
        agency_id=visit.agency_id,
        district=visit.district,
        visit_id=visit_id,
        task_id=visit.task_id,
        unit_id=visit.unit_id,
        document_id=document_id,
        number=new.number,
        content_key=key,
        state=OrderState.OPEN,
        issued_on=issued_on,
        correct_within_days=new.correct_within_days,
        due_on=deadline.due_on,
        due_reason=deadline.reason,
        officer_id=officer_id,
        recorded_at=recorded_at,
        issued_at=at,
        issued_by_kind=by.kind,
        issued_by_id=by.id,
        **_recheck_of(visit, issued_on),
    )
    order.items = [
        CorrectiveOrderItem(
            place=place, finding_id=item.finding_id, text=item.text, basis=item.basis
        )
        for place, item in enumerate(new.items, 1)
    ]
    db.session.add(order)
    journal.record(
        Event.CORRECTIVE_ORDER_ISSUED,
        order,
        by=by,
        at=at,
        data={
            "visit_id": str(visit_id),
            "unit_id": str(visit.unit_id),
            "officer_id": str(officer_id),
            "finding_ids": [str(one.finding_id) for one in new.items if one.finding_id],
            "items": len(new.items),
            **_due_data(order),
        },
    )
    db.session.flush()
    return Issued(order, again=False)


def _refuse_different(known: CorrectiveOrder, new: NewOrder) -> None:
    """Raise OrderDiffers when the pair's two tablets ordered the same by different terms."""
    days, on = new.correct_within_days, new.due_on
    if days == known.correct_within_days and (days is not None or on == known.due_on):
        return
    raise OrderDiffers(
        "同一问题已责令改正，但期限不同，内容已留存，由负责人核对。",
        order_id=known.id,
        number=known.number,
        due_on=known.due_on,
        correct_within_days=known.correct_within_days,
    )


def _refuse_findings(visit: Visit, items: Collection[OrderItem]) -> None:
    wanted = {item.finding_id for item in items if item.finding_id is not None}
    missing = wanted - queries.finding_ids_of(visit.id)
    if missing:
        raise FindingUnknown(
            "责令改正引用的检查发现还没有上报，或属于另一次检查。",
            finding_ids=sorted(str(one) for one in missing),
        )
    if ordered := queries.ordered_findings(wanted):
        raise FindingAlreadyOrdered(
            "其中的问题已另行责令改正，内容已留存，由负责人核对。",
            finding_ids=sorted(str(one) for one in ordered),
        )


def _deadline(days: int | None, due_on: date | None, issued_on: date) -> Deadline:
    if days is None:
        return Deadline(due_on)
    working = catalogue.setting(WORKING_DAY_TERMS, issued_on)
    moved = catalogue.setting(MOVED, issued_on)
    return terms.order_due(days, issued_on, terms.DayRules(working, moved), catalogue.calendar())


def _recheck_of(visit: Visit, on: date) -> dict[str, str | None]:
    """Return for what a unit is to be rechecked: as its visit, else as it is registered."""
    if visit.task_id is not None:
        task = db.session.get_one(Task, visit.task_id)
        return {
            "specialty": task.specialty,
            "object_class": task.object_class,
            "checklist_code": task.checklist_code,
        }
    unit = units.get_unit(visit.unit_id, visit.agency_id)
    kinds = sorted((one.specialty, one.object_class) for one in unit.registrations)
    for row in catalogue.in_force("checklist", on):
        for specialty, object_class in kinds:
            if (
                row.code == visit.checklist_code
                and specialty == row.body["specialty"]
                and object_class in row.body["object_classes"]
            ):
                return _recheck(specialty, object_class, visit.checklist_code)
    return _recheck(*kinds[0], None) if kinds else _recheck(None, None, None)


def _recheck(
    specialty: str | None, object_class: str | None, checklist_code: str | None
) -> dict[str, str | None]:
    return {
        "specialty": specialty,
        "object_class": object_class,
        "checklist_code": checklist_code,
    }


def _due_data(order: CorrectiveOrder) -> dict[str, Any]:
    return {
        "due_on": None if order.due_on is None else order.due_on.isoformat(),
        "due_reason": order.due_reason,
    }


# --- what the timetable does -------------------------------------------------------------------


def follow_order(order_id: UUID, *, by: Actor, at: datetime) -> str | None:
    """Take the step of an order that is due; return its name, or None where there is none.

    A term that could not be computed is, once the calendar is there. When it is over the order
    becomes `recheck-due` and gets its recheck task, once. When that task is completed, its outcome
    says whether the order was complied with. Raises what keeps a task from being created.
    """
    order = db.session.get_one(CorrectiveOrder, order_id, populate_existing=True)
    if order.state == OrderState.OPEN and order.due_on is None:
        return _compute_due(order, by=by, at=at)
    if order.state == OrderState.OPEN and terms.is_term_over(order.due_on, local_date(at)):
        return _call_recheck(order, by=by, at=at)
    if order.state == OrderState.RECHECK_DUE:
        return _conclude_by_recheck(order, by=by, at=at)
    return None


def _compute_due(order: CorrectiveOrder, *, by: Actor, at: datetime) -> str | None:
    deadline = _deadline(order.correct_within_days, None, order.issued_on)
    if (deadline.due_on, deadline.reason) == (None, order.due_reason):
        return None
    order.due_on, order.due_reason = deadline.due_on, deadline.reason
    journal.record(Event.CORRECTIVE_ORDER_DUE_COMPUTED, order, by=by, at=at, data=_due_data(order))
    return "due-computed"


def _call_recheck(order: CorrectiveOrder, *, by: Actor, at: datetime) -> str:
    order.state = OrderState.RECHECK_DUE
    if order.specialty is not None:
        task = tasks.create_task(
            NewTask(
                unit_id=order.unit_id,
                specialty=order.specialty,
                object_class=order.object_class,
                origin=RECHECK,
                origin_reference=order.number,
                checklist_code=order.checklist_code,
                due_on=_recheck_until(order, at=at),
            ),
            agency=people.get_agency(order.agency_id),
            by=by,
            at=at,
        )
        order.recheck_task_id = task.id
    journal.record(
        Event.CORRECTIVE_ORDER_RECHECK_DUE,
        order,
        by=by,
        at=at,
        data={"task_id": None if order.recheck_task_id is None else str(order.recheck_task_id)},
    )
    return "recheck-due"


def _recheck_until(order: CorrectiveOrder, *, at: datetime) -> date | None:
    """Return the last day for the recheck: from the end of the term, but not a day that is past."""
    today = local_date(at)
    begins = order.due_on or today
    days = int(catalogue.setting(RECHECK_WITHIN, today))
    term = Term(days, DayKind.WORKING)
    found = due(term, begins, catalogue.calendar()).due_on
    if found is None or found >= today:
        return found
    return due(term, today, catalogue.calendar()).due_on


def _conclude_by_recheck(order: CorrectiveOrder, *, by: Actor, at: datetime) -> str | None:
    task = None if order.recheck_task_id is None else db.session.get(Task, order.recheck_task_id)
    if task is None or task.state != task_rules.TaskState.COMPLETED:
        return None
    rows = catalogue.in_force("outcome_code", local_date(at))
    public = next((row.body["public_result"] for row in rows if row.code == task.outcome), None)
    state = terms.recheck_says(public)
    if state is None:
        return None
    _conclude(order, state, by=by, at=at, data={"task_id": str(task.id)})
    return str(state)


# --- what a supervisor decides -----------------------------------------------------------------


def conclude_order(
    order_id: UUID, *, complied: bool, note: str, by: Actor, at: datetime
) -> CorrectiveOrder:
    """Say that an order was complied with, or that it was not by the end of its term.

    One that was not can be said to be complied with later. Raises OrderUnknown, OrderStateWrong
    (`state`), also for 逾期 while the term runs or is not known.
    """
    order = get_order(order_id, by.agency_id)
    wanted = OrderState.COMPLIED if complied else OrderState.OVERDUE
    running = order.state == OrderState.OPEN and not terms.is_term_over(
        order.due_on, local_date(at)
    )
    if order.state not in CONCLUDABLE or order.state == wanted or (running and not complied):
        raise OrderStateWrong(
            "责令改正的期限未满，或已经办结，不能这样处理。请刷新后再办理。", state=order.state
        )
    order.note = note
    _conclude(order, wanted, by=by, at=at, data={})
    return order


def _conclude(
    order: CorrectiveOrder, state: OrderState, *, by: Actor, at: datetime, data: dict[str, Any]
) -> None:
    order.state, order.concluded_at = state, at
    order.concluded_by_kind, order.concluded_by_id = by.kind, by.id
    journal.record(
        Event.CORRECTIVE_ORDER_CONCLUDED, order, by=by, at=at, data={**data, "state": str(state)}
    )
