"""The inbox: a stored batch is decided in one transaction, operation by operation.

Nothing that a tablet sends is dropped: whatever its outcome, an operation's text stays, with one
receipt that is numbered, chained and signed in the closing step, next to its effect.
"""

from collections import deque
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.access import Actor, ActorKind
from app.db import savepoint
from app.documents import blocks
from app.errors import Conflict
from app.keys import Keys
from app.visits.gathering import forget_undone
from sync.devices import queries as device_queries
from sync.devices.models import Device, DeviceChain
from sync.devices.queries import ChainSoFar, Sender
from sync.devices.rules import DeviceState
from sync.devices.service import PushCapReached, said_in
from sync.inbox import effects, items, queries, records, rules
from sync.inbox.chain import Chain
from sync.inbox.deciding import Batch, NotSmooth, ParentDeclined, Result
from sync.inbox.issuing import KINDS
from sync.inbox.lateness import tell_teams
from sync.inbox.memory import Memory
from sync.inbox.reading import Read
from sync.inbox.receipts import Desk
from sync.inbox.records import Record, pushed_of, record_of
from sync.inbox.rules import Outcome
from sync.wire import Contact


class StillDisputed(Conflict):
    code, title = "still-disputed", "采用后仍有冲突"


def receive(
    device_id: UUID,
    batch_id: UUID,
    read: Read,
    *,
    keys: Keys,
    contact: Contact | None,
    at: datetime,
    last_try: bool = False,
    apart: bool = False,
) -> list[Result]:
    """Decide a stored batch, read before, and return one result per line, in the lines' order.

    `contact` is what the tablet said of itself, None when a stored batch is replayed: then nobody
    was in contact, and no cap holds.

    Under the lock of the device's chain, so that its pushes happen one after another. Operations
    are taken in the tablet's own order, in one savepoint, and what is plain is written in bulk;
    only when something in it fails is all of it undone and done again with a savepoint for each
    operation, as it is from the start where they are to be taken `apart`. What it comes to is the
    same. A new receipt exists only after the commit. Raises RaceLost (begin again; with `last_try`
    it becomes a quarantine), PushCapReached, and whatever the database says.
    """
    device, chain = device_queries.locked(device_id)
    desk = Desk.of(device, chain, keys=keys, at=at)
    skew_s = None if contact is None else contact.skew_s
    batch = _begin(batch_id, desk, chain, skew_s=skew_s, last_try=last_try)
    if batch.suspended and contact is not None:
        _refuse_flood(device_id, len(read.lines), at=at)
    results = None if apart else _decide_as_one(batch, read)
    if results is None:
        desk = Desk.of(device, chain, keys=keys, at=at)
        batch = _begin(batch_id, desk, chain, skew_s=skew_s, last_try=last_try)
        results = batch.decide(read)
        batch.store()
    late_for = {record.late_for for record in batch.changed if record.late_for is not None}
    if late_for:
        tell_teams(late_for, by=_device_actor(device), at=at)
    _supply_numbers(batch, device, at=at)
    desk.chain = batch.chain.values()
    if contact is not None:
        desk.chain.update(said_in(contact, at=at))
    return results


def _decide_as_one(batch: Batch, read: Read) -> list[Result] | None:
    """Decide and store a batch in one savepoint; None, and all of it undone, where that fails."""
    batch.smooth = True
    try:
        with savepoint():
            results = batch.decide(read)
            batch.store()
    except NotSmooth:
        forget_undone()
        return None
    return results


def _begin(
    batch_id: UUID,
    desk: Desk,
    chain: DeviceChain | ChainSoFar,
    *,
    skew_s: int | None,
    last_try: bool,
) -> Batch:
    device = desk.device
    return Batch(
        id=batch_id,
        desk=desk,
        suspended=device.state != DeviceState.ACTIVE,
        skew_s=skew_s,
        chain=Chain.of(chain),
        memory=Memory(device.id),
        last_try=last_try,
    )


