"""Points on both databases: once, in their cycle, told to licensing, voided on appeal."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.access import Role
from app.credit import points
from app.credit.models import PointsNotice
from app.db import db, transaction
from tests.credit.desk import Desk


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


def notices():
    db.session.remove()
    query = sa.select(PointsNotice).order_by(PointsNotice.threshold)
    return [(one.threshold, one.state, one.total) for one in db.session.scalars(query)]


def test_points_that_reach_a_threshold_are_told_to_licensing_once(desk):
    desk.give("mal-lent-licence", "visit/1")
    assert notices() == []
    for _ in range(2):  # the cause comes again
        desk.give("mal-waste-sorting", "visit/2")
    assert notices() == [(12, "due", 12)]
    desk.give("mal-lent-licence", "visit/3")
    assert notices() == [(12, "due", 12), (16, "due", 22), (20, "due", 22)]


def test_points_voided_on_appeal_take_the_notice_back_and_others_bring_it_again(desk):
    desk.give("mal-lent-licence", "visit/1")
    second = desk.give("mal-waste-sorting", "visit/2")
    with transaction():
        notice = db.session.scalars(sa.select(PointsNotice)).one()
        points.send_notice(notice, by=desk.by, at=desk.make.at)
    desk.reverse(second)
    assert notices() == [(12, "withdrawn", 10)]
    desk.give("mal-waste-sorting", "visit/2")  # a replay of what was voided brings nothing back
    assert notices() == [(12, "withdrawn", 10)]
    desk.give("mal-scope", "visit/4")
    assert notices() == [(12, "due", 14)]


def test_points_of_another_year_do_not_add_up_but_those_of_one_validation_do(desk):
    desk.give("mal-lent-licence", "visit/1", date(2025, 12, 30))
    desk.give("mal-refusal", "visit/2", date(2026, 1, 4))
    assert notices() == []
    desk.cycle(date(2025, 7, 1), date(2026, 6, 30))
    assert notices() == [(12, "due", 16), (16, "due", 16)]
    with pytest.raises(points.PointsCycleOverlaps):
        desk.cycle(date(2026, 6, 30), date(2027, 6, 29))


def test_points_that_move_into_a_units_own_cycle_leave_the_year_and_its_notice(desk):
    desk.give("mal-lent-licence", "visit/1", date(2026, 10, 1))
    desk.give("mal-scope", "visit/2", date(2026, 10, 12))
    assert notices() == [(12, "due", 14)]
    desk.cycle(date(2026, 10, 10), date(2027, 10, 9))
    assert notices() == [(12, "withdrawn", 10)]
    inside, before = (
        points.tally_of(desk.unit.id, "malpractice", date(2026, 10, day)).total for day in (12, 1)
    )
    assert (inside, before) == (4, 10)


def test_an_item_that_was_not_in_force_gives_nothing(desk):
    with pytest.raises(points.PointsItemUnknown):
        desk.give("mal-refusal", "visit/1", date(2023, 12, 31))


def test_the_clerk_gives_points_voids_them_and_sends_the_notice(desk):
    clerk = desk.make.signed_in(Role.CLERK)
    given = {"unit_id": str(desk.unit.id), "given_on": "2026-10-12"}
    for item, reference in (("mal-lent-licence", "1"), ("mal-waste-sorting", "2")):
        answer = clerk.post(
            "/api/v1/credit-points", json={**given, "item": item, "reference": reference}
        )
        assert answer.status_code == 201
    (notice,) = clerk.get("/api/v1/credit-points/notices").json["items"]
    path = f"/api/v1/credit-points/notices/{notice['id']}/send"
    assert clerk.post(path, headers={"If-Match": '"1"'}).json["state"] == "sent"
    assert clerk.post(path, headers={"If-Match": '"2"'}).status_code == 409
    clerk.post(f"/api/v1/credit-entries/{answer.json['id']}/reverse", json={"reason": "申诉成立"})
    assert clerk.get("/api/v1/credit-points/notices").json["items"][0]["state"] == "withdrawn"
    tally = clerk.get(f"/api/v1/credit-points/units/{desk.unit.id}").json
    assert (tally["total"], tally["from_on"]) == (10, "2026-01-01")
