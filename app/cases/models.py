"""Tables of cases: what somebody was punished for, by which rule, and how far it is."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.cases.rules import CaseState, PartyKind
from app.cases.sanctions import SanctionKind, SanctionLine, in_order
from app.db import Base, Entity, in_pairs, one_of


class PenaltyCase(Entity, Base):
    """A penalty 行政处罚案件 of the simple procedure, decided where it was found.

    A finding is punished once by a rule in a version (`cause_code` of the catalogue, from
    `cause_from` on), however often the decision arrives: a constraint keeps it so. The version
    guards the officers.
    """

    __tablename__ = "penalty_case"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"))
    visit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    finding_id: Mapped[UUID] = mapped_column(sa.ForeignKey("finding.id"))
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    number: Mapped[str]
    state: Mapped[str]
    cause_code: Mapped[str]
    cause_from: Mapped[date]
    cause_name: Mapped[str]
    basis_law: Mapped[str]
    basis_article: Mapped[str]
    party_kind: Mapped[str]
    party_name: Mapped[str]
    act: Mapped[str]
    place: Mapped[str | None]
    warning: Mapped[bool]
    fine_fen: Mapped[int]
    acted_on: Mapped[date]
    decided_on: Mapped[date]
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime]
    note: Mapped[str | None]
    decided_at: Mapped[datetime]
    decided_by_kind: Mapped[str]
    decided_by_id: Mapped[UUID | None]
    filed_at: Mapped[datetime | None]
    filed_by_kind: Mapped[str | None]
    filed_by_id: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by_kind: Mapped[str | None]
    closed_by_id: Mapped[UUID | None]

    officers: Mapped[list["PenaltyCaseOfficer"]] = relationship(
        back_populates="case",
        order_by="PenaltyCaseOfficer.officer_id",
        cascade="all, delete-orphan",
        lazy="selectin",
    )

    sanctions: Mapped[list["CaseSanction"]] = relationship(
        back_populates="case", cascade="all, delete-orphan", lazy="selectin"
    )

    __table_args__ = (
        one_of("state", CaseState),
        one_of("party_kind", PartyKind),
        in_pairs("decided", required=True),
        in_pairs("filed"),
        in_pairs("closed"),
        sa.UniqueConstraint("finding_id", "cause_code", "cause_from"),
        sa.CheckConstraint("fine_fen >= 0 AND (warning OR fine_fen > 0)", name="sanctioned"),
        sa.CheckConstraint("(state = 'decided-on-site') = (filed_at IS NULL)", name="filed_when"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_when"),
        sa.Index("ix_penalty_case_unit_id_state", "unit_id", "state"),
        sa.Index("ix_penalty_case_agency_id_id", "agency_id", "id"),
    )

    @property
    def officer_ids(self) -> list[UUID]:
        """Return who decided."""
        return [one.officer_id for one in self.officers]

    @property
    def lines(self) -> list[SanctionLine]:
        """Return what is imposed, from the lightest kind to the heaviest."""
        return in_order(one.line for one in self.sanctions)


class PenaltyCaseOfficer(Base):
    """An officer who decided a case."""

    __tablename__ = "penalty_case_officer"

    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), primary_key=True)
    officer_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("officer.id"), primary_key=True, index=True
    )

    case: Mapped[PenaltyCase] = relationship(back_populates="officers")


class CaseSanction(Base):
    """One sanction of a case, money in fen; `on_staff`: on the persons in charge."""

    __tablename__ = "case_sanction"

    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    on_staff: Mapped[bool] = mapped_column(primary_key=True)
    amount_fen: Mapped[int | None]
    months: Mapped[int | None]
    note: Mapped[str | None]

    case: Mapped[PenaltyCase] = relationship(back_populates="sanctions")

    __table_args__ = (
        one_of("kind", SanctionKind),
        sa.CheckConstraint(
            "(amount_fen IS NOT NULL) = (kind IN ('fine', 'confiscated-gains'))", name="amount_when"
        ),
        sa.CheckConstraint("amount_fen > 0", name="amount_positive"),
        sa.CheckConstraint("months > 0", name="months_positive"),
    )

    @classmethod
    def of(cls, line: SanctionLine) -> "CaseSanction":
        """Return the row of a line."""
        return cls(
            kind=line.kind,
            on_staff=line.on_staff,
            amount_fen=line.amount_fen,
            months=line.months,
            note=line.note,
        )

    @property
    def line(self) -> SanctionLine:
        """Return the line that the row keeps."""
        kind = SanctionKind(self.kind)
        return SanctionLine(kind, self.amount_fen, self.months, self.note, self.on_staff)
