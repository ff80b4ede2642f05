"""What a projection compares: what was touched, what should be shown of it, which rows show it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.prepared import Prepared
from sync.feed.models import FeedRow
from sync.feed.rules import Key, Stored, Wanted

NOBODY: frozenset[str] = frozenset()
AT_ONCE = 500  # keys in one question
IDS: Any = sa.bindparam("ids", expanding=True)
_row = FeedRow.__table__.c
_STORED = Prepared(
    sa.select(
        _row.entity_type, _row.entity_key, _row.stream, _row.scope, _row.version, _row.present
    ).where(_row.entity_key.in_(IDS))
)


def ask(session: Session, question: Prepared, ids: Iterable[Any]) -> Iterator[Any]:
    """Put a question about keys, some at a time."""
    asked = list(set(ids))
    for start in range(0, len(asked), AT_ONCE):
        yield from question.named(session, ids=asked[start : start + AT_ONCE])


@dataclass
class Touched:
    """The entities whose rows have to be compared.

    `parents` are visits whose answers, findings, samples and evidence have to be, `history_of`
    units whose signed visits have to be, `moving` units whose officers change, `given` tasks whose
    team does, `signed` visits without a task that are; `whole_catalogue` stands for all its rows.

    `fresh` holds by id, of each type, the rows of answers and findings that this transaction wrote
    and changed no more: nobody has to read them back, and nothing shows them yet.
    """

    tasks: set[UUID] = field(default_factory=set)
    units: set[UUID] = field(default_factory=set)
    visits: set[UUID] = field(default_factory=set)
    answers: set[UUID] = field(default_factory=set)
    findings: set[UUID] = field(default_factory=set)
    samples: set[UUID] = field(default_factory=set)
    orders: set[UUID] = field(default_factory=set)
    cases: set[UUID] = field(default_factory=set)
    officers: set[UUID] = field(default_factory=set)
    notices: set[UUID] = field(default_factory=set)
    blocks: set[UUID] = field(default_factory=set)
    documents: set[UUID] = field(default_factory=set)
    evidence: set[UUID] = field(default_factory=set)
    codes: set[UUID] = field(default_factory=set)
    ledgers: set[UUID] = field(default_factory=set)
    parents: set[UUID] = field(default_factory=set)
    history_of: set[UUID] = field(default_factory=set)
    moving: set[UUID] = field(default_factory=set)
    given: set[UUID] = field(default_factory=set)
    signed: set[UUID] = field(default_factory=set)
    whole_catalogue: bool = False
    fresh: dict[str, dict[UUID, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.whole_catalogue or any(
            (
                *(self.tasks, self.units, self.visits, self.answers),
                *(self.findings, self.officers, self.notices),
                *(self.samples, self.orders, self.cases),
                *(self.blocks, self.documents, self.evidence, self.codes),
                self.ledgers,
            )
        )


@dataclass(frozen=True)
class Compared:
    """What should be shown of each entity, and which rows show it."""

    wanted: dict[Key, Wanted] = field(default_factory=dict)
    stored: dict[Key, list[Stored]] = field(default_factory=dict)

    def shown(self, key: Key) -> set[str]:
        """Return the scopes that show an entity now."""
        return {row.scope for row in self.stored.get(key, ()) if row.present}

    def moves(self, key: Key) -> bool:
        """Tell whether the scopes of an entity change."""
        return self.wanted[key].scopes != self.shown(key)


def read_stored(session: Session, keys: Iterable[UUID | str], found: Compared) -> None:
    """Read the rows of entities by their keys, which of most are their ids."""
    for row in ask(session, _STORED, [str(one) for one in keys]):
        found.stored.setdefault((row.entity_type, row.entity_key), []).append(
            Stored(row.stream, row.scope, row.version, row.present)
        )
