"""How fast the dossier of a unit and the counts of a year answer in a large register.

    python bench/dossier.py [--json] [--quick]

A register of 300,000 units with 100,000 visits over five years and what follows visits
(`register.py`). The real web process over SQLite answers over a kept-alive connection; every
reading of a dossier is written down before it is answered, as always. There is no peer: targets
are milliseconds. The counts also tell their processor time: it moves less with what else runs.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sqlalchemy as sa

from app import clock, db
from app.access import Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.people import accounts
from app.reports import counting
from bench import ours, peers
from bench.figures import Figure, Report, figure, parser, show
from bench.line import Line, at_once, seconds_of
from bench.register import Register, Size

TARGET_MS = 200
LOT = 20_000
PASSWORD = "a long enough password"  # noqa: S105 - of an office that lives for a minute


@dataclass(frozen=True)
class Asked:
    """How large the register is and how often each question is asked."""

    register: Size
    dossiers: int
    counts: int


FULL = Asked(Size(units=300_000, visits=100_000), dossiers=400, counts=30)
QUICK = Asked(Size(units=10_000, visits=4_000), dossiers=60, counts=10)


def write(office: ours.Office, register: Register) -> None:
    """Write a register in bulk, past the services, and fold it into the one file."""
    for table, rows in register.rows():
        found = iter(rows)
        with office.writing():
            while lot := list(islice(found, LOT)):
                db.db.session.execute(sa.insert(table), lot)


def token_of(office: ours.Office) -> str:
    """Return the session of a supervisor."""
    with office.writing():
        account = accounts.create_account(
            "chief",
            PASSWORD,
            "所长",
            [Role.SUPERVISOR],
            agency=office.agency,
            officer_id=None,
            by=office.by,
            at=clock.now(),
        )
        return accounts.sign_in(account, lasting=timedelta(hours=2), at=clock.now())[0]


def percentile(seconds: Sequence[float], share: float = 0.95) -> float:
    """Return the value that this share of the answers stays at or below, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def p95(asks: Iterable[Callable[[], Any]]) -> float:
    return percentile([seconds_of(ask) for ask in asks])


def measure(asked: Asked) -> Iterator[Figure]:
    """Write the register, serve it, ask."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        office = ours.open_office(directory / "ours", tablets=2)
        with office.writing():
            catalogue.load_defaults(by=office.by, at=clock.now())
        officers = [UUID(one.officer_id) for one in office.tablets]
        register = Register(office.agency, officers, asked.register, at=clock.now())
        write(office, register)
        headers = {"Authorization": f"Bearer {token_of(office)}"}
        port = stack.enter_context(ours.served(office))
        line = Line(port, headers)
        what = f"{asked.register.units:,} units, {asked.register.visits:,} visits"
        units = [register.units[0], *register.chance.sample(register.visited, asked.dossiers)]

        def dossier(unit_id: UUID, on: Line = line) -> Callable[[], Any]:
            return lambda: on.get(f"/api/v1/units/{unit_id}/dossier")

        for unit_id in units[:5]:
            dossier(unit_id)()
        judged: dict[str, Any] = {"target": ("below", TARGET_MS), "words": "below 200 ms"}
        yield figure(f"{what}: dossier, p95", "ms", p95(map(dossier, units)), **judged)
        busiest = [dossier(register.units[0])] * 20
        yield figure(f"{what}: dossier of the hospital, p95", "ms", p95(busiest), **judged)
        lines = [Line(port, headers) for _ in range(4)]
        share = len(units) // 4

        def reader(number: int) -> Callable[[], Any]:
            mine = units[number * share : (number + 1) * share]
            return lambda: [dossier(one, lines[number])() for one in mine]

        seconds = at_once([reader(number) for number in range(4)])
        yield figure(f"{what}: dossiers, 4 readers", "per s", 4 * share / seconds)
        for name, path in (
            ("task rates of a year", "/api/v1/reports/task-counts"),
            ("counts of a year beside the year before", "/api/v1/reports/counts"),
        ):
            asks = [lambda path=path: line.get(path)] * asked.counts
            asks[0]()
            yield figure(f"{what}: {name}, p95", "ms", p95(asks), **judged)
        yield figure(f"{what}: these counts, processor time", "ms", _spent(office), **judged)


def _spent(office: ours.Office) -> float:
    """Return the processor time of counting a year beside the year before, in milliseconds."""
    at, took = clock.now(), []
    today = local_date(at)
    with office.flask_app.app_context():
        for _ in range(9):
            began = time.process_time()
            counting.count_all(office.agency.id, today.replace(month=1, day=1), today, at=at)
            took.append(time.process_time() - began)
            db.stop_reading()
    return median(took) * 1000


def main() -> None:
    given = parser(__doc__).parse_args()
    peers.end_on_signals()
    found = list(measure(QUICK if given.quick else FULL))
    show(Report(name="dossier", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
