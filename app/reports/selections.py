"""What stands behind the numbers of a period: one selection each, both counted and listed.

What happened counts on its day; a state counts as it was at the end of the cut-off day, from what
is dated, not from how things stand today.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.cases.models import CaseRemedy, CaseSanction, CaseStep, CaseTransfer, PenaltyCase
from app.cases.rules import CaseVerb, Direction, Procedure, RemedyKind
from app.cases.sanctions import SanctionKind
from app.complaints.models import Complaint
from app.complaints.rules import ComplaintResult
from app.credit.models import CreditRepair
from app.days import day_begins
from app.documents.models import Document
from app.documents.rules import DocumentKind
from app.evidence.models import Evidence
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.measures.models import Ban, Campaign, CampaignEvent, SeizedGoods, Seizure
from app.measures.rules import CampaignEventKind, GoodsKind
from app.reports.dated import after, earlier_of, line, on_days, visited_at, within
from app.reports.quantities import Unit
from app.tasks.models import Task
from app.visits.models import CorrectiveOrder, Finding, Sample, Visit, VisitAttendance
from app.visits.rules import VisitState
from app.visits.terms import OrderState, SampleResult

Rows = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers, of which days, and what the catalogue says on the last of them.

    `violations` are outcomes published as 不合格, `talks` origins that are no inspection,
    `counting` the body of the `case_counting` row by which a decision of several kinds counts.
    """

    agency_id: UUID
    from_on: date
    until_on: date
    violations: frozenset[str]
    talks: frozenset[str]
    counting: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cut(self) -> datetime:
        """Return the instant from which on nothing counts."""
        return after(self.until_on)


# --- inspections -------------------------------------------------------------------------------


