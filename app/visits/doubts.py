"""What is found of a visit before it is kept, and the thresholds that it is held against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.tasks.models import Task
from app.visits.integrity_rules import (
    SETTINGS,
    Doubt,
    IntegrityKind,
    Limits,
    Reason,
    Unjudged,
    limits_of,
)
from app.visits.models import Visit

_HELD_AGAINST: Mapping[IntegrityKind, tuple[str, ...]] = {
    IntegrityKind.PLACE: ("radius_m", "accuracy_m", "fix_age_s"),
    IntegrityKind.TRAVEL: ("speed_kmh", "journey_m", "clock_s", "radius_m"),
    IntegrityKind.TIME: ("before_s", "after_s"),
    IntegrityKind.REUSE: ("reuse_bits",),
}
_OTHERWISE: Mapping[Reason, tuple[str, ...]] = {
    Reason.DEPARTURE_EARLY: ("clock_s",),
    Reason.DEPARTURE_MISSING: ("open_s",),
}


@dataclass(frozen=True)
class Found:
    """A finding that is not kept yet; `names` are the ids it names, by column."""

    key: str
    kind: IntegrityKind
    doubt: Doubt
    agency_id: UUID
    district: str
    names: Mapping[str, UUID | None]
    limits: Limits

    def thresholds(self) -> list[Mapping[str, Any]]:
        """Return the catalogue rows that the doubt was held against."""
        names = _OTHERWISE.get(self.doubt.reason, _HELD_AGAINST[self.kind])
        return [self.limits.sources[name] for name in names]


@dataclass(frozen=True)
class Gap:
    """What could not be judged, why, and how many times."""

    kind: IntegrityKind
    of: str
    reason: Unjudged
    count: int


@dataclass
class Judged:
    """What was found of a visit, and what nothing can be said of."""

    found: list[Found] = field(default_factory=list)
    unsaid: dict[tuple[IntegrityKind, str, Unjudged], int] = field(default_factory=dict)

    def skip(self, kind: IntegrityKind, of: str, reason: Unjudged) -> None:
        self.unsaid[kind, of, reason] = self.unsaid.get((kind, of, reason), 0) + 1

    @property
    def gaps(self) -> list[Gap]:
        return [Gap(*what, count) for what, count in sorted(self.unsaid.items())]


def limits_on(on: date) -> Limits:
    """Return the thresholds in force on a local day. Raises CatalogueRowMissing."""
    rows = {code: catalogue.get_row("setting", code, on) for code in SETTINGS.values()}
    return limits_of({code: {**row.body, **_source(row)} for code, row in rows.items()})


def _source(row: CatalogueRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "value": row.body["value"],
        "unit": row.body["unit"],
        "effective_from": row.effective_from.isoformat(),
        "row_id": str(row.id),
        "row_version": row.version,
        "confirmed": row.confirmed,
    }


@dataclass(frozen=True)
class Subject:
    """A visit or a task, as findings name it."""

    name: str
    id: UUID
    agency_id: UUID
    district: str
    unit_id: UUID

    @classmethod
    def of_visit(cls, visit: Visit) -> "Subject":
        return cls("visit_id", visit.id, visit.agency_id, visit.district, visit.unit_id)

    @classmethod
    def of_task(cls, task: Task) -> "Subject":
        return cls("task_id", task.id, task.agency_id, task.district, task.unit_id)

    def found(
        self, kind: IntegrityKind, doubt: Doubt, limits: Limits, *, of: object = "", **names: Any
    ) -> Found:
        """Return a finding on this subject; `of` tells several of one reason apart."""
        key = f"{doubt.reason}:{self.id}" + (f":{of}" if of else "")
        named = {self.name: self.id, "unit_id": self.unit_id, **names}
        return Found(key, kind, doubt, self.agency_id, self.district, named, limits)
