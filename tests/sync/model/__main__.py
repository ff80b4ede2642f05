"""The long walk: `python -m tests.sync.model --steps 10000 [--seed 7] [--database private]`.

Prints its seed, what it walked through, and ends with 1 and the shortest failing walk where the
server and the model disagree. `--database private` walks over a PostgreSQL server of its own.
"""

import argparse
import secrets
import sys
import time
import traceback
from collections import Counter

from hypothesis import Phase

from tests.sync.model.soak import STEPS_EACH, database_of, walk, world_in

SEEDS = 2**32


def main(arguments: list[str]) -> int:
    """Walk at least so many steps; return 1 at the first disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.sync.model", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", choices=("sqlite", "private"), default="sqlite")
    parser.add_argument("--as-found", action="store_true", help="do not look for a shorter walk")
    given = parser.parse_args(arguments)
    phases = (Phase.generate,) if given.as_found else (Phase.generate, Phase.shrink)
    seed = secrets.randbelow(SEEDS) if given.seed is None else given.seed
    say(f"seed {seed}: at least {given.steps} steps, {given.database}")
    began, counts = time.monotonic(), Counter[str]()
    with database_of(given.database) as (place, server), world_in(place, server) as world:
        rounds = 0
        while counts["steps"] < given.steps:
            left = given.steps - counts["steps"]
            try:
                counts += walk(
                    world,
                    number=seed + rounds * SEEDS,
                    examples=max(1, -(-left // STEPS_EACH)),
                    real_kills=True,
                    phases=phases,
                )
            except Exception:  # noqa: BLE001 - whatever it is, it is the finding
                say(traceback.format_exc())
                say(f"seed {seed}: the server and the model disagree")
                return 1
            rounds += 1
    for name, count in sorted(counts.items()):
        say(f"{count:8} {name}")
    say(
        f"seed {seed}: {counts['steps']} steps in {counts['machines']} machines,"
        f" {counts['operations']} operations, {time.monotonic() - began:.0f} s:"
        " every tablet as the model, every operation with its receipts, nothing lost or doubled"
    )
    return 0


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
