"""Every change of a unit has a report card of its own, by the version that it made."""

import sqlalchemy as sa
from alembic import op

revision = "0111"
down_revision = "0130"
branch_labels = None
depends_on = None

_KNOWN, _UNIQUE = "ck_report_card_kind_known", "uq_report_card_kind_subject_id"
_UNIQUE_NOW = "uq_report_card_kind_subject_id_subject_version"
_BEFORE = ("unit", "inspection", "test", "case-served", "case-closed")
_NEW = "unit-changed"


def upgrade() -> None:
    version = sa.Column("subject_version", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("report_card", version)
    with op.batch_alter_table("report_card", copy_from=_standing()) as batch:
        batch.alter_column(
            "subject_version", existing_type=sa.BigInteger(), server_default=None, nullable=False
        )
        batch.drop_constraint(op.f(_KNOWN), type_="check")
        batch.create_check_constraint(op.f(_KNOWN), _one_of((*_BEFORE, _NEW)))
        batch.drop_constraint(op.f(_UNIQUE), type_="unique")
        batch.create_unique_constraint(op.f(_UNIQUE_NOW), ["kind", "subject_id", "subject_version"])


def downgrade() -> None:
    kind = sa.column("kind", sa.Text())
    op.execute(sa.delete(sa.table("report_card", kind)).where(kind == _NEW))
    with op.batch_alter_table("report_card", copy_from=_standing()) as batch:
        batch.drop_constraint(op.f(_UNIQUE_NOW), type_="unique")
        batch.create_unique_constraint(op.f(_UNIQUE), ["kind", "subject_id"])
        batch.drop_constraint(op.f(_KNOWN), type_="check")
        batch.create_check_constraint(op.f(_KNOWN), _one_of(_BEFORE))
    op.drop_column("report_card", "subject_version")


def _one_of(kinds: tuple[str, ...]) -> str:
    return "kind IN (" + ", ".join(f"'{one}'" for one in kinds) + ")"


def _standing() -> sa.Table | None:
    """Return the table with its checks: SQLite makes it anew and would leave them out."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return None
    table = sa.Table("report_card", sa.MetaData(), autoload_with=bind)
    for one in sa.inspect(bind).get_check_constraints("report_card"):
        table.append_constraint(sa.CheckConstraint(one["sqltext"], name=op.f(str(one["name"]))))
    return table
