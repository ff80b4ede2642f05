"""The shape of discretion and like cases over HTTP; money is in fen."""

import marshmallow as ma
from marshmallow import fields, validate

from app.cases.rules import PartyKind
from app.cases.schemas import SanctionLineSchema
from app.cases.spread import Measure
from app.cases.tiers import BenchmarkState, DeviationState
from app.catalogue.causes import TierClass
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent

MAX_FEN = 10**13
MAX_CODES = 30
MAX_LINES = 26


class NewDiscretionSchema(ma.Schema):
    """What was found: circumstances of the cause and its tiers, factors of the general law."""

    circumstances = fields.List(
        Text(max=100), load_default=list, validate=validate.Length(0, MAX_CODES)
    )
    factors = fields.List(Text(max=100), load_default=list, validate=validate.Length(0, MAX_CODES))
    order_unmet = Flag(load_default=False)
    gains_fen = Count(0, MAX_FEN, load_default=None, allow_none=True)
    repaid_fen = Count(0, MAX_FEN, load_default=0)
    object_class = Text(max=100, load_default=None, allow_none=True)


class DeviationSchema(ma.Schema):
    """What is wanted instead of the proposal, and why."""

    lines = fields.List(
        fields.Nested(SanctionLineSchema), required=True, validate=validate.Length(1, MAX_LINES)
    )
    reason = Text(max=2000, required=True)


class DecideDeviationSchema(ma.Schema):
    """Whether it is approved, and why."""

    approved = Flag(required=True)
    answer = Text(max=2000, required=True)


class DiscretionSchema(ma.Schema):
    """A proposal with its reasons; it decides nothing."""

    id = Id(required=True)
    version = Count(1, required=True)
    case_id = Id(required=True)
    cause_code = Text(max=100, required=True)
    cause_from = Day(required=True)
    level = Text(max=100, required=True)
    benchmark = Choice(BenchmarkState, required=True)
    tier_code = Text(max=100, required=True, allow_none=True)
    tier_from = Day(required=True, allow_none=True)
    tier_class = Choice(TierClass, required=True)
    circumstances = fields.List(Text(max=100), required=True)
    factors = fields.List(Text(max=100), required=True)
    order_unmet = Flag(required=True)
    gains_fen = Count(required=True, allow_none=True)
    repaid_fen = Count(required=True)
    low_fen = Count(required=True, allow_none=True)
    high_fen = Count(required=True, allow_none=True)
    base_fen = Count(required=True, allow_none=True)
    lines = fields.List(fields.Nested(SanctionLineSchema), required=True)
    reasons = fields.List(Text(max=1000), required=True)
    proposed_at = Instant(required=True)
    deviation_state = Choice(DeviationState, required=True)
    deviation = Text(max=2000, required=True, allow_none=True)
    wanted = fields.List(fields.Nested(SanctionLineSchema), required=True)
    answer = Text(max=2000, required=True, allow_none=True)
    asked_at = Instant(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)


class OnSiteQuerySchema(ma.Schema):
    """What is thought of for a decision on the spot; `order-unmet` is a circumstance too."""

    visit_id = Id(required=True)
    cause_code = Text(max=100, required=True)
    party_kind = Choice(PartyKind, required=True)
    circumstances = fields.List(
        Text(max=100), load_default=list, validate=validate.Length(0, MAX_CODES)
    )
    factors = fields.List(Text(max=100), load_default=list, validate=validate.Length(0, MAX_CODES))


class OnSiteProposalSchema(ma.Schema):
    """What would be proposed on the spot, by the rows of the day of the visit; nothing is kept.

    `fits_simple`: it may be imposed on the spot, within `limit_fen`.
    """

    on = Day(required=True)
    cause_code = Text(max=100, required=True)
    cause_from = Day(required=True)
    level = Text(max=100, required=True)
    benchmark = Choice(BenchmarkState, required=True)
    tier_code = Text(max=100, required=True, allow_none=True)
    tier_class = Choice(TierClass, required=True)
    low_fen = Count(required=True, allow_none=True)
    high_fen = Count(required=True, allow_none=True)
    lines = fields.List(fields.Nested(SanctionLineSchema), required=True)
    reasons = fields.List(Text(max=1000), required=True)
    limit_fen = Count(required=True)
    fits_simple = Flag(required=True)


class LikenessQuerySchema(ma.Schema):
    """A fine somebody thinks of; else the decided, else the proposed one is compared."""

    fine_fen = Count(0, MAX_FEN, load_default=absent)


class SpreadSchema(ma.Schema):
    """Count, least, quartiles and most; each value occurs."""

    count = Count(required=True)
    least = Count(required=True)
    lower = Count(required=True)
    median = Count(required=True)
    upper = Count(required=True)
    most = Count(required=True)


class FencesSchema(ma.Schema):
    """Outside of these a value is an outlier."""

    low = fields.Integer(required=True)
    high = fields.Integer(required=True)


class LikeCaseSchema(ma.Schema):
    """A past decision."""

    case_id = Id(required=True)
    number = Text(max=200, required=True)
    decided_on = Day(required=True)
    fine_fen = Count(required=True)
    measured = Count(required=True)
    outlier = Flag(required=True)


class LikenessSchema(ma.Schema):
    """How past decisions lie; `outlier` is said to the reviewer, who decides.

    `measure` says what is compared: amounts in fen, or hundredths of the multiple of the gains.
    """

    measure = Choice(Measure, required=True)
    tier_code = Text(max=100, required=True, allow_none=True)
    level = Text(max=100, required=True, allow_none=True)
    rule_source = Text(max=200, required=True)
    rule_from = Day(required=True)
    least = Count(required=True)
    spread = fields.Nested(SpreadSchema, required=True, allow_none=True)
    fences = fields.Nested(FencesSchema, required=True, allow_none=True)
    own = Count(required=True, allow_none=True)
    outlier = Flag(required=True, allow_none=True)
    cases = fields.List(fields.Nested(LikeCaseSchema), required=True)
