"""Days without surcharge are those of the reviews and suits of a case, and nothing beside them.

What was registered for the money alone becomes a review or suit of its case. What ended there said
nothing of a result: the decision stood as it was, 维持. The organ was not asked for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0115"
down_revision = "0121"
branch_labels = None
depends_on = None

_TABLE = "surcharge_pause"


def upgrade() -> None:
    op.execute(
        "INSERT INTO case_remedy"
        " (id, case_id, agency_id, kind, organ, number, begun_on, ended_on, result, head_attended)"
        " SELECT p.id, c.case_id, c.agency_id, p.reason, '未登记', p.reference, p.from_on,"
        " p.until_on, CASE WHEN p.until_on IS NULL THEN NULL ELSE 'upheld' END, NULL"
        " FROM surcharge_pause p JOIN case_collection c ON c.id = p.collection_id"
    )
    op.drop_index(op.f("ix_surcharge_pause_collection_id"), table_name=_TABLE)
    op.drop_table(_TABLE)


def downgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('review', 'suit')", name=op.f("ck_surcharge_pause_reason_known")
        ),
        sa.CheckConstraint(
            "until_on IS NULL OR from_on <= until_on", name=op.f("ck_surcharge_pause_days_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["case_collection.id"], name=op.f("fk_surcharge_pause_collection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surcharge_pause")),
    )
    op.create_index(
        op.f("ix_surcharge_pause_collection_id"), _TABLE, ["collection_id"], unique=False
    )
