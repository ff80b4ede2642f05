"""Entries into units 入企扰企: saved, how often, beyond caps, and the lists behind the numbers."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import openpyxl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.caps import service as caps
from app.caps.rules import Verdict
from app.db import db, stop_reading, transaction
from app.jointvisits import service
from app.reports import disturbance
from app.reports import disturbance_rules as rules
from app.reports.disturbance import Chosen
from app.reports.disturbance_rules import NUMBERS, By, Code, Went
from app.tasks.models import Task
from bench.register import Register, Size
from tests.factories import OTHER_DISTRICT
from tests.jointvisits.planned import propose, step
from tests.reports.desk import visited

TODAY = date(2026, 11, 21)
FIRST = datetime(2026, 1, 5, 2, tzinfo=UTC)


def went(number, unit, day, officers, department, origin):
    at = FIRST + timedelta(days=day, minutes=number)
    return Went(
        id=UUID(int=number + 1),
        unit_id=UUID(int=unit),
        on=at.date(),
        at=at,
        officers=frozenset(UUID(int=one) for one in officers),
        department=department,
        task_id=None if origin is None else UUID(int=number + 1),
        origin=origin,
        level=None,
        specialty=None if origin is None else "public-places",
        object_class=None,
        finished=number % 5 > 0,
        found=number % 3 == 0,
    )


VISITS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 200),
        st.frozensets(st.integers(1, 4), min_size=1, max_size=2),
        st.sampled_from(["一科", "二科"]),
        st.sampled_from(["routine", "complaint", None]),
    ),
    max_size=30,
).map(lambda rows: [went(number, *row) for number, row in enumerate(rows)])


@given(VISITS)
def test_what_is_saved_is_what_separate_entries_would_have_been_more(visits):
    entries = rules.entries_of(visits, exempt_origins={"complaint"})
    numbers = {code: rules.count(code, entries) for code in Code}
    assert sorted(one.id for entry in entries for one in entry.visits) == [one.id for one in visits]
    assert numbers[Code.SEPARATE] - numbers[Code.ENTRIES] == numbers[Code.SAVED] >= 0
    spread = rules.distribution(entries)
    assert sum(spread.values()) == numbers[Code.UNITS]
    assert sum(times * units for times, units in spread.items()) == numbers[Code.ENTRIES]
    assert numbers[Code.UNITS_AGAIN] == numbers[Code.UNITS] - spread.get(1, 0)
    for code, number in NUMBERS.items():
        listed = rules.behind(code, entries)
        weights = sum(int(number.weight(one)) for one in listed)
        units = len({one.unit_id for one in listed})
        assert numbers[code] == (units if number.of_units else weights)
    for by in By:
        lines = rules.lines(by, entries)
        assert sum(one.separate for one in lines) == numbers[Code.SEPARATE]
        assert sum(one.entries for one in lines) >= numbers[Code.ENTRIES]
        for line in lines:
            assert len(rules.of_kind(by, line.code, entries)) == line.entries
            assert line.saved == line.separate - line.entries >= 0
    quarters = rules.lines(By.QUARTER, entries)
    assert sum(one.saved for one in quarters) == numbers[Code.SAVED]


def test_two_teams_of_one_day_are_two_entries_until_somebody_is_in_both():
    day = [went(n, 1, 0, {n}, "一科", "routine") for n in (1, 2)]
    assert len(rules.entries_of(day, exempt_origins=())) == 2
    (one,) = rules.entries_of([*day, went(3, 1, 0, {1, 2}, "二科", None)], exempt_origins=())
    assert (len(one.visits), one.departments, one.exempt) == (
        3,
        frozenset({"一科", "二科"}),
        False,
    )
    own = {line.code: (line.separate, line.saved) for line in rules.lines(By.DEPARTMENT, [one])}
    assert own == {"一科": (2, 1), "二科": (1, 0)}


@pytest.fixture
def register(make, app_context):
    make.catalogue()
    officers = [make.officer(team=team).id for team in ("一科", "二科")]
    size = Size(units=8, visits=150, busy=3, hospital=30, years=2)
    made = Register(make.home(), officers, size, at=make.at)
    with transaction():
        for table, rows in made.rows():
            db.session.execute(sa.insert(table), list(rows))
    return made


def test_the_report_says_what_the_ledger_of_caps_says(register):
    agency_id, first = register.agency.id, date(2026, 1, 1)
    report = disturbance.report(agency_id, first, TODAY)
    every = disturbance.entries(agency_id, first, TODAY)
    compared = 0
    for unit_id in register.units:
        told = caps.entries(unit_id, first, TODAY)
        talks = {one.on for one in told if "compliance-talk" in one.origins}  # are no inspection
        told = [replace(one, id=None) for one in told if one.on not in talks]
        own = [one for one in every if one.unit_id == unit_id and one.on not in talks]
        assert [replace(one.entered, id=None) for one in own] == told
        compared += len(told)
    assert compared > 40
    counted = {one.code: int(one.quantity.number) for one in report.counted}
    assert counted[Code.ENTRIES] == len(every) > 40
    assert counted[Code.SAVED] > 0
    for code in Code:
        listed = disturbance.chosen_entries(agency_id, first, TODAY, Chosen(number=code))
        assert rules.count(code, listed) == counted[code]
    for times, units in report.distribution.items():
        listed = disturbance.chosen_entries(agency_id, first, TODAY, Chosen(times=times))
        assert len(listed) == times * units
    for by, lines in report.lines.items():
        for line in lines:
            chosen = Chosen(by=by, code=line.code)
            listed = disturbance.chosen_entries(agency_id, first, TODAY, chosen)
            assert len(listed) == line.entries
    for cap in report.caps:
        beyond = disturbance.excesses(agency_id, first, TODAY, cap.cap.code)
        assert len(beyond) == cap.entries == sum(cap.verdicts.values())
    year = next(one for one in report.caps if one.cap.code == "entries-per-year")
    assert year.entries > year.units > 0


def test_a_year_stands_beside_the_one_before_and_a_cut_off_ends_it(register):
    agency_id = register.agency.id
    report = disturbance.report(agency_id, date(2026, 1, 1), TODAY)
    earlier = disturbance.report(agency_id, date(2025, 1, 1), date(2025, 11, 21))
    assert [one.before for one in report.counted] == [one.quantity for one in earlier.counted]
    until = date(2026, 3, 31)
    cut = disturbance.report(agency_id, date(2026, 1, 1), until)
    assert [one.code for one in cut.lines[By.QUARTER]] == ["2026Q1"]
    assert cut.lines[By.QUARTER][0] == report.lines[By.QUARTER][0]


def enter(make, unit, team, *origins, found=False):
    for origin in origins:
        visit = make.visit(make.task(unit, team=team, origin=origin), *team)
        if found:
            make.finding(visit, team[0])


def test_an_approved_exception_is_named_with_its_reason_and_exempt_entries_are_beyond_nothing(
    make, app_context
):
    make.catalogue()
    unit, team = make.unit(), [make.officer(), make.officer()]
    chen, ding = make.supervisor(), make.supervisor()
    for origin in ("routine", "complaint", "routine", "routine"):
        enter(make, unit, team, origin)
        make.clock.forward(days=2)
    on = make.at.date()
    with transaction():
        asked = caps.propose_exception(
            unit.id, "entries-per-year", from_on=on, until_on=on, reason="=专项整治需要",
            agency_id=unit.agency_id, by=chen, at=make.at,
        )  # fmt: skip
        caps.approve_exception(asked.id, by=ding, at=make.at)
    enter(make, unit, team, "routine", "recheck")
    (year,) = [
        one
        for one in disturbance.report(unit.agency_id, date(2026, 1, 1), on).caps
        if one.cap.code == "entries-per-year"
    ]
    assert (year.entries, year.units) == (2, 1)
    assert year.verdicts == {Verdict.EXCEPTION: 1, Verdict.EXCEPTED: 1}
    without, excepted = disturbance.excesses(
        unit.agency_id, date(2026, 1, 1), on, "entries-per-year"
    )
    assert (without.exception_id, without.reason, without.beyond.used) == (None, None, 2)
    assert (excepted.exception_id, excepted.reason) == (asked.id, "=专项整治需要")
    (first,) = disturbance.chosen_entries(
        unit.agency_id, on - timedelta(days=6), on - timedelta(days=5), Chosen(number=Code.EXEMPT)
    )
    assert first.origins == {"complaint"}


def test_what_a_plan_meant_to_save_stands_beside_what_was_saved(make, app_context):
    chen, dong = make.supervisor(), make.supervisor()
    unit, team = make.unit(), [make.officer(), make.officer()]
    todo = [make.task(unit, team=team, origin=origin) for origin in ("routine", "drawn", "recheck")]
    make.task(make.unit(), team=team)
    plan_id = propose(make, chen)
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    step(service.publish_plan, plan_id, by=chen, at=make.at)
    agency_id, first = unit.agency_id, date(2026, 11, 1)
    planned = disturbance.report(agency_id, first, date(2026, 12, 31)).planned
    assert (planned.tasks, planned.entries, planned.saved) == (4, 2, 2)
    assert (planned.visited, planned.made, planned.really_saved) == (0, 0, 0)
    stop_reading()
    make.clock.forward(days=12)
    for task in todo[:2]:
        make.visit(db.session.get_one(Task, task.id), *team)
    make.clock.forward(days=1)
    make.visit(db.session.get_one(Task, todo[2].id), *team)
    stop_reading()
    planned = disturbance.report(agency_id, first, date(2026, 12, 31)).planned
    assert (planned.visited, planned.made, planned.really_saved) == (3, 2, 1)


def test_entries_are_read_page_by_page_and_taken_out_over_http(make):
    officers = [make.officer(), make.officer()]
    units = [make.unit(name=f"=1+{n}浴室", archive_no=f"X{n}") for n in range(3)]
    for unit in units:
        for _ in range(2):
            visited(make, unit, officers, origin="routine")
        make.clock.forward(days=1)
    visited(make, units[0], officers, origin="complaint")
    reader = make.signed_in(Role.AUDITOR)
    path = "/api/v1/reports/disturbance"
    days = f"from_on=2026-11-01&until_on={make.at.date() + timedelta(days=1)}"
    found = reader.get(f"{path}?{days}").json
    numbers = {one["code"]: one["number"] for one in found["counted"]}
    assert numbers["separate"] == "7"
    assert (numbers["entries"], numbers["saved"], numbers["exempt"]) == ("4", "3", "1")
    assert found["distribution"] == [{"times": 1, "units": 2}, {"times": 2, "units": 1}]
    assert (found["tasks_per_entry"], found["saved_percent"]) == ("1.75", "42.86")
    assert found["planned"]["tasks"] == 0
    for listing, key in (("entries", "on"), ("units", "entries")):
        seen, link = [], f"{path}/{listing}?{days}&limit=2"
        while link:
            page = reader.get(link)
            seen += page.json["items"]
            link = page.headers.get("Link", "").partition(">")[0].lstrip("<")
        places = [one[key] for one in seen]
        assert places == sorted(places, reverse=key == "entries")
        assert len(seen) == len({one.get("id") or one["unit_id"] for one in seen})
        assert sum(one["saved"] for one in seen) == 3
    assert all(one["unit_id"] != two["unit_id"] for one, two in pairwise(seen))
    for name, column in (("entries", 2), ("units", 1)):
        data = reader.get(f"{path}/{name}/export?{days}").data
        sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
        cells = [row[column] for row in sheet.iter_rows(min_row=2)]
        assert {cell.data_type for cell in cells} == {"s"}
        assert {cell.value for cell in cells} == {"=1+0浴室", "=1+1浴室", "=1+2浴室"}
    text = reader.get(f"{path}/export?{days}&format=csv").data.decode("utf-8-sig")
    assert "合计,减少入企,3,次,0," in text
    listed = reader.get(f"{path}/entries/export?{days}&format=csv").data.decode("utf-8-sig")
    for words in (text, listed):  # people read names, not the codes of programs
        assert "投诉举报" in words
        assert not {"routine", "complaint", "drawn"} & {*re.split("[：、,]", words)}
    assert reader.get(f"{path}/excesses/export?{days}&cap=entries-per-year").status_code == 200
    assert reader.get(f"{path}/excesses?{days}&cap=nothing").json == {"items": []}
    wrong = reader.get(f"{path}?from_on=2026-12-01&until_on=2026-11-01")
    assert wrong.json["type"] == "/problems/period-reversed"
    stranger = make.signed_in(Role.AUDITOR, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    assert stranger.get(f"{path}/entries?{days}").json == {"items": []}
