"""Whether the sanctions 处罚 of a decision stay inside what its cause 案由 offers, and their count.

The shapes of what a cause offers stand in `app.catalogue.causes`. Money is in fen.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.cases.rules import Problem, yuan
from app.catalogue.causes import (
    ORDER_UNMET,
    FineRange,
    Level,
    Offer,
    SanctionKind,
    applicable,
    covers,
    fine_range,
    levels_of,
)

__all__ = ["KIND_NAMES", "SanctionKind", "SanctionLine", "problems"]


KIND_NAMES: Mapping[SanctionKind, str] = {
    SanctionKind.WARNING: "警告",
    SanctionKind.CRITICISM: "通报批评",
    SanctionKind.FINE: "罚款",
    SanctionKind.CONFISCATED_GAINS: "没收违法所得",
    SanctionKind.CONFISCATED_GOODS: "没收非法财物",
    SanctionKind.PERMIT_SUSPENDED: "暂扣许可证件",
    SanctionKind.GRADE_LOWERED: "降低资质等级",
    SanctionKind.PERMIT_REVOKED: "吊销许可证件",
    SanctionKind.BUSINESS_RESTRICTED: "限制开展生产经营活动",
    SanctionKind.BUSINESS_SUSPENDED: "责令停产停业",
    SanctionKind.CLOSURE: "责令关闭",
    SanctionKind.PRACTICE_RESTRICTED: "限制从业",
    SanctionKind.DETENTION: "行政拘留",
}
MONEY = frozenset({SanctionKind.FINE, SanctionKind.CONFISCATED_GAINS})
TIMED = frozenset({SanctionKind.PERMIT_SUSPENDED, SanctionKind.PRACTICE_RESTRICTED})
GAINS_LAW = "行政处罚法 第二十八条第二款"


@dataclass(frozen=True)
class SanctionLine:
    """One sanction of a decision: money in `amount_fen`, a term in `months`, the rest in words.

    `on_staff`: it falls on the persons in charge, not on the party itself.
    """

    kind: SanctionKind
    amount_fen: int | None = None
    months: int | None = None
    note: str | None = None
    on_staff: bool = False


def in_order(lines: Iterable[SanctionLine]) -> list[SanctionLine]:
    """Return lines from the lightest to the heaviest, those on staff behind the party's."""
    order = list(SanctionKind)
    return sorted(lines, key=lambda line: (line.on_staff, order.index(line.kind)))


def is_whole(line: SanctionLine) -> bool:
    """Tell whether a line says an amount exactly where its kind is one of money."""
    money = line.kind in {SanctionKind.FINE, SanctionKind.CONFISCATED_GAINS}
    return money == (line.amount_fen is not None)


def lines_of(*, warning: bool, fine_fen: int) -> list[SanctionLine]:
    """Return the lines of a decision on the spot: a warning, a fine, or both."""
    warned = [SanctionLine(SanctionKind.WARNING)] if warning else []
    return warned + ([SanctionLine(SanctionKind.FINE, fine_fen)] if fine_fen else [])


def fine_of(lines: Iterable[SanctionLine]) -> int:
    """Return the fine on the party among the lines, in fen; 0 where there is none."""
    return sum(
        line.amount_fen or 0
        for line in lines
        if line.kind == SanctionKind.FINE and not line.on_staff
    )


# --- whether lines stay inside -----------------------------------------------------------------


def problems(
    lines: Sequence[SanctionLine],
    party_kind: str,
    cause: Mapping[str, Any],
    *,
    order_unmet: bool,
    gains_fen: int | None,
    repaid_fen: int = 0,
    circumstances: Collection[str] = (),
    mitigated: bool = False,
    level: str | None = None,
    object_class: str | None = None,
) -> list[Problem]:
    """Compare a decision's lines with what the body of the cause's row offers; empty when inside.

    `order_unmet`: an order to correct what is punished ran out unmet. `gains_fen`: the gains found,
    None where they are not known; `repaid_fen` of them go back to others by law. `circumstances`:
    codes of `needs` that were found. `mitigated`: 减轻处罚, the fine may be below the law's least.
    `level`: the one that was chosen; else the lines are measured by the level they fit best.
    `object_class`: of the unit; a cause may be none for some (places filed, not licensed).
    """
    levels = levels_of(cause)
    if party_kind not in cause["parties"]:
        return [Problem("party", "该案由不适用于这类当事人。")]
    if not covers(cause, object_class):
        return [Problem("object-class", "该案由不适用于这类对象（应先判断许可或者备案）。")]
    facts = {*circumstances, *([ORDER_UNMET] if order_unmet else [])}
    usable = applicable(levels, facts)
    if level is not None:
        usable = [one for one in usable if one.code == level]
    measured = [_against(lines, one, gains_fen, mitigated=mitigated) for one in usable]
    found = min(measured, key=len, default=[Problem("level", "认定的事实不符合该处罚情形。")])
    if found and not order_unmet and _waits_for_order(lines, levels, gains_fen):
        found = [Problem(ORDER_UNMET, "该处罚以责令限期改正后逾期不改正为前提，尚无逾期未改正。")]
    return found + _gains_problems(lines, gains_fen, repaid_fen)


def _waits_for_order(
    lines: Sequence[SanctionLine], levels: Sequence[Level], gains_fen: int | None
) -> bool:
    """Tell whether lines would be inside if only the order to correct had run out unmet."""
    after = [one for one in levels if ORDER_UNMET in one.needs]
    return any(not _against(lines, one, gains_fen, mitigated=False) for one in after)


