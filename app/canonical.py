"""Canonical JSON: RFC 8785 restricted to integers, so that Python and JavaScript agree on bytes.

UTF-8, no white space, keys `[a-z][a-z0-9_]*` ascending, integers |n| <= 2^53-1, no floating-point
numbers, no lone surrogates, no key twice, depth <= 16.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_KEYS = re.compile(r"[a-z][a-z0-9_]*(?:\n[a-z][a-z0-9_]*)*\Z")  # one a line
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
_MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16
_MAPPINGS, _SEQUENCES = (dict, Mapping), (list, Sequence)  # the common ones first: they are quick


class NotCanonical(ValueError):
    """The text is not canonical JSON; the message says where."""


def dumps(value: Any) -> str:
    """Return `value` as canonical JSON. Raises NotCanonical for what the rules do not allow."""
    _check(value, MAX_DEPTH)
    return _encoder.encode(value)


def digest(text: str) -> str:
    """Return the SHA-256 of the UTF-8 bytes of `text`, lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def loads(text: str) -> Any:
    """Return the value of canonical `text`.

    Raises NotCanonical when the text is no JSON, breaks a rule, or re-serialises to other bytes.
    """
    try:
        value = _decoder.decode(text)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    if dumps(value) != text:
        raise NotCanonical("not in canonical form")
    return value


def instant(at: datetime) -> str:
    """Return an aware instant in the wire's form, `2026-11-20T01:02:03.004Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant written in the wire's form. Raises ValueError."""
    if not _INSTANT.match(text):
        raise ValueError(f"not an instant of the wire: {text[:40]!r}")
    return datetime.fromisoformat(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("a key stands twice")
    return found


def _no_float(text: str) -> Any:
    raise NotCanonical(f"a number that is no integer: {text[:20]}")


# made once: json.dumps and json.loads make theirs anew for every call with settings
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_no_float)


def _check(value: Any, depth: int) -> None:
    """Refuse what the rules do not allow; most of what comes is plain values in plain objects, and
    those are not worth a call each."""
    if depth < 0:
        raise NotCanonical(f"deeper than {MAX_DEPTH}")
    if isinstance(value, _MAPPINGS):
        _check_keys(value.keys())
        values: Iterable[Any] = value.values()
    elif isinstance(value, _SEQUENCES) and not isinstance(value, str):
        values = value
    else:
        _check_plain(value)
        return
    for inner in values:
        kind = type(inner)
        if inner is None or kind is bool or (kind is str and inner.isascii()):
            continue
        if kind is int or kind is str:
            _check_plain(inner)
        else:
            _check(inner, depth - 1)


def _check_plain(value: Any) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif value is not None and not isinstance(value, int):
        raise NotCanonical(f"a {type(value).__name__} cannot be written")
    elif value is not None and abs(value) > _MAX_INTEGER:
        raise NotCanonical("an integer beyond 2^53-1")


def _check_keys(keys: Collection[Any]) -> None:
    """Refuse keys that are not allowed, all at once: they are what most of a text is made of."""
    try:
        lines = "\n".join(keys)
    except TypeError:
        lines = "\n"
    if keys and (lines.count("\n") != len(keys) - 1 or not _KEYS.match(lines)):
        wrong = next(key for key in keys if not isinstance(key, str) or not _KEY.match(key))
        raise NotCanonical(f"a key that is not allowed: {str(wrong)[:40]!r}")


def _check_text(value: str) -> None:
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("a lone surrogate") from error
