"""One entry, one transaction: what the base promises about commits, savepoints and the journal."""

import threading
from datetime import datetime

import flask
import pytest
import sqlalchemy as sa

from app.access import TIMETABLE
from app.db import db, savepoint, transaction
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
