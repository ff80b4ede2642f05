"""Numbers of office work that the product does not do: entered by a person, with their source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.db import db, new_id
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.reports import queries
from app.reports.models import ManualCount
from app.reports.quantities import Quantity, read_quantity

_E6 = 6


class ManualCountUnknown(NotFound):
    code, title = "manual-count-unknown", "未找到填报数"


class ManualCountInvalid(Invalid):
    """`errors`: pointer and detail of each thing wrong."""

    code, title = "manual-count-invalid", "填报数有误"


class ManualCountVoided(Conflict):
    code, title = "manual-count-voided", "填报数已作废"


@dataclass(frozen=True, slots=True)
class NewManualCount:
    """A number for a period; `at_least` where the source only says “余” or “近”."""

    counter: str
    number: str
    from_on: date
    until_on: date
    source: str
    sourced_on: date
    at_least: bool = False
    note: str | None = None


def record_count(data: NewManualCount, *, agency: Agency, by: Actor, at: datetime) -> ManualCount:
    """Enter a number of a counter that the catalogue holds on the period's last day.

    The unit is the counter's: what counts 件 is never entered in 份. Zero is a number. Raises
    ManualCountInvalid (`errors`).
    """
    row = next(
        (one for one in catalogue.in_force(Kind.MANUAL_COUNTER, data.until_on)
         if one.code == data.counter),
        None,
    )  # fmt: skip
    quantity = _checked(data, row)
    entered = ManualCount(
        id=new_id(),
        agency_id=agency.id,
        district=agency.district,
        counter=data.counter,
        unit=str(quantity.unit),
        number_e6=int(quantity.number.scaleb(_E6)),
        at_least=data.at_least,
        from_on=data.from_on,
        until_on=data.until_on,
        source=data.source,
        sourced_on=data.sourced_on,
        note=data.note,
        recorded_at=at,
        recorded_by_kind=by.kind,
        recorded_by_id=by.id,
    )
    db.session.add(entered)
    journal.record(
        Event.MANUAL_COUNT_RECORDED,
        entered,
        by=by,
        at=at,
        data={
            "counter": data.counter,
            "number": quantity.text,
            "unit": str(quantity.unit),
            "from_on": data.from_on.isoformat(),
            "until_on": data.until_on.isoformat(),
        },
    )
    return entered


def void_count(count: ManualCount, reason: str, *, by: Actor, at: datetime) -> None:
    """Let a number count no more; it stays readable. Raises ManualCountVoided."""
    if count.voided_at is not None:
        raise ManualCountVoided("该填报数已经作废，不能再次作废。")
    count.void_reason, count.voided_at = reason, at
    count.voided_by_kind, count.voided_by_id = by.kind, by.id
    journal.record(Event.MANUAL_COUNT_VOIDED, count, by=by, at=at, data={"counter": count.counter})


def get_count(count_id: UUID, agency_id: UUID) -> ManualCount:
    """Return a number of the agency. Raises ManualCountUnknown, also for another agency's."""
    found = db.session.get(ManualCount, count_id)
    if found is None or found.agency_id != agency_id:
        raise ManualCountUnknown("没有这个填报数，或它不属于本机构。")
    return found


@dataclass(frozen=True, slots=True)
class ManualLine:
    """What was entered for one counter within a period: the sum of what counts."""

    code: str
    name: str
    quantity: Quantity
    at_least: bool
    entries: tuple[UUID, ...]


def counted(agency_id: UUID, from_on: date, until_on: date) -> list[ManualLine]:
    """Return what was entered for periods that lie in this one, by counter, in its order.

    Numbers of the same counter and unit add up; a counter whose unit changed has a line for each.
    """
    entries = queries.manual_counts(agency_id, from_on, until_on)
    rows = catalogue.in_force(Kind.MANUAL_COUNTER, until_on)
    order = {row.code: (place, str(row.body["name"])) for place, row in enumerate(rows)}
    grouped: dict[tuple[str, str], list[ManualCount]] = {}
    for one in entries:
        grouped.setdefault((one.counter, one.unit), []).append(one)
    unknown = len(order)
    return [
        _line(code, order.get(code, (unknown, code))[1], same)
        for (code, _), same in sorted(
            grouped.items(), key=lambda item: (order.get(item[0][0], (unknown, ""))[0], item[0])
        )
    ]


def _line(code: str, name: str, same: Sequence[ManualCount]) -> ManualLine:
    first, *rest = (one.quantity for one in same)
    at_least = any(one.at_least for one in same)
    return ManualLine(code, name, sum(rest, start=first), at_least, tuple(one.id for one in same))


def _checked(data: NewManualCount, row: CatalogueRow | None) -> Quantity:
    errors = []
    quantity = None
    if row is None:
        errors.append({"pointer": "#/counter", "detail": "目录中没有在该日有效的这个填报项目。"})
    else:
        try:
            quantity = read_quantity(data.number, str(row.body["unit"]))
        except ValueError:
            unit = row.body["unit"]
            detail = f"数量应为以“{unit}”计的非负数，件、份、人次等只能是整数。"
            errors.append({"pointer": "#/number", "detail": detail})
    if data.from_on > data.until_on:
        errors.append({"pointer": "#/from_on", "detail": "起始日期不能晚于截止日期。"})
    if errors or quantity is None:
        detail = "".join(one["detail"] for one in errors)
        raise ManualCountInvalid(detail, errors=errors)
    return quantity
