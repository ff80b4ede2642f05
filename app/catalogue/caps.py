"""What a row of kind `visit_cap` 检查频次上限 may say: the words its body is written in."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any


class Period(StrEnum):
    """In which span of days entries are counted; a rolling year ends on the day itself."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING_YEAR = "rolling-year"


class Of(StrEnum):
    """Whose entries are counted together: the unit's, or those by one officer or for one item.

    An enterprise is all units of one 统一社会信用代码; a unit without code is one by itself.
    """

    UNIT = "unit"
    ENTERPRISE = "enterprise"
    UNIT_OFFICER = "unit-officer"
    UNIT_SPECIALTY = "unit-specialty"


class Counts(StrEnum):
    """Which entries count: all, those of several departments together, those without finding."""

    ALL = "all"
    JOINT = "joint"
    CLEAN = "clean"


class Beyond(StrEnum):
    """What an entry beyond a cap needs: to be seen, a reason, or an approved exception."""

    FLAG = "flag"
    REASON = "reason"
    EXCEPTION = "exception"


def wrong_cap(body: Mapping[str, Any], origins: Collection[str]) -> list[str]:
    """Return the members that keep a row from being a cap."""
    most = body.get("most")
    checks = {
        "name": isinstance(body.get("name"), str) and bool(body["name"]),
        "most": isinstance(most, int) and not isinstance(most, bool) and most >= 0,
        "period": body.get("period") in set(Period),
        "of": body.get("of") in set(Of),
        "counts": body.get("counts") in set(Counts),
        "beyond": body.get("beyond") in set(Beyond),
        "exempt_origins": _are_texts(body.get("exempt_origins"))
        and set(body["exempt_origins"]) <= set(origins),
        "levels": body.get("levels") is None or _are_texts(body["levels"]),
        "object_classes": body.get("object_classes") is None or _are_texts(body["object_classes"]),
    }
    return sorted(name for name, right in checks.items() if not right)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)
