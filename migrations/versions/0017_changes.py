"""Changes of a draw: replacements, redrawn places, skipped reserves, top-up plans.

A reserve that follows another unit has a task too, so the rule that only drawn units have one goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0020"
branch_labels = None
depends_on = None

_SELECTED_ONLY = "task_id IS NULL OR kind = 'selected'"


def _selection(*constraints: sa.Constraint) -> sa.Table:
    """The table of drawn units as 0008 made it: SQLite makes it anew and cannot look it up."""
    return sa.Table(
        "draw_selection",
        sa.MetaData(),
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
        sa.Index("ix_draw_selection_unit_id", "unit_id"),
        *constraints,
    )


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        before = _selection(
            sa.CheckConstraint(_SELECTED_ONLY, name=op.f("ck_draw_selection_task_of_a_drawn_unit"))
        )
    else:
        before = None
    with op.batch_alter_table("draw_selection", copy_from=before) as batch:
        batch.drop_constraint(op.f("ck_draw_selection_task_of_a_drawn_unit"), type_="check")
    op.create_index("ix_draw_selection_task_id", "draw_selection", ["task_id"])
    op.add_column("draw_plan", sa.Column("top_up_of", sa.Text(), nullable=True))
    op.add_column("draw_plan", sa.Column("top_up_reason", sa.Text(), nullable=True))
    op.create_table(
        "draw_change",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("selection_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("skips", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("officer_out_id", sa.Uuid(), nullable=True),
        sa.Column("officer_in_id", sa.Uuid(), nullable=True),
        sa.Column("redraw_no", sa.BigInteger(), nullable=True),
        sa.Column("after_freeze", sa.Boolean(), nullable=False),
        sa.Column("reserve_id", sa.Uuid(), nullable=True),
        sa.Column("new_task_id", sa.Uuid(), nullable=True),
        sa.Column("record", sa.JSON(), nullable=True),
        sa.Column("held_code", sa.Text(), nullable=True),
        sa.Column("held_detail", sa.Text(), nullable=True),
        sa.Column("proposed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_officer_id", sa.Uuid(), nullable=True),
        sa.Column("approved_reason", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_kind", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by_kind", sa.Text(), nullable=True),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_kind", sa.Text(), nullable=True),
        sa.Column("confirmed_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("carried_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carried_out_by_kind", sa.Text(), nullable=True),
        sa.Column("carried_out_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'carried-out') = (carried_out_at IS NOT NULL) AND (carried_out_at IS"
            " NULL) = (number IS NULL) AND (carried_out_at IS NULL) = (record IS NULL)",
            name=op.f("ck_draw_change_carried_out_is_recorded"),
        ),
        sa.CheckConstraint(
            "(state IN ('refused', 'withdrawn')) = (ended_at IS NOT NULL)",
            name=op.f("ck_draw_change_ended_by_somebody"),
        ),
        sa.CheckConstraint(
            "kind = 'reassignment' OR state NOT IN ('confirmed', 'carried-out') OR"
            " confirmed_at IS NOT NULL",
            name=op.f("ck_draw_change_carried_out_by_two"),
        ),
        sa.CheckConstraint(
            "kind = 'replacement' OR (reserve_id IS NULL AND new_task_id IS NULL)",
            name=op.f("ck_draw_change_reserve_of_a_replacement"),
        ),
        sa.CheckConstraint(
            "kind IN ('replacement', 'slot-redraw', 'reassignment')",
            name=op.f("ck_draw_change_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'confirmed', 'carried-out', 'refused', 'withdrawn')",
            name=op.f("ck_draw_change_state_known"),
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by_kind IS NULL)",
            name=op.f("ck_draw_change_approved_who_and_when"),
        ),
        sa.CheckConstraint(
            "(carried_out_at IS NULL) = (carried_out_by_kind IS NULL)",
            name=op.f("ck_draw_change_carried_out_who_and_when"),
        ),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_kind IS NULL)",
            name=op.f("ck_draw_change_confirmed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_draw_change_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "approved_at IS NULL OR (approved_reason IS NOT NULL AND (proposed_by_id IS NULL"
            " OR approved_by_id <> proposed_by_id))",
            name=op.f("ck_draw_change_approved_by_another"),
        ),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR (confirmed_officer_id IS NOT NULL AND (proposed_by_id IS"
            " NULL OR confirmed_by_id <> proposed_by_id) AND (proposed_officer_id IS NULL OR"
            " confirmed_officer_id <> proposed_officer_id))",
            name=op.f("ck_draw_change_second_person"),
        ),
        sa.CheckConstraint(
            "proposed_at IS NOT NULL AND proposed_by_kind IS NOT NULL",
            name=op.f("ck_draw_change_proposed_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_draw_change_agency_id")
        ),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_change_draw_id")),
        sa.ForeignKeyConstraint(
            ["new_task_id"], ["task.id"], name=op.f("fk_draw_change_new_task_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_in_id"], ["officer.id"], name=op.f("fk_draw_change_officer_in_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_out_id"], ["officer.id"], name=op.f("fk_draw_change_officer_out_id")
        ),
        sa.ForeignKeyConstraint(
            ["reserve_id"], ["draw_selection.id"], name=op.f("fk_draw_change_reserve_id")
        ),
        sa.ForeignKeyConstraint(
            ["selection_id"], ["draw_selection.id"], name=op.f("fk_draw_change_selection_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_draw_change_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_change")),
        sa.UniqueConstraint("draw_id", "number", name=op.f("uq_draw_change_draw_id_number")),
        sa.UniqueConstraint("new_task_id", name=op.f("uq_draw_change_new_task_id")),
        sa.UniqueConstraint("reserve_id", name=op.f("uq_draw_change_reserve_id")),
        sa.UniqueConstraint("task_id", "redraw_no", name=op.f("uq_draw_change_task_id_redraw_no")),
    )
    op.create_index(op.f("ix_draw_change_agency_id"), "draw_change", ["agency_id"], unique=False)
    op.create_index(op.f("ix_draw_change_district"), "draw_change", ["district"], unique=False)
    op.create_index(op.f("ix_draw_change_draw_id"), "draw_change", ["draw_id"], unique=False)
    op.create_index(op.f("ix_draw_change_task_id"), "draw_change", ["task_id"], unique=False)
    op.create_index(
        "uq_draw_change_open_redraw",
        "draw_change",
        ["task_id", "officer_out_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'slot-redraw' AND state IN ('proposed', 'confirmed')"),
        postgresql_where=sa.text("kind = 'slot-redraw' AND state IN ('proposed', 'confirmed')"),
    )
    op.create_index(
        "uq_draw_change_open_replacement",
        "draw_change",
        ["task_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'replacement' AND state IN ('proposed', 'confirmed')"),
        postgresql_where=sa.text("kind = 'replacement' AND state IN ('proposed', 'confirmed')"),
    )
    op.create_table(
        "draw_reserve_skip",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("selection_id", sa.Uuid(), nullable=False),
        sa.Column("archive_no", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skipped_by_kind", sa.Text(), nullable=False),
        sa.Column("skipped_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "skipped_at IS NOT NULL AND skipped_by_kind IS NOT NULL",
            name=op.f("ck_draw_reserve_skip_skipped_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["change_id"], ["draw_change.id"], name=op.f("fk_draw_reserve_skip_change_id")
        ),
        sa.ForeignKeyConstraint(
            ["selection_id"], ["draw_selection.id"], name=op.f("fk_draw_reserve_skip_selection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_reserve_skip")),
        sa.UniqueConstraint("selection_id", name=op.f("uq_draw_reserve_skip_selection_id")),
    )
    op.create_index(
        op.f("ix_draw_reserve_skip_change_id"), "draw_reserve_skip", ["change_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("draw_reserve_skip")
    op.drop_table("draw_change")
    op.drop_column("draw_plan", "top_up_reason")
    op.drop_column("draw_plan", "top_up_of")
    op.drop_index("ix_draw_selection_task_id", table_name="draw_selection")
    before = _selection() if op.get_bind().dialect.name == "sqlite" else None
    with op.batch_alter_table("draw_selection", copy_from=before) as batch:
        batch.create_check_constraint(
            op.f("ck_draw_selection_task_of_a_drawn_unit"), _SELECTED_ONLY
        )
