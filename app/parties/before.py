"""What the organ knows of somebody before, shown where a person decides.

Cases, visits and bans are told of by packages above each other: who gathers them registers here,
and the answers of visits and cases ask here. `docs/architecture.md` says who does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.parties.rules import Met


@dataclass(frozen=True)
class Before:
    """Earlier penalties and bans of the people of a visit or a case, and what that may mean.

    `hints` say from how many penalties on a further act may be a crime.
    """

    penalties: int
    bans: int
    hints: Sequence[Any]

    @property
    def repeat(self) -> bool:
        return self.penalties + self.bans > 0


Teller = Callable[[Met, UUID, Actor, datetime], Before]
_tellers: list[Teller] = []


def tell_before(teller: Teller) -> None:
    """Let a higher package tell what is known before; the last one that says so is asked."""
    _tellers[:] = [teller]


def before_of(kind: Met, met_id: UUID, *, by: Actor, at: datetime) -> Before:
    """Return what is known of the people of a visit or a case, apart from itself.

    As many questions whatever the history, by unit, actor and number.
    """
    for teller in _tellers:
        return teller(kind, met_id, by, at)
    return Before(0, 0, ())
