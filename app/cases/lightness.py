"""Which of two rules is lighter for one act: 从旧兼从轻 (行政处罚法 第三十七条).

The rule of the day of the act applies, unless a later one is lighter: nowhere heavier, and lighter
somewhere. Each difference is said in a sentence, so that a person can follow the choice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.cases.rules import yuan
from app.cases.sanctions import KIND_NAMES
from app.catalogue.causes import Offer, SanctionKind, applicable, fine_range, levels_of


@dataclass(frozen=True)
class Comparison:
    """Whether a later rule is lighter than an earlier one, and every difference between them."""

    is_lighter: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Bounds:
    """What a rule can do by one kind of sanction: how far it must, from what, up to what.

    `multiple`: times and base of a fine that cannot be computed, as the gains are not known.
    """

    duty: int
    low: int
    high: int
    multiple: tuple[int, ...] = ()


_Key = tuple[SanctionKind, bool]
_MAY, _ONE_OF, _MUST = range(3)
_DUTIES = ("可以", "可选其一", "应当")


def lighter(
    earlier: Mapping[str, Any],
    later: Mapping[str, Any],
    *,
    party: str,
    facts: Collection[str] = (),
    gains_fen: int | None = None,
) -> Comparison:
    """Compare two rows of a cause for what was found; `earlier` and `later` are their bodies.

    A multiple of gains that are not known cannot be compared with anything else than itself: then
    the later rule is not lighter.
    """
    old = _envelope(earlier, party, facts, gains_fen)
    new = _envelope(later, party, facts, gains_fen)
    if not new and old:
        return Comparison(True, ("新规定对认定的事实不再处罚（更轻）",))
    heavier: list[str] = []
    milder: list[str] = []
    for key in sorted(old.keys() | new.keys(), key=str):
        _compare(key, old.get(key), new.get(key), heavier, milder)
    return Comparison(bool(milder) and not heavier, (*heavier, *milder))


def _envelope(
    cause: Mapping[str, Any], party: str, facts: Collection[str], gains_fen: int | None
) -> dict[_Key, _Bounds]:
    """Return what a rule can do at most and must do at least, over the levels facts call for."""
    found: dict[_Key, _Bounds] = {}
    levels = applicable(levels_of(cause), facts) if party in cause["parties"] else []
    for level in levels:
        for offer in level.offers:
            key, bounds = (offer.kind, offer.on_staff), _bounds(offer, gains_fen)
            before = found.get(key, bounds)
            found[key] = _Bounds(
                min(before.duty, bounds.duty),
                min(before.low, bounds.low),
                max(before.high, bounds.high),
                max(before.multiple, bounds.multiple),
            )
    if len(levels) > 1:
        for key, bounds in found.items():
            if any(level.offer_of(key[0], on_staff=key[1]) is None for level in levels):
                found[key] = replace(bounds, duty=_MAY)
    return found


def _bounds(offer: Offer, gains_fen: int | None) -> _Bounds:
    duty = _MUST if offer.required else _ONE_OF if offer.choice else _MAY
    if offer.kind != SanctionKind.FINE:
        return _Bounds(duty, offer.min_months or 0, offer.max_months or 0)
    found = fine_range(offer, gains_fen)
    if found is None:
        times = (offer.times_low or 0, offer.times_high or 0, offer.min_base_fen)
        return _Bounds(duty, 0, 0, times)
    return _Bounds(duty, found.low_fen, found.high_fen)


def _compare(
    key: _Key, old: _Bounds | None, new: _Bounds | None, heavier: list[str], milder: list[str]
) -> None:
    name = ("对责任人员" if key[1] else "") + KIND_NAMES[key[0]]
    if old is None:
        heavier.append(f"新规定增加{name}（更重）")
    elif new is None:
        milder.append(f"新规定没有{name}（更轻）")
    else:
        _compare_duty(name, old, new, heavier, milder)
        _compare_amount(name, key[0], old, new, heavier, milder)


def _compare_duty(
    name: str, old: _Bounds, new: _Bounds, heavier: list[str], milder: list[str]
) -> None:
    if old.duty != new.duty:
        more = new.duty > old.duty
        words = f"{name}由{_DUTIES[old.duty]}改为{_DUTIES[new.duty]}"
        (heavier if more else milder).append(f"{words}（更{'重' if more else '轻'}）")


def _compare_amount(
    name: str,
    kind: SanctionKind,
    old: _Bounds,
    new: _Bounds,
    heavier: list[str],
    milder: list[str],
) -> None:
    if old.multiple != new.multiple:
        heavier.append(f"{name}按违法所得计算，违法所得尚未认定，无法比较")
        return
    unit = yuan if kind == SanctionKind.FINE else str
    for end, before, after in (("下限", old.low, new.low), ("上限", old.high, new.high)):
        if before != after:
            more = after > before
            words = f"{name}{end}由 {unit(before)} 改为 {unit(after)}"
            (heavier if more else milder).append(f"{words}（更{'重' if more else '轻'}）")
