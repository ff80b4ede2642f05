"""The shapes of a year's plan."""

import marshmallow as ma
from marshmallow import fields as plain

from app.draws.annual import QUARTERS, Way
from app.draws.plan_schemas import StratumRule
from app.draws.stages import AnnualState, DrawKind
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.problems import PageSchema
from app.tasks.rules import JointRole

MOST_ITEMS = 200


class NewAnnualItemSchema(ma.Schema):
    """One line: who inspects whom, how, for what, and what share of them.

    Left out: the whole stratum is the scope, the agency inspects, by the checklists of the stratum.
    """

    level = Choice(DrawKind, required=True)
    stratum = Text(max=100, required=True)
    rule = StratumRule(required=True)
    factor = Text(max=40, load_default=None, allow_none=True)
    scope = Text(max=500, min=0, load_default="")
    organs = plain.List(Text(max=100), load_default=list, validate=ma.validate.Length(max=20))
    way = Choice(Way, load_default=Way.ON_SITE)
    checklists = plain.List(Text(max=60), load_default=list, validate=ma.validate.Length(max=50))
    basis = Text(max=500, required=True)
    periods = plain.List(
        Text(max=2, pattern="^Q[1-4]$", hint=f"应为 {'、'.join(QUARTERS)}。"),
        load_default=list,
        validate=ma.validate.Length(max=len(QUARTERS)),
    )
    role = Choice(JointRole, load_default=None, allow_none=True)
    lead_department = Text(max=100, load_default=None, allow_none=True)
    partner_departments = plain.List(
        Text(max=100), load_default=list, validate=ma.validate.Length(max=20)
    )
    area = Text(max=200, load_default=None, allow_none=True)


class NewAnnualPlanSchema(ma.Schema):
    """A year's plan as drafted."""

    year = Count(2020, 2099, required=True)
    title = Text(max=200, required=True)
    items = plain.List(
        plain.Nested(NewAnnualItemSchema),
        required=True,
        validate=ma.validate.Length(1, MOST_ITEMS),
    )
    note = Text(max=2000, load_default=None, allow_none=True)


class AnnualItemSchema(ma.Schema):
    """A line with its base and number: of the day of publication, or as of now while a draft."""

    level = Choice(DrawKind, required=True)
    stratum = plain.String(required=True)
    rule = StratumRule(required=True)
    factor = plain.String(required=True, allow_none=True)
    scope = plain.String(required=True)
    organs = plain.List(plain.String(), required=True)
    way = Choice(Way, required=True)
    checklists = plain.List(plain.String(), required=True)
    basis = plain.String(required=True)
    periods = plain.List(plain.String(), required=True)
    role = Choice(JointRole, required=True, allow_none=True)
    lead_department = plain.String(required=True, allow_none=True)
    partner_departments = plain.List(plain.String(), required=True)
    area = plain.String(required=True, allow_none=True)
    listed = Count(required=True, allow_none=True)
    planned = Count(required=True, allow_none=True)


class AnnualItemProgressSchema(AnnualItemSchema):
    """A line and how far its year has come: tasks made, and those of them completed."""

    drawn = Count(required=True)
    completed = Count(required=True)


class AnnualPlanSchema(ma.Schema):
    """A year's plan as it stands; `late`: it was not public on the day the law names."""

    id = Id(required=True)
    version = Count(1, required=True)
    year = Count(required=True)
    revision = Count(1, required=True)
    title = plain.String(required=True)
    note = plain.String(required=True, allow_none=True)
    revision_reason = plain.String(required=True, allow_none=True)
    state = Choice(AnnualState, required=True)
    saved_at = Instant(required=True)
    published_at = Instant(required=True, allow_none=True)
    publish_by = Day(required=True, allow_none=True)
    late = Flag(required=True)


class PlanOfYearSchema(ma.Schema):
    """A plan of draws that carries out a year's plan."""

    id = Id(required=True)
    name = plain.String(required=True)
    period = plain.String(required=True)
    kind = Choice(DrawKind, required=True)
    state = plain.String(required=True)


class AnnualPlanDetailSchema(AnnualPlanSchema):
    """A year's plan with its lines, how far each has come, and the plans that carry it out."""

    items = plain.List(plain.Nested(AnnualItemProgressSchema), required=True)
    draw_plans = plain.List(plain.Nested(PlanOfYearSchema), required=True)


class AnnualPlanQuerySchema(PageSchema):
    """Query of the years' plans."""

    year = Count(2020, 2099, load_default=absent)


class RevisionSchema(ma.Schema):
    """Why a published plan is revised."""

    reason = Text(max=500, required=True)
