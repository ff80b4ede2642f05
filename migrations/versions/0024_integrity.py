"""Visits and photos are looked at for what cannot be: places, journeys, times, pictures again."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
KINDS = "kind IN ('place', 'travel', 'time', 'reuse')"
DECIDED = (
    "(state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decision_reason IS NULL)"
)
REASONS = (
    "reason IN ('arrival-far', 'arrival-mock', 'photo-far', 'photo-mock', 'exif-far',"
    " 'too-fast', 'photo-outside-visit', 'exif-outside-visit', 'same-file', 'same-picture')"
)


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("ix_visit_attendance_device_id", "visit_attendance", ["device_id"])
    _create_prints()
    _create_findings()
    op.create_table(
        "integrity_cursor",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_integrity_cursor"),
    )


def downgrade() -> None:
    op.drop_table("integrity_cursor")
    op.drop_table("integrity_finding")
    op.drop_table("evidence_print")
    op.drop_index("ix_visit_attendance_device_id", "visit_attendance")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)


def _added() -> dict[str, list[sa.Column]]:
    return {
        "evidence_link": [
            sa.Column("claimed_at", INSTANT, nullable=True),
            sa.Column("claimed_fix", sa.JSON(), nullable=True),
            _flag("claimed_suspect"),
        ],
        "visit": [sa.Column("finished_fix", sa.JSON(), nullable=True)],
        "visit_attendance": [sa.Column("fix", sa.JSON(), nullable=True), _flag("clock_suspect")],
        "upload": [sa.Column("found_sha256", sa.Text(), nullable=True)],
    }


def _flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _create_prints() -> None:
    op.create_table(
        "evidence_print",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("print", sa.Text(), nullable=False),
        *(sa.Column(f"band_{number}", sa.BigInteger(), nullable=False) for number in range(4)),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name="fk_evidence_print_evidence_id"
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_evidence_print_agency_id"),
        sa.PrimaryKeyConstraint("evidence_id", name="pk_evidence_print"),
    )
    for number in range(4):
        name = f"ix_evidence_print_band_{number}"
        op.create_index(name, "evidence_print", ["agency_id", f"band_{number}"])


def _create_findings() -> None:
    owned = ("unit", "visit", "task", "evidence", "officer")
    others = ("unit", "visit", "task", "evidence")
    references = [(f"{name}_id", name) for name in owned]
    references += [(f"other_{name}_id", name) for name in others]
    op.create_table(
        "integrity_finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(column, sa.Uuid(), nullable=column != "unit_id") for column, _ in references),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        *_checks(),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=f"fk_integrity_finding_{column}"
            )
            for column, table in (("agency_id", "agency"), *references)
        ),
        sa.PrimaryKeyConstraint("id", name="pk_integrity_finding"),
        sa.UniqueConstraint("agency_id", "key", name="uq_integrity_finding_agency_id_key"),
    )
    for columns in (["district"], ["visit_id"], ["other_visit_id"], ["agency_id", "state", "id"]):
        op.create_index(f"ix_integrity_finding_{'_'.join(columns)}", "integrity_finding", columns)


def _checks() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(text, name=op.f(f"ck_integrity_finding_{name}"))
        for name, text in (
            ("kind_known", KINDS),
            ("reason_known", REASONS),
            ("state_known", "state IN ('open', 'explained', 'upheld')"),
            ("decided_who_and_when", "(decided_at IS NULL) = (decided_by_kind IS NULL)"),
            ("of_something", "visit_id IS NOT NULL OR task_id IS NOT NULL"),
            ("decided_with_reason", DECIDED),
        )
    ]
