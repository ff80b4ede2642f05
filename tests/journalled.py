"""Every row was written by a service: its version is the newest that the journal knows of it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import Base, Entity
from app.journal.models import JournalEntry


def written_past_the_services(session: Session) -> list[str]:
    """Return the rows whose version is not that of their newest entry in the journal."""
    newest: dict[tuple[str | None, str], int | None] = {}
    query = sa.select(
        JournalEntry.subject_type,
        JournalEntry.subject_id,
        sa.func.max(JournalEntry.subject_version),
    ).group_by(JournalEntry.subject_type, JournalEntry.subject_id)
    for kind, entity_id, version in session.execute(query):
        newest[kind, str(entity_id)] = version
    found = []
    for mapper in Base.registry.mappers:
        if not issubclass(mapper.class_, Entity):
            continue
        table = mapper.local_table
        name = str(table.name)  # type: ignore[attr-defined]  # every entity has a table
        for entity_id, version in session.execute(sa.select(table.c.id, table.c.version)):
            known = newest.get((name, str(entity_id)))
            if known != version:
                found.append(f"{name} {entity_id} has version {version}, the journal {known}")
    return sorted(found)
