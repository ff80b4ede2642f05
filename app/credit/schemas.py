"""The shape of credit over HTTP."""

import marshmallow as ma
from marshmallow import fields

from app.credit.grading import ScoringOutcome
from app.credit.rules import (
    DutyKind,
    EntryKind,
    ExceptionState,
    NoticeState,
    PledgePart,
    RepairState,
)
from app.fields import Choice, Count, Day, Flag, Id, Instant, Sha256, Text
from app.problems import PageSchema


class CreditEntryQuerySchema(PageSchema):
    """Query of the entries of an agency, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    kind = Choice(EntryKind, load_default=None, allow_none=True)
    reference = Text(max=200, load_default=None, allow_none=True)


class CreditEntrySchema(ma.Schema):
    """An entry; `about_id` is what a repair or a reversal is about."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True, allow_none=True)
    kind = Choice(EntryKind, required=True)
    reference = Text(max=200, required=True)
    decided_on = Day(required=True)
    tier = Text(max=100, required=True, allow_none=True)
    points = Count(0, required=True, allow_none=True)
    about_id = Id(required=True, allow_none=True)
    reason = Text(max=1000, required=True, allow_none=True)
    data = fields.Dict(required=True)
    recorded_at = Instant(required=True)


class ReverseEntrySchema(ma.Schema):
    """Why an entry is taken out of the record: a won appeal, a mistake."""

    reason = Text(max=1000, required=True)


class NewPointsSchema(ma.Schema):
    """Points of an item for a unit; `reference` names the cause, which gives them once."""

    unit_id = Id(required=True)
    item = Text(max=100, required=True)
    reference = Text(max=200, required=True)
    given_on = Day(required=True)


class PointsTallyQuerySchema(ma.Schema):
    """Of which day the points are asked for; today by default."""

    scheme = Text(max=100, load_default="malpractice")
    on = Day(load_default=None, allow_none=True)


class PointsThresholdSchema(ma.Schema):
    """From how many points on what follows."""

    points = Count(1, required=True)
    effect = Text(max=500, required=True)


class PointsTallySchema(ma.Schema):
    """The points of a unit that stand in a cycle."""

    scheme = Text(max=100, required=True)
    from_on = Day(required=True, attribute="cycle.from_on")
    until_on = Day(required=True, attribute="cycle.until_on")
    total = Count(required=True)
    thresholds = fields.List(fields.Nested(PointsThresholdSchema), required=True)


class NewPointsCycleSchema(ma.Schema):
    """The days over which a unit's points add up: those of its 校验."""

    unit_id = Id(required=True)
    scheme = Text(max=100, load_default="malpractice")
    from_on = Day(required=True)
    until_on = Day(required=True)


class PointsCycleSchema(NewPointsCycleSchema):
    """A cycle of a unit."""

    id = Id(required=True)


class PointsNoticeQuerySchema(PageSchema):
    """Query of the notices of an agency, in the order of their ids."""

    state = Choice(NoticeState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)


class PointsNoticeSchema(ma.Schema):
    """What the licensing section is told."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    scheme = Text(max=100, required=True)
    cycle_from = Day(required=True)
    cycle_until = Day(required=True)
    threshold = Count(1, required=True)
    effect = Text(max=500, required=True)
    total = Count(required=True)
    state = Choice(NoticeState, required=True)
    due_at = Instant(required=True)
    sent_at = Instant(required=True, allow_none=True)


class ItemScoreSchema(ma.Schema):
    """An item's score in tenths of a point; null where it does not apply 合理缺项."""

    item = Text(max=100, required=True)
    tenths = Count(0, 10_000, required=True, allow_none=True)


class NewCreditScoringSchema(ma.Schema):
    """A filled-in score sheet; `reference` is its number."""

    unit_id = Id(required=True)
    sheet = Text(max=100, required=True)
    reference = Text(max=200, required=True)
    scored_on = Day(required=True)
    object_class = Text(max=100, load_default=None, allow_none=True)
    scores = fields.List(
        fields.Nested(ItemScoreSchema), required=True, validate=ma.validate.Length(min=1, max=200)
    )


