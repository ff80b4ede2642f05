"""Whatever a line brings: a quick refusal or an outcome, bounded memory, and nothing beside it."""

import gzip
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.access import Role
from app.journal.models import JournalEntry
from sync.feed.models import FeedWant
from sync.inbox.models import InboxBatch, Operation, ReviewItem
from sync.wire import BATCH_BYTES
from tests.conftest import Place
from tests.servers import peak_kib, process_of
from tests.sync.conftest import Stage, start
from tests.sync.held import Held
from tests.sync.pushed import outcomes
from tests.sync.tablet import Answer, Tablet, canonical, line_of, op_of, sha256, sign

MIB = 1024 * 1024
SECONDS = 5.0  # a refusal takes milliseconds; the machine may be busy
BAD = ("quarantined", "malformed")


# --- one line of fifty -------------------------------------------------------------------------


def signed(tablet: Tablet, text: str) -> bytes:
    """A line with a good signature over a text that need not be canonical."""
    return line_of(text, sign(tablet.key, "suicha-op-1", sha256(text)))


def with_text(written: str) -> Callable[[Tablet, dict[str, Any]], bytes]:
    """The text of the finding is written so."""
    return lambda tablet, op: signed(
        tablet, canonical(op).replace('"text":"x"', f'"text":{written}')
    )


def changed(**values: Any) -> Callable[[Tablet, dict[str, Any]], bytes]:
    """The operation says otherwise, canonically."""
    return lambda tablet, op: signed(tablet, canonical({**op, **values}))


def reordered(tablet: Tablet, op: dict[str, Any]) -> bytes:
    text = json.dumps(dict(reversed(op.items())), ensure_ascii=False, separators=(",", ":"))
    return signed(tablet, text)


def twice_in_the_line(tablet: Tablet, op: dict[str, Any]) -> bytes:
    line = signed(tablet, canonical(op)).decode()
    return (line[:-1] + ',"sig":' + json.dumps(json.loads(line)["sig"]) + "}").encode()


def by_another_device(tablet: Tablet, op: dict[str, Any]) -> bytes:
    text = canonical(op)
    return line_of(text, sign(Ed25519PrivateKey.generate(), "suicha-op-1", sha256(text)))


LINES: Mapping[str, Callable[[Tablet, dict[str, Any]], bytes]] = {
    "deeper than sixteen": with_text("[" * 17 + "]" * 17),
    "very deep": with_text("[" * 40_000 + "]" * 40_000),
    "deep and never closed": lambda tablet, op: b"[" * 200_000,
    "deep objects": lambda tablet, op: b'{"op":' * 30_000,
    "NaN": with_text("NaN"),
    "Infinity": with_text("-Infinity"),
    "a fraction": with_text("1.5"),
    "an exponent": with_text("1e3"),
    "an integer beyond 2^53": with_text(str(2**53)),
    "an integer of 5,000 digits": with_text("9" * 5000),
    "half a character": with_text('"\\ud800"'),
    "half a character in the line": lambda tablet, op: b'{"op":"\\udfff","sig":""}',
    "a key twice": with_text('"x","text":"x"'),
    "a key twice in the line": twice_in_the_line,
    "a key of another alphabet": with_text('"x","\u043d":1'),
    "keys out of order": reordered,
    "white space": lambda tablet, op: signed(tablet, canonical(op).replace(",", ", ", 1)),
    "an escape that is not needed": with_text('"\\u0078"'),
    "longer than an operation": with_text(f'"{"x" * 262_144}"'),
    "a signature by another device": by_another_device,
    "another device's name": changed(device_id=str(UUID(int=1))),
    "an id in capitals": changed(entity_id="2B966381-75D1-5386-A7EC-4FCD7DF5836C"),
    "a protocol of tomorrow": changed(v=2),
    "a month that no year has": changed(recorded_at="2026-13-01T00:00:00.000Z"),
    "a number below one": changed(device_seq=0),
    "true for a number": changed(base_version=True),
    "no JSON": lambda tablet, op: "乱码\u2028".encode(),
    "a byte order mark": lambda tablet, op: b"\xef\xbb\xbf{}",
    "NUL": lambda tablet, op: b'{"op":"\x00","sig":""}',
}


