"""Stored batches and what is done with them at an edge: decided, replayed, dropped when old."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app import entry
from app.db import ChangedMeanwhile, Overloaded, stop_reading, transaction
from app.keys import Keys
from sync.inbox import queries, service
from sync.inbox.batches import drop_content
from sync.inbox.deciding import RaceLost, Result
from sync.inbox.rules import Outcome
from sync.wire import LIMITS, Contact

TRIES = 4
PAGE = 100


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
    """Decide a stored batch in one transaction; begin again when another one came between.

    Raises Overloaded when that happens time and again, and what `service.receive` raises.
    """
    for tried in range(1, TRIES + 1):
        try:
            with transaction():
                return service.receive(
                    device_id,
                    batch_id,
                    lines,
                    keys=keys,
                    contact=contact,
                    at=at,
                    last_try=tried == TRIES,
                )
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


def drop_old_batches(*, at: datetime) -> str:
    """Drop the bytes of batches past their term; operations and receipts stay.

    Each is replayed once more before: what nobody decided yet is not dropped with it.
    """
    before = at - timedelta(days=LIMITS["batch_days"])
    replayed = replay_batches(keys=entry.keys(), before=before, at=at)
    with transaction():
        dropped = drop_content(before)
    return f"{dropped} batches dropped, {replayed.decided} operations decided before"
