"""A step of a case that somebody wants to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.cases.facts import Facts, Step
from app.cases.models import PenaltyCase
from app.cases.rules import CaseVerb


@dataclass
class Draft:
    """A step that somebody wants to take, with the case as it stands."""

    case: PenaltyCase
    facts: Facts
    steps: Sequence[Step]
    verb: CaseVerb
    on: date
    data: dict[str, Any]
    officer_ids: tuple[UUID, ...]
    by: Actor
    at: datetime

    @property
    def acted_on(self) -> date:
        """The day whose rule holds; of a continuing act its end."""
        return self.case.act_ended_on or self.case.acted_on

    @property
    def conclusion(self) -> Mapping[str, Any]:
        """What the investigation came to."""
        return {} if self.facts.concluded is None else self.facts.concluded.data
