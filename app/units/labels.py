"""Dated lists on which a unit stands 标签: under investigation, supervised from afar.

There is no case package whose cases could be asked, so that people keep the list. Nothing is
deleted: an entry ends, with the reason.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from app import sheets
from app.access import Actor
from app.catalogue import service as catalogue
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.registers import Reason, Unreadable, Verdict, read_day
from app.units import queries, service
from app.units.models import UnitLabel


class LabelNotFound(NotFound):
    code, title = "unit-label-not-found", "未找到名单记录"


class LabelInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "unit-label-invalid", "名单记录有误"


class LabelTwice(Conflict):
    """`label_id`: the entry that covers some of these days already."""

    code, title = "unit-label-twice", "单位已在名单内"


class LabelEnded(Conflict):
    """`until_on`: its last day."""

    code, title = "unit-label-ended", "名单记录已经终止"


class NewLabel(NamedTuple):
    """What is declared: which unit stands on which list, from when until when, and why."""

    unit_id: UUID
    label: str
    from_on: date
    source: str
    until_on: date | None = None
    reference: str | None = None


def get_label(label_id: UUID, agency_id: UUID | None) -> UnitLabel:
    """Return an entry of an agency. Raises LabelNotFound, also for a foreign one."""
    found = db.session.get(UnitLabel, label_id)
    if found is None or found.agency_id != agency_id:
        raise LabelNotFound("没有这条名单记录，或它不属于本机构。")
    return found


def declare_label(data: NewLabel, *, agency: Agency, by: Actor, at: datetime) -> UnitLabel:
    """Put a unit on a list. Raises UnitNotFound, LabelInvalid, LabelTwice."""
    unit = service.get_unit(data.unit_id, agency.id)
    known = {row.code for row in catalogue.in_force("unit_label", data.from_on)}
    if data.label not in known:
        _refuse("label", "目录中没有在该日有效的这种名单。")
    if data.until_on is not None and data.until_on < data.from_on:
        _refuse("until_on", "终止日期不能早于开始日期。")
    if other := queries.overlapping_label(unit.id, data.label, data.from_on, data.until_on):
        raise LabelTwice(
            "该单位在这段时间已经列入同一名单；如需更正，请先终止原有记录。", label_id=str(other)
        )
    found = UnitLabel(
        agency_id=agency.id,
        district=agency.district,
        unit_id=unit.id,
        label=data.label,
        from_on=data.from_on,
        until_on=data.until_on,
        source=data.source,
        reference=data.reference,
        declared_at=at,
        declared_by_kind=str(by.kind),
        declared_by_id=by.id,
    )
    db.session.add(found)
    db.session.flush()  # the journal names its id, a list that declares several sees each
    _record(Event.UNIT_LABEL_DECLARED, found, by=by, at=at)
    return found


def end_label(label: UnitLabel, on: date, reason: str, *, by: Actor, at: datetime) -> UnitLabel:
    """End an entry: `on` is its last day. Raises LabelEnded and LabelInvalid."""
    if label.ended_at is not None:
        raise LabelEnded("这条名单记录已经终止，不能再次终止。", until_on=str(label.until_on))
    if on < label.from_on or (label.until_on is not None and on > label.until_on):
        _refuse("until_on", "终止日期应在记录的有效期内。")
    label.until_on, label.end_reason = on, reason
    label.ended_at, label.ended_by_kind, label.ended_by_id = at, str(by.kind), by.id
    _record(Event.UNIT_LABEL_ENDED, label, by=by, at=at)
    return label


def _refuse(field: str, detail: str) -> None:
    raise LabelInvalid(detail, errors=[{"pointer": f"#/{field}", "detail": detail}])


def _record(event: Event, label: UnitLabel, *, by: Actor, at: datetime) -> None:
    data = {
        "unit_id": str(label.unit_id),
        "label": label.label,
        "from_on": label.from_on.isoformat(),
        "until_on": None if label.until_on is None else label.until_on.isoformat(),
    }
    journal.record(event, label, by=by, at=at, data=data)


# --- a list as a table ---


UNIT, USCC, LABEL = "档案编号", "统一社会信用代码", "名单"
FROM, UNTIL, GROUND, REFERENCE = "开始日期", "终止日期", "依据", "文号"
_MOST = {GROUND: 500, REFERENCE: 100}
_TOLD = 100


class LabelTableInvalid(Invalid):
    """`errors`: pointer and detail of each line that cannot be taken, the first hundred."""

    code, title = "unit-label-table-invalid", "名单表格有误"


class LabelLine(NamedTuple):
    """What became of a line of a table, or would."""

    row_no: int
    verdict: Verdict
    archive_no: str
    label: str
    reasons: tuple[Reason, ...]


def take_labels(
    source: bytes, *, preview: bool, agency: Agency, by: Actor, at: datetime
) -> list[LabelLine]:
    """Put the units of a table on the lists that its lines name, all of them or none.

    A preview tells the same and writes nothing. A line that is an entry already changes nothing.
    Raises LabelTableInvalid (`errors` by line) and what `sheets.read_sheet` raises.
    """
    reader = _LabelReader(agency.id)
    sheet = sheets.read_sheet(source, required=(LABEL, FROM, GROUND))
    read = [reader.read(row) for row in sheet.rows]
    wrong = [line for line, _ in read if line.verdict is Verdict.REFUSE]
    if wrong and not preview:
        raise LabelTableInvalid(
            f"有 {len(wrong)} 行不能采用，全部没有写入，请更正后重新上传。",
            errors=[
                {"pointer": f"#/{one.row_no}", "detail": "".join(r.detail for r in one.reasons)}
                for one in wrong[:_TOLD]
            ],
        )
    for line, data in read:
        if data is not None and line.verdict is Verdict.CREATE and not preview:
            declare_label(data, agency=agency, by=by, at=at)
    return [line for line, _ in read]


class _LabelReader:
    """Reads lines against the register, the catalogue and the entries there are."""

    def __init__(self, agency_id: UUID) -> None:
        self.by_archive, self.by_uscc = queries.units_by_sign(agency_id)
        self.entries = queries.label_days(agency_id)

    def read(self, row: sheets.Row) -> tuple[LabelLine, NewLabel | None]:
        values = {name: text.strip() for name, text in row.values.items()}
        reasons = [Reason(str(one.fault), one.detail, one.column) for one in row.problems]
        unit_id = self._unit(values, reasons)
        from_on = _day(values, FROM, reasons, needed=True)
        until_on = _day(values, UNTIL, reasons)
        label = _label(values, from_on, reasons)
        for name, most in _MOST.items():
            if len(values.get(name, "")) > most:
                reasons.append(Reason("too-long", f"{name}最长{most}个字。", name))
        if not values.get(GROUND):
            reasons.append(Reason("missing", f"请填写{GROUND}。", GROUND))
        if from_on and until_on and until_on < from_on:
            reasons.append(Reason("days-reversed", "终止日期不能早于开始日期。", UNTIL))
        verdict, data = Verdict.REFUSE, None
        if not reasons and unit_id is not None and from_on is not None:
            data = NewLabel(
                unit_id, label, from_on, values[GROUND], until_on, values.get(REFERENCE) or None
            )
            verdict = self._against(data, reasons)
        return (
            LabelLine(row.row_no, verdict, values.get(UNIT, ""), label, tuple(reasons)),
            data,
        )

    def _unit(self, values: Mapping[str, str], reasons: list[Reason]) -> UUID | None:
        archive_no, uscc = values.get(UNIT, ""), values.get(USCC, "").upper()
        if archive_no:
            found = self.by_archive.get(archive_no)
            if found is None:
                detail = f"本机构没有档案编号“{archive_no}”。"
                reasons.append(Reason("unit-unknown", detail, UNIT))
            return found
        units = self.by_uscc.get(uscc, ()) if uscc else ()
        if len(units) != 1:
            detail = (
                f"统一社会信用代码“{uscc}”名下有 {len(units)} 家单位，请填写档案编号。"
                if uscc
                else "请填写档案编号或统一社会信用代码。"
            )
            reasons.append(Reason("unit-unknown", detail, USCC))
            return None
        return units[0]

    def _against(self, data: NewLabel, reasons: list[Reason]) -> Verdict:
        """Judge a line by the entries there are, those of the lines above it included."""
        days = self.entries.setdefault((data.unit_id, data.label), [])
        if (data.from_on, data.until_on) in days:
            return Verdict.UNCHANGED
        if any(_overlap(one, (data.from_on, data.until_on)) for one in days):
            detail = "该单位在这段时间已经列入同一名单；如需更正，请先终止原有记录。"
            reasons.append(Reason("unit-label-twice", detail))
            return Verdict.REFUSE
        days.append((data.from_on, data.until_on))
        return Verdict.CREATE


def _overlap(one: tuple[date, date | None], other: tuple[date, date | None]) -> bool:
    return (one[1] or date.max) >= other[0] and (other[1] or date.max) >= one[0]


def _day(
    values: Mapping[str, str], column: str, reasons: list[Reason], *, needed: bool = False
) -> date | None:
    text = values.get(column, "")
    try:
        found = read_day(text)
    except Unreadable as error:
        reasons.append(Reason("day-unreadable", str(error), column))
        return None
    if found is None and needed:
        reasons.append(Reason("missing", f"请填写{column}。", column))
    return found


def _label(values: Mapping[str, str], on: date | None, reasons: list[Reason]) -> str:
    """Return the code of the list that a line names, by its name or by its code."""
    text = values.get(LABEL, "")
    rows = [] if on is None else catalogue.in_force("unit_label", on)
    code = next((row.code for row in rows if text in (row.code, row.body["name"])), None)
    if code is None and on is not None:
        detail = f"目录中没有在该日有效的名单“{text}”。"
        reasons.append(Reason("label-unknown", detail, LABEL))
    return code or text
