"""A visit that went beyond a cap is marked, and the reason given at the door is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0126"
down_revision = "0120"
branch_labels = None
depends_on = None

_NAME = "ck_visit_mark_mark_known"
_BEFORE = (
    *("code-forged", "code-unknown", "code-other-unit", "code-other-visit", "code-other-officer"),
    *("code-revoked", "code-expired", "code-not-yet", "code-missing", "code-shared"),
    *("code-afterwards", "unit-code-forged", "unit-code-other", "officer-alone"),
    *("presence-unproven", "certificate-not-shown", "recusal-not-asked", "recusal-requested"),
)
_NEW = ("cap-exceeded", "cap-unreasoned")


def upgrade() -> None:
    op.add_column("visit_arrival", sa.Column("cap_reason", sa.Text(), nullable=True))
    _know((*_BEFORE, *_NEW))


def downgrade() -> None:
    mark = sa.column("mark", sa.Text())
    op.execute(sa.delete(sa.table("visit_mark", mark)).where(mark.in_(_NEW)))
    _know(_BEFORE)
    op.drop_column("visit_arrival", "cap_reason")


def _know(marks: tuple[str, ...]) -> None:
    with op.batch_alter_table("visit_mark", copy_from=_standing()) as batch:
        batch.drop_constraint(op.f(_NAME), type_="check")
        batch.create_check_constraint(op.f(_NAME), _one_of(marks))


def _one_of(marks: tuple[str, ...]) -> str:
    return "mark IN (" + ", ".join(f"'{one}'" for one in marks) + ")"


def _standing() -> sa.Table | None:
    """Return the table with its checks: SQLite makes it anew and would leave them out."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return None
    table = sa.Table("visit_mark", sa.MetaData(), autoload_with=bind)
    for one in sa.inspect(bind).get_check_constraints("visit_mark"):
        table.append_constraint(sa.CheckConstraint(one["sqltext"], name=op.f(str(one["name"]))))
    return table
