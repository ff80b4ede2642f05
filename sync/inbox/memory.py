"""What is remembered of earlier operations while a batch is decided."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sync.inbox import queries
from sync.inbox.queries import Earlier, Sitting
from sync.inbox.records import Record, pushed_of, record_of
from sync.inbox.rules import Outcome


@dataclass
class Memory:
    """Repeats by `by_key` and `by_op_id`, who was in session, how parents stand, what waits."""

    device_id: UUID
    by_key: dict[str, Record] = field(default_factory=dict)
    by_op_id: dict[UUID, Record] = field(default_factory=dict)
    sittings: Mapping[UUID, Sitting] = field(default_factory=dict)
    standing: dict[UUID, tuple[str, bool]] = field(default_factory=dict)
    waiting: dict[UUID, list[Record]] = field(default_factory=dict)
    held: dict[UUID, Record] = field(default_factory=dict)
    any_held: bool = False

    def remember(self, found: Earlier) -> None:
        """Note an operation that came before."""
        record = Record(found.id, None, {"op_hash": found.op_hash}, new=False)
        self.by_key[found.key] = record
        if found.op_id is not None:
            self.by_op_id[found.op_id] = record
            self.standing[found.op_id] = (found.outcome, found.declined)

    def recall(self, asked: Collection[UUID]) -> None:
        """Read how the parents that matter stand, and whether anything is held on this device."""
        self.any_held = queries.has_waits(self.device_id)
        missing = set(asked) - self.standing.keys()
        if missing:
            self.standing.update(queries.parents(self.device_id, missing))

    def recall_sitting(self, session_id: UUID) -> None:
        """Read who was in session where an earlier operation says so."""
        if session_id not in self.sittings:
            found = queries.sittings_of(self.device_id, {session_id})
            self.sittings = {**self.sittings, **found}

    def outcome_of(self, op_id: UUID) -> str:
        """Return the outcome of an operation, "" while it has not come."""
        return self.standing.get(op_id, ("", False))[0]

    def is_declined(self, op_id: UUID) -> bool:
        """Tell whether it was said that an operation will never be used."""
        return self.standing.get(op_id, ("", False))[1]

    def note(self, record: Record) -> None:
        """Note what an operation came to."""
        if record.row["op_id"] is not None:
            self.standing[record.row["op_id"]] = (record.row["outcome"], record.row["declined"])

    def waiting_for(self, parent: UUID) -> list[Record]:
        """Return what is held for an operation: in this batch, and since earlier ones."""
        found = self.waiting.pop(parent, [])
        if not self.any_held:
            return found
        for row in queries.held_for(self.device_id, parent):
            record = self.held.setdefault(row.id, record_of(row))
            if record.row["outcome"] == Outcome.HELD:
                found.append(record)
                self.recall(pushed_of(record).depends_on)
        return found
