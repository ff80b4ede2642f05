"""A tablet's chain while a batch is decided: how far it has come, its gaps, breaks and clocks."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sync.devices.models import DeviceChain
from sync.devices.queries import ChainSoFar
from sync.devices.rules import SessionSpan
from sync.inbox import rules
from sync.inbox.queries import Earlier
from sync.inbox.rules import Gaps, Progress
from sync.operations import Operation as Pushed


@dataclass
class Chain:
    """Which numbers came, with which hashes; `broken` and `clocks` are what a person should see."""

    progress: Progress
    gaps_before: Gaps
    highest_hash: str
    last_recorded_at: datetime | None
    taken: set[int] = field(default_factory=set)
    hashes: dict[int, str] = field(default_factory=dict)
    broken: list[int] = field(default_factory=list)
    clocks: dict[str, UUID] = field(default_factory=dict)

    @staticmethod
    def of(row: DeviceChain | ChainSoFar) -> "Chain":
        """Return the chain as the batches before left it."""
        chain = Chain(
            progress=Progress(row.device_seq, row.missing),
            gaps_before=row.missing,
            highest_hash=row.op_hash,
            last_recorded_at=row.last_recorded_at,
        )
        if row.device_seq:
            chain.hashes[row.device_seq] = row.op_hash
        return chain

    def remember(self, found: Earlier) -> None:
        """Note the place of an operation that came before."""
        if found.device_seq is not None:
            self.taken.add(found.device_seq)
            self.hashes.setdefault(found.device_seq, found.op_hash)

    def link(
        self,
        pushed: Pushed,
        operation_id: UUID,
        span: SessionSpan | None,
        *,
        skew_s: int | None,
        at: datetime,
    ) -> bool:
        """Put an operation into the chain; tell whether its clock cannot have been right."""
        seq = pushed.device_seq
        self.taken.add(seq)
        self.hashes[seq] = pushed.digest
        before = self.hashes.get(seq - 1)
        if before is not None and before != pushed.prev_hash:
            self.broken.append(seq)
        newest = seq > self.progress.highest
        suspect = rules.is_clock_suspect(
            pushed.recorded_at,
            session_opened_at=pushed.recorded_at if span is None else span.opened_at,
            previous=self.last_recorded_at if newest else None,
            skew_s=skew_s,
            at=at,
        )
        if suspect:
            self.clocks.setdefault(pushed.boot_id, operation_id)
        self.progress = rules.advance(self.progress, seq)
        if newest:
            self.highest_hash, self.last_recorded_at = pushed.digest, pushed.recorded_at
        return suspect

    def values(self) -> dict[str, Any]:
        """Return what the chain's row says after the batch."""
        return {
            "device_seq": self.progress.highest,
            "op_hash": self.highest_hash,
            "missing": [list(gap) for gap in self.progress.gaps],
            "last_recorded_at": self.last_recorded_at,
        }
