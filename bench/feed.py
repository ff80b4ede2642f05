"""How fast a tablet hears what changed.

    python bench/feed.py [--json] [--quick] [--database-url private]

Our feed beside Kinto on PostgreSQL and PouchDB server, real servers on loopback, the same bodies in
each, asked in turn by the same client. Kinto compresses nothing itself: it gets gzip around it.
Ours checks a token, Kinto a password, PouchDB nothing.
"""

import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import quote
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
import sqlalchemy as sa

from app import canonical
from app.db import db
from bench import ours, peers
from bench.figures import Figure, Report, figure, parser, show
from bench.line import Line, alternate, at_once, seconds_of
from sync.feed.models import FeedBody, FeedRow

BODY_BYTES, PAGE, SMALL_PAGE, OUR_PAGE = 1100, 1000, 100, 2000
KINTO, POUCHDB = "Kinto", "PouchDB server"
RECORDS = "/v1/buckets/bench/collections/rows/records"
# as repetitive as the texts of inspections are
TEXT = (
    "公共场所卫生许可证在有效期内，卫生管理制度健全，从业人员持有效健康合格证明上岗。清洗消毒保洁设施运转正常，"
    "公共用品用具一客一换一消毒，检测报告在显著位置公示。医疗废物分类收集，暂存时间不超过两天，转移联单记录完整。"
    "生活饮用水二次供水设施每季度清洗消毒，水质检测结果符合要求。学校教室采光照明符合规定，传染病防治工作有专人负责。"
    "现场检查未见异常，责令改正的事项已复查合格。"
)


# --- what all of them hold -----------------------------------------------------------------------


