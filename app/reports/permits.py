"""Permits 许可办件 come in as a table from the approving section: previewed, then taken whole."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app import sheets
from app.access import Actor
from app.catalogue import queries as catalogue
from app.db import db, new_id, set_changed
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.registers import Reason, Verdict, doubled, names
from app.reports import permit_rules, queries
from app.reports.models import PermitRecord
from app.reports.permit_rules import NewPermit
from app.units import queries as units

_TOLD = 100  # errors that an answer names


class PermitsInvalid(Invalid):
    """`errors`: pointer and detail of each line that cannot be taken."""

    code, title = "permits-invalid", "许可办件表有误"


class PermitLine(NamedTuple):
    """What is to become of a line of the table."""

    row_no: int
    verdict: Verdict
    record_no: str
    reasons: tuple[Reason, ...]


def take_permits(
    source: bytes, *, preview: bool, agency: Agency, by: Actor, at: datetime
) -> list[PermitLine]:
    """Take over a table of permits, all of its lines or none; a preview writes nothing.

    A record that is there already takes the newer values; twice the same changes nothing. Raises
    PermitsInvalid (`errors` by line) and what `sheets.read_sheet` raises.
    """
    sheet = sheets.read_sheet(source, required=permit_rules.REQUIRED)
    read = _read(list(sheet.rows), agency.id)
    standing = queries.permits_by_number(agency.id, [new.record_no for _, new in read if new])
    lines = [_judged(line, new, standing) for line, new in read]
    wrong = [line for line in lines if line.verdict is Verdict.REFUSE]
    if preview:
        return lines
    if wrong:
        raise PermitsInvalid(
            f"有 {len(wrong)} 行不能采用，全部没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row_no}", "detail": "".join(r.detail for r in one.reasons)}
                for one in wrong[:_TOLD]
            ],
        )
    for new in (new for _, new in read if new is not None):
        _keep(new, standing, agency=agency, by=by, at=at)
    changed = sum(line.verdict is Verdict.CHANGE for line in lines)
    created = sum(line.verdict is Verdict.CREATE for line in lines)
    if created or changed:
        digest = hashlib.sha256(source).hexdigest()
        journal.record(
            Event.PERMIT_RECORDS_IMPORTED,
            None,
            by=by,
            at=at,
            data={"sha256": digest, "created": created, "changed": changed},
            stream=agency.district,
        )
    return lines


def _read(rows: Sequence[sheets.Row], agency_id: UUID) -> list[tuple[PermitLine, NewPermit | None]]:
    items = {str(row.body["name"]): row.code for row in catalogue.rows_of("permit_item")}
    by_archive, _ = units.units_by_sign(agency_id)
    numbers = {row.row_no: row.values.get(permit_rules.RECORD_NO, "").strip() for row in rows}
    twice = doubled(numbers.items())
    found: list[tuple[PermitLine, NewPermit | None]] = []
    for row in rows:
        reasons = [Reason(str(one.fault), one.detail, one.column) for one in row.problems]
        if others := twice.get(row.row_no):
            detail = f"办件编号与第 {names(others)} 行重复。"
            reasons.append(Reason("record-no-twice", detail, permit_rules.RECORD_NO))
        broken = bool(reasons)
        new = permit_rules.read_permit(row.values, items=items, units=by_archive, reasons=reasons)
        line = PermitLine(row.row_no, Verdict.REFUSE, numbers[row.row_no], tuple(reasons))
        found.append((line, None if broken else new))
    return found


def _judged(
    line: PermitLine, new: NewPermit | None, standing: dict[str, PermitRecord]
) -> PermitLine:
    if new is None:
        return line
    earlier = standing.get(new.record_no)
    if earlier is None:
        return line._replace(verdict=Verdict.CREATE)
    same = all(getattr(earlier, name) == value for name, value in asdict(new).items())
    return line._replace(verdict=Verdict.UNCHANGED if same else Verdict.CHANGE)


def _keep(
    new: NewPermit,
    standing: dict[str, PermitRecord],
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> None:
    values = asdict(new)
    earlier = standing.get(new.record_no)
    if earlier is None:
        row = PermitRecord(id=new_id(), agency_id=agency.id, district=agency.district, **values)
        db.session.add(row)
    elif set_changed(earlier, values):
        row = earlier
    else:
        return
    row.imported_at, row.imported_by_kind, row.imported_by_id = at, by.kind, by.id
