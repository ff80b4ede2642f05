"""A real web process that is asked for more than it can do: 429 or 503, and nothing is lost."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import clock as app_clock
from app.tasks.models import Task
from app.visits.models import Visit
from app.writers import Writers
from sync.inbox.models import Operation, Receipt
from tests.conftest import FixedClock, Place
from tests.servers import serving
from tests.sync.conftest import ITEMS, Stage, answer, start, whole_visit
from tests.sync.tablet import Answer, Tablet
from tests.sync.tus import described, metadata

TIGHT = {
    "WEB_PROCESSES": "1",  # threads and connections are each process's own
    "WEB_THREADS": "4",
    "WEB_WAITING": "4",
    "WEB_WAIT_S": "1",
    "DB_POOL_SIZE": "1",
    "DB_POOL_TIMEOUT_S": "0",
}
GOOD = {200, 201, 204, 304}
TABLETS, SLOW, FLOOD = 8, 24, 80
UPLOADS = "/uploads"


@pytest.fixture
def crew(stage: Stage, clock: FixedClock) -> list[tuple[Tablet, Task]]:
    """Enrolled tablets, each with a task, at the time of this machine's clock."""
    app_clock.use(None)
    clock.at = app_clock.now()
    app_clock.use(clock)
    tablets = [stage.tablet(f"officer{number}") for number in range(TABLETS)]
    return [(tablet, stage.task(tablet)) for tablet in tablets]


@contextmanager
def served(place: Place, crew: Sequence[tuple[Tablet, Task]], **more: str) -> Iterator[int]:
    """A process that serves the crew's database; their requests go to it. Yields its port."""
    with serving({**place.environ, **more}) as address:
        port = urlsplit(address).port or 0

        def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request(method, path, body, dict(headers))
                response = connection.getresponse()
                found = {key.title(): value for key, value in response.getheaders()}
                return Answer(response.status, found, response.read())
            finally:
                connection.close()

        for tablet, _ in crew:
            tablet.send = send
        yield port


