"""Fewer journeys than the greedy schedule's, by OR-Tools' CP-SAT: the optional extra `[solver]`.

The solver gets the greedy schedule to begin with, our own lower bounds as constraints, so that it
stops where nothing better can be, and a limit. Entries of one zone with one window are alike to
it: it decides how many of them go on which day, which keeps the question small.

What it finds is stored and never computed again: one worker and a fixed seed make runs alike, but
under a limit of time nothing makes them the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from app.errors import Conflict
from app.jointvisits.bounds import fewest_by_zone
from app.jointvisits.rules import Capacity, Entry, Schedule, Visit, Window, room_of, zones_of
from app.jointvisits.scheduling import schedule

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

Kind = tuple[str, Window, bool]  # zone, window, pinned: what tells entries apart here
Days = Mapping[tuple[Kind, int], int]  # how many entries of a kind go on a day


class SolverMissing(Conflict):
    """The extra `[solver]` is not installed; the greedy schedule is there without it."""

    code, title = "solver-missing", "未安装排程求解组件"


@dataclass(frozen=True)
class Effort:
    """What an improvement may take, and the seed it starts from."""

    seconds: float
    seed: int = 1

    @property
    def work(self) -> float:
        """The same limit by the solver's own count, which does not hang on how busy the machine is.

        A unit of it took about two seconds where it was measured.
        """
        return self.seconds / 2


@dataclass(frozen=True)
class Improved:
    """A schedule no worse than the one it came from, and what no schedule can go below."""

    schedule: Schedule
    fewest_zone_days: int
    proven: bool  # nothing has fewer entries without a day, or as few and fewer zone-days


@dataclass(frozen=True)
class _Answer:
    schedule: Schedule
    proven: bool
    seconds: float
    work: float


def improve(
    entries: Sequence[Entry],
    capacity: Capacity,
    *,
    days: int,
    effort: Effort,
    start: Schedule | None = None,
) -> Improved:
    """Return a schedule of these entries that is no worse than the greedy one, nor than `start`.

    Worse is, in this order: more entries without a day, more zone-days, a fuller busiest day. The
    least number without a day is known beforehand: the greedy schedule places all that can be.
    Evening out the days gets a quarter of the effort at most: it is seldom proven. What is pinned
    stays on its day, more of them than can be done there if somebody wanted it so.
    Blocks until the limit or a proof; holds no lock and touches no database. Raises SolverMissing.
    """
    _require_solver()
    greedy = schedule(entries, capacity, days=days)
    best = min((greedy, start or greedy), key=rank)
    question = _Question(entries, capacity, days, unplaced=len(greedy.unplaced))
    least = max(0, sum(question.bounds.values()) - len(greedy.unplaced))
    proven, seconds, work = best.zone_days <= least, effort.seconds, effort.work
    if not proven:
        found = question.fewest_zone_days(best, seconds, work, effort.seed)
        best, proven = min(best, found.schedule, key=rank), found.proven
        seconds, work = seconds - found.seconds, work - found.work
    seconds, work = min(seconds, effort.seconds / 4), min(work, effort.work / 4)
    if best.busiest_day > -(-len(best.visits) // days) and min(seconds, work) > 0:
        evened = question.least_busy_day(best, seconds, work, effort.seed)
        best = min(best, evened.schedule, key=rank)
    return Improved(best, best.zone_days if proven else least, proven)


def rank(made: Schedule) -> tuple[int, int, int]:
    """What makes one schedule better than another, the gravest first; less is better."""
    return len(made.unplaced), made.zone_days, made.busiest_day


def _require_solver() -> None:
    try:
        import_module("ortools.sat.python.cp_model")
    except ImportError as error:
        raise SolverMissing(
            "本服务器没有安装排程求解组件，计划保持原排程。"
            "请管理员执行 pip install suicha[solver] 后再试。"
        ) from error


def _kind(entry: Entry) -> Kind:
    return entry.zone, entry.window, entry.pinned


class _Question:
    """The model: how many entries of each kind go on each day, and which zone-days are opened."""

    def __init__(
        self, entries: Sequence[Entry], capacity: Capacity, days: int, *, unplaced: int
    ) -> None:
        from ortools.sat.python import cp_model

        self.entries, self.days = entries, days
        self.room = room_of(entries, capacity, days=days)
        self.bounds = fewest_by_zone(entries, capacity)
        self.fullest = Capacity(max(self.room, default=capacity.a_day), 1)  # no day holds more
        self.model = cp_model.CpModel()
        self.kinds: dict[Kind, list[Entry]] = {}
        for entry in entries:
            self.kinds.setdefault(_kind(entry), []).append(entry)
        self.opened = {
            (zone, day): self.model.new_bool_var(f"open {zone} {day}")
            for zone in zones_of(entries)
            for day in range(days)
        }
        self.missed = {
            kind: self.model.new_int_var(0, 0 if kind[2] else len(own), f"missed {kind}")
            for kind, own in self.kinds.items()
        }
        self.going = {
            (kind, day): self.model.new_int_var(
                0, min(len(own), self.room[day]), f"go {kind} {day}"
            )
            for kind, own in self.kinds.items()
            for day in range(kind[1].first, kind[1].last + 1)
        }
        self.model.add(sum(self.missed.values()) == unplaced)
        self._carry_everybody()
        self._keep_capacity()
        self._keep_bounds()

    def _carry_everybody(self) -> None:
        """Every entry goes on a day of its window, or is missed; so each window is gone into."""
        for kind, own in self.kinds.items():
            zone, window, _ = kind
            days = range(window.first, window.last + 1)
            self.model.add(
                sum(self.going[kind, day] for day in days) + self.missed[kind] == len(own)
            )
            opened = sum(self.opened[zone, day] for day in days)
            self.model.add(opened + self.missed[kind] >= -(-len(own) // self.fullest.a_day))

    def _keep_capacity(self) -> None:
        """No day is overfull, and nobody goes to a zone on a day on which it is not opened."""
        on_day: dict[int, list[cp_model.IntVar]] = {}
        in_zone: dict[tuple[str, int], list[cp_model.IntVar]] = {}
        for (kind, day), going in self.going.items():
            on_day.setdefault(day, []).append(going)
            in_zone.setdefault((kind[0], day), []).append(going)
            most = min(len(self.kinds[kind]), self.room[day])
            self.model.add(going <= most * self.opened[kind[0], day])
        self.loads = [sum(on_day.get(day, [])) for day in range(self.days)]
        for load, room in zip(self.loads, self.room, strict=True):
            self.model.add(load <= room)
        for key, opened in self.opened.items():
            self.model.add(sum(in_zone.get(key, [])) <= self.room[key[1]] * opened)

    def _keep_bounds(self) -> None:
        """No zone needs fewer days than its bound; each entry that is missed may save one."""
        for zone, least in self.bounds.items():
            opened = sum(self.opened[zone, day] for day in range(self.days))
            missed = sum(number for kind, number in self.missed.items() if kind[0] == zone)
            self.model.add(opened + missed >= least)

    def fewest_zone_days(self, start: Schedule, seconds: float, work: float, seed: int) -> _Answer:
        self.model.minimize(sum(self.opened.values()))
        return self._answer(start, seconds, work, seed)

    def least_busy_day(self, start: Schedule, seconds: float, work: float, seed: int) -> _Answer:
        """Even out the days on no more zone-days than `start` has."""
        busiest = self.model.new_int_var(0, self.fullest.a_day, "busiest")
        for load in self.loads:
            self.model.add(load <= busiest)
        self.model.add(busiest * self.days >= len(start.visits))
        self.model.add(sum(self.opened.values()) <= start.zone_days)
        self.model.minimize(busiest)
        return self._answer(start, seconds, work, seed)

    def _answer(self, start: Schedule, seconds: float, work: float, seed: int) -> _Answer:
        from ortools.sat.python import cp_model

        self._hint(start)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.max_deterministic_time = work
        solver.parameters.random_seed = seed
        solver.parameters.num_workers = 1
        solver.parameters.linearization_level = 2  # the bounds are linear: seconds, not minutes
        status = solver.solve(self.model)
        made = start
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            made = self._schedule({key: solver.value(going) for key, going in self.going.items()})
        spent = solver.response_proto.deterministic_time
        return _Answer(made, status == cp_model.OPTIMAL, solver.wall_time, spent)

    def _hint(self, start: Schedule) -> None:
        self.model.clear_hints()  # type: ignore[no-untyped-call]  # theirs
        on: dict[tuple[Kind, int], int] = {}
        for visit in start.visits:
            key = _kind(visit.entry), visit.day
            on[key] = on.get(key, 0) + 1
        for key, going in self.going.items():
            self.model.add_hint(going, on.get(key, 0))
        gone_to = {(visit.entry.zone, visit.day) for visit in start.visits}
        for zone_day, opened in self.opened.items():
            self.model.add_hint(opened, zone_day in gone_to)

    def _schedule(self, going: Days) -> Schedule:
        """Name the entries that go: of those alike, the first by unit go first."""
        visits, unplaced = [], []
        for kind, own in self.kinds.items():
            waiting = sorted(own, key=lambda one: one.unit)
            for day in range(kind[1].first, kind[1].last + 1):
                taken, waiting = waiting[: going[kind, day]], waiting[going[kind, day] :]
                visits += [Visit(entry, day) for entry in taken]
            unplaced += waiting
        return Schedule(tuple(visits), tuple(unplaced))
