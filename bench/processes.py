"""What a second web process gains for batches: servers with one and two, in turn.

    python bench/processes.py [--json] [--processes 1,2] [--rounds 8] [--database-url private]

Each server has its own database and tablets, and takes the batches of `inbox.py`. Every round asks
one server after the other; the next round asks them the other way round. A figure is the median of
the rounds, beside that of the first server. No peer runs meanwhile.
"""

import itertools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import inbox, ours, peers
from bench.feed import of_clients
from bench.figures import Figure, Report, figure, parser, show

CROWDS = ((1, 4), (8, 2), (32, 1))  # tablets, batches of each in a round


@dataclass(frozen=True)
class Side:
    """A server and what its tablets have still to say."""

    name: str
    server: inbox.Server
    answers: Sequence[Iterator[inbox.Signed]]
    count: Counter[str]

    def rate(self, tablets: int, batches: int) -> float:
        """Push as many batches from each tablet, all at once; return operations a second."""
        work = [
            [list(itertools.islice(self.answers[tablet], inbox.BATCH)) for _ in range(batches)]
            for tablet in range(tablets)
        ]
        seconds = inbox.seconds_of(self.server, work, self.count)
        return inbox.BATCH * tablets * batches / seconds


def side(
    stack: ExitStack, directory: Path, processes: str, *, rounds: int, database_url: str
) -> Side:
    """Start a server with as many web processes, its tablets at work."""
    most = max(tablets for tablets, _ in CROWDS)
    needs = [
        1 + sum(batches * rounds for tablets, batches in CROWDS if number < tablets)
        for number in range(most)
    ]
    office = ours.open_office(directory / processes, tablets=most, database_url=database_url)
    given = inbox.give_tasks(office, [-(-inbox.BATCH * n // len(inbox.item_ids())) for n in needs])
    office = replace(office, environ={**office.environ, "WEB_PROCESSES": processes})
    server = stack.enter_context(inbox.our_server(office))
    pens = [
        inbox.Pen(tablet, mine, random.Random(number))
        for number, (tablet, mine) in enumerate(zip(office.tablets, given, strict=True))
    ]
    inbox.start_visits(server, pens)
    found = Side(processes, server, [pen.answers() for pen in pens], Counter())
    found.rate(most, 1)
    return found


def figures(sides: Sequence[Side], rounds: int) -> Iterator[Figure]:
    for tablets, batches in CROWDS:
        rates: dict[str, list[float]] = {one.name: [] for one in sides}
        for number in range(rounds):
            for one in sides if number % 2 else sides[::-1]:
                rates[one.name].append(one.rate(tablets, batches))
        first = sides[0].name
        for one in sides[1:]:
            yield figure(
                f"batches of {inbox.BATCH}, {of_clients(tablets)}, {one.name} processes",
                "per second",
                median(rates[one.name]),
                peer=f"{first} process",
                theirs=median(rates[first]),
            )
    for one in sides:
        assert set(one.count) == {"applied"}, one.count


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--processes", default="1,2", help="the first is what others stand beside")
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument("--database-url", choices=("", "private"), default="")
    given = options.parse_args()
    peers.end_on_signals()
    rounds = 1 if given.quick else given.rounds
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        private = given.database_url == "private"
        server = stack.enter_context(peers.postgresql(directory / "pg")) if private else ""
        sides = []
        for processes in given.processes.split(","):
            address = given.database_url
            if private:
                address = peers.create_database(server, f"suicha{processes}")
            sides.append(side(stack, directory, processes, rounds=rounds, database_url=address))
        found = list(figures(sides, rounds))
    show(Report(name="processes", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
