"""Take the next number of a register: complaints, patrols, bans, seizures, cases."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db
from app.numbering.models import RegisterNumber
from app.numbering.rules import Register, head_series


def take_number(agency_id: UUID, register: Register, on: date) -> str:
    """Return the next number of a register in the year of a day, `TS-2026-000001`.

    As `take_serial`.
    """
    return f"{register}-{on.year}-{take_serial(agency_id, register, on.year):06d}"


def take_serial(agency_id: UUID, register: Register, year: int, *, above: int = 0) -> int:
    """Return the next serial of a register in a year; it is above `above`.

    Its row stays locked until the transaction ends, so nobody else gets the number; a transaction
    undone gives it back.
    """
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = (
        insert(RegisterNumber)
        .values(agency_id=agency_id, register=register, year=year, last=above + 1)
        .on_conflict_do_update(
            index_elements=["agency_id", "register", "year"],
            set_={
                "last": sa.case((RegisterNumber.last < above, above), else_=RegisterNumber.last) + 1
            },
        )
        .returning(RegisterNumber.last)
    )
    return db.session.execute(statement).scalar_one()


def last_numbers() -> dict[str, int]:
    """Return the last number of every agency's register and year, by the name of the series.

    Named as the head that the storage keeps wants it: `register.<register>:<agency>:<year>`.
    """
    rows = db.session.execute(
        sa.select(
            RegisterNumber.agency_id,
            RegisterNumber.register,
            RegisterNumber.year,
            RegisterNumber.last,
        )
    )
    return {head_series(agency_id, name, year): last for agency_id, name, year, last in rows}


def raise_number(agency_id: UUID, register: str, year: int, last: int) -> None:
    """Let a register's numbers of a year go on above `last`; one that is higher already stays."""
    key = (agency_id, register, year)
    found = db.session.get(RegisterNumber, key, with_for_update=True)
    if found is None:
        db.session.add(RegisterNumber(agency_id=agency_id, register=register, year=year, last=last))
    else:
        found.last = max(found.last, last)