def make_bodies(count: int, chance: random.Random) -> list[dict[str, object]]:
    """Return bodies like those of tasks, each BODY_BYTES long as JSON."""
    found = []
    for number in range(count):
        body: dict[str, object] = {
            "task_no": f"{ours.DISTRICT}-2026-{number:06}",
            "unit_id": str(UUID(bytes=chance.randbytes(16), version=4)),
            "visit_id": str(UUID(bytes=chance.randbytes(16), version=4)),
            "state": chance.choice(("pending", "assigned", "accepted", "completed")),
            "lat_e7": chance.randrange(311_000_000, 313_000_000),
            "note": "",
        }
        room = BODY_BYTES - len(peers.to_json(body))
        begin = chance.randrange(len(TEXT))
        text = (TEXT[begin:] + TEXT * 3)[: room // 3]
        body["note"] = text + "." * (room - 3 * len(text))
        found.append(body)
    return found


@dataclass(frozen=True)
class Server:
    """One of the servers: how it is asked for rows, by whom, and how it packs them.

    `since(client, rows, limit)` gives the path to what follows a number of rows;
    `whole(line, start)` pulls everything from there.
    """

    name: str
    port: int
    clients: tuple[Mapping[str, str], ...]
    since: Callable[[int, int, int], str]
    whole: Callable[[Line, int], int]
    packing: str
    count_rows: Callable[[bytes], int]

    def line(self, number: int = 0) -> Line:
        made = Line(self.port, self.clients[number % len(self.clients)])
        made.open()
        return made


# --- ours ----------------------------------------------------------------------------------------


def fill_ours(office: ours.Office, bodies: Sequence[Mapping[str, object]]) -> None:
    """Put the rows into the scope that every tablet of the agency carries, and no others."""
    rows, texts = [], []
    for number, body in enumerate(bodies, 1):
        entity = {"entity_key": str(UUID(int=number)), "entity_type": "task", "version": 1}
        scope = f"agency:{office.agency.id}"
        place = {"stream": office.agency.district, "scope": scope, "seq": number, "place": 1}
        rows.append({**entity, **place, "present": True})
        texts.append({**entity, "body": canonical.dumps(body)})
    with office.writing():
        db.session.execute(sa.delete(FeedRow))
        db.session.execute(sa.delete(FeedBody))
        db.session.execute(sa.insert(FeedRow), rows)
        db.session.execute(sa.insert(FeedBody), texts)


def cursor_of(page: bytes) -> str:
    """Return the cursor of a page without reading its rows."""
    begin = page.rindex(b'"cursor":"') + len(b'"cursor":"')
    return page[begin : page.index(b'"', begin)].decode()


def pull_all(line: Line, rows: int, cursor: str = "", *, limit: int = OUR_PAGE) -> str:
    """Pull until as many rows have come; return the cursor then."""
    while rows > 0:
        page = line.get(f"/api/sync/v1/feed?limit={min(limit, rows)}&cursor={cursor}")
        cursor = cursor_of(page)
        rows -= min(limit, rows)
    return cursor


@contextmanager
def our_server(
    directory: Path, bodies: Sequence[Mapping[str, object]], clients: int, database_url: str
) -> Iterator[Server]:
    office = ours.open_office(directory, tablets=clients, database_url=database_url)
    fill_ours(office, bodies)
    with ours.served(office) as port:
        headers = tuple(tablet.headers for tablet in office.tablets)

        def since(client: int, rows: int, limit: int) -> str:
            cursor = pull_all(Line(port, headers[client]), rows)
            return f"/api/sync/v1/feed?limit={limit}&cursor={cursor}"

        def whole(line: Line, start: int) -> int:
            cursor = starts[start] if start else ""
            pull_all(line, len(bodies) - start, cursor)
            return len(bodies) - start

        starts = {1: pull_all(Line(port, headers[0]), 1)}
        yield Server(
            "ours", port, headers, since, whole, "zstd", lambda page: page.count(b'"present":true')
        )


# --- the peers -----------------------------------------------------------------------------------


def fill_kinto(database: str, bodies: Sequence[Mapping[str, object]]) -> list[int]:
    """Put the rows into Kinto's table; return their timestamps."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    stamps = [first + timedelta(milliseconds=number) for number in range(len(bodies))]
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        copy = (
            "COPY objects (id, parent_id, resource_name, last_modified, data, deleted) FROM STDIN"
        )
        with cursor.copy(copy) as sheet:
            for number, (body, at) in enumerate(zip(bodies, stamps, strict=True), 1):
                row = (
                    str(UUID(int=number)),
                    RECORDS.removeprefix("/v1").removesuffix("/records"),
                    "record",
                    at.replace(tzinfo=None),
                    peers.to_json(body).decode(),
                    False,
                )
                sheet.write_row(row)
        cursor.execute("ANALYZE objects")
    return [round(at.timestamp() * 1000) for at in stamps]


@contextmanager
def kinto_server(
    directory: Path, database: str, bodies: Sequence[Mapping[str, object]]
) -> Iterator[Server]:
    with peers.kinto(directory, database) as port:
        headers = {"Authorization": peers.KINTO_AUTHORIZATION, "Content-Type": "application/json"}
        line = Line(port, headers)
        for path in (RECORDS.partition("/collections")[0], RECORDS.removesuffix("/records")):
            line.ask("PUT", path, b"{}", status=(200, 201))
        stamps = fill_kinto(database, bodies)

        def since(_client: int, rows: int, limit: int) -> str:
            # without a limit: exactly as many follow, and Kinto need not make a next page
            assert rows + limit >= len(bodies)
            return RECORDS + "?_since=" + quote(f'"{stamps[rows - 1]}"')

        def whole(line: Line, start: int) -> int:
            path = since(0, start, len(bodies)) if start else RECORDS
            return count(line.get(path))

        def count(page: bytes) -> int:
            return page.count(b'"task_no":')

        yield Server(KINTO, port, (headers,), since, whole, "gzip", count)


@contextmanager
def pouchdb_server(directory: Path, bodies: Sequence[Mapping[str, object]]) -> Iterator[Server]:
    with peers.pouchdb(directory) as port:
        headers = {"Content-Type": "application/json"}
        line = Line(port, headers)
        line.ask("PUT", "/rows", status=(201,))
        for begin in range(0, len(bodies), PAGE):
            docs = [
                {"_id": str(UUID(int=number)), **body}
                for number, body in enumerate(bodies[begin : begin + PAGE], begin + 1)
            ]
            line.ask("POST", "/rows/_bulk_docs", peers.to_json({"docs": docs}), status=(201,))

        def since(_client: int, rows: int, limit: int) -> str:
            return f"/rows/_changes?include_docs=true&since={rows}&limit={limit}"

        def whole(line: Line, start: int) -> int:
            return count(line.get(since(0, start, len(bodies))))

        def count(page: bytes) -> int:
            return page.count(b'"task_no":')

        yield Server(POUCHDB, port, (headers,), since, whole, "gzip", count)


# --- the measurements ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """How much is asked."""

    rows: int
    rounds: int
    clients: int
    tablets: int
    asks: int


FULL = Size(rows=10_000, rounds=15, clients=16, tablets=10, asks=40)
QUICK = Size(rows=3_000, rounds=5, clients=8, tablets=4, asks=10)
Found = Mapping[str, float]


def pages(servers: Sequence[Server], size: Size) -> Iterator[Figure]:
    """The newest 1,000 rows, plain and packed, and the newest 100."""
    timed = partial(page_times, servers, size)
    what = f"page of {PAGE:,} rows of 1.1 KB"
    plain = {one.name: "identity" for one in servers}
    found = timed(PAGE, plain)
    yield from beside(f"{what}, plain", found, {KINTO: 0.5})
    better = min((KINTO, POUCHDB), key=lambda name: found[name])
    yield figure(
        f"{what}, plain: the better peer",
        "ms",
        found["ours"] * 1000,
        peer=better,
        theirs=found[better] * 1000,
        target=("at most", 2),
    )
    found = timed(PAGE, {one.name: one.packing for one in servers})
    yield from beside(f"{what}, ours zstd, theirs gzip", found, {KINTO: 1 / 3, POUCHDB: 1 / 3})
    found = timed(PAGE, {one.name: "gzip" for one in servers})
    yield from beside(f"{what}, gzip", found, {})
    found = timed(SMALL_PAGE, plain)
    yield from beside(f"page of {SMALL_PAGE} rows of 1.1 KB, plain", found, {KINTO: 0.5})


def page_times(
    servers: Sequence[Server], size: Size, count: int, packing: Mapping[str, str]
) -> Found:
    """Ask each server for its newest rows."""
    paths = {one.name: one.since(0, size.rows + 1 - count, count) for one in servers}
    lines = {one.name: one.line() for one in servers}
    for server in servers:
        rows = server.count_rows(lines[server.name].get(paths[server.name]))
        assert rows == count, f"{server.name} gives {rows} rows"
    return alternate(
        {name: partial(line.get, paths[name], packing[name]) for name, line in lines.items()},
        size.rounds,
    )


def since_cursor(servers: Sequence[Server], size: Size) -> Iterator[Figure]:
    lines = {one.name: one.line() for one in servers}
    works = {one.name: partial(one.whole, lines[one.name], 1) for one in servers}
    for name, work in works.items():
        rows = work()
        assert rows == size.rows, f"{name} gives {rows} rows"
    found = alternate(works, max(3, size.rounds // 3))
    yield from beside(f"{size.rows:,} rows since a cursor", found, {KINTO: 1 / 4, POUCHDB: 1 / 4})


def empty_pulls(servers: Sequence[Server], size: Size) -> Iterator[Figure]:
    """The median of single asks when there is nothing new."""
    for clients in (1, size.clients):
        found: dict[str, float] = {}
        for server in servers:
            latencies: list[float] = []
            works = []
            for client in range(clients):
                line, path = server.line(client), server.since(client, size.rows + 1, PAGE)
                assert server.count_rows(line.get(path)) == 0
                works.append(partial(ask_often, line, path, size.asks, latencies))
            at_once(works)
            found[server.name] = median(latencies)
        yield from beside(f"empty pull, {of_clients(clients)}", found, {KINTO: 1 / 3, POUCHDB: 1})


def ask_often(line: Line, path: str, asks: int, latencies: list[float]) -> None:
    for _ in range(asks):
        latencies.append(seconds_of(partial(line.get, path)))


def first_syncs(servers: Sequence[Server], size: Size) -> Iterator[Figure]:
    for clients in (1, size.tablets):
        found: dict[str, list[float]] = {one.name: [] for one in servers}
        for number in range(3):
            for server in servers:
                lines = [server.line(client) for client in range(clients)]
                seconds = at_once([partial(server.whole, line, 0) for line in lines])
                if number or clients > 1:  # the first round warms
                    found[server.name].append(seconds)
        what = f"first sync of {size.rows:,} rows, {of_clients(clients)}"
        times = {name: median(seconds) for name, seconds in found.items()}
        yield from beside(what, times, {KINTO: 1 / 2, POUCHDB: 1 / 2})


def of_clients(clients: int) -> str:
    return "1 tablet" if clients == 1 else f"{clients} tablets at once"


_FRACTIONS = {0.5: "1/2", 1 / 3: "1/3", 1 / 4: "1/4"}


def beside(what: str, found: Found, limits: Mapping[str, float]) -> Iterator[Figure]:
    """Return our milliseconds beside each peer's; `limits` are of the ratio."""
    for peer in (KINTO, POUCHDB):
        limit = limits.get(peer)
        yield figure(
            what,
            "ms",
            found["ours"] * 1000,
            peer=peer,
            theirs=found[peer] * 1000,
            target=None if limit is None else ("below", limit),
            words="" if limit not in _FRACTIONS else f"below {_FRACTIONS[limit]} of the peer",
        )


def measure(size: Size, wanted_database: str) -> list[Figure]:
    """Start all three servers, fill them alike, and ask them in turn."""
    bodies = make_bodies(size.rows + 1, random.Random(1))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suicha-bench-")))
        postgresql = stack.enter_context(peers.postgresql(directory / "postgresql"))
        address = ours.database_url(wanted_database, postgresql)
        clients = max(size.clients, size.tablets)
        kinto = peers.create_database(postgresql, "kinto")
        servers = [
            stack.enter_context(our_server(directory / "ours", bodies, clients, address)),
            stack.enter_context(kinto_server(directory / "kinto", kinto, bodies)),
            stack.enter_context(pouchdb_server(directory / "pouchdb", bodies)),
        ]
        return [
            one
            for part in (pages, since_cursor, empty_pulls, first_syncs)
            for one in part(servers, size)
        ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--database-url", default="", help="ours elsewhere than on SQLite")
    given = options.parse_args()
    peers.end_on_signals()
    peers.set_up()
    figures = measure(QUICK if given.quick else FULL, given.database_url)
    show(Report(name="feed", figures=figures), as_json=given.json)


if __name__ == "__main__":
    main()
