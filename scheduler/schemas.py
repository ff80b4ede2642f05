"""The shape of the timetable's status."""

import marshmallow as ma
from marshmallow import fields as plain

from app.fields import Count, Flag, Id, Instant


class JobStatusSchema(ma.Schema):
    """A job: when it ran last and how it went, when it is due next."""

    job = plain.String(required=True)
    meaning = plain.String(required=True)
    last_due_at = Instant(required=True, allow_none=True)
    started_at = Instant(required=True, allow_none=True)
    finished_at = Instant(required=True, allow_none=True)
    outcome = plain.String(required=True, allow_none=True)
    line = plain.String(required=True, allow_none=True)
    next_due_at = Instant(required=True)
    overdue = Flag(required=True)


class WaitingSchema(ma.Schema):
    """A draw, or a plan that is due: what it waits for, and the roles that can end the waiting."""

    draw_no = plain.String(required=True, allow_none=True)
    period = plain.String(required=True)
    plan_id = Id(required=True, allow_none=True)
    state = plain.String(required=True)
    waits_for = plain.String(required=True)
    roles = plain.List(plain.String(), required=True)
    whom = plain.String(required=True)
    detail = plain.String(required=True)
    due_at = Instant(required=True, allow_none=True)
    late = Flag(required=True)
    reminders = Count(required=True)


class LateSchema(ma.Schema):
    """Something late: a draw, a job, the year's plan, or the timetable itself."""

    what = plain.String(required=True)
    name = plain.String(required=True)
    detail = plain.String(required=True)
    due_at = Instant(required=True, allow_none=True)


class TimetableStatusSchema(ma.Schema):
    """Who acts, what ran, what waits for whom, what is late."""

    acting = Flag(required=True)
    holder = plain.String(required=True, allow_none=True)
    acting_since = Instant(required=True, allow_none=True)
    lease_expires_at = Instant(required=True, allow_none=True)
    jobs = plain.List(plain.Nested(JobStatusSchema), required=True)
    waiting = plain.List(plain.Nested(WaitingSchema), required=True)
    late = plain.List(plain.Nested(LateSchema), required=True)