def _of_inspections(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Visits that took place in the days, but for talks that are no inspection."""
    return [
        Visit.agency_id == scope.agency_id,
        Visit.started_at >= day_begins(scope.from_on),  # nothing counts before it arrived
        Visit.state != VisitState.UNDER_WAY,
        within(visited_at(), scope.from_on, scope.until_on),
        sa.or_(Visit.task_id.is_(None), Visit.task_id.not_in(_talks(scope))),
    ]


def _talks(scope: Scope) -> sa.Select[Any]:
    """The tasks that are no inspection: few, so that no visit has to look for its own task."""
    return sa.select(Task.id).where(
        Task.agency_id == scope.agency_id, Task.origin.in_(sorted(scope.talks))
    )


def visits(scope: Scope) -> Rows:
    return (
        sa.select(
            *line("visit", Visit.id, at=visited_at(), unit_id=Visit.unit_id, label=Visit.outcome)
        )
        .select_from(Visit)
        .where(*_of_inspections(scope))
    )


def violations(scope: Scope) -> Rows:
    return visits(scope).where(Visit.outcome.in_(sorted(scope.violations)))


def units(scope: Scope) -> Rows:
    return (
        sa.select(*line("unit", Visit.unit_id, at=sa.func.max(visited_at()), unit_id=Visit.unit_id))
        .select_from(Visit)
        .where(*_of_inspections(scope))
        .group_by(Visit.unit_id)
    )


def attendances(scope: Scope) -> Rows:
    return (
        sa.select(
            *line(
                "visit",
                Visit.id,
                at=visited_at(),
                unit_id=Visit.unit_id,
                part=sa.cast(VisitAttendance.officer_id, sa.Text),
            )
        )
        .select_from(Visit)
        .join(VisitAttendance, VisitAttendance.visit_id == Visit.id)
        .where(*_of_inspections(scope))
    )


def findings(scope: Scope) -> Rows:
    return (
        sa.select(
            *line("finding", Finding.id, at=Finding.recorded_at, unit_id=Visit.unit_id)
        )
        .select_from(Visit)
        .join(Finding, Finding.visit_id == Visit.id)
        .where(*_of_inspections(scope))
    )  # fmt: skip


def samples(result: SampleResult | None, scope: Scope) -> Rows:
    query = (
        sa.select(*line("sample", Sample.id, at=Sample.taken_at, unit_id=Visit.unit_id))
        .join_from(Sample, Visit, Visit.id == Sample.visit_id)
        .where(
            Sample.agency_id == scope.agency_id,
            within(Sample.taken_at, scope.from_on, scope.until_on),
        )
    )
    if result is None:
        return query
    return query.where(Sample.result == result, Sample.resulted_at < scope.cut)


# --- papers ------------------------------------------------------------------------------------


def documents(kind: DocumentKind, scope: Scope) -> Rows:
    issued = earlier_of(Document.issued_recorded_at, Document.issued_at)
    return sa.select(
        *line("document", Document.id, at=issued, unit_id=Document.unit_id, label=Document.number)
    ).where(
        Document.agency_id == scope.agency_id,
        Document.kind == kind,
        within(issued, scope.from_on, scope.until_on),
    )


def orders(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "corrective_order",
            CorrectiveOrder.id,
            on=CorrectiveOrder.issued_on,
            unit_id=CorrectiveOrder.unit_id,
            label=CorrectiveOrder.number,
        )
    ).where(
        CorrectiveOrder.agency_id == scope.agency_id,
        on_days(CorrectiveOrder.issued_on, scope.from_on, scope.until_on),
    )


def orders_concluded(state: OrderState | None, scope: Scope) -> Rows:
    query = orders(scope).where(CorrectiveOrder.concluded_at < scope.cut)
    return query if state is None else query.where(CorrectiveOrder.state == state)


# --- tasks -------------------------------------------------------------------------------------


def tasks(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "task", Task.id, at=Task.created_at, unit_id=Task.unit_id, label=Task.task_no
        )
    ).where(
        Task.agency_id == scope.agency_id,
        within(Task.created_at, scope.from_on, scope.until_on),
        Task.origin.not_in(sorted(scope.talks)),
    )  # fmt: skip


_COMPLETED = (Event.TASK_COMPLETED, Event.TASK_RESULTS_RECORDED)
_ENDED_OTHERWISE = {"completed": (Event.TASK_CLOSED,), "closed": _COMPLETED}


def _ended_by(cut: datetime, how: str) -> sa.ColumnElement[bool]:
    """Say that a task was completed, or closed, at an instant.

    Its columns tell of the last time only, so of one that was reopened the journal is asked: its
    last end before the instant, with no reopening and no other end between.
    """
    ended_at = Task.completed_at if how == "completed" else Task.closed_at
    events = _COMPLETED if how == "completed" else (Event.TASK_CLOSED,)
    ended, later = aliased(JournalEntry), aliased(JournalEntry)
    undone = sa.exists().where(
        later.subject_id == Task.id,
        later.seq > ended.seq,
        later.at < cut,
        later.event.in_([Event.TASK_REOPENED, *_ENDED_OTHERWISE[how]]),
    )
    told = sa.exists().where(
        ended.subject_id == Task.id, ended.event.in_(events), ended.at < cut, ~undone
    )
    return sa.or_(sa.and_(Task.round == 1, ended_at < cut), sa.and_(Task.round > 1, told))


def tasks_ended(how: str, scope: Scope) -> Rows:
    return tasks(scope).where(_ended_by(scope.cut, how))


def tasks_over(scope: Scope) -> Rows:
    ended = (_ended_by(scope.cut, "completed"), _ended_by(scope.cut, "closed"))
    return tasks(scope).where(sa.or_(*ended))


def completed_in(scope: Scope) -> Rows:
    """Tasks completed in the days, whenever made: what 查实率 is of."""
    return sa.select(
        *line("task", Task.id, at=Task.completed_at, unit_id=Task.unit_id, label=Task.outcome)
    ).where(
        Task.agency_id == scope.agency_id,
        within(Task.completed_at, scope.from_on, scope.until_on),
        _ended_by(scope.cut, "completed"),
        Task.origin.not_in(sorted(scope.talks)),
    )


def verified_in(scope: Scope) -> Rows:
    return completed_in(scope).where(Task.outcome.in_(sorted(scope.violations)))


# --- cases -------------------------------------------------------------------------------------


def penalised(scope: Scope) -> Rows:
    """Decisions of the days that impose something on the party and stood at the cut-off."""
    imposed = sa.exists().where(
        CaseSanction.case_id == PenaltyCase.id, CaseSanction.on_staff.is_(False)
    )
    return sa.select(
        *line(
            "penalty_case",
            PenaltyCase.id,
            on=PenaltyCase.decided_on,
            unit_id=PenaltyCase.unit_id,
            label=PenaltyCase.number,
        )
    ).where(
        PenaltyCase.agency_id == scope.agency_id,
        on_days(PenaltyCase.decided_on, scope.from_on, scope.until_on),
        sa.or_(PenaltyCase.revoked_on.is_(None), PenaltyCase.revoked_on > scope.until_on),
        imposed,
    )


def simple(scope: Scope) -> Rows:
    return penalised(scope).where(PenaltyCase.procedure == Procedure.SIMPLE)


def counted_as(kind: SanctionKind, scope: Scope) -> Rows:
    """Cases that count under one kind: one decision is one case, under its heaviest kind."""
    ranking = list(scope.counting["ranking"])
    as_other = {one["kind"]: one["as"] for one in scope.counting["counts_as"]}
    ranks = {one: ranking.index(as_other.get(one, one)) for one in map(str, SanctionKind)}
    heaviest = (
        sa.select(sa.func.max(sa.case(ranks, value=CaseSanction.kind, else_=-1)))
        .where(CaseSanction.case_id == PenaltyCase.id, CaseSanction.on_staff.is_(False))
        .scalar_subquery()
    )
    return penalised(scope).where(heaviest == ranking.index(kind))


def money(kind: SanctionKind, scope: Scope) -> Rows:
    return (
        sa.select(
            *line(
                "penalty_case",
                PenaltyCase.id,
                on=PenaltyCase.decided_on,
                unit_id=PenaltyCase.unit_id,
                label=PenaltyCase.number,
                amount=CaseSanction.amount_fen,
                part=sa.case((CaseSanction.on_staff, "staff"), else_="party"),
            )
        )
        .join_from(PenaltyCase, CaseSanction, CaseSanction.case_id == PenaltyCase.id)
        .where(
            PenaltyCase.agency_id == scope.agency_id,
            on_days(PenaltyCase.decided_on, scope.from_on, scope.until_on),
            sa.or_(PenaltyCase.revoked_on.is_(None), PenaltyCase.revoked_on > scope.until_on),
            CaseSanction.kind == kind,
        )
    )


def filed(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "penalty_case",
            PenaltyCase.id,
            on=PenaltyCase.filed_on,
            unit_id=PenaltyCase.unit_id,
            label=PenaltyCase.number,
        )
    ).where(
        PenaltyCase.agency_id == scope.agency_id,
        on_days(PenaltyCase.filed_on, scope.from_on, scope.until_on),
    )


def reviews(scope: Scope) -> Rows:
    """Cases with a legal review 法制审核 in the days: one case, one, however often reviewed."""
    return (
        sa.select(
            *line(
                "penalty_case",
                PenaltyCase.id,
                on=sa.func.max(CaseStep.on_day),
                unit_id=PenaltyCase.unit_id,
                label=PenaltyCase.number,
            )
        )
        .join_from(CaseStep, PenaltyCase, PenaltyCase.id == CaseStep.case_id)
        .where(
            PenaltyCase.agency_id == scope.agency_id,
            CaseStep.verb == CaseVerb.REVIEW,
            on_days(CaseStep.on_day, scope.from_on, scope.until_on),
        )
        .group_by(PenaltyCase.id, PenaltyCase.unit_id, PenaltyCase.number)
    )


def remedies(kind: RemedyKind, result: str | None, scope: Scope) -> Rows:
    """Remedies begun in the days; `pending`: without a result at the cut-off."""
    query = (
        sa.select(
            *line(
                "case_remedy",
                CaseRemedy.id,
                on=CaseRemedy.begun_on,
                unit_id=PenaltyCase.unit_id,
                label=CaseRemedy.result,
            )
        )
        .join_from(CaseRemedy, PenaltyCase, PenaltyCase.id == CaseRemedy.case_id)
        .where(
            CaseRemedy.agency_id == scope.agency_id,
            CaseRemedy.kind == kind,
            on_days(CaseRemedy.begun_on, scope.from_on, scope.until_on),
        )
    )
    over = sa.and_(CaseRemedy.ended_on.is_not(None), CaseRemedy.ended_on <= scope.until_on)
    if result is None:
        return query
    return query.where(~over) if result == "pending" else query.where(
        over, CaseRemedy.result == result
    )  # fmt: skip


def transfers(direction: Direction | None, criminal: bool | None, scope: Scope) -> Rows:
    query = sa.select(
        *line(
            "case_transfer",
            CaseTransfer.id,
            on=CaseTransfer.on_day,
            unit_id=CaseTransfer.unit_id,
            label=CaseTransfer.organ,
        )
    ).where(
        CaseTransfer.agency_id == scope.agency_id,
        on_days(CaseTransfer.on_day, scope.from_on, scope.until_on),
    )
    if direction is not None:
        query = query.where(CaseTransfer.direction == direction)
    return query if criminal is None else query.where(CaseTransfer.criminal.is_(criminal))


# --- measures, complaints, credit, recordings --------------------------------------------------


def bans(scope: Scope) -> Rows:
    return sa.select(
        *line("ban", Ban.id, on=Ban.decided_on, unit_id=Ban.unit_id, label=Ban.number)
    ).where(
        Ban.agency_id == scope.agency_id,
        on_days(Ban.decided_on, scope.from_on, scope.until_on),
        sa.or_(Ban.revoked_at.is_(None), Ban.revoked_at >= scope.cut),
    )


def goods(kind: GoodsKind, unit: Unit, scope: Scope) -> Rows:
    """Goods seized in the days, in their own unit: 箱 and 件 are never added together."""
    return (
        sa.select(
            *line(
                "seizure",
                Seizure.id,
                at=Seizure.seized_at,
                unit_id=Seizure.unit_id,
                label=SeizedGoods.name,
                amount=SeizedGoods.quantity,
                part=sa.cast(SeizedGoods.place, sa.Text),
            )
        )
        .join_from(Seizure, SeizedGoods, SeizedGoods.seizure_id == Seizure.id)
        .where(
            Seizure.agency_id == scope.agency_id,
            SeizedGoods.kind == kind,
            SeizedGoods.unit == unit,
            within(Seizure.seized_at, scope.from_on, scope.until_on),
        )
    )


def events(kind: CampaignEventKind, scope: Scope) -> Rows:
    return (
        sa.select(
            *line("campaign_event", CampaignEvent.id, on=CampaignEvent.on_day, label=Campaign.name)
        )
        .join_from(CampaignEvent, Campaign, Campaign.id == CampaignEvent.campaign_id)
        .where(
            Campaign.agency_id == scope.agency_id,
            CampaignEvent.kind == kind,
            on_days(CampaignEvent.on_day, scope.from_on, scope.until_on),
        )
    )


def complaints(results: tuple[ComplaintResult, ...], scope: Scope) -> Rows:
    query = sa.select(
        *line(
            "complaint",
            Complaint.id,
            on=Complaint.received_on,
            unit_id=Complaint.unit_id,
            label=Complaint.number,
        )
    ).where(
        Complaint.agency_id == scope.agency_id,
        on_days(Complaint.received_on, scope.from_on, scope.until_on),
    )
    if not results:
        return query
    return query.where(Complaint.result.in_(results), Complaint.concluded_at < scope.cut)


def complaints_with(step: str, scope: Scope) -> Rows:
    """Complaints received in the days that were `concluded` or `replied` by the cut-off."""
    return complaints((), scope).where(getattr(Complaint, f"{step}_at") < scope.cut)


def repairs(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "credit_repair",
            CreditRepair.id,
            on=CreditRepair.applied_on,
            unit_id=CreditRepair.unit_id,
        )
    ).where(
        CreditRepair.agency_id == scope.agency_id,
        on_days(CreditRepair.applied_on, scope.from_on, scope.until_on),
    )


def videos(scope: Scope) -> Rows:
    made = sa.func.coalesce(Evidence.taken_at, Evidence.stored_at)
    return sa.select(*line("evidence", Evidence.id, at=made)).where(
        Evidence.agency_id == scope.agency_id,
        Evidence.mime.like("video/%"),
        within(made, scope.from_on, scope.until_on),
    )
