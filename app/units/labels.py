"""Dated lists on which a unit stands 标签: under investigation, supervised from afar.

There is no case package whose cases could be asked, so that people keep the list. Nothing is
deleted: an entry ends, with the reason.
"""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
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