class Asking:
    """Asks until there is a good answer, and keeps what was answered on the way."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def until_good(self, ask: Callable[[], Answer]) -> Answer:
        for _ in range(2000):
            found = ask()
            self.answers.append(found)
            if found.status in GOOD:
                return found
            time.sleep(0.01)
        raise TimeoutError(f"no good answer, the last was {found.status}")


def batches_of(lines: Sequence[bytes], count: int) -> list[Sequence[bytes]]:
    return [lines[begin : begin + count] for begin in range(0, len(lines), count)]


def upload(tablet: Tablet, asking: Asking, data: bytes) -> None:
    """Bring a file home by tus, from wherever it stands."""
    made = asking.until_good(
        lambda: tablet.request(
            "POST",
            UPLOADS,
            Tus_Resumable="1.0.0",
            Upload_Length=str(len(data)),
            Upload_Metadata=metadata(described(data)),
        )
    )
    where = made.headers["Location"].removeprefix("/api/sync/v1")
    asking.until_good(
        lambda: tablet.request(
            "PATCH",
            where,
            data,
            Tus_Resumable="1.0.0",
            Upload_Offset="0",
            Content_Type="application/offset+octet-stream",
        )
    )


def day(tablet: Tablet, task: Task, number: int) -> list[Answer]:
    """A tablet comes home: pushes a whole visit, looks, pulls and uploads, all through refusals."""
    asking = Asking()
    for batch in batches_of(whole_visit(tablet, task), 5):
        asking.until_good(partial(tablet.push, batch))
        asking.until_good(lambda: tablet.request("GET", "/feed?limit=500"))
        asking.until_good(lambda: tablet.request("GET", "/devices/me"))
    upload(tablet, asking, bytes([number]) * 50_000)
    return asking.answers


@pytest.mark.timeout(300)
def test_a_saturated_pool_answers_503_with_a_time_and_nothing_is_lost(
    place: Place, stage: Stage, crew: list[tuple[Tablet, Task]]
) -> None:
    with served(place, crew, **TIGHT), ThreadPoolExecutor(TABLETS) as pool:
        days = [pool.submit(day, *pair, number) for number, pair in enumerate(crew)]
        answers = [one for found in days for one in found.result()]
    refused = [one for one in answers if one.status not in GOOD]
    assert refused, "the pool was saturated"
    assert {one.status for one in refused} <= {429, 503}, [one.body for one in refused[:3]]
    assert all(int(one.headers["Retry-After"]) > 0 for one in refused)
    operations = TABLETS * (len(ITEMS) + 4)
    assert stage.count(Operation, Operation.outcome == "applied") == operations
    assert stage.count(Receipt) == operations
    assert stage.count(Visit, Visit.signed_at.is_not(None)) == TABLETS


# --- slow tablets


class Slow:
    """A connection that sends its body a byte at a time, and reads nothing."""

    def __init__(self, port: int, tablet: Tablet, upload: str, kind: int) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        method, path, mime = (
            ("POST", "/api/sync/v1/inbox", "application/x-ndjson"),
            ("PATCH", upload, "application/offset+octet-stream"),
            ("POST", "/api/v1/sessions", "application/json"),
        )[kind % 3]
        self.line.putrequest(method, path)
        for key, value in {
            "Authorization": f"Bearer {tablet.access}",
            "Sync-Protocol": "1",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": mime,
            "Content-Length": "60000",
        }.items():
            self.line.putheader(key, value)
        self.line.endheaders()

    def trickle(self) -> None:
        """Send one more byte; a line that was cut off is left."""
        try:
            self.line.send(b"a")
        except OSError:
            self.line.close()


@contextmanager
def slow_senders(port: int, uploads: Sequence[tuple[Tablet, str]], count: int) -> Iterator[None]:
    """As many connections as that, each with a byte every half second."""
    slow = [Slow(port, *uploads[number % len(uploads)], number) for number in range(count)]
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.5):
            for one in slow:
                one.trickle()

    sender = threading.Thread(target=trickle)
    sender.start()
    time.sleep(1)
    try:
        yield
    finally:
        over.set()
        sender.join()
        for one in slow:
            one.line.close()


def push_times(crew: Sequence[tuple[Tablet, Task]], begin: int) -> list[float]:
    """How long pushes of one answer took, all tablets at once."""

    def push(pair: tuple[Tablet, Task]) -> list[float]:
        taken = []
        for code in ITEMS[begin : begin + 5]:
            line = answer(*pair, code)
            began = time.monotonic()
            found = pair[0].push([line])
            taken.append(time.monotonic() - began)
            assert found.status == 200, found.body
            assert found.json["results"][0]["outcome"] == "applied", found.body
        return taken

    with ThreadPoolExecutor(len(crew)) as pool:
        return [seconds for taken in pool.map(push, crew) for seconds in taken]


@pytest.mark.timeout(300)
def test_slow_tablets_do_not_slow_the_others(
    place: Place, stage: Stage, crew: list[tuple[Tablet, Task]]
) -> None:
    with served(place, crew) as port:
        for tablet, task in crew:
            assert tablet.push([start(tablet, task)]).status == 200
        uploads = [(one, open_upload(one, number)) for number, (one, _) in enumerate(crew)]
        alone = push_times(crew, 0)
        with slow_senders(port, uploads, SLOW):
            beside = push_times(crew, 5)
        assert statistics.median(beside) < 3 * statistics.median(alone) + 0.05, (alone, beside)

        with slow_senders(port, uploads, FLOOD):
            among = push_times(crew, 10)
        assert max(among) < 15, "more slow senders than threads hold nobody up for long"


def open_upload(tablet: Tablet, number: int) -> str:
    """Where an upload of 60,000 bytes is to go."""
    found = tablet.request(
        "POST",
        UPLOADS,
        Tus_Resumable="1.0.0",
        Upload_Length="60000",
        Upload_Metadata=metadata({"sha256": f"{number:064x}", "size": "60000", "role": "photo"}),
    )
    assert found.status == 201, found.body
    return found.headers["Location"]


# --- another process that writes for long


def test_a_push_during_a_long_write_of_another_process_is_answered_503_and_taken_when_sent_again(
    stage: Stage, tablet: Tablet, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place.kind == "postgresql":
        pytest.skip("PostgreSQL has many writers")
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 0.2)
    lines = whole_visit(tablet, stage.task(tablet))
    import_of_units = Writers(Path(place.environ["DATA_DIR"]) / "suicha.db")  # as of a process
    assert import_of_units.take(1)
    refused = tablet.push(lines)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert stage.count(Operation) == 0
    import_of_units.give_back()
    assert tablet.push(lines).status == 200
    assert stage.count(Operation, Operation.outcome == "applied") == len(lines)
