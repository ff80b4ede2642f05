"""Which officers go where: teams drawn by lot among all fair ways to share the work.

Hard rules: a team has different officers, all eligible for the task, one of them eligible to lead,
nobody beyond the room he has. Of the assignments that keep them only those with the least sum of
squared loads count; a walk driven by the hash of the draw goes at random among these.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from struct import unpack
from typing import NamedTuple

from app.draws.eligibility import TOP_LEVEL, Bar, Eligibility, Eligible, Need, Officer
from app.draws.files import write_names, write_tsv
from app.draws.rules import DrawFileMalformed, DrawRefused, Hash, hash_named, joined, key

SWEEPS = 100
UNLIMITED = 1 << 62


class TaskUncovered(DrawRefused):
    code, title = "task-uncovered", "有单位无人可派"


class AssignmentStuck(DrawRefused):
    """The tasks of `rows` cannot all be filled: together they have no one but `officers`."""

    code, title = "assignment-stuck", "监督员不足"

    def __init__(self, rows: Sequence[Eligible], officers: Sequence[str]) -> None:
        super().__init__(
            f"{len(rows)} 项任务一共只有 {len(officers)} 名监督员可派，名额已满。",
            rows=rows,
            officers=officers,
        )
        self.rows = rows
        self.officers = officers


class NobodyLeft(DrawRefused):
    code, title = "nobody-left", "没有可以替换的监督员"


class Team(NamedTuple):
    """One line of assignment.tsv."""

    stratum: str
    id: str
    lead: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The drawn teams, and what was relaxed for them: levels in `rows`, places in `raised`.

    `loads` are base and new tasks together, `room` what is left of the places (None: no limit).
    """

    teams: Sequence[Team]
    rows: Sequence[Eligible]
    loads: Mapping[str, int]
    room: Mapping[str, int | None]
    raised: Mapping[str, int]


def write_assignment(teams: Iterable[Team]) -> bytes:
    """Return assignment.tsv in byte order."""
    return write_tsv((one.stratum, one.id, one.lead, write_names(one.others)) for one in teams)


def assign(
    x: bytes,
    officers: Sequence[Officer],
    needs: Iterable[Need],
    barred: Iterable[Bar] = (),
    hash_name: str = "sha256",
) -> Assignment:
    """Draw a team for every need, relaxing rotation only where the officers do not suffice.

    While the tasks cannot all be filled, those of the stuck set rise one level; are all at the top,
    its officers get one more place each. Raises TaskUncovered (`rows`: the units with whom they
    have left).
    """
    eligibility, needs = Eligibility(officers, barred), list(needs)
    if rows := eligibility.uncovered(needs):
        raise TaskUncovered(
            f"“{rows[0].need.stratum}”的“{rows[0].need.id}”除去回避和请假，没有足够的监督员可派。",
            rows=rows,
        )
    levels = {need: row.level for need in needs if (row := eligibility.lowest(need))}
    while True:
        eligible = [eligibility.row(need, level) for need, level in levels.items()]
        try:
            return repeat_assignment(x, officers, eligible, hash_name)
        except AssignmentStuck as stuck:
            for row in stuck.rows:
                levels[row.need] = min(row.level + 1, TOP_LEVEL)


def repeat_assignment(
    x: bytes,
    officers: Sequence[Officer],
    rows: Sequence[Eligible],
    hash_name: str = "sha256",
    sweeps: int = SWEEPS,
) -> Assignment:
    """Draw the teams from the published rows of officers.tsv and eligible.tsv.

    Where all tasks of a stuck set are at the top level, its officers get one more place each.
    Raises AssignmentStuck when one is not, and DrawFileMalformed when a row does not fit
    officers.tsv.
    """
    _check_rows(officers, rows)
    new = hash_named(hash_name)
    k, raised = key(new, x, "assign"), Counter[str]()
    while stuck := (start := _Start(new, k, officers, rows, raised)).fill():
        if any(row.level < TOP_LEVEL for row in stuck.rows):
            raise stuck
        raised.update(stuck.officers)
    start.level()
    walk = _Walk(new, k, start)
    walk.go(sweeps)
    return walk.result(raised)


