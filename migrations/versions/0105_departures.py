"""Departures are looked at as arrivals are: where, before what was done there, or never."""

import sqlalchemy as sa
from alembic import op

revision = "0105"
down_revision = "0088"
branch_labels = None
depends_on = None

_OLD = (
    "'arrival-far', 'arrival-mock', 'photo-far', 'photo-mock', 'exif-far', 'too-fast',"
    " 'photo-outside-visit', 'exif-outside-visit', 'same-file', 'same-picture'"
)
_NEW = f"{_OLD}, 'departure-far', 'departure-mock', 'departure-early', 'departure-missing'"
_CHECK = "ck_integrity_finding_reason_known"
_UNDER_WAY = sa.text("state = 'under-way'")


def upgrade() -> None:
    _allow(_OLD, _NEW)
    op.create_index(
        "ix_visit_under_way",
        "visit",
        ["started_at"],
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    )


def downgrade() -> None:
    op.drop_index("ix_visit_under_way", "visit")
    op.execute("DELETE FROM integrity_finding WHERE reason LIKE 'departure-%'")
    _allow(_NEW, _OLD)


def _allow(old: str, new: str) -> None:
    """Change which reasons a finding may have, and nothing else of its table."""
    if op.get_bind().dialect.name == "sqlite":
        _remake(f"reason IN ({old})", f"reason IN ({new})")
        return
    op.drop_constraint(op.f(_CHECK), "integrity_finding", type_="check")
    op.create_check_constraint(op.f(_CHECK), "integrity_finding", f"reason IN ({new})")


def _remake(old: str, new: str) -> None:
    """Make the table of SQLite anew as it stands but for one clause, with its rows and indexes."""
    bind = op.get_bind()
    known = sa.text(
        "SELECT type, sql FROM sqlite_master"
        " WHERE tbl_name = 'integrity_finding' AND sql IS NOT NULL"
    )
    made = [(row.type, row.sql) for row in bind.execute(known)]
    table = next(sql for kind, sql in made if kind == "table")
    if table.count(old) != 1:
        raise RuntimeError("the table of findings is not as expected")
    body = table.replace(old, new).partition("(")[2].replace(":", "\\:")
    op.execute(sa.text(f"CREATE TABLE integrity_finding_new ({body}"))
    op.execute("INSERT INTO integrity_finding_new SELECT * FROM integrity_finding")
    op.execute("DROP TABLE integrity_finding")
    op.execute("ALTER TABLE integrity_finding_new RENAME TO integrity_finding")
    for kind, sql in made:
        if kind == "index":
            op.execute(sql)
    if broken := bind.execute(sa.text("PRAGMA foreign_key_check")).first():
        raise RuntimeError(f"a row refers to nothing: {tuple(broken)}")
