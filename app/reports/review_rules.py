"""The review of closed case files 案卷评查: the sample, who reviews, what a file comes to."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


def population_hash(case_ids: Collection[UUID]) -> str:
    """Return the SHA-256 of the sorted ids, one a line: what a sample was drawn from."""
    text = "".join(f"{case_id}\n" for case_id in sorted(case_ids))
    return hashlib.sha256(text.encode()).hexdigest()


def ticket(seed: str, case_id: UUID) -> str:
    """Return a case's ticket: SHA-256 of seed and id. The lowest tickets are drawn."""
    return hashlib.sha256(f"{seed}|{case_id}".encode()).hexdigest()


def sample(case_ids: Collection[UUID], seed: str, size: int) -> list[UUID]:
    """Return so many cases, by the order of their tickets; all where there are fewer.

    Whoever has seed and ids draws the same, in whatever order the ids come.
    """
    return sorted(case_ids, key=lambda case_id: ticket(seed, case_id))[:size]


def allot(
    drawn: Sequence[UUID], reviewers: Sequence[UUID], handlers: Mapping[UUID, Collection[UUID]]
) -> dict[UUID, UUID] | None:
    """Return who reviews which file, evenly; None where a file was handled by every reviewer.

    Each file goes to the reviewer with the fewest so far who did not handle it.
    """
    load = dict.fromkeys(reviewers, 0)
    found: dict[UUID, UUID] = {}
    for case_id in drawn:
        free = [one for one in reviewers if one not in handlers.get(case_id, ())]
        if not free:
            return None
        chosen = min(free, key=lambda one: (load[one], reviewers.index(one)))
        load[chosen] += 1
        found[case_id] = chosen
    return found


@dataclass(frozen=True, slots=True)
class Criterion:
    """A point of the review: how much it is worth; one with a veto fails the file at zero."""

    code: str
    name: str
    points: int
    veto: bool


def read_criterion(code: str, body: Mapping[str, Any]) -> Criterion:
    """Return a criterion as its row of the catalogue says it."""
    return Criterion(code, str(body["name"]), int(body["points"]), bool(body["veto"]))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reviewer says of one criterion; points taken have a reason."""

    code: str
    points: int
    note: str | None = None


def judgement_problems(
    judged: Sequence[Judgement], criteria: Sequence[Criterion]
) -> list[tuple[str, str]]:
    """Return what is wrong with a reviewer's judgements, by the code of the criterion."""
    by_code = {one.code: one for one in criteria}
    codes = [one.code for one in judged]
    found = [(code, "没有这一评查项目。") for code in codes if code not in by_code]
    found += [(code, "评查项目重复。") for code in sorted(set(codes)) if codes.count(code) > 1]
    found += [(code, "还没有评分。") for code in by_code if code not in codes]
    for one in judged:
        criterion = by_code.get(one.code)
        if criterion is not None and one.points > criterion.points:
            found.append((one.code, f"最高{criterion.points}分。"))
        elif criterion is not None and one.points < criterion.points and not one.note:
            found.append((one.code, "扣分应写明理由。"))
    return found


def points_of(judged: Sequence[Judgement], criteria: Sequence[Criterion]) -> tuple[int, int]:
    """Return the points of a file and the most it could have; a veto at zero leaves nothing."""
    most = sum(one.points for one in criteria)
    given = {one.code: one.points for one in judged}
    if any(one.veto and given[one.code] == 0 for one in criteria):
        return 0, most
    return sum(given.values()), most
