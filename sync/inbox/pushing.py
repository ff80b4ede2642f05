"""Stored batches and what is done with them at an edge: decided, replayed, dropped when old."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from app import entry
from app.db import ChangedMeanwhile, Overloaded, db, giving_way, stop_reading, transaction
from app.keys import Keys
from app.together import write_together
from app.visits.contributing import FormVersionUnknown
from sync.devices import queries as device_queries
from sync.devices.models import Device
from sync.inbox import placing, queries, service
from sync.inbox.batches import drop_content
from sync.inbox.deciding import RaceLost, Result
from sync.inbox.models import Operation
from sync.inbox.reading import read_lines
from sync.inbox.receipts import Desk
from sync.inbox.records import pushed_of, record_of
from sync.inbox.rules import UNSERVED, Outcome
from sync.wire import LIMITS, Contact

TRIES = 4
GIVES_WAY_S = 0.1
PAGE = 100
FORM_VERSION = FormVersionUnknown.code


def lines_of(raw: bytes) -> list[bytes]:
    """Return the lines of a batch; the last may end without a line feed."""
    return raw.removesuffix(b"\n").split(b"\n")


def decide_stored(
    device_id: UUID,
    batch_id: UUID,
    lines: Sequence[bytes],
    *,
    keys: Keys,
    contact: Contact | None,
    at: datetime,
) -> list[Result]:
    """Decide a stored batch in one transaction, perhaps with those of other tablets; begin again
    when another one came between.

    Forms and signatures are checked before it begins: nobody waits for that, and it gives way to a
    batch that this process is writing.
    Raises Overloaded when that happens time and again, and what `service.receive` raises.
    """
    alg, public_key = device_queries.key_of(device_id)
    read = read_lines(
        lines, device_id, alg=alg, public_key=public_key, between=giving_way(GIVES_WAY_S)
    )
    for tried in range(1, TRIES + 1):
        receive = partial(
            service.receive,
            device_id,
            batch_id,
            read,
            keys=keys,
            contact=contact,
            at=at,
            last_try=tried == TRIES,
            apart=tried > 1,
        )
        try:
            return write_together(receive, of=device_id)
        except (RaceLost, ChangedMeanwhile):
            continue
    raise Overloaded("内容正被他人修改，请稍后整批重新上报。")


@dataclass(frozen=True)
class Replayed:
    """What a replay came to: operations that were known already, and those decided only now."""

    batches: int = 0
    known: int = 0
    decided: int = 0

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(
            self.batches + other.batches, self.known + other.known, self.decided + other.decided
        )


def replay_batches(
    *,
    keys: Keys,
    device_id: UUID | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    at: datetime,
) -> Replayed:
    """Push every stored batch again, in the order in which they came.

    What was decided stays decided, nothing is done twice; a batch whose server died before it was
    decided is decided now, and its tablet finds the receipts. Each batch is its own transaction.
    """
    done, after = Replayed(), UUID(int=0)
    while batches := queries.stored_batches(
        after, PAGE, device_id=device_id, since=since, before=before
    ):
        stop_reading()
        for batch in batches:
            results = decide_stored(
                batch.device_id,
                batch.id,
                lines_of(zlib.decompress(batch.content)),
                keys=keys,
                contact=None,
                at=at,
            )
            known = sum(result.outcome is Outcome.DUPLICATE for result in results)
            done += Replayed(1, known, len(results) - known)
        after = batches[-1].id
    return done


def read_kept_forms(*, keys: Keys, at: datetime) -> int:
    """Decide again what was kept for a form that this server knows by now; return how much it was.

    After a release that knows more versions of operations, or once the catalogue has the checklist:
    nobody has to reopen one by one what tablets were ahead with. Each is its own transaction and
    gets a further receipt; what a person decided meanwhile stays.
    """
    decided, after = 0, UUID(int=0)
    while kept := queries.kept_for(FORM_VERSION, after, PAGE):
        after = kept[-1].id
        known = [one.id for one in kept if _is_known_by_now(one)]
        stop_reading()
        for operation_id in known:
            with transaction():
                decided += _decide_again(operation_id, FORM_VERSION, keys=keys, at=at)
    return decided


def serve_held(*, keys: Keys, at: datetime) -> int:
    """Decide what an older server held because it could not serve its type; return how much.

    By the rules, as if it came now, in the order in which it came; each is its own transaction and
    gets a further receipt. What the rules refuse waits for a person again.
    """
    decided, after = 0, UUID(int=0)
    while held := queries.kept_for(UNSERVED, after, PAGE):
        after = held[-1].id
        ids = [one.id for one in held]
        stop_reading()
        for operation_id in ids:
            with transaction():
                decided += _decide_again(operation_id, UNSERVED, keys=keys, at=at)
    return decided


def _is_known_by_now(operation: Operation) -> bool:
    problem = json.loads(operation.problem or "{}")
    return placing.is_known_by_now(pushed_of(record_of(operation)), problem)


def _decide_again(operation_id: UUID, reason: str, *, keys: Keys, at: datetime) -> bool:
    operation = db.session.get_one(Operation, operation_id)
    chain = device_queries.chain_of(operation.device_id, lock=True)
    db.session.refresh(operation)
    if operation.reason != reason:
        return False  # somebody decided while we waited for the lock
    device = db.session.get_one(Device, operation.device_id)
    service.judge_again(Desk.of(device, chain, keys=keys, at=at), chain, record_of(operation))
    return True


def read_forms(*, at: datetime) -> str:
    """Take in what tablets had sent before this server knew its form, or could serve its type."""
    served = serve_held(keys=entry.keys(), at=at)
    return f"{read_kept_forms(keys=entry.keys(), at=at) + served} operations decided again"


def drop_old_batches(*, at: datetime) -> str:
    """Drop the bytes of batches past their term; operations and receipts stay.

    Each is replayed once more before: what nobody decided yet is not dropped with it.
    """
    before = at - timedelta(days=LIMITS["batch_days"])
    replayed = replay_batches(keys=entry.keys(), before=before, at=at)
    with transaction():
        dropped = drop_content(before)
    return f"{dropped} batches dropped, {replayed.decided} operations decided before"
