"""Who fills the places that teams have left: by lot among all fair ways to share them.

Hard rules: nobody has two places of one visit, nobody stands in more visits a day than he can do,
and every place has somebody who may have it. As many places are filled as can be, then only the
ways with the least sum of squared loads count, and a walk driven by the hash of the lot goes at
random among these (docs/joint-visits.md, "Teams").
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from struct import unpack

from app.draws.rules import Hash, joined

SWEEPS = 100

# a stop on the way of one place to somebody who has room for it:
# a place, an officer in a visit, an officer on a day, an officer
_Node = tuple[str, int] | tuple[str, str, str] | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a team that is still free, and who may have it.

    Two places of one visit differ by their number.
    """

    visit: str
    day: str
    number: int
    may: frozenset[str]

    @property
    def key(self) -> str:
        return f"{self.visit}\t{self.number}"


def fill(
    new: Hash,
    k: bytes,
    places: Sequence[Place],
    *,
    loads: Mapping[str, int],
    busy: Mapping[tuple[str, str], int],
    each: int,
    sweeps: int = SWEEPS,
) -> list[str | None]:
    """Return who has each place, None where nobody is left for it; earlier places go first.

    `loads` are the visits of every officer so far, `busy` those that an officer has on a day
    beside these places, `each` how many a day he can do. Nobody in `may` stands in the visit.
    """
    start = _Start(new, k, places, loads, busy, each)
    for s in range(len(places)):
        start.place(s)
    start.level()
    walk = _Walk(new, k, start)
    walk.go(sweeps)
    return walk.holder


class _Start:
    """As many places filled as can be, with the least sum of squared loads; the same for a key.

    A place flows to an officer: through his seat in the visit (one), then his day (`each`). What
    is held flows back, so a path moves others along.
    """

    def __init__(
        self,
        new: Hash,
        k: bytes,
        places: Sequence[Place],
        loads: Mapping[str, int],
        busy: Mapping[tuple[str, str], int],
        each: int,
    ) -> None:
        self.new, self.k, self.each = new, k, each
        self.places = places
        self.load = dict(loads)
        self.busy = Counter(busy)
        order = {i: self._hash("officer", i) for i in self.load}
        self.may = [sorted(one.may, key=lambda i: order[i]) for one in places]
        self.day_of = {one.visit: one.day for one in places}
        self.holder: list[str | None] = [None] * len(places)
        self.seat: dict[tuple[str, str], int] = {}  # officer, visit: the place he has there
        self.held: dict[str, set[int]] = {}

    def place(self, s: int) -> None:
        """Give a place to the least loaded who is free, else move others along a shortest path."""
        one = self.places[s]
        free = [
            i
            for i in self.may[s]
            if (i, one.visit) not in self.seat and self.busy[i, one.day] < self.each
        ]
        if free:
            self._take(s, min(free, key=lambda i: (self.load[i], self._hash("lot", one.key, i))))
            return
        path = self._search([("place", s)], set(self.load))
        if path:
            self._carry_out(path)

    def level(self) -> None:
        """Move visits from the most to the least loaded until no path helps any more."""
        v = max(self.load.values(), default=0)
        while v >= min(self.load.values(), default=0) + 2:
            rich: list[_Node] = [
                ("officer", i) for i in sorted(self.held) if self.held[i] and self.load[i] == v
            ]
            poor = {i for i, load in self.load.items() if load <= v - 2}
            path = self._search(rich, poor) if rich else []
            if path:
                self._carry_out(path)
            else:
                v -= 1

    def _search(self, first: Sequence[_Node], goal: set[str]) -> list[_Node]:
        """Return a shortest way to an officer of the goal; empty: there is none."""
        came: dict[_Node, _Node | None] = dict.fromkeys(first)
        queue = deque(first)
        while queue:
            node = queue.popleft()
            for after in self._after(node):
                if after in came:
                    continue
                came[after] = node
                if after[0] == "officer" and after[1] in goal:
                    return self._way(came, after)
                queue.append(after)
        return []

    def _after(self, node: _Node) -> Iterator[_Node]:
        match node:
            case ("place", int(s)):
                visit = self.places[s].visit
                yield from (("seat", i, visit) for i in self.may[s] if i != self.holder[s])
            case ("seat", str(i), str(visit)):
                held = self.seat.get((i, visit))
                yield ("day", i, self.day_of[visit]) if held is None else ("place", held)
            case ("day", str(i), str(day)):
                if self.busy[i, day] < self.each:
                    yield ("officer", i)
                yield from self._seats(i, day)
            case ("officer", str(i)):
                days = {self.places[s].day for s in self.held.get(i, ())}
                yield from (("day", i, day) for day in sorted(days))

    def _seats(self, i: str, day: str) -> Iterator[_Node]:
        for s in sorted(self.held.get(i, ())):
            if self.places[s].day == day:
                yield ("seat", i, self.places[s].visit)

    def _way(self, came: Mapping[_Node, _Node | None], end: _Node) -> list[_Node]:
        way: list[_Node] = []
        node: _Node | None = end
        while node is not None:
            way.append(node)
            node = came[node]
        return way[::-1]

    def _carry_out(self, way: Sequence[_Node]) -> None:
        """Give every place on the way to whom it leads next."""
        taken = [
            (node[1], after[1])
            for node, after in pairwise(way)
            if node[0] == "place" and isinstance(node[1], int) and isinstance(after[1], str)
        ]
        for s, _ in taken:
            self._leave(s)
        for s, i in taken:
            self._take(s, i)

    def _take(self, s: int, i: str) -> None:
        one = self.places[s]
        self.holder[s] = i
        self.seat[i, one.visit] = s
        self.held.setdefault(i, set()).add(s)
        self.busy[i, one.day] += 1
        self.load[i] += 1

    def _leave(self, s: int) -> None:
        i, one = self.holder[s], self.places[s]
        if i is not None:
            self.holder[s] = None
            del self.seat[i, one.visit]
            self.held[i].discard(s)
            self.busy[i, one.day] -= 1
            self.load[i] -= 1

    def _hash(self, *fields: str) -> tuple[bytes, bytes]:
        return joined(self.new, self.k, "\t".join(fields).encode()), fields[-1].encode()


