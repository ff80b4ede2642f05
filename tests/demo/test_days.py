"""The demo district can be shown on any day, also late in a quarter and without a calendar."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.complaints.models import ComplaintStep
from app.days import day_begins
from app.db import db
from app.demo import quarters, service
from app.demo.quarters import DayWithoutChecklists
from app.draws import stages
from app.draws.models import AnnualPlan, Draw
from app.journal.models import Installation
from app.people.models import Agency

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(3 * 366)]  # into 2029, with a 29 February


@pytest.mark.parametrize("made", [quarters.quarter_plan, quarters.attended_plan])
def test_a_plan_of_any_day_stands_and_ends_in_its_quarter(made):
    for on in DAYS:
        plan = made(on)
        assert stages.faults(plan) == []
        assert plan.due_on <= quarters.quarter_end(on)
        if plan.dice_until_at is not None:
            assert plan.dice_until_at < day_begins(plan.due_on + timedelta(days=1))


def test_a_year_is_planned_in_march_or_when_there_are_checklists():
    assert quarters.planned_on(date(2026, 10, 8)) == date(2026, 3, 20)
    assert quarters.planned_on(date(2026, 1, 4)) == date(2025, 12, 23)
    assert quarters.planned_on(date(2025, 10, 9)) == date(2025, 9, 1)
    assert all(quarters.planned_on(on) <= on - timedelta(days=12) for on in DAYS)


@pytest.mark.parametrize(
    "on",
    [date(2026, 1, 1), date(2026, 12, 31), date(2028, 2, 29)],
    ids=["first-checklists", "last-of-a-quarter", "without-calendar"],
)
def test_the_demo_is_loaded_on(app_context, on):
    assert service.load(on=on, today=on, units=30, officers=20, say=lambda line: None)
    plans = sa.select(AnnualPlan.year).order_by(AnnualPlan.year).distinct()
    assert on.year in db.session.scalars(plans).all()
    if on.year == 2028:  # what ends in a year without a calendar stays open and says why
        reasons = db.session.scalars(sa.select(ComplaintStep.due_reason)).all()
        assert any(reasons), reasons
    drawn = sa.select(Draw.state).where(Draw.draw_on == on).order_by(Draw.state)
    assert db.session.scalars(drawn).all() == ["announced", "drawn"]


def test_a_day_before_the_checklists_is_refused_and_nothing_is_written(app_context):
    on = date(2025, 12, 31)
    with pytest.raises(DayWithoutChecklists, match=r"2025-09-01.*checklists"):
        service.load(on=on, today=on, units=30, officers=20, say=lambda line: None)
    assert db.session.scalars(sa.select(Agency)).all() == []
    assert db.session.scalars(sa.select(Installation)).all() == []
