"""The credit of a seeded agency, for the tests that ask every route."""

from datetime import date
from typing import Any
from uuid import UUID

from app.access import Actor
from app.credit import service
from app.credit.rules import EntryKind, NewEntry
from app.people.models import Agency
from tests.factories import Make


def fill(make: Make, agency: Agency, ids: dict[str, str], by: Actor) -> None:
    """Leave a decision in the record."""
    with make.writing():
        entry = _decision("case/1", make, agency, ids, by)
    ids["credit-entry"] = str(entry.id)


def _decision(reference: str, make: Make, agency: Agency, ids: dict[str, str], by: Actor) -> Any:
    new = NewEntry(
        kind=EntryKind.PENALTY,
        reference=reference,
        decided_on=date(2026, 6, 1),
        unit_id=UUID(ids["unit"]),
        tier="general",
    )
    return service.record(new, agency=agency, by=by, at=make.at).entry
