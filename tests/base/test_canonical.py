"""Canonical JSON and the golden vector of a stream's first entry."""

import json
import tracemalloc
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import canonical
from app.journal.rules import GENESIS, entry_hash, entry_text

FIRST_ENTRY = {
    "actor_id": None,
    "actor_kind": "timetable",
    "agency_id": None,
    "at": "2026-11-20T16:00:00.000Z",
    "data": {"on": "2026-11-20"},
    "device_id": None,
    "event": "journal.head-published",
    "op_id": None,
    "prev_hash": GENESIS,
    "seq": 1,
    "stream": "310105",
    "subject_id": None,
    "subject_type": None,
    "subject_version": None,
}


def test_the_first_entry_of_a_stream_has_the_published_hash() -> None:
    assert (
        entry_hash(entry_text(FIRST_ENTRY))
        == "9df3699b8f976962f1a55de20b50d166bf3bcb577d04952f9c53035306973cda"
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.0}',
        '{"a":1e3}',
        '{"a":NaN}',
        '{"a": 1}',
        '{"b":1,"a":2}',
        '{"a":1,"a":1}',
        '{"10":1}',
        '{"A":1}',
        '{"a":"\\ud800"}',
        '{"a":9007199254740992}',
        "[" * 18 + "]" * 18,
        "[" * 100_000 + "]" * 100_000,
        '{"a":"\\u4e2d"}',
        '{"a\\n":1}',
        '{"a":1,"a\\nb":2}',
        "",
        "nonsense",
    ],
)
def test_what_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.loads(text)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {None: 1}}, {"a": {"b": 1, 2: 3}}, {"a": [0.5]}])
def test_what_json_would_bend_is_not_written(value: object) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps(value)


def test_keys_leave_nothing_behind_in_memory() -> None:
    def push(number: int) -> None:
        canonical.dumps({f"k{number:04}" + "x" * 100_000: 1})

    push(0)
    tracemalloc.start()
    for number in range(1, 50):
        push(number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    text = canonical.dumps(value)
    assert canonical.loads(text) == value
    assert json.loads(text) == value


NAMES = StrEnum("NAMES", {"ANSWERED": "answered", "AT": "at"})


@given(values, st.sampled_from(NAMES), st.binary(max_size=40))
def test_it_is_what_pythons_own_encoder_writes(value: object, name: NAMES, raw: bytes) -> None:
    value = {"inner": value, name: name, "text": raw.decode("latin-1")}
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert canonical.dumps(value) == plain


@given(st.text(st.sampled_from('{}[]",:ab1-.e\\u0 \n'), max_size=30))
def test_whatever_is_read_is_written_in_the_same_bytes(text: str) -> None:
    try:
        value = canonical.loads(text)
    except canonical.NotCanonical:
        return
    assert canonical.dumps(value) == text
    assert json.loads(text, parse_float=pytest.fail) == value


@pytest.mark.parametrize("value", ["\ud800", 2**53, -(2**53), 2**70, {"a": [{"b": "x\udfff"}]}])
def test_what_other_languages_cannot_read_is_not_written(value: object) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps(value)


def test_ids_are_written_as_their_text_where_that_is_asked_for() -> None:
    one = UUID("0192f0c1-2345-7678-9abc-def012345678")
    value = {"id": one, "in": [{"id": one}], "kind": "x"}
    assert canonical.dumps_with_ids(value) == canonical.dumps(
        {"id": str(one), "in": [{"id": str(one)}], "kind": "x"}
    )
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps(value)
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps_with_ids({"a": [1.5]})
