"""How few journeys joint visits take, and how fast the schedule is there.

    python bench/joint.py [--json] [--quick] [--seconds 60]

Entries merged from the open tasks of a quarter get their days: by our greedy schedule, by the extra
`[solver]` that goes on from it for so many seconds, and by OR-Tools' CP-SAT alone, which gets the
same entries and seconds, but no hint and none of our bounds. Beside all of them stands our lower
bound, which nothing can go below. One judge looks at every schedule. The peer runs in the
environment of bench/requirements.lock: BENCH_PYTHON names its interpreter.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Figure, Goal, Report, figure, parser, show

if TYPE_CHECKING:
    from app.jointvisits.rules import Schedule


class Quarter(NamedTuple):
    """An instance of the family, and the teams that are there for it."""

    units: int
    seed: int
    teams: int

    @property
    def name(self) -> str:
        return f"{self.units:,} units, {self.teams} teams, seed {self.seed}"


QUARTERS = (Quarter(400, 1, 10), Quarter(400, 2, 10), Quarter(400, 1, 5), Quarter(1500, 1, 20))
VISITS_EACH, ROUNDS = 2, 5


def place_with_solver(given: dict[str, Any]) -> list[int | None]:
    """Give entries their days with CP-SAT: as many as can be, then on the fewest zone-days."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    zone_day: dict[tuple[str, int], Any] = {}
    on_day: dict[int, list[Any]] = {}
    chosen: list[dict[int, Any]] = []
    missed = []
    for number, (zone, first, last) in enumerate(given["entries"]):
        own = {day: model.new_bool_var(f"x{number}-{day}") for day in range(first, last + 1)}
        for day, here in own.items():
            opened = zone_day.setdefault((zone, day), model.new_bool_var(f"y{zone}-{day}"))
            model.add_implication(here, opened)
            on_day.setdefault(day, []).append(here)
        missed.append(model.new_bool_var(f"m{number}"))
        model.add_exactly_one([*own.values(), missed[-1]])
        chosen.append(own)
    for visits in on_day.values():
        model.add(sum(visits) <= given["a_day"])
    model.minimize(1000 * sum(missed) + sum(zone_day.values()))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = given["seconds"]
    solver.parameters.random_seed = 1
    solver.solve(model)
    return [next((day for day, here in own.items() if solver.value(here)), None) for own in chosen]


def solved(entries: Sequence[Any], a_day: int, seconds: float) -> list[int | None]:
    """Ask the peer in its own environment."""
    question = {
        "entries": [(one.zone, one.window.first, one.window.last) for one in entries],
        "a_day": a_day,
        "seconds": seconds,
    }
    command = [os.environ.get("BENCH_PYTHON", sys.executable), __file__, "--child"]
    answer = subprocess.run(
        command, input=json.dumps(question), capture_output=True, text=True, check=True
    )
    found: list[int | None] = json.loads(answer.stdout)
    return found


def measure(quarter: Quarter, seconds: float) -> list[Figure]:
    from app.jointvisits import bounds, rules
    from app.jointvisits.judging import faults
    from app.jointvisits.merging import merge
    from app.jointvisits.scheduling import schedule
    from app.jointvisits.solving import Effort, improve
    from bench.quarters import DAYS, instance

    tasks, capacity = (
        instance(quarter.units, quarter.seed),
        rules.Capacity(quarter.teams, VISITS_EACH),
    )
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        entries = merge(tasks)
        ours = schedule(entries, capacity, days=DAYS)
        times.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    improved = improve(entries, capacity, days=DAYS, effort=Effort(seconds)).schedule
    took = time.perf_counter() - begin
    days = solved(entries, capacity.a_day, seconds)
    theirs = rules.Schedule(
        tuple(
            rules.Visit(one, day) for one, day in zip(entries, days, strict=True) if day is not None
        ),
        tuple(one for one, day in zip(entries, days, strict=True) if day is None),
    )
    for made in (ours, improved, theirs):
        if wrong := faults(tasks, made, capacity):
            sys.exit(f"{quarter.name}: {wrong[:3]}")
    least = bounds.fewest_zone_days(entries, capacity)
    alone = (
        f"CP-SAT alone, {seconds:g} s, {len(theirs.unplaced)} without a day",
        theirs.zone_days,
    )
    fast: tuple[Goal, float] | None = ("below", 0.1) if quarter.units == 400 else None
    return [
        figure(f"{quarter.name}: merged and scheduled", "s", median(times), target=fast),
        figure(
            f"{quarter.name}: entries",
            "",
            len(entries),
            peer="lower bound",
            theirs=bounds.fewest_entries(tasks),
            target=("at most", 1),
        ),
        *_zone_days(f"{quarter.name}, greedy", ours, least, alone),
        *_zone_days(f"{quarter.name}, with solver", improved, least, alone, target=1.05),
        figure(
            f"{quarter.name}, with solver: until it ended",
            "s",
            took,
            target=("at most", 1.1 * seconds),
        ),
    ]


def _zone_days(
    name: str,
    made: "Schedule",
    least: int,
    alone: tuple[str, int],
    target: float | None = None,
) -> list[Figure]:
    """A schedule beside the bound and beside the peer, and what it left out."""
    near: tuple[Goal, float] | None = ("at most", target) if target else None
    peer, theirs = alone
    return [
        figure(
            f"{name}: zone-days", "", made.zone_days, peer="lower bound", theirs=least, target=near
        ),
        figure(f"{name}: zone-days", "", made.zone_days, peer=peer, theirs=theirs),
        figure(f"{name}: without a day", "", len(made.unplaced), target=("at most", 0)),
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=60.0, help="what the solver gets")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        print(json.dumps(place_with_solver(json.load(sys.stdin))))
        return
    quarters, seconds = (QUARTERS[:1], 5.0) if given.quick else (QUARTERS, given.seconds)
    found = [one for quarter in quarters for one in measure(quarter, seconds)]
    show(Report(name="joint", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
