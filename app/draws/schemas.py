"""The shapes of plans, draws, deposits and dice."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app.draws.changelog import ChangeKind, ChangeState
from app.draws.stages import (
    DICE_DIGITS,
    PERIOD,
    Coordination,
    DrawKind,
    DrawState,
    EntropyState,
    Fallback,
    HashName,
    Level,
    PlanState,
    SelectionKind,
    is_rule,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema
from app.tasks.rules import JointRole

MOST = 10**7
MOST_CLASSES = 100
_HEX64 = r"^[0-9a-f]{64}$"
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


class DrawReasonSchema(ma.Schema):
    """Why something is done that is not done every day."""

    reason = Text(max=500, required=True)


class DrawHoldSchema(ma.Schema):
    """A period that waits since a restore, and why."""

    id = Id(required=True)
    version = Count(1, required=True)
    period = plain.String(required=True)
    detail = plain.String(required=True)
    held_at = Instant(required=True)
    released_at = Instant(required=True, allow_none=True)
    release_reason = plain.String(required=True, allow_none=True)


class StratumSchema(ma.Schema):
    """Both bases of a stratum as frozen."""

    name = plain.String(required=True)
    specialty = plain.String(required=True)
    object_class = plain.String(required=True, allow_none=True)
    listed = Count(required=True)
    eligible = Count(required=True)
    drawn = Count(required=True)


class DrawWaitingSchema(ma.Schema):
    """What a draw waits for."""

    code = plain.String(required=True)
    detail = plain.String(required=True)
    due_at = Instant(required=True, allow_none=True)
    late = Flag(required=True)


class DrawDepositSchema(ma.Schema):
    """A sealed deposit: who in which role, and the commitment; the value never."""

    id = Id(required=True)
    draw_no = plain.String(required=True, allow_none=True)
    number = Count(1, required=True, allow_none=True)
    role = plain.String(required=True)
    hash = Choice(HashName, required=True)
    commitment = Sha256(required=True)
    deposited_at = Instant(required=True)


class DrawSchema(ma.Schema):
    """A draw as it stands."""

    id = Id(required=True)
    version = Count(1, required=True)
    draw_no = plain.String(required=True)
    plan_id = Id(required=True)
    plan_name = plain.String(required=True, attribute="plan.name")
    kind = Choice(DrawKind, required=True, attribute="plan.kind")
    period = plain.String(required=True)
    year = Count(required=True)
    state = Choice(DrawState, required=True)
    level = Choice(Level, required=True)
    draw_on = Day(required=True)
    due_on = Day(required=True)
    reveal = plain.String(required=True)
    team_size = Count(required=True)
    list_public = Flag(required=True)
    deposits_close_at = Instant(required=True, allow_none=True)
    opens_at = Instant(required=True, allow_none=True)
    dice_until_at = Instant(required=True, allow_none=True)
    strata = plain.List(plain.Nested(StratumSchema), required=True, attribute="summary")
    manifest_sha256 = Sha256(required=True, allow_none=True)
    result_sha256 = Sha256(required=True, allow_none=True)
    held_code = plain.String(required=True, allow_none=True)
    held_detail = plain.String(required=True, allow_none=True)
    reminders = Count(required=True)
    void_reason = plain.String(required=True, allow_none=True)
    planned_at = Instant(required=True)
    frozen_at = Instant(required=True, allow_none=True)
    announced_at = Instant(required=True, allow_none=True)
    seeded_at = Instant(required=True, allow_none=True)
    drawn_at = Instant(required=True, allow_none=True)
    published_at = Instant(required=True, allow_none=True)
    voided_at = Instant(required=True, allow_none=True)


class DrawDetailSchema(DrawSchema):
    """A draw with its deposits, its sealed dice, and what it waits for."""

    deposits = plain.List(plain.Nested(DrawDepositSchema), required=True)
    dice = plain.String(required=True, allow_none=True)
    waiting = plain.Nested(DrawWaitingSchema, required=True, allow_none=True)
    shortfalls = plain.List(plain.Nested(ShortfallSchema), required=True)


class DrawQuerySchema(PageSchema):
    """Query of the draws."""

    year = Count(2020, 2099, load_default=absent)
    state = Choice(DrawState, load_default=absent)


class NewDrawDepositSchema(ma.Schema):
    """A deposit: 32 bytes as 64 hex digits, or nothing: then the server draws them for you."""

    value = Text(
        max=64,
        min=64,
        pattern=_HEX64,
        hint="应为 64 位小写十六进制数。",
        load_default=None,
        allow_none=True,
    )


class NewStandingDepositSchema(NewDrawDepositSchema):
    """A deposit for the next sealed draw."""

    hash = Choice(HashName, load_default=HashName.SHA256)


class DiceSchema(ma.Schema):
    """What the twenty dice show, in the order announced."""

    digits = Text(
        max=DICE_DIGITS,
        min=DICE_DIGITS,
        pattern=rf"^[0-9]{{{DICE_DIGITS}}}$",
        hint=f"应为 {DICE_DIGITS} 个数字，中间不留空格。",
        required=True,
    )


class BeaconSchema(ma.Schema):
    """What the sources of a beacon draw show, one text for each, in the order announced."""

    values = plain.List(
        Text(max=100, min=1),
        required=True,
        validate=ma.validate.Length(1, 5),
        metadata={"minItems": 1, "maxItems": 5},
    )


class DiceEnteredSchema(ma.Schema):
    """Whether the digits are the first of two or sealed, and where the draw stands now."""

    state = Choice(EntropyState, required=True)
    draw_no = plain.String(required=True)
    draw_state = Choice(DrawState, required=True)


class DrawFileSchema(ma.Schema):
    """A file of a draw that you may read."""

    name = plain.String(required=True)
    sha256 = Sha256(required=True)
    size_bytes = Count(required=True)
    audience = plain.String(required=True)
    public_from = Instant(required=True, allow_none=True)


class DrawFilesSchema(ma.Schema):
    """The files of a draw that you may read."""

    items = plain.List(plain.Nested(DrawFileSchema), required=True)


class ProofQuerySchema(ma.Schema):
    """Whose line is to be proved."""

    archive_no = Text(max=23, required=True)


class LineProofSchema(ma.Schema):
    """A line of a private list: leaf SHA-256(00, salt, line), node SHA-256(01, left, right)."""

    line = plain.String(required=True)
    salt = plain.String(required=True)
    number = Count(required=True)
    size = Count(required=True)
    proof = plain.List(plain.String(), required=True)


class LineProofsSchema(ma.Schema):
    """The lines of one unit: saved as `line.json`, the verifiers take it with `--own`."""

    draw_no = plain.String(required=True)
    items = plain.List(plain.Nested(LineProofSchema), required=True)


class DrawSelectionSchema(ma.Schema):
    """A drawn unit or reserve with its lot."""

    id = Id(required=True)
    stratum = plain.String(required=True)
    weight = Count(required=True)
    rank = Count(1, required=True)
    kind = Choice(SelectionKind, required=True)
    archive_no = plain.String(required=True)
    ticket = Sha256(required=True)
    unit_id = Id(required=True)
    task_id = Id(required=True, allow_none=True)


class DrawSelectionQuerySchema(PageSchema):
    """Query of a selection."""

    kind = Choice(SelectionKind, load_default=absent)


# ---- changes after the result --------------------------------------------------------------------

_CODE = r"^[a-z0-9][a-z0-9-]*$"


def _cause(**options: Any) -> Text:
    return Text(max=60, pattern=_CODE, hint="应为目录中的变更原因代码。", **options)


def _evidence(**options: Any) -> plain.List[Any]:
    return plain.List(Sha256(), validate=ma.validate.Length(max=50), **options)


class NewReserveSkipSchema(ma.Schema):
    """A reserve that cannot be visited either, with a reason and evidence of its own."""

    archive_no = Text(max=23, required=True)
    cause = _cause(required=True)
    note = Text(max=1000, required=True)
    evidence = _evidence(required=True)


class NewReplacementSchema(ma.Schema):
    """Why a drawn unit cannot be visited, and what shows it; the next reserve follows.

    Where its closing as replaced is proposed already, that proposal's evidence is taken over.
    """

    task_id = Id(required=True)
    cause = _cause(required=True)
    note = Text(max=1000, required=True)
    evidence = _evidence(load_default=list)
    skips = plain.List(
        plain.Nested(NewReserveSkipSchema), load_default=list, validate=ma.validate.Length(max=50)
    )


class NewRedrawSchema(ma.Schema):
    """Whose place on which team is to be drawn anew, and why."""

    task_id = Id(required=True)
    officer_id = Id(required=True)
    cause = _cause(required=True)
    note = Text(max=1000, required=True)


class DrawChangeQuerySchema(PageSchema):
    """Query of the changes of a draw."""

    state = Choice(ChangeState, load_default=absent)
    kind = Choice(ChangeKind, load_default=absent)


class DrawReserveSkipSchema(ma.Schema):
    """A reserve that was passed over; `automatic`: for what the register says."""

    archive_no = plain.String(required=True)
    rank = Count(1, required=True)
    cause = plain.String(required=True)
    note = plain.String(required=True)
    evidence = plain.List(Sha256(), required=True)
    automatic = Flag(required=True)
    skipped_at = Instant(required=True)


class DrawChangeSchema(ma.Schema):
    """A change of a result; `number` counts those carried out, `record` is what the public reads.

    `held_detail` says why the place of an officer still waits.
    """

    id = Id(required=True)
    version = Count(1, required=True)
    draw_no = plain.String(required=True)
    number = Count(1, required=True, allow_none=True)
    kind = Choice(ChangeKind, required=True)
    kind_name = plain.String(required=True)
    state = Choice(ChangeState, required=True)
    state_name = plain.String(required=True)
    stratum = plain.String(required=True)
    archive_no = plain.String(required=True)
    task_id = Id(required=True)
    cause = plain.String(required=True)
    note = plain.String(required=True)
    evidence = plain.List(Sha256(), required=True)
    officer_out_id = Id(required=True, allow_none=True)
    officer_in_id = Id(required=True, allow_none=True)
    after_freeze = Flag(required=True)
    redraw_no = Count(1, required=True, allow_none=True)
    reserve_archive_no = plain.String(required=True, allow_none=True)
    new_task_id = Id(required=True, allow_none=True)
    skipped = plain.List(plain.Nested(DrawReserveSkipSchema), required=True)
    held_code = plain.String(required=True, allow_none=True)
    held_detail = plain.String(required=True, allow_none=True)
    proposed_at = Instant(required=True)
    proposed_by_kind = plain.String(required=True)
    proposed_by_id = Id(required=True, allow_none=True)
    approved_at = Instant(required=True, allow_none=True)
    approved_by_id = Id(required=True, allow_none=True)
    approved_reason = plain.String(required=True, allow_none=True)
    confirmed_at = Instant(required=True, allow_none=True)
    confirmed_by_id = Id(required=True, allow_none=True)
    carried_out_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    ended_by_id = Id(required=True, allow_none=True)
    ended_reason = plain.String(required=True, allow_none=True)
    record = plain.Dict(keys=plain.String(), required=True, allow_none=True)


class NewTopUpSchema(ma.Schema):
    """How many of which strata are missing, when they are drawn, and why."""

    strata = plain.Dict(
        keys=Text(max=100),
        values=Count(1, MOST),
        required=True,
        validate=ma.validate.Length(1, 100),
        metadata={"minProperties": 1, "maxProperties": 100},
    )
    level = Choice(Level, required=True)
    draw_on = Day(required=True)
    due_on = Day(required=True)
    reason = Text(max=500, required=True)


class DrawFigureSchema(ma.Schema):
    """In how many places of officers somebody else goes than was drawn, recusals included.

    `kept`: within the cap, a fraction; beyond it a change needs an approval.
    """

    changed = Count(required=True)
    total = Count(required=True)
    cap = plain.List(Count(), required=True)
    share = plain.String(required=True)
    kept = Flag(required=True)
