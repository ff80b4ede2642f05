"""A case that was revoked or withdrawn stands no longer in the way of a new one."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0064"
branch_labels = None
depends_on = None

_ONCE = "uq_penalty_case_finding_id_cause_code_cause_from"
_STANDING = "uq_penalty_case_standing"
_COLUMNS = ["finding_id", "cause_code", "cause_from"]
_STANDS = sa.text("revoked_on IS NULL AND state <> 'withdrawn'")
_CLAUSE = f"CONSTRAINT {_ONCE} UNIQUE (finding_id, cause_code, cause_from)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _remake(f", \n\t{_CLAUSE}", "")
    else:
        op.drop_constraint(_ONCE, "penalty_case", type_="unique")
    op.create_index(
        _STANDING,
        "penalty_case",
        _COLUMNS,
        unique=True,
        sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    )


def downgrade() -> None:
    op.drop_index(_STANDING, "penalty_case")
    if op.get_bind().dialect.name == "sqlite":
        _remake("\n)", f", \n\t{_CLAUSE}\n)")
    else:
        op.create_unique_constraint(_ONCE, "penalty_case", _COLUMNS)


def _remake(old: str, new: str) -> None:
    """Make the table of SQLite anew as it stands but for one clause, with its rows and indexes.

    Nothing is named that is not changed, so no check or index is lost; what refers to the table is
    not touched, since keys are not followed while migrations run (`env.py`).
    """
    bind = op.get_bind()
    known = sa.text(
        "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'penalty_case' AND sql IS NOT NULL"
    )
    made = [(row.type, row.sql) for row in bind.execute(known)]
    table = next(sql for kind, sql in made if kind == "table")
    if old not in table:
        raise RuntimeError(f"the table of cases is not as expected: {old.strip()}")
    head, _, tail = table.rpartition(old)
    body = (head + new + tail).partition("(")[2]
    op.execute(sa.text(f"CREATE TABLE penalty_case_new ({body}".replace(":", "\\:")))
    op.execute("INSERT INTO penalty_case_new SELECT * FROM penalty_case")
    op.execute("DROP TABLE penalty_case")
    op.execute("ALTER TABLE penalty_case_new RENAME TO penalty_case")
    for kind, sql in made:
        if kind == "index":
            op.execute(sql)
    if broken := bind.execute(sa.text("PRAGMA foreign_key_check")).first():
        raise RuntimeError(f"a row refers to nothing: {tuple(broken)}")
