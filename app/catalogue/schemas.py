"""The shapes of a catalogue row and of one that supersedes it."""

from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields as plain

from app import canonical
from app.catalogue.service import Kind
from app.fields import Choice, Count, Day, Flag, Id, Text, absent, is_control
from app.problems import PageSchema

MAX_BODY = 65_536  # characters of the canonical text


class Body(plain.Dict):
    """The members of a row: JSON as the journal writes it, and nothing a database refuses."""

    default_error_messages = {
        "invalid": "应为对象。",
        "json": "成员名应为小写字母、数字和下划线；数值应为整数；不得含控制字符；嵌套不得过深。",
        "large": "内容过长。",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        try:
            text = canonical.dumps(value)
        except canonical.NotCanonical as error:
            raise self.make_error("json") from error
        if len(text) > MAX_BODY:
            raise self.make_error("large")
        if any(is_control(character) for found in _texts(value) for character in found):
            raise self.make_error("json")
        return value


def _texts(value: Any) -> Iterator[str]:
    """Return every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


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

    on = Day(load_default=absent)


class CatalogueQuerySchema(PageSchema, OnSchema):
    """Query of the rows of a kind."""


class NewCatalogueRowSchema(ma.Schema):
    """A row that holds from a day on, with the members of the row it supersedes."""

    body = Body(required=True, metadata={"example": {"name": "住宿场所"}})
    effective_from = Day(required=True)
    source = Text(max=1000, required=True)
    confirmed = Flag(load_default=True)
    note = Text(max=1000, min=0, load_default=None, allow_none=True)
