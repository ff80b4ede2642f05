"""Tables of cases: what somebody is punished for, by which rule, how far it is, and by when."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.cases.rules import (
    CaseSource,
    CaseState,
    CaseVerb,
    Direction,
    IdKind,
    PartyKind,
    Procedure,
    RemedyKind,
    RemedyResult,
    TransferKind,
    TransferResult,
)
from app.cases.sanctions import SanctionKind, SanctionLine, in_order
from app.catalogue.rules import DayKind
from app.db import Base, Entity, id_column, in_pairs, one_of

_STANDS = sa.text("revoked_on IS NULL AND state <> 'withdrawn'")


class PenaltyCase(Entity, Base):
    """A case of administrative penalty 行政处罚案件, of the simple or the ordinary procedure.

    A finding is punished once by a rule in a version (`cause_code` of the catalogue, from
    `cause_from` on), however often the decision arrives: an index keeps it so. A case that was
    revoked 撤销 or withdrawn 销案 no longer stands in the way of a new one. The party can be
    without unit, code or name: then `party_note` describes who it is. `warning` and `fine_fen` are
    what was decided. The version guards officers, steps and deadlines.
    """

    __tablename__ = "penalty_case"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    procedure: Mapped[str] = mapped_column(
        default=Procedure.SIMPLE, server_default=Procedure.SIMPLE.value
    )
    source: Mapped[str] = mapped_column(
        default=CaseSource.FINDING, server_default=CaseSource.FINDING.value
    )
    source_reference: Mapped[str | None]
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"))
    visit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("visit.id"), index=True)
    finding_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("finding.id"))
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    number: Mapped[str]
    decision_number: Mapped[str | None]
    state: Mapped[str]
    cause_code: Mapped[str]
    cause_from: Mapped[date]
    cause_name: Mapped[str]
    basis_law: Mapped[str]
    basis_article: Mapped[str]
    party_kind: Mapped[str]
    party_name: Mapped[str | None]
    party_id_kind: Mapped[str | None]
    party_id_number: Mapped[str | None]
    party_id_hash: Mapped[str | None]  # by what the number is found, however it was typed
    party_representative: Mapped[str | None]
    party_address: Mapped[str | None]
    party_phone: Mapped[str | None]
    party_born_on: Mapped[date | None]
    party_note: Mapped[str | None]
    act: Mapped[str]
    place: Mapped[str | None]
    warning: Mapped[bool]
    fine_fen: Mapped[int]
    acted_on: Mapped[date]
    act_ended_on: Mapped[date | None]
    opened_on: Mapped[date | None]
    filed_on: Mapped[date | None]
    notified_on: Mapped[date | None]
    decided_on: Mapped[date | None]
    served_on: Mapped[date | None]
    revoked_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"))
    recorded_at: Mapped[datetime | None]
    note: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by_kind: Mapped[str | None]
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
        one_of("procedure", Procedure),
        one_of("source", CaseSource),
        one_of("state", CaseState),
        one_of("party_kind", PartyKind),
        one_of("party_id_kind", IdKind),
        in_pairs("decided"),
        in_pairs("filed"),
        in_pairs("closed"),
        sa.CheckConstraint(
            "fine_fen >= 0 AND (procedure = 'ordinary' OR warning OR fine_fen > 0)",
            name="sanctioned",
        ),
        sa.CheckConstraint(
            "procedure = 'ordinary' OR (unit_id IS NOT NULL AND visit_id IS NOT NULL"
            " AND finding_id IS NOT NULL AND officer_id IS NOT NULL AND recorded_at IS NOT NULL"
            " AND decided_on IS NOT NULL AND decided_at IS NOT NULL AND party_name IS NOT NULL)",
            name="simple_whole",
        ),
        sa.CheckConstraint(
            "procedure = 'simple' OR (opened_on IS NOT NULL AND state <> 'decided-on-site')",
            name="ordinary_opened",
        ),
        sa.CheckConstraint("source <> 'finding' OR finding_id IS NOT NULL", name="source_there"),
        sa.CheckConstraint(
            "party_name IS NOT NULL OR party_note IS NOT NULL", name="party_described"
        ),
        sa.CheckConstraint(
            "procedure = 'ordinary' OR (state = 'decided-on-site') = (filed_at IS NULL)",
            name="filed_when",
        ),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_when"),
        sa.CheckConstraint(
            "state NOT IN ('decided', 'served') OR decided_on IS NOT NULL", name="decided_when"
        ),
        sa.Index(
            "uq_penalty_case_standing",
            "finding_id",
            "cause_code",
            "cause_from",
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
        sa.Index("ix_penalty_case_unit_id_state", "unit_id", "state"),
        sa.Index("ix_penalty_case_agency_id_id", "agency_id", "id"),
        sa.Index("ix_penalty_case_agency_id_decided_on", "agency_id", "decided_on"),
        sa.Index("ix_penalty_case_agency_id_filed_on", "agency_id", "filed_on"),
        sa.Index("ix_penalty_case_agency_id_closed_on", "agency_id", "closed_on"),
        sa.Index("ix_penalty_case_agency_id_party_id_number", "agency_id", "party_id_number"),
        sa.Index("ix_penalty_case_agency_id_party_id_hash", "agency_id", "party_id_hash"),
    )

    @property
    def officer_ids(self) -> list[UUID]:
        """Return who decided, or who handles it."""
        return [one.officer_id for one in self.officers]

    @property
    def lines(self) -> list[SanctionLine]:
        """Return what is imposed, from the lightest kind to the heaviest."""
        return in_order(one.line for one in self.sanctions)


class PenaltyCaseOfficer(Base):
    """An officer who decided a case on the spot, or who handles it 承办人."""

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


class CaseStep(Base):
    """One step of an ordinary case, in the order in which it was recorded; never changed.

    `data` holds what this kind of step says, shaped by its verb. `on_day` is the day on which it
    happened, which may be before the one on which it was written down.
    """

    __tablename__ = "case_step"

    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    verb: Mapped[str]
    on_day: Mapped[date]
    state: Mapped[str]
    document_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("document.id"))
    officer_ids: Mapped[list[str]]
    data: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]
    recorded_by_kind: Mapped[str]
    recorded_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("verb", CaseVerb),
        one_of("state", CaseState),
        in_pairs("recorded", required=True),
        sa.Index("ix_case_step_verb_on_day", "verb", "on_day"),
    )


class CaseDeadline(Base):
    """By when the law wants a step of a case, by which rule, and what became of it.

    It is begun by the step `seq`, on `starts_on`. Without `due_on` it cannot be computed yet, or
    its clock stands (`open_reason`). `moved_days` are days by which it was extended or stood
    still. A term that became meaningless, say of a case that was withdrawn, is `ended_on`. A period
    that is the party's (`of_party`) is never late.
    """

    __tablename__ = "case_deadline"

    id: Mapped[UUID] = id_column()
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"))
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    seq: Mapped[int]
    rule_code: Mapped[str]
    name: Mapped[str]
    article: Mapped[str]
    days: Mapped[int]
    day_kind: Mapped[str]
    moves: Mapped[bool]
    of_party: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    warn_days: Mapped[int]
    starts_on: Mapped[date]
    moved_days: Mapped[int] = mapped_column(default=0)
    due_on: Mapped[date | None]
    open_reason: Mapped[str | None]
    met_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    warned_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("day_kind", DayKind),
        sa.UniqueConstraint("case_id", "rule_code", "seq"),
        sa.CheckConstraint("(due_on IS NULL) = (open_reason IS NOT NULL)", name="due_or_reason"),
        sa.CheckConstraint("met_on IS NULL OR ended_on IS NULL", name="met_or_ended"),
        sa.Index("ix_case_deadline_agency_id_due_on", "agency_id", "due_on"),
    )


class CaseRemedy(Base):
    """An administrative review 行政复议 or a suit 行政诉讼 about a decision, and how it ended.

    From `begun_on` to `ended_on` no surcharge grows.
    """

    __tablename__ = "case_remedy"

    id: Mapped[UUID] = id_column()
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    kind: Mapped[str]
    organ: Mapped[str]
    number: Mapped[str | None]
    begun_on: Mapped[date]
    ended_on: Mapped[date | None]
    result: Mapped[str | None]
    head_attended: Mapped[bool | None]

    __table_args__ = (
        one_of("kind", RemedyKind),
        one_of("result", RemedyResult),
        sa.CheckConstraint("(ended_on IS NULL) = (result IS NULL)", name="ended_with_result"),
        sa.CheckConstraint("begun_on <= ended_on", name="days_in_order"),
        sa.Index("ix_case_remedy_agency_id_begun_on", "agency_id", "begun_on"),
    )


class CaseTransfer(Entity, Base):
    """A matter handed to another organ, or taken from one: 移送, 协查 or 磋商.

    `criminal`: between administration and criminal justice 行刑衔接. A case can be behind it.
    """

    __tablename__ = "case_transfer"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    direction: Mapped[str]
    kind: Mapped[str]
    criminal: Mapped[bool]
    organ: Mapped[str]
    number: Mapped[str | None]
    subject: Mapped[str]
    on_day: Mapped[date]
    case_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("penalty_case.id"), index=True)
    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("unit.id"), index=True)
    result: Mapped[str | None]
    result_on: Mapped[date | None]
    result_note: Mapped[str | None]

    __table_args__ = (
        one_of("direction", Direction),
        one_of("kind", TransferKind),
        one_of("result", TransferResult),
        sa.CheckConstraint("(result IS NULL) = (result_on IS NULL)", name="result_when"),
        sa.CheckConstraint("on_day <= result_on", name="days_in_order"),
        sa.Index("ix_case_transfer_agency_id_on_day", "agency_id", "on_day"),
    )
