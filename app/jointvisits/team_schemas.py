"""The shape of teams of joint visits over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text
from app.jointvisits.rules import LotState
from app.jointvisits.schemas import JointVisitOfficerSchema
from app.jointvisits.teaming import Why
from app.people.schemas import PartnerSchema
from app.problems import PageSchema


def _ids(most: int) -> fields.List[Any]:
    return fields.List(
        Id(),
        required=True,
        validate=ma.validate.Length(max=most),
        metadata={"uniqueItems": True},
    )


class JointTeamLotQuerySchema(PageSchema):
    """Query of the lots of a plan, in the order of their ids."""


class JointTeamLotSchema(ma.Schema):
    """A lot over teams: `manifest` is fixed with the asking, the rest is open once it is drawn.

    Whoever has `manifest`, `secret` and `entropy` gets the same `teams`.
    """

    id = Id(required=True)
    version = Count(1, required=True)
    plan_id = Id(required=True)
    number = Count(1, required=True)
    state = Choice(LotState, required=True)
    manifest = fields.String(required=True)
    manifest_sha256 = Sha256(required=True)
    secret = fields.String(required=True, allow_none=True)
    entropy = fields.List(fields.String(), required=True)
    teams = fields.String(required=True, allow_none=True)
    teams_sha256 = Sha256(required=True, allow_none=True)
    held_code = Text(max=100, required=True, allow_none=True)
    asked_at = Instant(required=True)
    drawn_at = Instant(required=True, allow_none=True)


class JointTeamShareSchema(ma.Schema):
    """How many places of a draw somebody else fills once the teams go, against the cap."""

    draw_no = Text(max=40, required=True)
    changed = Count(required=True)
    total = Count(required=True)
    share = Text(max=20, required=True)
    kept = Flag(required=True)


class JointTeamSharesSchema(ma.Schema):
    """The draws whose tasks a plan carries."""

    draws = fields.List(fields.Nested(JointTeamShareSchema), required=True)


class NewJointTeamSchema(ma.Schema):
    """Who goes instead, and why."""

    officer_ids = _ids(20)
    reason = Text(max=1000, required=True)


class PartnerItemSchema(ma.Schema):
    """What a partner department checks, and on what basis."""

    department = Text(max=60, required=True)
    item = Text(max=200, required=True)
    basis = Text(max=300, required=True)


class NewJointPartnersSchema(ma.Schema):
    """Who comes along from partner departments, and what they check."""

    partner_ids = _ids(20)
    partner_items = fields.List(
        fields.Nested(PartnerItemSchema), required=True, validate=ma.validate.Length(max=50)
    )


class TeamGapSchema(ma.Schema):
    """What the lot could not cover: a specialty, or (null) officers at all."""

    specialty = Text(max=100, required=True, allow_none=True)
    why = Choice(Why, required=True)


class TeamStaysSchema(ma.Schema):
    """Who was drawn for a task of the visit and does not go."""

    officer_id = Id(required=True)
    why = Choice(Why, required=True)


class TeamChangeSchema(ma.Schema):
    """A change by hand."""

    planned_on = Day(required=True)
    reason = Text(max=1000, required=True)
    officer_ids_out = fields.List(Id(), required=True)
    officer_ids_in = fields.List(Id(), required=True)
    changed_at = Instant(required=True)


class JointTeamSchema(ma.Schema):
    """The team of a joint visit: one's own officers, partners, and what is not covered.

    `gaps` and `stays` are what the newest lot said, `uncovered` and `departments_missing` how it
    is now.
    """

    id = Id(required=True)
    version = Count(1, required=True)
    planned_on = Day(required=True, allow_none=True)
    officers = fields.List(fields.Nested(JointVisitOfficerSchema), required=True)
    partners = fields.List(fields.Nested(PartnerSchema), required=True)
    partner_items = fields.List(fields.Nested(PartnerItemSchema), required=True)
    uncovered = fields.List(Text(max=100), required=True)
    departments_missing = fields.List(Text(max=60), required=True)
    gaps = fields.List(fields.Nested(TeamGapSchema), required=True)
    stays = fields.List(fields.Nested(TeamStaysSchema), required=True)
    changes = fields.List(fields.Nested(TeamChangeSchema), required=True)
