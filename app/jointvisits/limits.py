"""Which planned entries would be beyond a cap: asked in the order of their days, none left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from app.caps.rules import Answer, Cap, Entered, Verdict, ask


@dataclass(frozen=True)
class Intended:
    """A planned entry of a unit; `key` names it, `siblings` the others of its enterprise."""

    key: UUID
    unit_id: UUID
    entry: Entered
    siblings: frozenset[UUID] = frozenset()


CapsOn = Callable[[date], Sequence[Cap]]
Excepted = Callable[[UUID, str, date], bool]


def beyond(
    planned: Sequence[Intended],
    ledger: Mapping[UUID, Sequence[Entered]],
    *,
    caps_on: CapsOn,
    excepted: Excepted,
) -> dict[UUID, list[Answer]]:
    """Return, by key, each cap that an entry is beyond, or would be were it not exempt.

    `ledger` has what took place in each unit and what other plans will bring. Of the planned
    entries of a unit, or of its enterprise, each counts those before it.
    """
    before: dict[UUID, list[Entered]] = {}
    found: dict[UUID, list[Answer]] = {}
    for one in sorted(planned, key=lambda each: (each.entry.on, str(each.key))):
        known = [*ledger.get(one.unit_id, ()), *before.get(one.unit_id, ())]
        on = one.entry.on
        for cap in caps_on(on):
            allowed = excepted(one.unit_id, cap.code, on)
            answer = ask(cap, one.entry, known, excepted=allowed)
            if _reached(answer):
                found.setdefault(one.key, []).append(answer)
        before.setdefault(one.unit_id, []).append(one.entry)
        for other in one.siblings:
            before.setdefault(other, []).append(replace(one.entry, elsewhere=True))
    return found


def _reached(answer: Answer) -> bool:
    return answer.verdict is not Verdict.WITHIN and len(answer.counted) >= answer.cap.most
