"""Numbers that are read together say what their lists say one by one, of whatever happened."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases.models import PenaltyCase
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db, transaction
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.publication import receiving
from app.publication.models import Publication, PublicationReceipt
from app.reports import counting, listing, words
from app.reports.counters import COUNTERS
from app.tasks.models import Task
from app.visits.models import Visit
from app.visits.rules import VisitState, effective_at
from bench.register import Register, Size
from tests.chance import chance
from tests.factories import OTHER_DISTRICT

SIZE = Size(units=20, visits=600, busy=4, hospital=20, years=2)
TURNS = (Event.TASK_COMPLETED, Event.TASK_CLOSED, Event.TASK_REOPENED)


@pytest.fixture
def agency(make, app_context):
    make.catalogue()
    agency = make.home()
    officers = [make.officer().id for _ in range(2)]
    with transaction():
        register = Register(agency, officers, SIZE, at=make.at)
        for table, rows in register.rows():
            db.session.execute(sa.insert(table), list(rows))
        _reopen(register)
    return agency


def _reopen(register):
    """Let some tasks be completed, closed and reopened in any order, as only the journal tells."""
    numbers = count(1)
    for task in db.session.scalars(sa.select(Task).order_by(Task.task_no).limit(60)):
        task.round = 2
        for days in sorted(register.chance.sample(range(-400, 1), 3)):
            seq = next(numbers)
            db.session.add(
                JournalEntry(
                    stream="register",
                    seq=seq,
                    hash=f"{seq}",
                    text="{}",
                    event=register.chance.choice(TURNS),
                    at=register.at + timedelta(days=days),
                    actor_kind="user",
                    subject_id=task.id,
                )
            )


def test_numbers_read_together_are_as_long_as_their_lists_on_any_days(agency):
    dice, seen = chance(7), set()
    today = date(2026, 11, 21)
    periods = [(date(2026, 1, 1), today), (date(2025, 1, 1), date(2025, 11, 21))]
    first = today - timedelta(days=dice.randrange(700))
    periods.append((first, first + timedelta(days=dice.randrange(120))))
    for period in periods:
        scope = counting.scope_of(agency.id, *period, None)
        found = counting.quantities(COUNTERS.values(), scope)
        assert found.keys() == COUNTERS.keys()
        for code, counter in COUNTERS.items():
            rows = listing.every(counter.rows(scope))
            assert len({(row.id, row.part) for row in rows}) == len(rows), code
            amounts = counter.money or counter.sums
            listed = sum(row.amount_fen or 0 for row in rows) if amounts else len(rows)
            number = found[code].fen if counter.money else int(found[code].number)
            assert number == listed, code
            seen |= {code} if number else set()
            assert all(words.type_name(row) for row in rows)
    assert len(seen) > 50, seen  # the numbers above are numbers of something


def test_statements_made_once_never_give_the_numbers_of_another_agency(agency, make):
    other = make.agency(OTHER_DISTRICT, "普陀区")
    days = (date(2025, 1, 1), date(2026, 11, 21))
    asked = [counting.scope_of(one.id, *days, None) for one in (agency, other, agency)]
    nobody: Any = None  # whose was not told
    asked.append(replace(asked[0], agency_id=nobody))
    own, foreign, again, nobodys = (_numbers(scope) for scope in asked)
    assert own == again
    assert sum(map(bool, own.values())) > 50
    assert not any(foreign.values())
    assert not any(nobodys.values())


def _numbers(scope):
    found = counting.quantities(COUNTERS.values(), scope)
    return {code: one.number for code, one in found.items()}


def test_a_report_is_timely_up_to_the_last_working_day_of_its_term(agency):
    scope = counting.scope_of(agency.id, date(2026, 1, 1), date(2026, 11, 21), None)
    listed = {
        code: {row.id for row in listing.every(COUNTERS[code].rows(scope))}
        for code in ("reported", "reported-timely")
    }
    first: dict[UUID, date] = {}
    for one in db.session.scalars(sa.select(PublicationReceipt)):
        if one.publication_id is not None:
            day = one.reported_on
            first[one.publication_id] = min(day, first.get(one.publication_id, day))
    shown = {one.id: one.event_on for one in db.session.scalars(sa.select(Publication))}
    ends = receiving.last_days(set(shown.values()))
    late = {one for one in listed["reported"] if first[one] > (ends[shown[one]] or date.max)}
    assert listed["reported-timely"] == listed["reported"] - late
    assert listed["reported-timely"]
    assert late


def test_visits_of_any_days_are_those_whose_effective_instant_falls_on_them(agency):
    dice = chance(11)
    query = sa.select(Visit).where(Visit.state != VisitState.UNDER_WAY)
    visits = db.session.scalars(query).all()
    talks = set(db.session.scalars(sa.select(Task.id).where(Task.origin == "compliance-talk")))
    days = {
        one.id: local_date(
            effective_at(one.started_recorded_at, one.started_at, suspect=one.clock_suspect)
        )
        for one in visits
        if one.task_id not in talks
    }
    for _ in range(12):
        from_on = dice.choice(sorted(set(days.values())))
        until_on = from_on + timedelta(days=dice.choice([0, 0, 1, 30, 400]))
        scope = counting.scope_of(agency.id, from_on, until_on, None)
        listed = {row.id for row in listing.every(COUNTERS["inspections"].rows(scope))}
        assert listed == {one for one, day in days.items() if from_on <= day <= until_on}


def test_a_task_is_verified_by_a_case_where_the_office_says_so(agency, make):
    period = (date(2026, 1, 1), date(2026, 11, 21))
    with transaction():
        row = catalogue.get_row(Kind.SETTING, "verified-tasks", period[1])
        catalogue.supersede(
            Kind.SETTING,
            "verified-tasks",
            {**row.body, "value": "case"},
            effective_from=period[0],
            source="本机关口径",
            by=make.by(agency),
            at=make.at,
        )
    scope = counting.scope_of(agency.id, *period, None)
    listed = {
        code: {row.id for row in listing.every(COUNTERS[code].rows(scope))}
        for code in ("completed-tasks", "verified-tasks")
    }
    filed = (
        sa.select(Visit.task_id)
        .join(PenaltyCase, PenaltyCase.visit_id == Visit.id)
        .where(PenaltyCase.filed_on <= period[1])
    )
    completed, verified = listed.values()
    assert verified == completed & set(db.session.scalars(filed))
    assert 0 < len(verified) < len(completed)
    found = counting.quantities(COUNTERS.values(), scope)
    assert int(found["verified-tasks"].number) == len(verified)
