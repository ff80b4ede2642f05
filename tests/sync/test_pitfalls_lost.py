"""Answers are lost: a proxy hands every request on and cuts the line once it was answered."""

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from app.evidence.models import Evidence
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.visits.models import VisitAnswer
from sync.devices.models import Device, DeviceSession
from sync.inbox.models import InboxBatch, Operation, Receipt
from tests.factories import PASSWORD
from tests.sync.conftest import ITEMS, Stage, whole_visit
from tests.sync.held import Held
from tests.sync.tablet import Answer, Tablet
from tests.sync.tus import Tus, photo, sha256


@dataclass
class Proxy:
    """Between tablet and server; while `cutting`, the answer is read to its end and dropped."""

    server: int
    cutting: bool = False
    lost: list[int] = field(default_factory=list)
    port: int = 0

    def start(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                self._serve(listener.accept()[0])

    def _serve(self, line: socket.socket) -> None:
        """One request each line; the tablet says `Connection: close`."""
        with line, socket.create_connection(("127.0.0.1", self.server)) as onward:
            threading.Thread(target=_copy, args=(line, onward), daemon=True).start()
            answer = b""
            while piece := onward.recv(65536):
                answer += piece
            if self.cutting:
                self.lost.append(int(answer.split(b" ", 2)[1]))
            else:
                line.sendall(answer)
            for one in (line, onward):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)  # the other thread still waits for more

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    @contextmanager
    def cut(self, times: int) -> Iterator[None]:
        """The answers of these requests are lost, after the server committed."""
        self.cutting, before = True, len(self.lost)
        yield
        self.cutting = False
        assert len(self.lost) - before == times


def _copy(line: socket.socket, onward: socket.socket) -> None:
    with suppress(OSError):
        while piece := line.recv(65536):
            onward.sendall(piece)


def lose(*args: Any, ask: Any) -> None:
    """Send a request whose answer does not come."""
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(*args)


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    """A proxy before a served application."""
    server: BaseWSGIServer = make_server("127.0.0.1", 0, stage.flask_app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    found = Proxy(server.server_port)
    listener = found.start()
    yield found
    listener.close()
    server.shutdown()
    serving.join()
    server.server_close()


def test_every_request_whose_answer_was_lost_is_repeated_to_the_same_end(
    stage: Stage, proxy: Proxy
):
    account = stage.officer("an")
    code, tablet = stage.code(account), Tablet(proxy.send, stage.clock)

    # the enrolment: the same device, whose first tokens work although nobody saw them
    with proxy.cut(2):
        for _ in range(2):
            lose(code, "an", PASSWORD, ask=tablet.enrol)
    assert tablet.enrol(code, "an", PASSWORD).status == 201
    assert (stage.count(Device), stage.count(DeviceSession)) == (1, 1)

    # the renewal: the old token is good until a new one was used
    with proxy.cut(3):
        for _ in range(3):
            lose(ask=lambda: tablet.tokens(refresh=tablet.refresh))
    renewed = tablet.tokens(refresh=tablet.refresh)
    assert renewed.status == 200
    old = tablet.refresh
    tablet.keep_tokens(renewed.json)

    # the push: the same receipts, byte for byte
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)
    with proxy.cut(2):
        for _ in range(2):
            lose(lines, ask=tablet.push)
    again = tablet.push(lines).json["results"]
    assert {one["outcome"] for one in again} == {"duplicate"}
    listed = tablet.request("GET", "/receipts").json["receipts"]
    assert [one["receipt"] for one in again] == listed
    assert stage.count(VisitAnswer) == len(ITEMS)
    assert stage.count(InboxBatch) == 1
    assert stage.count(Operation) == stage.count(Receipt) == len(lines)

    # the photo: asked where it stands, it goes on from there
    data, tus = photo(edge=64), Tus(tablet)
    with proxy.cut(1):
        lose(data, ask=tus.create)
    location = tus.begin(data)
    with proxy.cut(1):
        lose(location, 0, data[:100], ask=tus.patch)
    assert tus.offset(location) == 100
    with proxy.cut(1):
        lose(location, 100, data[100:], ask=tus.patch)
    assert tus.offset(location) == len(data)
    assert stage.count(Evidence, Evidence.sha256 == sha256(data), Evidence.state == "stored") == 1

    # a further officer signs in: one session
    stage.officer("bo")
    said = {"login": "bo", "password": PASSWORD}
    with proxy.cut(1):
        lose("POST", "/sessions", said, ask=tablet.request)
    assert tablet.request("POST", "/sessions", said).status == 201
    sessions = tablet.request("GET", "/devices/me").json["sessions"]
    assert len(sessions) == len({one["officer_id"] for one in sessions}) == 2

    # a token used up comes back: the tokens end, the key brings the tablet back
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    with proxy.cut(1):
        lose(ask=lambda: tablet.tokens(refresh=old))
    assert tablet.request("GET", "/devices/me").status == 401
    challenge = tablet.challenge()
    with proxy.cut(1):
        lose(ask=lambda: tablet.tokens(challenge=challenge))
    back = tablet.tokens(challenge=tablet.challenge())
    assert back.status == 200
    tablet.keep_tokens(back.json)
    assert {one["outcome"] for one in tablet.push(lines).json["results"]} == {"duplicate"}

    assert set(proxy.lost) <= {200, 201, 204, 401}
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_a_pull_whose_answer_was_lost_is_asked_again_and_skips_nothing(stage: Stage, proxy: Proxy):
    account = stage.officer("an")
    tablet = Tablet(proxy.send, stage.clock)
    tablet.enrol(stage.code(account), "an", PASSWORD)
    unit, tasks = stage.make.unit(), [stage.task(tablet) for _ in range(3)]
    held = Held(tablet)
    for _ in range(2):
        with proxy.cut(1):
            lose(ask=lambda: held.ask(limit=50, want=str(unit.id)))
        held.pull_page(limit=50, want=str(unit.id))
    held.pull(limit=50)
    assert set(held.shown("task")) == {str(task.id) for task in tasks}
    assert str(unit.id) in held.shown("unit")
    assert held.verify() == {"behind": False, "differs": []}
    assert stage.count(JournalEntry, JournalEntry.event == "unit.wanted") == 1
