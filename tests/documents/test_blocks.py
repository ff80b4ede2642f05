"""Numbers are there before they are needed, and every number is accounted for."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from app.access import TIMETABLE
from app.catalogue import service as catalogue
from app.db import db, transaction
from app.documents import blocks, queries, rules
from app.documents.blocks import Account, Gap
from app.documents.models import NumberBlock
from app.documents.rules import BlockState, DocumentKind, EndReason
from tests.documents.desk import Desk


@pytest.fixture
def desk(make):
    return Desk.of(make)


def accounts(desk, series="opinion:2026"):
    with desk.make.flask_app.app_context():
        query = queries.blocks_of(desk.agency.id, {"series": series})
        found = db.session.scalars(query.order_by(NumberBlock.first)).all()
        return blocks.accounts_of(found)


def supply(desk, at=None):
    with desk.make.writing():
        return blocks.supply(
            desk.agency.id,
            desk.device_id,
            [desk.officer.id],
            by=TIMETABLE,
            at=at or desk.make.at,
        )


def set_setting(desk, code, value):
    with desk.make.writing():
        row = catalogue.get_row("setting", code, date(2026, 11, 21))
        catalogue.supersede(
            "setting",
            code,
            {**row.body, "value": value},
            effective_from=date(2026, 11, 20),
            source="本机关规定",
            by=desk.make.by(),
            at=desk.make.at,
        )


def test_a_tablet_gets_a_block_of_every_kind_it_issues_and_then_none(desk):
    first = supply(desk)
    assert [(one.kind, one.first, one.last) for one in first] == [
        ("corrective-order", 1, 20),
        ("on-site-decision", 1, 20),
        ("opinion", 1, 20),
        ("sampling-record", 1, 20),
    ]
    assert supply(desk) == []


def test_size_and_low_water_are_the_catalogues(desk):
    set_setting(desk, "document-block-size", 3)
    set_setting(desk, "document-block-low-water", 2)
    assert {one.last for one in supply(desk)} == {3}
    desk.issue(1)
    assert supply(desk) == [], "two are left"
    desk.issue(2)
    assert [(one.first, one.last) for one in supply(desk)] == [(4, 6)]


def test_a_mistyped_setting_neither_empties_nor_floods_a_series(desk):
    set_setting(desk, "document-block-size", 10**12)
    assert {one.last for one in supply(desk)} == {500}
    set_low = desk.other()
    with desk.make.flask_app.app_context():
        stock = blocks.find_stock(date(2026, 11, 21))
    assert stock is not None
    assert (stock.size, stock.low) == (500, 8)
    assert [one.first for one in supply(set_low)] == [501] * 4


def test_without_a_catalogue_there_are_no_numbers_and_no_failure(flask_app, make):
    with flask_app.app_context():
        assert blocks.find_stock(date(2026, 11, 21)) is None
        assert blocks.templates_on(date(2026, 11, 21)) == []
    agency = make.agency()
    desk = Desk.of(make)
    assert desk.agency.id == agency.id or desk.agency is not agency


def test_before_the_new_year_blocks_of_both_years_are_carried(desk):
    assert {one.year for one in supply(desk, at=datetime(2026, 12, 1, tzinfo=UTC))} == {2026}
    ahead = supply(desk, at=datetime(2026, 12, 2, tzinfo=UTC))
    assert {(one.year, one.first) for one in ahead} == {(2027, 1)}
    assert supply(desk, at=datetime(2027, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("today", "years"),
    [
        (date(2026, 12, 1), [2026]),
        (date(2026, 12, 2), [2026, 2027]),
        (date(2026, 12, 31), [2026, 2027]),
        (date(2027, 1, 1), [2027]),
    ],
)
def test_the_next_year_is_carried_in_time(today, years):
    assert rules.years_to_carry(today, 30) == years


def test_a_year_is_over_for_its_blocks_some_days_into_the_next():
    assert not rules.is_over(2026, date(2026, 12, 31), 31)
    assert not rules.is_over(2026, date(2027, 1, 31), 31)
    assert rules.is_over(2026, date(2027, 2, 1), 31)


def keep(desk, at):
    with desk.make.writing():
        return blocks.keep_supplied(
            desk.agency.id, desk.device_id, [desk.officer.id], by=TIMETABLE, at=at
        )


def test_what_is_used_up_ends_and_what_the_year_left_over_becomes_gaps(desk):
    supply(desk)
    set_setting(desk, "document-block-size", 2)
    small = desk.allot(2)
    for serial in (small.first, small.last, 3):
        desk.issue(serial)
    ended, _ = keep(desk, desk.make.at)
    assert ended == 1
    later = datetime(2027, 2, 2, tzinfo=UTC)
    ended, allotted = keep(desk, later)
    assert (ended, allotted) == (4, 4)
    found = accounts(desk)
    assert [(one.block.end_reason, one.used, one.free, one.gaps) for one in found] == [
        (EndReason.YEAR_OVER, 1, 0, [Gap(1, 2, "year-over"), Gap(4, 20, "year-over")]),
        (EndReason.USED_UP, 2, 0, []),
    ]
    assert desk.issue(2).number == "2026—002", "what was written in time comes in"
    assert accounts(desk)[0].gaps[0] == Gap(1, 1, "year-over")


def test_what_was_left_out_of_an_open_block_is_listed(desk):
    desk.allot(6)
    for serial in (2, 5):
        desk.issue(serial)
    (found,) = accounts(desk)
    assert (found.used, found.free) == (2, 1)
    assert found.gaps == [Gap(1, 1, "skipped"), Gap(3, 4, "skipped")]


def test_a_closed_tablets_numbers_end_once(desk):
    supply(desk)
    with desk.make.writing():
        assert blocks.end_of_device(desk.device_id, by=TIMETABLE, at=desk.make.at) == 4
    with desk.make.writing():
        assert blocks.end_of_device(desk.device_id, by=TIMETABLE, at=desk.make.at) == 0
    found: list[Account] = accounts(desk)
    assert [one.gaps for one in found] == [[Gap(1, 20, "device-closed")]]


def test_a_range_that_may_be_lost_is_nobodys_and_whoever_wrote_in_it_brings_it_in(desk):
    desk.allot(5)
    with desk.make.writing():
        lost = blocks.reserve_lost(desk.agency, "opinion:2026", 12, by=TIMETABLE, at=desk.make.at)
    assert lost is not None
    assert (lost.first, lost.last, lost.state) == (6, 12, BlockState.ENDED)
    assert desk.allot(5).first == 13
    assert desk.issue(9, number="2026—009").block_id == lost.id
    with desk.make.writing():
        again = blocks.reserve_lost(desk.agency, "opinion:2026", 12, by=TIMETABLE, at=desk.make.at)
    assert again is None
    assert accounts(desk)[1].gaps == [Gap(6, 8, "restored"), Gap(10, 12, "restored")]


def test_blocks_of_one_series_never_overlap_in_the_database(desk):
    first = desk.allot(3)
    with desk.make.flask_app.app_context(), pytest.raises(sa.exc.IntegrityError), transaction():
        values = {
            column.key: getattr(first, column.key)
            for column in NumberBlock.__table__.columns
            if column.key not in {"id", "version"}
        }
        db.session.add(NumberBlock(**values))


def test_a_number_form_that_would_print_two_alike_is_not_used():
    body = {
        "name": "意见书",
        "required": [{"field": "problem"}, "nothing", {"name": "x"}],
        "number_form": "沪卫意{year}",
        "serial_digits": 99,
        "on_tablet": True,
    }
    template = rules.read_template("opinion", body)
    assert (template.number_form, template.serial_digits) == (rules.NUMBER_FORM, 9)
    assert template.required == ("problem",)
    assert template.kind is DocumentKind.OPINION
