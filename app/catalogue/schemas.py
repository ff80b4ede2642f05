"""The shapes of a catalogue row and of one that supersedes it."""

import json
from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app.catalogue.service import Kind
from app.fields import MAX_INTEGER, Choice, Count, Day, Flag, Id, Text, absent, has_control
from app.problems import PageSchema

MAX_BODY = 65_536  # characters of the JSON text
MAX_DEPTH = 16


class Body(plain.Dict):
    """The members of a row: JSON of bounded size and depth, numbers whole, texts storable."""

    default_error_messages = {
        "invalid": "应为对象。",
        "json": "数值应为整数，文本不得含控制字符，嵌套不得过深。",
        "large": "内容过长。",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        if not _storable(value, MAX_DEPTH):
            raise self.make_error("json")
        if len(json.dumps(value, ensure_ascii=False)) > MAX_BODY:
            raise self.make_error("large")
        return value


def _storable(value: Any, depth: int) -> bool:
    """Tell whether a JSON value has nothing that a database or a rule could stumble over."""
    if depth < 0 or isinstance(value, float):
        return False
    if isinstance(value, str):
        return not has_control(value)
    if isinstance(value, dict):
        return all(_storable(inner, depth - 1) for pair in value.items() for inner in pair)
    if isinstance(value, list):
        return all(_storable(inner, depth - 1) for inner in value)
    return value is None or abs(value) <= MAX_INTEGER


class CatalogueRowSchema(ma.Schema):
    """One dated row of the catalogue."""

    id = Id(required=True)
    version = Count(1, required=True)
    kind = Choice(Kind, required=True)
    code = Text(max=100, required=True)
    body = plain.Dict(required=True)
    effective_from = Day(required=True)
    effective_to = Day(required=True, allow_none=True)
    source = Text(max=1000, required=True)
    confirmed = Flag(required=True)
    note = Text(max=1000, min=0, required=True, allow_none=True)


class OnSchema(ma.Schema):
    """The local day on which rows are to hold; today where none is given."""

    on = Day(load_default=absent, metadata={"example": "2026-11-21"})


class CatalogueQuerySchema(PageSchema, OnSchema):
    """Query of the rows of a kind."""


class NewCatalogueRowSchema(ma.Schema):
    """A row that holds from a day on, with the members of the row it supersedes."""

    body = Body(
        required=True, metadata={"example": {"name": "位置核对半径", "value": 200, "unit": "m"}}
    )
    effective_from = Day(required=True, metadata={"example": "2027-01-01"})
    source = Text(max=1000, required=True, metadata={"example": "某号通知"})
    confirmed = Flag(load_default=True)
    note = Text(max=1000, min=0, load_default=None, allow_none=True)
