"""How fast units and officers are drawn.

    python bench/draw.py [--json] [--units 1000000] [--rounds 3]

Our draw (weighted, stratified) stands beside consistent-sampler (neither), each in a fresh process
with the same number of ids put out. Building the list is not timed; peak memory contains it. The
peer runs in the environment of bench/requirements.lock: BENCH_PYTHON names its interpreter.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
STRATA, WEIGHTS, RATIO = 12, (10, 15, 20, 30, 60), (7, 100)
X = bytes(range(32))
Measure = dict[str, float]


def archive_number(n: int) -> str:
    return f"310105-{n:010}"


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("this system does not tell a process its peak memory")


def draw_units(units: int) -> Measure:
    """Draw with our engine; its peak memory contains what the product's modules take."""
    sys.path.insert(0, str(HERE.parent))
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


def assign_teams(tasks: int, officers: int) -> Measure:
    sys.path.insert(0, str(HERE.parent))
    from app.draws.assignment import assign
    from app.draws.eligibility import Bar, Need, Officer

    chance = random.Random(1)
    strata = [f"S{n}" for n in range(6)]
    staff = []
    for n in range(officers):
        takes = chance.sample(strata, chance.randint(2, 5))
        base = chance.randint(0, 2)
        staff.append(Officer(f"3101{n:05}", base, None, frozenset(takes), frozenset(takes[:2])))
    needs = [Need(chance.choice(strata), archive_number(n)) for n in range(tasks)]
    barred = [
        Bar(need.stratum, need.id, one.certificate, reason)
        for need in needs
        for one, reason in zip(
            chance.sample(staff, 3), ("recusal", "last-team", "last-lead"), strict=True
        )
    ]
    begin = time.perf_counter()
    assignment = assign(X, staff, needs, barred)
    seconds = time.perf_counter() - begin
    assert len(assignment.teams) == tasks
    return {"seconds": seconds, "peak_mib": peak_mib(), "put_out": tasks}


CHILDREN: dict[str, Callable[..., Measure]] = {
    "draw": draw_units,
    "sample": sample_units,
    "assign": assign_teams,
}


def in_fresh_process(python: str, child: str, *numbers: int) -> Measure:
    command = [python, str(Path(__file__).resolve()), "--child", child, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{child} failed in {python}:\n{done.stderr}")
    found: Measure = json.loads(done.stdout)
    return found


def middle(measures: list[Measure], name: str) -> float:
    return round(median(one[name] for one in measures), 3)


def figure(
    what: str, unit: str, ours: float, theirs: float | None, target: str, limit: float
) -> dict[str, object]:
    """Return one figure; the limit is of the ratio, or of our own value where no peer stands by."""
    ratio = None if theirs is None else round(ours / theirs, 3)
    return {
        "what": what,
        "unit": unit,
        "ours": ours,
        "peer": None if theirs is None else "consistent-sampler",
        "theirs": theirs,
        "ratio": ratio,
        "target": target,
        "met": (ours if ratio is None else ratio) <= limit,
    }


def measure(units: int, rounds: int, peer: str) -> list[dict[str, object]]:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(in_fresh_process(sys.executable, "draw", units))
        theirs.append(in_fresh_process(peer, "sample", units, int(ours[-1]["put_out"])))
    teams = [in_fresh_process(sys.executable, "assign", 700, 60) for _ in range(rounds)]
    what = f"draw of {units:,} units"
    return [
        figure(
            f"{what}: time",
            "s",
            middle(ours, "seconds"),
            middle(theirs, "seconds"),
            "at most 1/4 of the peer",
            0.25,
        ),
        figure(
            f"{what}: peak memory",
            "MiB",
            middle(ours, "peak_mib"),
            middle(theirs, "peak_mib"),
            "less than the peer",
            0.999,
        ),
        figure(
            "assignment of 700 tasks to 60 officers",
            "s",
            middle(teams, "seconds"),
            None,
            "below 1 s",
            1.0,
        ),
    ]


def show(one: dict[str, object]) -> str:
    beside = "" if one["peer"] is None else f"  {one['peer']} {one['theirs']}  ratio {one['ratio']}"
    verdict = "met" if one["met"] else "MISSED"
    return f"{one['what']:44} {one['ours']} {one['unit']}{beside}  ({one['target']}: {verdict})"


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast units and officers are drawn.")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="the middle one counts")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, *numbers = options.child
        print(json.dumps(CHILDREN[name](*map(int, numbers))))
        return
    peer = os.environ.get("BENCH_PYTHON", str(HERE / ".venv" / "bin" / "python"))
    if not Path(peer).exists():
        sys.exit(f"no interpreter at {peer}: install bench/requirements.lock or set BENCH_PYTHON")
    figures = measure(options.units, options.rounds, peer)
    if options.json:
        print(json.dumps({"name": "draw", "figures": figures}, ensure_ascii=False))
    else:
        print("\n".join(map(show, figures)))


if __name__ == "__main__":
    main()
