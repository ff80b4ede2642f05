"""The JSON shape of a plan of draws and of its preview."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app.draws.stages import (
    PERIOD,
    Coordination,
    DrawKind,
    DrawState,
    Fallback,
    HashName,
    Level,
    PlanState,
    is_rule,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Text, absent
from app.problems import PageSchema
from app.tasks.rules import JointRole

MOST = 10**7
MOST_CLASSES = 100
_RATIO: dict[str, Any] = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": MOST},
    "minItems": 2,
    "maxItems": 2,
}


_RULE: dict[str, Any] = {
    "oneOf": [
        {"type": "integer", "minimum": 0, "maximum": MOST},
        _RATIO,
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MOST_CLASSES,
            "additionalProperties": _RATIO,
            "description": "按权重（1、2 …）或按等级（A、B …）",
        },
    ]
}


class StratumRule(plain.Field[Any]):
    """How many of a stratum: a number, a ratio, or a ratio for each weight or each grade."""

    default_error_messages = {
        "invalid": "应为数量、[分子, 分母] 的比例，或按权重、按等级规定的比例；比例不超过 1。"
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "metadata": _RULE})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not is_rule(value) or (isinstance(value, Mapping) and len(value) > MOST_CLASSES):
            raise self.make_error("invalid")
        return value


def _strata(**options: Any) -> plain.Dict:
    return plain.Dict(
        keys=Text(max=100),
        values=StratumRule(),
        validate=ma.validate.Length(1, 100),
        metadata={"minProperties": 1, "maxProperties": 100},
        **options,
    )


class NewDrawPlanSchema(ma.Schema):
    """A plan; without a level it is refused, because nobody could say whence its chance comes."""

    name = Text(max=100, required=True)
    year = Count(2020, 2099, required=True)
    period = Text(
        max=10, pattern=PERIOD, hint="例如 2026、2026-Q4、2026-H2 或 2026-11。", required=True
    )
    kind = Choice(DrawKind, required=True)
    strata = _strata(required=True)
    level = Choice(Level, required=True)
    draw_on = Day(required=True)
    due_on = Day(required=True)
    weight_factors = plain.List(
        Text(max=40), load_default=["risk", "credit"], validate=ma.validate.Length(max=10)
    )
    beacon = plain.List(
        Text(max=120),
        load_default=list,
        validate=ma.validate.Length(max=5),
        metadata={"description": "信标式抽取事先写明的来源，如 lottery:ssq:2026123"},
    )
    coordination = Choice(Coordination, load_default=Coordination.SHARED)
    hash = Choice(HashName, load_default=HashName.SHA256)
    list_public = Flag(load_default=True)
    exclusions = plain.List(
        Text(max=40), load_default=None, allow_none=True, validate=ma.validate.Length(max=20)
    )
    exclude_drawn = Flag(load_default=None, allow_none=True)
    cutoff_on = Day(load_default=None, allow_none=True)
    annual_plan_id = Id(load_default=None, allow_none=True)
    role = Choice(JointRole, load_default=None, allow_none=True)
    lead_department = Text(max=100, load_default=None, allow_none=True)
    partner_departments = plain.List(
        Text(max=100), load_default=list, validate=ma.validate.Length(max=20)
    )
    area = Text(max=200, load_default=None, allow_none=True)
    deposits_close_at = Instant(load_default=None, allow_none=True)
    opens_at = Instant(load_default=None, allow_none=True)
    dice_until_at = Instant(load_default=None, allow_none=True)
    reveal = Text(max=20, load_default=None, allow_none=True)
    team_size = Count(2, 6, load_default=2)
    officer_limit = Count(1, 10000, load_default=None, allow_none=True)
    fallback = Choice(Fallback, load_default=Fallback.NONE)


class NewOfficerDrawSchema(ma.Schema):
    """How the officers of a given list are drawn; the units are the list's."""

    level = Choice(Level, required=True)
    draw_on = Day(required=True)
    due_on = Day(
        load_default=None,
        allow_none=True,
        metadata={"description": "缺省为名单任务的最后期限"},
    )
    hash = Choice(HashName, load_default=HashName.SHA256)
    deposits_close_at = Instant(load_default=None, allow_none=True)
    opens_at = Instant(load_default=None, allow_none=True)
    dice_until_at = Instant(load_default=None, allow_none=True)
    reveal = Text(max=20, load_default=None, allow_none=True)
    team_size = Count(2, 6, load_default=2)
    officer_limit = Count(1, 10000, load_default=None, allow_none=True)
    fallback = Choice(Fallback, load_default=Fallback.NONE)


class DrawOfPlanSchema(ma.Schema):
    """A draw that was made from a plan."""

    draw_no = plain.String(required=True)
    state = Choice(DrawState, required=True)


