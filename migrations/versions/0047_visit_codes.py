"""Visit codes: who comes, for what and when; ratings and objections of units."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0047"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _codes()
    _code_parts()
    _ratings()
    _objections()


def _codes() -> None:
    op.create_table(
        "visit_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_until", UtcDateTime(), nullable=False),
        sa.Column("beyond_caps", sa.JSON(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("requested_by_kind", sa.Text(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by_kind", sa.Text(), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('planned', 'triggered')", name=op.f("ck_visit_code_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('issued', 'revoked')", name=op.f("ck_visit_code_state_known")
        ),
        sa.CheckConstraint(
            "requested_at IS NOT NULL AND requested_by_kind IS NOT NULL",
            name=op.f("ck_visit_code_requested_who_and_when"),
        ),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_kind IS NULL)",
            name=op.f("ck_visit_code_revoked_who_and_when"),
        ),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("ck_visit_code_days_in_order")),
        sa.CheckConstraint(
            "kind = 'planned' OR reason IS NOT NULL",
            name=op.f("ck_visit_code_triggered_has_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'revoked') = (revoked_at IS NOT NULL AND revoked_reason IS NOT NULL)",
            name=op.f("ck_visit_code_revoked_with_reason"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_visit_code_agency_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_visit_code_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_code")),
        sa.UniqueConstraint("short", name=op.f("uq_visit_code_short")),
    )
    op.create_index("ix_visit_code_district", "visit_code", ["district"])
    op.create_index("ix_visit_code_agency_id_id", "visit_code", ["agency_id", "id"])
    op.create_index("ix_visit_code_unit_id", "visit_code", ["unit_id"])


def _code_parts() -> None:
    op.create_table(
        "visit_code_task",
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_visit_code_task_code_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_visit_code_task_task_id")),
        sa.PrimaryKeyConstraint("code_id", "task_id", name=op.f("pk_visit_code_task")),
    )
    op.create_index("ix_visit_code_task_task_id", "visit_code_task", ["task_id"])
    op.create_index("ix_visit_code_task_visit_id", "visit_code_task", ["visit_id"])
    op.create_table(
        "visit_code_officer",
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_visit_code_officer_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_visit_code_officer_officer_id")
        ),
        sa.PrimaryKeyConstraint("code_id", "officer_id", name=op.f("pk_visit_code_officer")),
    )
    op.create_index("ix_visit_code_officer_officer_id", "visit_code_officer", ["officer_id"])


def _ratings() -> None:
    op.create_table(
        "visit_rating",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("rated_on", sa.Date(), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_visit_rating_score_known")),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_visit_rating_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_visit_rating_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_rating")),
        sa.UniqueConstraint("code_id", name=op.f("uq_visit_rating_code_id")),
    )
    op.create_index("ix_visit_rating_agency_id_rated_on", "visit_rating", ["agency_id", "rated_on"])


def _objections() -> None:
    op.create_table(
        "visit_objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_by_kind", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'answered')", name=op.f("ck_visit_objection_state_known")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by_kind IS NULL)",
            name=op.f("ck_visit_objection_answered_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'answered') = (answered_at IS NOT NULL AND answer IS NOT NULL)",
            name=op.f("ck_visit_objection_answered_with_words"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_visit_objection_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["code_id"], ["visit_code.id"], name=op.f("fk_visit_objection_code_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_visit_objection_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_objection")),
    )
    op.create_index("ix_visit_objection_district", "visit_objection", ["district"])
    op.create_index("ix_visit_objection_agency_id_id", "visit_objection", ["agency_id", "id"])
    op.create_index("ix_visit_objection_code_id", "visit_objection", ["code_id"])


def downgrade() -> None:
    for table in (
        "visit_objection",
        "visit_rating",
        "visit_code_officer",
        "visit_code_task",
        "visit_code",
    ):
        op.drop_table(table)
