"""The one log. Services record; the closing step numbers, chains and stores before the commit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import canonical
from app.access import Actor
from app.days import local_date
from app.db import db, insert_rows, new_id
from app.errors import Unavailable
from app.journal.models import Installation, JournalEntry, NumberFloor
from app.journal.rules import GENESIS, Break, Event, entry_hash, entry_text, first_break
from app.prepared import Prepared

CATALOGUE = "catalogue"
Finish = Callable[[], None]


class Subject(Protocol):
    """What an entry can be about: a versioned row of an agency's district."""

    __tablename__: str

    @property
    def id(self) -> Any: ...
    @property
    def version(self) -> Any: ...
    @property
    def district(self) -> Any: ...
    @property
    def agency_id(self) -> Any: ...


@dataclass
class Waiting:
    """An entry that waits in the transaction for its number."""

    event: Event
    stream: str
    agency_id: UUID | None
    subject_type: str | None
    subject: Any
    by: Actor
    at: datetime
    data: Mapping[str, Any]
    op_id: UUID | None
    numbered: Callable[["Numbered"], Finish | None] | None
    seq: int = field(default=0)

    @property
    def subject_id(self) -> UUID | None:
        return None if self.subject is None else self.subject.id


class Numbered(NamedTuple):
    """Where an entry stands in its stream."""

    stream: str
    seq: int
    hash: str


class Subscriber(Protocol):
    """What is told, once per transaction, which subjects changed; it returns rows to insert.

    `render` runs before the stream locks and writes nothing. What it returns is called after the
    numbering with `(stream -> last seq)` and yields `(table, rows, conflict columns)` for bulk
    upserts.
    """

    def __call__(self, session: Session, entries: Sequence[Waiting]) -> "Stored": ...


Stored = Callable[[Session, Mapping[str, int]], None]
_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Register a projection of the journal. docs/architecture.md lists them; a test compares."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def subscribers() -> Sequence[Subscriber]:
    """Return the registered projections."""
    return tuple(_subscribers)


def record(
    event: Event,
    subject: Subject | None,
    *,
    by: Actor,
    at: datetime,
    data: Mapping[str, Any] | None = None,
    stream: str | None = None,
    op_id: UUID | None = None,
    numbered: Callable[[Numbered], Finish | None] | None = None,
) -> None:
    """Let an entry wait in the open transaction; it is stored with the effect or not at all.

    `data` holds ids, field names, hashes and non-personal values only, JSON without floats.
    `stream` defaults to the subject's district (`catalogue` where it has none). `numbered` is
    called in the closing step, under the stream's lock, with the entry's place: for what must
    name it, as a receipt does. What it returns is called when all else is written: what it needs
    may be made ready meanwhile. Raises RuntimeError outside `transaction()`.
    """
    session = db.session()
    if not session.info.get("writing"):
        raise RuntimeError("journal.record() belongs into transaction()")
    waiting: list[Waiting] = session.info["waiting"]
    waiting.append(
        Waiting(
            event=event,
            stream=stream or getattr(subject, "district", None) or by.district or CATALOGUE,
            agency_id=getattr(subject, "agency_id", None) or by.agency_id,
            subject_type=None if subject is None else subject.__tablename__,
            subject=subject,
            by=by,
            at=at,
            data=data or {},
            op_id=op_id,
            numbered=numbered,
        )
    )


def close(session: Session) -> None:
    """The closing step: render projections, lock the streams, number, chain and store.

    Streams are locked in sorted order and no other lock is taken afterwards, so that a lower
    number never appears after a higher one was read. Nothing waits: nothing happens.
    """
    waiting: list[Waiting] = session.info["waiting"]
    if not waiting:
        return
    projections = [subscriber(session, waiting) for subscriber in _subscribers]
    session.flush()
    streams = sorted({entry.stream for entry in waiting})
    _lock(session, streams)
    rows: list[dict[str, Any]] = []
    last: dict[str, int] = {}
    finishing: list[Finish] = []
    ordered = sorted(waiting, key=lambda entry: entry.stream)  # stable: order of recording
    above: dict[str, int] = session.info.get("above", {})
    for stream, entries in groupby(ordered, key=lambda entry: entry.stream):
        seq, previous = head(stream)
        seq = max(seq, above.get(stream, 0))
        for entry in entries:
            seq += 1
            entry.seq = seq
            row = _row(entry, previous)
            previous = row["hash"]
            rows.append(row)
            if entry.numbered and (finish := entry.numbered(Numbered(stream, seq, previous))):
                finishing.append(finish)
        last[stream] = seq
    insert_rows(JournalEntry, rows)
    for store in projections:
        store(session, last)
    for finish in finishing:
        finish()
    session.flush()


