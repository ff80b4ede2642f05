"""Given lists: the list, its files, its rows, and what partners found; a plan may be about one."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "given_list",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("lead_department", sa.Text(), nullable=True),
        sa.Column("partner_departments", sa.JSON(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by_kind", sa.Text(), nullable=False),
        sa.Column("saved_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_kind", sa.Text(), nullable=True),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL)",
            name=op.f("ck_given_list_withdrawn_has_its_time"),
        ),
        sa.CheckConstraint(
            "level = 'cross-department' OR role = 'lead'",
            name=op.f("ck_given_list_joined_across_departments"),
        ),
        sa.CheckConstraint(
            "level IN ('district', 'city', 'national', 'cross-department')",
            name=op.f("ck_given_list_level_known"),
        ),
        sa.CheckConstraint("role IN ('lead', 'join')", name=op.f("ck_given_list_role_known")),
        sa.CheckConstraint(
            "state IN ('open', 'withdrawn')", name=op.f("ck_given_list_state_known")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_kind IS NULL)",
            name=op.f("ck_given_list_withdrawn_who_and_when"),
        ),
        sa.CheckConstraint(
            "saved_at IS NOT NULL AND saved_by_kind IS NOT NULL",
            name=op.f("ck_given_list_saved_who_and_when"),
        ),
        sa.CheckConstraint(
            "withdrawn_at IS NULL OR withdrawn_reason IS NOT NULL",
            name=op.f("ck_given_list_withdrawn_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_given_list_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_given_list"),
    )
    op.create_index("ix_given_list_agency_id", "given_list", ["agency_id"])
    op.create_index("ix_given_list_district", "given_list", ["district"])
    op.create_index(
        "uq_given_list_agency_id_reference",
        "given_list",
        ["agency_id", "reference"],
        unique=True,
        sqlite_where=sa.text("state <> 'withdrawn'"),
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_table(
        "given_list_file",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("basis_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("ignored_columns", sa.JSON(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by_kind", sa.Text(), nullable=False),
        sa.Column("uploaded_by_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_kind", sa.Text(), nullable=True),
        sa.Column("confirmed_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'previewed') = (confirmed_at IS NULL)",
            name=op.f("ck_given_list_file_confirmed_has_its_time"),
        ),
        sa.CheckConstraint(
            "state IN ('previewed', 'current', 'superseded')",
            name=op.f("ck_given_list_file_state_known"),
        ),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_kind IS NULL)",
            name=op.f("ck_given_list_file_confirmed_who_and_when"),
        ),
        sa.CheckConstraint(
            "uploaded_at IS NOT NULL AND uploaded_by_kind IS NOT NULL",
            name=op.f("ck_given_list_file_uploaded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_given_list_file_agency_id"),
        sa.ForeignKeyConstraint(
            ["basis_id"], ["given_list_file.id"], name="fk_given_list_file_basis_id"
        ),
        sa.ForeignKeyConstraint(["list_id"], ["given_list.id"], name="fk_given_list_file_list_id"),
        sa.PrimaryKeyConstraint("id", name="pk_given_list_file"),
    )
    op.create_index("ix_given_list_file_district", "given_list_file", ["district"])
    op.create_index(
        "ix_given_list_file_list_id_uploaded_at", "given_list_file", ["list_id", "uploaded_at"]
    )
    op.create_index(
        "uq_given_list_file_list_id",
        "given_list_file",
        ["list_id"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "given_list_row",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("row_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("superior_no", sa.Text(), nullable=False),
        sa.Column("archive_no", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("specialties", sa.JSON(), nullable=False),
        sa.Column("stated_class", sa.Text(), nullable=True),
        sa.Column("stated_due_on", sa.Date(), nullable=True),
        sa.Column("matters", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("lead_department", sa.Text(), nullable=False),
        sa.Column("partner_departments", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("specialty", sa.Text(), nullable=True),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_by_kind", sa.Text(), nullable=True),
        sa.Column("gone_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "decision IN ('unit', 'unknown')", name=op.f("ck_given_list_row_decision_known")
        ),
        sa.CheckConstraint(
            "matched_by IN ('archive-no', 'uscc', 'name', 'decision')",
            name=op.f("ck_given_list_row_matched_by_known"),
        ),
        sa.CheckConstraint(
            "outcome <> 'matched' OR (unit_id IS NOT NULL AND specialty IS NOT NULL)",
            name=op.f("ck_given_list_row_matched_with_unit"),
        ),
        sa.CheckConstraint(
            "outcome IN ('matched', 'doubtful', 'unknown', 'duplicate', 'refused')",
            name=op.f("ck_given_list_row_outcome_known"),
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_given_list_row_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_given_list_row_decision_has_its_time"),
        ),
        sa.CheckConstraint(
            "(gone_at IS NULL) = (gone_by_kind IS NULL)",
            name=op.f("ck_given_list_row_gone_who_and_when"),
        ),
        sa.CheckConstraint(
            "task_id IS NULL OR unit_id IS NOT NULL", name=op.f("ck_given_list_row_task_of_a_unit")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_given_list_row_agency_id"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["given_list_file.id"], name="fk_given_list_row_file_id"
        ),
        sa.ForeignKeyConstraint(["list_id"], ["given_list.id"], name="fk_given_list_row_list_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_given_list_row_task_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_given_list_row_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_given_list_row"),
        sa.UniqueConstraint("list_id", "key", name="uq_given_list_row_list_id_key"),
        sa.UniqueConstraint("task_id", name="uq_given_list_row_task_id"),
    )
    op.create_index("ix_given_list_row_district", "given_list_row", ["district"])
    op.create_index("ix_given_list_row_list_id_outcome", "given_list_row", ["list_id", "outcome"])
    op.create_index("ix_given_list_row_unit_id", "given_list_row", ["unit_id"])
    op.create_table(
        "given_list_line",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_no", sa.BigInteger(), nullable=True),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=True),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "(change = 'gone') = (row_no IS NULL)",
            name=op.f("ck_given_list_line_gone_from_the_file"),
        ),
        sa.CheckConstraint(
            "change IN ('new', 'same', 'changed', 'gone', 'refused')",
            name=op.f("ck_given_list_line_change_known"),
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["given_list_file.id"], name="fk_given_list_line_file_id"
        ),
        sa.ForeignKeyConstraint(
            ["row_id"], ["given_list_row.id"], name="fk_given_list_line_row_id"
        ),
        sa.PrimaryKeyConstraint("file_id", "position", name="pk_given_list_line"),
    )
    op.create_table(
        "partner_result",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("outcome_code", sa.Text(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_partner_result_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_partner_result_agency_id"),
        sa.ForeignKeyConstraint(["row_id"], ["given_list_row.id"], name="fk_partner_result_row_id"),
        sa.PrimaryKeyConstraint("id", name="pk_partner_result"),
        sa.UniqueConstraint("row_id", "department", name="uq_partner_result_row_id_department"),
    )
    op.create_index("ix_partner_result_district", "partner_result", ["district"])
    _add_list_to_plans()


def _add_list_to_plans() -> None:
    """Add a column with its foreign key in place: copying the table would lose its checks."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "ALTER TABLE draw_plan ADD COLUMN given_list_id CHAR(32)"
            " CONSTRAINT fk_draw_plan_given_list_id REFERENCES given_list (id)"
        )
        return
    op.add_column("draw_plan", sa.Column("given_list_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_draw_plan_given_list_id", "draw_plan", "given_list", ["given_list_id"], ["id"]
    )


def downgrade() -> None:
    op.execute("ALTER TABLE draw_plan DROP COLUMN given_list_id")  # also on SQLite, from 3.35 on
    op.drop_table("partner_result")
    op.drop_table("given_list_line")
    op.drop_table("given_list_row")
    op.drop_table("given_list_file")
    op.drop_table("given_list")
