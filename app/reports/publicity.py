"""What stands behind the numbers of publication 公示 and of reports to the credit platform.

One line for each channel that has to show something: what was due, what came, what came in time.
"""

from datetime import date
from uuid import UUID

import sqlalchemy as sa

from app.db import db
from app.publication import receiving
from app.publication.models import Publication, PublicationReceipt
from app.publication.rules import CREDIT_SITE, PublicationState, SubjectType
from app.reports.dated import LocalDay, line, on_days
from app.reports.selections import Rows, Scope, Which


def _of_days(scope: Scope) -> list[Which]:
    return [
        Publication.agency_id == scope.agency_id,
        on_days(Publication.event_on, scope.from_on, scope.until_on),
    ]


def on_credit_site(scope: Scope) -> Rows:
    """Decisions of the days that the credit site shows."""
    return publications(scope).where(Publication.channel == CREDIT_SITE)


def publications(scope: Scope) -> Rows:
    """What the channels have to show of the days."""
    return sa.select(
        *line(
            "publication",
            Publication.id,
            on=Publication.event_on,
            unit_id=Publication.unit_id,
            label=Publication.number,
        )
    ).where(*_of_days(scope))


def to_publish(subject: SubjectType, scope: Scope) -> Which:
    """Say that a channel has to show it; not so what was taken back before it was shown."""
    return sa.and_(
        Publication.subject_type == subject,
        sa.or_(
            Publication.published_at < scope.cut,
            Publication.ended_at.is_(None),
            Publication.ended_at >= scope.cut,
        ),
    )


def published(subject: SubjectType, scope: Scope) -> Which:
    return sa.and_(Publication.subject_type == subject, Publication.published_at < scope.cut)


def published_in_time(subject: SubjectType, scope: Scope) -> Which:
    """What was shown within its term; a term that is open is kept."""
    shown_on = LocalDay(Publication.published_at)
    in_time = sa.or_(Publication.due_on.is_(None), shown_on <= Publication.due_on)
    return sa.and_(published(subject, scope), in_time)


# --- reports to the credit platform ------------------------------------------------------------


def to_report(scope: Scope) -> Which:
    """Say that a decision has to go to the platform; one that was withdrawn need not."""
    shown = Publication.state != PublicationState.WITHDRAWN
    return sa.or_(shown, Publication.ended_at >= scope.cut)


def _receipts(scope: Scope) -> list[Which]:
    return [
        PublicationReceipt.publication_id == Publication.id,
        PublicationReceipt.reported_on <= scope.until_on,
    ]


def _first_reported(scope: Scope) -> sa.ScalarSelect[date]:
    query = sa.select(sa.func.min(PublicationReceipt.reported_on)).where(*_receipts(scope))
    return query.scalar_subquery()


def reported(scope: Scope) -> Which:
    return sa.and_(to_report(scope), sa.exists().where(*_receipts(scope)))


def compliant(scope: Scope) -> Which:
    taken = sa.exists().where(*_receipts(scope), PublicationReceipt.accepted)
    return sa.and_(to_report(scope), taken)


def timely(scope: Scope) -> Which:
    """Those first reported within their term of working days; an open term is kept."""
    return sa.and_(reported(scope), Publication.id.not_in(scope.late))


def late(scope: Scope) -> list[UUID]:
    """Return the publications of the days that were first reported after their term.

    The calendar tells the last day in time, so the days are read first on which one was late.
    """
    first = _first_reported(scope)
    which = [*_of_days(scope), Publication.channel == CREDIT_SITE, to_report(scope)]
    days = sa.select(Publication.event_on, sa.func.max(first)).where(*which)
    grouped = days.group_by(Publication.event_on)
    last = {day: at for day, at in db.session.execute(grouped) if at is not None}
    ends = receiving.last_days(last)
    missed = {day: until for day, until in ends.items() if until is not None and last[day] > until}
    if not missed:
        return []
    found = sa.select(Publication.id, Publication.event_on, first).where(
        *which, Publication.event_on.in_(sorted(missed))
    )
    return [
        key for key, day, at in db.session.execute(found) if at is not None and at > missed[day]
    ]
