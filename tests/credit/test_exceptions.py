"""例外公示 on both databases: proposed by one, decided by another, and only where it is needed."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import Role
from app.catalogue import service as catalogue
from app.credit import exceptions, service
from app.db import transaction
from tests.credit.desk import Desk

DECIDED = date(2026, 11, 2)


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


@pytest.fixture
def minor(desk):
    return desk.record(tier="minor", decided_on=DECIDED).entry


def test_a_minor_decision_is_shown_once_another_confirms(desk, minor):
    proposed = desk.propose(minor)
    with pytest.raises(exceptions.ExceptionPending) as raised:
        desk.propose(minor, by=desk.chief)
    assert raised.value.extras["exception_id"] == proposed.id
    with pytest.raises(exceptions.ExceptionSamePerson):
        desk.settle(proposed, by=desk.by)
    assert service.publicity_of_entry(minor) is None

    assert desk.settle(proposed).state == "confirmed"
    shown = service.publicity_of_entry(minor)
    assert shown is not None
    assert (shown.start_on, shown.min_end, shown.max_end) == (DECIDED, DECIDED, date(2027, 2, 2))
    with pytest.raises(exceptions.ExceptionDecided):
        desk.settle(proposed, confirm=False)


def test_a_declined_one_shows_nothing_and_may_be_proposed_anew(desk, minor):
    desk.settle(desk.propose(minor), confirm=False)
    assert service.publicity_of_entry(minor) is None
    desk.settle(desk.propose(minor))
    assert service.publicity_of_entry(minor) is not None


@pytest.mark.parametrize(
    ("tier", "day"),
    [("general", DECIDED), ("serious", DECIDED), ("simple", date(2026, 3, 1))],
)
def test_what_is_shown_anyway_or_never_has_no_exception(desk, tier, day):
    entry = desk.record(tier=tier, decided_on=day).entry
    with pytest.raises(exceptions.ExceptionNotNeeded):
        desk.propose(entry)


def test_nothing_is_shown_that_was_taken_out_or_whose_term_is_over(desk, minor):
    proposed = desk.propose(minor)
    desk.reverse(minor)
    with pytest.raises(exceptions.ExceptionNotNeeded):
        desk.settle(proposed)
    other = desk.record("case/2", tier="minor", decided_on=DECIDED).entry
    desk.on(2027, 2, 3)
    with pytest.raises(exceptions.ExceptionNotNeeded, match="2027-02-02"):
        desk.propose(other)


def test_it_weighs_in_a_draw_where_the_office_gives_the_tier_a_class(desk, minor):
    row = catalogue.get_row("publicity_term", "minor", DECIDED)
    with transaction():
        catalogue.supersede(
            "publicity_term",
            "minor",
            {**row.body, "draw_class": "C"},
            effective_from=date(2026, 11, 1),
            source="机关确认",
            by=desk.by,
            at=desk.make.at,
        )
    proposed = desk.propose(minor)
    assert _class_of(desk, DECIDED) is None
    desk.settle(proposed)
    assert _class_of(desk, DECIDED) == _class_of(desk, date(2027, 2, 2)) == "C"
    assert _class_of(desk, date(2027, 2, 3)) is None


def _class_of(desk, on):
    found = service.standings_on(desk.unit.agency_id, on).get(desk.unit.id)
    return None if found is None else found.draw_class


def test_the_database_keeps_the_second_person(desk, minor):
    desk.propose(minor)
    statement = (
        "UPDATE credit_exception SET decided_by_id = proposed_by_id, decided_by_kind = 'user',"
        " decided_at = proposed_at, state = 'confirmed', opinion = '同意'"
    )
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(sa.text(statement))


def test_a_clerk_proposes_and_a_supervisor_decides_over_http(desk, minor):
    clerk, chief = desk.make.signed_in(Role.CLERK), desk.make.signed_in(Role.SUPERVISOR)
    wanted = {"entry_id": str(minor.id), "reason": "群众持续关注"}
    made = clerk.post("/api/v1/credit-exceptions", json=wanted)
    assert (made.status_code, made.json["state"]) == (201, "proposed")
    path = f"/api/v1/credit-exceptions/{made.json['id']}"
    tag = chief.get(path).headers["ETag"]
    said = {"confirm": True, "opinion": "同意公示"}
    assert clerk.post(f"{path}/decide", json=said, headers={"If-Match": tag}).status_code == 403
    done = chief.post(f"{path}/decide", json=said, headers={"If-Match": tag})
    assert (done.status_code, done.json["state"], done.json["opinion"]) == (
        200,
        "confirmed",
        "同意公示",
    )
    found = clerk.get("/api/v1/credit-exceptions?state=confirmed").json["items"]
    assert [one["entry_id"] for one in found] == [str(minor.id)]
