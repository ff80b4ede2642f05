"""The shape of plans of joint visits and of the visits in them over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.caps.rules import Verdict
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.jointvisits.rules import Maker, PlanState, VisitKind, VisitState
from app.problems import PageSchema

MOST_UNITS = 2000


class JointPlanQuerySchema(PageSchema):
    """Query of an agency's plans, in the order of their ids."""

    state = Choice(PlanState, load_default=absent)


class NewJointPlanSchema(ma.Schema):
    """A period, how many teams go and how often each in a day; units or towns, or all."""

    first_on = Day(required=True)
    last_on = Day(required=True)
    teams = Count(1, 500, required=True)
    visits_each = Count(1, 10, required=True)
    unit_ids = fields.List(Id(), load_default=list, validate=ma.validate.Length(max=MOST_UNITS))
    towns = fields.List(Text(max=100), load_default=list, validate=ma.validate.Length(max=200))


class PlanFiguresSchema(ma.Schema):
    """What one way to do the work takes."""

    entries = Count(required=True)
    unplaced = Count(required=True)
    zone_days = Count(required=True)
    officer_days = Count(required=True)


class BoundsSchema(ma.Schema):
    """What no schedule of these tasks can go below."""

    entries = Count(required=True)
    zone_days = Count(required=True)
    days = Count(required=True)
    unplaced = Count(required=True)


class ComparisonSchema(ma.Schema):
    """Each task for itself, the merged entries in the order of their days, and the plan."""

    tasks = Count(required=True)
    units = Count(required=True)
    units_entered_again = Count(required=True)
    units_entered_again_percent = Text(max=20, required=True)
    tasks_per_entry = Text(max=20, required=True)
    separate = fields.Nested(PlanFiguresSchema, required=True)
    in_order = fields.Nested(PlanFiguresSchema, required=True)
    merged = fields.Nested(PlanFiguresSchema, required=True)
    bounds = fields.Nested(BoundsSchema, required=True)
    entries_saved = fields.Integer(required=True)
    entries_saved_percent = Text(max=20, required=True)
    officer_days_saved = fields.Integer(required=True)
    entries_above_bound = fields.Integer(required=True)
    zone_days_above_bound = fields.Integer(required=True)


class JointPlanSchema(ma.Schema):
    """A plan, who proposed, approved, published and withdrew it, and what it is worth."""

    id = Id(required=True)
    version = Count(1, required=True)
    state = Choice(PlanState, required=True)
    maker = Choice(Maker, required=True)
    first_on = Day(required=True)
    last_on = Day(required=True)
    days = fields.List(Day(), required=True, attribute="working_days")
    teams = Count(1, required=True)
    visits_each = Count(1, required=True)
    unit_ids = fields.List(Id(), required=True)
    towns = fields.List(Text(max=100), required=True, attribute="zones")
    comparison = fields.Nested(ComparisonSchema, required=True)
    faults = fields.List(Text(max=200), required=True)
    proposed_officer_id = Id(required=True, allow_none=True)
    proposed_at = Instant(required=True)
    changed_at = Instant(required=True, allow_none=True)
    approved_officer_id = Id(required=True, allow_none=True)
    approved_at = Instant(required=True, allow_none=True)
    published_at = Instant(required=True, allow_none=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    withdrawn_reason = Text(max=1000, required=True, allow_none=True)


class ReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class JointVisitQuerySchema(PageSchema):
    """Query of a plan's visits, in the order of their ids; `open_caps`: with a cap unanswered."""

    state = Choice(VisitState, load_default=absent)
    kind = Choice(VisitKind, load_default=absent)
    unit_id = Id(load_default=absent)
    town = Text(max=100, load_default=absent)


class JointVisitTaskSchema(ma.Schema):
    """A task that a visit carries, and the days that fitted it when it was planned."""

    task_id = Id(required=True)
    specialty = Text(max=100, required=True)
    department = Text(max=200, required=True)
    first_on = Day(required=True)
    last_on = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    overdue = Flag(required=True)


class JointVisitOfficerSchema(ma.Schema):
    """An officer of the team."""

    officer_id = Id(required=True)
    specialty = Text(max=100, required=True, allow_none=True)
    by_lot = Flag(required=True)


class JointVisitCapSchema(ma.Schema):
    """A cap that the visit reaches: what it says, and the reason that was given."""

    cap_code = Text(max=100, required=True)
    verdict = Choice(Verdict, required=True)
    used = Count(required=True)
    most = Count(required=True)
    reason = Text(max=1000, required=True, allow_none=True)


class JointVisitSchema(ma.Schema):
    """A joint visit with its tasks, its team and the caps that it reaches."""

    id = Id(required=True)
    version = Count(1, required=True)
    plan_id = Id(required=True)
    unit_id = Id(required=True)
    town = Text(max=100, min=0, required=True, attribute="zone")
    kind = Choice(VisitKind, required=True)
    state = Choice(VisitState, required=True)
    planned_on = Day(required=True, allow_none=True)
    reason = Text(max=1000, required=True, allow_none=True)
    code_id = Id(required=True, allow_none=True)
    tasks = fields.List(fields.Nested(JointVisitTaskSchema), required=True)
    officers = fields.List(fields.Nested(JointVisitOfficerSchema), required=True)
    caps = fields.List(fields.Nested(JointVisitCapSchema), required=True)
