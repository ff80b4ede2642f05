"""What the timetable does for complaints: compute terms, warn before their end, flag after it."""

from datetime import datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.complaints import rules
from app.complaints.models import Complaint, ComplaintStep
from app.complaints.service import MOVED
from app.days import local_date
from app.db import db, touch
from app.journal import service as journal
from app.journal.rules import Event


def watch_complaint(complaint_id: UUID, *, by: Actor, at: datetime) -> list[str]:
    """Look at the open steps of a complaint once; return what was noticed, by name.

    A term that needed a calendar that was missing is computed; its end is warned of once and its
    passing flagged once. Twice on a day is harmless.
    """
    complaint = db.session.get_one(Complaint, complaint_id, populate_existing=True)
    noticed: list[str] = []
    for step in complaint.steps:
        if step.done_on is None:
            noticed += _watch(complaint, step, by=by, at=at)
    if noticed:
        touch(complaint)
    return noticed


def _watch(complaint: Complaint, step: ComplaintStep, *, by: Actor, at: datetime) -> list[str]:
    row = db.session.get_one(CatalogueRow, step.rule_id)
    rule, today = rules.read_step(row.code, row.body), local_date(at)
    found = []
    if step.due_on is None:
        moved = bool(catalogue.setting(MOVED, local_date(complaint.filed_at)))
        deadline = rules.step_due(rule, step.begins_on, catalogue.calendar(), moved=moved)
        if deadline.due_on is not None:
            step.due_on, step.due_reason = deadline.due_on, None
            found.append(Event.COMPLAINT_DUE_COMPUTED)
    if step.warned_at is None and rules.is_near(step.due_on, rule.warn_days, today):
        step.warned_at = at
        found.append(Event.COMPLAINT_STEP_WARNED)
    if step.late_at is None and rules.is_late(step.due_on, today):
        step.late_at = at
        found.append(Event.COMPLAINT_STEP_LATE)
    for event in found:
        due = None if step.due_on is None else step.due_on.isoformat()
        journal.record(event, complaint, by=by, at=at, data={"step": step.step, "due_on": due})
    return [event.value.partition(".")[2] for event in found]
