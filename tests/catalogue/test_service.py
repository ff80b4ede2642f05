"""Loading, superseding and resolving catalogue rows."""

from datetime import date

import pytest
import sqlalchemy as sa

from app import canonical
from app.catalogue import service
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.db import db, transaction
from app.errors import DomainError
from app.journal.models import JournalEntry

TODAY = date(2026, 11, 21)


@pytest.fixture
def supersede(make, app_context, at):
    make.catalogue()

    def run(kind, code, body, on, **values):
        with transaction():
            return service.supersede(
                kind,
                code,
                body,
                effective_from=on,
                source="某号通知",
                by=make.by(),
                at=at,
                **values,
            )

    return run


def load(make, at):
    with transaction():
        return service.load_defaults(by=make.by(), at=at)


def rows_of(kind, code):
    query = sa.select(CatalogueRow).filter_by(kind=kind, code=code)
    return db.session.scalars(query.order_by(CatalogueRow.effective_from)).all()


def entries(event):
    found = db.session.scalars(sa.select(JournalEntry.text).where(JournalEntry.event == event))
    return [canonical.loads(text) for text in found]


def test_loading_twice_is_one_entry_with_its_counts(make, app_context, at):
    changed = load(make, at)
    assert load(make, at) == 0
    (entry,) = entries("catalogue.loaded")
    assert entry["stream"] == "catalogue"
    assert entry["agency_id"] is None
    assert sum(entry["data"]["added"].values()) + entry["data"]["closed"] == changed
    assert entry["data"]["added"]["specialty"] == len(service.in_force(Kind.SPECIALTY, TODAY))
    # no packaged checklist has a second version yet
    assert set(entry["data"]["added"]) == set(Kind) - {Kind.CHECKLIST_MIGRATION}


def test_no_code_has_two_rows_on_one_day(make, app_context, at):
    load(make, at)
    for kind in Kind:
        for on in (date(2024, 6, 1), date(2025, 8, 31), date(2025, 9, 1), TODAY):
            codes = [row.code for row in service.in_force(kind, on)]
            assert len(codes) == len(set(codes)), (kind, on)


def test_rows_come_in_the_order_of_their_authors(make, app_context, at):
    load(make, at)
    orders = [row.body["order"] for row in service.in_force(Kind.SPECIALTY, TODAY)]
    assert orders == sorted(orders)
    assert len(orders) > 5


def test_a_row_is_superseded_from_a_day_on(supersede, app_context):
    body = {**service.get_row(Kind.SETTING, "geofence-m", TODAY).body, "value": 200}
    supersede(Kind.SETTING, "geofence-m", body, date(2026, 12, 1))
    assert service.setting("geofence-m", date(2026, 11, 30)) == 300
    assert service.setting("geofence-m", date(2026, 12, 1)) == 200
    (entry,) = entries("catalogue.superseded")
    first, second = rows_of("setting", "geofence-m")
    assert entry["subject_id"] == str(second.id)
    assert entry["data"]["closed"] == str(first.id)


def test_a_setting_of_known_words_takes_no_other(supersede, app_context):
    body = {**service.get_row(Kind.SETTING, "rate-rounding", TODAY).body, "value": "to-the-moon"}
    with pytest.raises(service.CatalogueBodyWrong) as refused:
        supersede(Kind.SETTING, "rate-rounding", body, date(2026, 12, 1))
    assert refused.value.extras["members"] == ["value"]


def test_what_an_agency_superseded_survives_the_next_load(supersede, make, app_context, at):
    body = {**service.get_row(Kind.SETTING, "geofence-m", TODAY).body, "value": 200}
    supersede(Kind.SETTING, "geofence-m", body, date(2026, 12, 1))
    assert load(make, at) == 0
    assert service.setting("geofence-m", date(2027, 1, 1)) == 200