def _against(
    lines: Sequence[SanctionLine], level: Level, gains_fen: int | None, *, mitigated: bool
) -> list[Problem]:
    if not lines:
        return [Problem("sanction", "至少应有一种处罚。")]
    given = [(line.kind, line.on_staff) for line in lines]
    found = [
        Problem(one[0], f"{KIND_NAMES[one[0]]}重复。")
        for one in sorted(set(given))
        if given.count(one) > 1
    ]
    for offer in level.offers:
        if offer.required and not offer.on_staff and (offer.kind, False) not in given:
            found.append(Problem(offer.kind, f"应当给予{KIND_NAMES[offer.kind]}（{level.name}）。"))
    choices = {offer.choice for offer in level.offers if offer.choice is not None}
    made = {
        used.choice
        for line in lines
        if (used := level.offer_of(line.kind, on_staff=line.on_staff)) is not None
    }
    found += [Problem("choice", f"应当从可选的处罚中至少选择一种（{level.name}）。")] * len(
        choices - made
    )
    for line in lines:
        found += _line_problems(line, level, gains_fen, mitigated=mitigated)
    return found


def _line_problems(
    line: SanctionLine, level: Level, gains_fen: int | None, *, mitigated: bool
) -> list[Problem]:
    name = KIND_NAMES[line.kind]
    if (line.amount_fen is not None) != (line.kind in MONEY):
        return [
            Problem(line.kind, f"{name}应写明金额。" if line.kind in MONEY else f"{name}没有金额。")
        ]
    if line.months is not None and line.kind not in TIMED:
        return [Problem(line.kind, f"{name}没有期限。")]
    offer = level.offer_of(line.kind, on_staff=line.on_staff)
    if offer is None:
        # gains are confiscated by the general law, whether or not the cause says so
        general = line.kind == SanctionKind.CONFISCATED_GAINS and not line.on_staff
        return (
            []
            if general
            else [Problem(line.kind, f"该案由（{level.name}）没有{name}这一处罚种类。")]
        )
    if line.kind == SanctionKind.FINE:
        return _fine_problems(line.amount_fen or 0, offer, gains_fen, mitigated=mitigated)
    return _months_problems(line, offer)


def _fine_problems(
    fine_fen: int, offer: Offer, gains_fen: int | None, *, mitigated: bool
) -> list[Problem]:
    found = fine_range(offer, gains_fen)
    if found is None:
        return [Problem("gains", "罚款按违法所得的倍数计算，应先认定违法所得。")]
    low = FineRange(0, found.high_fen) if mitigated else found
    if low.holds(fine_fen):
        return []
    least, most = yuan(found.low_fen), yuan(found.high_fen)
    return [Problem("fine", f"罚款应在 {least} 元至 {most} 元之间。")]


def _months_problems(line: SanctionLine, offer: Offer) -> list[Problem]:
    if offer.min_months is None or offer.max_months is None:
        return []
    name, months = KIND_NAMES[line.kind], line.months
    if months is None:
        return [Problem(line.kind, f"{name}应写明期限（月）。")]
    if offer.min_months <= months <= offer.max_months:
        return []
    return [
        Problem(line.kind, f"{name}的期限应在 {offer.min_months} 至 {offer.max_months} 个月之间。")
    ]


def _gains_problems(
    lines: Sequence[SanctionLine], gains_fen: int | None, repaid_fen: int
) -> list[Problem]:
    """Gains are confiscated but for what is repaid by law, and never more than was found."""
    taken = sum(
        one.amount_fen or 0
        for one in lines
        if one.kind == SanctionKind.CONFISCATED_GAINS and not one.on_staff
    )
    most = max((gains_fen or 0) - repaid_fen, 0)
    if taken > most:
        return [Problem("confiscated-gains", f"没收的违法所得不得超过认定的 {yuan(most)} 元。")]
    if most and not taken:
        return [Problem("confiscated-gains", f"违法所得应当没收（{GAINS_LAW}）。")]
    return []


def money_of(lines: Collection[SanctionLine]) -> tuple[int, int]:
    """Return the fine and the confiscated gains on the party, in fen."""
    taken = (one for one in lines if one.kind == SanctionKind.CONFISCATED_GAINS)
    return fine_of(lines), sum(one.amount_fen or 0 for one in taken if not one.on_staff)


def fits_simple(lines: Collection[SanctionLine], fine_max_fen: int) -> bool:
    """Tell whether lines may be imposed on the spot: warnings, and fines up to the limit (51)."""
    on_site = {SanctionKind.WARNING, SanctionKind.FINE}
    kinds = {line.kind for line in lines}
    return (
        kinds <= on_site
        and not any(line.on_staff for line in lines)
        and (fine_of(lines) <= fine_max_fen)
    )


def is_repeated_crime(earlier_penalties: int, least: int) -> bool:
    """Tell whether a further act of unlicensed practice goes to the police on this ground.

    So it does after so many administrative penalties for it; other grounds may apply all the same.
    """
    return earlier_penalties >= least


# --- how a decision is counted -----------------------------------------------------------------


def counted_as(kinds: Collection[SanctionKind], rule: Mapping[str, Any]) -> SanctionKind:
    """Return the one kind under which a decision counts as one case.

    `rule` is the body of a `case_counting` row: `ranking`, kinds from the lightest to the heaviest,
    and `counts_as`, what stands for another kind. Raises ValueError without a kind.
    """
    as_other = {one["kind"]: one["as"] for one in rule["counts_as"]}
    kept = [SanctionKind(as_other.get(kind, kind)) for kind in kinds]
    return max(kept, key=lambda kind: rule["ranking"].index(kind))
