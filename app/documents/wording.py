"""What a field of a document may hold, and how its value reads on paper.

Values are those of JSON: a day and an instant are ISO texts, money is in fen.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from app.days import SHANGHAI

TEXT_MAX = 20_000
ROWS_MAX = 500
COUNT_MAX = 10**9
MONEY_MAX_FEN = 10**14
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
NOTHING = "\uff0f"  # a stroke: a column of the form that is not needed is struck


class FieldKind(StrEnum):
    """What a field of a document holds."""

    TEXT = "text"
    DAY = "day"
    INSTANT = "instant"
    MONEY = "money"
    COUNT = "count"
    FLAG = "flag"
    CHOICE = "choice"
    TABLE = "table"


@dataclass(frozen=True)
class Field:
    """A field of a template: `article` is the law that demands it, None where none does."""

    name: str
    label: str
    kind: FieldKind
    required: bool
    article: str | None
    choices: Mapping[str, str]
    columns: tuple["Field", ...]


def read_field(row: Mapping[str, Any], *, required: bool) -> Field:
    """Return a field of a template's row; what an agency's row leaves out is plain text."""
    kind = row.get("type")
    return Field(
        name=str(row["field"]),
        label=str(row.get("name", row["field"])),
        kind=FieldKind(kind) if kind in list(FieldKind) else FieldKind.TEXT,
        required=required,
        article=str(row["article"]) if row.get("article") else None,
        choices={
            str(one["code"]): str(one.get("name", one["code"]))
            for one in _maps(row, "choices", "code")
        },
        columns=tuple(read_field(one, required=False) for one in _maps(row, "columns", "field")),
    )


def _maps(row: Mapping[str, Any], member: str, key: str) -> list[Mapping[str, Any]]:
    found = row.get(member)
    rows = found if isinstance(found, list) else []
    return [one for one in rows if isinstance(one, Mapping) and key in one]


# --- what a field may hold ---------------------------------------------------------------------


def wrong(field: Field, value: Any) -> str | None:
    """Return what is wrong with a value, None where nothing is; nothing said is never wrong."""
    if value is None:
        return None
    return _CHECKS[field.kind](field, value)


def _wrong_text(_field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "应为文字。"
    if _CONTROL.search(value):
        return "含有不允许的控制字符。"
    return None if len(value) <= TEXT_MAX else f"至多 {TEXT_MAX} 个字符。"


def _wrong_day(_field: Field, value: Any) -> str | None:
    return None if read_day(value) else "应为日期，例如 2026-03-01。"


def _wrong_instant(_field: Field, value: Any) -> str | None:
    return None if read_instant(value) else "应为带时区的时间，例如 2026-03-01T09:00:00+08:00。"


def _wrong_number(most: int, name: str) -> Callable[[Field, Any], str | None]:
    def check(_field: Field, value: Any) -> str | None:
        right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
        return None if right else f"应为 0 到 {most} 之间的整数（{name}）。"

    return check


def _wrong_flag(_field: Field, value: Any) -> str | None:
    return None if isinstance(value, bool) else "应为 true 或 false。"


def _wrong_choice(field: Field, value: Any) -> str | None:
    if isinstance(value, str) and (value in field.choices or not field.choices):
        return None
    return f"应为以下之一：{'、'.join(field.choices)}。"


def _wrong_table(field: Field, value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return "应为列表，每行为一个对象。"
    if len(value) > ROWS_MAX:
        return f"至多 {ROWS_MAX} 行。"
    columns = {one.name: one for one in field.columns}
    for number, row in enumerate(value, start=1):
        if unknown := sorted(set(row) - set(columns)):
            return f"第 {number} 行没有这一栏：{'、'.join(unknown)}。"
        for name, cell in row.items():
            if problem := wrong(columns[name], cell):
                return f"第 {number} 行“{columns[name].label}”{problem}"
    return None


_CHECKS: Mapping[FieldKind, Callable[[Field, Any], str | None]] = {
    FieldKind.TEXT: _wrong_text,
    FieldKind.DAY: _wrong_day,
    FieldKind.INSTANT: _wrong_instant,
    FieldKind.MONEY: _wrong_number(MONEY_MAX_FEN, "分"),
    FieldKind.COUNT: _wrong_number(COUNT_MAX, "个"),
    FieldKind.FLAG: _wrong_flag,
    FieldKind.CHOICE: _wrong_choice,
    FieldKind.TABLE: _wrong_table,
}


# --- how a value reads -------------------------------------------------------------------------


def say(field: Field, value: Any) -> str:
    """Return a value as the document prints it; one of another kind than expected as it is."""
    if is_empty(value):
        return NOTHING
    if wrong(field, value) is not None or field.kind is FieldKind.TABLE:
        return value if isinstance(value, str) else str(value)
    return _SAYINGS[field.kind](field, value)


def is_empty(value: Any) -> bool:
    """Tell whether a field says nothing."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or value == {}


_SAYINGS: Mapping[FieldKind, Callable[[Field, Any], str]] = {
    FieldKind.TEXT: lambda _, value: str(value),
    FieldKind.DAY: lambda _, value: day_text(date.fromisoformat(value)),
    FieldKind.INSTANT: lambda _, value: instant_text(datetime.fromisoformat(value)),
    FieldKind.MONEY: lambda _, value: money_text(value),
    FieldKind.COUNT: lambda _, value: str(value),
    FieldKind.FLAG: lambda _, value: "是" if value else "否",
    FieldKind.CHOICE: lambda field, value: field.choices.get(value, value),
}


def read_day(value: Any) -> date | None:
    """Return the day in a value of JSON, None where there is none."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def read_instant(value: Any) -> datetime | None:
    """Return the aware instant in a value of JSON, None where there is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        found.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def day_text(day: date) -> str:
    """Return a day as documents print it: 2026年3月1日."""
    return f"{day.year}年{day.month}月{day.day}日"


def instant_text(at: datetime) -> str:
    """Return an instant to the minute, in Shanghai: 2026年3月1日9时05分."""
    local = at.astimezone(SHANGHAI)
    return f"{day_text(local.date())}{local.hour}时{local.minute:02d}分"


def money_text(fen: int) -> str:
    """Return an amount in figures and in words: 3600.00元（人民币叁仟陆佰元整）."""
    return f"{fen // 100}.{fen % 100:02d}元（人民币{money_in_words(fen)}）"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def money_in_words(fen: int) -> str:
    """Return an amount in the capital figures of bills: 叁仟陆佰元整, 壹佰零伍元零贰分."""
    yuan, rest = divmod(fen, 100)
    jiao, odd = divmod(rest, 10)
    whole = f"{_in_words(yuan)}元" if yuan else ""
    if not rest:
        return f"{whole or '零元'}整"
    tenths = f"{_DIGITS[jiao]}角" if jiao else ("零" if yuan else "")
    return f"{whole}{tenths}" + (f"{_DIGITS[odd]}分" if odd else "整")


def _in_words(number: int) -> str:
    """Return a whole number of at most sixteen digits in capital figures."""
    words, gap = "", False
    for place in range(3, -1, -1):
        group = number // 10 ** (4 * place) % 10_000
        if group == 0:
            gap = bool(words)
            continue
        if words and (gap or group < 1_000):
            words += "零"
        words += _group_in_words(group) + _GROUPS[place]
        gap = False
    return words


def _group_in_words(group: int) -> str:
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit == 0:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[digit] + _UNITS[place]
        gap = False
    return words
