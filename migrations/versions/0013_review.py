"""What a person has to decide about pushed work stands on one list."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "review_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("shown_from", INSTANT, nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('conflict', 'quarantine', 'late', 'held', 'clock', 'gap', 'photos')",
            name=op.f("ck_review_item_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'decided', 'settled')", name=op.f("ck_review_item_state_known")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_review_item_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'decided') = (decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (decision IS NULL)"
            " AND (decided_at IS NULL) = (decision_reason IS NULL)",
            name=op.f("ck_review_item_decided_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_review_item_agency_id"),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name="fk_review_item_device_id"),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_review_item_operation_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_review_item"),
        sa.UniqueConstraint("key", name="uq_review_item_key"),
    )
    op.create_index(
        "ix_review_item_agency_id_state_id", "review_item", ["agency_id", "state", "id"]
    )


def downgrade() -> None:
    op.drop_table("review_item")