def find_stuck(officers: Sequence[Officer], rows: Sequence[Eligible]) -> AssignmentStuck | None:
    """Return the tasks and officers that cannot be matched within the rooms, if there are any.

    Without chance: whether all teams can be filled does not hang on the order.
    """
    new = hash_named("sha256")
    return _Start(new, key(new, b"", "assign"), officers, rows, {}).fill()


def _check_rows(officers: Sequence[Officer], rows: Iterable[Eligible]) -> None:
    known = {one.certificate: one for one in officers}
    for row in rows:
        stratum = row.need.stratum
        takes = all(one in known and stratum in known[one].takes for one in row.takes)
        leads = all(one in known and stratum in known[one].leads for one in row.leads)
        if not (takes and leads and row.leads <= row.takes and row.enough):
            raise DrawFileMalformed(f"“{stratum}”的“{row.need.id}”的人选与 officers.tsv 不一致。")


def lead_of(x: bytes, row: Eligible, team: Collection[str], hash_name: str = "sha256") -> str:
    """Return the member of the team who leads: of those who may, the smallest lot."""
    new = hash_named(hash_name)
    k = key(new, x, "assign")
    return min(row.leads.intersection(team), key=lambda one: _lot(new, k, row.need.key, one))


def redraw_slot(
    x: bytes,
    row: Eligible,
    team: Collection[str],
    leaving: str,
    *,
    declared: Collection[str],
    loads: Mapping[str, int],
    room: Mapping[str, int | None],
    number: int,
    hash_name: str = "sha256",
) -> str:
    """Return who takes the place of a member barred after the freeze; all other slots stay.

    `declared` are all who declared recusal or absence for this task, `number` counts the redraws
    of the task from 1. Least load, then smallest lot. Raises NobodyLeft.
    """
    new = hash_named(hash_name)
    k = key(new, x, "assign")
    free = free_for_slot(row, team, leaving, declared=declared, room=room)
    if not free:
        raise NobodyLeft("没有其他符合条件、还有名额的监督员，不能重新抽取。")
    return min(
        free,
        key=lambda one: (
            loads[one],
            _h(new, k, "redraw", str(number), row.need.key, one),
            one.encode(),
        ),
    )


def free_for_slot(
    row: Eligible,
    team: Collection[str],
    leaving: str,
    *,
    declared: Collection[str],
    room: Mapping[str, int | None],
) -> set[str]:
    """Return among whom a slot is redrawn: eligible, not on the team, with room, and a lead stays.

    `declared` and `room` are as for `redraw_slot`.
    """
    free = {one for one in row.takes.difference(team, declared) if room[one] != 0}
    if not (set(team) - {leaving}) & row.leads:
        free &= row.leads
    return free


def _h(new: Hash, k: bytes, *fields: str) -> bytes:
    return joined(new, k, "\t".join(fields).encode())


def _lot(new: Hash, k: bytes, task: str, officer: str) -> tuple[bytes, bytes]:
    return _h(new, k, "lot", task, officer)[:8], officer.encode()


