"""What a decision calls for: a hearing, 法制审核, 集体讨论, by dated rows; what was not told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.cases.sanctions import KIND_NAMES, SanctionKind, SanctionLine

AFTER_HEARING = "after-hearing"


class Circumstance(StrEnum):
    """What an investigation found of the matter: 情节复杂, 重大违法, 涉及重大公共利益."""

    COMPLEX = "complex"
    SERIOUS = "serious"
    PUBLIC_INTEREST = "public-interest"


@dataclass(frozen=True)
class Trigger:
    """A row that calls for something: sanctions of some kinds from an amount on, or a circumstance.

    `party` narrows it to citizens or organisations, None means either.
    """

    name: str
    article: str
    party: str | None
    kinds: frozenset[str]
    from_fen: int | None
    circumstance: str | None


def trigger_of(body: Mapping[str, Any], article: str) -> Trigger:
    """Return the trigger that a row's body describes."""
    return Trigger(
        body["name"],
        article,
        body["party"],
        frozenset(body["sanctions"]),
        body["from_fen"],
        body["circumstance"],
    )


def called(
    triggers: Iterable[Trigger],
    lines: Sequence[SanctionLine],
    party: str,
    circumstances: Collection[str],
) -> list[Trigger]:
    """Return the triggers that hold for sanctions on a party in some circumstances."""
    return [one for one in triggers if _holds(one, lines, party, circumstances)]


def _holds(
    one: Trigger, lines: Sequence[SanctionLine], party: str, circumstances: Collection[str]
) -> bool:
    if one.party not in {None, party}:
        return False
    if one.circumstance is not None:
        return one.circumstance in circumstances
    amounts = [line.amount_fen for line in lines if line.kind in one.kinds]
    if one.from_fen is None:
        return bool(amounts)
    return any(amount is None or amount >= one.from_fen for amount in amounts)


def told_less(told: Sequence[SanctionLine], lines: Sequence[SanctionLine]) -> list[str]:
    """Name what is heavier than was told: a kind that was not, more money, more months."""
    known = {(one.kind, one.on_staff): one for one in told}
    return [
        KIND_NAMES[line.kind]
        for line in lines
        if (earlier := known.get((line.kind, line.on_staff))) is None or _is_more(line, earlier)
    ]


def _is_more(line: SanctionLine, told: SanctionLine) -> bool:
    more_money = (line.amount_fen or 0) > (told.amount_fen or 0)
    return more_money or (line.months or 0) > (told.months or 0)


def as_data(lines: Iterable[SanctionLine]) -> list[dict[str, Any]]:
    """Return lines as a step keeps them."""
    return [
        {
            "kind": str(one.kind),
            "amount_fen": one.amount_fen,
            "months": one.months,
            "note": one.note,
            "on_staff": one.on_staff,
        }
        for one in lines
    ]


def as_lines(data: Iterable[Mapping[str, Any]]) -> list[SanctionLine]:
    """Return the lines that a step keeps."""
    return [SanctionLine(**{**one, "kind": SanctionKind(one["kind"])}) for one in data]
