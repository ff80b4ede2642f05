"""The shape of plans of joint visits and of the visits in them over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.caps.rules import Verdict
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.jointvisits.fitting import Misfit
from app.jointvisits.operations import Warned
from app.jointvisits.rules import ChangeVerb, Maker, NotTaken, PlanState, VisitKind, VisitState
from app.problems import PageSchema

MOST_UNITS = 2000


class JointPlanQuerySchema(PageSchema):
    """Query of an agency's plans, in the order of their ids."""

    state = Choice(PlanState, load_default=absent)


class NewJointPlanSchema(ma.Schema):
    """A period, how many teams go and how often each in a day; units or towns, or all.

    `keep_pins`: visits that were fixed by hand in the plans before keep their days and teams.
    """

    first_on = Day(required=True)
    last_on = Day(required=True)
    teams = Count(1, 500, required=True)
    visits_each = Count(1, 10, required=True)
    unit_ids = fields.List(Id(), load_default=list, validate=ma.validate.Length(max=MOST_UNITS))
    towns = fields.List(Text(max=100), load_default=list, validate=ma.validate.Length(max=200))
    keep_pins = Flag(load_default=True)


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
    zone_days_saved = fields.Integer(required=True)
    officer_days_saved = fields.Integer(required=True)
    entries_above_bound = fields.Integer(required=True)
    zone_days_above_bound = fields.Integer(required=True)


class PinBeforeSchema(ma.Schema):
    """A visit that was fixed by hand in a plan before; `not_taken` why it is not kept, else null.

    `left_task_ids`: those of its tasks that wait no more.
    """

    joint_visit_id = Id(required=True)
    plan_id = Id(required=True)
    unit_id = Id(required=True)
    planned_on = Day(required=True, allow_none=True)
    task_ids = fields.List(Id(), required=True)
    left_task_ids = fields.List(Id(), required=True)
    not_taken = Choice(NotTaken, required=True, allow_none=True)


