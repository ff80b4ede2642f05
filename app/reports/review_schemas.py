"""The shapes of reviews of case files and of cost figures over HTTP."""

import marshmallow as ma
from marshmallow import fields, validate

from app.fields import Count, Day, Id, Instant, Sha256, Text, absent
from app.problems import PageSchema

_SEED = r"^[0-9A-Za-z]{8,64}$"


class NewReviewSchema(ma.Schema):
    """Files closed in the days, how many, by whom, by which seed (dice, say)."""

    name = Text(max=100, required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    size = Count(1, 200, required=True)
    seed = Text(max=64, min=8, pattern=_SEED, hint="应为8至64位数字或字母。", required=True)
    reviewer_ids = fields.List(Id(), required=True, validate=validate.Length(min=1, max=50))


class JudgementSchema(ma.Schema):
    """Points for one criterion; points that are taken have a reason."""

    code = Text(max=60, required=True)
    points = Count(0, 1000, required=True)
    note = Text(max=500, load_default=None, allow_none=True)


class JudgeFileSchema(ma.Schema):
    """What a reviewer found in a file."""

    case_id = Id(required=True)
    judgements = fields.List(
        fields.Nested(JudgementSchema), required=True, validate=validate.Length(min=1, max=50)
    )
    note = Text(max=1000, load_default=None, allow_none=True)


class ReviewedFileSchema(ma.Schema):
    """A file that was drawn, and what its reviewer found."""

    case_id = Id(required=True)
    place = Count(1, required=True)
    ticket = Sha256(required=True)
    reviewer_id = Id(required=True)
    findings = fields.List(fields.Nested(JudgementSchema), required=True, allow_none=True)
    points = Count(required=True, allow_none=True)
    points_of = Count(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    judged_at = Instant(required=True, allow_none=True)


class ReviewResultSchema(ma.Schema):
    """What a review came to: points out of 100 on the mean, points lost by criterion."""

    judged = Count(required=True)
    passed = Count(required=True)
    mean = fields.String(required=True, allow_none=True)
    lost = fields.Dict(keys=fields.String(), values=Count(), required=True)


class FileReviewSchema(ma.Schema):
    """A review; with seed and population anybody draws the same files."""

    id = Id(required=True)
    version = Count(1, required=True)
    name = fields.String(required=True)
    from_on = Day(required=True)
    until_on = Day(required=True)
    seed = fields.String(required=True)
    criteria_on = Day(required=True)
    population = Count(required=True)
    population_sha256 = Sha256(required=True)
    drawn_at = Instant(required=True)
    files = fields.List(fields.Nested(ReviewedFileSchema), required=True)


class ShownReviewSchema(FileReviewSchema):
    """A review with what it came to."""

    result = fields.Nested(ReviewResultSchema, required=True)


class CostQuerySchema(ma.Schema):
    """The days, both included: without `from` the year of `until`, without it until today."""

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)


class CostLineSchema(ma.Schema):
    """What the visits of a specialty took; `unclear` attendances are in no hours."""

    specialty = fields.String(required=True)
    tasks = Count(required=True)
    visits = Count(required=True)
    officer_hours = fields.String(required=True)
    hours_per_task = fields.String(required=True)
    hours_per_visit = fields.String(required=True)
    samples = Count(required=True)
    samples_per_task = fields.String(required=True)
    unclear = Count(required=True)


class TaskCostQuerySchema(PageSchema):
    """The same days, and the specialty whose tasks are listed; without it all."""

    from_on = Day(load_default=absent)
    until_on = Day(load_default=absent)
    specialty = Text(max=60, load_default=absent)


class TaskCostSchema(ma.Schema):
    """What one task took in the days; `unclear` attendances are in no hours."""

    task_id = Id(required=True)
    task_no = fields.String(required=True)
    specialty = fields.String(required=True)
    archive_no = fields.String(required=True)
    unit_name = fields.String(required=True)
    visits = Count(required=True)
    officer_hours = fields.String(required=True)
    samples = Count(required=True)
    unclear = Count(required=True)


class CostsSchema(ma.Schema):
    """Cost figures by specialty."""

    from_on = Day(required=True)
    until_on = Day(required=True)
    lines = fields.List(fields.Nested(CostLineSchema), required=True)
