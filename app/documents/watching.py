"""What the timetable does for service 送达: compute terms, warn before their end, flag after it."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db
from app.documents import queries, rules, serving
from app.documents.models import Document, ServiceTerm
from app.documents.rules import ServiceNeed, ServiceTurn
from app.journal import service as journal
from app.journal.rules import Event

WARN_DAYS = "document-service-warn-days"
_EVENTS = {
    ServiceTurn.COMPUTED: Event.DOCUMENT_SERVICE_COMPUTED,
    ServiceTurn.WARNED: Event.DOCUMENT_SERVICE_WARNED,
    ServiceTurn.LATE: Event.DOCUMENT_SERVICE_LATE,
}


def services_to_watch(on: date) -> Sequence[UUID]:
    """Return the signed documents that are not served by a day and were not flagged for it.

    Asked by the templates that ever wanted a service, so that a later one lets none be forgotten.
    """
    rows = catalogue_queries.rows_of(Kind.DOCUMENT_TEMPLATE)
    kinds = {row.code for row in rows if row.body.get("service") == ServiceNeed.SERVED}
    return queries.services_to_watch(kinds, on)


def watch_service(document_id: UUID, *, by: Actor, at: datetime) -> list[ServiceTurn]:
    """Look at the service of a document once; return what was noticed.

    Its last day (行政处罚法 第六十一条) is kept as it was first computed, warned of once, flagged
    once. Where a calendar is missing it stays open, and is computed when the calendar is there.
    """
    document = db.session.get_one(Document, document_id)
    today = local_date(at)
    due = serving.due_of(document)
    served = serving.served_on(document.id)
    if due is None or (served is not None and served <= today):
        return []
    term = db.session.get(ServiceTerm, document.id) or ServiceTerm(
        document_id=document.id, due_reason=due.reason
    )
    days = int(catalogue.setting(WARN_DAYS, local_date(document.issued_recorded_at)))
    found = rules.service_turns(
        term.due_on,
        due.due_on,
        warned=term.warned_at is not None,
        flagged=term.late_at is not None,
        warn_days=days,
        today=today,
    )
    db.session.add(term)
    if ServiceTurn.COMPUTED in found:
        term.due_on, term.due_reason = due.due_on, None
    if ServiceTurn.WARNED in found:
        term.warned_at = at
    if ServiceTurn.LATE in found:
        term.late_at = at
    for turn in found:
        said = None if term.due_on is None else term.due_on.isoformat()
        journal.record(_EVENTS[turn], document, by=by, at=at, data={"due_on": said})
    return found
