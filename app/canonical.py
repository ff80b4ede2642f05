"""Canonical JSON: RFC 8785 restricted to integers, so that Python and JavaScript agree on bytes.

UTF-8, no white space, keys `[a-z][a-z0-9_]*` ascending, integers |n| <= 2^53-1, no floating-point
numbers, no lone surrogates, no key twice, depth <= 16.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
MAX_DEPTH = 16
_PLAIN: frozenset[type] = frozenset({str, int, bool, type(None)})
_PLAIN_OR_ID = _PLAIN | {UUID}
_CONTAINERS = (dict, list, tuple)
_REMEMBERED = 1000  # sets of keys, and letters of one: what strangers send fills no memory
_allowed: set[tuple[str, ...]] = set()
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


class NotCanonical(ValueError):
    """The text is not canonical JSON; the message says where."""


def dumps(value: Any) -> str:
    """Return `value` as canonical JSON. Raises NotCanonical for what the rules do not allow.

    What orjson would write by itself (floats, ids, instants) is refused before; lone surrogates and
    integers beyond 2^53-1 it refuses.
    """
    _check(value, MAX_DEPTH, _PLAIN)
    return _written(value)


def dumps_with_ids(value: Any) -> str:
    """Return `value` as canonical JSON; an id in it is written as its text. Raises as `dumps`."""
    _check(value, MAX_DEPTH, _PLAIN_OR_ID)
    return _written(value)


def _written(value: Any) -> str:
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError:
        return _dumps_named(value)


def _dumps_named(value: Any) -> str:
    """Write what orjson refuses: keys that are members of an enumeration are texts like others."""
    try:
        return orjson.dumps(json.loads(json.dumps(value, default=str)), option=_OPTIONS).decode()
    except (TypeError, ValueError) as error:
        raise NotCanonical(str(error)) from error


def digest(text: str) -> str:
    """Return the SHA-256 of the UTF-8 bytes of `text`, lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def loads(text: str) -> Any:
    """Return the value of canonical `text`.

    Raises NotCanonical when the text is no JSON, breaks a rule, or re-serialises to other bytes: a
    key that stands twice does, for only one of the two is read.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotCanonical(f"not JSON: {error}") from error
    if dumps(value) != text:
        raise NotCanonical("not in canonical form")
    return value


@lru_cache(maxsize=1024)  # a batch is told of under one instant, some hundred times
def instant(at: datetime) -> str:
    """Return an aware instant in the wire's form, `2026-11-20T01:02:03.004Z`."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant written in the wire's form. Raises ValueError."""
    if not _INSTANT.match(text):
        raise ValueError(f"not an instant of the wire: {text[:40]!r}")
    return datetime.fromisoformat(text)


def _check(value: Any, depth: int, plain: frozenset[type]) -> None:
    """Refuse what the rules do not allow; most of what comes is plain values in plain objects, and
    those are not worth a call each."""
    if depth < 0:
        raise NotCanonical(f"deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        _check_keys(tuple(value))
        values: Iterable[Any] = value.values()
    elif isinstance(value, _CONTAINERS):
        values = value
    else:
        _check_plain(value, plain)
        return
    if plain.issuperset(map(type, values)):
        return
    for inner in values:
        if type(inner) in plain:
            continue
        if isinstance(inner, _CONTAINERS):
            if inner or depth <= 0:
                _check(inner, depth - 1, plain)
        else:
            _check_plain(inner, plain)


def _check_plain(value: Any, plain: frozenset[type]) -> None:
    if type(value) not in plain and not isinstance(value, (str, int)):
        raise NotCanonical(f"a {type(value).__name__} cannot be written")


def _check_keys(keys: tuple[Any, ...]) -> None:
    """Refuse keys that are not allowed; what is written has the same ones again and again."""
    if keys in _allowed:
        return
    for key in keys:
        if not isinstance(key, str) or not _KEY.match(key):
            raise NotCanonical(f"a key that is not allowed: {str(key)[:40]!r}")
    if len(_allowed) < _REMEMBERED and sum(map(len, keys)) < _REMEMBERED:
        _allowed.add(keys)
