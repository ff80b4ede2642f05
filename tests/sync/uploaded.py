"""What tests of uploads look at, and bodies that come as a test wants."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from app.db import db
from app.evidence.models import Evidence
from app.evidence.rules import object_key
from app.journal.models import JournalEntry
from app.storage import Storage
from sync.uploads.models import Upload
from tests.sync.conftest import Stage
from tests.sync.tablet import Answer, Tablet
from tests.sync.tus import OCTETS, Tus, sha256


def storage_of(stage: Stage) -> Storage:
    """Where the application keeps photos."""
    found: Storage = stage.flask_app.extensions["suicha_storage"]
    return found


def evidence_of(stage: Stage, data: bytes) -> Evidence:
    """The one row of this content."""
    with stage.flask_app.app_context():
        return db.session.scalars(sa.select(Evidence).where(Evidence.sha256 == sha256(data))).one()


def stored(stage: Stage, data: bytes) -> bytes:
    """The bytes that lie under this content's name."""
    return storage_of(stage).get(object_key(evidence_of(stage, data).agency_id, sha256(data)))


def upload_of(stage: Stage, location: str) -> Upload:
    """The row of an upload."""
    return stage.one(Upload, location.rsplit("/", 1)[1])


def pieces(stage: Stage) -> list[str]:
    """The objects that wait to be joined."""
    return [found.key for found in storage_of(stage).list("uploads")]


def events(stage: Stage, event: str) -> int:
    """How often something was journalled."""
    return stage.count(JournalEntry, JournalEntry.event == event)


# --- bodies, and two at once ----------------------------------------------------------------------

Read = Callable[[int], bytes]


def feed(chunks: Iterator[bytes]) -> Read:
    """A server's input that gives what comes, and at its end nothing, as a cut line looks."""
    rest = bytearray()

    def read(size: int) -> bytes:
        while len(rest) < size:
            chunk = next(chunks, b"")
            if not chunk:
                break
            rest.extend(chunk)
        found = bytes(rest[:size])
        del rest[:size]
        return found

    return read


class Input:
    """What a WSGI server hands over as the body."""

    def __init__(self, read: Read) -> None:
        self.read = read


def slow_patch(
    stage: Stage,
    tus: Tus,
    location: str,
    offset: int,
    promised: int | None,
    read: Read,
    **headers: str,
) -> Answer:
    """A PATCH whose body comes as `read` gives it; `promised` is its Content-Length."""
    out: dict[str, Any] = {}

    def start_response(status: str, given: list[tuple[str, str]], _info: Any = None) -> None:
        out.update(status=int(status[:3]), headers=dict(given))

    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PATCH",
        "PATH_INFO": location,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": Input(read),
        "wsgi.input_terminated": True,
        "CONTENT_TYPE": OCTETS,
        "HTTP_AUTHORIZATION": f"Bearer {tus.tablet.access}",
        "HTTP_TUS_RESUMABLE": "1.0.0",
        "HTTP_UPLOAD_OFFSET": str(offset),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    if promised is not None:
        environ["CONTENT_LENGTH"] = str(promised)
    body = b"".join(stage.flask_app(environ, start_response))  # type: ignore[arg-type]  # less exact
    return Answer(out["status"], out["headers"], body)


def pausing(data: bytes, pause: Callable[[], None]) -> Iterator[bytes]:
    """Half of the bytes, something that takes longer than a moment, the rest."""
    half = len(data) // 2
    yield data[:half]
    pause()
    yield data[half:]


def apart(do: Callable[[], Any]) -> Callable[[], None]:
    """Let something happen in a thread of its own, as another request does."""

    def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(do).result(30)

    return run


def tablet_again(stage: Stage, tablet: Tablet) -> Tablet:
    """The same tablet on another connection."""
    return Tablet(stage.send(), stage.clock, access=tablet.access, device_id=tablet.device_id)