class DrawPlanSchema(ma.Schema):
    """A plan as saved, with the draws made from it."""

    id = Id(required=True)
    version = Count(1, required=True)
    name = plain.String(required=True)
    year = Count(required=True)
    period = plain.String(required=True)
    kind = Choice(DrawKind, required=True)
    strata = _strata(required=True)
    level = Choice(Level, required=True)
    beacon = plain.List(plain.String(), required=True)
    draw_on = Day(required=True)
    due_on = Day(required=True)
    weight_factors = plain.List(plain.String(), required=True)
    coordination = Choice(Coordination, required=True)
    hash = Choice(HashName, required=True)
    list_public = Flag(required=True)
    exclusions = plain.List(plain.String(), required=True)
    exclude_drawn = Flag(required=True)
    cutoff_on = Day(required=True, allow_none=True)
    annual_plan_id = Id(required=True, allow_none=True)
    role = Choice(JointRole, required=True, allow_none=True)
    lead_department = plain.String(required=True, allow_none=True)
    partner_departments = plain.List(plain.String(), required=True)
    area = plain.String(required=True, allow_none=True)
    deposits_close_at = Instant(required=True, allow_none=True)
    opens_at = Instant(required=True, allow_none=True)
    dice_until_at = Instant(required=True, allow_none=True)
    reveal = plain.String(required=True)
    team_size = Count(required=True)
    officer_limit = Count(required=True, allow_none=True)
    fallback = Choice(Fallback, required=True)
    state = Choice(PlanState, required=True)
    saved_at = Instant(required=True)
    redraw_ordered_at = Instant(required=True, allow_none=True)
    redraw_reason = plain.String(required=True, allow_none=True)
    given_list_id = Id(required=True, allow_none=True)
    top_up_of = plain.String(required=True, allow_none=True)
    top_up_reason = plain.String(required=True, allow_none=True)
    draws = plain.List(plain.Nested(DrawOfPlanSchema), required=True)


class DrawPlanQuerySchema(PageSchema):
    """Query of the plans."""

    year = Count(2020, 2099, load_default=absent)


class ClassPreviewSchema(ma.Schema):
    """A weight class: its exact mean over all seeds, what that rounds to, the chance of a unit."""

    weight = Count(1, required=True)
    units = Count(required=True)
    expected = plain.String(required=True)
    least = Count(required=True)
    most = Count(required=True)
    chance = plain.String(required=True)


class BarPreviewSchema(ma.Schema):
    """How many units of a stratum officers may not go to for one kind of reason, and which."""

    reason = plain.String(required=True)
    units = Count(required=True)
    officers = plain.List(plain.String(), required=True)


class CarriedOverSchema(ma.Schema):
    """Open tasks of earlier draws in the same specialty: they stay tasks, and where to see them."""

    tasks = Count(required=True)
    path = plain.String(required=True)


class StratumPreviewSchema(ma.Schema):
    """One stratum: both bases, what it will draw, who is excluded why, which weights there are."""

    name = plain.String(required=True)
    specialty = plain.String(required=True)
    object_class = plain.String(required=True, allow_none=True)
    listed = Count(required=True)
    eligible = Count(required=True)
    drawn = Count(required=True)
    excluded = plain.Dict(keys=plain.String(), values=Count(), required=True)
    weights = plain.Dict(keys=plain.String(), values=Count(), required=True)
    classes = plain.List(plain.Nested(ClassPreviewSchema), required=True)
    takes = Count(required=True)
    leads = Count(required=True)
    bars = plain.List(plain.Nested(BarPreviewSchema), required=True)
    carried_over = plain.Nested(CarriedOverSchema, required=True)


class ShortfallSchema(ma.Schema):
    """What the plan cannot have; a blocking one keeps it from being frozen.

    `units` and `officers` together are what cannot be matched; at most twenty units are named.
    """

    code = plain.String(required=True)
    stratum = plain.String(required=True)
    detail = plain.String(required=True)
    blocking = Flag(required=True)
    units = plain.List(plain.String(), required=True)
    unit_count = Count(required=True)
    officers = plain.List(plain.String(), required=True)


class DepartureSchema(ma.Schema):
    """In what a draw departs from the year's plan; said, never forbidden."""

    code = plain.String(required=True)
    stratum = plain.String(required=True)
    detail = plain.String(required=True)


class ExclusionNameSchema(ma.Schema):
    """An exclusion that the plan applies, and how many lines of the list it concerns."""

    code = plain.String(required=True)
    name = plain.String(required=True)
    units = Count(required=True)


class DrawPreviewSchema(ma.Schema):
    """What a freeze would hold now."""

    units = Count(required=True)
    officers = Count(required=True)
    barred = Count(required=True)
    strata = plain.List(plain.Nested(StratumPreviewSchema), required=True)
    shortfalls = plain.List(plain.Nested(ShortfallSchema), required=True)
    exclusions = plain.List(plain.Nested(ExclusionNameSchema), required=True)
    cutoff_on = Day(required=True, allow_none=True)
    departures = plain.List(plain.Nested(DepartureSchema), required=True)
