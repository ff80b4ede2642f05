"""At the door of a visit: which code was shown, what was said, and what is marked."""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0068"
down_revision = "0065a"
branch_labels = None
depends_on = None

SHOWN = ("unit-scanned", "officer-scanned", "not-shown", "triggered", "not-said")
MARKS = (
    *("code-forged", "code-unknown", "code-other-unit", "code-other-visit", "code-other-officer"),
    *("code-revoked", "code-expired", "code-not-yet", "code-missing", "code-shared"),
    *("code-afterwards", "unit-code-forged", "unit-code-other"),
    *("officer-alone", "presence-unproven", "certificate-not-shown", "recusal-not-asked"),
    "recusal-requested",
)


def upgrade() -> None:
    op.add_column(
        "visit_code",
        sa.Column("afterwards", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    _arrivals()
    _marks()


def _arrivals() -> None:
    op.create_table(
        "visit_arrival",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=True),
        sa.Column("code_shown", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("certificate_shown", sa.Boolean(), nullable=True),
        sa.Column("recusal_asked", sa.Boolean(), nullable=True),
        sa.Column("recusal_requested", sa.Boolean(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "presence IN ('own', 'pin')", name=op.f("ck_visit_arrival_presence_known")
        ),
        sa.CheckConstraint(
            f"code_shown IN ({_words(SHOWN)})", name=op.f("ck_visit_arrival_code_shown_known")
        ),
        *_keys("visit_arrival"),
        sa.PrimaryKeyConstraint("visit_id", "officer_id", name=op.f("pk_visit_arrival")),
    )
    op.create_index(op.f("ix_visit_arrival_code_id"), "visit_arrival", ["code_id"])


def _marks() -> None:
    op.create_table(
        "visit_mark",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(f"mark IN ({_words(MARKS)})", name=op.f("ck_visit_mark_mark_known")),
        *_keys("visit_mark"),
        sa.PrimaryKeyConstraint("visit_id", "mark", "officer_id", name=op.f("pk_visit_mark")),
    )
    op.create_index("ix_visit_mark_mark_visit_id", "visit_mark", ["mark", "visit_id"])
    op.execute(
        "INSERT INTO visit_mark (visit_id, mark, officer_id, device_id, marked_at)"
        " SELECT visit.id, visit.code_mark, at.officer_id, at.device_id, visit.started_at"
        " FROM visit JOIN visit_attendance AS at ON at.visit_id = visit.id"
        " WHERE visit.code_mark IS NOT NULL"
    )


def _keys(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{name}_id"], [f"{name}.id"], name=op.f(f"fk_{table}_{name}_id_{name}")
        )
        for name in ("visit", "officer")
    ]


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{one}'" for one in values)


def downgrade() -> None:
    op.drop_table("visit_mark")
    op.drop_table("visit_arrival")
    op.drop_column("visit_code", "afterwards")
