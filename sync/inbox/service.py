"""The inbox: a stored batch is decided in one transaction, operation by operation.

Nothing that a tablet sends is dropped: whatever its outcome, an operation's text stays, with one
receipt that is numbered, chained and signed in the closing step, next to its effect.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.db import db, savepoint
from app.errors import Conflict
from app.keys import Keys
from app.problems import TooManyRequests
from sync.devices import queries as device_queries
from sync.devices.models import Device, DeviceChain
from sync.devices.rules import DeviceState
from sync.inbox import effects, items, queries, records, rules
from sync.inbox.chain import Chain
from sync.inbox.deciding import Batch, NotSmooth, ParentDeclined, Result
from sync.inbox.memory import Memory
from sync.inbox.receipts import Desk
from sync.inbox.records import Record, pushed_of, record_of
from sync.inbox.rules import Outcome
from sync.operations import load_public_key


class PushedTooMuch(TooManyRequests):
    code, title = "pushed-too-much", "停用终端的上报已达上限"


class StillDisputed(Conflict):
    code, title = "still-disputed", "采用后仍有冲突"


def receive(
    device_id: UUID,
    batch_id: UUID,
    lines: Sequence[bytes],
    *,
    keys: Keys,
    skew_s: int | None,
    at: datetime,
    last_try: bool = False,
) -> list[Result]:
    """Decide a stored batch and return one result per line, in the order of the lines.

    Under the lock of the device's chain, so that its pushes happen one after another. Operations
    are taken in the tablet's own order, in one savepoint; only when something in it fails is all of
    it undone and done again with a savepoint for each operation. A new receipt exists only after
    the commit. Raises RaceLost (begin again; with `last_try` it becomes a quarantine),
    PushedTooMuch, and whatever the database says.
    """
    chain = device_queries.chain_of(device_id, lock=True)
    device = db.session.get_one(Device, device_id, populate_existing=True)
    desk = Desk.of(device, chain, keys=keys, at=at)
    batch = _begin(batch_id, desk, chain, skew_s=skew_s, last_try=last_try)
    if batch.suspended:
        _refuse_flood(device_id, len(lines), at=at)
    batch.smooth = True
    try:
        with savepoint():
            results = batch.decide(lines)
    except NotSmooth:
        desk = Desk.of(device, chain, keys=keys, at=at)
        batch = _begin(batch_id, desk, chain, skew_s=skew_s, last_try=last_try)
        results = batch.decide(lines)
    batch.store()
    desk.chain = batch.chain.values(at=at)
    return results


def _begin(
    batch_id: UUID, desk: Desk, chain: DeviceChain, *, skew_s: int | None, last_try: bool
) -> Batch:
    device = desk.device
    return Batch(
        id=batch_id,
        desk=desk,
        key=load_public_key(device.alg, device.public_key),
        suspended=device.state != DeviceState.ACTIVE,
        skew_s=skew_s,
        chain=Chain.of(chain),
        memory=Memory(device.id),
        last_try=last_try,
    )


def _refuse_flood(device_id: UUID, count: int, *, at: datetime) -> None:
    pushed = queries.pushed_within_a_day(device_id, at)
    if pushed + count > rules.SUSPENDED_OPERATIONS_A_DAY:
        raise PushedTooMuch(
            "停用的终端一天最多上报 2000 项操作，请明天继续。", headers={"Retry-After": "3600"}
        )


def carry_out_again(desk: Desk, chain: DeviceChain, record: Record) -> None:
    """Carry out a quarantined operation at a supervisor's word, as its author's.

    With a further receipt; what waited for it is released. Whatever keeps it from being applied now
    is raised as the DomainError it is, StillDisputed where other contents stand against it.
    """
    pushed = pushed_of(record)
    batch = _begin(record.row["batch_id"], desk, chain, skew_s=None, last_try=True)
    batch.memory.recall(pushed.depends_on)
    effect = effects.carry_out(batch.doing(record, pushed))
    if effect.outcome not in {Outcome.APPLIED, Outcome.MERGED}:
        raise StillDisputed("该内容与现有内容冲突，不能直接采用，请由监督员在终端重新提交。")
    record.row["declined"] = False
    batch.finish(record, replace(effect, reason="accepted"))
    batch.release(pushed.op_id)
    batch.store()


def decide_again(desk: Desk, record: Record, *, by: Actor) -> None:
    """Write what a person decided about an operation, with a further receipt for its tablet.

    What waits for a declined operation is quarantined, and what waits for that.
    """
    records.update_operation(record)
    desk.record(record, by=by)
    if not record.row["declined"]:
        return
    records.forget_waits([record.id])
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
