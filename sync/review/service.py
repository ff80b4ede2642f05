"""What a person decides about pushed work that the rules could not decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.db import db
from app.documents import service as documents
from app.errors import Conflict, Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.keys import Keys
from app.units import service as units
from app.visits import answering
from sync.devices import queries as device_queries
from sync.devices import service as devices
from sync.devices.models import Device, DeviceChain
from sync.inbox import service as inbox
from sync.inbox.effects import attach, current_of
from sync.inbox.lateness import tell_teams
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.placing import placed_in_form
from sync.inbox.receipts import Desk
from sync.inbox.records import Record, pushed_of, record_of
from sync.inbox.rules import CONTENTS, Decision, OperationType, Outcome, ReviewKind, ReviewState
from sync.operations import Operation as Pushed
from sync.review import matters, queries, rules


class AlreadyDecided(Conflict):
    code, title = "already-decided", "事项已处理"


class DecisionNotPossible(Conflict):
    """This item cannot be decided so; `possible` lists how it can."""

    code, title = "decision-not-possible", "不能这样处理"


class MergeWrong(Invalid):
    """`fields` of a merge are missing, strange or break the rules of the operation."""

    code, title = "merge-wrong", "合并内容有误"


@dataclass(frozen=True)
class Ruling:
    """What is decided, and why; `fields` are the values of a merge."""

    decision: Decision
    reason: str
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Hearing:
    """An item being decided, under the lock of its tablet's chain."""

    ruling: Ruling
    item: ReviewItem
    record: Record
    desk: Desk
    chain: DeviceChain
    by: Actor
    at: datetime


def decide(item_id: UUID, ruling: Ruling, *, keys: Keys, by: Actor, at: datetime) -> ReviewItem:
    """Decide an item; of two who decide at once, one does.

    `accept` applies what the tablet said, as its author's (a correction of a unit as the
    supervisor's change); `merge` writes `fields` over what stands; `keep` leaves it; `reopen` lets
    the rules decide again; `return` asks the inspector for a new operation; `decline`. The tablet
    gets a further receipt and a notice in its feed; what waited is released or, where it will never
    be, quarantined too.

    Raises ReviewItemUnknown, AlreadyDecided, DecisionNotPossible (`possible`), MergeWrong
    (`fields`), and whatever keeps an operation from being applied (VisitLocked, UnitInvalid …).
    """
    matters.get_item(item_id, by.agency_id)
    item, chain = _locked(item_id)
    operation = matters.operation_of(item)
    case = matters.case_of(item, operation)
    _refuse_impossible(case, ruling)
    if operation is None or not item.key.startswith("op:"):
        _close(item, ruling, by=by, at=at)
        _note(item, operation, by=by, at=at)
        return item
    record = record_of(operation)
    if ruling.decision is Decision.MERGE:
        _refuse_wrong_merge(record, ruling)
    told = (item.kind, item.reason)
    device = db.session.get_one(Device, item.device_id)
    desk = Desk.of(device, chain, keys=keys, at=at)
    hearing = _Hearing(ruling, item, record, desk, chain, by, at)
    if ruling.decision is Decision.REOPEN:
        _reopen(hearing)
    else:
        _close(item, ruling, by=by, at=at)
        _VERBS[ruling.decision](hearing)
    notice = devices.Notice(
        op_id=operation.claimed_op_id,
        op_type=operation.type,
        entity_id=operation.entity_id,
        officer_id=operation.officer_id,
        kind=told[0],
        reason=told[1],
        decision=ruling.decision,
        decision_reason=ruling.reason,
    )
    devices.tell_device(item.id, device, notice, by=by, at=at)
    if item.task_id is not None:
        tell_teams({item.task_id}, by=by, at=at)
    return item


def _locked(item_id: UUID) -> tuple[ReviewItem, DeviceChain]:
    """Lock the chain, then the item: the order in which a push does."""
    item = queries.find_item(item_id)
    if item is None:
        raise matters.ReviewItemUnknown("本单位没有这个待处理事项。")
    chain = device_queries.chain_of(item.device_id, lock=True)
    db.session.expire(item)  # whoever waited for the lock hears what was decided meanwhile
    return queries.find_item(item_id, lock=True) or item, chain


def _refuse_impossible(case: rules.Case, ruling: Ruling) -> None:
    offered = rules.possible(case)
    if ruling.decision in offered:
        if (ruling.fields is not None) and ruling.decision is not Decision.MERGE:
            raise MergeWrong("只有合并（merge）可以给出字段内容。", fields=sorted(ruling.fields))
        return
    if case.state is not ReviewState.OPEN:
        raise AlreadyDecided("这个事项已经处理过了，请刷新后查看。", state=case.state)
    raise DecisionNotPossible(
        rules.why_not(case, ruling.decision), possible=[str(one) for one in offered]
    )


def _refuse_wrong_merge(record: Record, ruling: Ruling) -> None:
    pushed = pushed_of(record)
    if wrong := rules.wrong_merge(OperationType(pushed.type), pushed.fields, ruling.fields):
        raise MergeWrong("合并的字段有缺漏或不合要求，请逐项核对。", fields=wrong)


def _close(item: ReviewItem, ruling: Ruling, *, by: Actor, at: datetime) -> None:
    item.state, item.decision, item.decision_reason = (
        ReviewState.DECIDED,
        ruling.decision,
        ruling.reason,
    )
    item.decision_fields = None if ruling.fields is None else dict(ruling.fields)
    item.decided_at, item.decided_by_kind, item.decided_by_id = at, by.kind, by.id
    db.session.flush()  # what ends by itself below leaves it alone


