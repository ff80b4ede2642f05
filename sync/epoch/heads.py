"""The head: what the storage keeps of the database, so that an older one is noticed.

It is written every few seconds while anything is written, by whichever process notices first. A
database that is older than its head, of another epoch, or half restored, is not served: not to
tablets, not to people, not to the timetable, until somebody adopted it.
"""

import threading
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import flask
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from app import canonical, clock, entry, readiness
from app.db import db, is_overload, stop_reading
from app.documents import queries as documents
from app.draws import queries as draws
from app.errors import DomainError, Unavailable
from app.journal import service as journal
from app.journal.models import Installation, JournalEntry
from app.numbering import queries as registers
from app.storage import StoredObjectMissing
from app.tasks import queries as tasks
from sync.epoch import rules
from sync.epoch.rules import Announced, DrawHead, Head, StreamHead

log = structlog.get_logger()
HEAD_KEY = "head.json"
GOOD_FOR_S = 30.0
WRITTEN_EVERY_S = 5.0
RETRY_S = 60
_ALWAYS = ("/healthz", "/readyz", "/metrics", "/problems/", "/public/static/")
_WHY: Mapping[str, str] = {
    "restoring": "数据库刚从备份恢复，尚未接管",
    "epoch": "数据库与存储中的记录不是同一时期",
    "older": "数据库比已公布的日志链头旧",
    "other": "数据库与已公布的日志链头不一致",
    "unreadable": "数据库无法读取或尚未建立",
    "broken": "存储中的链头记录无法读取",
}


class RestoreNotAdopted(Unavailable):
    """`reason`: restoring, epoch, older, other, unreadable or broken."""

    code, title = "restore-not-adopted", "数据库恢复后尚未接管"


# --- reading and writing -------------------------------------------------------------------------


def read_head() -> Head | None:
    """Return the head that the storage keeps, or None before the first.

    Raises HeadBroken, and what the storage raises.
    """
    try:
        data = entry.storage().get(HEAD_KEY)
    except StoredObjectMissing:
        return None
    try:
        return rules.read_head(canonical.loads(data.decode()))
    except ValueError as error:
        raise rules.HeadBroken(f"{HEAD_KEY} cannot be read: {error}") from error


def collect(*, at: datetime | None = None) -> Head:
    """Return the head of the database as this session sees it."""
    return Head(
        epoch=_text(db.session.scalar(sa.select(Installation.epoch))),
        at=canonical.instant(at or clock.now()),
        streams=[StreamHead(stream, *found) for stream, found in sorted(journal.heads().items())],
        numbers={**tasks.last_numbers(), **draws.last_numbers(), **documents.last_serials()},
        registers=registers.last_numbers(),
        draws=[DrawHead(*one) for one in draws.standings()],
        announced=[Announced(*one) for one in draws.announcements()],
    )


def publish_head(*, at: datetime) -> bool:
    """Write the head where it has changed; returns whether it had. Never inside a transaction.

    Raises RestoreNotAdopted rather than write over the head of a newer database.
    """
    before = read_head()
    if before is not None:
        _refuse(_unlike(before))
    head = collect(at=at)
    db.session.remove()
    if head.epoch is None or head.says_the_same(before):
        return False
    put_head(head)
    return True


def put_head(head: Head) -> None:
    """Write a head, whatever was there."""
    entry.storage().put(HEAD_KEY, canonical.dumps(head.value()).encode())


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


# --- is this the database that the head is of? ---------------------------------------------------


def find_difference() -> str | None:
    """Return in what the database is not the one of its head, None where it is."""
    try:
        head = read_head()
    except rules.HeadBroken:
        return "broken"
    return None if head is None else _unlike(head)


def _unlike(head: Head) -> str | None:
    if head.restoring is not None:
        return "restoring"
    stop_reading()  # what is read next is newer than the head
    try:
        epoch = db.session.scalar(sa.select(Installation.epoch))
        return rules.unlike(head, epoch, _hashes_at(head))
    except (OperationalError, ProgrammingError) as error:
        db.session.remove()
        if is_overload(error):
            raise
        return "unreadable"


def _hashes_at(head: Head) -> dict[str, str | None]:
    return {
        one.stream: db.session.scalar(
            sa.select(JournalEntry.hash).where(
                JournalEntry.stream == one.stream, JournalEntry.seq == one.seq
            )
        )
        for one in head.streams
    }


def _refuse(difference: str | None) -> None:
    if difference is not None:
        raise RestoreNotAdopted(
            f"{_WHY[difference]}，暂停服务；终端会保留数据并自动重试。"
            "请管理员核对后运行 suicha adopt。",
            retry_after_s=RETRY_S,
            reason=difference,
        )


class Guard:
    """Remembers for a while what was found, so that a request costs a comparison of two numbers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._good_until: float | None = None

    def check(self) -> None:
        """Return if the database may be served. Raises RestoreNotAdopted, and what the storage
        raises as long as nobody could look.

        Once it was found good one request at a time looks again and the others go on; and a storage
        that is away stops nobody.
        """
        good_until = self._good_until
        if good_until is not None and clock.monotonic() < good_until:
            return
        if not self._lock.acquire(blocking=good_until is None):
            return
        try:
            if self._good_until is None or clock.monotonic() >= self._good_until:
                self._look(known_good=good_until is not None)
        finally:
            self._lock.release()

    def _look(self, *, known_good: bool) -> None:
        try:
            difference = find_difference()
        except Unavailable as error:
            if not known_good:
                raise
            log.warning("head not read", why=error.code)
            difference = None
        if difference is not None:
            self._good_until = None
        _refuse(difference)
        self._good_until = clock.monotonic() + GOOD_FOR_S


def guard() -> Guard:
    """Return the running application's guard."""
    found: Guard = flask.current_app.extensions["suicha_head"]
    return found


def init_app(flask_app: flask.Flask) -> None:
    """Stand before every request but those that ask for the state of the server."""
    flask_app.extensions["suicha_head"] = Guard()
    flask_app.before_request(_stand)
    readiness.add_look("head", _look)


def _stand() -> None:
    if not flask.request.path.startswith(_ALWAYS):
        guard().check()


def _look() -> str:
    _refuse(find_difference())
    head = read_head()
    return "none yet" if head is None else f"of {head.at}"


# --- writing it as time goes by -------------------------------------------------------------------


class Writer:
    """Writes the head of a process that serves, at most every few seconds, beside the requests."""

    def __init__(self, flask_app: flask.Flask) -> None:
        self._flask_app = flask_app
        self._pause = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="head", daemon=True).start()

    def _run(self) -> None:
        while not self._pause.wait(WRITTEN_EVERY_S):
            with self._flask_app.app_context():
                publish_quietly(at=clock.now())


def publish_quietly(*, at: datetime) -> None:
    """Write the head; what hinders it is logged and tried again next time."""
    try:
        publish_head(at=at)
    except (DomainError, SQLAlchemyError, OSError, rules.HeadBroken) as error:
        log.warning("head not written", why=f"{type(error).__name__}: {error}")
    finally:
        db.session.remove()
