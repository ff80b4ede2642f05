"""Take the next number of a register: complaints, patrols, bans, seizures."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db
from app.numbering.models import RegisterNumber


def take_number(agency_id: UUID, register: str, on: date) -> str:
    """Return the next number of a register in the year of a day, `TS-2026-000001`.

    Its row stays locked until the transaction ends, so nobody else gets the number; a transaction
    undone gives it back.
    """
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = (
        insert(RegisterNumber)
        .values(agency_id=agency_id, register=register, year=on.year, last=1)
        .on_conflict_do_update(
            index_elements=["agency_id", "register", "year"],
            set_={"last": RegisterNumber.last + 1},
        )
        .returning(RegisterNumber.last)
    )
    last = db.session.execute(statement).scalar_one()
    return f"{register}-{on.year}-{last:06d}"


def last_numbers() -> dict[str, int]:
    """Return the last number of every agency's register and year, by the name of the series."""
    rows = db.session.execute(sa.select(RegisterNumber))
    return {
        f"{one.register}:{one.agency_id}:{one.year}": one.last for one in (row[0] for row in rows)
    }
