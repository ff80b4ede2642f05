"""Assistants and their patrols; what is no inspection; whole laboratory results."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "patrol",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("grid_cell", sa.Text(), nullable=False),
        sa.Column("service_unit", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_patrol_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_patrol_agency_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_patrol_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol")),
        sa.UniqueConstraint("agency_id", "number", name=op.f("uq_patrol_agency_id_number")),
    )
    with op.batch_alter_table("patrol", schema=None) as batch_op:
        batch_op.create_index("ix_patrol_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index("ix_patrol_agency_id_on_day", ["agency_id", "on_day"], unique=False)
        batch_op.create_index(batch_op.f("ix_patrol_district"), ["district"], unique=False)

    op.create_table(
        "assistant",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service_unit", sa.Text(), nullable=False),
        sa.Column("grid_cells", sa.JSON(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by_kind", sa.Text(), nullable=False),
        sa.Column("registered_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'left')", name=op.f("ck_assistant_state_known")),
        sa.CheckConstraint(
            "registered_at IS NOT NULL AND registered_by_kind IS NOT NULL",
            name=op.f("ck_assistant_registered_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_assistant_account_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_assistant_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistant")),
        sa.UniqueConstraint("account_id", name=op.f("uq_assistant_account_id")),
    )
    with op.batch_alter_table("assistant", schema=None) as batch_op:
        batch_op.create_index("ix_assistant_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assistant_district"), ["district"], unique=False)

    op.create_table(
        "patrol_hint",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_by_kind", sa.Text(), nullable=False),
        sa.Column("handed_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'taken') = (task_id IS NOT NULL)", name=op.f("ck_patrol_hint_taken_as")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (decided_at IS NULL)", name=op.f("ck_patrol_hint_decided_when")
        ),
        sa.CheckConstraint(
            "state <> 'declined' OR reason IS NOT NULL", name=op.f("ck_patrol_hint_declined_why")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'taken', 'declined')", name=op.f("ck_patrol_hint_state_known")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_patrol_hint_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "handed_at IS NOT NULL AND handed_by_kind IS NOT NULL",
            name=op.f("ck_patrol_hint_handed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_patrol_hint_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["patrol_id"], ["patrol.id"], name=op.f("fk_patrol_hint_patrol_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_patrol_hint_task_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_patrol_hint_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_hint")),
        sa.UniqueConstraint("task_id", name=op.f("uq_patrol_hint_task_id")),
    )
    with op.batch_alter_table("patrol_hint", schema=None) as batch_op:
        batch_op.create_index("ix_patrol_hint_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_patrol_hint_district"), ["district"], unique=False)
        batch_op.create_index(batch_op.f("ix_patrol_hint_patrol_id"), ["patrol_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_patrol_hint_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "patrol_unit",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("problem", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["patrol_id"], ["patrol.id"], name=op.f("fk_patrol_unit_patrol_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_patrol_unit_unit_id")),
        sa.PrimaryKeyConstraint("patrol_id", "unit_id", name=op.f("pk_patrol_unit")),
    )
    with op.batch_alter_table("patrol_unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patrol_unit_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "unit_contact",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("officer_ids", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'off-site-check') = (outcome IS NOT NULL)",
            name=op.f("ck_unit_contact_outcome_of"),
        ),
        sa.CheckConstraint(
            "kind IN ('compliance-talk', 'assistance', 'compliance-hint', 'off-site-check')",
            name=op.f("ck_unit_contact_kind_known"),
        ),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_unit_contact_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_unit_contact_agency_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_unit_contact_task_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_contact_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_contact")),
    )
    with op.batch_alter_table("unit_contact", schema=None) as batch_op:
        batch_op.create_index("ix_unit_contact_agency_id_id", ["agency_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_unit_contact_district"), ["district"], unique=False)
        batch_op.create_index(batch_op.f("ix_unit_contact_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "patrol_assistant",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("assistant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["assistant.id"], name=op.f("fk_patrol_assistant_assistant_id")
        ),
        sa.ForeignKeyConstraint(
            ["patrol_id"], ["patrol.id"], name=op.f("fk_patrol_assistant_patrol_id")
        ),
        sa.PrimaryKeyConstraint("patrol_id", "assistant_id", name=op.f("pk_patrol_assistant")),
    )
    with op.batch_alter_table("patrol_assistant", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_patrol_assistant_assistant_id"), ["assistant_id"], unique=False
        )

    op.create_table(
        "assistant_opinion",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "issued_at IS NOT NULL AND issued_by_kind IS NOT NULL",
            name=op.f("ck_assistant_opinion_issued_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_assistant_opinion_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_assistant_opinion_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["patrol_id"], ["patrol.id"], name=op.f("fk_assistant_opinion_patrol_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["unit.id"], name=op.f("fk_assistant_opinion_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistant_opinion")),
        sa.UniqueConstraint("document_id", name=op.f("uq_assistant_opinion_document_id")),
    )
    with op.batch_alter_table("assistant_opinion", schema=None) as batch_op:
        batch_op.create_index(
            "ix_assistant_opinion_agency_id_issued_on", ["agency_id", "issued_on"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_assistant_opinion_district"), ["district"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_assistant_opinion_patrol_id"), ["patrol_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_assistant_opinion_unit_id"), ["unit_id"], unique=False)

    with op.batch_alter_table("sample", schema=None) as batch_op:
        batch_op.add_column(sa.Column("laboratory", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("rapid", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("readings", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("card_due_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("card_due_reason", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("card_entered_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sample", schema=None) as batch_op:
        batch_op.drop_column("card_entered_on")
        batch_op.drop_column("card_due_reason")
        batch_op.drop_column("card_due_on")
        batch_op.drop_column("readings")
        batch_op.drop_column("rapid")
        batch_op.drop_column("laboratory")

    with op.batch_alter_table("assistant_opinion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assistant_opinion_unit_id"))
        batch_op.drop_index(batch_op.f("ix_assistant_opinion_patrol_id"))
        batch_op.drop_index(batch_op.f("ix_assistant_opinion_district"))
        batch_op.drop_index("ix_assistant_opinion_agency_id_issued_on")

    op.drop_table("assistant_opinion")
    with op.batch_alter_table("patrol_assistant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patrol_assistant_assistant_id"))

    op.drop_table("patrol_assistant")
    with op.batch_alter_table("unit_contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_contact_unit_id"))
        batch_op.drop_index(batch_op.f("ix_unit_contact_district"))
        batch_op.drop_index("ix_unit_contact_agency_id_id")

    op.drop_table("unit_contact")
    with op.batch_alter_table("patrol_unit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patrol_unit_unit_id"))

    op.drop_table("patrol_unit")
    with op.batch_alter_table("patrol_hint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patrol_hint_unit_id"))
        batch_op.drop_index(batch_op.f("ix_patrol_hint_patrol_id"))
        batch_op.drop_index(batch_op.f("ix_patrol_hint_district"))
        batch_op.drop_index("ix_patrol_hint_agency_id_id")

    op.drop_table("patrol_hint")
    with op.batch_alter_table("assistant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assistant_district"))
        batch_op.drop_index("ix_assistant_agency_id_id")

    op.drop_table("assistant")
    with op.batch_alter_table("patrol", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patrol_district"))
        batch_op.drop_index("ix_patrol_agency_id_on_day")
        batch_op.drop_index("ix_patrol_agency_id_id")

    op.drop_table("patrol")
