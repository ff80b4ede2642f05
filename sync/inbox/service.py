"""The inbox: a batch is stored as it came, then decided in one transaction, operation by operation.

Nothing that a tablet sends is dropped: whatever its outcome, an operation's text stays, with one
receipt that is numbered, chained and signed in the closing step, next to its effect.
"""

import hashlib
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from json import dumps
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.access import Actor, ActorKind
from app.db import Base, db, new_id, savepoint
from app.errors import Conflict, DomainError, Forbidden, Invalid
from app.keys import Keys
from app.problems import TooManyRequests, document
from sync.devices import queries as device_queries
from sync.devices.models import Device, DeviceChain
from sync.devices.rules import DeviceState
from sync.devices.service import DeviceSuspended
from sync.inbox import effects, queries, rules
from sync.inbox.effects import Doing, Effect
from sync.inbox.models import InboxBatch, Operation, OperationWait, ReviewItem
from sync.inbox.queries import Sitting
from sync.inbox.receipts import Desk, Record
from sync.inbox.rules import Outcome, Progress, ReviewKind, ReviewState
from sync.operations import (
    OPERATION_LABEL,
    Malformed,
    PublicKey,
    is_signed,
    load_public_key,
    parse_line,
)
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


class PushedTooMuch(TooManyRequests):
    code, title = "pushed-too-much", "停用终端的上报已达上限"


class RaceLost(Exception):
    """Another transaction made the same row first; begin the batch again and see it."""


class NotSmooth(Exception):
    """Something in a batch failed that was taken as one; take it operation by operation."""


@dataclass(frozen=True)
class Result:
    """What one line of a batch came to."""

    line: int
    op_id: UUID | None
    operation_id: UUID
    outcome: Outcome
    reason: str | None
    problem: str | None


# --- storing what came -------------------------------------------------------------------------


def store_batch(device_id: UUID, raw: bytes, *, at: datetime) -> UUID:
    """Store a batch as it came, once, and return its id.

    An entry of its own, committed before anything is decided: what arrived can be replayed.
    """
    digest = hashlib.sha256(raw).hexdigest()
    values = {
        "id": new_id(),
        "device_id": device_id,
        "sha256": digest,
        "content": zlib.compress(raw, 1),
        "size_bytes": len(raw),
        "received_at": at,
    }
    insert_new(InboxBatch, [values], ("device_id", "sha256"))
    found = queries.find_batch(device_id, digest)
    if found is None:
        raise RuntimeError("the batch that was just stored is not there")
    return found


def insert_new(table: type[Base], rows: Sequence[Mapping[str, Any]], key: Iterable[str]) -> None:
    """Insert rows, leaving those alone whose unique `key` is there."""
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing(index_elements=list(key))
    db.session.execute(statement, list(rows))


# --- deciding ----------------------------------------------------------------------------------


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
    batch.advance_chain()
    return results


def _begin(
    batch_id: UUID, desk: Desk, chain: DeviceChain, *, skew_s: int | None, last_try: bool
) -> "Batch":
    device = desk.device
    return Batch(
        id=batch_id,
        desk=desk,
        key=load_public_key(device.alg, device.public_key),
        suspended=device.state != DeviceState.ACTIVE,
        skew_s=skew_s,
        progress=Progress(chain.device_seq, chain.missing),
        gaps_before=chain.missing,
        highest_hash=chain.op_hash,
        last_recorded_at=chain.last_recorded_at,
        last_try=last_try,
    )


def _refuse_flood(device_id: UUID, count: int, *, at: datetime) -> None:
    pushed = queries.pushed_within_a_day(device_id, at)
    if pushed + count > rules.SUSPENDED_OPERATIONS_A_DAY:
        raise PushedTooMuch(
            "停用的终端一天最多上报 2000 项操作，请明天继续。", headers={"Retry-After": "3600"}
        )


