"""How fast the dossier of a unit and the counts of a year answer in a large register.

    python bench/dossier.py [--json] [--quick]

A register of 300,000 units with 100,000 visits over five years and what follows visits, written in
bulk past the services; a third of the visits fall on 1,000 busy units, one hospital has 400. The
real web process over SQLite answers over a kept-alive connection; every reading of a dossier is
written down before it is answered, as always. There is no peer: targets are milliseconds.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sqlalchemy as sa

from app import clock, db
from app.access import Role
from app.cases.models import CaseSanction, PenaltyCase
from app.catalogue import service as catalogue
from app.complaints.models import Complaint
from app.credit.models import CreditEntry
from app.days import local_date
from app.people import accounts
from app.tasks.models import Task
from app.units.models import Licence, Unit, UnitRegistration
from app.visits.models import CorrectiveOrder, Finding, Sample, Visit, VisitAttendance
from bench import ours, peers
from bench.figures import Figure, Report, figure, parser, show
from bench.line import Line, at_once, seconds_of

TARGET_MS = 200
YEARS = 5
BUSY, BUSY_SHARE, HOSPITAL = 1_000, 3, 400
LOT = 20_000
PASSWORD = "a long enough password"  # noqa: S105 - of an office that lives for a minute
Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large the register is and how often each question is asked."""

    units: int
    visits: int
    dossiers: int
    counts: int


FULL = Size(units=300_000, visits=100_000, dossiers=400, counts=30)
QUICK = Size(units=10_000, visits=4_000, dossiers=60, counts=10)


