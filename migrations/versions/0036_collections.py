"""The money of a case and its discretion: what is due and paid, what was proposed and why."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_collection",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fine_fen", sa.BigInteger(), nullable=False),
        sa.Column("confiscated_fen", sa.BigInteger(), nullable=False),
        sa.Column("served_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("demanded_on", sa.Date(), nullable=True),
        sa.Column("demand_due_on", sa.Date(), nullable=True),
        sa.Column("demand_due_reason", sa.Text(), nullable=True),
        sa.Column("court_applied_on", sa.Date(), nullable=True),
        sa.Column("court_name", sa.Text(), nullable=True),
        sa.Column("concluded_on", sa.Date(), nullable=True),
        sa.Column("ceasing_ground", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_kind", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'ceased') = (ceasing_ground IS NOT NULL)",
            name=op.f("ck_case_collection_ceased_why"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (concluded_on IS NULL)",
            name=op.f("ck_case_collection_concluded_when"),
        ),
        sa.CheckConstraint(
            "ceasing_ground IN ('no-estate', 'no-assets', 'object-lost', 'decision-revoked',"
            " 'other')",
            name=op.f("ck_case_collection_ceasing_ground_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'settled', 'enforced', 'ceased')",
            name=op.f("ck_case_collection_state_known"),
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)",
            name=op.f("ck_case_collection_due_or_reason"),
        ),
        sa.CheckConstraint(
            "court_applied_on IS NULL OR demanded_on IS NOT NULL",
            name=op.f("ck_case_collection_demanded_first"),
        ),
        sa.CheckConstraint(
            "fine_fen >= 0 AND confiscated_fen >= 0 AND fine_fen + confiscated_fen > 0",
            name=op.f("ck_case_collection_money_there"),
        ),
        sa.CheckConstraint(
            "opened_at IS NOT NULL AND opened_by_kind IS NOT NULL",
            name=op.f("ck_case_collection_opened_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_case_collection_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_collection_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_collection")),
        sa.UniqueConstraint("case_id", name=op.f("uq_case_collection_case_id")),
    )
    op.create_index(
        "ix_case_collection_agency_id_state",
        "case_collection",
        ["agency_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_collection_district"), "case_collection", ["district"], unique=False
    )
    op.create_table(
        "case_discretion",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("cause_code", sa.Text(), nullable=False),
        sa.Column("cause_from", sa.Date(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("benchmark", sa.Text(), nullable=False),
        sa.Column("tier_code", sa.Text(), nullable=True),
        sa.Column("tier_from", sa.Date(), nullable=True),
        sa.Column("tier_class", sa.Text(), nullable=True),
        sa.Column("circumstances", sa.JSON(), nullable=False),
        sa.Column("factors", sa.JSON(), nullable=False),
        sa.Column("order_unmet", sa.Boolean(), nullable=False),
        sa.Column("gains_fen", sa.BigInteger(), nullable=True),
        sa.Column("repaid_fen", sa.BigInteger(), nullable=False),
        sa.Column("low_fen", sa.BigInteger(), nullable=True),
        sa.Column("high_fen", sa.BigInteger(), nullable=True),
        sa.Column("base_fen", sa.BigInteger(), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_kind", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=True),
        sa.Column("deviation_state", sa.Text(), nullable=False),
        sa.Column("deviation", sa.Text(), nullable=True),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_by_kind", sa.Text(), nullable=True),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(deviation_state = 'none') = (deviation IS NULL AND asked_at IS NULL)",
            name=op.f("ck_case_discretion_deviation_why"),
        ),
        sa.CheckConstraint(
            "(deviation_state IN ('approved', 'refused')) = (decided_at IS NOT NULL)",
            name=op.f("ck_case_discretion_decided_when"),
        ),
        sa.CheckConstraint(
            "benchmark IN ('in-force', 'lapsed', 'none')",
            name=op.f("ck_case_discretion_benchmark_known"),
        ),
        sa.CheckConstraint(
            "deviation_state IN ('none', 'asked', 'approved', 'refused')",
            name=op.f("ck_case_discretion_deviation_state_known"),
        ),
        sa.CheckConstraint(
            "tier_class IN ('mitigated', 'lighter', 'normal', 'heavier')",
            name=op.f("ck_case_discretion_tier_class_known"),
        ),
        sa.CheckConstraint(
            "(asked_at IS NULL) = (asked_by_kind IS NULL)",
            name=op.f("ck_case_discretion_asked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_case_discretion_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "(tier_code IS NULL) = (tier_from IS NULL)",
            name=op.f("ck_case_discretion_tier_with_day"),
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> asked_by_id",
            name=op.f("ck_case_discretion_second_person"),
        ),
        sa.CheckConstraint(
            "proposed_at IS NOT NULL AND proposed_by_kind IS NOT NULL",
            name=op.f("ck_case_discretion_proposed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_case_discretion_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["penalty_case.id"], name=op.f("fk_case_discretion_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_discretion")),
    )
    op.create_index(
        "ix_case_discretion_agency_id_cause_code",
        "case_discretion",
        ["agency_id", "cause_code"],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_discretion_case_id"), "case_discretion", ["case_id"], unique=False
    )
    op.create_index(
        op.f("ix_case_discretion_district"), "case_discretion", ["district"], unique=False
    )
    op.create_table(
        "case_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("fine_fen", sa.BigInteger(), nullable=False),
        sa.Column("surcharge_fen", sa.BigInteger(), nullable=False),
        sa.Column("confiscated_fen", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("spot_ground", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("hand_in_due_on", sa.Date(), nullable=True),
        sa.Column("handed_in_on", sa.Date(), nullable=True),
        sa.Column("banked_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(method = 'on-the-spot') = (spot_ground IS NOT NULL AND officer_id IS NOT NULL)",
            name=op.f("ck_case_payment_spot_by_whom"),
        ),
        sa.CheckConstraint(
            "method IN ('bank', 'electronic', 'on-the-spot', 'court')",
            name=op.f("ck_case_payment_method_known"),
        ),
        sa.CheckConstraint(
            "spot_ground IN ('small', 'hard-later', 'remote')",
            name=op.f("ck_case_payment_spot_ground_known"),
        ),
        sa.CheckConstraint(
            "banked_on IS NULL OR handed_in_on IS NOT NULL",
            name=op.f("ck_case_payment_handed_first"),
        ),
        sa.CheckConstraint(
            "fine_fen >= 0 AND surcharge_fen >= 0 AND confiscated_fen >= 0"
            " AND fine_fen + surcharge_fen + confiscated_fen > 0",
            name=op.f("ck_case_payment_money_there"),
        ),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_case_payment_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["case_collection.id"], name=op.f("fk_case_payment_collection_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_case_payment_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_payment")),
        sa.UniqueConstraint(
            "collection_id", "receipt_no", name=op.f("uq_case_payment_collection_id_receipt_no")
        ),
    )
    op.create_table(
        "collection_alert",
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about_on", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('due-soon', 'overdue', 'hand-in-late', 'demand-over', 'court-closing',"
            " 'court-closed')",
            name=op.f("ck_collection_alert_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["case_collection.id"],
            name=op.f("fk_collection_alert_collection_id"),
        ),
        sa.PrimaryKeyConstraint(
            "collection_id", "kind", "about_on", name=op.f("pk_collection_alert")
        ),
    )
    op.create_table(
        "payment_relief",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_kind", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('delay', 'instalments')", name=op.f("ck_payment_relief_kind_known")
        ),
        sa.CheckConstraint(
            "(approved IS NULL) = (decided_at IS NULL)", name=op.f("ck_payment_relief_decided_when")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_payment_relief_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "asked_at IS NOT NULL AND asked_by_kind IS NOT NULL",
            name=op.f("ck_payment_relief_asked_who_and_when"),
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> asked_by_id",
            name=op.f("ck_payment_relief_second_person"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["case_collection.id"], name=op.f("fk_payment_relief_collection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_relief")),
    )
    op.create_index(
        op.f("ix_payment_relief_collection_id"), "payment_relief", ["collection_id"], unique=False
    )
    op.create_table(
        "surcharge_pause",
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
        op.f("ix_surcharge_pause_collection_id"), "surcharge_pause", ["collection_id"], unique=False
    )


def downgrade() -> None:

    op.drop_index(op.f("ix_surcharge_pause_collection_id"), table_name="surcharge_pause")
    op.drop_table("surcharge_pause")
    op.drop_index(op.f("ix_payment_relief_collection_id"), table_name="payment_relief")
    op.drop_table("payment_relief")
    op.drop_table("collection_alert")
    op.drop_table("case_payment")
    op.drop_index(op.f("ix_case_discretion_district"), table_name="case_discretion")
    op.drop_index(op.f("ix_case_discretion_case_id"), table_name="case_discretion")
    op.drop_index("ix_case_discretion_agency_id_cause_code", table_name="case_discretion")
    op.drop_table("case_discretion")
    op.drop_index(op.f("ix_case_collection_district"), table_name="case_collection")
    op.drop_index("ix_case_collection_agency_id_state", table_name="case_collection")
    op.drop_table("case_collection")
