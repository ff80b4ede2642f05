"""Pictures are looked into after they have arrived: place, size, fingerprint, thumbnail.

The last piece of a picture waits for the disk and for nothing else. What is still to be looked into
is a column of its row, so that a process that ends forgets nothing: the web process looks as soon
as it is quiet, the timetable at what is left, and who asks for a thumbnail before has it made.
"""

import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import flask
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app import clock, entry
from app.access import TIMETABLE
from app.db import db, stop_reading, transaction
from app.errors import DomainError
from app.evidence import queries, service
from app.evidence.models import Evidence
from app.storage import StoredObjectMissing

log = structlog.get_logger()

LEFT_AFTER = timedelta(minutes=1)  # until then the process that took it in may be about to
BATCH = 200
QUIET_S = 0.25
PATIENCE_S = 5.0
LOOK_S = 0.05


def inspect(evidence_id: UUID, *, at: datetime) -> bool:
    """Look into a picture if nobody has; tells whether this did. Outside any transaction.

    Raises StoredObjectMissing, and what the storage raises.
    """
    found = db.session.get(Evidence, evidence_id, populate_existing=True)
    if found is None or not found.uninspected:
        return False
    agency_id, sha256, mime = found.agency_id, found.sha256, found.mime
    stop_reading()
    inspected = service.inspect_stored(entry.storage(), agency_id, sha256, mime=mime)
    with transaction():
        return service.record_inspected(evidence_id, inspected, by=TIMETABLE, at=at)


def inspect_pictures(*, at: datetime, left_after: timedelta = LEFT_AFTER) -> str:
    """Look into what the web processes left, each picture for itself; twice is harmless."""
    done = missing = 0
    after = UUID(int=0)
    while batch := queries.uninspected(at - left_after, after=after, limit=BATCH):
        for evidence_id in batch:
            try:
                done += inspect(evidence_id, at=at)
            except StoredObjectMissing:
                missing += 1
        after = batch[-1]
    return f"{done} pictures looked into, {missing} not in the storage"


class Inspector:
    """Looks into what one web process took in, when no request has worked for a moment.

    A picture decoded beside requests would take the processor from them; but none waits longer than
    PATIENCE_S for its turn. `quiet_s` tells since when no request works.
    """

    def __init__(self, flask_app: flask.Flask, quiet_s: Callable[[], float]) -> None:
        self._flask_app, self._quiet_s = flask_app, quiet_s
        self._waiting: queue.SimpleQueue[UUID] = queue.SimpleQueue()
        flask_app.extensions["suicha_inspector"] = self

    def start(self) -> None:
        """Begin; the thread ends with the process, and what it did not get to is left."""
        threading.Thread(target=self._run, name="inspector", daemon=True).start()

    def add(self, evidence_id: UUID) -> None:
        """Have a picture looked into."""
        self._waiting.put(evidence_id)

    def _run(self) -> None:
        while True:
            evidence_id = self._waiting.get()
            until = clock.monotonic() + PATIENCE_S
            while self._quiet_s() < QUIET_S and clock.monotonic() < until:
                time.sleep(LOOK_S)
            with self._flask_app.app_context():
                _inspect_quietly(evidence_id)


def _inspect_quietly(evidence_id: UUID) -> None:
    """What hinders it is logged and left to the timetable."""
    try:
        inspect(evidence_id, at=clock.now())
    except (DomainError, SQLAlchemyError, OSError) as error:
        log.warning("picture not looked into", why=f"{type(error).__name__}: {error}")
    finally:
        db.session.remove()


def soon(evidence_id: UUID) -> None:
    """Have a picture looked into by this process, where it has somebody for that."""
    inspector: Inspector | None = flask.current_app.extensions.get("suicha_inspector")
    if inspector is not None:
        inspector.add(evidence_id)
