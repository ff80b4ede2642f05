"""Small plans for the assignment, and two judges of it: all teams tried, and a flow.

Neither knows how the product goes about it.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

from app.draws.assignment import Assignment
from app.draws.eligibility import Eligible, Need, Officer

STRATA = frozenset("sab")
Teams = tuple[frozenset[str], ...]


def staff(bases: Sequence[int], rooms: Sequence[int | None]) -> list[Officer]:
    return [
        Officer(f"P{n}", base, room, STRATA, STRATA)
        for n, (base, room) in enumerate(zip(bases, rooms, strict=True))
    ]


def row(stratum: str, id_: str, takes: str, leads: str, size: int = 2, level: int = 3) -> Eligible:
    return Eligible(
        Need(stratum, id_, size),
        frozenset(f"P{digit}" for digit in takes),
        frozenset(f"P{digit}" for digit in leads),
        level,
    )


def teams_of(assignment: Assignment, rows: Sequence[Eligible]) -> Teams:
    teams = {(one.stratum, one.id): {one.lead, *one.others} for one in assignment.teams}
    return tuple(frozenset(teams[row.need.stratum, row.need.id]) for row in rows)


def possible(officers: Sequence[Officer], rows: Sequence[Eligible]) -> Iterator[tuple[int, Teams]]:
    """Yield every assignment that keeps the hard rules, with its sum of squared loads."""
    choices = [
        [
            frozenset(team)
            for team in combinations(sorted(one.takes), one.need.size)
            if one.leads.intersection(team)
        ]
        for one in rows
    ]
    for teams in product(*choices):
        new = Counter(officer for team in teams for officer in team)
        if all(one.room is None or new[one.certificate] <= one.room for one in officers):
            yield sum((one.base + new[one.certificate]) ** 2 for one in officers), teams


def optimal(officers: Sequence[Officer], rows: Sequence[Eligible]) -> set[Teams]:
    found = list(possible(officers, rows))
    least = min(cost for cost, _ in found)
    return {teams for cost, teams in found if cost == least}


def is_deficient(
    officers: Sequence[Officer], rows: Sequence[Eligible], names: Collection[str]
) -> bool:
    """Tell whether these rows need more places of these officers than there are, by counting.

    Of a team all must come from them but those whom others can stand for; and one where nobody
    else may lead.
    """
    places = {one.certificate: one.room for one in officers}
    rooms = [places[name] for name in names]
    needed = sum(
        max(row.need.size - len(row.takes.difference(names)), row.leads <= set(names))
        for row in rows
    )
    return None not in rooms and needed > sum(room for room in rooms if room is not None)


# ---- a flow --------------------------------------------------------------------------------------


class Flow:
    """A network of arcs with capacity and cost, filled along cheapest ways until none is left."""

    def __init__(self) -> None:
        self._out: dict[object, list[int]] = {}
        self._to: list[object] = []
        self._left: list[int] = []
        self._cost: list[int] = []

    def add(self, start: object, end: object, capacity: int, cost: int = 0) -> None:
        for at, to, left, price in ((start, end, capacity, cost), (end, start, 0, -cost)):
            self._out.setdefault(at, []).append(len(self._to))
            self._out.setdefault(to, [])
            self._to.append(to)
            self._left.append(left)
            self._cost.append(price)

    def fill(self, source: object, sink: object) -> tuple[int, int]:
        """Return the greatest flow and its least cost."""
        amount = cost = 0
        while sink in (far := self._distances(source)):
            seen: set[object] = set()
            while self._push(source, sink, far, seen):
                amount, cost = amount + 1, cost + far[sink]
                seen.clear()
        return amount, cost

    def _distances(self, source: object) -> dict[object, int]:
        """Return what the cheapest way costs to each node in reach (costs may be negative)."""
        far, queue, waiting = {source: 0}, deque([source]), {source}
        while queue:
            at = queue.popleft()
            waiting.discard(at)
            for arc in self._out[at]:
                to, cost = self._to[arc], far[at] + self._cost[arc]
                if self._left[arc] and (to not in far or cost < far[to]):
                    far[to] = cost
                    if to not in waiting:
                        queue.append(to)
                        waiting.add(to)
        return far

    def _push(self, at: object, sink: object, far: Mapping[object, int], seen: set[object]) -> bool:
        """Send one unit along a cheapest way; tells whether there was one."""
        if at == sink:
            return True
        seen.add(at)
        for arc in self._out[at]:
            to = self._to[arc]
            if not self._left[arc] or to in seen or far.get(to) != far[at] + self._cost[arc]:
                continue
            if self._push(to, sink, far, seen):
                self._left[arc] -= 1
                self._left[arc ^ 1] += 1
                return True
        return False


class Best(NamedTuple):
    """How many slots can be filled at most, and the least sum of squared loads of doing so."""

    filled: int
    squares: int


def best(officers: Sequence[Officer], rows: Sequence[Eligible]) -> Best:
    """Return what a flow finds: task, its members who do not lead, officer, his next place.

    Who may lead is reached from the task itself, everybody else through a node that leaves one
    slot to a lead. An officer's next task costs what it adds to the square of his load.
    """
    flow = Flow()
    for row in rows:
        task, rest = ("task", row.need), ("rest", row.need)
        flow.add("source", task, row.need.size)
        flow.add(task, rest, row.need.size - 1)
        for one in row.takes:
            flow.add(task if one in row.leads else rest, ("officer", one), 1)
    for officer in officers:
        places = len(rows) if officer.room is None else min(officer.room, len(rows))
        for load in range(officer.base, officer.base + places):
            flow.add(("officer", officer.certificate), "sink", 1, 2 * load + 1)
    filled, cost = flow.fill("source", "sink")
    return Best(filled, cost + sum(one.base**2 for one in officers))
