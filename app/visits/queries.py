"""Reads of visits that deserve a name."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import selectinload

from app.catalogue import queries as catalogue
from app.db import db
from app.evidence.models import EvidenceLink
from app.tasks.models import Task
from app.tasks.rules import TaskState
from app.visits import rules
from app.visits.models import (
    CorrectiveOrder,
    CorrectiveOrderItem,
    Finding,
    Sample,
    Visit,
    VisitAnswer,
)
from app.visits.terms import OrderState, SampleState

_forms: WeakKeyDictionary[Engine, dict[tuple[str, int], Mapping[UUID, rules.Item]]] = (
    WeakKeyDictionary()
)


def find_visit(visit_id: UUID) -> Visit | None:
    """Return a visit of any agency."""
    return db.session.get(Visit, visit_id)


def find_finding(finding_id: UUID) -> Finding | None:
    """Return a finding by its id, which the tablet gave it."""
    return db.session.get(Finding, finding_id)


def visits_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Visit]:
    """Return the query for the visits of an agency; a filter that is None does not count.

    Filters: `state`, `unit_id`, `task_id`, `officer_id` (who attended), `mark` (which it has),
    `marked` (whether it has one).
    """
    query = sa.select(Visit).where(Visit.agency_id == agency_id).options(selectinload(Visit.marks))
    for name in ("state", "unit_id", "task_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(Visit, name) == filters[name])
    if filters.get("officer_id") is not None:
        query = query.where(Visit.attendance.any(officer_id=filters["officer_id"]))
    if filters.get("mark") is not None:
        query = query.where(Visit.marks.any(mark=filters["mark"]))
    if filters.get("marked") is not None:
        has = Visit.marks.any()
        query = query.where(has if filters["marked"] else ~has)
    return query


def answers_of(visit_id: UUID) -> Sequence[VisitAnswer]:
    """Return the answers of a visit, in the order of their ids."""
    query = sa.select(VisitAnswer).where(VisitAnswer.visit_id == visit_id)
    return db.session.scalars(query.order_by(VisitAnswer.id)).all()


def findings_of(visit_id: UUID) -> Sequence[Finding]:
    """Return the findings of a visit, oldest first."""
    query = sa.select(Finding).where(Finding.visit_id == visit_id)
    return db.session.scalars(query.order_by(Finding.id)).all()


def photos_of(subject_ids: Collection[UUID]) -> dict[UUID, int]:
    """Count what shows each subject: expected or attached, not taken back."""
    query = (
        sa.select(EvidenceLink.subject_id, sa.func.count())
        .where(EvidenceLink.subject_id.in_(subject_ids), EvidenceLink.retracted_at.is_(None))
        .group_by(EvidenceLink.subject_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def find_task_of(visit_id: UUID) -> Task | None:
    """Return the task whose present round this planned visit is, begun or not."""
    return db.session.scalars(sa.select(Task).where(Task.visit_id == visit_id)).one_or_none()


def form_items(code: str, form_version: int) -> Mapping[UUID, rules.Item] | None:
    """Return the items of one version of a checklist by id, in its order; None if unknown.

    Its items are the rows that held when it came into force. A form version never changes, so what
    was found is kept for the life of the process.
    """
    known = _forms.setdefault(db.engine, {})
    if (code, form_version) not in known:
        forms = catalogue.rows_of("checklist", code)
        form = next((row for row in forms if row.body["form_version"] == form_version), None)
        if form is None:
            return None
        held = db.session.scalars(catalogue.holding("check_item", form.effective_from))
        items = rules.items_of(form.body, {row.code: row.body for row in held})
        known[code, form_version] = {item.id: item for item in items}
    return known[code, form_version]


def recent_visits_of(officer_id: UUID, limit: int) -> Sequence[Visit]:
    """Return the visits with a checklist that an officer attended, newest first."""
    query = sa.select(Visit).where(
        Visit.attendance.any(officer_id=officer_id), Visit.checklist_code.is_not(None)
    )
    return db.session.scalars(query.order_by(Visit.started_at.desc()).limit(limit)).all()


def item_maps(code: str) -> list[rules.ItemMap]:
    """Return how the items of a checklist's versions follow each other: the newest word on each."""
    newest = {row.code: row.body for row in catalogue.rows_of("checklist_migration")}
    return [
        rules.ItemMap(
            from_version=body["from_version"],
            to_version=body["to_version"],
            becomes={
                rules.item_id(one["item"]): tuple(rules.item_id(new) for new in one["becomes"])
                for one in body["items"]
            },
        )
        for body in newest.values()
        if body["checklist"] == code
    ]


