"""Every row was written by a service: its version is the newest that the journal knows of it."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.db import Base, Entity

NEWEST = """
SELECT subject_type, subject_id, max(subject_version) FROM journal_entry
GROUP BY subject_type, subject_id
"""
# a file of no bytes: nobody ever wrote to the table
WRITTEN = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""

# Rows that change without an entry of their own, on purpose: which, as a condition, and why.
TOLD_BY_ANOTHER = {
    "draw": (
        "EXISTS (SELECT 1 FROM draw_change WHERE draw_id = draw.id)",
        "the entry of a change of its result tells it",
    ),
    "file_review": ("true", "the entry of a file that was judged tells it"),
    "given_list": ("true", "the entry of its file tells what came, with the counts of its lines"),
    "given_list_file": ("true", "a preview holds nothing; the one that holds next ends the last"),
    "given_list_row": ("true", "written in bulk with its file, whose hash is in the entry"),
    "permit_record": ("true", "written in bulk; the entry has hash and counts of the table"),
    "register_import": ("state = 'previewed'", "a preview has not touched the register yet"),
    "reviewed_file": ("judged_at IS NULL", "the entry of its review tells how it was drawn"),
    "self_check": ("true", "written in bulk; the entry has hash and count of the table"),
}
# Tests that write whole years as they would lie there, instead of living through them.
BEHIND_THE_SERVICES = {
    "tests/reports/test_annual_tables.py",
    "tests/reports/test_counted_together.py",
    "tests/reports/test_counts.py",
    "tests/reports/test_disturbance.py",
    "tests/reports/test_dossier.py",
    "tests/reports/test_reviews.py",
}


def is_exempt(test: pytest.Item) -> bool:
    """Tell whether a test changes rows behind the services' back, and says so."""
    file, _, _ = test.nodeid.partition("::")
    return file in BEHIND_THE_SERVICES or test.get_closest_marker("past_the_services") is not None


def written_past_the_services(session: Session) -> list[str]:
    """Return the rows whose version is not that of their newest entry in the journal."""
    connection = session.connection()
    newest = {
        (kind, _key(entity_id)): version
        for kind, entity_id, version in connection.exec_driver_sql(NEWEST)
    }
    found = []
    for table in _tables(connection):
        untold, _ = TOLD_BY_ANOTHER.get(table, ("false", ""))
        query = f"SELECT id, version FROM {table} WHERE NOT ({untold})"  # noqa: S608 - ours
        for entity_id, version in connection.exec_driver_sql(query):
            known = newest.get((table, _key(entity_id)))
            if known != version:
                found.append(f"{table} {entity_id} has version {version}, the journal {known}")
    return sorted(found)


def _tables(connection: Connection) -> set[str]:
    """Return the tables of entities that may hold a row."""
    tables = {
        str(mapper.local_table.name)  # type: ignore[attr-defined]  # every entity has a table
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Entity)
    }
    if connection.dialect.name == "postgresql":
        tables &= set(connection.exec_driver_sql(WRITTEN).scalars())
    return tables


def _key(entity_id: object) -> str:
    """Return an id as either database gives it: a UUID, or its text without hyphens."""
    return str(entity_id).replace("-", "")
