"""What a pull costs when ten and a hundred times as much has happened.

    python bench/history.py [--json] [--quick]

Units with open tasks change through the same services as always, journalled and projected. After
1, 10 and 100 rounds a tablet asks for the last round, for everything, and for nothing. Each history
lies in a database with a server of its own, and they are asked in turn. There is no peer: the ratio
is a long history's quickest answer through the short one's.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app import clock, db
from app.tasks import service as tasks
from app.tasks.rules import NewTask
from app.units import queries
from app.units import service as units
from app.units.models import Unit
from app.units.rules import NewUnit, Registration
from bench import ours, peers
from bench.feed import cursor_of
from bench.figures import Figure, Report, figure, parser, show
from bench.line import Line, alternate

FACTORS = (1, 10, 100)
FLAT = 1.25  # flat, as far as two medians of one machine can tell


@dataclass(frozen=True)
class Size:
    """How many units change in every round, and how often each question is asked."""

    units: int
    asks: int


FULL = Size(units=100, asks=60)
QUICK = Size(units=20, asks=20)


@dataclass(frozen=True)
class Lived:
    """An office with so many rounds behind it: where a tablet stood before the last, and stands."""

    rounds: int
    office: ours.Office
    before: str
    now: str


def register(office: ours.Office, count: int) -> list[Unit]:
    """Return units that every tablet of the agency is told of."""
    at, agency, by = clock.now(), office.agency, office.by
    new = [
        NewUnit(
            archive_no=f"GG{number:05}",
            name=f"上海宾馆有限公司第{number}分店",
            address=f"长宁路{number}号",
            registrations=(Registration(ours.SPECIALTY, "lodging"),),
        )
        for number in range(1, count + 1)
    ]
    with office.writing():
        made = units.add_units(new, agency=agency, by=by, at=at)
        todo = [
            NewTask(
                unit_id=one.id,
                specialty=ours.SPECIALTY,
                origin="drawn",
                object_class="lodging",
                checklist_code="lodging",
            )
            for one in made
        ]
        tasks.create_tasks(todo, agency=agency, by=by, at=at)
    return made


def change_all(office: ours.Office, made: Sequence[Unit], number: int) -> None:
    """Change every unit once."""
    with office.writing():
        for one in made:
            unit = units.get_unit(one.id, office.agency.id)
            after = replace(queries.values_of(unit), note=f"第{number}次核对")
            units.apply_change(unit, after, ["note"], by=office.by, at=clock.now())


def path_from(cursor: str) -> str:
    return f"/api/sync/v1/feed?limit=2000&cursor={cursor}"


def live(office: ours.Office, size: Size) -> Iterator[Lived]:
    """Let one office live, and keep a copy of it wherever it has lived long enough."""
    made, rounds = register(office, size.units), 0
    client, headers = office.flask_app.test_client(), office.tablets[0].headers
    for factor in FACTORS:
        while rounds < factor:
            answer = client.get(path_from(""), headers=headers).data
            change_all(office, made, rounds)
            rounds += 1
        before = cursor_of(answer)
        now = cursor_of(client.get(path_from(before), headers=headers).data)
        with office.flask_app.app_context():
            db.db.engine.dispose()
        directory = office.directory.with_name(f"after{factor}")
        shutil.copytree(office.directory, directory)
        environ = {**office.environ, "DATA_DIR": str(directory / "data")}
        yield Lived(factor, replace(office, directory=directory, environ=environ), before, now)


def measure(size: Size) -> Iterator[Figure]:
    """Run a server over each history and ask them the same, in turn."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        found = list(live(ours.open_office(directory / "ours", tablets=1), size))
        ports = [stack.enter_context(ours.served(one.office)) for one in found]
        lines = [Line(port, found[0].office.tablets[0].headers) for port in ports]
        yield from compared(
            f"the {size.units} rows of the last round",
            lines,
            [path_from(one.before) for one in found],
            size.asks,
        )
        yield from compared("first sync", lines, [path_from("")] * len(found), size.asks)
        yield from compared("empty pull", lines, [path_from(one.now) for one in found], size.asks)


def compared(what: str, lines: Sequence[Line], paths: Sequence[str], asks: int) -> Iterator[Figure]:
    works = {
        factor: partial(line.get, path)
        for factor, line, path in zip(map(str, FACTORS), lines, paths, strict=True)
    }
    rows = {work().count(b'"present":true') for work in works.values()}
    if len(rows) > 1:
        raise AssertionError(f"{what}: {sorted(rows)} rows")
    took = alternate(works, asks, pick=min)
    for factor in FACTORS[1:]:
        yield figure(
            f"{what}, {factor} times the history",
            "ms",
            took[str(factor)] * 1000,
            peer="ours, 1 time",
            theirs=took["1"] * 1000,
            target=("at most", FLAT),
            words=f"flat: at most {FLAT}",
        )


def main() -> None:
    given = parser(__doc__).parse_args()
    peers.end_on_signals()
    figures = list(measure(QUICK if given.quick else FULL))
    show(Report(name="history", figures=figures), as_json=given.json)


if __name__ == "__main__":
    main()