class CreditGradeSchema(ma.Schema):
    """A grade under its scheme; null where the unit was scored and gets none."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True)
    scheme = Text(max=100, required=True)
    object_class = Text(max=100, required=True, allow_none=True)
    reference = Text(max=200, required=True)
    grade = Text(max=100, required=True, allow_none=True)
    draw_class = Text(max=10, required=True, allow_none=True)
    reasons = fields.List(Text(max=2000), required=True)
    rule_from = Day(required=True)
    from_on = Day(required=True)
    until_on = Day(required=True, allow_none=True)
    void_reason = Text(max=1000, required=True, allow_none=True)
    graded_at = Instant(required=True)
    voided_at = Instant(required=True, allow_none=True)


class CreditScoringSchema(ma.Schema):
    """A score sheet and what it came to; the standard score is in hundredths."""

    id = Id(required=True)
    unit_id = Id(required=True)
    scheme = Text(max=100, required=True)
    object_class = Text(max=100, required=True, allow_none=True)
    reference = Text(max=200, required=True)
    sheet = Text(max=100, required=True)
    sheet_from = Day(required=True)
    scored_on = Day(required=True)
    got_tenths = Count(required=True)
    due_tenths = Count(required=True)
    hundredths = Count(required=True, allow_none=True)
    key_failed = fields.List(Text(max=100), required=True)
    outcome = Choice(ScoringOutcome, required=True)
    grade = fields.Nested(CreditGradeSchema, required=True, allow_none=True)
    recorded_at = Instant(required=True)


class CreditScoringQuerySchema(PageSchema):
    """Query of the scorings of an agency, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)
    scheme = Text(max=100, load_default=None, allow_none=True)


class CreditGradeQuerySchema(CreditScoringQuerySchema):
    """Query of the grades of an agency; `on`: those in force on a day."""

    on = Day(load_default=None, allow_none=True)


class NewCreditGradeSchema(ma.Schema):
    """A grade that an assessment came to, with its scheme."""

    unit_id = Id(required=True)
    scheme = Text(max=100, required=True)
    grade = Text(max=100, required=True)
    reference = Text(max=200, required=True)
    from_on = Day(required=True)
    until_on = Day(load_default=None, allow_none=True)
    object_class = Text(max=100, load_default=None, allow_none=True)
    reason = Text(max=1000, required=True)


class VoidCreditGradeSchema(ma.Schema):
    """Why a grade never held."""

    reason = Text(max=1000, required=True)


class RepairPartSchema(ma.Schema):
    """A paper of an application, by its hash in the evidence."""

    kind = Choice(PledgePart, required=True)
    sha256 = Sha256(required=True)


class NewCreditRepairSchema(ma.Schema):
    """An application for repair, with the pledge 信用承诺 in its words."""

    entry_id = Id(required=True)
    applicant = Text(max=200, required=True)
    agent = Text(max=200, load_default=None, allow_none=True)
    pledge = Text(max=4000, required=True)
    pledged_on = Day(required=True)
    parts = fields.List(
        fields.Nested(RepairPartSchema), required=True, validate=ma.validate.Length(max=50)
    )


class OpenDutySchema(ma.Schema):
    """What the office's own register had open at the check: so much money, or which order."""

    kind = Choice(DutyKind, required=True)
    amount_fen = Count(0, required=True, allow_none=True)
    number = Text(max=100, required=True, allow_none=True)


class CreditRepairSchema(ma.Schema):
    """An application and how far it is; `open_duties` is null before the check."""

    id = Id(required=True)
    version = Count(1, required=True)
    unit_id = Id(required=True, allow_none=True)
    entry_id = Id(required=True)
    state = Choice(RepairState, required=True)
    applicant = Text(max=200, required=True)
    agent = Text(max=200, required=True, allow_none=True)
    pledge = Text(max=4000, required=True)
    pledged_on = Day(required=True)
    parts = fields.List(fields.Nested(RepairPartSchema), required=True)
    applied_on = Day(required=True)
    min_end = Day(required=True)
    due_on = Day(required=True, allow_none=True)
    due_reason = Text(max=100, required=True, allow_none=True)
    fulfilled = Flag(required=True, allow_none=True)
    check_note = Text(max=2000, required=True, allow_none=True)
    open_duties = fields.List(fields.Nested(OpenDutySchema), required=True, allow_none=True)
    open_reason = Text(max=1000, required=True, allow_none=True)
    opinion = Text(max=2000, required=True, allow_none=True)
    repair_entry_id = Id(required=True, allow_none=True)
    applied_at = Instant(required=True)
    checked_at = Instant(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)


