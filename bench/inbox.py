"""How fast a server takes in what tablets found.

    python bench/inbox.py [--json] [--quick] [--database-url private]

Batches of 50 operations of 1.3 KB: answers to check items of planned visits that are under way.
Ours checks every signature and rule, journals, projects and answers with signed receipts. Kinto on
PostgreSQL (`/batch`, each tablet a collection of its own) and PouchDB server (`_bulk_docs`) store
the same operations as they are. Everything is prepared and signed before the clock runs.
"""

import itertools
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uuid_utils.compat

from app import canonical, clock
from app.catalogue import seeds
from app.tasks import service as tasks
from app.tasks.rules import NewTask
from app.units import service as units
from app.units.rules import NewUnit, Registration
from bench import ours, peers
from bench.feed import KINTO, POUCHDB, TEXT, of_clients
from bench.figures import Figure, Report, figure, parser, show
from bench.line import Line, at_once
from sync import operations
from sync.inbox.forms import history_of

BATCH, OPERATION_BYTES = 50, 1300
CHECKLIST, OBJECT_CLASS = "lodging", "lodging"
COLLECTIONS = "/v1/buckets/bench/collections"


@dataclass(frozen=True)
class Crowd:
    """How many tablets push at once, how many batches each, and how often that is repeated."""

    tablets: int
    batches: int
    rounds: int


FULL = (Crowd(1, 4, 3), Crowd(8, 2, 3), Crowd(32, 1, 3))
QUICK = (Crowd(1, 3, 1), Crowd(8, 1, 1))


