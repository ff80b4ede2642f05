"""Reads of publication that deserve a name."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.cases.models import PenaltyCase
from app.credit import queries as credit_queries
from app.credit.models import CreditEntry
from app.credit.rules import EntryKind
from app.db import db
from app.publication.models import CreditReport, Publication, PublicationReceipt, ReportCard
from app.publication.rules import CREDIT_SITE, PublicationState, SubjectType
from app.tasks.models import Task
from app.units.models import Unit
from app.visits.models import Visit


def find_publication(channel: str, subject_type: str, subject_id: UUID) -> Publication | None:
    """Return the publication of a subject on a channel."""
    query = sa.select(Publication).where(
        Publication.channel == channel,
        Publication.subject_type == subject_type,
        Publication.subject_id == subject_id,
    )
    return db.session.scalars(query).one_or_none()


def of_subject(subject_id: UUID) -> Sequence[Publication]:
    """Return the publications of a subject on every channel."""
    query = sa.select(Publication).where(Publication.subject_id == subject_id)
    return db.session.scalars(query.order_by(Publication.id)).all()


def publications_in(agency_id: UUID | None, **filters: Any) -> sa.Select[Publication]:
    """Return the query for the publications of an agency; a filter that is None does not count.

    Filters: `channel`, `state`, `subject_type`, `unit_id`, `from_on`, `until_on` (of the event).
    """
    query = sa.select(Publication).where(Publication.agency_id == agency_id)
    for name in ("channel", "state", "subject_type", "unit_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(Publication, name) == filters[name])
    if filters.get("from_on") is not None:
        query = query.where(Publication.event_on >= filters["from_on"])
    if filters.get("until_on") is not None:
        query = query.where(Publication.event_on <= filters["until_on"])
    return query


def cases_of(case_ids: Collection[UUID]) -> dict[UUID, PenaltyCase]:
    """Return cases by their ids."""
    found = db.session.scalars(sa.select(PenaltyCase).where(PenaltyCase.id.in_(case_ids)))
    return {one.id: one for one in found}


def units_of(unit_ids: Collection[UUID]) -> dict[UUID, Unit]:
    """Return units by their ids."""
    return {one.id: one for one in db.session.scalars(sa.select(Unit).where(Unit.id.in_(unit_ids)))}


def to_follow(on: date) -> list[UUID]:
    """Return the publications that may take a step on a day, in order of their ids.

    Those that are due, whose term is open or over, those of decisions that were repaired or
    reversed, and results of tasks that were opened again: what was taken out of the record is few,
    so that nothing else has to be looked at.
    """
    cause, about = aliased(CreditEntry), aliased(CreditEntry)
    gone = db.session.execute(
        sa.select(cause.reference, about.kind)
        .join(about, about.about_id == cause.id)
        .where(cause.kind == EntryKind.PENALTY)
    ).all()
    reversed_ = [_case_id(one) for one, kind in gone if kind == EntryKind.REVERSAL]
    repaired = [_case_id(one) for one, kind in gone if kind == EntryKind.REPAIR]
    shown = [PublicationState.DUE, PublicationState.PUBLIC]
    query = sa.select(Publication.id).where(
        sa.or_(
            Publication.state == PublicationState.DUE,
            sa.and_(
                Publication.state.in_(shown),
                sa.or_(
                    Publication.due_on.is_(None),
                    Publication.max_end < on,
                    Publication.subject_id.in_([one for one in repaired if one]),
                ),
            ),
            sa.and_(
                Publication.state != PublicationState.WITHDRAWN,
                Publication.subject_id.in_([one for one in reversed_ if one]),
            ),
            sa.and_(
                Publication.state != PublicationState.WITHDRAWN,
                Publication.subject_type == SubjectType.RESULT,
                Publication.subject_id.in_(_redone().with_only_columns(Visit.id)),
            ),
        )
    )
    return list(db.session.scalars(query.order_by(Publication.id)))


def redone_at(visit_id: UUID) -> datetime | None:
    """Return when the task of a visit was opened again for another; None where this one stands."""
    return db.session.scalar(_redone().where(Visit.id == visit_id))


def _redone() -> sa.Select[datetime | None]:
    """Return the query for the visits of an earlier round, with when their tasks were reopened."""
    return (
        sa.select(Task.reopened_at)
        .join(Visit, Visit.task_id == Task.id)
        .where(Task.reopened_at.is_not(None), Visit.id != Task.visit_id)
    )


def decision_numbers(references: Collection[str]) -> dict[str, str]:
    """Return under which number each decision was made that a reference of the record names.

    A decision that review or suit changed has its own reference, below that of its case.
    """
    cases = {one: _case_id("/".join(one.split("/")[:2])) for one in references}
    found = cases_of([one for one in cases.values() if one is not None])
    return {
        reference: case.decision_number or case.number
        for reference, case_id in cases.items()
        if case_id is not None and (case := found.get(case_id)) is not None
    }


def _case_id(reference: str) -> UUID | None:
    """Return the case that a reference of the credit record names, if it names one."""
    kind, _, found = reference.partition("/")
    try:
        return UUID(found) if kind == "case" else None
    except ValueError:
        return None


def excepted_cases() -> list[UUID]:
    """Return the cases that are shown by exception and not yet on the credit site; they are few."""
    cases = {_case_id(one) for one in credit_queries.excepted_references()}
    known = sa.select(Publication.subject_id).where(
        Publication.channel == CREDIT_SITE,
        Publication.subject_type == SubjectType.DECISION,
        Publication.subject_id.in_([one for one in cases if one]),
    )
    return sorted(one for one in cases - set(db.session.scalars(known)) if one)


SHOWN = (PublicationState.PUBLIC, PublicationState.WITHDRAWN)


def shown_publicly(channel: str, subject_type: SubjectType) -> sa.Select[Publication]:
    """Return the query for what anybody sees on a channel; withdrawn ones say so."""
    return sa.select(Publication).where(
        Publication.channel == channel,
        Publication.subject_type == subject_type,
        Publication.state.in_(SHOWN),
        Publication.published_at.is_not(None),
    )


def find_receipt(agency_id: UUID, number: str, reported_on: date) -> PublicationReceipt | None:
    """Return what the platform answered about a record that was reported on a day."""
    query = sa.select(PublicationReceipt).where(
        PublicationReceipt.agency_id == agency_id,
        PublicationReceipt.number == number,
        PublicationReceipt.reported_on == reported_on,
    )
    return db.session.scalars(query).one_or_none()


def by_number(agency_id: UUID, channel: str, number: str) -> Publication | None:
    """Return the decision of a number on a channel; None where several have it."""
    query = sa.select(Publication).where(
        Publication.agency_id == agency_id,
        Publication.channel == channel,
        Publication.number == number,
    )
    found = db.session.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None


def receipts_in(agency_id: UUID | None) -> sa.Select[PublicationReceipt]:
    """Return the query for the receipts of an agency."""
    return sa.select(PublicationReceipt).where(PublicationReceipt.agency_id == agency_id)


def cards_in(agency_id: UUID | None, **filters: Any) -> sa.Select[ReportCard]:
    """Return the query for the cards of an agency, by `kind` and `state`."""
    query = sa.select(ReportCard).where(ReportCard.agency_id == agency_id)
    for name in ("kind", "state"):
        if filters.get(name) is not None:
            query = query.where(getattr(ReportCard, name) == filters[name])
    return query


def find_report(code: str) -> CreditReport | None:
    """Return the credit report of a verification code."""
    return db.session.scalars(
        sa.select(CreditReport).where(CreditReport.code == code)
    ).one_or_none()
