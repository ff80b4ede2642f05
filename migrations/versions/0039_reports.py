"""Reports: permits and forms that come in, numbers kept by hand, who read which dossier."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0031"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_permit_record()
    _create_annual_table()
    _create_manual_count()
    _create_dossier_reading()


def downgrade() -> None:
    for table in ("dossier_reading", "manual_count", "annual_table", "permit_record"):
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
    return sa.CheckConstraint(text, name=op.f(f"ck_{table}_{name}_who_and_when"))


def _check(table: str, name: str, text: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(text, name=op.f(f"ck_{table}_{name}"))


def _keys(table: str, *references: str) -> list[sa.Constraint]:
    keys = [
        sa.ForeignKeyConstraint([f"{one}_id"], [f"{one}.id"], name=f"fk_{table}_{one}_id")
        for one in ("agency", *references)
    ]
    return [*keys, sa.PrimaryKeyConstraint("id", name=f"pk_{table}")]


def _create_permit_record() -> None:
    table = "permit_record"
    flags = ("online", "fully_online", "commitment", "on_the_spot")
    op.create_table(
        table,
        *_entity(),
        sa.Column("record_no", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        *(sa.Column(flag, sa.Boolean(), nullable=False) for flag in flags),
        sa.Column("charge_fen", sa.BigInteger(), nullable=False),
        *_pair("imported", required=True),
        _check(table, "outcome_known", "outcome IN ('granted', 'refused', 'not-accepted')"),
        _paired(table, "imported", required=True),
        _check(table, "closed_with_outcome", "(closed_on IS NULL) = (outcome IS NULL)"),
        _check(table, "charge_not_negative", "charge_fen >= 0"),
        *_keys(table, "unit"),
        sa.UniqueConstraint("agency_id", "record_no", name="uq_permit_record_agency_id_record_no"),
    )
    for columns in (["district"], ["unit_id"], ["agency_id", "closed_on"]):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _create_annual_table() -> None:
    table = "annual_table"
    op.create_table(
        table,
        *_entity(),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("repairs", sa.JSON(), nullable=False),
        *_pair("imported", required=True),
        _paired(table, "imported", required=True),
        *_keys(table),
    )
    for columns in (["district"], ["agency_id", "year"]):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _create_manual_count() -> None:
    table = "manual_count"
    op.create_table(
        table,
        *_entity(),
        sa.Column("counter", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("number_e6", sa.BigInteger(), nullable=False),
        sa.Column("at_least", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sourced_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        *_pair("recorded", required=True),
        *_pair("voided", required=False),
        _paired(table, "recorded", required=True),
        _paired(table, "voided", required=False),
        _check(table, "number_not_negative", "number_e6 >= 0"),
        _check(table, "days_in_order", "from_on <= until_on"),
        _check(table, "voided_why", "(voided_at IS NULL) = (void_reason IS NULL)"),
        *_keys(table),
    )
    for columns in (["district"], ["agency_id", "until_on"]):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _create_dossier_reading() -> None:
    table = "dossier_reading"
    op.create_table(
        table,
        *_entity(),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        *_pair("read", required=True),
        _paired(table, "read", required=True),
        *_keys(table, "unit"),
    )
    for columns in (["district"], ["unit_id", "id"]):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