@pytest.mark.parametrize("on", [date(2024, 1, 1), date(2023, 1, 1)])
def test_a_row_that_begins_no_later_than_the_last_overlaps(supersede, app_context, on):
    body = service.get_row(Kind.SETTING, "geofence-m", TODAY).body
    with pytest.raises(service.CatalogueOverlap):
        supersede(Kind.SETTING, "geofence-m", body, on)
    assert len(rows_of("setting", "geofence-m")) == 1


def test_a_row_after_a_gap_is_refused_and_one_that_continues_is_not(supersede, make, app_context):
    body = service.get_row(Kind.SETTING, "geofence-m", TODAY).body
    with transaction():
        rows_of("setting", "geofence-m")[0].effective_to = date(2026, 11, 30)
    with pytest.raises(service.CatalogueGap) as refused:
        supersede(Kind.SETTING, "geofence-m", body, date(2026, 12, 2))
    assert refused.value.extras["effective_to"] == date(2026, 11, 30)
    supersede(Kind.SETTING, "geofence-m", body, date(2026, 12, 1))
    assert [row.effective_to for row in rows_of("setting", "geofence-m")] == [
        date(2026, 11, 30),
        None,
    ]


@pytest.mark.parametrize(
    "wrong", [{"value": "200"}, {"value": True}, {"value": [200]}, {"unit": 3}, {"name": {}}]
)
def test_a_body_of_another_shape_is_refused(supersede, app_context, wrong):
    body = {**service.get_row(Kind.SETTING, "geofence-m", TODAY).body, **wrong}
    with pytest.raises(service.CatalogueBodyWrong) as refused:
        supersede(Kind.SETTING, "geofence-m", body, date(2026, 12, 1))
    assert refused.value.extras["members"] == list(wrong)
    with pytest.raises(service.CatalogueBodyWrong):
        supersede(Kind.SETTING, "a-new-one", {"value": 200}, date(2026, 12, 1))


def test_a_new_code_begins_with_its_first_row(supersede, app_context):
    body = {"name": "新专业", "archive_prefix": "XZ", "order": 99}
    supersede(Kind.SPECIALTY, "brand-new", body, date(2026, 12, 1), confirmed=False, note="试行")
    assert [row.code for row in service.in_force(Kind.SPECIALTY, date(2026, 12, 1))][-1] == (
        "brand-new"
    )
    with pytest.raises(service.CatalogueRowMissing):
        service.get_row(Kind.SPECIALTY, "brand-new", date(2026, 11, 30))


def test_a_row_that_is_missing_is_named_and_never_guessed(make, app_context):
    with pytest.raises(service.CatalogueRowMissing) as missing:
        service.setting("no-such-setting", TODAY)
    assert isinstance(missing.value, DomainError)
    assert missing.value.code == "catalogue-row-missing"


def test_the_calendar_knows_loaded_years_only(supersede, make, app_context):
    loaded = service.calendar()
    assert loaded.is_working_day(date(2026, 10, 10)) is True  # a Saturday that is worked
    assert loaded.is_working_day(date(2026, 10, 1)) is False
    assert loaded.is_working_day(date(2030, 6, 3)) is None
    row = service.get_row(Kind.CALENDAR, "2026", TODAY)
    days = [{**row.body["days"][0], "day": "2030-06-03", "worked": False}]
    supersede(Kind.CALENDAR, "2030", {**row.body, "days": days}, date(2030, 1, 1))
    assert service.calendar().is_working_day(date(2030, 6, 3)) is False
    assert service.calendar().is_working_day(date(2030, 6, 4)) is True


def test_a_newer_row_replaces_the_days_of_its_year(supersede, app_context):
    row = service.get_row(Kind.CALENDAR, "2026", TODAY)
    days = [day for day in row.body["days"] if day["day"] != "2026-10-10"]
    supersede(Kind.CALENDAR, "2026", {**row.body, "days": days}, date(2026, 9, 1))
    assert service.calendar().is_working_day(date(2026, 10, 10)) is False
