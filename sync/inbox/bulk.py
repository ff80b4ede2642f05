"""The operations of a batch of which it is plain what becomes of them, carried out together.

Most of what a tablet sends says something new: an answer, a finding. For these everything that the
rules ask about is read at once, before the first is decided, and what follows is written at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.visits.gathering import Gathering
from sync.inbox.doing import Effect
from sync.inbox.rules import PLAIN, OperationType, Outcome
from sync.operations import Operation, id_of

# whoever does these changes no visit, no task and no team
_HARMLESS = PLAIN | {OperationType.EVIDENCE_ATTACH, OperationType.EVIDENCE_RETRACT}


@dataclass
class Bulk:
    """Which operations may be carried out together, and what they are held against.

    `gathering` is None where a visit, a task or a team may have changed since it was read.
    """

    plain: dict[UUID, Operation]
    gathering: Gathering | None = None

    def carry_out(self, operation: Operation, *, by: Actor, at: datetime) -> Effect | None:
        """Do what an operation says, to be written later; None where it has to be asked about."""
        if self.plain.pop(operation.op_id, None) is None or by.agency_id is None:
            return None
        if self.gathering is None:
            self.gathering = self._gather([operation, *self.plain.values()], by.agency_id)
        do = _answer if operation.type == OperationType.VISIT_ANSWER_ITEM else _finding
        done = do(self.gathering, operation, by=by, at=at)
        return Effect(Outcome.APPLIED, 1) if done else None

    def write(self) -> None:
        """Write what was done."""
        if self.gathering is not None:
            self.gathering.write()

    def forget(self, operation: Operation) -> None:
        """Learn that an operation was carried out otherwise: what was read may have changed."""
        if operation.type not in _HARMLESS:
            self.gathering = None
        elif self.gathering is not None:
            self.gathering.taken.add(operation.entity_id)

    def _gather(self, operations: Sequence[Operation], agency_id: UUID) -> Gathering:
        return Gathering.of(
            {id_of(one.fields["visit_id"]) for one in operations},
            answers=_entities(operations, OperationType.VISIT_ANSWER_ITEM),
            findings=_entities(operations, OperationType.VISIT_STATE_FINDING),
            agency_id=agency_id,
        )


def _entities(operations: Sequence[Operation], type_: OperationType) -> set[UUID]:
    return {one.entity_id for one in operations if one.type == type_}


def _answer(gathering: Gathering, one: Operation, *, by: Actor, at: datetime) -> bool:
    answer = gathering.answer(
        one.entity_id,
        id_of(one.fields["visit_id"]),
        id_of(one.fields["item_id"]),
        one.fields,
        officer_id=one.officer_id,
        recorded_at=one.recorded_at,
        by=by,
        at=at,
    )
    return answer is not None


def _finding(gathering: Gathering, one: Operation, *, by: Actor, at: datetime) -> bool:
    changes = dict(one.fields)
    if changes.get("item_id") is not None:
        changes["item_id"] = id_of(changes["item_id"])
    finding = gathering.finding(
        one.entity_id,
        id_of(one.fields["visit_id"]),
        changes,
        officer_id=one.officer_id,
        recorded_at=one.recorded_at,
        by=by,
        at=at,
    )
    return finding is not None
