"""The review list: what a person decides about pushed work that the rules could not decide."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.db import db
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.keys import Keys
from app.visits import service as visits
from sync.devices import queries as device_queries
from sync.devices.models import Device
from sync.inbox import service as inbox
from sync.inbox.effects import current_of
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.receipts import Desk
from sync.inbox.records import OperationSubject, Record, pushed_of, record_of
from sync.inbox.rules import Decision, Outcome, ReviewKind, ReviewState
from sync.review import queries, rules


class ReviewItemUnknown(NotFound):
    code, title = "review-item-unknown", "没有这个待处理事项"


class AlreadyDecided(Conflict):
    code, title = "already-decided", "事项已处理"


class DecisionNotPossible(Conflict):
    """This item cannot be decided so; `possible` lists how it can."""

    code, title = "decision-not-possible", "不能这样处理"


@dataclass(frozen=True)
class Matter:
    """An item with its operation's text, what stands now, and what can be decided."""

    item: ReviewItem
    op: str | None
    current: dict[str, Any] | None
    possible: list[Decision]


def list_matters(
    agency_id: UUID, kind: ReviewKind | None, *, after: UUID | None, limit: int, at: datetime
) -> list[Matter]:
    """Return an agency's open items, oldest first."""
    found = queries.open_items(agency_id, kind, after=after, limit=limit, at=at)
    return [_matter(item, operation) for item, operation in found]


def get_matter(item_id: UUID, agency_id: UUID | None) -> Matter:
    """Return an item of the agency, also a decided one. Raises ReviewItemUnknown."""
    item = queries.find_item(item_id)
    if item is None or item.agency_id != agency_id:
        raise ReviewItemUnknown("本单位没有这个待处理事项。")
    return _matter(item, _operation_of(item))


def _matter(item: ReviewItem, operation: Operation | None) -> Matter:
    type_ = None if operation is None else operation.type
    return Matter(
        item=item,
        op=None if operation is None else operation.op,
        current=None if operation is None else current_of(type_, operation.entity_id),
        possible=rules.possible(ReviewKind(item.kind), item.reason, type_)
        if item.state == ReviewState.OPEN
        else [],
    )


def _operation_of(item: ReviewItem) -> Operation | None:
    return None if item.operation_id is None else db.session.get(Operation, item.operation_id)


def decide(
    item_id: UUID, decision: Decision, reason: str, *, keys: Keys, by: Actor, at: datetime
) -> ReviewItem:
    """Decide an item: `accept` an answer over the one that stands, or an operation out of
    quarantine; `keep` what stands; `decline`.

    The operation gets a further receipt, so that its tablet learns of it; what waited for it is
    released or, after `decline`, quarantined with it. Raises ReviewItemUnknown, AlreadyDecided,
    DecisionNotPossible (`possible`), and whatever keeps an accepted operation from being applied
    (VisitLocked, VisitUnknown …).
    """
    item = queries.find_item(item_id)
    if item is None or item.agency_id != by.agency_id:
        raise ReviewItemUnknown("本单位没有这个待处理事项。")
    chain = device_queries.chain_of(item.device_id, lock=True)  # before the item, as a push does
    item = queries.find_item(item_id, lock=True) or item
    if item.state != ReviewState.OPEN:
        raise AlreadyDecided("这个事项已经处理过了，请刷新后查看。", state=item.state)
    operation = _operation_of(item)
    offered = rules.possible(
        ReviewKind(item.kind), item.reason, None if operation is None else operation.type
    )
    if decision not in offered:
        raise DecisionNotPossible("这个事项不能这样处理。", possible=[str(one) for one in offered])
    item.state, item.decision, item.decision_reason = ReviewState.DECIDED, decision, reason
    item.decided_at, item.decided_by_kind, item.decided_by_id = at, by.kind, by.id
    journal.record(
        Event.REVIEW_DECIDED,
        _subject(item, by),
        by=by,
        at=at,
        data={"item_id": str(item.id), "kind": item.kind, "decision": str(decision)},
        op_id=None if operation is None else operation.op_id,
    )
    if operation is not None and item.key.startswith("op:"):
        device = db.session.get_one(Device, item.device_id)
        desk = Desk.of(device, chain, keys=keys, at=at)
        if decision is Decision.ACCEPT and operation.outcome == Outcome.QUARANTINED:
            inbox.carry_out_again(desk, chain, record_of(operation))
        else:
            _tell(desk, operation, decision, by=by, at=at)
    return item


def _subject(item: ReviewItem, by: Actor) -> OperationSubject | None:
    if item.operation_id is None or by.district is None:
        return None
    return OperationSubject(item.operation_id, item.agency_id, by.district)


def _tell(desk: Desk, operation: Operation, decision: Decision, *, by: Actor, at: datetime) -> None:
    """Carry out the decision and let the tablet know by a further receipt."""
    record = record_of(operation)
    if decision is Decision.ACCEPT:
        version = _accept(record, by=by, at=at)
        record.row.update(outcome=Outcome.APPLIED, reason="accepted", entity_version=version)
    elif decision is Decision.KEEP:
        record.row.update(reason="kept")
    else:
        conflict = operation.outcome == Outcome.CONFLICT
        outcome = Outcome.CONFLICT if conflict else Outcome.QUARANTINED
        record.row.update(outcome=outcome, reason="declined", declined=True)
    inbox.decide_again(desk, record, by=by)


def _accept(record: Record, *, by: Actor, at: datetime) -> int:
    """Write a tablet's answer over the one that stands, as its author's."""
    pushed = pushed_of(record)
    current = current_of(pushed.type, pushed.entity_id) or {"version": 0}
    answered = visits.answer_item(
        UUID(pushed.fields["visit_id"]),
        UUID(pushed.fields["item_id"]),
        {name: pushed.fields[name] for name in ("result", "note") if name in pushed.fields},
        officer_id=pushed.officer_id,
        recorded_at=pushed.recorded_at,
        seen=visits.Seen(version=current["version"]),
        by=by,
        at=at,
    )
    db.session.flush()  # the receipt names the version
    return answered.current.version
