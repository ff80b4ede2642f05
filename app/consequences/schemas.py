"""The shapes of findings and of what became of them over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.consequences.rules import Decision, Way, Whereabouts
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text
from app.problems import PageSchema


class LeadQuerySchema(PageSchema):
    """Query of the leads of an agency that wait, in the order of their ids."""

    visit_id = Id(load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)


class FindingQuerySchema(LeadQuerySchema):
    """Query of findings; `without_consequence`: of which nothing became."""

    without_consequence = Flag(load_default=None, allow_none=True)


class ConsequenceSchema(ma.Schema):
    """One thing that became of a finding."""

    way = Choice(Way, required=True)
    name = fields.String(required=True)
    state = fields.String(required=True)
    settled = fields.Boolean(required=True)
    reference = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    on = Day(required=True, allow_none=True)
    id = Id(required=True, allow_none=True)


class FindingWhereaboutsSchema(ma.Schema):
    """A finding and all that became of it 结果去向."""

    id = Id(required=True)
    visit_id = Id(required=True)
    item_id = Id(required=True, allow_none=True)
    text = Text(max=4000, required=True)
    basis = Text(max=2000, required=True, allow_none=True)
    handling = Text(max=1000, required=True, allow_none=True)
    whereabouts = Choice(Whereabouts, required=True)
    consequences = fields.List(fields.Nested(ConsequenceSchema), required=True)


class NewFindingDecisionSchema(ma.Schema):
    """What is decided about a finding, and why; `item` is the item that points are given for."""

    kind = Choice(Decision, required=True)
    reason = Text(max=2000, required=True)
    organ = Text(max=200, load_default=None, allow_none=True)
    reference = Text(max=200, load_default=None, allow_none=True)
    document_id = Id(load_default=None, allow_none=True)
    item = Text(max=100, load_default=None, allow_none=True)


class DeclineLeadSchema(ma.Schema):
    """Why no case is opened."""

    reason = Text(max=2000, required=True)


class FindingReplySchema(ma.Schema):
    """What the other organ answered, and when."""

    reply = Text(max=4000, required=True)
    replied_on = Day(required=True)


class FindingDecisionSchema(ma.Schema):
    """A decision about a finding; taken back, it says why."""

    id = Id(required=True)
    version = Count(1, required=True)
    finding_id = Id(required=True)
    kind = Choice(Decision, required=True)
    reason = Text(max=2000, required=True)
    organ = Text(max=200, required=True, allow_none=True)
    reference = Text(max=200, required=True, allow_none=True)
    document_id = Id(required=True, allow_none=True)
    reply = Text(max=4000, required=True, allow_none=True)
    replied_on = Day(required=True, allow_none=True)
    decided_at = Instant(required=True)
    revoked_reason = Text(max=1000, required=True, allow_none=True)
    revoked_at = Instant(required=True, allow_none=True)


class RevokeFindingDecisionSchema(ma.Schema):
    """Why it is taken back."""

    reason = Text(max=1000, required=True)


class PublicOutcomeSchema(ma.Schema):
    """The outcome of a visit in the words of health and of market regulation."""

    health_code = fields.String(required=True, allow_none=True)
    health_name = fields.String(required=True, allow_none=True)
    public_result = fields.String(required=True, allow_none=True)
    market_code = fields.String(required=True, allow_none=True)
    market_name = fields.String(required=True, allow_none=True)
