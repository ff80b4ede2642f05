"""Statements that are compiled once: what they take and give is what SQLAlchemy would."""

from datetime import datetime
from uuid import UUID

import flask
import pytest
import sqlalchemy as sa

from app.access import TIMETABLE
from app.db import db, transaction
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.prepared import Prepared

_entry = JournalEntry.__table__.c
_AMONG = (
    sa.select(_entry.stream, _entry.seq, _entry.at, _entry.op_id)
    .where(
        _entry.op_id.in_(sa.bindparam("ids", expanding=True)),
        _entry.event.in_([Event.JOURNAL_HEAD_PUBLISHED, Event.FEED_REBUILT]),
        _entry.stream == sa.bindparam("stream"),
    )
    .order_by(_entry.seq)
)

_BESIDE = (
    sa.select(_entry.op_id)
    .where(
        _entry.op_id.not_in(sa.bindparam("ids", expanding=True)),
        _entry.stream == sa.bindparam("stream"),
    )
    .order_by(_entry.seq)
)


@pytest.mark.parametrize("count", [0, 1, 60, 1200])
def test_a_list_of_any_length_is_one_parameter(
    app_context: flask.Flask, at: datetime, count: int
) -> None:
    ids = [UUID(int=number) for number in range(1, 4)]
    with transaction():
        for one in ids:
            journal.record(
                Event.JOURNAL_HEAD_PUBLISHED, None, by=TIMETABLE, at=at, stream="310105", op_id=one
            )
    asked = [UUID(int=number) for number in range(2, count + 2)]
    found = Prepared(_AMONG).named(db.session(), ids=asked, stream="310105")
    expected = db.session.execute(_AMONG, {"ids": asked, "stream": "310105"}).all()
    assert [tuple(row) for row in found] == [tuple(row) for row in expected]
    assert [row.op_id for row in found] == [one for one in ids if one in asked]
    others = Prepared(_BESIDE).rows(ids=asked, stream="310105")
    assert [row[0] for row in others] == [one for one in ids if one not in asked]
