"""The shape of suggestions to gather open tasks of a unit in one entry."""

import marshmallow as ma
from marshmallow import fields

from app.caps.rules import Verdict
from app.fields import Choice, Count, Day, Id, Instant, Text, absent
from app.problems import PageSchema

MOST_DAYS = 366


class SuggestionQuerySchema(PageSchema):
    """Within how many days tasks have to fall; without it as the catalogue says."""

    within_days = Count(0, MOST_DAYS, load_default=absent)
    unit_id = Id(load_default=absent)


class SuggestedTaskSchema(ma.Schema):
    """An open task."""

    id = Id(required=True)
    task_no = Text(max=100, required=True)
    specialty = Text(max=100, required=True)
    origin = Text(max=100, required=True)
    state = Text(max=100, required=True)
    due_on = Day(required=True, allow_none=True)


class SuggestedCapSchema(ma.Schema):
    """A cap that an entry would reach, what it says, and how many it had counted."""

    code = Text(max=100, required=True, attribute="cap.code")
    name = Text(max=200, required=True, attribute="cap.name")
    most = Count(required=True, attribute="cap.most")
    used = fields.Function(lambda one: len(one.counted), required=True)
    verdict = Choice(Verdict, required=True)


class SuggestionSchema(ma.Schema):
    """Tasks that one entry by `last_on` would serve; none of them has a day where it is null.

    `caps`: those that this entry would reach; `separate_caps`: those that an entry for each would.
    """

    id = Id(required=True)
    unit_id = Id(required=True)
    last_on = Day(required=True, allow_none=True)
    entries_saved = Count(1, required=True)
    tasks = fields.List(fields.Nested(SuggestedTaskSchema), required=True)
    caps = fields.List(fields.Nested(SuggestedCapSchema), required=True)
    separate_caps = fields.List(fields.Nested(SuggestedCapSchema), required=True)


class NewDismissalSchema(ma.Schema):
    """Which tasks of a unit are not gathered in one entry, and why."""

    task_ids = fields.List(Id(), required=True, validate=ma.validate.Length(2, 100))
    reason = Text(max=1000, required=True)


class DismissalQuerySchema(PageSchema):
    """Query of what was dismissed, in the order of the ids."""

    unit_id = Id(load_default=absent)


class DismissalSchema(ma.Schema):
    """A suggestion that is not followed, and why."""

    id = Id(required=True)
    suggestion_id = Id(required=True)
    unit_id = Id(required=True)
    task_ids = fields.List(Id(), required=True)
    reason = Text(max=1000, required=True)
    dismissed_at = Instant(required=True)
