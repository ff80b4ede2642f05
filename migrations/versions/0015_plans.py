"""Plans: the year's plan they carry out, who leads, what excludes a unit; labels of units."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0016"
branch_labels = None
depends_on = None

_BEFORE = ["not-operating", "newly-opened", "open-task"]
_DRAWN = "drawn-this-year"


def upgrade() -> None:
    _create_annual_plan()
    _create_unit_label()
    op.add_column("draw", sa.Column("held_extras", sa.JSON(), nullable=True))
    _widen_draw_plan()


def _create_annual_plan() -> None:
    op.create_table(
        "annual_plan",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("revision_reason", sa.Text(), nullable=True),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by_kind", sa.Text(), nullable=False),
        sa.Column("saved_by_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_kind", sa.Text(), nullable=True),
        sa.Column("published_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'superseded')",
            name=op.f("ck_annual_plan_state_known"),
        ),
        sa.CheckConstraint(
            "saved_at IS NOT NULL AND saved_by_kind IS NOT NULL",
            name=op.f("ck_annual_plan_saved_who_and_when"),
        ),
        sa.CheckConstraint(
            "(published_at IS NULL) = (published_by_kind IS NULL)",
            name=op.f("ck_annual_plan_published_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'draft') = (published_at IS NULL)",
            name=op.f("ck_annual_plan_published_has_its_time"),
        ),
        sa.CheckConstraint(
            "(revision > 1) = (revision_reason IS NOT NULL)",
            name=op.f("ck_annual_plan_revised_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_annual_plan_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annual_plan"),
        sa.UniqueConstraint(
            "agency_id", "year", "revision", name="uq_annual_plan_agency_id_year_revision"
        ),
    )
    op.create_index("ix_annual_plan_agency_id", "annual_plan", ["agency_id"])
    op.create_index("ix_annual_plan_district", "annual_plan", ["district"])
    op.create_index(
        "uq_annual_plan_in_force",
        "annual_plan",
        ["agency_id", "year", "state"],
        unique=True,
        sqlite_where=sa.text("state <> 'superseded'"),
        postgresql_where=sa.text("state <> 'superseded'"),
    )


def _create_unit_label() -> None:
    op.create_table(
        "unit_label",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by_kind", sa.Text(), nullable=False),
        sa.Column("declared_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "declared_at IS NOT NULL AND declared_by_kind IS NOT NULL",
            name=op.f("ck_unit_label_declared_who_and_when"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_kind IS NULL)",
            name=op.f("ck_unit_label_ended_who_and_when"),
        ),
        sa.CheckConstraint(
            "until_on IS NULL OR from_on <= until_on", name=op.f("ck_unit_label_days_in_order")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)",
            name=op.f("ck_unit_label_ended_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_unit_label_agency_id"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_unit_label_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_unit_label"),
    )
    op.create_index("ix_unit_label_unit_id", "unit_label", ["unit_id"])
    op.create_index("ix_unit_label_district", "unit_label", ["district"])
    op.create_index("ix_unit_label_agency_id_label", "unit_label", ["agency_id", "label"])


def _widen_draw_plan() -> None:
    """Add columns one by one: a table that is made anew on SQLite would lose its checks."""
    reference = "REFERENCES annual_plan (id)"
    uuid = "CHAR(32)" if _on_sqlite() else "UUID"
    known = "CONSTRAINT ck_draw_plan_role_known CHECK (role IN ('lead', 'join'))"
    joint = (
        "CONSTRAINT ck_draw_plan_joint_with_role"
        " CHECK ((kind = 'cross-department') = (role IS NOT NULL))"
    )
    _add(f"exclusions JSON DEFAULT '{json.dumps(_BEFORE)}' NOT NULL")
    plan = sa.table(
        "draw_plan", sa.column("exclusions", sa.JSON()), sa.column("exclude_drawn", sa.Boolean())
    )
    op.execute(sa.update(plan).where(plan.c.exclude_drawn).values(exclusions=[*_BEFORE, _DRAWN]))
    op.drop_column("draw_plan", "exclude_drawn")
    _add("cutoff_on DATE")
    _add(f"annual_plan_id {uuid} CONSTRAINT fk_draw_plan_annual_plan_id {reference}")
    _add(f"role TEXT {known}")
    _add("lead_department TEXT")
    _add("partner_departments JSON DEFAULT '[]' NOT NULL")
    op.execute(
        sa.text(
            "UPDATE draw_plan SET role = 'lead', lead_department ="
            " (SELECT name FROM agency WHERE agency.id = draw_plan.agency_id)"
            " WHERE kind = 'cross-department'"
        )
    )
    _add(f"area TEXT {joint}")


def _add(column: str) -> None:
    op.execute(sa.text(f"ALTER TABLE draw_plan ADD COLUMN {column}"))


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def downgrade() -> None:
    _add(f"exclude_drawn BOOLEAN DEFAULT {'0' if _on_sqlite() else 'false'} NOT NULL")
    plan = sa.table(
        "draw_plan", sa.column("exclusions", sa.JSON()), sa.column("exclude_drawn", sa.Boolean())
    )
    drawn = sa.cast(plan.c.exclusions, sa.Text()).like(f"%{_DRAWN}%")
    op.execute(sa.update(plan).where(drawn).values(exclude_drawn=True))
    for column in ("area", "partner_departments", "lead_department", "role"):
        op.drop_column("draw_plan", column)
    for column in ("annual_plan_id", "cutoff_on", "exclusions"):
        op.drop_column("draw_plan", column)
    op.drop_column("draw", "held_extras")
    op.drop_table("unit_label")
    op.drop_table("annual_plan")
