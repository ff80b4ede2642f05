"""The life of a unit on paper, checks after permits, and reviews of closed case files."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0034"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
STATES = (
    "'in-operation', 'suspended', 'licence-overdue', 'notified', 'announced', 'force-cancelled',"
    " 'closed', 'moved', 'revoked', 'cancelled', 'withdrawn'"
)
VERBS = (
    "'mark-overdue', 'notify', 'announce', 'force-cancel', 'verify', 'suspend', 'resume',"
    " 'close', 'move', 'revoke', 'cancel', 'withdraw'"
)


def upgrade() -> None:
    _create_verification()
    _create_step()
    _create_self_check()
    op.create_table(
        "after_permit_task",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("licence_kind", sa.Text(), nullable=False),
        sa.Column("licence_number", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_after_permit_task_unit_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_after_permit_task_task_id"),
        sa.PrimaryKeyConstraint(
            "unit_id", "licence_kind", "licence_number", name="pk_after_permit_task"
        ),
        sa.UniqueConstraint("task_id", name="uq_after_permit_task_task_id"),
    )
    _create_review()
    op.create_index("ix_visit_agency_id_started_at", "visit", ["agency_id", "started_at"])


def downgrade() -> None:
    op.drop_index("ix_visit_agency_id_started_at", "visit")
    for table in (
        "reviewed_file",
        "file_review",
        "after_permit_task",
        "self_check",
        "unit_step",
        "unit_verification",
    ):
        op.drop_table(table)


def _entity() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
    ]


def _pair(name: str, *, required: bool) -> list[sa.Column]:
    return [
        sa.Column(f"{name}_at", INSTANT, nullable=not required),
        sa.Column(f"{name}_by_kind", sa.Text(), nullable=not required),
        sa.Column(f"{name}_by_id", sa.Uuid(), nullable=True),
    ]


def _paired(table: str, name: str, *, required: bool) -> sa.CheckConstraint:
    text = (
        f"{name}_at IS NOT NULL AND {name}_by_kind IS NOT NULL"
        if required
        else f"({name}_at IS NULL) = ({name}_by_kind IS NULL)"
    )
    return _check(table, f"{name}_who_and_when", text)


def _check(table: str, name: str, text: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=op.f(f"ck_{table}_{name}"))


def _keys(table: str, **references: str) -> list[sa.Constraint]:
    keys = [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}")
        for column, other in {"agency_id": "agency", **references}.items()
    ]
    return [*keys, sa.PrimaryKeyConstraint("id", name=f"pk_{table}")]


def _indexes(table: str, *columns: list[str]) -> None:
    for each in (["district"], *columns):
        op.create_index(f"ix_{table}_{'_'.join(each)}", table, each)


def _create_verification() -> None:
    table = "unit_verification"
    op.create_table(
        table,
        *_entity(),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("beds", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Text(), nullable=False),
        sa.Column("next_due_on", sa.Date(), nullable=False),
        sa.Column("document_no", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        *_pair("recorded", required=True),
        _check(table, "result_known", "result IN ('passed', 'deferred')"),
        _paired(table, "recorded", required=True),
        _check(table, "beds_not_negative", "beds >= 0"),
        _check(table, "next_later", "next_due_on > verified_on"),
        *_keys(table, unit_id="unit"),
        sa.UniqueConstraint("unit_id", "verified_on", name=f"uq_{table}_unit_id_verified_on"),
    )
    _indexes(table, ["next_due_on"])


def _create_step() -> None:
    table = "unit_step"
    op.create_table(
        table,
        *_entity(),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("document_no", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refused_reason", sa.Text(), nullable=True),
        *_pair("recorded", required=True),
        *_pair("confirmed", required=False),
        _check(table, "verb_known", f"verb IN ({VERBS})"),
        _check(table, "before_known", f"before IN ({STATES})"),
        _check(table, "after_known", f"after IN ({STATES})"),
        _check(table, "state_known", "state IN ('proposed', 'taken', 'refused')"),
        _paired(table, "recorded", required=True),
        _paired(table, "confirmed", required=False),
        _check(
            table,
            "second_person",
            "verb <> 'force-cancel' OR state <> 'taken'"
            " OR (confirmed_at IS NOT NULL AND confirmed_by_id <> recorded_by_id)",
        ),
        _check(table, "refused_with_reason", "(state = 'refused') = (refused_reason IS NOT NULL)"),
        *_keys(table, unit_id="unit"),
    )
    _indexes(table, ["unit_id", "id"], ["agency_id", "state"])


def _create_self_check() -> None:
    table = "self_check"
    op.create_table(
        table,
        *_entity(),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=True),
        *_pair("imported", required=True),
        _paired(table, "imported", required=True),
        _check(table, "failed_with_problems", "passed OR problems IS NOT NULL"),
        *_keys(table, unit_id="unit"),
        sa.UniqueConstraint(
            "unit_id", "platform", "checked_on", name=f"uq_{table}_unit_id_platform_checked_on"
        ),
    )
    _indexes(table)


def _create_review() -> None:
    table = "file_review"
    op.create_table(
        table,
        *_entity(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("criteria_on", sa.Date(), nullable=False),
        sa.Column("population", sa.BigInteger(), nullable=False),
        sa.Column("population_sha256", sa.Text(), nullable=False),
        *_pair("drawn", required=True),
        _paired(table, "drawn", required=True),
        _check(table, "days_in_order", "from_on <= until_on"),
        *_keys(table),
    )
    _indexes(table, ["agency_id", "id"])
    table = "reviewed_file"
    op.create_table(
        table,
        *_entity(),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("points_of", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        *_pair("judged", required=False),
        _paired(table, "judged", required=False),
        _check(
            table,
            "judged_whole",
            "(judged_at IS NULL) = (findings IS NULL)"
            " AND (judged_at IS NULL) = (points IS NULL)"
            " AND (judged_at IS NULL) = (points_of IS NULL)",
        ),
        _check(table, "points_within", "points >= 0 AND points <= points_of"),
        *_keys(table, review_id="file_review", case_id="penalty_case", reviewer_id="officer"),
        sa.UniqueConstraint("review_id", "case_id", name=f"uq_{table}_review_id_case_id"),
        sa.UniqueConstraint("review_id", "place", name=f"uq_{table}_review_id_place"),
    )
    _indexes(table)