def _note(item: ReviewItem, operation: Operation | None, *, by: Actor, at: datetime) -> None:
    """Journal that a gap, a clock or a missing photo was taken note of."""
    journal.record(
        Event.REVIEW_DECIDED,
        None,
        by=by,
        at=at,
        data={"item_id": str(item.id), "kind": item.kind, "decision": str(item.decision)},
        op_id=None if operation is None else operation.op_id,
    )


# --- the decisions -----------------------------------------------------------------------------


def _accept(hearing: _Hearing) -> None:
    record = hearing.record
    if record.row["outcome"] != Outcome.CONFLICT:
        inbox.carry_out_again(
            hearing.desk,
            hearing.chain,
            record,
            admitted=hearing.item.kind == ReviewKind.LATE,
        )
        return
    pushed = pushed_of(record)
    fields = {name: pushed.fields[name] for name in _written(pushed.type, pushed.fields)}
    version = _write(record, fields, by=hearing.by, at=hearing.at)
    record.row.update(outcome=Outcome.APPLIED, reason="accepted", entity_version=version)
    inbox.decide_again(hearing.desk, hearing.chain, record, by=hearing.by)


def _merge(hearing: _Hearing) -> None:
    record = hearing.record
    if record.row["outcome"] != Outcome.CONFLICT:  # else its photos came with it
        pushed = pushed_of(record)
        subject = _SUBJECTS[OperationType(pushed.type)]
        attach(
            pushed,
            subject,
            pushed.entity_id,
            clock_suspect=record.row["clock_suspect"],
            by=hearing.by,
            at=hearing.at,
        )
    version = _write(record, hearing.ruling.fields or {}, by=hearing.by, at=hearing.at)
    record.row.update(outcome=Outcome.MERGED, reason="merged", problem=None, entity_version=version)
    inbox.decide_again(hearing.desk, hearing.chain, record, by=hearing.by)


def _keep(hearing: _Hearing) -> None:
    hearing.record.row.update(reason="kept")
    inbox.decide_again(hearing.desk, hearing.chain, hearing.record, by=hearing.by)


def _decline(hearing: _Hearing) -> None:
    _give_up(hearing, "declined")


def _return(hearing: _Hearing) -> None:
    _give_up(hearing, "returned")


def _give_up(hearing: _Hearing, reason: str) -> None:
    """Let an operation never be applied, and with it what waits for it."""
    row = hearing.record.row
    if row["outcome"] != Outcome.CONFLICT:
        row["outcome"] = Outcome.QUARANTINED
    row.update(reason=reason, declined=True)
    inbox.decide_again(hearing.desk, hearing.chain, hearing.record, by=hearing.by)


def _reopen(hearing: _Hearing) -> None:
    """Let the rules decide again; the item ends, or is open again with what they say now."""
    item = hearing.item
    item.state, item.decision, item.decision_reason = ReviewState.SETTLED, None, None
    item.decision_fields = None
    item.decided_at = item.decided_by_kind = item.decided_by_id = None
    db.session.flush()  # where the rules refuse again, the inbox opens the item by its key
    inbox.judge_again(hearing.desk, hearing.chain, hearing.record)
    db.session.refresh(item)
    if item.state == ReviewState.SETTLED:
        _close(item, hearing.ruling, by=hearing.by, at=hearing.at)


_VERBS: Mapping[Decision, Callable[[_Hearing], None]] = {
    Decision.ACCEPT: _accept,
    Decision.MERGE: _merge,
    Decision.KEEP: _keep,
    Decision.RETURN: _return,
    Decision.DECLINE: _decline,
}


_SUBJECTS = {
    OperationType.VISIT_ANSWER_ITEM: "visit_answer",
    OperationType.VISIT_STATE_FINDING: "finding",
}


def _written(type_: str, fields: Mapping[str, Any]) -> list[str]:
    return [name for name in rules.MERGEABLE[type_] if name in fields]


def _write(record: Record, fields: Mapping[str, Any], *, by: Actor, at: datetime) -> int:
    """Write values over what stands and return its version: an answer or finding under the name of
    the operation's author, a document before anybody signed it, a correction as the supervisor's
    change of the register.
    """
    pushed = pushed_of(record)
    if pushed.type == OperationType.UNIT_PROPOSE_CORRECTION:
        unit = units.change_unit(pushed.entity_id, fields, by=by, at=at)
        db.session.flush()  # the receipt names the version
        return unit.version
    if pushed.type in CONTENTS:
        document = documents.change_document(
            pushed.entity_id,
            fields,
            officer_id=pushed.officer_id,
            recorded_at=pushed.recorded_at,
            by=by,
            at=at,
        )
        db.session.flush()  # the receipt names the version
        return document.version
    written = [_write_over(one, fields, by=by, at=at) for one in placed_in_form(pushed, by=by)]
    db.session.flush()  # the receipt names the version
    return int(written[0].current.version)


def _write_over(pushed: Pushed, fields: Mapping[str, Any], *, by: Actor, at: datetime) -> Any:
    """Write values over an answer or finding."""
    current = current_of(pushed.type, pushed.entity_id) or {"version": 0}
    seen = answering.Seen(version=current["version"])
    visit_id = UUID(pushed.fields["visit_id"])
    if pushed.type == OperationType.VISIT_ANSWER_ITEM:
        return answering.answer_item(
            visit_id,
            UUID(pushed.fields["item_id"]),
            fields,
            officer_id=pushed.officer_id,
            recorded_at=pushed.recorded_at,
            seen=seen,
            admitted=True,
            by=by,
            at=at,
        )
    changes = dict(fields)
    if changes.get("item_id") is not None:
        changes["item_id"] = UUID(changes["item_id"])
    return answering.state_finding(
        visit_id,
        pushed.entity_id,
        changes,
        officer_id=pushed.officer_id,
        recorded_at=pushed.recorded_at,
        seen=seen,
        admitted=True,
        by=by,
        at=at,
    )
