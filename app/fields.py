"""The fields of the API: each refuses exactly what its OpenAPI description says, in Chinese.

Values become what services take: `UUID`, `date`, an aware `datetime`, `int`, a member of an
enumeration. Numbers and truth values come as JSON numbers and truth values in a body, and as their
text in a query, where there is nothing else. On import marshmallow's own messages become Chinese.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import marshmallow as ma
from marshmallow import fields, validate

from app import canonical

E = TypeVar("E", bound=StrEnum)

MAX_INTEGER = 2**53 - 1
_TEXT = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"
_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_DAY = r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$"
_INSTANT = _DAY.removesuffix("$") + "T" + _CLOCK
_SHA256 = r"^[0-9a-f]{64}$"
_NUMBER = re.compile(r"-?[0-9]{1,16}\Z")


def _described(options: Mapping[str, Any], **described: Any) -> dict[str, Any]:
    """Return field options whose metadata hold `described` beside what the caller gave."""
    return {**options, "metadata": {**described, **options.get("metadata", {})}}


def absent() -> None:
    """Return None: the `load_default` of what may be left out of a query but not sent as null."""


def _in_query(data: Any) -> bool:
    """Tell a query or form, where every value is text, from a JSON body."""
    return data is not None and not isinstance(data, dict)


class Text(fields.String):
    """Text of `min` to `max` characters, unchanged: no control characters but newline and tab.

    `pattern` (ECMA 262, anchored, without control characters) narrows it; `hint` then says in
    Chinese what is expected.
    """

    default_error_messages = {
        "invalid": "应为文本。",
        "length": "应为 {min} 到 {max} 个字符。",
        "characters": "含有不允许的控制字符。",
        "pattern": "格式不正确。",
    }

    def __init__(
        self,
        *,
        max: int,  # noqa: A002 - the bound's name everywhere
        min: int = 1,  # noqa: A002
        pattern: str | None = None,
        hint: str | None = None,
        **options: Any,
    ) -> None:
        described = {"maxLength": max, "pattern": pattern or _TEXT}
        if min:
            described["minLength"] = min
        super().__init__(**_described(options, **described))
        self.shortest, self.longest = min, max
        self.expected = re.compile(pattern.removesuffix("$") + r"\Z") if pattern else None
        if hint:
            self.error_messages["pattern"] = hint

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if not self.shortest <= len(value) <= self.longest:
            raise self.make_error("length", min=self.shortest, max=self.longest)
        if has_control(value):
            raise self.make_error("characters")
        if self.expected and not self.expected.match(value):
            raise self.make_error("pattern")
        return value


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def has_control(text: str) -> bool:
    """Tell whether a text has control characters, other than tab and line feed, or lone
    surrogates: no database can be trusted with those."""
    return _CONTROL.search(text) is not None


class Id(fields.UUID):
    """A UUID in its usual form with hyphens."""

    default_error_messages = {"invalid_uuid": "应为 UUID。"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**_described(options, pattern=_UUID))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> UUID:
        if not isinstance(value, str) or not re.fullmatch(_UUID.strip("^$"), value):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Day(fields.Date):
    """A local date of the years 1900 to 2199, `2026-11-20`."""

    default_error_messages = {"invalid": "应为日期，例如 2026-11-20。"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**_described(options, pattern=_DAY))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(_DAY.strip("^$"), value):
            raise self.make_error("invalid")
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error


class Instant(fields.AwareDateTime):
    """An aware UTC instant in the wire's form, `2026-11-20T01:02:03.004Z`."""

    default_error_messages = {"invalid": "应为 UTC 时刻，例如 2026-11-20T01:02:03.004Z。"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**_described(options, pattern=_INSTANT))

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **options: Any
    ) -> str | None:
        return None if value is None else canonical.instant(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str) or not re.fullmatch(_INSTANT.strip("^$"), value):
            raise self.make_error("invalid")
        try:
            return canonical.parse_instant(value)
        except ValueError as error:
            raise self.make_error("invalid") from error


class Sha256(fields.String):
    """A SHA-256 in lower-case hexadecimal."""

    default_error_messages = {"invalid": "应为小写十六进制的 SHA-256。"}

    def __init__(self, **options: Any) -> None:
        super().__init__(**_described(options, pattern=_SHA256))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(_SHA256.strip("^$"), value):
            raise self.make_error("invalid")
        return value


class Count(fields.Integer):
    """A whole number between `min` and `max`; neither a truth value nor a fraction."""

    default_error_messages = {
        "invalid": "应为整数。",
        "range": "应在 {min} 到 {max} 之间。",
    }

    def __init__(
        self,
        min: int = 0,  # noqa: A002 - the bound's name everywhere
        max: int = MAX_INTEGER,  # noqa: A002
        **options: Any,
    ) -> None:
        super().__init__(**_described(options, minimum=min, maximum=max))
        self.least, self.most = min, max

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if _in_query(data) and isinstance(value, str) and _NUMBER.match(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON Schema: 1.0 is an integer
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        if not self.least <= value <= self.most:
            raise self.make_error("range", min=self.least, max=self.most)
        return value


class Flag(fields.Boolean):
    """True or false, and no word for it."""

    default_error_messages = {"invalid": "应为 true 或 false。"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if _in_query(data) and value in {"true", "false"}:
            return bool(value == "true")
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class Choice(fields.Enum[E]):
    """A member of an enumeration, written as its value."""

    default_error_messages = {"unknown": "应为以下之一：{choices}。"}

    def __init__(self, enum: type[E], **options: Any) -> None:
        super().__init__(enum, by_value=fields.String, **options)

    def _serialize(
        self, value: E | str | None, attr: str | None, obj: Any, **options: Any
    ) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> E:
        try:
            return self.enum(value)
        except ValueError as error:
            raise self.make_error("unknown", choices=self.choices_text) from error


def _speak_chinese() -> None:
    """Translate what marshmallow itself says; its messages are class attributes, no hook exists."""
    fields.Field.default_error_messages.update(
        required="此项必填。", null="此项不能为空。", validator_failed="内容不正确。"
    )
    ma.Schema._default_error_messages.update(type="应为对象。", unknown="没有这个字段。")
    fields.Nested.default_error_messages["type"] = "应为对象。"
    fields.List.default_error_messages["invalid"] = "应为列表。"
    fields.Dict.default_error_messages["invalid"] = "应为对象。"
    validate.Length.message_min = "至少 {min} 项。"
    validate.Length.message_max = "至多 {max} 项。"
    validate.Length.message_all = "应为 {min} 到 {max} 项。"
    validate.Length.message_equal = "应为 {equal} 项。"
    validate.OneOf.default_message = "应为以下之一：{choices}。"
    fields.String.default_error_messages["invalid"] = "应为文本。"


_speak_chinese()


class Shaped(fields.Dict):
    """An object of one of several shapes; which one, another part of the request says.

    Who takes it loads it by the schema of `shapes` that is meant. The API document lists every
    shape as a component of its own, named `prefix` and the class, and which key means which.
    """

    def __init__(
        self, shapes: Mapping[str, type[ma.Schema]], *, prefix: str, **options: Any
    ) -> None:
        super().__init__(keys=Text(max=100), **options)
        self.shapes, self.prefix = shapes, prefix

    def name_of(self, shape: type[ma.Schema]) -> str:
        """Return the name of a shape's component."""
        return self.prefix + shape.__name__.strip("_").removesuffix("Schema")