@dataclass
class Batch:
    """One batch while it is decided. Plain values only: a savepoint may expire every row."""

    id: UUID
    desk: Desk
    key: PublicKey
    suspended: bool
    skew_s: int | None
    progress: Progress
    gaps_before: rules.Gaps
    highest_hash: str
    last_recorded_at: datetime | None
    last_try: bool
    smooth: bool = False
    known: list[Any] = field(default_factory=list)
    unsettled: dict[UUID, Record] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    by_key: dict[str, Record] = field(default_factory=dict)
    by_op_id: dict[UUID, Record] = field(default_factory=dict)
    seqs: dict[int, str] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    broken: list[int] = field(default_factory=list)
    sittings: Mapping[UUID, Sitting] = field(default_factory=dict)
    standing: dict[UUID, tuple[str, bool]] = field(default_factory=dict)
    waiting: dict[UUID, list[Record]] = field(default_factory=dict)
    held: dict[UUID, Record] = field(default_factory=dict)
    any_held: bool = False
    changed: list[Record] = field(default_factory=list)
    clocks: dict[str, UUID] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return self.desk.at

    def decide(self, lines: Sequence[bytes]) -> list[Result]:
        """Decide every line and return the results in the order of the lines."""
        parsed = [self._read(line) for line in lines]
        self._load([one for one in parsed if isinstance(one, Pushed)], lines, parsed)
        results: list[Result | None] = [None] * len(lines)
        order = rules.in_causal_order(
            [
                (str(one.op_id), one.device_seq, [str(parent) for parent in one.depends_on])
                if isinstance(one, Pushed)
                else ("", 0, ())
                for one in parsed
            ]
        )
        for place in order:
            one = parsed[place]
            if isinstance(one, Pushed):
                results[place] = self._take(place, one)
            else:
                results[place] = self._take_malformed(place, lines[place], one)
        if self.smooth:
            with _as_one():
                self._settle()
        return [result for result in results if result is not None]

    def _read(self, line: bytes) -> Pushed | Malformed:
        try:
            pushed = parse_line(line)
        except Malformed as error:
            return error
        if pushed.device_id != self.desk.device.id:
            return Malformed("of another device", digest=pushed.digest, op_id=pushed.op_id)
        if not is_signed(self.key, OPERATION_LABEL, pushed.digest, pushed.sig):
            return Malformed("wrongly signed", digest=pushed.digest, op_id=pushed.op_id)
        return pushed

    def _load(
        self,
        pushed: Sequence[Pushed],
        lines: Sequence[bytes],
        parsed: Sequence[Pushed | Malformed],
    ) -> None:
        """Read at once what the deciding will ask for."""
        device_id = self.desk.device.id
        keys = {one.digest for one in pushed}
        keys |= {
            _line_key(line)
            for line, one in zip(lines, parsed, strict=True)
            if isinstance(one, Malformed)
        }
        op_ids = {one.op_id for one in pushed}
        seqs = {one.device_seq for one in pushed}
        seqs |= {seq + step for seq in seqs for step in (-1, 1)}
        for found in queries.earlier(device_id, keys, op_ids, seqs):
            record = Record(found.id, None, {"op_hash": found.op_hash}, new=False)
            self.by_key[found.key] = record
            if found.op_id is not None:
                self.by_op_id[found.op_id] = record
                self.standing[found.op_id] = (found.outcome, found.declined)
            if found.device_seq is not None:
                self.seqs[found.device_seq] = found.key
                self.hashes[found.device_seq] = found.op_hash
        if self.progress.highest:
            self.hashes[self.progress.highest] = self.highest_hash
        self.sittings = queries.sittings_of(device_id, {one.user_session_id for one in pushed})
        asked = {parent for one in pushed for parent in one.depends_on}
        self.recall(asked)
        self.known = effects.load(pushed)

    def recall(self, asked: set[UUID]) -> None:
        """Read how the parents that matter stand, and whether anything is held on this device."""
        self.any_held = queries.has_waits(self.desk.device.id)
        missing = asked - self.standing.keys()
        if missing:
            self.standing.update(queries.parents(self.desk.device.id, missing))

    def _waiting_for(self, parent: UUID) -> list[Record]:
        """Return what is held for an operation: in this batch, and since earlier ones."""
        found = self.waiting.pop(parent, [])
        if not self.any_held:
            return found
        for row in queries.held_for(self.desk.device.id, parent):
            record = self.held.setdefault(row.id, record_of(row))
            if record.row["outcome"] == Outcome.HELD:
                found.append(record)
                self.recall(set(pushed_of(record).depends_on))
        return found

    # --- one line

    def _take_malformed(self, place: int, line: bytes, error: Malformed) -> Result:
        key = _line_key(line)
        if key in self.by_key:
            return self._duplicate(place, error.op_id, self.by_key[key])
        log.warning("malformed operation", device=str(self.desk.device.id), why=str(error))
        record = self._new_record(key, None, op=_readable(line), op_hash=error.digest)
        record.row["claimed_op_id"] = error.op_id
        self._quarantine(
            record,
            OperationMalformed("这一行不是本终端签名的规范操作，原文已留存，由负责人处理。"),
        )
        return self._result(place, record)

    def _take(self, place: int, pushed: Pushed) -> Result:
        if earlier := self.by_key.get(pushed.digest):
            return self._duplicate(place, pushed.op_id, earlier)
        record = self._new_record(pushed.digest, pushed, op=pushed.text, op_hash=pushed.digest)
        if pushed.op_id in self.by_op_id:
            record.row["op_id"] = record.row["device_seq"] = None
            self._quarantine(
                record, OperationIdReused("这个操作编号已用于另一项内容，两者都已留存。")
            )
            return self._result(place, record)
        self.by_op_id[pushed.op_id] = record
        if pushed.device_seq in self.seqs:
            record.row["device_seq"] = None
            self._quarantine(
                record, DeviceSeqReused("终端序号已用于另一项操作，终端数据可能被复制过。")
            )
            return self._result(place, record)
        self._link(pushed, record)
        self._judge(record, pushed)
        return self._result(place, record)

    def _link(self, pushed: Pushed, record: Record) -> None:
        """Put an operation into the tablet's chain and notice gaps and wrong clocks."""
        seq = pushed.device_seq
        self.seqs[seq], self.hashes[seq] = pushed.digest, pushed.digest
        before = self.hashes.get(seq - 1)
        if before is not None and before != pushed.prev_hash:
            self.broken.append(seq)
        sitting = self.sittings.get(pushed.user_session_id)
        newest = seq > self.progress.highest
        suspect = rules.is_clock_suspect(
            pushed.recorded_at,
            session_opened_at=sitting.span.opened_at if sitting else pushed.recorded_at,
            previous=self.last_recorded_at if newest else None,
            skew_s=self.skew_s,
            at=self.at,
        )
        record.row["clock_suspect"] = suspect
        if suspect:
            self.clocks.setdefault(pushed.boot_id, record.id)
        self.progress = rules.advance(self.progress, seq)
        if newest:
            self.highest_hash, self.last_recorded_at = pushed.digest, pushed.recorded_at

    def _judge(self, record: Record, pushed: Pushed) -> None:
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
        sitting = self.sittings.get(pushed.user_session_id)
        if sitting is None or sitting.officer_id != pushed.officer_id or not sitting.allowed:
            return AuthorUnknown("签名人没有在这台终端登录，或账号已停用；内容已留存。")
        counted = self._effective_at(pushed, sitting)
        if not sitting.span.covers(counted, tolerance=rules.CLOCK_TOLERANCE):
            return AuthorUnknown("记录这项操作时签名人的登录已经结束；内容已留存。")
        if any(self.standing.get(parent, ("", False))[1] for parent in pushed.depends_on):
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
            if self.standing.get(parent, ("", False))[0] not in rules.RESOLVED
        ]

    def _carry_out(self, record: Record, pushed: Pushed) -> None:
        """Run the effect in a savepoint; what it raises undoes it and is kept as the reason."""
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
            yield
            if not alone:
                db.session.flush()

    def _settle(self) -> None:
        """Let the database see what was done, and the receipts name the versions it gave."""
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
        device = self.desk.device
        return Actor(
            ActorKind.DEVICE,
            device.id,
            device.agency_id,
            device.district,
            officer_id=pushed.officer_id,
            device_id=device.id,
        )

    # --- outcomes

    def finish(self, record: Record, effect: Effect) -> None:
        """Note what an operation did."""
        row, record.detail = record.row, effect.detail or {}
        row["outcome"], row["reason"], row["problem"] = effect.outcome, effect.reason, None
        row["entity_version"] = effect.version
        if effect.entity is not None and record.pushed is not None:
            record.entity = effect.entity
            self.unsettled[record.pushed.entity_id] = record
            if not self.smooth:
                self._settle()
        self._note(record)

    def _quarantine(self, record: Record, error: DomainError) -> None:
        record.detail = {}
        record.row.update(
            outcome=Outcome.QUARANTINED,
            reason=error.code,
            problem=dumps(document(error, instance=str(record.id)), ensure_ascii=False),
            entity_version=None,
            declined=isinstance(error, ParentDeclined),
        )
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
            self.waiting.setdefault(parent, []).append(record)
        self._note(record)

    def _note(self, record: Record) -> None:
        """Let the decision be journalled, receipted and, where needed, shown to a person."""
        pushed = record.pushed
        if pushed is not None and pushed.attachments:
            record.attachments_pending = effects.attachments_pending(
                pushed, self.desk.device.agency_id
            )
        if record.row["op_id"] is not None:
            self.standing[record.row["op_id"]] = (record.row["outcome"], record.row["declined"])
        by = None if pushed is None else self._author(pushed)
        self.desk.record(record, by=by)
        if record not in self.changed:
            self.changed.append(record)

    def release(self, op_id: UUID) -> None:
        """Decide what was held for an operation that is finished now, and so on."""
        finished = deque([op_id])
        while finished:
            parent = finished.popleft()
            outcome, declined = self.standing.get(parent, ("", False))
            if outcome not in rules.RESOLVED and not declined:
                continue
            for record in self._waiting_for(parent):
                pushed = pushed_of(record)
                if declined or not self._unfinished(pushed):
                    self._reconsider(record, pushed)
                    finished.append(pushed.op_id)

    def _reconsider(self, record: Record, pushed: Pushed) -> None:
        if pushed.user_session_id not in self.sittings:
            self.sittings = {
                **self.sittings,
                **queries.sittings_of(self.desk.device.id, {pushed.user_session_id}),
            }
        problem = self._forbidden(pushed)
        if problem is not None:
            self._quarantine(record, problem)
        else:
            self._carry_out(record, pushed)

    # --- rows

    def _new_record(self, key: str, pushed: Pushed | None, *, op: str, op_hash: str) -> Record:
        record = Record(
            new_id(),
            pushed,
            {
                "batch_id": self.id,
                "agency_id": self.desk.device.agency_id,
                "device_id": self.desk.device.id,
                "key": key,
                "op_id": None if pushed is None else pushed.op_id,
                "claimed_op_id": None if pushed is None else pushed.op_id,
                "device_seq": None if pushed is None else pushed.device_seq,
                "op_hash": op_hash,
                "op": op,
                "sig": None if pushed is None else pushed.sig,
                "type": None if pushed is None else pushed.type,
                "entity_id": None if pushed is None else pushed.entity_id,
                "officer_id": None if pushed is None else pushed.officer_id,
                "recorded_at": None if pushed is None else pushed.recorded_at,
                "received_at": self.at,
                "clock_suspect": False,
                "declined": False,
                "entity_version": None,
            },
        )
        record.row["id"] = record.id
        self.by_key[key] = record
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
        )

    def store(self) -> None:
        """Write operations, waits and review items in bulk, before the closing step."""
        if self.records:
            insert = sa.insert(Operation).execution_options(render_nulls=True)  # one statement
            db.session.execute(insert, [record.row for record in self.records])
        for record in self.changed:
            if not record.new:
                update_operation(record)
        self._store_waits()
        store_items(self._items())

    def advance_chain(self) -> None:
        """Let the last receipt's writing note how far the tablet's chain has come."""
        self.desk.chain = {
            "device_seq": self.progress.highest,
            "op_hash": self.highest_hash,
            "missing": [list(gap) for gap in self.progress.gaps],
            "last_recorded_at": self.last_recorded_at,
            "last_contact_at": self.at,
        }

    def _store_waits(self) -> None:
        gone = [r.id for r in self.changed if not r.new and r.row["outcome"] != Outcome.HELD]
        if gone:
            _forget_waits(gone)
            settle_items([f"op:{operation_id}" for operation_id in gone])
        rows = [
            {
                "operation_id": record.id,
                "parent_op_id": parent,
                "device_id": self.desk.device.id,
            }
            for parent, records in self.waiting.items()
            for record in records
            if record.new and record.row["outcome"] == Outcome.HELD
        ]
        if rows:
            db.session.execute(sa.insert(OperationWait), rows)

    def _items(self) -> list[dict[str, Any]]:
        items = [item for record in self.changed if (item := self._item(record)) is not None]
        for boot_id, operation_id in self.clocks.items():
            items.append(
                self._blank(f"clock:{self.desk.device.id}:{boot_id}", ReviewKind.CLOCK)
                | {"reason": "clock-suspect", "operation_id": operation_id}
            )
        for seq in self.broken:
            items.append(
                self._blank(f"chain:{self.desk.device.id}:{seq}", ReviewKind.GAP)
                | {"reason": "chain-broken", "detail": {"device_seq": seq}}
            )
        self._settle_gaps(items)
        return items

    def _item(self, record: Record) -> dict[str, Any] | None:
        row = record.row
        kind = rules.review_kind(Outcome(row["outcome"]), row["reason"])
        if kind is None:
            return None
        item = self._blank(f"op:{record.id}", kind) | {
            "reason": row["reason"],
            "officer_id": row["officer_id"],
            "operation_id": record.id,
            "detail": dict(record.detail),
        }
        if kind is ReviewKind.HELD and row["reason"] != rules.NOT_SERVED:
            item["shown_from"] = self.at + rules.HELD_PATIENCE
        return item

    def _settle_gaps(self, items: list[dict[str, Any]]) -> None:
        """Show each gap once; one that is filled, or has become smaller, ends by itself."""
        device_id = self.desk.device.id
        before = {f"gap:{device_id}:{a}-{b}" for a, b in self.gaps_before}
        now = {f"gap:{device_id}:{a}-{b}": (a, b) for a, b in self.progress.gaps}
        settle_items(sorted(before - now.keys()))
        for key, (first, last) in now.items():
            if key not in before:
                items.append(
                    self._blank(key, ReviewKind.GAP)
                    | {
                        "reason": "operations-missing",
                        "detail": {"first": first, "last": last},
                    }
                )

    def _blank(self, key: str, kind: ReviewKind) -> dict[str, Any]:
        return {
            "id": new_id(),
            "agency_id": self.desk.device.agency_id,
            "key": key,
            "kind": kind,
            "reason": "",
            "device_id": self.desk.device.id,
            "officer_id": None,
            "operation_id": None,
            "detail": {},
            "state": ReviewState.OPEN,
            "created_at": self.at,
            "shown_from": self.at,
        }