def test_of_fifty_lines_the_one_that_is_no_operation_is_malformed_and_49_are_applied(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    tablet.push([start(tablet, task)])
    said = {"visit_id": str(task.visit_id), "text": "x"}
    bad_lines = []
    for number, (name, make) in enumerate(LINES.items()):
        lines = [tablet.op("visit.state_finding", uuid4(), said) for _ in range(49)]
        bad = make(tablet, tablet.values("visit.state_finding", uuid4(), said))
        lines.insert(number, bad)

        pushed = tablet.push(lines)

        found = outcomes(pushed)
        assert found.pop(number) == BAD, name
        assert found == [("applied", None)] * 49, name
        result = pushed.json["results"][number]
        receipt = json.loads(result["receipt"]["body"])
        assert (receipt["status"], receipt["device_seq"]) == ("quarantined", None), name
        assert result["problem"]["type"] == "/problems/malformed"
        assert {outcome for outcome, _ in outcomes(tablet.push(lines))} == {"duplicate"}, name
        bad_lines.append(bad)

    malformed = Operation.reason == "malformed"
    assert stage.count(Operation, malformed) == len(LINES)
    assert stage.count(Operation, Operation.outcome == "applied") == 49 * len(LINES) + 1
    assert stage.count(ReviewItem, ReviewItem.reason == "malformed") == len(LINES)
    kept = {row.op for row in stage.all(sa.select(Operation.op).where(malformed))}
    assert kept == {readable(line) for line in bad_lines}
    me = tablet.request("GET", "/devices/me").json
    assert (me["device_seq"], me["op_hash"]) == (tablet.seq, tablet.prev_hash), "no line moved it"


def readable(line: bytes) -> str:
    return line.decode().replace("\0", "\ufffd")


# --- bodies that are too much ------------------------------------------------------------------


def chunks(count: int, chunk: bytes) -> Iterator[bytes]:
    for _ in range(count):
        yield chunk


class Wire:
    """A line to a served process that does not stop at what a client would send."""

    def __init__(self, address: str, tablet: Tablet) -> None:
        self.host, self.tablet = address.removeprefix("http://"), tablet

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent
            connection.request(method, path, body, dict(headers), encode_chunked=True)
        try:
            found = connection.getresponse()
            return Answer(found.status, dict(found.getheaders()), found.read())
        except (ConnectionResetError, http.client.RemoteDisconnected):
            return Answer(0, {}, b"")
        finally:
            connection.close()

    def push(self, body: Any, **headers: str) -> int:
        given = {"Sync-Protocol": "1", "Authorization": f"Bearer {self.tablet.access}", **headers}
        began = monotonic()
        status = self.send("POST", "/api/sync/v1/inbox", body, given).status
        assert monotonic() - began < SECONDS, "a refusal that takes its time"
        return status


def test_bombs_and_a_million_operations_are_refused_fast_in_bounded_memory(
    stage: Stage, place: Place
):
    stage.clock.at = datetime.now(UTC)  # noqa: TID251 - the served process lives now
    tablet = stage.tablet("an")
    good = tablet.op("task.accept", stage.task(tablet).id, {})
    gz = {"Content-Encoding": "gzip"}
    zeros = gzip.compress(b"\0" * (200 * MIB), 6)
    lines = gzip.compress(b'{"op":"{}","sig":""}\n' * 1_000_000)
    layers = gzip.compress(zeros)
    assert max(len(zeros), len(lines)) < BATCH_BYTES, "small enough to be unpacked"
    wanted: list[tuple[set[int], Callable[[], Any], Mapping[str, str]]] = [
        ({413}, lambda: zeros, gz),
        ({413}, lambda: lines, gz),
        ({413}, lambda: gzip.compress(b"{}\n" * 1_000_000), gz),
        ({400}, lambda: layers, {}),  # not said to be packed: it is no text
        ({413, 0}, lambda: chunks(30, b"{}\n" * 350_000), {}),
        ({413, 0}, lambda: chunks(30, b"[" * MIB), {}),
        ({413, 0}, lambda: b"x" * (40 * MIB), {}),
    ]
    with process_of({**place.environ, "WEB_PROCESSES": "1"}) as (address, pid):
        wire = Wire(address, tablet)
        assert wire.push(b"{}") == 200, "it is warm"
        before = peak_kib(pid)

        with ThreadPoolExecutor(4) as pool:
            asked = [(ok, pool.submit(wire.push, make(), **more)) for ok, make, more in wanted * 2]
            assert [found.result() in ok for ok, found in asked] == [True] * len(asked)

        grown = peak_kib(pid) - before
        assert grown < 150 * 1024, f"{grown} KiB for refusals"
        assert wire.push(good) == 200
    assert stage.count(InboxBatch) == 2, "what was refused is not kept"
    assert stage.count(Operation) == 2


# --- JSON elsewhere ----------------------------------------------------------------------------

JSONS: Mapping[str, bytes] = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "an integer of 5,000 digits": b"9" * 5000,
    "one of them in a field": b'{"unsent":' + b"9" * 5000 + b"}",
    "NaN": b'{"unsent":NaN,"sets":[NaN],"cursor":-Infinity}',
    "a fraction": b'{"unsent":1.5,"cursor":1e999}',
    "half a character": b'{"cursor":"\\ud800","login":"\\ud800","device_id":"\\udfff"}',
    "half a character as a name": b'{"\\ud800":1,"cursor":{"\\udfff":1}}',
    "NUL": b'{"login":"\\u0000","code":"\\u0000","cursor":"\\u0000"}',
    "not UTF-8": b'{"login":"\xff"}',
    "another alphabet": '{"login":"an"}'.encode("utf-16"),
    "null": b"null",
    "a list": b"[]",
    "cut": b'{"login":"an"',
}
ROUTES = ("/devices", "/sessions", "/challenge", "/tokens", "/verify", "/devices/me/wiped")