class CreditRepairQuerySchema(PageSchema):
    """Query of the applications of an agency, in the order of their ids."""

    state = Choice(RepairState, load_default=None, allow_none=True)
    unit_id = Id(load_default=None, allow_none=True)
    entry_id = Id(load_default=None, allow_none=True)


class CheckCreditRepairSchema(ma.Schema):
    """Whether the duties of the penalty were fulfilled 履罚核实.

    `open_reason` says why they were although the office's own register has some of them open.
    """

    fulfilled = Flag(required=True)
    note = Text(max=2000, required=True)
    open_reason = Text(max=1000, load_default=None, allow_none=True)


class DecideCreditRepairSchema(ma.Schema):
    """The decision, with the opinion as the unit that decided on the penalty 认定单位."""

    approve = Flag(required=True)
    opinion = Text(max=2000, required=True)


class NewCreditExceptionSchema(ma.Schema):
    """Which decision is to be shown by exception 例外公示, and why."""

    entry_id = Id(required=True)
    reason = Text(max=2000, required=True)


class DecideCreditExceptionSchema(ma.Schema):
    """What another person decides, and why."""

    confirm = Flag(required=True)
    opinion = Text(max=2000, required=True)


class CreditExceptionSchema(ma.Schema):
    """An exception and what was decided about it."""

    id = Id(required=True)
    version = Count(1, required=True)
    entry_id = Id(required=True)
    state = Choice(ExceptionState, required=True)
    reason = Text(max=2000, required=True)
    opinion = Text(max=2000, required=True, allow_none=True)
    proposed_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)


class CreditExceptionQuerySchema(PageSchema):
    """Query of the exceptions of an agency, in the order of their ids."""

    state = Choice(ExceptionState, load_default=None, allow_none=True)
    entry_id = Id(load_default=None, allow_none=True)


class NewCooperationSchema(ma.Schema):
    """What another organ or the credit platform asks for 协同处理."""

    from_organ = Text(max=200, required=True)
    subject = Text(max=2000, required=True)
    received_on = Day(required=True)
    unit_id = Id(load_default=None, allow_none=True)


class CooperationSchema(NewCooperationSchema):
    """A request and its answer."""

    id = Id(required=True)
    version = Count(1, required=True)
    answer = Text(max=4000, required=True, allow_none=True)
    answered_at = Instant(required=True, allow_none=True)


class CooperationQuerySchema(PageSchema):
    """Query of the requests that an agency got, in the order of their ids."""

    unit_id = Id(load_default=None, allow_none=True)


class AnswerCooperationSchema(ma.Schema):
    """The answer to a request."""

    answer = Text(max=4000, required=True)


class CreditFiguresQuerySchema(ma.Schema):
    """The period, both days in it."""

    from_on = Day(required=True)
    until_on = Day(required=True)


class CreditFiguresSchema(ma.Schema):
    """What happened in a period, zeros too, with the ids behind each number."""

    repairs = Count(required=True)
    repaired_units = Count(required=True)
    repair_ids = fields.List(Id(), required=True)
    checks = Count(required=True)
    checked_units = Count(required=True)
    check_ids = fields.List(Id(), required=True)
    cooperations = Count(required=True)
    cooperation_ids = fields.List(Id(), required=True)


class CreditStandingSchema(ma.Schema):
    """How a unit stands: its class for a draw of today and why, grades in force, points."""

    unit_id = Id(required=True)
    on = Day(required=True)
    draw_class = Text(max=10, required=True, allow_none=True)
    from_register = Flag(required=True)
    entry_ids = fields.List(Id(), required=True)
    grades = fields.List(fields.Nested(CreditGradeSchema), required=True)
    points = fields.Nested(PointsTallySchema, required=True)