def _bits(mask: int) -> Iterator[int]:
    """Yield the members of a set that is kept as the bits of an integer, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class _Start:
    """A valid assignment of least sum of squared loads, always the same for the same key.

    Officers and tasks are numbered in the order of their hashes; sets of either are bit masks.
    """

    def __init__(
        self,
        new: Hash,
        k: bytes,
        officers: Sequence[Officer],
        rows: Sequence[Eligible],
        raised: Mapping[str, int],
    ) -> None:
        def place(kind: str, name: str) -> tuple[bytes, bytes]:
            return _h(new, k, kind, name), name.encode()

        self.new, self.k = new, k
        self.officers = sorted(officers, key=lambda one: place("officer", one.certificate))
        self.rows = sorted(rows, key=lambda row: place("task", row.need.key))
        self.bit = {one.certificate: 1 << i for i, one in enumerate(self.officers)}
        self.takes = [sum(self.bit[one] for one in row.takes) for row in self.rows]
        self.leads = [sum(self.bit[one] for one in row.leads) for row in self.rows]
        self.team = [0] * len(self.rows)
        self.tasks = [0] * len(self.officers)
        self.load = [one.base for one in self.officers]
        self.room = [
            UNLIMITED if one.room is None else one.room + raised.get(one.certificate, 0)
            for one in self.officers
        ]
        self.free = sum(1 << i for i, room in enumerate(self.room) if room)

    def fill(self) -> AssignmentStuck | None:
        """Fill every team; returns the tasks and officers that are stuck, if any."""
        for t, row in enumerate(self.rows):
            for p in range(row.need.size):
                choice = (self.takes if p else self.leads)[t] & ~self.team[t]
                seen = self._fill_slot(t, choice)
                if seen:
                    return self._stuck(t, seen)
        return None

    def level(self) -> None:
        """Move work from the most to the least loaded until no path helps any more."""
        v = max(self.load, default=0)
        while v >= min(self.load, default=0) + 2:
            rich = self._loaded(range(v, v + 1))
            poor = self._loaded(range(v - 1)) & self.free
            end, came = self._search(rich, poor)
            if end is None:
                v -= 1
            else:
                self._charge(self._carry_out(end, came), -1)
                self._charge(end, 1)

    def _fill_slot(self, t: int, choice: int) -> int:
        """Put one officer into the team; returns whom a vain search saw, else 0."""
        if free := choice & self.free:
            i = end = min(_bits(free), key=lambda one: (self.load[one], self._lot(t, one)))
        else:
            found, came = self._search(choice, self.free)
            if found is None:
                return choice | sum(1 << b for b in came)
            i, end = self._carry_out(found, came), found
        self._change(t, i)
        self._charge(end, 1)
        return 0

    def _search(self, first: int, goal: int) -> tuple[int | None, dict[int, tuple[int, int]]]:
        """Return the nearest officer of the goal to whom swaps lead, and how each seen was come by.

        b came by (task, a) when b can take the place of a in the team of the task. Nobody is both
        in `first` and in the goal.
        """
        came: dict[int, tuple[int, int]] = {}
        queue, seen = list(_bits(first)), first
        for a in queue:
            for u in _bits(self.tasks[a]):
                options = self.takes[u] & ~self.team[u] & ~seen
                if not self.team[u] & ~(1 << a) & self.leads[u]:
                    options &= self.leads[u]
                if hit := options & goal:
                    end = next(_bits(hit))
                    came[end] = (u, a)
                    return end, came
                seen |= options
                for b in _bits(options):
                    came[b] = (u, a)
                    queue.append(b)
        return None, came

    def _carry_out(self, b: int, came: Mapping[int, tuple[int, int]]) -> int:
        """Make the swaps that lead to b, from the last to the first; returns who began."""
        while b in came:
            u, a = came[b]
            self._change(u, a)
            self._change(u, b)
            b = a
        return b

    def _change(self, t: int, i: int) -> None:
        """Put the officer into the team, or take him out of it."""
        self.team[t] ^= 1 << i
        self.tasks[i] ^= 1 << t

    def _charge(self, i: int, n: int) -> None:
        self.load[i] += n
        self.room[i] -= n
        self.free = (self.free | (1 << i)) if self.room[i] else (self.free & ~(1 << i))

    def _loaded(self, loads: range) -> int:
        return sum(1 << i for i, load in enumerate(self.load) if load in loads)

    def _lot(self, t: int, i: int) -> tuple[bytes, bytes]:
        return _lot(self.new, self.k, self.rows[t].need.key, self.officers[i].certificate)

    def _stuck(self, t: int, seen: int) -> AssignmentStuck:
        tasks = 1 << t
        for i in _bits(seen):
            tasks |= self.tasks[i]
        return AssignmentStuck(
            [self.rows[u] for u in _bits(tasks)],
            sorted((self.officers[i].certificate for i in _bits(seen)), key=str.encode),
        )


class _Walk:
    """A random walk among the assignments of equal Σload², each step as likely as its reverse.

    Officers and tasks are numbered in the byte order of their keys.
    """

    def __init__(self, new: Hash, k: bytes, start: _Start) -> None:
        self.new, self.k = new, k
        named = {one.certificate: i for i, one in enumerate(start.officers)}
        self.names = sorted(named, key=str.encode)
        at = {name: j for j, name in enumerate(self.names)}
        old = [named[name] for name in self.names]
        self.load = [start.load[i] for i in old]
        self.room = [start.room[i] for i in old]
        tasks = sorted(range(len(start.rows)), key=lambda t: start.rows[t].need.key.encode())
        self.rows = [start.rows[t] for t in tasks]
        self.takes = [sum(1 << at[one] for one in row.takes) for row in self.rows]
        self.leads = [sum(1 << at[one] for one in row.leads) for row in self.rows]
        self.team = [
            sorted(at[start.officers[i].certificate] for i in _bits(start.team[t])) for t in tasks
        ]
        self.mask = [sum(1 << i for i in team) for team in self.team]
        self.words = self._words()

    def go(self, sweeps: int) -> None:
        """Propose `sweeps` steps per slot; what would break a rule stays as it is."""
        below, team = self._below, self.team
        for _ in range(sweeps * sum(map(len, team))):
            t = below(len(team))
            p = below(len(team[t]))
            if below(2):
                self._move(t, p, below(len(self.names)))
            else:
                u = below(len(team))
                self._exchange(t, p, u, below(len(team[u])))

    def result(self, raised: Mapping[str, int]) -> Assignment:
        room = [None if left > UNLIMITED >> 1 else left for left in self.room]
        return Assignment(
            [self._team(t) for t in range(len(self.rows))],
            self.rows,
            dict(zip(self.names, self.load, strict=True)),
            dict(zip(self.names, room, strict=True)),
            dict(raised),
        )

    def _move(self, t: int, p: int, j: int) -> None:
        i, mask = self.team[t][p], self.mask[t]
        after = (mask ^ (1 << i)) | (1 << j)
        if (
            self.load[j] + 1 == self.load[i]
            and self.takes[t] & ~mask & (1 << j)
            and self.room[j]
            and after & self.leads[t]
        ):
            self.team[t][p], self.mask[t] = j, after
            self.load[i] -= 1
            self.room[i] += 1
            self.load[j] += 1
            self.room[j] -= 1

    def _exchange(self, t: int, p: int, u: int, q: int) -> None:
        i, j = self.team[t][p], self.team[u][q]
        first, second = self.mask[t], self.mask[u]
        if (
            t != u
            and i != j
            and self.takes[u] & ~second & (1 << i)
            and self.takes[t] & ~first & (1 << j)
        ):
            first = (first ^ (1 << i)) | (1 << j)
            second = (second ^ (1 << j)) | (1 << i)
            if first & self.leads[t] and second & self.leads[u]:
                self.team[t][p], self.team[u][q] = j, i
                self.mask[t], self.mask[u] = first, second

    def _below(self, n: int) -> int:
        limit = (1 << 64) // n * n
        while (word := next(self.words)) >= limit:
            pass
        return word % n

    def _words(self) -> Iterator[int]:
        for c in count():
            yield from unpack(">4Q", joined(self.new, self.k, b"\0walk", c.to_bytes(8, "big")))

    def _team(self, t: int) -> Team:
        row, names = self.rows[t], [self.names[i] for i in self.team[t]]
        lead = min(
            row.leads.intersection(names),
            key=lambda one: _lot(self.new, self.k, row.need.key, one),
        )
        others = sorted(set(names) - {lead}, key=str.encode)
        return Team(row.need.stratum, row.need.id, lead, tuple(others))
