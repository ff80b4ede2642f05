"""Canonical JSON: RFC 8785 restricted to integers, so that Python and JavaScript agree on bytes.

UTF-8, no white space, keys `[a-z][a-z0-9_]*` ascending, integers |n| <= 2^53-1, no floating-point
numbers, no lone surrogates, no key twice, depth <= 16.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
MAX_DEPTH = 16
_PLAIN, _CONTAINERS = frozenset({str, int, bool, type(None)}), (dict, list, tuple)
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
    _check(value, MAX_DEPTH)
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError:
        return _dumps_named(value)


def _dumps_named(value: Any) -> str:
    """Write what orjson refuses: keys that are members of an enumeration are texts like others."""
    try:
        return orjson.dumps(json.loads(json.dumps(value)), option=_OPTIONS).decode()
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


def instant(at: datetime) -> str:
    """Return an aware instant in the wire's form, `2026-11-20T01:02:03.004Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant written in the wire's form. Raises ValueError."""
    if not _INSTANT.match(text):
        raise ValueError(f"not an instant of the wire: {text[:40]!r}")
    return datetime.fromisoformat(text)


def _check(value: Any, depth: int) -> None:
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
        _check_plain(value)
        return
    if _PLAIN.issuperset(map(type, values)):
        return
    for inner in values:
        if isinstance(inner, _CONTAINERS):
            _check(inner, depth - 1)
        elif type(inner) not in _PLAIN:
            _check_plain(inner)


def _check_plain(value: Any) -> None:
    if value is not None and not isinstance(value, (str, int)):
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
