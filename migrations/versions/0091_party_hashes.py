"""Every case that knows its party's number gets what it is found by."""

import unicodedata
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

_CASE = sa.table(
    "penalty_case",
    sa.column("id", sa.Uuid()),
    sa.column("agency_id", sa.Uuid()),
    sa.column("party_id_number", sa.Text()),
    sa.column("party_id_hash", sa.Text()),
)


def upgrade() -> None:
    bind = op.get_bind()
    columns = (_CASE.c.id, _CASE.c.agency_id, _CASE.c.party_id_number)
    numbered = bind.execute(sa.select(*columns).where(_CASE.c.party_id_number.is_not(None))).all()
    for case_id, agency_id, number in numbered:
        digest = sha256(f"{agency_id}|{_normalised(number)}".encode()).hexdigest()
        bind.execute(_CASE.update().where(_CASE.c.id == case_id).values(party_id_hash=digest))


def downgrade() -> None:
    op.get_bind().execute(_CASE.update().values(party_id_hash=None))


def _normalised(number: str) -> str:
    """The number as it was compared when this was written."""
    wide = unicodedata.normalize("NFKC", number).upper()
    return "".join(c for c in wide if not c.isspace() and c != "-")
