"""The shapes in which rows of the catalogue offer sanctions: causes 案由 and discretion tiers 裁量.

A cause lists `levels` 法定情形: one applies always, others only where one of their `needs` was
found (an unmet corrective order, a serious case). Each has `offers`: kinds of sanction, required
并处 or optional 可以并处, in a shape: a fixed range, a multiple of the gains with a minimum base,
months. Money is in fen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class SanctionKind(StrEnum):
    """The kinds of sanctions, from the lightest to the heaviest."""

    WARNING = "warning"
    CRITICISM = "criticism"
    FINE = "fine"
    CONFISCATED_GAINS = "confiscated-gains"
    CONFISCATED_GOODS = "confiscated-goods"
    PERMIT_SUSPENDED = "permit-suspended"
    GRADE_LOWERED = "grade-lowered"
    PERMIT_REVOKED = "permit-revoked"
    BUSINESS_RESTRICTED = "business-restricted"
    BUSINESS_SUSPENDED = "business-suspended"
    CLOSURE = "closure"
    PRACTICE_RESTRICTED = "practice-restricted"
    DETENTION = "detention"


class TierClass(StrEnum):
    """How a tier stands to the plain case: 减轻, 从轻, 一般, 从重."""

    MITIGATED = "mitigated"
    LIGHTER = "lighter"
    NORMAL = "normal"
    HEAVIER = "heavier"


ORDER_UNMET = "order-unmet"


@dataclass(frozen=True)
class Offer:
    """A kind of sanction as a level offers it; of the bounds only those of its shape are set.

    Of the offers with the same `choice` at least one is to be imposed (警告或者通报批评).
    `on_staff`: it falls on the persons in charge, not on the party itself.
    """

    kind: SanctionKind
    required: bool
    min_fen: int | None = None
    max_fen: int | None = None
    times_low: int | None = None
    times_high: int | None = None
    min_base_fen: int = 0
    min_months: int | None = None
    max_months: int | None = None
    on_staff: bool = False
    choice: str | None = None


@dataclass(frozen=True)
class Level:
    """A case the law knows within a cause: what must have been found for it, what it offers."""

    code: str
    name: str
    needs: frozenset[str]
    offers: tuple[Offer, ...]

    def offer_of(self, kind: SanctionKind, *, on_staff: bool = False) -> Offer | None:
        """Return the offer of a kind."""
        same = (one for one in self.offers if one.kind == kind)
        return next((one for one in same if one.on_staff == on_staff), None)


@dataclass(frozen=True)
class FineRange:
    """The range of a fine in fen, both ends included, and the base of a multiple."""

    low_fen: int
    high_fen: int
    base_fen: int | None = None

    def holds(self, fine_fen: int) -> bool:
        """Tell whether a fine is inside; where the law names no least fine, it is above nothing."""
        return max(self.low_fen, 1) <= fine_fen <= self.high_fen


def levels_of(cause: Mapping[str, Any]) -> tuple[Level, ...]:
    """Return the levels of a cause's row; a row without them has one, its warning and fine."""
    given = cause.get("levels") or [_only_level(cause)]
    return tuple(
        Level(
            code=one["code"],
            name=one["name"],
            needs=frozenset(need["code"] for need in one["needs"]),
            offers=offers_of(one["offers"]),
        )
        for one in given
    )


def offers_of(given: Sequence[Mapping[str, Any]]) -> tuple[Offer, ...]:
    """Return the offers that a row lists."""
    return tuple(Offer(**{**one, "kind": SanctionKind(one["kind"])}) for one in given)


def _only_level(cause: Mapping[str, Any]) -> dict[str, Any]:
    offers: list[dict[str, Any]] = []
    if cause["warning"] != "none":
        offers.append({"kind": "warning", "required": cause["warning"] == "required"})
    if cause["fine"] is not None:
        offers.append({"kind": "fine", **cause["fine"]})
    return {"code": "base", "name": "一般情形", "needs": [], "offers": offers}


def fine_range(offer: Offer, gains_fen: int | None) -> FineRange | None:
    """Return the range of a fine; None where it is a multiple of gains that are not known.

    Gains below the minimum base count as the base; what is confiscated stays the real gains.
    """
    if offer.times_low is None or offer.times_high is None:
        return FineRange(offer.min_fen or 0, offer.max_fen or 0)
    if gains_fen is None:
        return None
    base = max(gains_fen, offer.min_base_fen)
    return FineRange(base * offer.times_low, base * offer.times_high, base)