def test_json_that_nobody_can_mean_is_refused_by_every_route(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    held.pull()
    entries = stage.count(JournalEntry)
    chen = stage.make.signed_in(Role.SUPERVISOR)
    for name, body in JSONS.items():
        for path in ROUTES:
            answer = tablet.request("POST", path, body, Content_Type="application/json")
            assert answer.status in {400, 401, 422}, (name, path, answer.body)
            assert answer.headers["Content-Type"] == "application/problem+json"
            json.loads(answer.body)
        for path in ("/api/v1/device-codes", "/api/v1/tasks", "/api/v1/units"):
            refused = chen.post(path, data=body, content_type="application/json")
            assert refused.status_code in {400, 422}, (name, path, refused.data)
    assert stage.count(JournalEntry) - entries <= 4, "somebody signed in, nothing else happened"


# --- cursors -----------------------------------------------------------------------------------


def test_a_cursor_changed_at_any_place_is_forged_and_leaves_no_trace(stage: Stage, tablet: Tablet):
    unit = stage.task(tablet).unit_id
    held = Held(tablet)
    held.pull()
    whole, entries = held.cursor, stage.count(JournalEntry)
    forged = [whole[:-1], whole + "A", whole[1:], whole + whole, "", "A" * 8000, "A" * 8001, "%00"]
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        other = "A" if whole[place] != "A" else "B"
        forged.append(whole[:place] + other + whole[place + 1 :])
    forged.remove("")
    for text in forged:
        held.cursor = text
        answer = held.ask(want=str(unit))
        assert answer.status in {400, 422}, text
        verified = tablet.request("POST", "/verify", {"cursor": text, "sets": []})
        assert verified.status in {400, 422}, text
    foreign = Held(stage.tablet("bo"))
    foreign.pull()
    held.cursor = foreign.cursor
    assert held.ask(want=str(unit)).status == 403
    assert tablet.request("POST", "/verify", {"cursor": held.cursor, "sets": []}).status == 403
    assert stage.count(FeedWant) == 0
    known = JournalEntry.event.in_(["unit.wanted", "device.tokens-revoked"])
    assert (stage.count(JournalEntry, known), stage.count(JournalEntry) >= entries) == (0, True)


def test_an_operation_of_another_device_is_malformed_whichever_of_them_pushes_it(
    stage: Stage, tablet: Tablet
):
    bo = stage.tablet("bo")
    task = stage.task(tablet, bo)
    line = bo.op("task.accept", task.id, {})
    mine = tablet.op("task.accept", task.id, {})

    assert outcomes(tablet.push([line, mine])) == [BAD, ("applied", None)]
    assert outcomes(bo.push([line])) == [("merged", None)], "its own device loses nothing by it"
    assert op_of(line)["device_id"] == str(bo.device_id)
