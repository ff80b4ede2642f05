"""Open tasks of a unit that fall within some days are suggested as one entry."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.db import stop_reading, transaction
from app.jointvisits import service, suggesting
from app.jointvisits.nearness import Due, near
from app.jointvisits.suggesting import SuggestionDismissed, SuggestionInvalid
from app.people import service as people
from app.tasks import service as tasks
from tests.factories import OTHER_DISTRICT
from tests.jointvisits.planned import propose, step

TODAY = date(2026, 11, 21)
DUES = st.lists(st.none() | st.integers(-30, 90), max_size=12).map(
    lambda days: [
        Due(UUID(int=n + 1), None if day is None else TODAY + timedelta(days=day))
        for n, day in enumerate(days)
    ]
)


def asked(due):
    """The day on which a task is due as it is suggested."""
    return None if due.due_on is None else max(due.due_on, TODAY)


@given(DUES, st.integers(0, 60))
def test_a_suggestion_has_tasks_that_are_due_within_the_days_and_none_twice(dues, days):
    groups = near(dues, today=TODAY, within_days=days)
    named = [one for group in groups for one in group.tasks]
    assert len(named) == len(set(named))
    for group in groups:
        ends = [day for one in group.tasks if (day := asked(one)) is not None]
        assert len(group.tasks) > 1
        assert group.last_on == min(ends, default=None)
        assert not ends or max(ends) - min(ends) <= timedelta(days=days)
    for alone in set(dues) - set(named):
        end = asked(alone)
        assert end is not None or not groups
        assert not any(
            end is not None
            and group.last_on is not None
            and timedelta(0) <= end - group.last_on <= timedelta(days=days)
            for group in groups
        )


@given(DUES, st.integers(0, 60))
def test_more_days_never_save_less(dues, days):
    saved = [
        sum(group.entries_saved for group in near(dues, today=TODAY, within_days=n))
        for n in (days, days + 7)
    ]
    assert saved[0] <= saved[1]


def suggest(make, **asked):
    stop_reading()
    given = {"within_days": None, "limit": 50, "at": make.at, **asked}
    return suggesting.suggest(make.home().id, **given).items


def test_what_one_entry_and_separate_ones_would_mean_to_caps_is_told(make, app_context):
    unit, team = make.unit(), [make.officer(), make.officer()]
    make.visit(make.task(unit, team=team, origin="routine"), *team)
    soon = [
        make.task(unit, origin=origin, due_on=TODAY + timedelta(days=day))
        for origin, day in (("routine", 5), ("drawn", 9))
    ]
    late = make.task(unit, origin="drawn", due_on=TODAY + timedelta(days=40))
    make.task(make.unit())
    (found,) = suggest(make)
    assert ({one.id for one in found.tasks}, found.last_on) == (
        {one.id for one in soon},
        TODAY + timedelta(days=5),
    )
    assert found.caps == ()
    assert [(one.cap.code, len(one.counted)) for one in found.separate_caps] == [
        ("entries-per-year", 2)
    ]
    (wider,) = suggest(make, within_days=40, unit_id=unit.id)
    assert {one.id for one in wider.tasks} == {late.id, *(one.id for one in soon)}
    assert wider.id != found.id
    assert suggest(make, within_days=3) == []


def test_what_a_plan_in_force_carries_is_not_suggested(make, app_context):
    chen, dong = make.supervisor(), make.supervisor()
    unit = make.unit()
    for origin in ("routine", "drawn"):
        make.task(unit, origin=origin, due_on=None)
    assert [one.last_on for one in suggest(make)] == [None]
    plan_id = propose(make, chen)
    assert len(suggest(make)) == 1
    step(service.approve_plan, plan_id, by=dong, at=make.at)
    assert suggest(make) == []


def test_a_dismissed_suggestion_is_gone_until_its_tasks_change(make, app_context):
    chen, unit = make.supervisor(), make.unit()
    pair = [make.task(unit, due_on=TODAY + timedelta(days=day)).id for day in (5, 9)]
    alone = make.task(make.unit()).id

    def dismiss(*task_ids):
        stop_reading()
        with transaction():
            agency = people.get_agency(make.home().id)
            return suggesting.dismiss(task_ids, "须分专业", agency=agency, by=chen, at=make.at)

    (found,) = suggest(make)
    with pytest.raises(SuggestionInvalid):
        dismiss(pair[0], alone)
    with pytest.raises(SuggestionInvalid):
        dismiss(pair[0])
    assert dismiss(*pair).suggestion_id == found.id
    assert suggest(make) == []
    with pytest.raises(SuggestionDismissed):
        dismiss(*pair)
    stop_reading()
    with transaction():
        tasks.change_deadline(pair[1], TODAY + timedelta(days=8), by=chen, at=make.at)
    assert [{one.id for one in again.tasks} for again in suggest(make)] == [{*pair}]
    dismiss(*pair)
    third = make.task(unit, due_on=TODAY + timedelta(days=6)).id
    assert [{one.id for one in again.tasks} for again in suggest(make)] == [{*pair, third}]


def test_suggestions_are_read_page_by_page(make):
    for _ in range(3):
        unit = make.unit()
        for _ in range(2):
            make.task(unit, due_on=TODAY + timedelta(days=3))
    reader = make.signed_in(Role.OFFICER)
    seen, link = [], "/api/v1/joint-suggestions?limit=2"
    while link:
        page = reader.get(link)
        seen += page.json["items"]
        link = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert len({one["id"] for one in seen}) == len(seen) == 3
    assert {one["entries_saved"] for one in seen} == {1}
    assert [one["unit_id"] for one in seen] == sorted(one["unit_id"] for one in seen)
    assert reader.get("/api/v1/joint-suggestions?within_days=400").status_code == 422
    stranger = make.signed_in(Role.AUDITOR, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    assert stranger.get("/api/v1/joint-suggestions").json == {"items": []}
