"""What stands behind the numbers of a period: what is listed, and what tells a number apart.

Numbers that are counted from the same rows share one selection (`Rows`) and are counted in
one reading; a condition says which of its rows are meant. What happened counts on its day; a state
counts as it was at the end of the cut-off day, from what is dated, not from how things stand today.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.complaints.models import Complaint
from app.complaints.rules import ComplaintResult
from app.credit.models import CreditRepair
from app.db import UtcDateTime
from app.documents.models import Document
from app.documents.rules import DocumentKind
from app.evidence.models import VIDEOS, Evidence
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.reports.dated import earlier_of, line, on_days, visited_at, visited_between, within
from app.tasks.models import Task
from app.visits.models import CorrectiveOrder, Finding, Sample, Visit, VisitAttendance
from app.visits.rules import VisitState
from app.visits.terms import OrderState, SampleResult

Rows = sa.Select[Any]
Which = sa.ColumnElement[bool]
Number = sa.ColumnElement[int]


T = TypeVar("T")
Given: TypeAlias = T | sa.BindParameter[T]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the catalogue says on the last of the days: it shapes the statements of the numbers.

    `violations` are outcomes published as 不合格, `talks` origins that are no inspection,
    `ranking` and `counts_as` of the `case_counting` row by which a decision of several kinds
    counts, `verified_by` the setting `verified-tasks`: by what a task counts as verified 查实.
    """

    violations: frozenset[str]
    talks: frozenset[str]
    ranking: tuple[str, ...]
    counts_as: tuple[tuple[str, str], ...]
    verified_by: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers, of which days, by which rules: values, or the parameters of a statement.

    `begins` is when the first day begins, `cut` the instant from which on nothing counts; `late`
    are the publications first reported to the credit platform after their term.
    """

    agency_id: Given[UUID]
    from_on: Given[date]
    until_on: Given[date]
    begins: Given[datetime]
    cut: Given[datetime]
    late: Given[Sequence[UUID]]
    rules: Rules


_PARAMETERS: dict[str, Any] = {
    name: sa.bindparam(name, type_=kind, expanding=name == "late")
    for name, kind in (
        ("agency_id", sa.Uuid()),
        ("from_on", sa.Date()),
        ("until_on", sa.Date()),
        ("begins", UtcDateTime()),
        ("cut", UtcDateTime()),
        ("late", sa.Uuid()),
    )
}


def asked_of_any(rules: Rules) -> Scope:
    """Return a scope for statements that are made once: whose, and of which days, is told later."""
    return Scope(**_PARAMETERS, rules=rules)


def given(scope: Scope) -> dict[str, Any]:
    """Return what such statements are to be told of a scope: all of it, by name."""
    return {name: getattr(scope, name) for name in _PARAMETERS}


# --- inspections -------------------------------------------------------------------------------


def _of_inspections(scope: Scope) -> list[Which]:
    """Visits that took place in the days, but for talks that are no inspection."""
    return [
        Visit.agency_id == scope.agency_id,
        visited_between(scope.begins, scope.cut),
        Visit.state != VisitState.UNDER_WAY,
        sa.or_(Visit.task_id.is_(None), Visit.task_id.not_in(_talks(scope))),
    ]


def _talks(scope: Scope) -> sa.Select[Any]:
    """The tasks that are no inspection: few, so that no visit has to look for its own task."""
    return sa.select(Task.id).where(
        Task.agency_id == scope.agency_id, Task.origin.in_(sorted(scope.rules.talks))
    )


def visits(scope: Scope) -> Rows:
    return (
        sa.select(
            *line("visit", Visit.id, at=visited_at(), unit_id=Visit.unit_id, label=Visit.outcome)
        )
        .select_from(Visit)
        .where(*_of_inspections(scope))
    )


def violating(scope: Scope) -> Which:
    return Visit.outcome.in_(sorted(scope.rules.violations))


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


def officers_there() -> Number:
    """How many officers a visit had."""
    there = sa.select(sa.func.count()).where(VisitAttendance.visit_id == Visit.id)
    return there.correlate(Visit).scalar_subquery()


def findings(scope: Scope) -> Rows:
    return (
        sa.select(
            *line("finding", Finding.id, at=Finding.recorded_at, unit_id=Visit.unit_id)
        )
        .select_from(Visit)
        .join(Finding, Finding.visit_id == Visit.id)
        .where(*_of_inspections(scope))
    )  # fmt: skip


def findings_stated() -> Number:
    """How many findings a visit has."""
    stated = sa.select(sa.func.count()).where(Finding.visit_id == Visit.id)
    return stated.correlate(Visit).scalar_subquery()


def samples(scope: Scope) -> Rows:
    unit_id = sa.select(Visit.unit_id).where(Visit.id == Sample.visit_id).scalar_subquery()
    return sa.select(*line("sample", Sample.id, at=Sample.taken_at, unit_id=unit_id)).where(
        Sample.agency_id == scope.agency_id,
        within(Sample.taken_at, scope.begins, scope.cut),
    )


def unqualified(scope: Scope) -> Which:
    return sa.and_(Sample.result == SampleResult.UNQUALIFIED, Sample.resulted_at < scope.cut)


# --- papers ------------------------------------------------------------------------------------

COUNTED_DOCUMENTS = (DocumentKind.OPINION, DocumentKind.ASSISTANT_OPINION)


def documents(scope: Scope) -> Rows:
    """The documents that are counted, of the few kinds that are: no record of a visit is read."""
    issued = earlier_of(Document.issued_recorded_at, Document.issued_at)
    return sa.select(
        *line("document", Document.id, at=issued, unit_id=Document.unit_id, label=Document.number)
    ).where(
        Document.agency_id == scope.agency_id,
        Document.kind.in_(COUNTED_DOCUMENTS),
        Document.issued_at >= scope.begins,  # nothing counts before it arrived
        within(issued, scope.begins, scope.cut),
    )


def of_kind(kind: DocumentKind, _scope: Scope) -> Which:
    return Document.kind == kind


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


def orders_concluded(scope: Scope) -> Which:
    return CorrectiveOrder.concluded_at < scope.cut


def orders_complied(scope: Scope) -> Which:
    return sa.and_(orders_concluded(scope), CorrectiveOrder.state == OrderState.COMPLIED)


# --- tasks -------------------------------------------------------------------------------------


def tasks(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "task", Task.id, at=Task.created_at, unit_id=Task.unit_id, label=Task.task_no
        )
    ).where(
        Task.agency_id == scope.agency_id,
        within(Task.created_at, scope.begins, scope.cut),
        Task.origin.not_in(sorted(scope.rules.talks)),
    )  # fmt: skip


_ENDS = {
    "completed": (Task.completed_at, (Event.TASK_COMPLETED, Event.TASK_RESULTS_RECORDED)),
    "closed": (Task.closed_at, (Event.TASK_CLOSED,)),
}
_TURNS = (*(event for _, events in _ENDS.values() for event in events), Event.TASK_REOPENED)


def ended(how: str, scope: Scope) -> Which:
    """Say that a task was completed, or closed, at the cut-off.

    Its columns tell of the last time only, so of one that was reopened the journal is asked what
    came last before the cut-off.
    """
    at, events = _ENDS[how]
    last = (
        sa.select(JournalEntry.event)
        .where(
            JournalEntry.subject_id == Task.id,
            JournalEntry.event.in_(_TURNS),
            JournalEntry.at < scope.cut,
        )
        .order_by(JournalEntry.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.or_(
        sa.and_(Task.round == 1, at < scope.cut), sa.and_(Task.round > 1, last.in_(events))
    )


def over(scope: Scope) -> Which:
    return sa.or_(ended("completed", scope), ended("closed", scope))


def completed_tasks(scope: Scope) -> Rows:
    """Tasks completed in the days, whenever made: what 查实率 is of."""
    return sa.select(
        *line("task", Task.id, at=Task.completed_at, unit_id=Task.unit_id, label=Task.outcome)
    ).where(
        Task.agency_id == scope.agency_id,
        within(Task.completed_at, scope.begins, scope.cut),
        ended("completed", scope),
        Task.origin.not_in(sorted(scope.rules.talks)),
    )


def verified(scope: Scope) -> Which:
    """Say that a task verified a violation: by its outcome, or by a case filed after it."""
    if scope.rules.verified_by == "outcome":
        return Task.outcome.in_(sorted(scope.rules.violations))
    return (
        sa.exists()
        .where(PenaltyCase.visit_id == Visit.id, PenaltyCase.filed_on <= scope.until_on)
        .where(Visit.task_id == Task.id)
        .correlate(Task)
    )


# --- complaints, credit, recordings ------------------------------------------------------------


def complaints(scope: Scope) -> Rows:
    return sa.select(
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


def complaints_concluded(scope: Scope) -> Which:
    return Complaint.concluded_at < scope.cut


def complaints_true(scope: Scope) -> Which:
    true = (ComplaintResult.SUBSTANTIATED, ComplaintResult.PARTLY)
    return sa.and_(complaints_concluded(scope), Complaint.result.in_(true))


def complaints_answered(scope: Scope) -> Which:
    return Complaint.replied_at < scope.cut


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
        Evidence.mime.like(sa.literal_column(VIDEOS)),
        within(made, scope.begins, scope.cut),
    )