def go_on_above(stream: str, seq: int) -> None:
    """Let the stream's next entry, in this transaction, have a number above `seq`.

    For a database that was restored: numbers up to there may have been given out. The chain goes
    on from the newest entry that is here.
    """
    db.session().info.setdefault("above", {})[stream] = seq


def head(stream: str) -> tuple[int, str]:
    """Return number and hash of the newest entry of a stream; (0, zeros) for a new one."""
    rows = _HEAD.rows(stream=stream)
    return (rows[0][0], rows[0][1]) if rows else (0, GENESIS)


_entry = JournalEntry.__table__.c
_HEAD = Prepared(
    sa.select(_entry.seq, _entry.hash)
    .where(_entry.stream == sa.bindparam("stream"))
    .order_by(_entry.seq.desc())
    .limit(sa.literal_column("1"))
)


def seq_before(stream: str, at: datetime) -> int:
    """Return the number of the newest entry of a stream from before an instant; 0 for none."""
    found = db.session.scalars(
        sa.select(JournalEntry.seq)
        .where(JournalEntry.stream == stream, JournalEntry.at < at)
        .order_by(JournalEntry.seq.desc())
        .limit(1)
    ).first()
    return found or 0


@dataclass(frozen=True)
class Told:
    """An entry as who reads the journal afterwards is told of it."""

    seq: int
    event: str
    subject_id: UUID | None
    data: Mapping[str, Any]


def entries_after(
    stream: str, seq: int, events: Collection[Event], *, limit: int
) -> tuple[list[Told], int]:
    """Return the next entries of some events in a stream, and up to where it has been read.

    Nothing is skipped that commits later: numbers are given under the stream's lock, and nothing
    behind the head as it was before the reading is counted as read.
    """
    last = head(stream)[0]
    rows = db.session.execute(
        sa.select(JournalEntry.seq, JournalEntry.event, JournalEntry.subject_id, JournalEntry.text)
        .where(
            JournalEntry.stream == stream,
            JournalEntry.seq > seq,
            JournalEntry.seq <= last,
            JournalEntry.event.in_(events),
        )
        .order_by(JournalEntry.seq)
        .limit(limit)
    ).all()
    found = [
        Told(row.seq, row.event, row.subject_id, canonical.loads(row.text)["data"]) for row in rows
    ]
    return found, found[-1].seq if len(found) == limit else max(seq, last)


def heads() -> dict[str, tuple[int, str]]:
    """Return the newest number and hash of every stream; as quick for a long journal as for a
    short one."""
    return {stream: head(stream) for stream in db.session.scalars(_STREAMS)}


def _streams() -> sa.Select[str]:
    """Step from one stream to the next: `SELECT DISTINCT` would walk every entry."""
    first = sa.select(sa.func.min(JournalEntry.stream).label("stream")).cte(recursive=True)
    following = (
        sa.select(sa.func.min(JournalEntry.stream))
        .where(JournalEntry.stream > first.c.stream)
        .scalar_subquery()
    )
    steps = first.union_all(sa.select(following).where(first.c.stream.is_not(None)))
    return sa.select(steps.c.stream).where(steps.c.stream.is_not(None)).order_by(steps.c.stream)


_STREAMS = _streams()


def verify(stream: str | None = None) -> tuple[int, list[Break]]:
    """Walk the chains and return how many entries were read and where any chain breaks."""
    count, breaks = 0, []
    for name in [stream] if stream else sorted(heads()):
        query = (
            sa.select(JournalEntry.seq, JournalEntry.hash, JournalEntry.text)
            .where(JournalEntry.stream == name)
            .order_by(JournalEntry.seq)
            .execution_options(yield_per=2000)
        )
        entries = [(row.seq, row.hash, row.text) for row in db.session.execute(query)]
        count += len(entries)
        if found := first_break(name, entries):
            breaks.append(found)
    return count, breaks


class NotInitialised(Unavailable):
    code, title = "not-initialised", "服务器尚未初始化"


def installation() -> Installation:
    """Return this installation's row. Raises NotInitialised before `suicha init` made it."""
    found = db.session.scalars(sa.select(Installation)).one_or_none()
    if found is None:
        raise _not_initialised()
    return found


def _not_initialised() -> NotInitialised:
    return NotInitialised("服务器尚未初始化，请管理员运行 suicha init。", retry_after_s=60)


