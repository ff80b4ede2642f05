"""Tables of discretion 裁量: what was proposed for a case and why, and a deviation's approval."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.tiers import BenchmarkState, DeviationState
from app.catalogue.causes import TierClass
from app.db import Base, Entity, in_pairs, one_of


class CaseDiscretion(Entity, Base):
    """A proposal for a case: what was found, the tier, the range, the lines, each with a reason.

    The newest of a case counts. It decides nothing: who decides otherwise says why (`deviation`,
    `wanted`), and another person approves or refuses.
    """

    __tablename__ = "case_discretion"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    cause_code: Mapped[str]
    cause_from: Mapped[date]
    level: Mapped[str]
    benchmark: Mapped[str]
    tier_code: Mapped[str | None]
    tier_from: Mapped[date | None]
    tier_class: Mapped[str | None]
    circumstances: Mapped[list[str]]
    factors: Mapped[list[str]]
    order_unmet: Mapped[bool]
    gains_fen: Mapped[int | None]
    repaid_fen: Mapped[int]
    low_fen: Mapped[int | None]
    high_fen: Mapped[int | None]
    base_fen: Mapped[int | None]
    lines: Mapped[list[Any]]
    reasons: Mapped[list[str]]
    proposed_at: Mapped[datetime]
    proposed_by_kind: Mapped[str]
    proposed_by_id: Mapped[UUID | None]
    deviation_state: Mapped[str]
    deviation: Mapped[str | None]
    wanted: Mapped[list[Any]]
    answer: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    asked_by_kind: Mapped[str | None]
    asked_by_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("benchmark", BenchmarkState),
        one_of("tier_class", TierClass),
        one_of("deviation_state", DeviationState),
        in_pairs("proposed", required=True),
        in_pairs("asked"),
        in_pairs("decided"),
        sa.CheckConstraint("(tier_code IS NULL) = (tier_from IS NULL)", name="tier_with_day"),
        sa.CheckConstraint(
            "(deviation_state = 'none') = (deviation IS NULL AND asked_at IS NULL)",
            name="deviation_why",
        ),
        sa.CheckConstraint(
            "(deviation_state IN ('approved', 'refused')) = (decided_at IS NOT NULL)",
            name="decided_when",
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> asked_by_id", name="second_person"
        ),
        sa.Index("ix_case_discretion_agency_id_cause_code", "agency_id", "cause_code"),
    )
