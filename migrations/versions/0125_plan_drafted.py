"""Who last had a plan of joint visits in hand does not approve it; who proposed it may, if another.

Until now an office with two heads could approve no plan that its second head had changed.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0125"
down_revision = "0101"
branch_labels = None
depends_on = None

_SECOND = "ck_joint_plan_second_person"
_NOT_PROPOSER = (
    "approved_at IS NULL OR (approved_officer_id IS NOT NULL"
    " AND approved_by_id <> proposed_by_id"
    " AND (proposed_officer_id IS NULL OR approved_officer_id <> proposed_officer_id))"
)
_NOT_DRAFTER = (
    "approved_at IS NULL OR (approved_officer_id IS NOT NULL"
    " AND approved_by_id <> drafted_by_id"
    " AND (drafted_officer_id IS NULL OR approved_officer_id <> drafted_officer_id))"
)
# a change of a published plan came after its approval and says nothing of it
_CHANGED = "changed_at IS NOT NULL AND (approved_at IS NULL OR changed_at <= approved_at)"


def upgrade() -> None:
    for name, kind in (
        ("drafted_officer_id", sa.Uuid()),
        ("drafted_at", UtcDateTime()),
        ("drafted_by_kind", sa.Text()),
        ("drafted_by_id", sa.Uuid()),
    ):
        op.add_column("joint_plan", sa.Column(name, kind, nullable=True))
    told = ", ".join(
        f"drafted_{one} = CASE WHEN {_CHANGED} THEN changed_{one} ELSE proposed_{one} END"
        for one in ("officer_id", "at", "by_kind", "by_id")
    )
    op.execute(sa.text(f"UPDATE joint_plan SET {told}"))  # noqa: S608
    with op.batch_alter_table("joint_plan", copy_from=_standing()) as batch:
        batch.alter_column("drafted_at", existing_type=UtcDateTime(), nullable=False)
        batch.alter_column("drafted_by_kind", existing_type=sa.Text(), nullable=False)
        batch.create_foreign_key(
            op.f("fk_joint_plan_drafted_officer_id_officer"),
            "officer",
            ["drafted_officer_id"],
            ["id"],
        )
        batch.create_check_constraint(
            op.f("ck_joint_plan_drafted_who_and_when"),
            "drafted_at IS NOT NULL AND drafted_by_kind IS NOT NULL",
        )
        batch.drop_constraint(op.f(_SECOND), type_="check")
        batch.create_check_constraint(op.f(_SECOND), _NOT_DRAFTER)


def downgrade() -> None:
    with op.batch_alter_table("joint_plan", copy_from=_standing()) as batch:
        batch.drop_constraint(op.f(_SECOND), type_="check")
        batch.drop_constraint(op.f("ck_joint_plan_drafted_who_and_when"), type_="check")
        batch.drop_constraint(op.f("fk_joint_plan_drafted_officer_id_officer"), type_="foreignkey")
        for name in ("by_id", "by_kind", "at", "officer_id"):
            batch.drop_column(f"drafted_{name}")
        batch.create_check_constraint(op.f(_SECOND), _NOT_PROPOSER)


def _standing() -> sa.Table | None:
    """Return the table with its checks: SQLite makes it anew and would leave them out."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        return None
    table = sa.Table("joint_plan", sa.MetaData(), autoload_with=bind)
    for one in sa.inspect(bind).get_check_constraints("joint_plan"):
        table.append_constraint(sa.CheckConstraint(one["sqltext"], name=op.f(str(one["name"]))))
    return table
