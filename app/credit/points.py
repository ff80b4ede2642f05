"""Points for malpractice 不良执业行为记分: given once, added up in their cycle, told to licensing.

Notices are derived from what stands: points that are voided on appeal take the notice back that
rested on them. Points and thresholds are dated rows of the catalogue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.credit import queries, rules, service
from app.credit.models import CreditEntry, PointsCycle, PointsNotice
from app.credit.rules import Cycle, EntryKind, NewEntry, NoticeState, Threshold
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.units import service as units
from app.units.models import Unit


class PointsItemUnknown(Invalid):
    code, title = "points-item-unknown", "记分事项不在当日有效的目录中"


class PointsCycleOverlaps(Conflict):
    """Extras: `cycle_id`, the cycle that covers some of these days."""

    code, title = "points-cycle-overlaps", "记分周期重叠"


class PointsCycleWrong(Invalid):
    code, title = "points-cycle-wrong", "记分周期有误"


class PointsNoticeUnknown(NotFound):
    code, title = "points-notice-unknown", "未找到记分通报"


class PointsNoticeStateWrong(Conflict):
    code, title = "points-notice-state-wrong", "记分通报状态不允许此操作"


@dataclass(frozen=True)
class NewPoints:
    """What points are given for: an item of the catalogue, and the cause that gives them once."""

    unit_id: UUID
    item: str
    reference: str
    given_on: date


@dataclass(frozen=True)
class Tally:
    """The points of a unit that stand in the cycle of a day."""

    scheme: str
    cycle: Cycle
    total: int
    thresholds: Sequence[Threshold]


def give_points(new: NewPoints, *, agency: Agency, by: Actor, at: datetime) -> CreditEntry:
    """Give a unit the points of an item, once for each cause; notices follow.

    Raises UnitNotFound, PointsItemUnknown, CreditEntryDiffers.
    """
    unit = units.get_unit(new.unit_id, agency.id)
    try:
        item = catalogue.get_row(Kind.POINTS_ITEM, new.item, new.given_on)
    except catalogue.CatalogueRowMissing as error:
        raise PointsItemUnknown(
            "记分当日有效的目录中没有这个事项，请核对事项和日期。", item=new.item
        ) from error
    entry = NewEntry(
        kind=EntryKind.POINTS,
        reference=new.reference,
        decided_on=new.given_on,
        unit_id=unit.id,
        points=int(item.body["points"]),
        data={
            "scheme": item.body["scheme"],
            "item": item.code,
            "item_from": item.effective_from.isoformat(),
        },
    )
    made = service.record(entry, agency=agency, by=by, at=at)
    if made.entry.data.get("item") != item.code:
        raise service.CreditEntryDiffers(
            "同一事由已经按另一事项记分；请撤销原记录后以新的文号重新记录。",
            entry_id=made.entry.id,
            fields=["item"],
        )
    settle(made.entry, by=by, at=at)
    return made.entry


def settle(entry: CreditEntry, *, by: Actor, at: datetime) -> None:
    """Let the notices of an entry's cycle say what stands; does nothing for another kind of entry.

    A threshold that is reached has a notice that is due or sent, one that is not reached none.
    """
    if entry.kind != EntryKind.POINTS or entry.unit_id is None:
        return
    unit = units.get_unit(entry.unit_id, entry.agency_id)
    _settle(unit, tally_of(unit.id, str(entry.data["scheme"]), entry.decided_on), by=by, at=at)


def _settle(unit: Unit, tally: Tally, *, by: Actor, at: datetime) -> None:
    wanted = {one.points: one for one in tally.thresholds if one.points <= tally.total}
    standing = {
        one.threshold: one
        for one in queries.notices_of(unit.id, tally.scheme)
        if one.cycle_from == tally.cycle.from_on
    }
    for points, threshold in sorted(wanted.items()):
        notice = standing.get(points)
        if notice is None:
            _notify(unit, tally, threshold, by=by, at=at)
        elif notice.state == NoticeState.WITHDRAWN:
            notice.total = tally.total
            _turn(notice, NoticeState.DUE, by=by, at=at)
    for points, notice in sorted(standing.items()):
        if points not in wanted and notice.state != NoticeState.WITHDRAWN:
            notice.total = tally.total
            _turn(notice, NoticeState.WITHDRAWN, by=by, at=at)


def tally_of(unit_id: UUID, scheme: str, on: date) -> Tally:
    """Return the points that stand in the cycle of a day, and what they may lead to."""
    row = _scheme(scheme, on)
    own = [Cycle(one.from_on, one.until_on) for one in queries.cycles_of(unit_id, scheme)]
    months = int(row.body["cycle_months"])
    cycle = rules.cycle_of(on, own, months)
    entries = [
        one
        for one in queries.entries_of_unit(unit_id)
        if one.kind != EntryKind.POINTS or one.data.get("scheme") == scheme
    ]
    thresholds = [Threshold(one["points"], one["effect"]) for one in row.body["thresholds"]]
    return Tally(scheme, cycle, rules.points_in(entries, cycle, own, months), thresholds)


def _scheme(scheme: str, on: date) -> CatalogueRow:
    return catalogue.get_row(Kind.POINTS_SCHEME, scheme, on)


def _notify(unit: Unit, tally: Tally, threshold: Threshold, *, by: Actor, at: datetime) -> None:
    notice = PointsNotice(
        agency_id=unit.agency_id,
        district=unit.district,
        unit_id=unit.id,
        scheme=tally.scheme,
        cycle_from=tally.cycle.from_on,
        cycle_until=tally.cycle.until_on,
        threshold=threshold.points,
        effect=threshold.effect,
        total=tally.total,
        state=NoticeState.DUE,
        due_at=at,
        due_by_kind=str(by.kind),
        due_by_id=by.id,
    )
    db.session.add(notice)
    db.session.flush()  # the journal names its id; a second cause of the entry finds it
    _journal(notice, by=by, at=at)


def _turn(notice: PointsNotice, state: NoticeState, *, by: Actor, at: datetime) -> None:
    notice.state = state
    if state is NoticeState.DUE:
        notice.due_at, notice.due_by_kind, notice.due_by_id = at, str(by.kind), by.id
        notice.sent_at = notice.sent_by_kind = notice.sent_by_id = None
    db.session.flush()  # of several notices each is written in its turn
    _journal(notice, by=by, at=at)


def _journal(notice: PointsNotice, *, by: Actor, at: datetime) -> None:
    data = {
        "unit_id": str(notice.unit_id),
        "scheme": notice.scheme,
        "threshold": notice.threshold,
        "total": notice.total,
        "state": str(notice.state),
    }
    journal.record(Event.POINTS_NOTICE_CHANGED, notice, by=by, at=at, data=data)


def get_notice(notice_id: UUID, agency_id: UUID | None) -> PointsNotice:
    """Return a notice of the agency. Raises PointsNoticeUnknown, also for another agency's."""
    notice = db.session.get(PointsNotice, notice_id)
    if notice is None or notice.agency_id != agency_id:
        raise PointsNoticeUnknown("没有这条记分通报，或它不属于本机构。")
    return notice