class World:
    """Rows of a large register, by chance and repeatable."""

    def __init__(self, office: ours.Office, size: Size) -> None:
        self.office, self.size = office, size
        self.chance = random.Random(1)
        self.now = clock.now()
        self.units = [self.id() for _ in range(size.units)]
        self.officers = [UUID(one.officer_id) for one in office.tablets]
        self.visited: list[UUID] = []

    def id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def entity(self) -> Row:
        agency = self.office.agency
        return {"id": self.id(), "version": 1, "district": agency.district, "agency_id": agency.id}

    def by(self, name: str, at: datetime) -> Row:
        return {f"{name}_at": at, f"{name}_by_kind": "user", f"{name}_by_id": None}

    def any_instant(self) -> datetime:
        return self.now - timedelta(seconds=self.chance.randrange(YEARS * 365 * 86_400))

    def write(self) -> None:
        """Write everything, and fold it into the one file."""
        self._insert(Unit, self._units())
        self._insert(UnitRegistration, self._registrations())
        self._insert(Licence, self._licences())
        visits = list(self._visits())
        self._insert(Task, (one[0] for one in visits))
        self._insert(Visit, (one[1] for one in visits))
        self._insert(VisitAttendance, (row for one in visits for row in self._there(one[1])))
        self._after([one[1] for one in visits])

    def _insert(self, table: type[db.Base], rows: Iterable[Row]) -> None:
        found = iter(rows)
        with self.office.writing():
            while lot := list(islice(found, LOT)):
                db.db.session.execute(sa.insert(table), lot)

    def _units(self) -> Iterator[Row]:
        for number, unit_id in enumerate(self.units):
            yield {
                **self.entity(),
                "id": unit_id,
                "archive_no": f"GG{number:07}",
                "name": f"上海第{number}宾馆有限公司",
                "address": f"长宁路{number}号",
                "datum": "WGS-84",
                "state": "in-operation",
            }

    def _registrations(self) -> Iterator[Row]:
        for unit_id in self.units:
            kind = {"specialty": ours.SPECIALTY, "object_class": "lodging"}
            yield {"id": self.id(), "unit_id": unit_id, **kind}

    def _licences(self) -> Iterator[Row]:
        for number, unit_id in enumerate(self.units):
            held = {"kind": "permit", "number": f"卫公证字{number}", "commitment": False}
            yield {"id": self.id(), "unit_id": unit_id, **held}

    def _visits(self) -> Iterator[tuple[Row, Row]]:
        busy, hospital = self.units[:BUSY], self.units[0]
        for number in range(self.size.visits):
            unit_id = self.chance.choice(self.units)
            if number % BUSY_SHARE == 0:
                unit_id = self.chance.choice(busy)
            if number < min(HOSPITAL, self.size.visits // 10):
                unit_id = hospital
            self.visited.append(unit_id)
            at, outcome = self.any_instant(), self.chance.choice(["no-problem"] * 3 + ["lead"])
            task = {
                **self.entity(),
                "task_no": f"{at.year}-{number:06}",
                "unit_id": unit_id,
                "specialty": ours.SPECIALTY,
                "object_class": "lodging",
                "origin": self.chance.choice(["drawn", "routine", "complaint", "recheck"]),
                "state": "completed",
                "awaiting_results": False,
                "round": 1,
                "visit_id": self.id(),
                "lead_officer_id": self.officers[0],
                "outcome": outcome,
                "closing_evidence": [],
                **self.by("created", at - timedelta(days=10)),
                **self.by("completed", at + timedelta(days=1)),
            }
            visit = {
                **self.entity(),
                "id": task["visit_id"],
                "task_id": task["id"],
                "unit_id": unit_id,
                "kind": "planned",
                "state": "signed",
                "clock_suspect": False,
                "started_recorded_at": at,
                **self.by("started", at + timedelta(minutes=1)),
                "outcome": outcome,
                "finished_recorded_at": at + timedelta(hours=1),
                **self.by("finished", at + timedelta(hours=2)),
                **self.by("signed", at + timedelta(hours=2)),
            }
            yield task, visit

    def _there(self, visit: Row) -> Iterator[Row]:
        for officer_id in self.officers[:2]:
            yield {
                "visit_id": visit["id"],
                "officer_id": officer_id,
                "recorded_at": visit["started_recorded_at"],
                "clock_suspect": False,
            }

    def _after(self, visits: Sequence[Row]) -> None:
        """What follows visits: findings, orders, cases, credit, complaints, samples."""
        found = [visit for visit in visits if visit["outcome"] != "no-problem"]
        of = {"officer_id": self.officers[0]}
        findings = [
            {
                **self.entity(),
                **of,
                "visit_id": one["id"],
                "text": "未按规定公示卫生许可证",
                "recorded_at": one["started_recorded_at"],
            }
            for one in found
        ]
        self._insert(Finding, findings)
        self._insert(CorrectiveOrder, (self._order(one, of) for one in found[::2]))
        cases = [
            self._case(one, finding)
            for one, finding in list(zip(found, findings, strict=True))[::3]
        ]
        self._insert(PenaltyCase, cases)
        self._insert(
            CaseSanction,
            (
                {"case_id": one["id"], "kind": "fine", "on_staff": False, "amount_fen": 50_000}
                for one in cases
            ),
        )
        self._insert(CreditEntry, (self._credit(one) for one in cases))
        self._insert(Complaint, (self._complaint(n, one) for n, one in enumerate(found[::5])))
        self._insert(Sample, (self._sample(one, of) for one in visits[::10]))

    def _order(self, visit: Row, of: Row) -> Row:
        at = visit["started_recorded_at"]
        return {
            **self.entity(),
            **of,
            "visit_id": visit["id"],
            "unit_id": visit["unit_id"],
            "number": f"责改{self.id().hex[:8]}",
            "content_key": visit["id"].hex,
            "state": "open",
            "issued_on": local_date(at),
            "due_on": local_date(at) + timedelta(days=15),
            "recorded_at": at,
            **self.by("issued", at),
        }

    def _case(self, visit: Row, finding: Row) -> Row:
        at = visit["started_recorded_at"]
        return {
            **self.entity(),
            "procedure": "simple",
            "source": "finding",
            "unit_id": visit["unit_id"],
            "visit_id": visit["id"],
            "finding_id": finding["id"],
            "number": f"当罚{self.id().hex[:8]}",
            "state": "filed",
            "cause_code": "a",
            "cause_from": local_date(at),
            "cause_name": "未按规定公示",
            "basis_law": "实施细则",
            "basis_article": "第三十七条",
            "party_kind": "organisation",
            "party_name": "上海宾馆有限公司",
            "act": "未公示",
            "warning": False,
            "fine_fen": 50_000,
            "acted_on": local_date(at),
            "decided_on": local_date(at),
            "filed_on": local_date(at),
            "officer_id": self.officers[0],
            "recorded_at": at,
            **self.by("decided", at),
            **self.by("filed", at),
        }

    def _credit(self, case: Row) -> Row:
        return {
            **self.entity(),
            "unit_id": case["unit_id"],
            "kind": "penalty",
            "reference": str(case["id"]),
            "decided_on": case["decided_on"],
            "data": {},
            **self.by("recorded", case["recorded_at"]),
        }

    def _complaint(self, number: int, visit: Row) -> Row:
        at = visit["started_recorded_at"]
        return {
            **self.entity(),
            "number": f"投诉{number:06}",
            "kind": "complaint",
            "channel": "hotline",
            "received_on": local_date(at),
            "unit_id": visit["unit_id"],
            "content": "卫生状况差",
            "anonymous": True,
            "reward_claimed": False,
            "state": "received",
            **self.by("filed", at),
        }

    def _sample(self, visit: Row, of: Row) -> Row:
        return {
            **self.entity(),
            **of,
            "visit_id": visit["id"],
            "name": "池水",
            "amount": "500 ml",
            "method": "GB/T 18204",
            "taken_at": visit["started_recorded_at"],
            "recorded_at": visit["started_recorded_at"],
            "state": "awaited",
        }


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


def measure(size: Size) -> Iterator[Figure]:
    """Write the register, serve it, ask."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        office = ours.open_office(directory / "ours", tablets=2)
        with office.writing():
            catalogue.load_defaults(by=office.by, at=clock.now())
        world = World(office, size)
        world.write()
        headers = {"Authorization": f"Bearer {token_of(office)}"}
        port = stack.enter_context(ours.served(office))
        line = Line(port, headers)
        what = f"{size.units:,} units, {size.visits:,} visits"
        units = [world.units[0], *world.chance.sample(world.visited, size.dossiers)]

        def dossier(unit_id: UUID, on: Line = line) -> Callable[[], Any]:
            return lambda: on.get(f"/api/v1/units/{unit_id}/dossier")

        for unit_id in units[:5]:
            dossier(unit_id)()
        judged: dict[str, Any] = {"target": ("below", TARGET_MS), "words": "below 200 ms"}
        yield figure(f"{what}: dossier, p95", "ms", p95(map(dossier, units)), **judged)
        busiest = [dossier(world.units[0])] * 20
        yield figure(f"{what}: dossier of the hospital, p95", "ms", p95(busiest), **judged)
        lines = [Line(port, headers) for _ in range(4)]
        asked = len(units) // 4

        def reader(number: int) -> Callable[[], Any]:
            mine = units[number * asked : (number + 1) * asked]
            return lambda: [dossier(one, lines[number])() for one in mine]

        seconds = at_once([reader(number) for number in range(4)])
        yield figure(f"{what}: dossiers, 4 readers", "per s", 4 * asked / seconds)
        for name, path in (
            ("task rates of a year", "/api/v1/reports/task-counts"),
            ("counts of a year beside the year before", "/api/v1/reports/counts"),
        ):
            asks = [lambda path=path: line.get(path)] * size.counts
            asks[0]()
            yield figure(f"{what}: {name}, p95", "ms", p95(asks), **judged)


def main() -> None:
    given = parser(__doc__).parse_args()
    peers.end_on_signals()
    found = list(measure(QUICK if given.quick else FULL))
    show(Report(name="dossier", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
