"""Credit: entries that are never changed, points, grades, repair."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0041"
branch_labels = None
depends_on = None

_SQLITE = """
CREATE TRIGGER credit_entry_no_{verb} BEFORE {verb} ON credit_entry
BEGIN SELECT RAISE(ABORT, 'the credit record is append-only'); END
"""
_POSTGRESQL = """
CREATE FUNCTION credit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the credit record is append-only'; END $$
"""


def upgrade() -> None:
    _credit_cooperation()
    _credit_entry()
    _credit_grade()
    _points_cycle()
    _points_notice()
    _credit_repair()
    _credit_scoring()
    _protect()


def downgrade() -> None:
    for table in (
        "credit_scoring",
        "credit_repair",
        "points_notice",
        "points_cycle",
        "credit_grade",
        "credit_entry",
        "credit_cooperation",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION credit_entry_refuse()")


def _credit_cooperation() -> None:
    op.create_table(
        "credit_cooperation",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("from_organ", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by_kind", sa.Text(), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_kind", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answer IS NULL)",
            name=op.f("ck_credit_cooperation_answered_with_words"),
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by_kind IS NULL)",
            name=op.f("ck_credit_cooperation_answered_who_and_when"),
        ),
        sa.CheckConstraint(
            "received_at IS NOT NULL AND received_by_kind IS NOT NULL",
            name=op.f("ck_credit_cooperation_received_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_cooperation_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["unit.id"], name=op.f("fk_credit_cooperation_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_cooperation")),
    )
    op.create_index(
        "ix_credit_cooperation_agency_id_id",
        "credit_cooperation",
        ["agency_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_cooperation_district"), "credit_cooperation", ["district"], unique=False
    )


def _credit_entry() -> None:
    op.create_table(
        "credit_entry",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'points') = (points IS NOT NULL)", name=op.f("ck_credit_entry_points_counted")
        ),
        sa.CheckConstraint(
            "(kind IN ('repair', 'reversal')) = (about_id IS NOT NULL)",
            name=op.f("ck_credit_entry_about_another"),
        ),
        sa.CheckConstraint(
            "kind <> 'reversal' OR reason IS NOT NULL",
            name=op.f("ck_credit_entry_reversed_with_reason"),
        ),
        sa.CheckConstraint(
            "kind IN ('penalty', 'points', 'repair', 'reversal')",
            name=op.f("ck_credit_entry_kind_known"),
        ),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_credit_entry_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["about_id"], ["credit_entry.id"], name=op.f("fk_credit_entry_about_id")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_entry_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_credit_entry_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entry")),
        sa.UniqueConstraint("about_id", "kind", name=op.f("uq_credit_entry_about_id_kind")),
        sa.UniqueConstraint(
            "agency_id", "kind", "reference", name=op.f("uq_credit_entry_agency_id_kind_reference")
        ),
    )
    op.create_index(
        "ix_credit_entry_agency_id_id", "credit_entry", ["agency_id", "id"], unique=False
    )
    op.create_index(op.f("ix_credit_entry_district"), "credit_entry", ["district"], unique=False)
    op.create_index(
        "ix_credit_entry_unit_id_decided_on",
        "credit_entry",
        ["unit_id", "decided_on"],
        unique=False,
    )


def _credit_grade() -> None:
    op.create_table(
        "credit_grade",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("draw_class", sa.Text(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("rule_from", sa.Date(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("graded_by_kind", sa.Text(), nullable=False),
        sa.Column("graded_by_id", sa.Uuid(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by_kind", sa.Text(), nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (void_reason IS NULL)",
            name=op.f("ck_credit_grade_voided_with_reason"),
        ),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_kind IS NULL)",
            name=op.f("ck_credit_grade_voided_who_and_when"),
        ),
        sa.CheckConstraint(
            "graded_at IS NOT NULL AND graded_by_kind IS NOT NULL",
            name=op.f("ck_credit_grade_graded_who_and_when"),
        ),
        sa.CheckConstraint(
            "until_on IS NULL OR from_on <= until_on", name=op.f("ck_credit_grade_days_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_grade_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_credit_grade_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_grade")),
        sa.UniqueConstraint(
            "agency_id",
            "scheme",
            "reference",
            name=op.f("uq_credit_grade_agency_id_scheme_reference"),
        ),
    )
    op.create_index(
        "ix_credit_grade_agency_id_from_on", "credit_grade", ["agency_id", "from_on"], unique=False
    )
    op.create_index(op.f("ix_credit_grade_district"), "credit_grade", ["district"], unique=False)
    op.create_index(
        "ix_credit_grade_unit_id_scheme", "credit_grade", ["unit_id", "scheme"], unique=False
    )


def _points_cycle() -> None:
    op.create_table(
        "points_cycle",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_kind", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_points_cycle_days_in_order")),
        sa.CheckConstraint(
            "opened_at IS NOT NULL AND opened_by_kind IS NOT NULL",
            name=op.f("ck_points_cycle_opened_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_points_cycle_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_points_cycle_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_cycle")),
        sa.UniqueConstraint(
            "unit_id", "scheme", "from_on", name=op.f("uq_points_cycle_unit_id_scheme_from_on")
        ),
    )
    op.create_index(op.f("ix_points_cycle_district"), "points_cycle", ["district"], unique=False)


def _points_notice() -> None:
    op.create_table(
        "points_notice",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("cycle_from", sa.Date(), nullable=False),
        sa.Column("cycle_until", sa.Date(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_by_kind", sa.Text(), nullable=False),
        sa.Column("due_by_id", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by_kind", sa.Text(), nullable=True),
        sa.Column("sent_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state <> 'sent' OR sent_at IS NOT NULL", name=op.f("ck_points_notice_sent_when")
        ),
        sa.CheckConstraint(
            "state IN ('due', 'sent', 'withdrawn')", name=op.f("ck_points_notice_state_known")
        ),
        sa.CheckConstraint(
            "(sent_at IS NULL) = (sent_by_kind IS NULL)",
            name=op.f("ck_points_notice_sent_who_and_when"),
        ),
        sa.CheckConstraint(
            "due_at IS NOT NULL AND due_by_kind IS NOT NULL",
            name=op.f("ck_points_notice_due_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_points_notice_agency_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_points_notice_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_notice")),
        sa.UniqueConstraint(
            "unit_id",
            "scheme",
            "cycle_from",
            "threshold",
            name=op.f("uq_points_notice_unit_id_scheme_cycle_from_threshold"),
        ),
    )
    op.create_index(
        "ix_points_notice_agency_id_id", "points_notice", ["agency_id", "id"], unique=False
    )
    op.create_index(op.f("ix_points_notice_district"), "points_notice", ["district"], unique=False)


def _credit_repair() -> None:
    op.create_table(
        "credit_repair",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("applicant", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("pledge", sa.Text(), nullable=False),
        sa.Column("pledged_on", sa.Date(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("min_end", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("fulfilled", sa.Boolean(), nullable=True),
        sa.Column("check_note", sa.Text(), nullable=True),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("repair_entry_id", sa.Uuid(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by_kind", sa.Text(), nullable=False),
        sa.Column("applied_by_id", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by_kind", sa.Text(), nullable=True),
        sa.Column("checked_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'approved') = (repair_entry_id IS NOT NULL)",
            name=op.f("ck_credit_repair_approved_with_entry"),
        ),
        sa.CheckConstraint(
            "state IN ('applied', 'checked', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_credit_repair_state_known"),
        ),
        sa.CheckConstraint(
            "(checked_at IS NULL) = (checked_by_kind IS NULL)",
            name=op.f("ck_credit_repair_checked_who_and_when"),
        ),
        sa.CheckConstraint(
            "(checked_at IS NULL) = (fulfilled IS NULL)",
            name=op.f("ck_credit_repair_checked_with_result"),
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_kind IS NULL)",
            name=op.f("ck_credit_repair_decided_who_and_when"),
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_reason IS NOT NULL)",
            name=op.f("ck_credit_repair_due_or_reason"),
        ),
        sa.CheckConstraint(
            "applied_at IS NOT NULL AND applied_by_kind IS NOT NULL",
            name=op.f("ck_credit_repair_applied_who_and_when"),
        ),
        sa.CheckConstraint(
            "checked_by_id <> decided_by_id", name=op.f("ck_credit_repair_second_person")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_repair_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["credit_entry.id"], name=op.f("fk_credit_repair_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["repair_entry_id"], ["credit_entry.id"], name=op.f("fk_credit_repair_repair_entry_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_credit_repair_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_repair")),
        sa.UniqueConstraint("repair_entry_id", name=op.f("uq_credit_repair_repair_entry_id")),
    )
    op.create_index(
        "ix_credit_repair_agency_id_id", "credit_repair", ["agency_id", "id"], unique=False
    )
    op.create_index(op.f("ix_credit_repair_district"), "credit_repair", ["district"], unique=False)
    op.create_index(
        "uq_credit_repair_open",
        "credit_repair",
        ["entry_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('applied', 'checked')"),
        postgresql_where=sa.text("state IN ('applied', 'checked')"),
    )


def _credit_scoring() -> None:
    op.create_table(
        "credit_scoring",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("sheet_from", sa.Date(), nullable=False),
        sa.Column("scored_on", sa.Date(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("got_tenths", sa.BigInteger(), nullable=False),
        sa.Column("due_tenths", sa.BigInteger(), nullable=False),
        sa.Column("hundredths", sa.BigInteger(), nullable=True),
        sa.Column("key_failed", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("grade_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_kind", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(outcome IN ('graded', 'key-item-failed', 'below-bands')) = (grade_id IS NOT NULL)",
            name=op.f("ck_credit_scoring_graded_when"),
        ),
        sa.CheckConstraint(
            "outcome IN ('graded', 'first-of-several', 'too-soon', 'key-item-failed', "
            "'below-bands', 'no-licence', 'nothing-due')",
            name=op.f("ck_credit_scoring_outcome_known"),
        ),
        sa.CheckConstraint(
            "recorded_at IS NOT NULL AND recorded_by_kind IS NOT NULL",
            name=op.f("ck_credit_scoring_recorded_who_and_when"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_credit_scoring_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["grade_id"], ["credit_grade.id"], name=op.f("fk_credit_scoring_grade_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_credit_scoring_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_scoring")),
        sa.UniqueConstraint(
            "agency_id",
            "scheme",
            "reference",
            name=op.f("uq_credit_scoring_agency_id_scheme_reference"),
        ),
    )
    op.create_index(
        "ix_credit_scoring_agency_id_id", "credit_scoring", ["agency_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_credit_scoring_district"), "credit_scoring", ["district"], unique=False
    )
    op.create_index(
        "ix_credit_scoring_unit_id_scheme", "credit_scoring", ["unit_id", "scheme"], unique=False
    )


def _protect() -> None:
    """What was recorded is neither changed nor deleted; what was wrong is reversed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
        op.execute(
            "CREATE TRIGGER credit_entry_append_only BEFORE UPDATE OR DELETE ON credit_entry "
            "FOR EACH ROW EXECUTE FUNCTION credit_entry_refuse()"
        )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(verb=verb))
