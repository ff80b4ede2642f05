"""The register of what was handed to other organs or taken from them: 移送, 协查, 磋商.

With the police it is 行刑衔接; counts name every direction and kind, those with nothing as zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.cases import queries
from app.cases.models import CaseTransfer
from app.cases.rules import Direction, TransferKind, TransferResult
from app.cases.service import get_case
from app.days import local_date
from app.db import db, new_id
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.units import service as units


class TransferUnknown(NotFound):
    code, title = "transfer-unknown", "未找到移送登记"


class TransferAnswered(Conflict):
    code, title = "transfer-answered", "移送结果已登记"


class TransferDayWrong(Invalid):
    code, title = "transfer-day-wrong", "移送日期不正确"


@dataclass(frozen=True)
class NewTransfer:
    """What was handed over or taken in: the other organ, the matter, its day and number."""

    direction: Direction
    kind: TransferKind
    organ: str
    subject: str
    on: date
    criminal: bool = False
    number: str | None = None
    case_id: UUID | None = None
    unit_id: UUID | None = None


def get_transfer(transfer_id: UUID, agency_id: UUID | None) -> CaseTransfer:
    """Return an entry of the agency's register. Raises TransferUnknown, also for another's."""
    found = queries.find_transfer(transfer_id)
    if found is None or found.agency_id != agency_id:
        raise TransferUnknown("没有这条移送登记，或它不属于本机构。")
    return found


def record_transfer(new: NewTransfer, *, agency: Agency, by: Actor, at: datetime) -> CaseTransfer:
    """Write down that a matter was handed over or taken in.

    Raises CaseUnknown, UnitNotFound for what is not the agency's, and TransferDayWrong for a day
    to come.
    """
    if new.on > local_date(at):
        raise TransferDayWrong("移送日期不能晚于今天。")
    if new.case_id is not None:
        get_case(new.case_id, agency.id)
    if new.unit_id is not None:
        units.get_unit(new.unit_id, agency.id)
    row = CaseTransfer(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        direction=new.direction,
        kind=new.kind,
        criminal=new.criminal,
        organ=new.organ,
        number=new.number,
        subject=new.subject,
        on_day=new.on,
        case_id=new.case_id,
        unit_id=new.unit_id,
    )
    db.session.add(row)
    data = {
        "direction": str(new.direction),
        "kind": str(new.kind),
        "criminal": new.criminal,
        "case_id": None if new.case_id is None else str(new.case_id),
    }
    journal.record(Event.CASE_TRANSFER_RECORDED, row, by=by, at=at, data=data)
    return row


def answer_transfer(
    transfer_id: UUID,
    result: TransferResult,
    *,
    on: date,
    note: str | None,
    by: Actor,
    at: datetime,
) -> CaseTransfer:
    """Write down what became of it, once. Raises TransferUnknown, TransferAnswered,
    TransferDayWrong (`on` is before the day of the transfer, or to come)."""
    row = get_transfer(transfer_id, by.agency_id)
    if row.result is not None:
        raise TransferAnswered("这条移送的结果已经登记。", result=row.result)
    if not row.on_day <= on <= local_date(at):
        raise TransferDayWrong("结果的日期应在移送之后，且不晚于今天。")
    row.result, row.result_on, row.result_note = result, on, note
    data = {"result": str(result), "on": on.isoformat()}
    journal.record(Event.CASE_TRANSFER_ANSWERED, row, by=by, at=at, data=data)
    return row


def open_transfer_of(case_id: UUID, agency_id: UUID) -> CaseTransfer | None:
    """Return the newest handing over of a case that has no result yet."""
    query = queries.transfers_in(
        agency_id, case_id=case_id, direction=Direction.OUT, kind=TransferKind.HAND_OVER
    )
    rows = db.session.scalars(query.where(CaseTransfer.result.is_(None)))
    return max(rows, key=lambda row: row.on_day, default=None)


def count_transfers(agency_id: UUID | None, **filters: Any) -> list[Mapping[str, Any]]:
    """Return how many of each direction, kind and 行刑衔接 there are; every one, also none.

    Filters are those of `queries.transfers_in`.
    """
    rows = queries.transfers_in(agency_id, **filters).subquery()
    columns = (rows.c.direction, rows.c.kind, rows.c.criminal)
    query = sa.select(*columns, sa.func.count(), sa.func.count(rows.c.result)).group_by(*columns)
    found = {
        (direction, kind, bool(criminal)): (count, answered)
        for direction, kind, criminal, count, answered in db.session.execute(query)
    }
    return [
        {
            "direction": direction,
            "kind": kind,
            "criminal": criminal,
            "count": found.get((direction, kind, criminal), (0, 0))[0],
            "answered": found.get((direction, kind, criminal), (0, 0))[1],
        }
        for direction, kind, criminal in product(Direction, TransferKind, (False, True))
    ]
