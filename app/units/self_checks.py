"""Results of self-checks 自查 come in as a table from the platform where units enter them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from app import sheets
from app.access import Actor
from app.db import db, new_id
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.registers import Reason, Unreadable, Verdict, read_day
from app.units import life_queries, queries
from app.units.models import SelfCheck

UNIT, DAY, PLATFORM, RESULT, PROBLEMS = "档案编号", "自查日期", "自查平台", "自查结果", "存在问题"
_RESULTS = {"合格": True, "不合格": False}
_TOLD = 100


class SelfChecksInvalid(Invalid):
    """`errors`: pointer and detail of each line that cannot be taken."""

    code, title = "self-checks-invalid", "自查结果表有误"


class SelfCheckLine(NamedTuple):
    """What is to become of a line of the table."""

    row_no: int
    verdict: Verdict
    archive_no: str
    reasons: tuple[Reason, ...]


class _New(NamedTuple):
    unit_id: UUID
    platform: str
    checked_on: date
    passed: bool
    problems: str | None


def take_self_checks(
    source: bytes, *, preview: bool, agency: Agency, by: Actor, at: datetime
) -> list[SelfCheckLine]:
    """Take over a table of self-checks, all of its lines or none; a preview writes nothing.

    One of a unit, platform and day is taken once. Raises SelfChecksInvalid (`errors` by line) and
    what `sheets.read_sheet` raises.
    """
    sheet = sheets.read_sheet(source, required=(UNIT, DAY, PLATFORM, RESULT))
    by_archive, _ = queries.units_by_sign(agency.id)
    known = life_queries.known_self_checks(agency.id)
    read = [_read(row, by_archive, known) for row in sheet.rows]
    lines = [line for line, _ in read]
    if preview:
        return lines
    _refuse(lines)
    new = [one for line, one in read if one is not None and line.verdict is Verdict.CREATE]
    for one in new:
        row = SelfCheck(
            id=new_id(),
            agency_id=agency.id,
            district=agency.district,
            imported_at=at,
            imported_by_kind=by.kind,
            imported_by_id=by.id,
            **one._asdict(),
        )
        db.session.add(row)
    if new:
        digest = hashlib.sha256(source).hexdigest()
        journal.record(
            Event.SELF_CHECKS_IMPORTED,
            None,
            by=by,
            at=at,
            data={"sha256": digest, "created": len(new)},
            stream=agency.district,
        )
    return lines


def _refuse(lines: Sequence[SelfCheckLine]) -> None:
    wrong = [line for line in lines if line.verdict is Verdict.REFUSE]
    if wrong:
        raise SelfChecksInvalid(
            f"有 {len(wrong)} 行不能采用，全部没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row_no}", "detail": "".join(r.detail for r in one.reasons)}
                for one in wrong[:_TOLD]
            ],
        )


def _read(
    row: sheets.Row, units: Mapping[str, UUID], known: set[tuple[UUID, str, date]]
) -> tuple[SelfCheckLine, _New | None]:
    cells = {name: text.strip() for name, text in row.values.items()}
    reasons = [Reason(str(one.fault), one.detail, one.column) for one in row.problems]
    unit_id = units.get(cells[UNIT])
    if unit_id is None:
        reasons.append(Reason("unit-unknown", f"本机构没有档案编号“{cells[UNIT][:60]}”。", UNIT))
    checked_on = None
    try:
        checked_on = read_day(cells[DAY])
    except Unreadable as error:
        reasons.append(Reason("day-unreadable", str(error), DAY))
    if not cells[DAY]:
        reasons.append(Reason("missing", "请填写自查日期。", DAY))
    if not 0 < len(cells[PLATFORM]) <= 60:
        reasons.append(Reason("platform", "自查平台应为1至60个字。", PLATFORM))
    passed = _RESULTS.get(cells[RESULT])
    problems = cells.get(PROBLEMS) or None
    if passed is None:
        reasons.append(Reason("result", "自查结果应为合格或不合格。", RESULT))
    if passed is False and problems is None:
        reasons.append(Reason("problems", "不合格的请写明存在问题。", PROBLEMS))
    if problems is not None and len(problems) > 1000:
        reasons.append(Reason("too-long", "存在问题最长1000个字。", PROBLEMS))
    verdict, new = Verdict.REFUSE, None
    if not reasons and unit_id is not None and checked_on is not None and passed is not None:
        new = _New(unit_id, cells[PLATFORM], checked_on, passed, problems)
        verdict = Verdict.UNCHANGED if new[:3] in known else Verdict.CREATE
        known.add((unit_id, cells[PLATFORM], checked_on))
    return SelfCheckLine(row.row_no, verdict, cells[UNIT], tuple(reasons)), new
