"""What is no inspection: a compliance talk 合规告知谈话, help 帮扶, a look from afar 非现场检查."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db
from app.errors import Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.people.models import Agency
from app.tasks import service as tasks
from app.units import service as units
from app.visits.models import UnitContact
from app.visits.terms import ContactKind


class ContactUnknown(NotFound):
    code, title = "contact-unknown", "未找到记录"


class ContactInvalid(Invalid):
    code, title = "contact-invalid", "记录内容有误"


@dataclass(frozen=True)
class NewContact:
    """What was done with a unit, by whom; `outcome` of a look from afar, a catalogue code."""

    unit_id: UUID
    kind: ContactKind
    officer_ids: tuple[UUID, ...]
    summary: str
    on_day: date | None = None
    outcome: str | None = None
    task_id: UUID | None = None


def get_contact(contact_id: UUID, agency_id: UUID | None) -> UnitContact:
    """Return a contact of the agency. Raises ContactUnknown, also for another agency's."""
    found = db.session.get(UnitContact, contact_id)
    if found is None or found.agency_id != agency_id:
        raise ContactUnknown("没有这条记录，或它不属于本机构。")
    return found


def record_contact(new: NewContact, *, agency: Agency, by: Actor, at: datetime) -> UnitContact:
    """Record something that is no inspection: no visit, no cap, no task is changed by it.

    A look from afar says its outcome, of the health vocabulary on that day; with a suspicion it is
    followed by a visit. Raises ContactInvalid, UnitNotFound, OfficerNotFound and TaskNotFound.
    Flushes: the journal names the row.
    """
    today = local_date(at)
    on_day = new.on_day or today
    if on_day > today:
        raise ContactInvalid("日期不能晚于今天。", on_day=on_day)
    if (new.kind is ContactKind.OFF_SITE_CHECK) != (new.outcome is not None):
        raise ContactInvalid("非现场检查应填写检查结果，其他事项不填写。")
    units.get_unit(new.unit_id, agency.id)
    for one in new.officer_ids:
        people.get_officer(one, agency.id)
    if new.task_id is not None:
        tasks.get_task(new.task_id, agency.id)
    if new.outcome is not None:
        _refuse_outcome(new.outcome, on_day)
    row = UnitContact(
        agency_id=agency.id,
        district=agency.district,
        unit_id=new.unit_id,
        task_id=new.task_id,
        kind=new.kind,
        on_day=on_day,
        officer_ids=sorted({str(one) for one in new.officer_ids}),
        summary=new.summary,
        outcome=new.outcome,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    db.session.add(row)
    db.session.flush()
    data = {"kind": row.kind, "unit_id": str(row.unit_id), "officer_ids": row.officer_ids}
    journal.record(Event.UNIT_CONTACTED, row, by=by, at=at, data=data)
    return row


def _refuse_outcome(outcome: str, on: date) -> None:
    for row in catalogue.in_force("outcome_code", on):
        if row.code == outcome and row.body["vocabulary"] == "health":
            return
    raise ContactInvalid(f"检查结果“{outcome}”不在现行目录中，请从目录中选择。")


def contacts_of(agency_id: UUID | None, **filters: Any) -> sa.Select[UnitContact]:
    """Return the query for the contacts of an agency; a filter that is None does not count.

    Filters: `unit_id`, `kind`, `from_on`, `until_on`.
    """
    query = sa.select(UnitContact).where(UnitContact.agency_id == agency_id)
    for name in ("unit_id", "kind"):
        if filters.get(name) is not None:
            query = query.where(getattr(UnitContact, name) == filters[name])
    if filters.get("from_on") is not None:
        query = query.where(UnitContact.on_day >= filters["from_on"])
    if filters.get("until_on") is not None:
        query = query.where(UnitContact.on_day <= filters["until_on"])
    return query
