"""What people put on its day stays there; a suggestion can be dismissed with a reason."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0100"
down_revision = "0107"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "joint_visit",
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(
        sa.text(
            "UPDATE joint_visit SET pinned = true"
            " WHERE id IN (SELECT joint_visit_id FROM joint_visit_change)"
        )
    )
    op.create_table(
        "joint_suggestion_dismissal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("task_ids", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("dismissed_at", UtcDateTime(), nullable=False),
        sa.Column("dismissed_by_kind", sa.Text(), nullable=False),
        sa.Column("dismissed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "dismissed_at IS NOT NULL AND dismissed_by_kind IS NOT NULL",
            name=op.f("ck_joint_suggestion_dismissal_dismissed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"],
            ["agency.id"],
            name=op.f("fk_joint_suggestion_dismissal_agency_id_agency"),
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["unit.id"], name=op.f("fk_joint_suggestion_dismissal_unit_id_unit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_suggestion_dismissal")),
        sa.UniqueConstraint(
            "agency_id",
            "suggestion_id",
            name=op.f("uq_joint_suggestion_dismissal_agency_id_suggestion_id"),
        ),
    )
    op.create_index(
        op.f("ix_joint_suggestion_dismissal_district"), "joint_suggestion_dismissal", ["district"]
    )


def downgrade() -> None:
    op.drop_table("joint_suggestion_dismissal")
    with op.batch_alter_table("joint_visit") as batch:
        batch.drop_column("pinned")
