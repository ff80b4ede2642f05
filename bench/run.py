"""Run every benchmark and print one table: `make bench`.

    python bench/run.py [--quick] [--large] [--json] [NAME …]

The first run installs the peers. Each benchmark is a program of its own that prints its figures
with --json; this one bounds its time, and ends it and all it started on Ctrl-C or SIGTERM.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import peers
from bench.figures import Report, figures_wrong, parser, summary, table

LEAVE_S = 30


@dataclass(frozen=True)
class Benchmark:
    """A program of this folder, what makes it small or large, and the time it may take."""

    name: str
    quick: tuple[str, ...]
    at_most_s: int = 300
    large: tuple[str, ...] = ()


BENCHMARKS = (
    Benchmark("draw", ("--quick",), at_most_s=900, large=("--large",)),
    Benchmark("dossier", ("--quick",), at_most_s=900),
    Benchmark("feed", ("--quick",)),
    Benchmark("history", ("--quick",)),
    Benchmark("inbox", ("--quick",)),
    Benchmark("joint", ("--quick",), at_most_s=900),
    Benchmark("photos", ("--rounds", "1", "--photos", "2")),
)


class BenchmarkFailed(Exception):
    """A benchmark ended without figures; the message says what it wrote."""


def run(one: Benchmark, arguments: Sequence[str]) -> Report:
    """Run one benchmark and return what it found. Raises BenchmarkFailed."""
    command = [sys.executable, str(peers.HERE / f"{one.name}.py"), "--json", *arguments]
    environ = {**os.environ, "BENCH_PYTHON": str(peers.PYTHON)}
    process = subprocess.Popen(
        command,
        cwd=peers.ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours: we end it, once
        preexec_fn=peers.die_with_parent,
    )
    try:
        found, written = process.communicate(timeout=one.at_most_s)
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"{one.name} took longer than {one.at_most_s} s") from None
    finally:
        _end(process)
    if process.returncode:
        raise BenchmarkFailed(f"{one.name} ended with {process.returncode}:\n{written[-3000:]}")
    report: Report = json.loads(found)
    if wrong := figures_wrong(report):
        raise BenchmarkFailed(f"{one.name}: {wrong}")
    return report


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a benchmark to end what it started and itself; insist after a while."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=LEAVE_S)
    if process.poll() is None:
        process.kill()
        process.communicate()


def main() -> int:
    """Run what is asked for; 1 when a benchmark gave no figures. A missed target is no failure."""
    options = parser(__doc__)
    options.add_argument("--large", action="store_true", help="sizes that take minutes too")
    options.add_argument("names", nargs="*", metavar="NAME", help="only these")
    given = options.parse_args()
    known = {one.name: one for one in BENCHMARKS}
    if unknown := set(given.names) - known.keys():
        options.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    peers.end_on_signals()
    peers.set_up()
    begin, reports, failed = time.monotonic(), [], 0
    for one in BENCHMARKS:
        if given.names and one.name not in given.names:
            continue
        print(f"{one.name} …", file=sys.stderr, flush=True)
        try:
            sizes = one.quick if given.quick else one.large if given.large else ()
            reports.append(run(one, sizes))
        except BenchmarkFailed as error:
            failed += 1
            print(error, file=sys.stderr)
    if given.json:
        print(json.dumps(reports, ensure_ascii=False))
    else:
        print(table(reports))
        print(f"\n{summary(reports)}\n{time.monotonic() - begin:.0f} s in all")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except peers.SetUpFailed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
