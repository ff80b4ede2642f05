"""The feed keeps an answer behind its visit: what a tablet sends of a visit lies side by side."""

from alembic import op

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None

_TABLES = ("feed_row", "feed_body")
_VISIT = {
    "sqlite": "substr(a.visit_id, 1, 8) || '-' || substr(a.visit_id, 9, 4) || '-'"
    " || substr(a.visit_id, 13, 4) || '-' || substr(a.visit_id, 17, 4) || '-'"
    " || substr(a.visit_id, 21)",
    "postgresql": "CAST(a.visit_id AS TEXT)",
}
_ANSWER = {
    "sqlite": "a.id = replace(entity_key, '-', '')",
    "postgresql": "a.id = CAST(entity_key AS UUID)",
}
_ID = {"sqlite": "substr(entity_key, -36)", "postgresql": "right(entity_key, 36)"}


def upgrade() -> None:
    database = op.get_bind().dialect.name
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN entity_id TO entity_key")
        op.execute(
            f"UPDATE {table} SET entity_key ="  # noqa: S608 - our own words
            f" coalesce((SELECT {_VISIT[database]} || '/' FROM visit_answer AS a"
            f" WHERE {_ANSWER[database]}), '') || entity_key WHERE entity_type = 'visit_answer'"
        )


def downgrade() -> None:
    database = op.get_bind().dialect.name
    for table in _TABLES:
        op.execute(f"UPDATE {table} SET entity_key = {_ID[database]}")  # noqa: S608 - our own words
        op.execute(f"ALTER TABLE {table} RENAME COLUMN entity_key TO entity_id")