_EPOCH = Prepared(sa.select(Installation.epoch))


def epoch() -> UUID:
    """Return the epoch of this installation; a restore from backup changes it.

    Read anew each time: another process may have adopted a restored database a moment ago. Raises
    NotInitialised.
    """
    rows = _EPOCH.rows()
    if not rows:
        raise _not_initialised()
    found: UUID = rows[0][0]
    return found


def install(*, at: datetime, demo: bool = False) -> Installation:
    """Return this installation's row, making it the first time."""
    found = db.session.scalars(sa.select(Installation)).one_or_none()
    if found is None:
        found = Installation(id=1, epoch=new_id(), created_at=at, demo=demo)
        db.session.add(found)
        db.session.flush()  # the epoch is read by others in this transaction
    return found


def renew_epoch() -> UUID:
    """Give this installation another epoch: what tablets know of the one before is void.

    Raises NotInitialised.
    """
    found = installation()
    found.epoch = new_id()
    db.session.flush()
    return found.epoch


def floor_of(series: str) -> NumberFloor | None:
    """Return up to which number a series may have been given out before a restore."""
    return db.session.get(NumberFloor, series)


def raise_floor(series: str, last: int, digest: str | None = None) -> None:
    """Let a series go on above `last`; a floor that is higher already stays."""
    found = db.session.get(NumberFloor, series)
    if found is None:
        db.session.add(NumberFloor(series=series, last=last, hash=digest))
    elif found.last < last:
        found.last, found.hash = last, digest


def newest_of(event: Event) -> JournalEntry | None:
    """Return the newest entry of an event, in any stream."""
    return db.session.scalars(
        sa.select(JournalEntry)
        .where(JournalEntry.event == event)
        .order_by(JournalEntry.at.desc())
        .limit(1)
    ).one_or_none()


def publish_heads(*, by: Actor, at: datetime) -> bool:
    """Write the newest number and hash of every stream down for the public, once a local day.

    Who keeps a published head finds any later change of what came before it. Returns whether
    anything was written.
    """
    newest = published_heads(1)
    if newest and local_date(newest[0].at) >= local_date(at):
        return False
    found = [
        {"stream": stream, "seq": seq, "hash": digest}
        for stream, (seq, digest) in sorted(heads().items())
    ]
    record(Event.JOURNAL_HEAD_PUBLISHED, None, by=by, at=at, data={"heads": found})
    return True


def published_heads(limit: int) -> Sequence[JournalEntry]:
    """Return the entries in which heads were published, newest first."""
    return db.session.scalars(
        sa.select(JournalEntry)
        .where(JournalEntry.event == Event.JOURNAL_HEAD_PUBLISHED)
        .order_by(JournalEntry.at.desc(), JournalEntry.seq.desc())
        .limit(limit)
    ).all()


def has_event(event: Event) -> bool:
    """Tell whether the journal holds an entry of this event."""
    return (
        db.session.scalar(sa.select(JournalEntry.seq).where(JournalEntry.event == event).limit(1))
        is not None
    )


def is_demo() -> bool:
    """Tell whether this installation holds the demo district; a database without row does not."""
    return bool(db.session.scalar(sa.select(Installation.demo)))


def _lock(session: Session, streams: Sequence[str]) -> None:
    if session.get_bind().dialect.name != "postgresql":
        return  # the write transaction itself is the lock
    for stream in streams:
        key = int.from_bytes(
            bytes.fromhex(canonical.digest(f"stream {stream}"))[:8], "big", signed=True
        )
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _row(entry: Waiting, previous: str) -> dict[str, Any]:
    version = None if entry.subject is None else entry.subject.version
    text = entry_text(
        {
            "actor_id": entry.by.id,
            "actor_kind": str(entry.by.kind),
            "agency_id": entry.agency_id,
            "at": canonical.instant(entry.at),
            "data": dict(entry.data),
            "device_id": entry.by.device_id,
            "event": str(entry.event),
            "op_id": entry.op_id,
            "prev_hash": previous,
            "seq": entry.seq,
            "stream": entry.stream,
            "subject_id": entry.subject_id,
            "subject_type": entry.subject_type,
            "subject_version": version,
        }
    )
    return {
        "stream": entry.stream,
        "seq": entry.seq,
        "hash": entry_hash(text),
        "text": text,
        "event": str(entry.event),
        "at": entry.at,
        "actor_kind": str(entry.by.kind),
        "actor_id": entry.by.id,
        "agency_id": entry.agency_id,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "subject_version": version,
        "op_id": entry.op_id,
    }
