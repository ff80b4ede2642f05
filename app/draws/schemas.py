"""The shapes of draws, deposits and dice."""

import marshmallow as ma
from marshmallow import fields as plain

from app.draws.plan_schemas import ShortfallSchema
from app.draws.stages import (
    DICE_DIGITS,
    DrawKind,
    DrawState,
    EntropyState,
    HashName,
    Level,
    SelectionKind,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema

_HEX64 = r"^[0-9a-f]{64}$"


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
