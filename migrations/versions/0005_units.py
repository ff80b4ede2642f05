"""The register of supervised units: draws, tasks and visits are about its rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATES = (
    "in-operation",
    "suspended",
    "licence-overdue",
    "notified",
    "announced",
    "force-cancelled",
    "closed",
    "moved",
    "revoked",
    "cancelled",
    "withdrawn",
)


def _one_of(column: str, *states: str) -> str:
    return f"{column} IN ({', '.join(repr(state) for state in states)})"


def upgrade() -> None:
    op.create_table(
        "unit",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("archive_no", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sign_name", sa.Text(), nullable=True),
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("legal_representative", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=True),
        sa.Column("grid_cell", sa.Text(), nullable=True),
        sa.Column("lat_e7", sa.BigInteger(), nullable=True),
        sa.Column("lon_e7", sa.BigInteger(), nullable=True),
        sa.Column("datum", sa.Text(), nullable=False),
        sa.Column("risk_class", sa.Text(), nullable=True),
        sa.Column("credit_class", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(_one_of("state", *_STATES), name=op.f("ck_unit_state_known")),
        sa.CheckConstraint("(lat_e7 IS NULL) = (lon_e7 IS NULL)", name=op.f("ck_unit_place_whole")),
        sa.CheckConstraint("archive_no <> '' AND name <> ''", name=op.f("ck_unit_named")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_unit_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_unit"),
        sa.UniqueConstraint("agency_id", "archive_no", name="uq_unit_agency_id_archive_no"),
    )
    op.create_index("ix_unit_agency_id_name", "unit", ["agency_id", "name"])
    op.create_index("ix_unit_agency_id_state", "unit", ["agency_id", "state"])
    op.create_index("ix_unit_district", "unit", ["district"])
    op.create_index("ix_unit_uscc", "unit", ["uscc"])
    op.create_table(
        "unit_registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("object_class", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_unit_registration_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_unit_registration"),
        sa.UniqueConstraint(
            "unit_id",
            "specialty",
            "object_class",
            name="uq_unit_registration_unit_id_specialty_object_class",
        ),
    )
    op.create_index(
        "ix_unit_registration_specialty_object_class",
        "unit_registration",
        ["specialty", "object_class"],
    )
    op.create_table(
        "licence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("commitment", sa.Boolean(), nullable=False),
        sa.CheckConstraint(_one_of("kind", "permit", "filing"), name=op.f("ck_licence_kind_known")),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_until IS NULL OR valid_from <= valid_until",
            name=op.f("ck_licence_dates_in_order"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_licence_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_licence"),
    )
    op.create_index("ix_licence_unit_id", "licence", ["unit_id"])
    op.create_table(
        "register_import",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previewed_by_kind", sa.Text(), nullable=False),
        sa.Column("previewed_by_id", sa.Uuid(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_by_kind", sa.Text(), nullable=True),
        sa.Column("applied_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.CheckConstraint(
            _one_of("register", "units", "officers"), name=op.f("ck_register_import_register_known")
        ),
        sa.CheckConstraint(
            _one_of("state", "previewed", "applied"), name=op.f("ck_register_import_state_known")
        ),
        sa.CheckConstraint(
            "previewed_at IS NOT NULL AND previewed_by_kind IS NOT NULL",
            name=op.f("ck_register_import_previewed_who_and_when"),
        ),
        sa.CheckConstraint(
            "(applied_at IS NULL) = (applied_by_kind IS NULL)",
            name=op.f("ck_register_import_applied_who_and_when"),
        ),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_at IS NOT NULL)",
            name=op.f("ck_register_import_applied_has_its_time"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name="fk_register_import_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_register_import"),
    )
    op.create_index("ix_register_import_district", "register_import", ["district"])
    op.create_table(
        "register_import_row",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["register_import.id"], name="fk_register_import_row_import_id"
        ),
        sa.PrimaryKeyConstraint("import_id", "row_no", name="pk_register_import_row"),
    )
    op.create_index(
        "ix_register_import_row_verdict", "register_import_row", ["import_id", "verdict"]
    )


def downgrade() -> None:
    for table in ("register_import_row", "register_import", "licence", "unit_registration", "unit"):
        op.drop_table(table)
