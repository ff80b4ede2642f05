"""The feed: what tablets pull, kept ready so that a pull costs what changed and not what exists."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_row",
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("entity_id", "scope", "stream", "entity_type", name="pk_feed_row"),
    )
    op.create_index("ix_feed_row_position", "feed_row", ["stream", "scope", "seq", "place"])
    op.create_table(
        "feed_body",
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entity_id", "entity_type", name="pk_feed_body"),
    )
    op.create_table(
        "feed_want",
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("wanted_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name="fk_feed_want_officer_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_feed_want_unit_id"),
        sa.PrimaryKeyConstraint("officer_id", "unit_id", name="pk_feed_want"),
    )
    op.create_index("ix_feed_want_unit_id", "feed_want", ["unit_id"])
    op.create_index("ix_feed_want_wanted_on", "feed_want", ["wanted_on"])
    op.create_table(
        "feed_horizon",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "scope", name="pk_feed_horizon"),
    )


def downgrade() -> None:
    for table in ("feed_horizon", "feed_want", "feed_body", "feed_row"):
        op.drop_table(table)
