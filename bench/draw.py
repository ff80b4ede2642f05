"""How fast units and officers are drawn.

    python bench/draw.py [--json] [--quick] [--large] [--units 20000 1000000] [--rounds 3]

Our draw (weighted, stratified) stands beside consistent-sampler (neither), each in a fresh process
with the same number of ids put out, and beside what `openssl speed` hashes at the same length.
Building the list is not timed; peak memory contains it. Our assignment (one of all fair ones, by
lot) stands beside a min-cost flow of OR-Tools (any fair one), on the same officers and units. The
peers run in the environment of bench/requirements.lock: BENCH_PYTHON names its interpreter.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Figure, Report, figure, parser, show

HERE = Path(__file__).resolve().parent
UNITS, LARGE = (20_000, 300_000, 1_000_000), 5_000_000
ASSIGNMENTS = {(400, 60): None, (700, 60): 1.0, (2_000, 200): 5.0}  # seconds it may take
STRATA, WEIGHTS, RATIO = 12, (10, 15, 20, 30, 60), (7, 100)
TEAM = 2
X = bytes(range(32))
HASHED_AT_ONCE, HASHING_S = 20_000, 1.0
Measure = dict[str, float]


def archive_number(n: int) -> str:
    return f"310105-{n:010}"


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("this system does not tell a process its peak memory")


# --- units ---------------------------------------------------------------------------------------


def draw_units(units: int) -> Measure:
    """Draw with our engine; its peak memory contains what the product's modules take."""
    from app.draws import rules

    population: dict[str, dict[int, list[bytes]]] = {
        f"S{stratum:02}": {weight: [] for weight in WEIGHTS} for stratum in range(STRATA)
    }
    for n in range(units):
        stratum, weight = f"S{n % STRATA:02}", WEIGHTS[n // STRATA % len(WEIGHTS)]
        population[stratum][weight].append(archive_number(n).encode())
    begin = time.perf_counter()
    results = rules.select(population, dict.fromkeys(population, RATIO), X)
    seconds = time.perf_counter() - begin
    put_out = sum(len(one.smallest) for stratum in results for one in stratum.classes)
    return {"seconds": seconds, "peak_mib": peak_mib(), "put_out": put_out}


def sample_units(units: int, take: int) -> Measure:
    """Draw as many with the peer."""
    from consistent_sampler import sampler

    ids = [archive_number(n) for n in range(units)]
    begin = time.perf_counter()
    drawn = list(sampler(ids, seed=314159, with_replacement=False, take=take))
    seconds = time.perf_counter() - begin
    assert len(drawn) == take
    return {"seconds": seconds, "peak_mib": peak_mib(), "put_out": take}


def hash_units() -> Measure:
    """Hash key and id as a ticket does, and nothing else: what Python allows a draw."""
    k, ids = X, [archive_number(n).encode() for n in range(HASHED_AT_ONCE)]
    done, begin = 0, time.perf_counter()
    while (seconds := time.perf_counter() - begin) < HASHING_S:
        for id_ in ids:
            hashlib.sha256(k + id_).digest()
        done += len(ids)
    return {"hashes_per_s": done / seconds}


def openssl_speed() -> float:
    """Return how many messages as long as a ticket's OpenSSL hashes in a second; 0 without it."""
    if (program := shutil.which("openssl")) is None:
        return 0.0
    length = len(X + archive_number(0).encode())
    command = [program, "speed", "-mr", "-seconds", "2", "-bytes", str(length), "-evp", "sha256"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, line = (one for one in done.stdout.splitlines() if one.startswith("+F:"))
    return float(line.rpartition(":")[2]) / length


# --- teams ---------------------------------------------------------------------------------------


class Instance(NamedTuple):
    """The officers (certificate, base load, strata, strata led), units and bars of a plan."""

    officers: list[tuple[str, int, list[str], list[str]]]
    units: list[tuple[str, str]]
    barred: list[tuple[str, str, str, str]]


def instance(tasks: int, officers: int) -> Instance:
    chance = random.Random(1)
    strata = [f"S{n}" for n in range(6)]
    staff = []
    for n in range(officers):
        takes = chance.sample(strata, chance.randint(2, 5))
        staff.append((f"3101{n:05}", chance.randint(0, 2), takes, takes[:2]))
    units = [(chance.choice(strata), archive_number(n)) for n in range(tasks)]
    barred = [
        (*unit, one[0], reason)
        for unit in units
        for one, reason in zip(
            chance.sample(staff, 3), ("recusal", "last-team", "last-lead"), strict=True
        )
    ]
    return Instance(staff, units, barred)


def assign_teams(tasks: int, officers: int, sweeps: int) -> Measure:
    """Draw teams with our engine, from the committed bars on; without sweeps only any fair one."""
    from app.draws import assignment
    from app.draws.eligibility import Bar, Eligibility, Need, Officer

    given = instance(tasks, officers)
    staff = [
        Officer(certificate, base, None, frozenset(takes), frozenset(leads))
        for certificate, base, takes, leads in given.officers
    ]
    needs, barred = [Need(*unit) for unit in given.units], [Bar(*one) for one in given.barred]
    begin = time.perf_counter()
    if sweeps:
        drawn = assignment.assign(X, staff, needs, barred)
    else:
        eligibility = Eligibility(staff, barred)
        rows = [row for need in needs if (row := eligibility.lowest(need))]
        drawn = assignment.repeat_assignment(X, staff, rows, sweeps=0)
    seconds = time.perf_counter() - begin
    assert all(row.level == 1 for row in drawn.rows)  # the peer knows no ladder
    squares = sum(load * load for load in drawn.loads.values())
    return {"seconds": seconds, "squares": squares, "highest": max(drawn.loads.values())}


def flow_teams(tasks: int, officers: int, highest: int) -> Measure:
    """Find teams of least sum of squared loads with the peer, from the committed bars on.

    It is told the highest load that can occur, which spares it most of the arcs.
    """
    import numpy as np
    from ortools.graph.python import min_cost_flow

    given = instance(tasks, officers)
    begin = time.perf_counter()
    arcs = np.array(flow_arcs(given, highest), dtype=np.int64)
    supplies = np.zeros(1 + int(arcs[:, :2].max()), dtype=np.int64)
    supplies[:tasks], supplies[-1] = TEAM, -TEAM * tasks
    built = time.perf_counter()
    flow = min_cost_flow.SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(arcs[:, 0], arcs[:, 1], arcs[:, 2], arcs[:, 3])
    flow.set_nodes_supplies(np.arange(len(supplies)), supplies)
    status = flow.solve()
    end = time.perf_counter()
    assert status == flow.OPTIMAL
    bases = sum(base * base for _, base, _, _ in given.officers)
    squares = flow.optimal_cost() + bases
    return {"seconds": end - begin, "solving_s": end - built, "squares": squares}


def flow_arcs(given: Instance, highest: int) -> list[tuple[int, int, int, int]]:
    """Return (from, to, capacity, cost): task, its members who do not lead, officer, sink.

    An officer's n-th task costs what it adds to the square of his load.
    """
    tasks, officers = len(given.units), len(given.officers)
    numbers = {one[0]: 2 * tasks + n for n, one in enumerate(given.officers)}
    sink = 2 * tasks + officers
    out: dict[tuple[str, str, str], str] = {(*one[:2], one[2]): one[3] for one in given.barred}
    arcs = [(t, tasks + t, TEAM - 1, 0) for t in range(tasks)]
    for t, unit in enumerate(given.units):
        for certificate, _, takes, leads in given.officers:
            reason = out.get((*unit, certificate))
            if unit[0] not in takes or reason in ("recusal", "last-team"):
                continue
            may_lead = unit[0] in leads and reason is None
            arcs.append((t if may_lead else tasks + t, numbers[certificate], 1, 0))
    for certificate, base, _, _ in given.officers:
        arcs += [(numbers[certificate], sink, 1, 2 * load + 1) for load in range(base, highest)]
    return arcs


# --- in fresh processes --------------------------------------------------------------------------


CHILDREN: dict[str, Callable[..., Measure]] = {
    "draw": draw_units,
    "sample": sample_units,
    "hash": hash_units,
    "assign": assign_teams,
    "flow": flow_teams,
}


def in_fresh_process(python: str, child: str, *numbers: int) -> Measure:
    command = [python, str(Path(__file__).resolve()), "--child", child, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{child} failed in {python}:\n{done.stderr}")
    found: Measure = json.loads(done.stdout)
    return found


def middle(measures: list[Measure], name: str) -> float:
    return median(one[name] for one in measures)


@cache
def peer() -> str:
    found = os.environ.get("BENCH_PYTHON", str(HERE / ".venv" / "bin" / "python"))
    if not Path(found).exists():
        sys.exit(f"no interpreter at {found}: install bench/requirements.lock or set BENCH_PYTHON")
    return found


def measure_draw(units: int, rounds: int) -> list[Figure]:
    """Time, memory and hashes of a draw; one of a million and more has a target."""
    ours, theirs, hashes, speeds = [], [], [], []
    for _ in range(rounds):
        ours.append(in_fresh_process(sys.executable, "draw", units))
        theirs.append(in_fresh_process(peer(), "sample", units, int(ours[-1]["put_out"])))
        hashes.append(in_fresh_process(sys.executable, "hash"))
        speeds.append(openssl_speed())
    what, judged = f"draw of {units:,} units", units >= 1_000_000
    found = [
        figure(
            f"{what}: time",
            "s",
            middle(ours, "seconds"),
            peer="consistent-sampler",
            theirs=middle(theirs, "seconds"),
            target=("at most", 0.25),
            words="at most 1/4 of the peer",
        ),
        figure(
            f"{what}: peak memory",
            "MiB",
            middle(ours, "peak_mib"),
            peer="consistent-sampler",
            theirs=middle(theirs, "peak_mib"),
            target=("below", 1) if judged else None,
        ),
    ]
    per_s = units / middle(ours, "seconds")
    limits = {
        "hashlib, hashing alone": middle(hashes, "hashes_per_s"),
        "openssl speed, SHA-256": median(speeds),
    }
    found += [
        figure(f"{what}: units", "M/s", per_s / 1e6, peer=name, theirs=limit / 1e6)
        for name, limit in limits.items()
        if limit
    ]
    return found


def measure_assignment(tasks: int, officers: int, limit: float | None, rounds: int) -> list[Figure]:
    ours, starts, theirs = [], [], []
    for _ in range(rounds):
        ours.append(in_fresh_process(sys.executable, "assign", tasks, officers, 1))
        starts.append(in_fresh_process(sys.executable, "assign", tasks, officers, 0))
        highest = int(ours[-1]["highest"])
        theirs.append(in_fresh_process(peer(), "flow", tasks, officers, highest))
    if len({one["squares"] for one in (*ours, *starts, *theirs)}) > 1:
        sys.exit(f"{tasks} tasks to {officers} officers: not the same least sum of squared loads")
    what = f"{tasks:,} tasks to {officers} officers"
    whole: dict[str, Any] = {"peer": "OR-Tools min-cost flow", "theirs": middle(theirs, "seconds")}
    alone: dict[str, Any] = {
        "peer": "OR-Tools, solving alone",
        "theirs": middle(theirs, "solving_s"),
    }
    return [
        figure(
            what,
            "s",
            middle(ours, "seconds"),
            target=("below", limit) if limit else None,
            words=f"below {limit:g} s" if limit else "",
        ),
        figure(f"{what}: drawn by lot", "s", middle(ours, "seconds"), **whole),
        figure(f"{what}: any fair one", "s", middle(starts, "seconds"), **whole),
        figure(f"{what}: any fair one", "s", middle(starts, "seconds"), **alone),
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--units", type=int, nargs="+", default=UNITS, help="sizes of the register"
    )
    options.add_argument("--large", action="store_true", help="5 million units too: four minutes")
    options.add_argument("--rounds", type=int, default=3, help="the middle one counts")
    options.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        name, *numbers = given.child
        print(json.dumps(CHILDREN[name](*map(int, numbers))))
        return
    units = [*given.units, *([LARGE] if given.large else [])]
    sizes = {(400, 60): None} if given.quick else ASSIGNMENTS
    if given.quick:
        units, given.rounds = [100_000], 1
    found = [one for size in units for one in measure_draw(size, given.rounds)]
    for (tasks, officers), limit in sizes.items():
        found += measure_assignment(tasks, officers, limit, given.rounds)
    show(Report(name="draw", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
