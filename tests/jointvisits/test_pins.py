"""What people fixed by hand: no schedule moves it, the judge knows it, the next plan keeps it."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.days import local_date
from app.db import db, transaction
from app.jointvisits import (
    bounds,
    improving,
    queries,
    service,
    staffing,
    team_queries,
    watching,
)
from app.jointvisits.judging import faults
from app.jointvisits.merging import merge
from app.jointvisits.models import JointVisit
from app.jointvisits.rules import (
    Capacity,
    ChangeVerb,
    NotTaken,
    OpenTask,
    Pin,
    Schedule,
    Visit,
    VisitState,
    room_of,
)
from app.jointvisits.scheduling import schedule
from app.jointvisits.solving import Effort, improve
from app.jointvisits.weighing import compare
from tests.jointvisits.planned import (
    FIRST,
    LAST,
    REASON,
    change,
    plan_of,
    propose,
    publish,
    step,
    visit_of,
)
from tests.jointvisits.test_solving import CAPACITIES, SPAN, quarters

EFFORT = Effort(seconds=20)
FIXED = date(2026, 12, 10)


def some_pins(tasks: list[OpenTask], data: st.DataObject) -> list[Pin]:
    """Tasks of some units on any day together, inside their windows or not."""
    pins = []
    for unit in sorted({task.unit for task in tasks}):
        left = [task.id for task in tasks if task.unit == unit]
        for _ in range(data.draw(st.integers(0, 2))):
            chosen = data.draw(st.sets(st.sampled_from(left))) if left else set()
            if chosen:
                pins.append(Pin(frozenset(chosen), data.draw(st.integers(0, SPAN - 1))))
                left = [one for one in left if one not in chosen]
    return pins


@given(quarters(), CAPACITIES, st.data())
@settings(max_examples=60)
def test_no_pin_moves_and_nothing_is_broken_that_the_pins_do_not_break(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    pins = some_pins(tasks, data)
    entries = merge(tasks, pins)
    assert len(entries) == bounds.fewest_entries(tasks, pins)
    room = room_of(entries, capacity, days=SPAN)
    held = {task: pin.day for pin in pins for task in pin.tasks}
    greedy = schedule(entries, capacity, days=SPAN)
    solved = improve(entries, capacity, days=SPAN, effort=EFFORT).schedule
    for made in (greedy, solved):
        found = faults(tasks, made, capacity, pins=pins)
        outside = {f"outside-window: {one.id}" for one in tasks if one.id in held} & {*found}
        full = {f"overfull: day {day}" for day, most in enumerate(room) if most > capacity.a_day}
        assert {*found} == outside | full
        stands = {task.id: one.day for one in made.visits for task in one.entry.tasks}
        assert {one: stands[one] for one in held} == held
        on = Counter(one.day for one in made.visits)
        assert all(on[day] <= room[day] for day in range(SPAN))
        assert len(made.unplaced) >= bounds.surely_unplaced(entries, capacity)
        if not made.unplaced:
            assert made.zone_days >= bounds.fewest_zone_days(entries, capacity)
            assert len(on) >= bounds.fewest_days(entries, capacity)
        worth = compare(tasks, made, capacity, days=SPAN, team=2, pins=pins)
        assert worth.bounds.entries == worth.merged.entries == len(entries)


@given(quarters(), CAPACITIES, st.data())
@settings(max_examples=60)
def test_the_judge_sees_a_pin_that_was_moved_parted_or_given_up(
    tasks: list[OpenTask], capacity: Capacity, data: st.DataObject
) -> None:
    pins = some_pins(tasks, data)
    if not pins:
        return
    pin = data.draw(st.sampled_from(pins))
    made = schedule(merge(tasks, pins), capacity, days=SPAN)
    (own,) = (one for one in made.visits if pin.tasks & {task.id for task in one.entry.tasks})
    others = tuple(one for one in made.visits if one is not own)
    elsewhere = Visit(own.entry, (own.day + 1) % SPAN)
    wrong = [
        Schedule((*others, elsewhere), made.unplaced),
        Schedule(others, (*made.unplaced, own.entry)),
    ]
    if len(pin.tasks) > 1:
        first = tuple(one for one in own.entry.tasks if one.id == min(pin.tasks))
        rest = tuple(one for one in own.entry.tasks if one not in first)
        apart = [Visit(replace(own.entry, tasks=part), own.day) for part in (first, rest)]
        wrong.append(Schedule((*others, *apart), made.unplaced))
    for one in wrong:
        assert f"moved-pin: {min(pin.tasks)}" in faults(tasks, one, capacity, pins=pins)


def not_taken(plan_id):
    return {one["joint_visit_id"]: one["not_taken"] for one in plan_of(plan_id).pins}


def test_the_next_plan_keeps_day_team_and_partners_that_people_chose(make, chen, dong):
    unit, team = make.unit(), [make.officer().id, make.officer().id]
    moved, staffed, free = make.task(unit), make.task(), make.task()
    before = propose(make, chen)
    old, other = visit_of(before, moved), visit_of(before, staffed)
    change(old.id, ChangeVerb.MOVE, planned_on=FIXED, by=chen, at=make.at)
    item = staffing.PartnerItem("市场监督管理局", "药品和医疗器械", "药品管理法 第九十九条")
    with transaction():
        visit = db.session.get_one(JointVisit, other.id)
        staffing.set_team(visit, team, "熟悉情况", by=chen, at=make.at)
        staffing.set_partners(visit, [], [item], by=chen, at=make.at)
    late = make.task(unit, origin="complaint", due_on=date(2026, 12, 11))
    plan_id = propose(make, dong)
    kept = visit_of(plan_id, moved)
    assert (kept.planned_on, kept.pinned, kept.reason) == (FIXED, True, REASON)
    assert visit_of(plan_id, late).id == kept.id  # what came since goes along
    same = visit_of(plan_id, staffed)
    assert (same.planned_on, {one.officer_id for one in same.officers}) == (
        other.planned_on,
        {*team},
    )
    assert (same.id, same.planned_on) in team_queries.decided(plan_id)  # no lot over it
    assert [one.basis for one in team_queries.items_of(same.id)] == [item.basis]
    assert not visit_of(plan_id, free).pinned
    assert not_taken(plan_id) == {str(old.id): None, str(other.id): None}
    assert plan_of(plan_id).comparison["entries_above_bound"] == 0
    anew = propose(make, dong, keep_pins=False)
    assert not any(one.pinned for one in queries.visits_of(anew))


def test_a_pin_that_breaks_a_window_is_told_and_stays_when_the_plan_is_withdrawn(make, chen, dong):
    task = make.task(due_on=date(2026, 12, 2))
    before = publish(make, chen, dong)
    old = visit_of(before, task).id
    change(old, ChangeVerb.MOVE, planned_on=FIXED, by=dong, at=make.at)
    step(service.withdraw_plan, before, "人员变动", by=chen, at=make.at)
    plan_id = propose(make, chen)
    assert visit_of(plan_id, task).planned_on == FIXED
    assert plan_of(plan_id).faults == [f"outside-window: {task.id}"]


def test_what_is_not_taken_over_is_listed_with_the_reason(make, clock, chen, dong):
    team = (make.officer(), make.officer())
    begun, forced = make.task(team=team), make.task()
    out, over, outside, away = (make.task(due_on=LAST) for _ in range(4))
    first = propose(make, chen)
    old = {one.id: visit_of(first, one).id for one in (begun, forced, out, over, outside, away)}
    days = {begun: FIXED, forced: FIXED, over: FIRST, outside: date(2026, 12, 2), away: FIXED}
    for task, day in days.items():
        if visit_of(first, task).planned_on == day:  # by hand it is only when it changes
            change(old[task.id], ChangeVerb.MOVE, planned_on=LAST, by=chen, at=make.at)
        change(old[task.id], ChangeVerb.MOVE, planned_on=day, by=chen, at=make.at)
    change(old[out.id], ChangeVerb.LEAVE_OUT, by=chen, at=make.at)
    make.visit(begun, *team)
    in_force = publish(make, chen, dong, unit_ids=(forced.unit_id,))
    clock.forward(days=10)  # 1 December
    units = tuple(one.unit_id for one in (begun, out, over, outside))
    later = date(2026, 12, 3)
    plan_id = propose(make, chen, first_on=later, unit_ids=units)
    assert not_taken(plan_id) == {
        str(old[begun.id]): NotTaken.DONE,
        str(visit_of(in_force, forced).id): NotTaken.OUTSIDE_SCOPE,
        str(old[out.id]): NotTaken.WITHOUT_DAY,
        str(old[over.id]): NotTaken.DAY_OVER,
        str(old[outside.id]): NotTaken.DAY_OUTSIDE,
        str(old[away.id]): NotTaken.OUTSIDE_SCOPE,
    }
    whole = propose(make, chen, first_on=later)  # and the others are not lost by it
    assert not_taken(whole)[str(visit_of(in_force, forced).id)] == NotTaken.IN_FORCE
    assert visit_of(whole, away).planned_on == FIXED


@pytest.mark.past_the_services
def test_days_that_are_over_are_no_candidates_when_an_old_plan_is_improved(make, clock, chen):
    town = "310105001"
    one, pinned, gone = (
        make.task(make.unit(street_code=town), due_on=due) for due in (LAST, LAST, FIRST)
    )
    plan_id = propose(make, chen)
    for task, day in ((one, date(2026, 12, 2)), (pinned, FIRST)):
        found = visit_of(plan_id, task)
        with transaction():
            visit = db.session.get_one(JointVisit, found.id)
            visit.planned_on, visit.pinned = day, task is pinned
    clock.forward(days=12)  # 3 December
    today = local_date(make.at)
    question = improving.read_question(plan_of(plan_id), at=make.at)
    made = improving.solve(question, seconds=5)
    with transaction():
        improving.keep_better(plan_of(plan_id), question, made, by=chen, at=make.at)
    assert visit_of(plan_id, one).planned_on >= today
    assert visit_of(plan_id, pinned).planned_on == FIRST
    none = visit_of(plan_id, gone)
    assert (none.state, none.reason) == (VisitState.UNPLACED, service.NO_DAY_LEFT)
    assert watching.days_over([plan_id], today=today) == {plan_id: [FIRST]}
