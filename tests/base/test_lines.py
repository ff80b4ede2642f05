"""One statement past the session is a transaction like any other, and leaves nothing behind."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app import lines
from app.db import Overloaded, db, new_id, stop_reading, transaction
from app.journal import service as journal
from app.journal.models import Installation
from app.prepared import Prepared

_table = Installation.__table__
_EPOCH = Prepared(sa.select(_table.c.epoch))
_AT = Prepared(sa.select(_table.c.created_at).where(_table.c.created_at == sa.bindparam("at")))
_CHANGE = Prepared(
    sa.update(Installation).values(epoch=sa.bindparam("new", type_=_table.c.epoch.type))
)
_BREAK = Prepared(sa.update(Installation).values(id=sa.bindparam("wrong")))


@pytest.fixture
def installed(app_context: flask.Flask, at: datetime) -> UUID:
    with transaction():
        return journal.install(at=at).epoch


@pytest.mark.parametrize("durable", [True, False])
def test_a_change_alone_counts_at_once_for_everybody(installed: UUID, durable: bool) -> None:
    assert _EPOCH.rows() == [(installed,)]
    new = new_id()
    assert _CHANGE.change_alone(durable=durable, new=new) == 1
    assert _EPOCH.rows() == [(new,)], "what the session read before has ended"
    stop_reading()
    assert _EPOCH.rows_alone() == [(new,)]


def test_a_read_alone_sees_what_its_own_transaction_wrote(installed: UUID) -> None:
    new = new_id()
    with pytest.raises(LookupError), transaction():
        assert _CHANGE.change(new=new) == 1
        assert _EPOCH.rows_alone() == [(new,)]
        raise LookupError
    assert _EPOCH.rows_alone() == [(installed,)]


def test_a_change_alone_is_none_within_a_transaction(installed: UUID) -> None:
    with transaction(), pytest.raises(RuntimeError):
        _CHANGE.change_alone(new=new_id())
    assert _EPOCH.rows_alone() == [(installed,)]


def test_a_connection_comes_back_as_it_was(installed: UUID) -> None:
    for _ in range(20):
        assert _EPOCH.rows_alone() == [(installed,)]
        with pytest.raises(IntegrityError):
            _BREAK.change_alone(wrong=None)
        with transaction():
            assert _EPOCH.rows() == [(installed,)]
        stop_reading()
    new = new_id()
    with pytest.raises(LookupError), transaction():
        _CHANGE.change(new=new)
        raise LookupError
    assert _EPOCH.rows_alone() == [(installed,)], "a rollback still takes back"


def test_who_gets_no_connection_is_told_to_come_again(
    installed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = db.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0)
    held = [db.engine.raw_connection() for _ in range(pool.size())]  # type: ignore[attr-defined]  # of a queue
    try:
        with pytest.raises(Overloaded):
            _CHANGE.change_alone(new=new_id())
    finally:
        for one in held:
            one.close()
    with lines.reading() as line:
        assert line.run("SELECT 1 FROM installation", []).fetchall() == [(1,)]


def test_an_instant_is_written_and_found_as_sqlalchemy_writes_it(
    app_context: flask.Flask, at: datetime
) -> None:
    for moment in (at.replace(microsecond=0), at.replace(microsecond=120)):
        with transaction():
            db.session.execute(sa.delete(Installation))
            journal.install(at=moment)
        elsewhere = moment.astimezone(timezone(timedelta(hours=8)))
        assert _AT.rows_alone(at=elsewhere) == [(moment,)]
        text = db.session.scalar(sa.text("SELECT CAST(created_at AS TEXT) FROM installation"))
        assert str(text).startswith(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
        stop_reading()
