"""Receipts of the credit platform: imported as a table, matched by number, counted as rates.

A file is taken whole or not at all; the same line again, from the same file or another, is one
receipt. The rates name who is missing from their numerator.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import sheets
from app.access import Actor
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.rules import DayKind, Term, due, in_force
from app.days import local_date
from app.db import db
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.publication import queries, rules
from app.publication.models import Publication, PublicationReceipt
from app.publication.rules import CREDIT_SITE, PublicationState, Rate, Reported
from app.registers import read_day

NUMBER, REPORTED_ON, RESULT, REASON = "决定书文号", "上报日期", "结果", "退回原因"
ACCEPTED = frozenset({"入库", "接收", "成功"})
RETURNED = frozenset({"退回", "失败"})
TIMELY_DAYS = "credit-report-timely-days"
_TOLD = 100
_MOST = {NUMBER: 200, REASON: 1000}


class ReceiptsInvalid(Invalid):
    """`errors`: pointer and detail of each line that cannot be taken, the first hundred."""

    code, title = "publication-receipts-invalid", "回执表格有误"


@dataclass(frozen=True)
class Line:
    """A line of a receipt file."""

    row_no: int
    number: str
    reported_on: date
    accepted: bool
    reason: str | None


@dataclass(frozen=True)
class Taken:
    """What an import came to: new and known receipts, and the numbers nobody has here."""

    added: int
    known: int
    unmatched: list[str]


def import_receipts(source: bytes, *, agency: Agency, by: Actor, at: datetime) -> Taken:
    """Take in a table of receipts, XLSX or CSV. Raises ReceiptsInvalid and the errors of sheets."""
    lines = _lines(source, local_date(at))
    digest = sha256(source).hexdigest()
    added, known, unmatched = 0, 0, []
    for line in lines:
        if queries.find_receipt(agency.id, line.number, line.reported_on) is not None:
            known += 1
            continue
        found = queries.by_number(agency.id, CREDIT_SITE, line.number)
        if found is None:
            unmatched.append(line.number)
        _add(line, found, digest, agency=agency, by=by, at=at)
        added += 1
    return Taken(added, known, unmatched)


def _lines(source: bytes, today: date) -> list[Line]:
    sheet = sheets.read_sheet(source, required=(NUMBER, REPORTED_ON, RESULT))
    lines, errors = [], []
    for row in sheet.rows:
        problems = [one.detail for one in row.problems] or _problems(row.values, today)
        if problems:
            errors.append((row.row_no, "".join(problems)))
            continue
        on = read_day(row.values[REPORTED_ON])
        if on is not None:
            accepted = row.values[RESULT] in ACCEPTED
            reason = row.values.get(REASON) or None
            lines.append(Line(row.row_no, row.values[NUMBER], on, accepted, reason))
    if errors:
        raise ReceiptsInvalid(
            "回执表格中有不能采用的行，全部没有导入；请改正后重新导入。",
            errors=[
                {"pointer": f"#/rows/{row_no}", "detail": detail}
                for row_no, detail in errors[:_TOLD]
            ],
        )
    return lines


def _problems(values: Any, today: date) -> list[str]:
    found = []
    on = read_day(values[REPORTED_ON])
    if not values[NUMBER]:
        found.append("决定书文号不能为空。")
    found += [f"{name}过长。" for name, most in _MOST.items() if len(values.get(name) or "") > most]
    if on is None or on > today:
        found.append("上报日期应为不晚于今天的日期，例如 2026-11-20。")
    if values[RESULT] not in ACCEPTED | RETURNED:
        found.append("结果应为“入库”或者“退回”。")
    if values[RESULT] in RETURNED and not values.get(REASON):
        found.append("退回的应写明退回原因。")
    return found


def _add(
    line: Line,
    found: Publication | None,
    digest: str,
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> None:
    receipt = PublicationReceipt(
        agency_id=agency.id,
        district=agency.district,
        publication_id=None if found is None else found.id,
        number=line.number,
        reported_on=line.reported_on,
        accepted=line.accepted,
        reason=line.reason,
        file_sha256=digest,
        row_no=line.row_no,
        imported_at=at,
        imported_by_kind=str(by.kind),
        imported_by_id=by.id,
    )
    db.session.add(receipt)
    db.session.flush()  # the journal names its id; a later line of the file finds it
    data = {
        "publication_id": None if found is None else str(found.id),
        "reported_on": line.reported_on.isoformat(),
        "accepted": line.accepted,
        "file_sha256": digest,
    }
    journal.record(Event.PUBLICATION_RECEIPT_IMPORTED, receipt, by=by, at=at, data=data)


def rates_of(agency_id: UUID | None, from_on: date, until_on: date) -> dict[str, Rate]:
    """Return 上报率, 合规率 and 及时率 of the decisions of a period that the credit site shows.

    A decision that was withdrawn need not be reported. The term is a setting, in working days.
    """
    query = queries.publications_in(
        agency_id, channel=CREDIT_SITE, from_on=from_on, until_on=until_on
    ).where(Publication.state != PublicationState.WITHDRAWN)
    shown = db.session.scalars(query.order_by(Publication.id)).all()
    receipts: dict[UUID, list[PublicationReceipt]] = {}
    for receipt in db.session.scalars(
        sa.select(PublicationReceipt).where(
            PublicationReceipt.publication_id.in_(query.with_only_columns(Publication.id))
        )
    ):
        if receipt.publication_id is not None:
            receipts.setdefault(receipt.publication_id, []).append(receipt)
    ends = last_days({one.event_on for one in shown})
    records = []
    for one in shown:
        own = receipts.get(one.id, [])
        records.append(
            Reported(
                one.id,
                ends[one.event_on],
                min((found.reported_on for found in own), default=None),
                any(found.accepted for found in own),
            )
        )
    return rules.report_rates(records)


def last_days(days: Collection[date]) -> dict[date, date | None]:
    """Return by when decisions of each of these days are to be reported; None: it is open.

    Raises CatalogueRowMissing where no term is in force on a day.
    """
    rows = catalogue_queries.rows_of(catalogue.Kind.SETTING, TIMELY_DAYS)
    calendar = catalogue.calendar()
    return {day: due(_term_on(day, rows), day, calendar).due_on for day in sorted(days)}


def _term_on(day: date, rows: Sequence[CatalogueRow]) -> Term:
    held = in_force(rows, day)
    value = held[0].body["value"] if held else catalogue.setting(TIMELY_DAYS, day)
    return Term(int(value), DayKind.WORKING)
