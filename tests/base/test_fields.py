"""The fields of the API refuse exactly what the OpenAPI document says they refuse."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import jsonschema_rs
import marshmallow as ma
import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields as plain
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from app import canonical, fields


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


FIELDS: dict[str, plain.Field[Any]] = {
    "text": fields.Text(max=5),
    "note": fields.Text(max=5, min=0, allow_none=True),
    "login": fields.Text(max=9, pattern=r"^[a-z][a-z0-9]*$"),
    "id": fields.Id(),
    "day": fields.Day(),
    "instant": fields.Instant(),
    "sha256": fields.Sha256(),
    "count": fields.Count(1, 9),
    "flag": fields.Flag(),
    "choice": fields.Choice(Colour, allow_none=True),
}
SAMPLES: list[Any] = [
    None, True, False, 0, 1, 9, 10, 1.0, 1.5, -1, 2**63, "", " ", "1", "red", "RED", "a", "a\n",
    "a1\n", "住宿场所", "住宿场所啊啊", "a\tb\nc", "a\rb", "a\x00b", "a\x85", "😀😀😀😀😀",
    "2026-11-20", "2026-11-20\n", "20261120", "0001-01-01", "2026-13-01",
    "2026-11-20T01:02:03.004Z",
    "2026-11-20T01:02:03Z", "2026-11-20T25:02:03.004Z", "2026-11-20T01:02:03.004+00:00",
    "0197a5b0-0000-7000-8000-000000000001", "0197A5B0-0000-7000-8000-000000000001",
    "{0197a5b0-0000-7000-8000-000000000001}", "0197a5b0000070008000000000000001", "f" * 64,
    "F" * 64, "f" * 64 + "\n", [], {}, ["red"],
]  # fmt: skip


def documented(name: str) -> Any:
    spec = APISpec("t", "1", "3.1.0", plugins=[MarshmallowPlugin()])
    spec.components.schema("One", schema=ma.Schema.from_dict({"value": FIELDS[name]}))
    found: dict[str, Any] = spec.to_dict()["components"]["schemas"]["One"]["properties"]["value"]
    return jsonschema_rs.Draft202012Validator(found, validate_formats=True)


def loads(name: str, value: Any) -> bool:
    schema = ma.Schema.from_dict({"value": FIELDS[name]})()
    return not schema.validate({"value": value})


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_takes_exactly_what_its_description_allows(name):
    validator = documented(name)
    for sample in SAMPLES:
        assert loads(name, sample) == validator.is_valid(sample), (name, sample)


@given(st.text(max_size=7))
def test_text_takes_exactly_what_its_description_allows(sample):
    assert loads("note", sample) == documented("note").is_valid(sample)


def test_a_lone_surrogate_is_refused():
    assert not loads("text", "a\ud800")


def test_a_day_that_no_calendar_has_is_refused():
    assert not loads("day", "2026-02-30")


def test_numbers_and_truth_values_are_text_in_a_query_only():
    schema = ma.Schema.from_dict({"n": fields.Count(0, 9), "f": fields.Flag()})()
    query = MultiDictProxy(MultiDict({"n": "7", "f": "true"}), schema)
    assert schema.load(query) == {"n": 7, "f": True}
    assert set(schema.validate({"n": "7", "f": "true"})) == {"n", "f"}
    for digits in ("\uff17", "1_0", " 7", "7.0", "1e0"):
        wrong = MultiDictProxy(MultiDict({"n": digits}), schema)
        assert schema.validate(wrong), digits


def test_values_become_what_services_take_and_go_out_as_they_came_in():
    names = ["id", "day", "instant", "choice"]
    schema = ma.Schema.from_dict({name: FIELDS[name] for name in names})()
    given_values = {
        "id": "0197a5b0-0000-7000-8000-000000000001",
        "day": "2026-11-20",
        "instant": "2026-11-20T01:02:03.004Z",
        "choice": "blue",
    }
    loaded = schema.load(given_values)
    assert loaded["id"] == UUID(given_values["id"])
    assert loaded["choice"] is Colour.BLUE
    assert canonical.instant(loaded["instant"]) == given_values["instant"]
    assert schema.dump(loaded) == given_values
    assert schema.dump({"choice": "red"}) == {"choice": "red"}  # as a column holds it


def test_every_message_is_chinese():
    class Inner(ma.Schema):
        x = fields.Count(required=True)

    class Outer(ma.Schema):
        items = plain.List(fields.Text(max=3), validate=ma.validate.Length(1, 2))
        few = plain.List(fields.Text(max=3), validate=ma.validate.Length(max=0))
        inner = plain.Nested(Inner)
        other = plain.Nested(Inner)
        day = fields.Day(required=True)
        none = fields.Flag()
        one_of = plain.String(validate=ma.validate.OneOf(["a"]))
        words = plain.String()

    messages = Outer().validate(
        {"items": [], "few": ["a"], "inner": {}, "other": 3, "none": None, "extra": 1}
        | {"one_of": "b", "words": 1}
    )
    texts: list[str] = []

    def gather(value: Any) -> None:
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, str):
                texts.append(inner)
            else:
                gather(inner)

    gather(messages)
    assert len(texts) == 9
    assert not [text for text in texts if text.isascii()]
