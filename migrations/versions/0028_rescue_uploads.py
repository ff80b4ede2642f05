"""A supervisor brings a rescue file piece by piece: an upload can be an account's."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("upload") as table:
        table.alter_column("device_id", existing_type=sa.Uuid(), nullable=True)
        table.add_column(sa.Column("account_id", sa.Uuid(), nullable=True))
        table.create_foreign_key("fk_upload_account_id", "account", ["account_id"], ["id"])
        table.create_check_constraint(
            op.f("ck_upload_one_sender"), "(device_id IS NULL) = (account_id IS NOT NULL)"
        )
        table.create_check_constraint(
            op.f("ck_upload_rescue_by_person"), "(role = 'rescue') = (account_id IS NOT NULL)"
        )
    op.create_index("ix_upload_account_id_sha256", "upload", ["account_id", "sha256"])


def downgrade() -> None:
    op.drop_index("ix_upload_account_id_sha256", "upload")
    op.execute("DELETE FROM upload WHERE device_id IS NULL")
    with op.batch_alter_table("upload") as table:
        table.drop_constraint("ck_upload_rescue_by_person", type_="check")
        table.drop_constraint("ck_upload_one_sender", type_="check")
        table.drop_constraint("fk_upload_account_id", type_="foreignkey")
        table.drop_column("account_id")
        table.alter_column("device_id", existing_type=sa.Uuid(), nullable=False)
