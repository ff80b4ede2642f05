"""What discretion 裁量 proposes: circumstances, tier, range, lines, and the reason of each.

A benchmark may be absent: then the range is the law's, and that is said. A proposal decides
nothing, and is always inside what the law offers. Money is in fen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from app.cases.rules import Problem, yuan
from app.cases.sanctions import KIND_NAMES, SanctionKind, SanctionLine, in_order
from app.catalogue.causes import (
    ORDER_UNMET,
    FineRange,
    Level,
    Offer,
    TierClass,
    applicable,
    fine_range,
    levels_of,
    offers_of,
)

CLASS_NAMES: Mapping[TierClass, str] = {
    TierClass.MITIGATED: "减轻",
    TierClass.LIGHTER: "从轻",
    TierClass.NORMAL: "一般",
    TierClass.HEAVIER: "从重",
}


_ON_SITE = frozenset({SanctionKind.WARNING, SanctionKind.FINE})


class BenchmarkState(StrEnum):
    """Whether a benchmark 裁量基准 holds for a cause: it does, it lapsed, or none is known."""

    IN_FORCE = "in-force"
    LAPSED = "lapsed"
    NONE = "none"


class DeviationState(StrEnum):
    """What became of the wish to decide otherwise than the proposal."""

    NONE = "none"
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True)
class Tier:
    """A tier of a benchmark, with the circumstances that lead to it."""

    code: str
    name: str
    level: str
    klass: TierClass
    circumstances: Mapping[str, str]
    offers: tuple[Offer, ...]
    source: str


@dataclass(frozen=True)
class Factor:
    """A circumstance that the general law names, and whether it makes lighter or heavier."""

    code: str
    name: str
    klass: TierClass
    source: str


@dataclass(frozen=True)
class Facts:
    """What was found: circumstances and factors by their codes, gains, an order that ran out."""

    party_kind: str
    circumstances: frozenset[str] = frozenset()
    factors: frozenset[str] = frozenset()
    order_unmet: bool = False
    gains_fen: int | None = None
    repaid_fen: int = 0


@dataclass(frozen=True)
class Proposal:
    """What is proposed, and why; without `fine` no fine is proposed, or none can be computed."""

    level: str
    benchmark: BenchmarkState
    tier: Tier | None
    klass: TierClass
    fine: FineRange | None
    lines: tuple[SanctionLine, ...]
    reasons: tuple[str, ...]


def tier_of(code: str, body: Mapping[str, Any], source: str) -> Tier:
    """Return the tier that a row of the catalogue describes."""
    return Tier(
        code=code,
        name=body["name"],
        level=body["level"],
        klass=TierClass(body["class"]),
        circumstances={one["code"]: one["name"] for one in body["circumstances"]},
        offers=offers_of(body["offers"]),
        source=source,
    )


def propose(
    cause: Mapping[str, Any],
    tiers: Sequence[Tier],
    factors: Sequence[Factor],
    facts: Facts,
    *,
    benchmark: BenchmarkState,
    start: tuple[int, int],
) -> Proposal | None:
    """Propose lines for what was found; None where the cause offers nothing for it.

    `tiers` are those of the cause, in their order. `start` says where in a range a proposed amount
    stands: (1, 2) is its middle.
    """
    called = {*facts.circumstances, *([ORDER_UNMET] if facts.order_unmet else [])}
    levels = applicable(levels_of(cause), called) if facts.party_kind in cause["parties"] else []
    if not levels:
        return None
    tier, klass, why = _tier(tiers, levels, factors, facts)
    level = levels[0] if tier is None else next(one for one in levels if one.code == tier.level)
    reasons = [f"法定情形：{level.name}。", *why]
    if tier is None:
        reasons.append(_no_tier(benchmark, loaded=bool(tiers)))
    fine, lines = _lines(level, tier, facts, start)
    if fine is not None:
        reasons.append(f"罚款幅度 {yuan(fine.low_fen)} 元至 {yuan(fine.high_fen)} 元。")
    if any(one.kind == SanctionKind.CONFISCATED_GAINS for one in lines):
        reasons.append("违法所得除依法退赔的外，应当没收（行政处罚法 第二十八条第二款）。")
    return Proposal(
        level.code, benchmark, tier, klass, fine, tuple(in_order(lines)), tuple(reasons)
    )


def within_simple(proposal: Proposal, most_fen: int, article: str) -> Proposal:
    """Return a proposal as it may be imposed on the spot (行政处罚法 第五十一条), and say why.

    A range is cut to the limit; what cannot be imposed on the spot is left as it is, with the
    reason: it needs the ordinary procedure.
    """
    strange = [one for one in proposal.lines if one.kind not in _ON_SITE]
    fine, lines = proposal.fine, proposal.lines
    if strange or (fine is not None and fine.low_fen > most_fen):
        names = (
            "、".join(KIND_NAMES[one.kind] for one in strange) or f"罚款高于 {yuan(most_fen)} 元"
        )
        reason = f"建议的处罚（{names}）不能当场作出，应适用普通程序（{article}）。"
        return replace(proposal, reasons=(*proposal.reasons, reason))
    if fine is None or fine.high_fen <= most_fen:
        return proposal
    reason = f"当场处罚的罚款不超过 {yuan(most_fen)} 元（{article}）。"
    cut = [
        replace(one, amount_fen=min(one.amount_fen or 0, most_fen))
        if one.kind == SanctionKind.FINE
        else one
        for one in lines
    ]
    return replace(
        proposal,
        fine=replace(fine, high_fen=most_fen),
        lines=tuple(cut),
        reasons=(*proposal.reasons, reason),
    )


def _no_tier(benchmark: BenchmarkState, *, loaded: bool) -> str:
    if benchmark == BenchmarkState.IN_FORCE and not loaded:
        return "有效的裁量基准尚未载入该案由的档次，载入前在法定幅度内裁量并说明理由。"
    if benchmark == BenchmarkState.IN_FORCE:
        return "有效的裁量基准没有与认定情节相符的档次，在法定幅度内裁量并说明理由。"
    gap = "原裁量基准已失效" if benchmark == BenchmarkState.LAPSED else "没有该案由的裁量基准"
    return f"{gap}，违法行为发生之日无有效裁量基准，在法定幅度内裁量并说明理由。"


def _tier(
    tiers: Sequence[Tier], levels: Sequence[Level], factors: Sequence[Factor], facts: Facts
) -> tuple[Tier | None, TierClass, list[str]]:
    """Return the tier, its class and why: the circumstances it names lead to it, else a class."""
    found = [one for one in factors if one.code in facts.factors]
    reasons = [f"{one.name}（{one.source}），{_effect(one.klass)}。" for one in found]
    klass, said = _class_by(found)
    own = [one for one in tiers if one.level in {level.code for level in levels}]
    named = [
        one for one in own if one.circumstances and one.circumstances.keys() <= facts.circumstances
    ]
    best = max(named, key=lambda one: len(one.circumstances), default=None)
    if best is not None:
        words = "、".join(best.circumstances.values())
        reasons.append(f"情节“{words}”对应档次“{best.name}”（{best.source}）。")
        return best, best.klass, [*reasons, *said]
    plain = next((one for one in own if one.klass == klass), None)
    if plain is not None:
        reasons.append(f"按“{CLASS_NAMES[klass]}”对应档次“{plain.name}”（{plain.source}）。")
    return plain, klass, [*reasons, *said]


def _effect(klass: TierClass) -> str:
    return "应当从轻或者减轻" if klass == TierClass.LIGHTER else "从重"


def _class_by(factors: Sequence[Factor]) -> tuple[TierClass, list[str]]:
    classes = {one.klass for one in factors}
    if len(classes) > 1:
        return TierClass.NORMAL, ["从轻与从重的情节并存，按一般情形建议，由承办人说明取舍。"]
    return (classes.pop() if classes else TierClass.NORMAL), []


def _lines(
    level: Level, tier: Tier | None, facts: Facts, start: tuple[int, int]
) -> tuple[FineRange | None, list[SanctionLine]]:
    """Return the range of the fine and the lines: what is required, else the lightest there is."""
    imposed = _imposed(level, tier)
    lines = [
        SanctionLine(offer.kind, months=offer.min_months)
        for offer in imposed
        if offer.kind not in {SanctionKind.FINE, SanctionKind.CONFISCATED_GAINS}
    ]
    offer = next((one for one in imposed if one.kind == SanctionKind.FINE), None)
    mitigated = tier is not None and tier.klass == TierClass.MITIGATED
    fine = None if offer is None else _inside(level, offer, facts.gains_fen, mitigated=mitigated)
    if fine is not None:
        lines.append(SanctionLine(SanctionKind.FINE, _amount(fine, start)))
    gains = max((facts.gains_fen or 0) - facts.repaid_fen, 0)
    if gains:
        lines.append(SanctionLine(SanctionKind.CONFISCATED_GAINS, gains))
    return fine, lines


def _imposed(level: Level, tier: Tier | None) -> list[Offer]:
    own = [one for one in level.offers if not one.on_staff]
    named = {one.kind: one for one in (tier.offers if tier is not None else ())}
    found = [named.get(one.kind, one) for one in own if one.required or one.kind in named]
    for choice in sorted({one.choice for one in own if one.choice is not None}):
        if not any(one.choice == choice and one in found for one in own):
            found.append(next(one for one in own if one.choice == choice))
    payable = [one for one in own if one.kind != SanctionKind.CONFISCATED_GAINS]
    return found or payable[:1]


def _inside(
    level: Level, offer: Offer, gains_fen: int | None, *, mitigated: bool
) -> FineRange | None:
    """Return the range of a tier's fine, cut to the law's; only 减轻 goes below its least."""
    lawful = level.offer_of(SanctionKind.FINE)
    law = None if lawful is None else fine_range(lawful, gains_fen)
    found = fine_range(offer, gains_fen)
    if law is None or found is None:
        return None
    low = found.low_fen if mitigated else max(law.low_fen, found.low_fen)
    high = min(law.high_fen, found.high_fen)
    return FineRange(low, high, law.base_fen) if low <= high else law


def _amount(fine: FineRange, start: tuple[int, int]) -> int:
    """Return the proposed amount: whole yuan where the range has room for it."""
    place, of = start
    exact = fine.low_fen + (fine.high_fen - fine.low_fen) * place // of
    whole = exact - exact % 100
    return max(whole if whole >= fine.low_fen else exact, 1)


def deviations(
    lines: Sequence[SanctionLine],
    proposed: Sequence[SanctionLine],
    tier_fine: FineRange | None,
    *,
    tier: bool,
) -> list[Problem]:
    """Return in what lines differ from the proposal; an amount inside the tier's range does not.

    Without a tier only the law binds: its range is checked elsewhere.
    """
    if not tier:
        return []
    found = []
    given = {line.kind: line for line in lines if not line.on_staff}
    wanted = {line.kind: line for line in proposed if not line.on_staff}
    for kind in sorted(given.keys() ^ wanted.keys()):
        words = "建议中没有" if kind in given else "没有给予建议的"
        found.append(Problem(kind, f"{words}{KIND_NAMES[kind]}。"))
    fine = given.get(SanctionKind.FINE)
    inside = fine is None or tier_fine is None or tier_fine.holds(fine.amount_fen or 0)
    if not inside and tier_fine is not None:
        low, high = yuan(tier_fine.low_fen), yuan(tier_fine.high_fen)
        found.append(Problem("fine", f"罚款不在裁量档次 {low} 元至 {high} 元之间。"))
    return found
