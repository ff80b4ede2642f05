"""What one line of a table of permits 许可办件 says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.registers import Reason, Unreadable, read_day


class PermitOutcome(StrEnum):
    """How an application ended."""

    GRANTED = "granted"
    REFUSED = "refused"
    NOT_ACCEPTED = "not-accepted"


OUTCOME_NAMES = {
    PermitOutcome.GRANTED: "批准",
    PermitOutcome.REFUSED: "不予批准",
    PermitOutcome.NOT_ACCEPTED: "不予受理",
}
RECORD_NO, ITEM, UNIT = "办件编号", "事项名称", "档案编号"
APPLIED, OUTCOME, CLOSED, DUE = "申请日期", "办理结果", "办结日期", "承诺办结日期"
ONLINE, FULLY, COMMITMENT, ON_SPOT = "网上受理", "全程网办", "告知承诺", "当场办结"
CHARGE = "收费金额（元）"
COLUMNS = (
    *(RECORD_NO, ITEM, UNIT, APPLIED, OUTCOME, CLOSED, DUE),
    *(ONLINE, FULLY, COMMITMENT, ON_SPOT, CHARGE),
)
REQUIRED = (RECORD_NO, ITEM, APPLIED, OUTCOME, CLOSED)
_YUAN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?\Z")
_FLAGS = {"是": True, "否": False, "": False}


@dataclass(frozen=True, slots=True)
class NewPermit:
    """One application as it is to be kept; money in fen."""

    record_no: str
    item: str
    unit_id: UUID | None
    applied_on: date
    outcome: PermitOutcome | None
    closed_on: date | None
    due_on: date | None
    online: bool
    fully_online: bool
    commitment: bool
    on_the_spot: bool
    charge_fen: int


def read_permit(
    values: Mapping[str, str],
    *,
    items: Mapping[str, str],
    units: Mapping[str, UUID],
    reasons: list[Reason],
) -> NewPermit | None:
    """Return what a line says, None when something is wrong, which is added to `reasons`.

    `items` are codes of permits by name, `units` ids by archive number.
    """
    cells = {name: values.get(name, "").strip() for name in COLUMNS}
    before = len(reasons)
    if not 0 < len(cells[RECORD_NO]) <= 60:
        reasons.append(Reason("record-no", "办件编号应为1至60个字。", RECORD_NO))
    item = items.get(cells[ITEM])
    if item is None:
        detail = f"目录中没有“{cells[ITEM][:60]}”这一许可事项。"
        reasons.append(Reason("permit-item-unknown", detail, ITEM))
    unit_id = units.get(cells[UNIT])
    if cells[UNIT] and unit_id is None:
        detail = f"本机构没有档案编号“{cells[UNIT][:60]}”。"
        reasons.append(Reason("unit-unknown", detail, UNIT))
    applied_on, closed_on, due_on = (_day(cells, name, reasons) for name in (APPLIED, CLOSED, DUE))
    if not cells[APPLIED]:
        reasons.append(Reason("missing", "请填写申请日期。", APPLIED))
    outcome = _outcome(cells[OUTCOME], closed_on, reasons)
    if applied_on and closed_on and closed_on < applied_on:
        reasons.append(Reason("days-reversed", "办结日期不能早于申请日期。", CLOSED))
    flags = {name: _flag(cells, name, reasons) for name in (ONLINE, FULLY, COMMITMENT, ON_SPOT)}
    if flags[FULLY] and not flags[ONLINE]:
        reasons.append(Reason("note-4", "全程网办的应同时为网上受理（填表说明4）。", FULLY))
    charge = cells[CHARGE] or "0"
    if not _YUAN.match(charge):
        reasons.append(Reason("charge", "收费金额应为元，最多两位小数。", CHARGE))
    if len(reasons) > before or item is None or applied_on is None:
        return None
    return NewPermit(
        record_no=cells[RECORD_NO],
        item=item,
        unit_id=unit_id,
        applied_on=applied_on,
        outcome=outcome,
        closed_on=closed_on,
        due_on=due_on,
        online=flags[ONLINE],
        fully_online=flags[FULLY],
        commitment=flags[COMMITMENT],
        on_the_spot=flags[ON_SPOT],
        charge_fen=int(Decimal(charge) * 100),
    )


def _day(cells: Mapping[str, str], column: str, reasons: list[Reason]) -> date | None:
    try:
        return read_day(cells[column])
    except Unreadable as error:
        reasons.append(Reason("day-unreadable", str(error), column))
        return None


def _flag(cells: Mapping[str, str], column: str, reasons: list[Reason]) -> bool:
    found = _FLAGS.get(cells[column])
    if found is None:
        reasons.append(Reason("flag", f"{column}应为“是”或“否”。", column))
    return bool(found)


def _outcome(text: str, closed_on: date | None, reasons: list[Reason]) -> PermitOutcome | None:
    """Return how it ended; an open one has neither an outcome nor a day."""
    found = next((code for code, name in OUTCOME_NAMES.items() if name == text), None)
    if text and found is None:
        reasons.append(Reason("outcome", "办理结果应为批准、不予批准或不予受理。", OUTCOME))
    elif (found is None) != (closed_on is None):
        reasons.append(Reason("outcome", "办理结果和办结日期应同时填写或同时留空。", OUTCOME))
    return found