def is_of_some_version(code: str, item_id: UUID) -> bool:
    """Tell whether any version of a checklist asks an item."""
    versions = {row.body["form_version"] for row in catalogue.rows_of("checklist", code)}
    return any(item_id in (form_items(code, version) or ()) for version in versions)


# --- orders and samples ---


def find_order(visit_id: UUID, content_key: str) -> CorrectiveOrder | None:
    """Return the order of a visit that wants the same corrected."""
    query = sa.select(CorrectiveOrder).where(
        CorrectiveOrder.visit_id == visit_id, CorrectiveOrder.content_key == content_key
    )
    return db.session.scalars(query).one_or_none()


def finding_ids_of(visit_id: UUID) -> set[UUID]:
    """Return the ids of the findings of a visit."""
    return set(db.session.scalars(sa.select(Finding.id).where(Finding.visit_id == visit_id)))


def ordered_findings(finding_ids: Collection[UUID]) -> set[UUID]:
    """Return those of some findings that an order wants corrected already."""
    column = CorrectiveOrderItem.finding_id
    found = db.session.scalars(sa.select(column).where(column.in_(finding_ids)))
    return {one for one in found if one is not None}


def order_of_finding(finding_id: UUID) -> CorrectiveOrder | None:
    """Return the order that wants a finding corrected; a finding is ordered once."""
    query = (
        sa.select(CorrectiveOrder)
        .join(CorrectiveOrder.items)
        .where(CorrectiveOrderItem.finding_id == finding_id)
    )
    return db.session.scalars(query).one_or_none()


def orders_of(agency_id: UUID | None, **filters: Any) -> sa.Select[CorrectiveOrder]:
    """Return the query for the orders of an agency; a filter that is None does not count.

    Filters: `state`, `unit_id`, `visit_id`, `due_until` (included).
    """
    query = sa.select(CorrectiveOrder).where(CorrectiveOrder.agency_id == agency_id)
    for name in ("state", "unit_id", "visit_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(CorrectiveOrder, name) == filters[name])
    if filters.get("due_until") is not None:
        query = query.where(CorrectiveOrder.due_on <= filters["due_until"])
    return query


def orders_to_follow(on: date) -> list[UUID]:
    """Return the orders for which the timetable may have a step: no term, term over, rechecked."""
    done = sa.select(Task.id).where(Task.state == TaskState.COMPLETED)
    query = sa.select(CorrectiveOrder.id).where(
        sa.or_(
            sa.and_(
                CorrectiveOrder.state == OrderState.OPEN,
                sa.or_(CorrectiveOrder.due_on.is_(None), CorrectiveOrder.due_on < on),
            ),
            sa.and_(
                CorrectiveOrder.state == OrderState.RECHECK_DUE,
                CorrectiveOrder.recheck_task_id.in_(done),
            ),
        )
    )
    return list(db.session.scalars(query.order_by(CorrectiveOrder.id)))


def find_sample(sample_id: UUID, visit_id: UUID, number: str | None) -> Sample | None:
    """Return a sample by its id, else by its number in a visit."""
    found = db.session.get(Sample, sample_id)
    if found is not None or number is None:
        return found
    query = sa.select(Sample).where(Sample.visit_id == visit_id, Sample.number == number)
    return db.session.scalars(query).one_or_none()


def samples_of(agency_id: UUID | None, **filters: Any) -> sa.Select[Sample]:
    """Return the query for the samples of an agency; a filter that is None does not count.

    Filters: `state`, `visit_id`, `card_late_on`: whose card was due before that day and is not in.
    """
    query = sa.select(Sample).where(Sample.agency_id == agency_id)
    if filters.get("card_late_on") is not None:
        query = query.where(
            Sample.card_due_on < filters["card_late_on"], Sample.card_entered_on.is_(None)
        )
    for name in ("state", "visit_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(Sample, name) == filters[name])
    return query


def samples_out(visit_id: UUID) -> int:
    """Count the samples of a visit whose result is not here."""
    query = sa.select(sa.func.count()).where(
        Sample.visit_id == visit_id, Sample.state == SampleState.AWAITED
    )
    return db.session.scalar(query) or 0
