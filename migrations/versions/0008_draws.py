"""Draws: what is planned, what was frozen and announced, and who was drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draw_plan",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("strata", sa.JSON(), nullable=False),
        sa.Column("weight_factors", sa.JSON(), nullable=False),
        sa.Column("coordination", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("list_public", sa.Boolean(), nullable=False),
        sa.Column("exclude_drawn", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("draw_on", sa.Date(), nullable=False),
        sa.Column("deposits_close_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dice_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reveal", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("team_size", sa.BigInteger(), nullable=False),
        sa.Column("officer_limit", sa.BigInteger(), nullable=True),
        sa.Column("fallback", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by_kind", sa.Text(), nullable=False),
        sa.Column("saved_by_id", sa.Uuid(), nullable=True),
        sa.Column("redraw_ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redraw_ordered_by_kind", sa.Text(), nullable=True),
        sa.Column("redraw_ordered_by_id", sa.Uuid(), nullable=True),
        sa.Column("redraw_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "coordination IN ('shared', 'independent')",
            name=op.f("ck_draw_plan_coordination_known"),
        ),
        sa.CheckConstraint(
            "fallback IN ('none', 'sealed')", name=op.f("ck_draw_plan_fallback_known")
        ),
        sa.CheckConstraint("hash IN ('sha256', 'sm3')", name=op.f("ck_draw_plan_hash_known")),
        sa.CheckConstraint(
            "kind IN ('district', 'city', 'national', 'cross-department')",
            name=op.f("ck_draw_plan_kind_known"),
        ),
        sa.CheckConstraint(
            "level IN ('sealed', 'attended')", name=op.f("ck_draw_plan_level_known")
        ),
        sa.CheckConstraint(
            "state IN ('active', 'withdrawn')", name=op.f("ck_draw_plan_state_known")
        ),
        sa.CheckConstraint(
            "(redraw_ordered_at IS NULL) = (redraw_ordered_by_kind IS NULL)",
            name=op.f("ck_draw_plan_redraw_ordered_who_and_when"),
        ),
        sa.CheckConstraint("due_on >= draw_on", name=op.f("ck_draw_plan_due_after_draw")),
        sa.CheckConstraint(
            "saved_at IS NOT NULL AND saved_by_kind IS NOT NULL",
            name=op.f("ck_draw_plan_saved_who_and_when"),
        ),
        sa.CheckConstraint("team_size >= 2", name=op.f("ck_draw_plan_team_of_two")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_draw_plan_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_draw_plan"),
        sa.UniqueConstraint(
            "agency_id", "period", "name", name="uq_draw_plan_agency_id_period_name"
        ),
    )
    op.create_index("ix_draw_plan_agency_id", "draw_plan", ["agency_id"])
    op.create_index("ix_draw_plan_district", "draw_plan", ["district"])
    op.create_index("ix_draw_plan_draw_on", "draw_plan", ["draw_on"])
    op.create_table(
        "draw",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("draw_no", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("draw_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reveal", sa.Text(), nullable=False),
        sa.Column("team_size", sa.BigInteger(), nullable=False),
        sa.Column("list_public", sa.Boolean(), nullable=False),
        sa.Column("deposits_close_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dice_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("announce_serial", sa.BigInteger(), nullable=True),
        sa.Column("manifest_sha256", sa.Text(), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("result_sha256", sa.Text(), nullable=True),
        sa.Column("held_code", sa.Text(), nullable=True),
        sa.Column("held_detail", sa.Text(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("reminders", sa.BigInteger(), nullable=False),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_by_kind", sa.Text(), nullable=False),
        sa.Column("planned_by_id", sa.Uuid(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen_by_kind", sa.Text(), nullable=True),
        sa.Column("frozen_by_id", sa.Uuid(), nullable=True),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced_by_kind", sa.Text(), nullable=True),
        sa.Column("announced_by_id", sa.Uuid(), nullable=True),
        sa.Column("seeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seeded_by_kind", sa.Text(), nullable=True),
        sa.Column("seeded_by_id", sa.Uuid(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drawn_by_kind", sa.Text(), nullable=True),
        sa.Column("drawn_by_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_kind", sa.Text(), nullable=True),
        sa.Column("published_by_id", sa.Uuid(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by_kind", sa.Text(), nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint("level IN ('sealed', 'attended')", name=op.f("ck_draw_level_known")),
        sa.CheckConstraint(
            "state IN ('planned', 'frozen', 'announced', 'seeded', 'drawn', 'published', 'void')",
            name=op.f("ck_draw_state_known"),
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (announced_by_kind IS NULL)",
            name=op.f("ck_draw_announced_who_and_when"),
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (manifest_sha256 IS NULL)",
            name=op.f("ck_draw_hash_with_manifest"),
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (secret_sealed IS NULL)",
            name=op.f("ck_draw_secret_with_manifest"),
        ),
        sa.CheckConstraint(
            "(drawn_at IS NULL) = (drawn_by_kind IS NULL)", name=op.f("ck_draw_drawn_who_and_when")
        ),
        sa.CheckConstraint(
            "(frozen_at IS NULL) = (frozen_by_kind IS NULL)",
            name=op.f("ck_draw_frozen_who_and_when"),
        ),
        sa.CheckConstraint(
            "(published_at IS NULL) = (published_by_kind IS NULL)",
            name=op.f("ck_draw_published_who_and_when"),
        ),
        sa.CheckConstraint(
            "(seeded_at IS NULL) = (seeded_by_kind IS NULL)",
            name=op.f("ck_draw_seeded_who_and_when"),
        ),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_kind IS NULL)",
            name=op.f("ck_draw_voided_who_and_when"),
        ),
        sa.CheckConstraint(
            "planned_at IS NOT NULL AND planned_by_kind IS NOT NULL",
            name=op.f("ck_draw_planned_who_and_when"),
        ),
        sa.CheckConstraint(
            "voided_at IS NULL OR void_reason IS NOT NULL", name=op.f("ck_draw_void_with_reason")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_draw_agency_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["draw_plan.id"], name="fk_draw_plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_draw"),
        sa.UniqueConstraint(
            "agency_id", "announce_serial", name="uq_draw_agency_id_announce_serial"
        ),
        sa.UniqueConstraint("district", "year", "serial", name="uq_draw_district_year_serial"),
        sa.UniqueConstraint("draw_no", name="uq_draw_draw_no"),
    )
    op.create_index("ix_draw_agency_id", "draw", ["agency_id"])
    op.create_index("ix_draw_district", "draw", ["district"])
    op.create_index("ix_draw_state", "draw", ["state"])
    op.create_index(
        "uq_draw_plan_id_period",
        "draw",
        ["plan_id", "period"],
        unique=True,
        sqlite_where=sa.text("state <> 'void'"),
        postgresql_where=sa.text("state <> 'void'"),
    )
    op.create_table(
        "draw_deposit",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("deposited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deposited_by_kind", sa.Text(), nullable=False),
        sa.Column("deposited_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "deposited_at IS NOT NULL AND deposited_by_kind IS NOT NULL",
            name=op.f("ck_draw_deposit_deposited_who_and_when"),
        ),
        sa.CheckConstraint(
            "number IS NULL OR draw_id IS NOT NULL", name=op.f("ck_draw_deposit_numbered_in_a_draw")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_draw_deposit_account_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_draw_deposit_agency_id"),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name="fk_draw_deposit_draw_id"),
        sa.PrimaryKeyConstraint("id", name="pk_draw_deposit"),
        sa.UniqueConstraint("commitment", name="uq_draw_deposit_commitment"),
        sa.UniqueConstraint("draw_id", "account_id", name="uq_draw_deposit_draw_id_account_id"),
        sa.UniqueConstraint("draw_id", "number", name="uq_draw_deposit_draw_id_number"),
    )
    op.create_index("ix_draw_deposit_agency_id", "draw_deposit", ["agency_id"])
    op.create_index("ix_draw_deposit_district", "draw_deposit", ["district"])
    op.create_index("ix_draw_deposit_draw_id", "draw_deposit", ["draw_id"])
    op.create_table(
        "draw_entropy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_kind", sa.Text(), nullable=False),
        sa.Column("entered_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('first', 'sealed', 'rejected')", name=op.f("ck_draw_entropy_state_known")
        ),
        sa.CheckConstraint(
            "entered_at IS NOT NULL AND entered_by_kind IS NOT NULL",
            name=op.f("ck_draw_entropy_entered_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_draw_entropy_account_id"),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name="fk_draw_entropy_draw_id"),
        sa.PrimaryKeyConstraint("id", name="pk_draw_entropy"),
        sa.UniqueConstraint(
            "draw_id", "attempt", "account_id", name="uq_draw_entropy_draw_id_attempt_account_id"
        ),
        sa.UniqueConstraint(
            "draw_id", "attempt", "role", name="uq_draw_entropy_draw_id_attempt_role"
        ),
    )
    op.create_index("ix_draw_entropy_draw_id", "draw_entropy", ["draw_id"])
    op.create_table(
        "draw_file",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("public_from", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "audience IN ('announced', 'revealed', 'inside', 'auditors')",
            name=op.f("ck_draw_file_audience_known"),
        ),
        sa.CheckConstraint(
            "public_from IS NULL OR audience IN ('announced', 'revealed')",
            name=op.f("ck_draw_file_never_public"),
        ),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name="fk_draw_file_draw_id"),
        sa.PrimaryKeyConstraint("draw_id", "name", name="pk_draw_file"),
    )
    op.create_table(
        "draw_selection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("archive_no", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('selected', 'reserve')", name=op.f("ck_draw_selection_kind_known")
        ),
        sa.CheckConstraint(
            "task_id IS NULL OR kind = 'selected'",
            name=op.f("ck_draw_selection_task_of_a_drawn_unit"),
        ),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name="fk_draw_selection_draw_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_draw_selection_task_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_draw_selection_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_draw_selection"),
        sa.UniqueConstraint(
            "draw_id", "stratum", "archive_no", name="uq_draw_selection_draw_id_stratum_archive_no"
        ),
        sa.UniqueConstraint(
            "draw_id",
            "stratum",
            "weight",
            "rank",
            name="uq_draw_selection_draw_id_stratum_weight_rank",
        ),
    )
    op.create_index("ix_draw_selection_unit_id", "draw_selection", ["unit_id"])


def downgrade() -> None:
    op.drop_table("draw_selection")
    op.drop_table("draw_file")
    op.drop_table("draw_entropy")
    op.drop_table("draw_deposit")
    op.drop_table("draw")
    op.drop_table("draw_plan")