class JointPlanSchema(ma.Schema):
    """A plan, who proposed, approved, published and withdrew it, and what it is worth.

    `pins`: what was fixed by hand in plans before, taken over or why not. `days_over` warns: days
    before today on which visits stand that nobody began.
    """

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
    days_over = fields.List(Day(), required=True)
    pins = fields.List(fields.Nested(PinBeforeSchema), required=True, attribute="pins_before")
    faults = fields.List(Text(max=200), required=True)
    proposed_officer_id = Id(required=True, allow_none=True)
    proposed_at = Instant(required=True)
    changed_at = Instant(required=True, allow_none=True)
    approved_officer_id = Id(required=True, allow_none=True)
    approved_at = Instant(required=True, allow_none=True)
    published_at = Instant(required=True, allow_none=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    withdrawn_reason = Text(max=1000, required=True, allow_none=True)


class JointPlanReasonSchema(ma.Schema):
    """Why."""

    reason = Text(max=1000, required=True)


class JointVisitQuerySchema(PageSchema):
    """Query of a plan's visits, in the order of their ids."""

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
    pinned = Flag(required=True)
    code_id = Id(required=True, allow_none=True)
    tasks = fields.List(fields.Nested(JointVisitTaskSchema), required=True)
    officers = fields.List(fields.Nested(JointVisitOfficerSchema), required=True)
    caps = fields.List(fields.Nested(JointVisitCapSchema), required=True)


# --- changes by hand ---


class NewChangeSchema(ma.Schema):
    """What is to change and why; `preview` says what it leads to and writes nothing.

    move and split take a day, split and merge take tasks.
    """

    verb = Choice(ChangeVerb, required=True)
    reason = Text(max=1000, required=True)
    planned_on = Day(load_default=None, allow_none=True)
    task_ids = fields.List(Id(), load_default=list, validate=ma.validate.Length(max=100))
    preview = Flag(load_default=False)


class MeasureSchema(ma.Schema):
    """A figure before and after."""

    before = Count(required=True)
    after = Count(required=True)


class DayLoadSchema(ma.Schema):
    """How many visits a day has, and how many can be done."""

    on = Day(required=True)
    before = Count(required=True)
    after = Count(required=True)
    most = Count(required=True)


class OfficerLoadSchema(ma.Schema):
    """Who would have more visits on a day than can be done."""

    officer_id = Id(required=True)
    on = Day(required=True)
    visits = Count(required=True)
    most = Count(required=True)


class BarredSchema(ma.Schema):
    """Who of a team may not go there on its day: recusal, absence, certificate."""

    officer_id = Id(required=True)
    on = Day(required=True)


class JointCapReachedSchema(ma.Schema):
    """A cap that a visit reaches; `needed`: it waits for an exception or a reason."""

    joint_visit_id = Id(required=True)
    cap_code = Text(max=100, required=True)
    name = Text(max=200, required=True)
    verdict = Choice(Verdict, required=True)
    used = Count(required=True)
    most = Count(required=True)
    needed = Flag(required=True)


class ConsequencesSchema(ma.Schema):
    """What a change leads to: tasks outside their days, loads, caps, codes taken back, faults."""

    entries = fields.Nested(MeasureSchema, required=True)
    unplaced = fields.Nested(MeasureSchema, required=True)
    zone_days = fields.Nested(MeasureSchema, required=True)
    windows_broken = fields.List(Id(), required=True)
    days = fields.List(fields.Nested(DayLoadSchema), required=True)
    officers = fields.List(fields.Nested(OfficerLoadSchema), required=True)
    barred = fields.List(fields.Nested(BarredSchema), required=True)
    uncovered = fields.List(Text(max=100), required=True)
    caps = fields.List(fields.Nested(JointCapReachedSchema), required=True)
    codes_revoked = fields.List(Id(), required=True)
    faults = fields.List(Text(max=200), required=True)


class ChangedSchema(ma.Schema):
    """A change with its consequences, and the visits that it touched; none after a preview."""

    preview = Flag(required=True)
    consequences = fields.Nested(ConsequencesSchema, required=True)
    joint_visits = fields.List(fields.Nested(JointVisitSchema), required=True)


class JointChangeSchema(ma.Schema):
    """What was changed by hand, by whom, when and why."""

    id = Id(required=True)
    joint_visit_id = Id(required=True)
    verb = Choice(ChangeVerb, required=True)
    planned_on = Day(required=True, allow_none=True)
    task_ids = fields.List(Id(), required=True)
    reason = Text(max=1000, required=True)
    changed_officer_id = Id(required=True, allow_none=True)
    changed_at = Instant(required=True)


# --- exceptions ---


class MisfitSchema(ma.Schema):
    """A task that does not fit its visit any more, and why."""

    joint_visit_id = Id(required=True)
    task_id = Id(required=True)
    task_no = Text(max=40, required=True)
    misfit = Choice(Misfit, required=True)


class PointsSchema(ma.Schema):
    """All that is exceptional in a plan; nothing is left out."""

    caps = fields.List(fields.Nested(JointCapReachedSchema), required=True)
    without_day = fields.List(fields.Nested(JointVisitSchema), required=True)
    misfits = fields.List(fields.Nested(MisfitSchema), required=True)
    approver_goes = fields.List(Id(), required=True)


class JointCapAnswerSchema(ma.Schema):
    """Why a visit goes beyond a cap; an exception holds from its day to `until_on`."""

    cap_code = Text(max=100, required=True)
    reason = Text(max=1000, required=True)
    until_on = Day(load_default=None, allow_none=True)


# --- operations ---


class OperationsQuerySchema(ma.Schema):
    """A day of the quarter; today where it is left out."""

    on = Day(load_default=None, allow_none=True)


class OperationsSchema(ma.Schema):
    """A key institution's operations in a quarter: planned and held, and what is wrong."""

    unit_id = Id(required=True)
    planned = Count(required=True)
    held = Count(required=True)
    warning = Choice(Warned, required=True, allow_none=True)


class QuarterSchema(ma.Schema):
    """The operations of a quarter at every key institution."""

    first_on = Day(required=True)
    last_on = Day(required=True)
    least = Count(required=True)
    most = Count(required=True)
    units = fields.List(fields.Nested(OperationsSchema), required=True)


class NewOperationsSchema(ma.Schema):
    """A day of the quarter, and the key institutions; without any, all that have too few."""

    on = Day(required=True)
    unit_ids = fields.List(Id(), load_default=list, validate=ma.validate.Length(max=MOST_UNITS))


class CalledSchema(ma.Schema):
    """The tasks that were created, for the next plan to gather."""

    task_ids = fields.List(Id(), required=True)
