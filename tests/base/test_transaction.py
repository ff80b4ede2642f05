"""One entry, one transaction: what the base promises about commits, savepoints and the journal."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import flask
import pytest
import sqlalchemy as sa

from app.access import TIMETABLE
from app.db import Overloaded, db, savepoint, stop_reading, transaction
from app.journal import service as journal
from app.journal.models import Installation, JournalEntry
from app.journal.rules import Event


def recorded() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(JournalEntry)) or 0


def head(at: datetime, stream: str = "310105") -> None:
    journal.record(Event.JOURNAL_HEAD_PUBLISHED, None, by=TIMETABLE, at=at, stream=stream)


def test_what_fails_leaves_nothing(app_context: flask.Flask, at: datetime) -> None:
    with pytest.raises(LookupError), transaction():
        head(at)
        journal.install(at=at)
        raise LookupError
    assert recorded() == 0
    assert db.session.scalar(sa.select(Installation)) is None


def test_a_failed_savepoint_takes_its_entries_along_and_the_rest_stays(
    app_context: flask.Flask, at: datetime
) -> None:
    with transaction():
        head(at)
        with pytest.raises(LookupError), savepoint():
            journal.install(at=at)
            head(at)
            raise LookupError
        head(at)
    assert recorded() == 2
    assert db.session.scalar(sa.select(Installation)) is None


def test_a_released_savepoint_does_not_survive_the_rollback_of_its_transaction(
    app_context: flask.Flask, at: datetime
) -> None:
    with pytest.raises(LookupError), transaction():
        with savepoint():
            journal.install(at=at)
        raise LookupError
    assert db.session.scalar(sa.select(Installation)) is None


def test_transactions_do_not_nest(app_context: flask.Flask, at: datetime) -> None:
    with (
        pytest.raises(RuntimeError, match="does not nest"),
        transaction(),
        transaction(),
    ):
        pass


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_outside_a_transaction_nothing_can_be_written(app_context: flask.Flask) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"):
        db.session.execute(sa.text("DELETE FROM installation"))
    db.session.remove()


def test_only_what_is_durable_waits_for_the_disk(app_context: flask.Flask, at: datetime) -> None:
    setting = "PRAGMA synchronous"
    if db.engine.dialect.name == "postgresql":
        setting = "SHOW synchronous_commit"
        with transaction():
            db.session.execute(sa.text("SET synchronous_commit = on"))  # the suite's server has off
    waits = []
    for durable in (True, False, True):
        with transaction(durable=durable):
            waits.append(str(db.session.scalar(sa.text(setting))))
            head(at)
    assert waits[0] == waits[2] != waits[1]
    assert waits[1] in {"1", "off"}
    assert recorded() == 3


def test_who_stops_reading_holds_no_connection(app_context: flask.Flask) -> None:
    recorded()
    assert db.engine.pool.checkedout() == 1  # type: ignore[attr-defined]  # a queue pool
    stop_reading()
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with transaction(), pytest.raises(RuntimeError, match="open"):
        stop_reading()


def test_what_is_read_together_is_of_one_moment(flask_app: flask.Flask, at: datetime) -> None:
    def write() -> None:
        with flask_app.app_context(), transaction():
            head(at)

    with flask_app.app_context(), ThreadPoolExecutor(1) as pool:
        before = recorded()
        pool.submit(write).result()
        assert recorded() == before
        stop_reading()
        assert recorded() == before + 1


def test_a_writer_that_waits_too_long_is_told_so(
    flask_app: flask.Flask, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flask_app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        pytest.skip("PostgreSQL has many writers")
    monkeypatch.setattr("app.db.WRITER_WAIT_S", 0.05)
    with flask_app.app_context(), transaction(), ThreadPoolExecutor(1) as pool:

        def write() -> None:
            with flask_app.app_context(), transaction():
                head(at)

        with pytest.raises(Overloaded):
            pool.submit(write).result()
    with flask_app.app_context(), transaction():
        head(at)
    with flask_app.app_context():
        assert recorded() == 1


def test_readers_go_on_while_a_writer_is_open(flask_app: flask.Flask, at: datetime) -> None:
    inside, done = threading.Event(), threading.Event()

    def write() -> None:
        with flask_app.app_context(), transaction():
            journal.install(at=at)
            inside.set()
            done.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    assert inside.wait(10)
    with flask_app.app_context():
        assert recorded() == 0
    done.set()
    writer.join()
    with flask_app.app_context():
        assert db.session.scalar(sa.select(Installation.id)) == 1


def test_entries_are_numbered_without_gaps_by_ten_writers_at_once(
    flask_app: flask.Flask, at: datetime
) -> None:
    def write() -> None:
        for _ in range(5):
            with flask_app.app_context(), transaction():
                head(at)
                head(at, stream="catalogue")

    writers = [threading.Thread(target=write) for _ in range(10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with flask_app.app_context():
        assert journal.heads()["310105"][0] == 50
        assert journal.verify() == (100, [])


@pytest.mark.parametrize(
    "statement", ["UPDATE journal_entry SET hash = 'x'", "DELETE FROM journal_entry"]
)
def test_the_journal_refuses_to_be_changed(
    app_context: flask.Flask, at: datetime, statement: str
) -> None:
    with transaction():
        head(at)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), transaction() as session:
        session.execute(sa.text(statement))
    assert recorded() == 1


def test_an_altered_row_breaks_the_chain(app_context: flask.Flask, at: datetime) -> None:
    with transaction():
        head(at)
        head(at)
    with transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(sa.text("DROP TRIGGER journal_entry_no_UPDATE"))
        else:
            session.execute(sa.text("DROP TRIGGER journal_entry_append_only ON journal_entry"))
        session.execute(
            sa.text(
                "UPDATE journal_entry SET text = replace(text, 'timetable', 'user') WHERE seq = 1"
            )
        )
    count, breaks = journal.verify()
    assert count == 2
    assert [(found.stream, found.seq) for found in breaks] == [("310105", 1)]