@contextmanager
def _as_one() -> Iterator[None]:
    """Let the whole batch fail with a part of it, unless it is the database that failed."""
    try:
        yield
    except DATABASE_FAILURES:
        raise
    except Exception as error:
        raise NotSmooth from error


def _line_key(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _readable(line: bytes) -> str:
    """Return a line as text that every database can hold; the batch keeps the bytes."""
    return line.decode().replace("\0", "\ufffd")


def record_of(row: Operation) -> Record:
    """Return the record of an operation that is stored, to be decided again."""
    pushed = None
    if row.sig is not None:
        pushed = parse_line(dumps({"op": row.op, "sig": row.sig}, ensure_ascii=False).encode())
    names = [column.name for column in Operation.__table__.columns]
    return Record(row.id, pushed, {name: getattr(row, name) for name in names}, new=False)


def pushed_of(record: Record) -> Pushed:
    """Return what a record's operation says; a malformed line is never asked."""
    if record.pushed is None:
        raise RuntimeError("only an operation that was read can be carried out")
    return record.pushed


def update_operation(record: Record) -> None:
    """Write the new outcome of an operation that is stored already."""
    db.session.execute(
        sa.update(Operation)
        .where(Operation.id == record.id)
        .values(
            {
                name: record.row[name]
                for name in ("outcome", "reason", "problem", "entity_version", "declined")
            }
        )
        .execution_options(synchronize_session=False)
    )


def store_items(items: Sequence[Mapping[str, Any]]) -> None:
    """Put matters on the review list; one that had ended by itself is opened again."""
    if not items:
        return
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(ReviewItem)
    again = {name: statement.excluded[name] for name in ("kind", "reason", "detail", "shown_from")}
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={**again, "state": ReviewState.OPEN},
            where=ReviewItem.state == ReviewState.SETTLED,
        ),
        list(items),
    )


