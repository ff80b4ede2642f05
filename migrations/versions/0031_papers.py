"""All documents of inspections and cases: their kinds, their case, how people were called, desks.

Only checks are widened and one column may be empty, which leaves what is stored as it is. SQLite
knows no statement for that: the text of the tables is changed, as its manual describes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0037"
branch_labels = None
depends_on = None

OLD_KINDS = "'opinion', 'corrective-order', 'on-site-decision', 'visit-record', 'sampling-record'"
NEW_KINDS = (
    OLD_KINDS
    + ", 'inspection-notice', 'inquiry-record', 'assistant-opinion', 'preservation-decision',"
    " 'preservation-outcome', 'product-sampling-record', 'non-product-sampling-record',"
    " 'goods-list', 'seal-strip', 'announcement', 'seizure-decision', 'seizure-lifting-decision',"
    " 'case-intake-record', 'case-filing-report', 'investigation-report', 'panel-record',"
    " 'collective-discussion-record', 'legal-review-opinion', 'penalty-notice',"
    " 'hearing-rights-notice', 'hearing-notice', 'hearing-record', 'defence-record',"
    " 'defence-review', 'penalty-decision', 'no-penalty-decision', 'service-receipt',"
    " 'payment-reminder', 'instalment-approval', 'surcharge-decision', 'enforcement-application',"
    " 'transfer-letter', 'case-withdrawal-report', 'closing-report', 'complaint-reply'"
)
OLD_ROLES = "'officer', 'party', 'witness'"
NEW_ROLES = OLD_ROLES + ", 'approver', 'reviewer', 'chair', 'member', 'recorder', 'seal'"
OLD_METHODS = "'device-key', 'pin', 'hand', 'refused'"
NEW_METHODS = OLD_METHODS + ", 'account', 'seal'"
CHECKS = (
    ("document", "kind", OLD_KINDS, NEW_KINDS),
    ("number_block", "kind", OLD_KINDS, NEW_KINDS),
    ("document_signature", "role", OLD_ROLES, NEW_ROLES),
    ("document_signature", "method", OLD_METHODS, NEW_METHODS),
)
BLOCK = ("block_id CHAR(32) NOT NULL", "block_id CHAR(32)")
SIGNATURE_COLUMNS = (
    ("signer_name", sa.Text()),
    ("account_id", sa.Uuid()),
    ("picture_sha256", sa.Text()),
)


def upgrade() -> None:
    op.add_column("document", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.add_column("document", sa.Column("names", sa.JSON(), nullable=True))
    op.create_index("ix_document_case_id", "document", ["case_id"])
    for name, type_ in SIGNATURE_COLUMNS:
        op.add_column("document_signature", sa.Column(name, type_, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _rewrite([*((table, old, new) for table, _, old, new in CHECKS), ("document", *BLOCK)])
        return
    for table, column, _, new in CHECKS:
        _allow(table, column, new)
    op.alter_column("document", "block_id", nullable=True)


def downgrade() -> None:
    op.execute(
        f"DELETE FROM document_signature WHERE role NOT IN ({OLD_ROLES})"  # noqa: S608 - the same
        f" OR method NOT IN ({OLD_METHODS})"
    )
    gone = f"block_id IS NULL OR kind NOT IN ({OLD_KINDS})"
    op.execute(
        f"DELETE FROM document_signature WHERE document_id IN"  # noqa: S608 - our own constants
        f" (SELECT id FROM document WHERE {gone})"
    )
    op.execute(f"DELETE FROM document WHERE {gone}")  # noqa: S608 - our own constants
    op.execute(f"DELETE FROM number_block WHERE kind NOT IN ({OLD_KINDS})")  # noqa: S608
    if op.get_bind().dialect.name == "sqlite":
        back = [(table, new, old) for table, _, old, new in CHECKS]
        _rewrite([*back, ("document", f"{BLOCK[1]},", f"{BLOCK[0]},")])
    else:
        for table, column, old, _ in CHECKS:
            _allow(table, column, old)
        op.alter_column("document", "block_id", nullable=False)
    for name, _ in reversed(SIGNATURE_COLUMNS):
        op.drop_column("document_signature", name)
    op.drop_index("ix_document_case_id", "document")
    op.drop_column("document", "names")
    op.drop_column("document", "case_id")


def _allow(table: str, column: str, values: str) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({values})")


def _rewrite(changes: list[tuple[str, str, str]]) -> None:
    """Change the text of tables in a way that leaves their rows valid, and let it be read anew."""
    bind = op.get_bind()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    for table, old, new in changes:
        changed = bind.execute(
            sa.text(
                "UPDATE sqlite_master SET sql = replace(sql, :old, :new)"
                " WHERE type = 'table' AND name = :table AND instr(sql, :old) > 0"
            ),
            {"table": table, "old": old, "new": new},
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"{table} does not say {old}")
    version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")
