"""One batch while it is decided, operation by operation, in the tablet's own order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.access import Actor
from app.db import db, savepoint
from app.errors import Conflict, DomainError, Forbidden, Invalid
from sync.devices.service import DeviceSuspended
from sync.inbox import effects, forms, items, queries, records, rules
from sync.inbox.bulk import Bulk
from sync.inbox.chain import Chain
from sync.inbox.doing import Doing, Effect
from sync.inbox.memory import Memory
from sync.inbox.queries import Attested, Sitting
from sync.inbox.reading import Read
from sync.inbox.receipts import Desk
from sync.inbox.records import Record, line_key, pushed_of
from sync.inbox.rules import Outcome
from sync.operations import Malformed
from sync.operations import Operation as Pushed

log = structlog.get_logger()

DATABASE_FAILURES = (OperationalError, InterfaceError, InternalError, PoolTimeout)


class OperationMalformed(Invalid):
    code, title = "malformed", "内容无法识别"


class OperationIdReused(Conflict):
    code, title = "id-reuse", "操作编号重复"


class DeviceSeqReused(Conflict):
    code, title = "seq-reuse", "终端序号重复"


class AuthorUnknown(Forbidden):
    code, title = "author", "签名人未在终端登录"


class ParentDeclined(Conflict):
    code, title = "parent-declined", "所依据的操作未被采纳"


class OperationFailed(Conflict):
    code, title = "internal", "处理时系统出错"


class RaceLost(Exception):
    """Another transaction made the same row first; begin the batch again and see it."""


class NotSmooth(Exception):
    """Something in a batch failed that was taken as one; take it operation by operation."""


@dataclass(frozen=True)
class Result:
    """What one line of a batch came to; a repeat has no record of its own."""

    line: int
    op_id: UUID | None
    operation_id: UUID
    outcome: Outcome
    reason: str | None
    problem: str | None
    record: Record | None = None

    @property
    def receipt(self) -> Attested | None:
        """The receipt that the closing step wrote for it; None where an earlier one answers."""
        return None if self.record is None else self.record.receipt


@dataclass
class Batch:
    """One batch while it is decided. Plain values only: a savepoint may expire every row."""

    id: UUID
    desk: Desk
    suspended: bool
    skew_s: int | None
    chain: Chain
    memory: Memory
    last_try: bool
    smooth: bool = False
    bulk: Bulk = field(default_factory=lambda: Bulk({}))
    known: list[Any] = field(default_factory=list)
    authors: dict[UUID, Actor] = field(default_factory=dict)
    unsettled: dict[UUID, Record] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        return self.desk.at

    def decide(self, read: Read) -> list[Result]:
        """Decide every line and return the results in the order of the lines."""
        self._load(read)
        results: list[Result | None] = [None] * len(read.lines)
        for place in read.order:
            one = read.said[place]
            if isinstance(one, Pushed):
                results[place] = self._take(place, one)
            else:
                results[place] = self._take_malformed(place, read.lines[place], one)
        if self.smooth:
            with _as_one():
                self._settle()
        return [result for result in results if result is not None]

    def _load(self, read: Read) -> None:
        """Read at once what the deciding will ask for."""
        pushed = [one for one in read.said if isinstance(one, Pushed)]
        memory = self.memory
        if not (self.smooth and self._goes_on(read)):
            self._remember_earlier(read, pushed)
        memory.sittings = queries.sittings_of(
            memory.device_id, {one.user_session_id for one in pushed}
        )
        memory.recall({parent for one in pushed for parent in one.depends_on})
        if self.smooth:
            self.bulk = Bulk(
                {
                    one.op_id: one
                    for one in pushed
                    if one.digest in read.plain and one.digest not in memory.by_key
                }
            )
        self.known = effects.load([one for one in pushed if one.op_id not in self.bulk.plain])

    def _goes_on(self, read: Read) -> bool:
        """Tell whether every line is above all that came: then none of them can be a repeat.

        An id of an earlier operation under a new number is no repeat; the database refuses it, and
        the batch is taken operation by operation.
        """
        highest = self.chain.progress.highest
        return all(isinstance(one, Pushed) and one.device_seq > highest for one in read.said)

    def _remember_earlier(self, read: Read, pushed: Sequence[Pushed]) -> None:
        keys = {
            one.digest if isinstance(one, Pushed) else line_key(line)
            for line, one in zip(read.lines, read.said, strict=True)
        }
        op_ids = {one.op_id for one in pushed}
        seqs = {one.device_seq + step for one in pushed for step in (-1, 0, 1)}
        for found in queries.earlier(self.memory.device_id, keys, op_ids, seqs):
            self.memory.remember(found)
            self.chain.remember(found)

    # --- one line

    def _take_malformed(self, place: int, line: bytes, error: Malformed) -> Result:
        key = line_key(line)
        if key in self.memory.by_key:
            return self._duplicate(place, error.op_id, self.memory.by_key[key])
        log.warning("malformed operation", device=str(self.desk.device.id), why=str(error))
        record = self._new_record(key, None, op=records.readable(line), op_hash=error.digest)
        record.row["claimed_op_id"] = error.op_id
        self._quarantine(
            record,
            OperationMalformed("这一行不是本终端签名的规范操作，原文已留存，由负责人处理。"),
        )
        return self._result(place, record)

    def _take(self, place: int, pushed: Pushed) -> Result:
        if earlier := self.memory.by_key.get(pushed.digest):
            return self._duplicate(place, pushed.op_id, earlier)
        record = self._new_record(pushed.digest, pushed, op=pushed.text, op_hash=pushed.digest)
        if pushed.op_id in self.memory.by_op_id:
            record.row["op_id"] = record.row["device_seq"] = None
            self._quarantine(
                record, OperationIdReused("这个操作编号已用于另一项内容，两者都已留存。")
            )
            return self._result(place, record)
        self.memory.by_op_id[pushed.op_id] = record
        if pushed.device_seq in self.chain.taken:
            record.row["device_seq"] = None
            self._quarantine(
                record, DeviceSeqReused("终端序号已用于另一项操作，终端数据可能被复制过。")
            )
            return self._result(place, record)
        sitting = self.memory.sittings.get(pushed.user_session_id)
        record.row["clock_suspect"] = self.chain.link(
            pushed,
            record.id,
            None if sitting is None else sitting.span,
            skew_s=self.skew_s,
            at=self.at,
        )
        self.judge(record, pushed)
        return self._result(place, record)

    def judge(self, record: Record, pushed: Pushed) -> None:
        """Decide an operation that is this device's own, and all that waited for it."""
        problem = self._forbidden(pushed)
        if problem is not None:
            self._quarantine(record, problem)
        elif unfinished := self._unfinished(pushed):
            self._hold(record, unfinished)
        else:
            self._carry_out(record, pushed)
        self.release(pushed.op_id)

    def _forbidden(self, pushed: Pushed) -> DomainError | None:
        if self.suspended:
            return DeviceSuspended("终端已停用：内容已留存，由负责人决定是否采用。")
        sitting = self.memory.sittings.get(pushed.user_session_id)
        if sitting is None or sitting.officer_id != pushed.officer_id or not sitting.allowed:
            return AuthorUnknown("签名人没有在这台终端登录，或账号已停用；内容已留存。")
        counted = self._effective_at(pushed, sitting)
        if not sitting.span.covers(counted, tolerance=rules.CLOCK_TOLERANCE):
            return AuthorUnknown("记录这项操作时签名人的登录已经结束；内容已留存。")
        if any(self.memory.is_declined(parent) for parent in pushed.depends_on):
            return ParentDeclined("所依据的操作没有被采纳，内容已留存。")
        return None

    def _effective_at(self, pushed: Pushed, sitting: Sitting) -> datetime:
        return rules.effective_at(
            pushed.recorded_at, last_server_time=sitting.span.opened_at, arrived_at=self.at
        )

    def _unfinished(self, pushed: Pushed) -> list[UUID]:
        return [
            parent
            for parent in pushed.depends_on
            if self.memory.outcome_of(parent) not in rules.RESOLVED
        ]

    def _carry_out(self, record: Record, pushed: Pushed) -> None:
        """Run the effect in a savepoint; what it raises undoes it and is kept as the reason."""
        if self.smooth and (plain := self._carry_out_plain(pushed)):
            self.finish(record, plain)
            return
        try:
            with self._apart(pushed):
                effect = effects.carry_out(self.doing(record, pushed))
        except (*DATABASE_FAILURES, NotSmooth):
            raise
        except DomainError as error:
            self._quarantine(record, error)
        except (IntegrityError, StaleDataError) as error:
            self._lose_race(record, error)
        except Exception as error:  # noqa: BLE001 - a bug in one operation must not block the others
            self._quarantine_bug(record, error)
        else:
            self.finish(record, effect)

    def _carry_out_plain(self, pushed: Pushed) -> Effect | None:
        with _as_one():
            return self.bulk.carry_out(pushed, by=self._author(pushed), at=self.at)

    def doing(self, record: Record, pushed: Pushed) -> Doing:
        """Return what is to be carried out, as the author's; its fields have their shape."""
        return Doing(
            operation=pushed,
            type=effects.check(pushed),
            by=self._author(pushed),
            at=self.at,
            clock_suspect=record.row["clock_suspect"],
        )

    @contextmanager
    def _apart(self, pushed: Pushed) -> Iterator[None]:
        """Let an operation fail alone; in a smooth batch its failure is that of them all."""
        if not self.smooth:
            with savepoint():
                yield
            return
        alone = effects.stands_alone(pushed)
        with _as_one():
            if not alone or pushed.entity_id in self.unsettled:
                self._settle()
            else:
                self.bulk.write()
            yield
            if not alone:
                db.session.flush()
            self.bulk.forget(pushed)

    def _settle(self) -> None:
        """Let the database see what was done, and the receipts name the versions it gave."""
        self.bulk.write()
        db.session.flush()
        for record in self.unsettled.values():
            record.row["entity_version"] = record.entity.version
        self.unsettled.clear()

    def _lose_race(self, record: Record, error: Exception) -> None:
        """Begin the batch again and see what the other did; the last time, keep it for a person."""
        if not self.last_try:
            raise RaceLost from error
        self._quarantine_bug(record, error)

    def _quarantine_bug(self, record: Record, error: Exception) -> None:
        log.error("operation failed", operation=str(record.id), exc_info=error)
        self._quarantine(
            record, OperationFailed("处理这项操作时系统出错，内容已留存，已通知管理员。")
        )

    def _author(self, pushed: Pushed) -> Actor:
        found = self.authors.get(pushed.officer_id)
        if found is None:
            found = replace(self.desk.by, officer_id=pushed.officer_id)
            self.authors[pushed.officer_id] = found
        return found

    # --- outcomes

    def finish(self, record: Record, effect: Effect) -> None:
        """Note what an operation did."""
        row, record.detail = record.row, effect.detail or {}
        row["outcome"], row["reason"], row["problem"] = effect.outcome, effect.reason, None
        if effect.reason is None and record.pushed is not None:
            row["reason"] = forms.MIGRATED if forms.reads_otherwise(record.pushed) else None
        row["entity_version"] = effect.version
        if effect.entity is not None and record.pushed is not None:
            record.entity = effect.entity
            self.unsettled[record.pushed.entity_id] = record
            if not self.smooth:
                self._settle()
        self._note(record)

    def _quarantine(self, record: Record, error: DomainError) -> None:
        records.quarantine(record, error, declined=isinstance(error, ParentDeclined))
        if record.pushed is not None and record.pushed.attachments:
            self._keep_photos(record, record.pushed)
        self._note(record)

    def _keep_photos(self, record: Record, pushed: Pushed) -> None:
        """Expect the photos of what waits for a supervisor, so that the list can show them."""
        try:
            with savepoint():
                by = self._author(pushed)
                effects.attach(pushed, "operation", record.id, by=by, at=self.at)
        except IntegrityError as error:
            self._lose_race(record, error)

    def _hold(self, record: Record, parents: Iterable[UUID]) -> None:
        record.row.update(outcome=Outcome.HELD, reason="waiting", problem=None)
        for parent in parents:
            self.memory.waiting.setdefault(parent, []).append(record)
        self._note(record)

    def _note(self, record: Record) -> None:
        """Let the decision be journalled, receipted and, where needed, shown to a person."""
        pushed = record.pushed
        if pushed is not None and pushed.attachments:
            record.attachments_pending = effects.attachments_pending(
                pushed, self.desk.device.agency_id
            )
        self.memory.note(record)
        by = None if pushed is None else self._author(pushed)
        self.desk.record(record, by=by)
        if record not in self.changed:
            self.changed.append(record)

    def release(self, op_id: UUID) -> None:
        """Decide what was held for an operation that is finished now, and so on."""
        finished = deque([op_id])
        while finished:
            parent = finished.popleft()
            declined = self.memory.is_declined(parent)
            if not declined and self.memory.outcome_of(parent) not in rules.RESOLVED:
                continue
            for record in self.memory.waiting_for(parent):
                pushed = pushed_of(record)
                if declined or not self._unfinished(pushed):
                    self._reconsider(record, pushed)
                    finished.append(pushed.op_id)

    def _reconsider(self, record: Record, pushed: Pushed) -> None:
        self.memory.recall_sitting(pushed.user_session_id)
        problem = self._forbidden(pushed)
        if problem is not None:
            self._quarantine(record, problem)
        else:
            self._carry_out(record, pushed)

    # --- rows

    def _new_record(self, key: str, pushed: Pushed | None, *, op: str, op_hash: str) -> Record:
        record = records.new_record(
            self.id, self.desk.device, key, pushed, op=op, op_hash=op_hash, at=self.at
        )
        self.memory.by_key[key] = record
        self.records.append(record)
        return record

    def _duplicate(self, place: int, op_id: UUID | None, earlier: Record) -> Result:
        return Result(place + 1, op_id, earlier.id, Outcome.DUPLICATE, None, None)

    def _result(self, place: int, record: Record) -> Result:
        row = record.row
        return Result(
            line=place + 1,
            op_id=row["claimed_op_id"],
            operation_id=record.id,
            outcome=Outcome(row["outcome"]),
            reason=row["reason"],
            problem=row["problem"],
            record=record,
        )

    def store(self) -> None:
        """Write operations, waits and review items in bulk, before the closing step.

        Raises NotSmooth where an operation's id was another's before.
        """
        device = self.desk.device
        with _as_one() if self.smooth else nullcontext():
            records.store_operations(self.records)
        for record in self.changed:
            if not record.new:
                records.update_operation(record)
        gone = [r.id for r in self.changed if not r.new and r.row["outcome"] != Outcome.HELD]
        if gone:
            records.forget_waits(gone)
            items.settle_items([items.operation_key(operation_id) for operation_id in gone])
        records.store_waits(device.id, self.memory.waiting)
        found = [items.item_of(record, device, at=self.at) for record in self.changed]
        items.store_items(
            [
                *(item for item in found if item is not None),
                *items.items_of_chain(self.chain, device, at=self.at),
            ]
        )


@contextmanager
def _as_one() -> Iterator[None]:
    """Let the whole batch fail with a part of it, unless it is the database that failed."""
    try:
        yield
    except DATABASE_FAILURES:
        raise
    except Exception as error:
        raise NotSmooth from error
