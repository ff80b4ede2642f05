"""Counts of publication, of reports to the credit platform, of assistants and of complaints."""

from datetime import date

import pytest

from app.complaints import service as complaints
from app.complaints.rules import ComplaintResult
from app.db import db, transaction
from app.journal.rules import Event
from app.patrols import service as patrols
from app.patrols.service import SeenUnit
from app.publication import receiving, service
from app.publication.models import Publication
from app.reports import counting, listing
from tests.cases.ordinary import Office
from tests.complaints.test_service import Desk
from tests.patrols.test_patrols import OPINION, TODAY, Street
from tests.publication.test_service import decided, run, shown


def numbers_of(agency, from_on, until_on, *, at):
    """The counters of a period that are not 0, each with as many lines as its number says."""
    found = counting.count_all(agency.id, from_on, until_on, at=at)
    scope = counting.scope_of(agency.id, from_on, until_on, None)
    numbers = {one.counter.code: int(one.quantity.number) for one in found.counted}
    for one in found.counted:
        if not one.counter.money and not one.counter.sums:
            listed = listing.every(counting.rows_behind(one.counter.code, scope))
            assert len({(row.id, row.part) for row in listed}) == numbers[one.counter.code]
    rates = {one.rate.code: (one.now.numerator, one.now.denominator) for one in found.rates}
    return {code: number for code, number in numbers.items() if number}, rates


@pytest.fixture
def agency(make, app_context):
    make.catalogue()
    return make.home()


def test_publication_and_its_receipts_are_counted_as_they_stood_at_the_cut_off(agency, make, clock):
    office = Office(make, clock)
    first, late = decided(office), decided(office, on=date(2026, 9, 12))
    run(office, date(2026, 9, 14))
    slow_id = shown(late)["credit-site"].id
    number, slow = shown(first)["credit-site"].number, "另一号"
    office.be(date(2026, 11, 20))
    with transaction():
        row = db.session.get_one(Publication, slow_id)
        row.number = slow
        service._journal(Event.PUBLICATION_PLANNED, row, by=office.chen, at=make.at)
    lines = (
        "决定书文号,上报日期,结果,退回原因\n"
        f"{number},2026-09-15,退回,缺代码\n{slow},2026-11-19,入库,\n"
    )
    with transaction():
        receiving.import_receipts(lines.encode(), agency=agency, by=office.chen, at=make.at)

    def asked(until_on):
        return numbers_of(agency, date(2026, 9, 1), until_on, at=make.at)

    numbers, rates = asked(date(2026, 9, 13))  # planned by nobody yet, shown nowhere yet
    assert rates["decisions-published"] == (0, 4)
    assert "reported" not in numbers
    numbers, rates = asked(date(2026, 9, 30))
    assert rates["decisions-published"] == rates["decisions-in-time"] == (4, 4)
    assert rates["credit-reporting"] == (1, 2)
    assert rates["credit-compliance"] == (0, 1)
    assert rates["credit-timeliness"] == (1, 1)
    numbers, rates = asked(date(2026, 11, 30))
    assert rates["credit-reporting"] == (2, 2)
    assert rates["credit-compliance"] == rates["credit-timeliness"] == (1, 2)
    figures = receiving.rates_of(agency.id, date(2026, 9, 1), date(2026, 11, 30))
    assert [(one.numerator, one.denominator) for one in figures.values()] == [
        rates[f"credit-{name}"] for name in figures
    ] == [(2, 2), (1, 2), (1, 2)]  # fmt: skip


def test_what_was_published_after_its_day_is_not_in_time(agency, make, clock):
    office = Office(make, clock)
    decided(office)
    run(office, date(2026, 9, 22))
    _, rates = numbers_of(agency, date(2026, 9, 1), date(2026, 9, 30), at=make.at)
    assert rates["decisions-in-time"] == (0, 2)


def test_assistants_are_counted_in_their_own_units(agency, make):
    street = Street(make)
    one, two = street.units
    patrol = street.patrol(one, two)
    street.patrol(units=(SeenUnit(one.id, problem=True),), by=street.assistants[:1])
    street.do(patrols.issue_opinion, patrol.id, one.id, OPINION)
    numbers, _ = numbers_of(agency, TODAY, TODAY, at=make.at)
    assert numbers == {
        "patrols": 2,
        "patrol-attendances": 5,
        "patrolled-premises": 3,
        "patrolled-problems": 1,
        "assistant-opinions": 1,
    }


def test_complaints_are_received_then_checked_then_answered(agency, make):
    desk = Desk(make)
    filed = desk.file()
    desk.file(external_no=None)
    desk.do(complaints.accept_complaint, filed.id)
    desk.do(complaints.conclude_complaint, filed.id, ComplaintResult.PARTLY, "部分属实")
    today = filed.received_on
    numbers, rates = numbers_of(agency, today, today, at=make.at)
    wanted = {"complaints": 2, "complaints-concluded": 1, "complaints-true": 1}
    assert numbers == wanted
    assert rates["complaints-answered"] == (0, 2)
