"""Entries on both databases: once, never changed, corrected by a reversal, weighing in a draw."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from app.access import Role
from app.credit import service
from app.credit.models import CreditEntry
from app.db import db, transaction
from tests.credit.desk import Desk
from tests.factories import OTHER_DISTRICT


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


def count():
    db.session.remove()
    return db.session.scalar(sa.select(sa.func.count()).select_from(CreditEntry))


def test_a_cause_that_comes_again_makes_no_second_entry(desk):
    first, again = desk.record(), desk.record()

    assert (first.again, again.again) == (False, True)
    assert first.entry.id == again.entry.id
    assert count() == 1


def test_a_cause_that_comes_again_otherwise_is_refused(desk):
    desk.record()
    with pytest.raises(service.CreditEntryDiffers):
        desk.record(tier="serious")
    with pytest.raises(service.CreditTierUnknown):
        desk.record("case/2", tier="simple")  # of the rules before 2026-04-01
    assert count() == 1


def test_a_reversal_takes_an_entry_out_once_and_a_replay_does_not_bring_it_back(desk):
    entry = desk.record().entry
    first, again = desk.reverse(entry), desk.reverse(entry)

    assert first.entry.id == again.entry.id
    assert desk.record().again
    assert count() == 2
    with pytest.raises(service.CreditEntryFixed):
        desk.reverse(first.entry)


def test_the_database_refuses_to_change_or_delete_an_entry(desk):
    desk.record()
    for statement in ("UPDATE credit_entry SET tier = 'minor'", "DELETE FROM credit_entry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction():
            db.session.execute(sa.text(statement))


def test_a_decision_weighs_in_a_draw_while_it_stands(desk):
    agency_id = desk.unit.agency_id
    assert service.standings_on(agency_id, date(2026, 11, 1)) == {}
    entry = desk.record().entry

    assert service.standings_on(agency_id, date(2026, 10, 11)) == {}  # before it was decided
    found = service.standings_on(agency_id, date(2026, 11, 1))[desk.unit.id]
    assert (found.draw_class, found.entry_ids) == ("C", (entry.id,))
    assert service.standings_on(agency_id, date(2027, 10, 13)) == {}  # shown no longer
    desk.reverse(entry)
    assert service.standings_on(agency_id, date(2026, 11, 1)) == {}


def test_another_agency_sees_and_reverses_nothing(desk, client):
    entry = desk.record().entry
    other = desk.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    signed_in = desk.make.signed_in(Role.CLERK, agency=other)

    path = f"/api/v1/credit-entries/{entry.id}"
    assert signed_in.get("/api/v1/credit-entries").json["items"] == []
    assert signed_in.get(path).status_code == 404
    assert signed_in.post(f"{path}/reverse", json={"reason": "误记"}).status_code == 404
    own = desk.make.signed_in(Role.CLERK)
    answer = own.post(f"{path}/reverse", json={"reason": "误记"})
    assert (answer.status_code, answer.json["about_id"]) == (201, str(entry.id))
