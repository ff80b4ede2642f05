"""A timetable that was down for months: all is made up for once, in order, nothing rushed."""

from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise

import sqlalchemy as sa

from app.access import Role
from app.catalogue import service as catalogue
from app.days import day_begins, local_date
from app.db import db
from app.draws import bundle, queries, seeding
from app.draws.models import Draw, DrawPlan
from app.draws.stages import Level
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.people.models import Agency
from app.tasks.models import Task
from tests.draws.office import Office
from tests.factories import OTHER_DISTRICT

DOWN = timedelta(days=100)
MONTHS = (("2026-07", 3), ("2026-08", 6), ("2026-09", 1))  # period, hours from close to opening


def month_plan(office: Office, agency: Agency, period: str, hours: int) -> DrawPlan:
    """A sealed plan of a month, due on its tenth day."""
    on = date.fromisoformat(f"{period}-10")
    closes = day_begins(on) + timedelta(hours=12)
    return office.make.plan(
        agency,
        name=f"{period} 抽查",
        period=period,
        draw_on=on,
        due_on=on + timedelta(days=300),
        deposits_close_at=closes,
        opens_at=closes + timedelta(hours=hours),
        strata={"公共场所/住宿场所": 2},
        exclude_drawn=False,
    )


def stand_by(office: Office, agency: Agency) -> None:
    """Units, officers, and two standing deposits for each month."""
    for number in range(8):
        office.make.unit(agency, archive_no=f"{agency.district}{number:02d}")
    for _ in range(5):
        office.make.officer(agency)
    for role in (Role.AUDITOR, Role.CLERK):
        by = office.make.actor(office.make.account(role, agency=agency))
        for period, _ in MONTHS:
            value = sha256(f"{agency.district} {role} {period}".encode()).digest()
            with office.make.writing():
                seeding.deposit(None, value, agency=agency, by=by, at=office.clock.at)


def test_plans_of_several_months_and_agencies_are_drawn_once_each_in_their_order(
    office: Office,
) -> None:
    office.clock.at = day_begins(date(2026, 7, 1))
    agencies = [office.make.home(), office.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")]
    for agency in agencies:
        stand_by(office, agency)
        for period, hours in reversed(MONTHS):  # saved in another order than they are due
            month_plan(office, agency, period, hours)
    began = office.clock.forward(days=DOWN.days)
    office.tick()
    with office.flask_app.app_context():
        draws = list(db.session.scalars(sa.select(Draw).order_by(Draw.draw_no)).unique())
        assert {draw.state for draw in draws} == {"announced"}
        for agency in agencies:
            own = [draw for draw in draws if draw.agency_id == agency.id]
            assert [draw.period for draw in own] == [period for period, _ in MONTHS]
            assert [draw.announce_serial for draw in own] == [1, 2, 3], "one chain, in order"
            manifests = [
                bundle.parse_manifest(queries.contents_of(draw.id)["manifest.json"]) for draw in own
            ]
            assert all(after.prev == before.sha256 for before, after in pairwise(manifests))
            waits = [(draw.opens_at or began) - began for draw in own]
            assert waits == [timedelta(hours=hours) for _, hours in MONTHS], "as long as planned"
        db.session.remove()
    done = [sorted(line.split()[-1] for line in office.go(hours=1)) for _ in range(7)]
    assert [len(lines) for lines in done] == [4, 0, 4, 0, 0, 4, 0], "each at its own instant"
    with office.flask_app.app_context():
        assert set(db.session.scalars(sa.select(Draw.state))) == {"drawn"}
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Task)) == 2 * 3 * 2
        used = [one.draw_id for one in queries.every_deposit()]
        assert all(used.count(draw_id) == 2 for draw_id in set(used)), "each serves one draw"
    office.clock.forward(days=DOWN.days)
    assert [line for line in office.tick() if "published" not in line] == []


def test_a_deadline_that_passed_while_nobody_ran_is_late_and_never_skipped(office: Office) -> None:
    draw_no = office.announced()
    office.clock.forward(days=60)
    office.tick()
    assert office.state(draw_no) == "announced", "no dice, no draw"
    with office.draw(draw_no) as draw:
        assert draw.reminders <= 1, "days on which nothing ran are not made up for"


def test_people_are_reminded_once_on_every_working_day_and_on_no_other(office: Office) -> None:
    office.clock.at = day_begins(date(2026, 9, 14))  # before 国庆, with its exchanged Sundays
    office.register()
    plan = office.make.plan(level=Level.ATTENDED, due_on=date(2026, 12, 30))
    office.tick()
    began = office.clock.at
    for _ in range(4 * 30):
        office.go(hours=6)
    with office.flask_app.app_context():
        calendar = catalogue.calendar()
        days = {local_date(began + timedelta(hours=6 * n)) for n in range(4 * 30 + 1)}
        working = {day for day in days if calendar.is_working_day(day)}
        reminded = [
            local_date(at)
            for at in db.session.scalars(
                sa.select(JournalEntry.at).where(JournalEntry.event == Event.DRAW_REMINDED)
            )
        ]
        draw = queries.draws_of_plan(plan.id)[-1]
    assert sorted(reminded) == sorted(working)
    assert draw.reminders == len(working)
    weekends = {day for day in days if day.weekday() >= 5}
    assert working & weekends, "an exchanged Sunday is a working day"
    assert {day for day in days if day.weekday() < 5} - working, "a holiday is none"