def applicable(levels: Sequence[Level], facts: Collection[str]) -> list[Level]:
    """Return the levels of which one is to be applied: those the facts call for, else the plain."""
    called = [one for one in levels if one.needs & set(facts)]
    return called or [one for one in levels if not one.needs]


def covers(cause: Mapping[str, Any], object_class: str | None) -> bool:
    """Tell whether a cause is one for a class of object; an unknown class is left to a person.

    Some places are filed 备案, not licensed: what is a cause for the one is none for the other.
    """
    return object_class is None or object_class not in cause.get("not_for_object_classes", ())


def in_safety_sector(cause: Mapping[str, Any]) -> bool:
    """Tell whether a cause lies in a sector that the credit rules show for longer at least."""
    return bool(cause.get("safety_sector", False))


# --- whether a row is well formed --------------------------------------------------------------

_PARTIES = {"citizen", "organisation"}
_FLAGS = {"required", "on_staff"}
_BOUNDS = (("min_fen", "max_fen"), ("times_low", "times_high"), ("min_months", "max_months"))


def wrong_cause(body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from being a cause with its sanctions."""
    levels = body.get("levels")
    parties = body.get("parties")
    checks = {
        "parties": isinstance(parties, list) and bool(parties) and _all_in(parties, _PARTIES),
        "warning": body.get("warning") in ("required", "allowed", "none"),
        "fine": body.get("fine") is None or _is_offer({"kind": "fine", **_dict(body["fine"])}),
        "basis": _are_texts(_dict(body.get("basis")), "law", "article"),
        "levels": isinstance(levels, list) and all(_is_level(one) for one in levels),
        "not_for_object_classes": _are_codes(body.get("not_for_object_classes", [])),
        "safety_sector": isinstance(body.get("safety_sector", False), bool),
    }
    return sorted(name for name, right in checks.items() if not right)


def wrong_tier(body: Mapping[str, Any]) -> list[str]:
    """Return the members that keep a row from being a tier of a benchmark 裁量基准."""
    checks = {
        "cause": _is_text(body.get("cause")),
        "level": _is_text(body.get("level")),
        "class": body.get("class") in set(TierClass),
        "circumstances": _are_needs(body.get("circumstances")),
        "offers": _are_offers(body.get("offers")),
    }
    return sorted(name for name, right in checks.items() if not right)


def _is_level(given: Any) -> bool:
    level = _dict(given)
    return (
        _are_texts(level, "code", "name")
        and _are_needs(level.get("needs"))
        and _are_offers(level.get("offers"))
    )


def _are_needs(given: Any) -> bool:
    return isinstance(given, list) and all(_are_texts(_dict(one), "code", "name") for one in given)


def _are_offers(given: Any) -> bool:
    if not isinstance(given, list) or not given or not all(_is_offer(one) for one in given):
        return False
    keys = [(one["kind"], one.get("on_staff", False)) for one in given]
    return len(keys) == len(set(keys))


def _is_offer(given: Any) -> bool:
    offer = _dict(given)
    known = {one.name for one in fields(Offer)}
    if not offer.keys() <= known or offer.get("kind") not in set(SanctionKind):
        return False
    if not all(isinstance(offer.get(name, False), bool) for name in _FLAGS):
        return False
    numbers = [offer[name] for name in offer.keys() - _FLAGS - {"kind", "choice"}]
    bounded = all(_in_order(offer.get(low), offer.get(high)) for low, high in _BOUNDS)
    ranged = offer["kind"] != "fine" or "max_fen" in offer or "times_high" in offer
    return "required" in offer and all(_is_number(one) for one in numbers) and bounded and ranged


def _in_order(low: Any, high: Any) -> bool:
    if low is None and high is None:
        return True
    return _is_number(low) and _is_number(high) and low <= high


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_texts(given: Mapping[str, Any], *names: str) -> bool:
    return all(_is_text(given.get(name)) for name in names)


def _all_in(given: Any, known: Collection[str]) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) and one in known for one in given)


def _are_codes(given: Any) -> bool:
    return isinstance(given, list) and all(_is_text(one) for one in given)


def _dict(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}