def settle_items(keys: Sequence[str]) -> None:
    """Take matters off the review list that have ended by themselves."""
    if keys:
        db.session.execute(
            sa.update(ReviewItem)
            .where(ReviewItem.key.in_(keys), ReviewItem.state == ReviewState.OPEN)
            .values(state=ReviewState.SETTLED)
            .execution_options(synchronize_session=False)
        )


class StillDisputed(Conflict):
    code, title = "still-disputed", "采用后仍有冲突"


def carry_out_again(desk: Desk, chain: DeviceChain, record: Record) -> None:
    """Carry out a quarantined operation at a supervisor's word, as its author's.

    With a further receipt; what waited for it is released. Whatever keeps it from being applied now
    is raised as the DomainError it is, StillDisputed where other contents stand against it.
    """
    pushed = pushed_of(record)
    batch = _begin(record.row["batch_id"], desk, chain, skew_s=None, last_try=True)
    batch.recall(set(pushed.depends_on))
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
    update_operation(record)
    desk.record(record, by=by)
    if not record.row["declined"]:
        return
    _forget_waits([record.id])
    declined = deque([record.row["op_id"]])
    while declined:
        for row in queries.held_for(desk.device.id, declined.popleft()):
            child = record_of(row)
            error = ParentDeclined("所依据的操作没有被采纳，内容已留存。")
            child.row.update(
                outcome=Outcome.QUARANTINED,
                reason=error.code,
                problem=dumps(document(error, instance=str(child.id)), ensure_ascii=False),
                declined=True,
            )
            update_operation(child)
            desk.record(child, by=by)
            _forget_waits([child.id])
            settle_items([f"op:{child.id}"])
            store_items([_quarantined_item(child, at=desk.at)])
            declined.append(child.row["op_id"])


def _forget_waits(operation_ids: Sequence[UUID]) -> None:
    db.session.execute(
        sa.delete(OperationWait).where(OperationWait.operation_id.in_(operation_ids))
    )


def _quarantined_item(record: Record, *, at: datetime) -> dict[str, Any]:
    row = record.row
    return {
        "id": new_id(),
        "agency_id": row["agency_id"],
        "key": f"op:{record.id}",
        "kind": ReviewKind.QUARANTINE,
        "reason": row["reason"],
        "device_id": row["device_id"],
        "officer_id": row["officer_id"],
        "operation_id": record.id,
        "detail": {},
        "state": ReviewState.OPEN,
        "created_at": at,
        "shown_from": at,
    }