def send_notice(notice: PointsNotice, *, by: Actor, at: datetime) -> PointsNotice:
    """Say that the licensing section was told. Raises PointsNoticeStateWrong (`state`)."""
    if notice.state != NoticeState.DUE:
        raise PointsNoticeStateWrong(
            "这条记分通报已经送达或者已经撤回，请刷新后再办理。", state=notice.state
        )
    notice.state = NoticeState.SENT
    notice.sent_at, notice.sent_by_kind, notice.sent_by_id = at, str(by.kind), by.id
    _journal(notice, by=by, at=at)
    return notice


def open_cycle(
    unit_id: UUID, scheme: str, cycle: Cycle, *, agency: Agency, by: Actor, at: datetime
) -> PointsCycle:
    """Let a unit's points count over the days of its 校验 instead of the year.

    Notices of points already given follow. Raises UnitNotFound, CatalogueRowMissing,
    PointsCycleWrong and PointsCycleOverlaps.
    """
    unit = units.get_unit(unit_id, agency.id)
    if cycle.until_on < cycle.from_on:
        raise PointsCycleWrong("记分周期的终止日期不能早于开始日期。")
    _scheme(scheme, cycle.from_on)
    for other in queries.cycles_of(unit.id, scheme):
        if other.from_on <= cycle.until_on and cycle.from_on <= other.until_on:
            raise PointsCycleOverlaps(
                "该单位在这段时间已有记分周期，请核对日期。", cycle_id=other.id
            )
    made = PointsCycle(
        agency_id=agency.id,
        district=agency.district,
        unit_id=unit.id,
        scheme=scheme,
        from_on=cycle.from_on,
        until_on=cycle.until_on,
        opened_at=at,
        opened_by_kind=str(by.kind),
        opened_by_id=by.id,
    )
    db.session.add(made)
    db.session.flush()  # what follows counts by the new cycle
    data = {"unit_id": str(unit.id), "scheme": scheme, "from_on": cycle.from_on.isoformat()}
    journal.record(Event.POINTS_CYCLE_OPENED, made, by=by, at=at, data=data)
    given = {
        one.decided_on
        for one in queries.entries_of_unit(unit.id)
        if one.kind == EntryKind.POINTS and one.data.get("scheme") == scheme
    }
    around = {one.cycle_from for one in queries.notices_of(unit.id, scheme)}
    for day in sorted(given | around):
        _settle(unit, tally_of(unit.id, scheme, day), by=by, at=at)
    return made
