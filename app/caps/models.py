"""The table of caps: the exceptions that somebody asked for. Entries are read from visits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.caps.rules import ExceptionState
from app.db import Base, Entity, in_pairs, one_of


class CapException(Entity, Base):
    """An entry beyond a cap 超频次检查: proposed with its reason, approved by a second person.

    It holds for one unit, one cap, and the days it names.
    """

    __tablename__ = "cap_exception"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    cap_code: Mapped[str]
    from_on: Mapped[date]
    until_on: Mapped[date]
    reason: Mapped[str]
    state: Mapped[str]
    proposed_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    proposed_at: Mapped[datetime]
    proposed_by_kind: Mapped[str]
    proposed_by_id: Mapped[UUID | None]
    decided_reason: Mapped[str | None]
    decided_officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", ExceptionState),
        in_pairs("proposed", required=True),
        in_pairs("decided"),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
        sa.CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_when"),
        sa.CheckConstraint(
            "decided_at IS NULL OR (decided_officer_id IS NOT NULL"
            " AND decided_by_id <> proposed_by_id"
            " AND (proposed_officer_id IS NULL OR decided_officer_id <> proposed_officer_id))",
            name="second_person",
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (decided_reason IS NOT NULL)", name="refused_with_reason"
        ),
        sa.Index("ix_cap_exception_unit_id_cap_code", "unit_id", "cap_code"),
        sa.Index("ix_cap_exception_agency_id_id", "agency_id", "id"),
    )


class UnitLedger(Entity, Base):
    """The entries into a unit as tablets are told of them: counted up to an instant, not later.

    Written anew by the timetable where something took place; what counts stays in the visits.
    """

    __tablename__ = "unit_ledger"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), unique=True)
    counted_until: Mapped[datetime]
    from_on: Mapped[date]
    entries: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    exceptions: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