def _supply_numbers(batch: Batch, device: Device | Sender, *, at: datetime) -> None:
    """Let a tablet that wrote numbers find further ones in its next pull."""
    wrote = {
        record.pushed.officer_id
        for record in batch.changed
        if record.pushed is not None
        and record.pushed.type in KINDS
        and record.row["outcome"] in rules.RESOLVED
    }
    if wrote and not batch.suspended:
        blocks.supply(device.agency_id, device.id, wrote, by=_device_actor(device), at=at)


def _device_actor(device: Device | Sender) -> Actor:
    return Actor(ActorKind.DEVICE, device.id, device.agency_id, device.district)


def _refuse_flood(device_id: UUID, count: int, *, at: datetime) -> None:
    pushed = queries.pushed_within_a_day(device_id, at)
    if pushed + count > rules.SUSPENDED_OPERATIONS_A_DAY:
        raise PushCapReached(
            "停用的终端一天最多上报 2000 项操作，请明天继续。", headers={"Retry-After": "3600"}
        )


def carry_out_again(
    desk: Desk, chain: DeviceChain, record: Record, *, admitted: bool = False
) -> None:
    """Carry out a quarantined operation at a supervisor's word, as its author's.

    `admitted`: also where it came too late for its task. With a further receipt; what waited for it
    is released. Whatever keeps it from being applied now is raised as the DomainError it is,
    StillDisputed (`disputed`) where other contents stand against it.
    """
    pushed = pushed_of(record)
    batch = _again(desk, chain, record)
    effect = effects.carry_out(replace(batch.doing(record, pushed), admitted=admitted))
    if effect.outcome not in {Outcome.APPLIED, Outcome.MERGED}:
        raise StillDisputed(
            "该内容与现有内容冲突，不能直接采用，请逐项合并，或退回监督员重新提交。",
            disputed=list((effect.detail or {}).get("fields", ())),
        )
    record.row["declined"] = False
    batch.finish(record, replace(effect, reason="accepted"))
    batch.release(pushed.op_id)
    batch.store()


def judge_again(desk: Desk, chain: DeviceChain, record: Record) -> None:
    """Let the rules decide an operation again, as if it came now; with a further receipt.

    What they refuse is on the review list again.
    """
    pushed = pushed_of(record)
    batch = _again(desk, chain, record)
    record.row.update(declined=False, problem=None)
    records.forget_waits([record.id])
    batch.judge(record, pushed)
    batch.store()


def _again(desk: Desk, chain: DeviceChain, record: Record) -> Batch:
    """Return a batch of one operation that is stored already."""
    pushed = pushed_of(record)
    batch = _begin(record.row["batch_id"], desk, chain, skew_s=None, last_try=True)
    batch.memory.recall(pushed.depends_on)
    batch.memory.recall_sitting(pushed.user_session_id)
    return batch


def decide_again(desk: Desk, chain: DeviceChain, record: Record, *, by: Actor) -> None:
    """Write what a person decided about an operation, with a further receipt for its tablet.

    What waited for it is released where it has taken effect, and where it never will be,
    quarantined, and what waits for that.
    """
    records.update_operation(record)
    desk.record(record, by=by)
    if record.row["declined"]:
        records.forget_waits([record.id])
        _decline_children(desk, record, by=by)
    elif record.row["op_id"] is not None:
        batch = _again(desk, chain, record)
        batch.memory.note(record)
        batch.release(record.row["op_id"])
        batch.store()


def _decline_children(desk: Desk, record: Record, *, by: Actor) -> None:
    declined = deque([record.row["op_id"]])
    while declined:
        for row in queries.held_for(desk.device.id, declined.popleft()):
            child = record_of(row)
            error = ParentDeclined("所依据的操作没有被采纳，内容已留存。")
            records.quarantine(child, error, declined=True)
            records.update_operation(child)
            desk.record(child, by=by)
            records.forget_waits([child.id])
            items.settle_items([items.operation_key(child.id)])
            items.store_items(
                [one for one in [items.item_of(child, desk.device, at=desk.at)] if one is not None]
            )
            declined.append(child.row["op_id"])