class _Walk:
    """A random walk among the ways of equal Σload², each step as likely as its reverse.

    Places are numbered in the byte order of their keys, officers in that of their certificates.
    """

    def __init__(self, new: Hash, k: bytes, start: _Start) -> None:
        self.new, self.k, self.each = new, k, start.each
        self.places, self.holder = start.places, start.holder
        self.load, self.busy = start.load, start.busy
        self.seats = set(start.seat)
        self.names = sorted(self.load, key=str.encode)
        filled = [s for s, i in enumerate(self.holder) if i is not None]
        self.order = sorted(filled, key=lambda s: self.places[s].key.encode())
        self.words = self._words()

    def go(self, sweeps: int) -> None:
        """Propose `sweeps` steps per place; what would break a rule stays as it is."""
        below = self._below
        for _ in range(sweeps * len(self.order)):
            s = self.order[below(len(self.order))]
            if below(2):
                self._move(s, self.names[below(len(self.names))])
            else:
                self._exchange(s, self.order[below(len(self.order))])

    def _move(self, s: int, j: str) -> None:
        i = self.holder[s]
        if i is not None and self.load[j] + 1 == self.load[i] and self._fits(s, j):
            self._leave(s, i)
            self._take(s, j)

    def _exchange(self, s: int, u: int) -> None:
        i, j = self.holder[s], self.holder[u]
        if i is None or j is None or i == j:
            return
        self._leave(s, i)
        self._leave(u, j)
        if self._fits(s, j) and self._fits(u, i):
            i, j = j, i
        self._take(s, i)
        self._take(u, j)

    def _fits(self, s: int, i: str) -> bool:
        one = self.places[s]
        return (
            i in one.may and (i, one.visit) not in self.seats and self.busy[i, one.day] < self.each
        )

    def _take(self, s: int, i: str) -> None:
        one = self.places[s]
        self.holder[s] = i
        self.seats.add((i, one.visit))
        self.busy[i, one.day] += 1
        self.load[i] += 1

    def _leave(self, s: int, i: str) -> None:
        one = self.places[s]
        self.seats.discard((i, one.visit))
        self.busy[i, one.day] -= 1
        self.load[i] -= 1

    def _below(self, n: int) -> int:
        limit = (1 << 64) // n * n
        while (word := next(self.words)) >= limit:
            pass
        return word % n

    def _words(self) -> Iterator[int]:
        for c in count():
            yield from unpack(">4Q", joined(self.new, self.k, b"\0walk", c.to_bytes(8, "big")))