# --- what is pushed ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signed:
    """An operation as the tablet keeps it."""

    op_id: str
    values: Mapping[str, Any]
    text: str
    sig: str

    @property
    def line(self) -> str:
        return json.dumps({"op": self.text, "sig": self.sig}, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Visit:
    """A planned visit that a tablet may start."""

    task_id: UUID
    visit_id: UUID
    unit_id: UUID


@dataclass
class Pen:
    """One tablet's hand: writes operations into its chain, and answers item by item."""

    tablet: ours.Enrolled
    visits: Sequence[Visit]
    chance: random.Random
    seq: int = 0
    prev_hash: str = operations.GENESIS
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def write(self, kind: str, entity_id: UUID, fields: Mapping[str, Any]) -> Signed:
        self.seq += 1
        self.at += timedelta(milliseconds=1)
        now = canonical.instant(self.at)
        values = {
            "attachments": [],
            "base": {},
            "base_version": 0,
            "boot_id": "b1",
            "confirmation": None,
            "depends_on": [],
            "device_id": self.tablet.device_id,
            "device_seq": self.seq,
            "entity_id": str(entity_id),
            "fields": fields,
            "fix": {
                "accuracy_cm": 1250,
                "datum": "WGS-84",
                "fixed_at": now,
                "lat_e7": 312_204_560 + self.chance.randrange(1000),
                "lon_e7": 1_214_246_780 + self.chance.randrange(1000),
                "mock": False,
                "provider": "gps",
            },
            "form_version": history_of(kind).current,
            "monotonic_ms": self.seq * 1000,
            "officer_id": self.tablet.officer_id,
            "op_id": str(uuid_utils.compat.uuid7()),
            "prev_hash": self.prev_hash,
            "recorded_at": now,
            "type": kind,
            "user_session_id": self.tablet.session_id,
            "v": 1,
        }
        text = canonical.dumps(values)
        self.prev_hash = canonical.digest(text)
        message = f"{operations.OPERATION_LABEL}\n{self.prev_hash}".encode()
        sig = operations.encode_b64(self.tablet.key.sign(message))
        return Signed(str(values["op_id"]), values, text, sig)

    def start(self, visit: Visit) -> Signed:
        fields = {
            "checklist_code": CHECKLIST,
            "form_version": form_version(),
            "task_id": str(visit.task_id),
            "unit_id": str(visit.unit_id),
        }
        return self.write("visit.start", visit.visit_id, fields)

    def answers(self) -> Iterator[Signed]:
        """Answer every item of every visit, once."""
        for visit, (item, strict) in itertools.product(self.visits, item_ids().items()):
            fields = {
                "item_id": str(item),
                "note": "",
                "result": "yes" if self.chance.random() < 0.9 or strict else "not-applicable",
                "visit_id": str(visit.visit_id),
            }
            begin = self.chance.randrange(len(TEXT))
            room = OPERATION_BYTES - 857  # what the rest of such an operation takes
            fields["note"] = (TEXT[begin:] + TEXT)[: room // 3]
            yield self.write("visit.answer_item", uuid5(visit.visit_id, str(item)), fields)


def item_ids() -> dict[UUID, bool]:
    """Return the ids of the checklist's items, and which must be answered by yes or no."""
    checklist = next(row for row in seeds.rows("checklists") if row["code"] == CHECKLIST)
    codes = [code for section in checklist["sections"] for code in section["items"]]
    items = {row["code"]: row for row in seeds.rows("check_items")}
    return {
        uuid5(NAMESPACE_URL, f"suicha:item:{code}"): "not-applicable" not in items[code]["answers"]
        for code in codes
    }


def form_version() -> int:
    found: int = next(
        row["form_version"] for row in seeds.rows("checklists") if row["code"] == CHECKLIST
    )
    return found


def give_tasks(office: ours.Office, numbers: Sequence[int]) -> list[list[Visit]]:
    """Make units with tasks, as many for each tablet as asked; each tablet's officer leads them."""
    at, agency, by = clock.now(), office.agency, office.by
    found: list[list[Visit]] = []
    with office.writing():
        unit = units.register_unit(
            NewUnit(
                archive_no="GG00001",
                name="上海宾馆有限公司",
                address="长宁路1号",
                registrations=(Registration(ours.SPECIALTY, OBJECT_CLASS),),
            ),
            agency=agency,
            by=by,
            at=at,
        )
        new = NewTask(
            unit_id=unit.id,
            specialty=ours.SPECIALTY,
            origin="drawn",
            object_class=OBJECT_CLASS,
            checklist_code=CHECKLIST,
        )
        made = iter(tasks.create_tasks([new] * sum(numbers), agency=agency, by=by, at=at))
        for tablet, number in zip(office.tablets, numbers, strict=True):
            lead = UUID(tablet.officer_id)
            other = next(o.officer_id for o in office.tablets if o is not tablet)
            team = [lead, UUID(other)]
            mine = list(itertools.islice(made, number))
            for task in mine:
                tasks.assign_task(task.id, team, lead, by=by, at=at)
            found.append([Visit(task.id, task.visit_id, unit.id) for task in mine])
    return found


# --- the servers ---------------------------------------------------------------------------------

Batch = Sequence[Signed]


@dataclass(frozen=True)
class Server:
    """One of the servers: the line of each tablet, and how a batch is sent over it and judged."""

    name: str
    lines: Sequence[Line]
    request: Callable[[int, Batch], tuple[str, bytes]]
    outcomes: Callable[[bytes], list[str]]


@contextmanager
def our_server(office: ours.Office) -> Iterator[Server]:
    def request(_tablet: int, batch: Batch) -> tuple[str, bytes]:
        return "/api/sync/v1/inbox", "".join(one.line for one in batch).encode()

    def outcomes(answer: bytes) -> list[str]:
        return [result["outcome"] for result in json.loads(answer)["results"]]

    with ours.served(office) as port:
        content = {"Content-Type": "application/x-ndjson"}
        lines = [Line(port, {**tablet.headers, **content}) for tablet in office.tablets]
        yield Server("ours", lines, request, outcomes)


@contextmanager
def kinto_server(directory: Path, database: str, tablets: int) -> Iterator[Server]:
    def request(tablet: int, batch: Batch) -> tuple[str, bytes]:
        path = f"{COLLECTIONS}/tablet{tablet}/records"
        requests = [{"body": {"data": {**one.values, "sig": one.sig}}} for one in batch]
        defaults = {"method": "POST", "path": path}
        return "/v1/batch", peers.to_json({"defaults": defaults, "requests": requests})

    def outcomes(answer: bytes) -> list[str]:
        return [str(one["status"]) for one in json.loads(answer)["responses"]]

    with peers.kinto(directory, database) as port:
        headers = {"Authorization": peers.KINTO_AUTHORIZATION, "Content-Type": "application/json"}
        lines = [Line(port, headers) for _ in range(tablets)]
        lines[0].ask("PUT", COLLECTIONS.removesuffix("/collections"), b"{}", status=(201,))
        for tablet in range(tablets):
            lines[0].ask("PUT", f"{COLLECTIONS}/tablet{tablet}", b"{}", status=(201,))
        yield Server(KINTO, lines, request, outcomes)


@contextmanager
def pouchdb_server(directory: Path, tablets: int) -> Iterator[Server]:
    def request(_tablet: int, batch: Batch) -> tuple[str, bytes]:
        docs = [{"_id": one.op_id, **one.values, "sig": one.sig} for one in batch]
        return "/operations/_bulk_docs", peers.to_json({"docs": docs})

    def outcomes(answer: bytes) -> list[str]:
        return ["ok" if one.get("ok") else "refused" for one in json.loads(answer)]

    with peers.pouchdb(directory) as port:
        lines = [Line(port, {"Content-Type": "application/json"}) for _ in range(tablets)]
        lines[0].ask("PUT", "/operations", status=(201,))
        yield Server(POUCHDB, lines, request, outcomes)


EXPECTED = {"ours": "applied", KINTO: "201", POUCHDB: "ok"}


# --- the measurement -----------------------------------------------------------------------------


def push(server: Server, tablet: int, requests: Sequence[tuple[str, bytes]]) -> list[bytes]:
    line = server.lines[tablet]
    return [line.ask("POST", path, body, status=(200, 201)) for path, body in requests]


def seconds_of(server: Server, work: Sequence[Sequence[Batch]], count: Counter[str]) -> float:
    """Let each tablet push its batches, all at once; count what became of the operations."""
    prepared = [
        [server.request(tablet, batch) for batch in batches] for tablet, batches in enumerate(work)
    ]
    answers: list[bytes] = []

    def one_tablet(tablet: int) -> None:
        answers.extend(push(server, tablet, prepared[tablet]))

    for line in server.lines[: len(work)]:
        line.close()  # servers hang up on who is silent for long
        line.open()
    seconds = at_once([partial(one_tablet, tablet) for tablet in range(len(work))])
    for answer in answers:
        count.update(server.outcomes(answer))
    return seconds


def measure(crowds: Sequence[Crowd], wanted_database: str) -> list[Figure]:
    """Start all three servers, write and sign everything, and let the tablets push."""
    most = max(crowd.tablets for crowd in crowds)
    batches = [
        1 + sum(crowd.batches * crowd.rounds for crowd in crowds if tablet < crowd.tablets)
        for tablet in range(most)
    ]  # one more: the first warms up
    visits = [-(-BATCH * number // len(item_ids())) for number in batches]
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        postgresql = stack.enter_context(peers.postgresql(directory / "postgresql"))
        address = ours.database_url(wanted_database, postgresql)
        kinto = peers.create_database(postgresql, "kinto")
        office = ours.open_office(directory / "ours", tablets=most, database_url=address)
        given = give_tasks(office, visits)
        servers = [
            stack.enter_context(our_server(office)),
            stack.enter_context(kinto_server(directory / "kinto", kinto, most)),
            stack.enter_context(pouchdb_server(directory / "pouchdb", most)),
        ]
        pens = [
            Pen(tablet, mine, random.Random(number))
            for number, (tablet, mine) in enumerate(zip(office.tablets, given, strict=True))
        ]
        start_visits(servers[0], pens)
        return list(figures(servers, crowds, [pen.answers() for pen in pens]))


def start_visits(server: Server, pens: Sequence[Pen]) -> None:
    for tablet, pen in enumerate(pens):
        starts = [pen.start(visit) for visit in pen.visits]
        for begin in range(0, len(starts), BATCH):
            request = server.request(tablet, starts[begin : begin + BATCH])
            found = server.outcomes(push(server, tablet, [request])[0])
            assert set(found) == {"applied"}, found


def figures(
    servers: Sequence[Server], crowds: Sequence[Crowd], answers: Sequence[Iterator[Signed]]
) -> Iterator[Figure]:
    def next_batches(tablets: int, number: int) -> list[list[Batch]]:
        return [
            [list(itertools.islice(answers[tablet], BATCH)) for _ in range(number)]
            for tablet in range(tablets)
        ]

    counts: dict[str, Counter[str]] = {server.name: Counter() for server in servers}
    warm = next_batches(len(answers), 1)
    for server in servers:
        seconds_of(server, warm, counts[server.name])
    for crowd in crowds:
        seconds = dict.fromkeys(counts, 0.0)
        for _ in range(crowd.rounds):
            work = next_batches(crowd.tablets, crowd.batches)
            for server in servers:
                seconds[server.name] += seconds_of(server, work, counts[server.name])
        pushed = BATCH * crowd.tablets * crowd.batches * crowd.rounds
        rates = {name: pushed / took for name, took in seconds.items()}
        yield from beside(f"batches of {BATCH} operations, {of_clients(crowd.tablets)}", rates)
    for name, expected in EXPECTED.items():
        assert set(counts[name]) <= {expected} or name == "ours", (name, counts[name])
    applied = counts["ours"]["applied"] / counts["ours"].total()
    yield figure(
        "operations of ours that were applied",
        "%",
        applied * 100,
        target=("at least", 100),
        words="all",
    )


def beside(what: str, rates: Mapping[str, float]) -> Iterator[Figure]:
    """Return our operations a second beside each peer's records a second."""
    for words, target in (("above the peer", 1.0), ("goal: 10 times the peer", 10.0)):
        yield figure(
            what,
            "per second",
            rates["ours"],
            peer=KINTO,
            theirs=rates[KINTO],
            target=("above", 1.0) if target == 1.0 else ("at least", target),
            words=words,
        )
    yield figure(
        what,
        "per second",
        rates["ours"],
        peer=POUCHDB,
        theirs=rates[POUCHDB],
        target=("at least", 0.5),
        words="goal: half of the peer",
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--database-url", default="", help="ours elsewhere than on SQLite")
    given = options.parse_args()
    peers.end_on_signals()
    peers.set_up()
    found = measure(QUICK if given.quick else FULL, given.database_url)
    show(Report(name="inbox", figures=found), as_json=given.json)


if __name__ == "__main__":
    main()
