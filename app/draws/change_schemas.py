"""The JSON shape of what people change of a result."""

from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app.draws.changelog import ChangeKind, ChangeState
from app.draws.plan_schemas import MOST
from app.draws.stages import Level
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema

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
