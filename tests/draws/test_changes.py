"""What is changed of a result: by whom, in which order, and how anybody can check it."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.db import db
from app.draws import changes, confirming, guarding, proposing, replacing, service
from app.draws.files import write_json
from app.draws.models import DrawChange, DrawReserveSkip
from app.draws.steps import DrawStateWrong
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.people.models import Officer
from app.tasks import service as tasks
from app.tasks.second_persons import SecondPersonInvalid
from app.tasks.steps import TaskStateWrong
from app.units.models import Unit
from app.units.rules import UnitStatus
from scheduler import status
from tests.draws.desk import Desk
from tests.draws.office import Office


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def test_a_place_is_proposed_confirmed_and_drawn_anew_by_the_timetable(desk: Desk) -> None:
    line = desk.lines()[0]
    lead, other = desk.team(line.task_id)
    desk.recuse(other, line.unit_id)
    assert desk.office.tick() == [f"{desk.draw_no} redraw proposed: recusal"]
    assert desk.office.tick() == [], "once"
    (change,) = desk.found()
    assert (change.state, change.officer_out_id, change.after_freeze) == ("proposed", other, True)
    assert change.proposed_by_kind == "timetable"
    desk.do(confirming.confirm_change, change, by=desk.ding)
    assert other in desk.team(line.task_id), "the lot is not drawn yet"
    assert desk.office.tick() == [f"{desk.draw_no} place redrawn"]
    (change,) = desk.found()
    team = desk.team(line.task_id)
    assert team == [lead, change.officer_in_id]
    assert other not in team
    assert (change.state, change.number, change.redraw_no) == ("carried-out", 1, 1)
    assert change.record is not None
    assert change.record["cause"] == "冻结后申报回避"
    assert change.record["out"] == desk.certificate(other)
    assert desk.office.tick() == []
    desk.office.go(days=31)
    assert desk.office.state(desk.draw_no) == "published"
    assert desk.faults() == []


# --- a unit that cannot be visited ---


def test_the_next_reserve_of_the_class_follows_with_the_same_team(desk: Desk) -> None:
    line = desk.lines()[0]
    before, team = desk.task(line.task_id), desk.team(line.task_id)
    reserve = desk.reserves(line)[0]
    change = desk.replace(line)
    assert desk.task(line.task_id).state == "closing-proposed"
    desk.confirm(change)
    closed = desk.task(line.task_id)
    assert (closed.state, closed.closing_reason) == ("closed", "replaced")
    (taken,) = [one for one in desk.lines("reserve") if one.task_id is not None]
    assert (taken.archive_no, taken.weight) == (reserve.archive_no, line.weight)
    made = desk.task(taken.task_id)
    assert desk.team(made.id) == team
    for name in ("origin", "origin_reference", "level", "due_on", "checklist_code", "specialty"):
        assert getattr(made, name) == getattr(before, name), name
    (change,) = desk.found()
    assert (change.state, change.number, change.new_task_id) == ("carried-out", 1, made.id)
    with desk.office.flask_app.app_context():
        assert db.session.get_one(Unit, line.unit_id).state == "closed"
    desk.office.go(days=31)
    assert desk.faults() == []
    assert desk.figure().changed == 0, "the drawn people go, to another unit"


def test_where_no_reserve_can_be_visited_nothing_is_done_by_halves(desk: Desk) -> None:
    line = desk.lines()[0]
    first, second = desk.reserves(line)[:2]
    desk.make.task(desk.unit(first), due_on=None)
    skip = proposing.Skip(second.archive_no, "moved", "已搬到外区", [desk.make.stored_evidence()])
    with pytest.raises(replacing.ReserveExhausted):
        desk.confirm(desk.replace(line, skips=[skip]))
    assert desk.states() == ["proposed"], "nothing was done by halves"


def test_what_the_register_says_of_a_reserve_is_looked_up(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 1}, weight_factors=[])
    (line,) = desk.lines()
    first, second, third, fourth = desk.reserves(line)[:4]
    desk.make.task(desk.unit(first), due_on=None)
    desk.flag(second, UnitStatus.MOVED)
    skip = proposing.Skip(third.archive_no, "suspended", "装修停业", [desk.make.stored_evidence()])
    desk.confirm(desk.replace(line, skips=[skip]))
    (record,) = desk.records()
    assert (record["reserve"], record["rank"]) == (fourth.archive_no, fourth.rank)
    assert [(one["id"], one["cause"]) for one in record["skipped"]] == [
        (first.archive_no, "按计划的排除规则本次不检查"),
        (second.archive_no, "单位登记为停业、关闭或搬迁"),
        (third.archive_no, "单位停业"),
    ]
    with desk.office.flask_app.app_context():
        skipped = list(db.session.scalars(sa.select(DrawReserveSkip).order_by("rank")))
    assert [(one.automatic, one.note) for one in skipped] == [
        (True, ""),
        (True, ""),
        (False, "装修停业"),
    ]
    desk.office.go(days=31)
    assert desk.faults() == []


def test_a_passed_over_reserve_is_not_taken_later(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 2}, weight_factors=[])
    first, second = desk.lines()
    passed, taken, later = desk.reserves(first)[:3]
    skip = proposing.Skip(passed.archive_no, "closed", "已关门", [desk.make.stored_evidence()])
    desk.confirm(desk.replace(first, skips=[skip]))
    desk.confirm(desk.replace(second))
    assert [record["reserve"] for record in desk.records()] == [taken.archive_no, later.archive_no]
    desk.office.go(days=31)
    assert desk.faults() == []


def test_a_reserve_that_cannot_be_visited_is_replaced_itself(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 1}, weight_factors=[])
    (line,) = desk.lines()
    first, second = desk.reserves(line)[:2]
    desk.confirm(desk.replace(line))
    (taken,) = [one for one in desk.lines("reserve") if one.task_id]
    desk.confirm(desk.replace(taken))
    assert [(one["id"], one["reserve"]) for one in desk.records()] == [
        (line.archive_no, first.archive_no),
        (first.archive_no, second.archive_no),
    ]
    desk.office.go(days=31)
    assert desk.faults() == []


def test_without_a_reserve_a_top_up_is_to_be_ordered(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 12}, weight_factors=[])
    change = desk.replace(desk.lines()[0])
    with pytest.raises(replacing.ReserveExhausted, match="补抽"):
        desk.confirm(change)
    desk.do(confirming.withdraw_change, change, "改为关闭任务", by=desk.chen)
    assert desk.states() == ["withdrawn"]
    assert desk.task(desk.lines()[0].task_id).state == "assigned"


# --- attacks ---


def test_nobody_confirms_what_he_proposed_himself(desk: Desk) -> None:
    change = desk.replace(desk.lines()[0])
    with pytest.raises(SecondPersonInvalid):
        desk.confirm(change, by=desk.chen)
    with pytest.raises(IntegrityError), desk.make.writing():
        db.session.execute(
            sa.update(DrawChange).values(
                state="confirmed",
                confirmed_at=desk.make.at,
                confirmed_by_kind="user",
                confirmed_by_id=desk.chen.id,
                confirmed_officer_id=desk.chen.officer_id,
            )
        )


def test_nobody_on_the_team_confirms(desk: Desk) -> None:
    line = desk.lines()[0]
    member = desk.supervising(desk.team(line.task_id)[1])
    change = desk.replace(line)
    with pytest.raises(SecondPersonInvalid):
        desk.confirm(change, by=member)
    other = desk.redraw(desk.lines()[1], desk.team(desk.lines()[1].task_id)[0])
    with pytest.raises(SecondPersonInvalid):
        desk.confirm(other, by=desk.supervising(desk.team(desk.lines()[1].task_id)[0]))


def test_a_replacement_needs_stored_evidence(desk: Desk) -> None:
    for evidence in ([], ["ab" * 32]):
        with pytest.raises(tasks.ClosingInvalid):
            desk.replace(desk.lines()[0], evidence=evidence)
    skip = proposing.Skip(desk.reserves(desk.lines()[0])[0].archive_no, "closed", "关门", [])
    with pytest.raises(tasks.ClosingInvalid):
        desk.replace(desk.lines()[0], skips=[skip])
    assert desk.found() == []


def test_a_unit_is_replaced_once(desk: Desk) -> None:
    line = desk.lines()[0]
    change = desk.replace(line)
    with pytest.raises(proposing.ChangeExists):
        desk.replace(line)
    desk.confirm(change)
    with pytest.raises(changes.ChangeStateWrong):
        desk.confirm(change)
    with pytest.raises(TaskStateWrong):
        desk.replace(line)
    with pytest.raises(guarding.TaskReplaced), desk.make.writing():
        tasks.reopen_task(
            line.task_id,
            "又开门了",
            cast(UUID, desk.ding.officer_id),
            by=desk.chen,
            at=desk.make.at,
        )


def test_a_reserve_of_another_class_cannot_be_named(desk: Desk) -> None:
    line = desk.lines()[0]
    other = next(one for one in desk.lines("reserve") if one.weight != line.weight)
    evidence = [desk.make.stored_evidence()]
    for archive_no in (other.archive_no, desk.lines()[1].archive_no, "没有"):
        with pytest.raises(changes.ChangeInvalid):
            desk.replace(line, skips=[proposing.Skip(archive_no, "closed", "关门", evidence)])


def test_nothing_is_changed_before_the_draw(office: Office) -> None:
    drawn = Desk(office)
    office.make.plan(name="下一次", exclude_drawn=False)
    office.tick()
    announced = "310105-2026-0002"
    drawn.draw_no = announced
    task = office.make.task()
    with pytest.raises(DrawStateWrong):
        drawn.do(
            proposing.propose_redraw,
            task.id,
            office.make.officer().id,
            "unavailable",
            "外出",
            by=drawn.chen,
        )


def test_a_task_that_was_not_drawn_is_none_of_the_draw(desk: Desk) -> None:
    team = [desk.make.officer(), desk.make.officer()]
    task = desk.make.task(team=team)
    with pytest.raises(changes.ChangeInvalid):
        desk.do(proposing.propose_redraw, task.id, team[0].id, "unavailable", "外出", by=desk.chen)


def test_another_agency_sees_no_change(desk: Desk) -> None:
    change = desk.replace(desk.lines()[0])
    foreign = desk.make.supervisor(desk.make.agency("310107", "普陀区卫生监督所"))
    with pytest.raises(changes.ChangeNotFound):
        desk.confirm(change, by=foreign)
    with pytest.raises(service.DrawNotFound):
        desk.replace(desk.lines()[1], by=foreign)


def test_a_drawn_task_is_not_closed_as_replaced_without_a_reserve(desk: Desk) -> None:
    line = desk.lines()[0]
    evidence = [desk.make.stored_evidence()]
    with desk.make.writing():
        tasks.propose_closing(
            line.task_id, "replaced", "关门", evidence, by=desk.chen, at=desk.make.at
        )
    with pytest.raises(guarding.ReplacementRequired), desk.make.writing():
        tasks.approve_closing(line.task_id, by=desk.ding, at=desk.make.at)
    third = desk.make.supervisor()
    change = desk.replace(line, by=third, evidence=[])
    assert change.evidence == evidence, "what the tablet proposed is taken over"
    with pytest.raises(SecondPersonInvalid):
        desk.confirm(change, by=desk.chen)
    desk.confirm(change)
    assert desk.states() == ["carried-out"]


def test_a_refused_replacement_leaves_the_task_as_it_was(desk: Desk) -> None:
    line = desk.lines()[0]
    change = desk.replace(line)
    desk.do(confirming.refuse_change, change, "照片不是这家单位", by=desk.ding)
    assert desk.task(line.task_id).state == "assigned"
    assert desk.states() == ["refused"]
    assert desk.records() == []
    desk.confirm(desk.replace(line))


def test_only_the_proposer_withdraws(desk: Desk) -> None:
    change = desk.replace(desk.lines()[0])
    with pytest.raises(confirming.ProposerRequired):
        desk.do(confirming.withdraw_change, change, "不要了", by=desk.ding)


# --- an officer who cannot go ---


def test_a_recusal_is_never_refused(desk: Desk) -> None:
    line = desk.lines()[0]
    desk.recuse(desk.team(line.task_id)[0], line.unit_id)
    desk.office.tick()
    (change,) = desk.found()
    with pytest.raises(confirming.DutyNotRefused):
        desk.do(confirming.refuse_change, change, "不同意", by=desk.ding)


def test_a_recusal_that_nobody_declared_is_no_cause(desk: Desk) -> None:
    line = desk.lines()[0]
    officer_id = desk.team(line.task_id)[0]
    for cause in ("recusal", "absence", "closed", "barred-there"):
        with pytest.raises(changes.ChangeInvalid):
            desk.redraw(line, officer_id, cause)
    with pytest.raises(changes.ChangeInvalid):
        desk.redraw(line, cast(UUID, desk.chen.officer_id))


def test_a_lead_who_leaves_is_followed_by_one_who_may_lead(desk: Desk) -> None:
    line = desk.lines()[0]
    lead, other = desk.team(line.task_id)
    desk.confirm(desk.redraw(line, lead))
    desk.office.tick()
    team = desk.team(line.task_id)
    assert other in team
    assert lead not in team
    (record,) = desk.records()
    assert desk.certificate(team[0]) == record["lead"]


def test_who_declares_between_freeze_and_draw_is_proposed_by_itself(office: Office) -> None:
    desk = Desk.frozen(office)
    with office.flask_app.app_context():
        ids = list(db.session.scalars(sa.select(Officer.id)))
        unit_ids = list(db.session.scalars(sa.select(Unit.id)))
    for unit_id in unit_ids:
        desk.recuse(ids[0], unit_id)
    office.go(hours=4)
    lines = desk.lines()
    concerned = [one for one in lines if desk.task(one.task_id).state == "pending"]
    assert concerned, "he was drawn somewhere"
    found = desk.found()
    assert {one.task_id for one in found} == {one.task_id for one in concerned}
    assert {(one.cause, one.after_freeze, one.state) for one in found} == {
        ("recusal", True, "proposed")
    }
    for change in found:
        desk.confirm(change)
    office.tick()
    assert {desk.task(one.task_id).state for one in lines} == {"assigned"}
    assert all(ids[0] not in desk.team(one.task_id) for one in lines)
    office.go(days=31)
    assert desk.faults() == []


def test_where_nobody_is_left_the_place_waits_and_says_so(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 1}, weight_factors=[])
    (line,) = desk.lines()
    with office.flask_app.app_context():
        ids = list(db.session.scalars(sa.select(Officer.id)))
    team = desk.team(line.task_id)
    for officer_id in ids:
        if officer_id not in team:
            desk.recuse(officer_id, line.unit_id)
    desk.recuse(team[1], line.unit_id)
    office.tick()
    (change,) = desk.found()
    desk.confirm(change)
    assert office.tick() == [f"{desk.draw_no} redraw waits: nobody-left"]
    assert office.tick() == [], "noted once"
    (change,) = desk.found()
    assert (change.state, change.held_code) == ("confirmed", "nobody-left")
    newcomer = office.make.officer()
    with office.make.writing():
        tasks.reassign_task(
            line.task_id,
            [team[0], newcomer.id],
            team[0],
            reason="无人可抽",
            by=desk.chen,
            at=office.make.at,
        )
    assert office.tick() == [f"{desk.draw_no} redraw lapsed"]
    assert desk.states() == ["withdrawn", "carried-out"]


def test_who_left_the_team_is_not_drawn_back(desk: Desk) -> None:
    line = desk.lines()[0]
    left = []
    for _ in range(3):
        officer_id = desk.team(line.task_id)[1]
        left.append(officer_id)
        desk.recuse(officer_id, line.unit_id)
        desk.office.tick()
        desk.confirm(desk.found()[-1])
        desk.office.tick()
        assert not set(left) & set(desk.team(line.task_id))
    assert [record["redraw"] for record in desk.records()] == [1, 2, 3]
    desk.office.go(days=31)
    assert desk.faults() == []


def test_both_places_of_a_team_can_be_drawn_anew(desk: Desk) -> None:
    line = desk.lines()[0]
    team = desk.team(line.task_id)
    for officer_id in team:
        desk.recuse(officer_id, line.unit_id)
    desk.office.tick()
    for change in desk.found():
        desk.confirm(change)
    desk.office.tick()
    assert not set(team) & set(desk.team(line.task_id))
    assert len(set(desk.team(line.task_id))) == 2
    desk.office.go(days=31)
    assert desk.faults() == []


def test_a_task_that_was_visited_meanwhile_keeps_its_team(desk: Desk) -> None:
    line = desk.lines()[0]
    team = desk.team(line.task_id)
    desk.recuse(team[1], line.unit_id)
    desk.office.tick()
    desk.confirm(desk.found()[0])
    desk.office.complete_all()
    assert desk.office.tick() == [f"{desk.draw_no} redraw lapsed"]
    assert desk.team(line.task_id) == team


# --- the cap ---


def test_officers_change_up_to_the_cap_and_beyond_it_with_an_approval(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 10}, weight_factors=[], officer_limit=None)
    assert (desk.figure().total, desk.figure().cap) == (20, (15, 100))
    for line in desk.lines()[:3]:
        desk.confirm(desk.redraw(line, desk.team(line.task_id)[1]))
    office.tick()
    figure = desk.figure()
    assert (figure.changed, figure.share, figure.kept) == (3, "15.0%", True), "exactly at the cap"
    line = desk.lines()[3]
    change = desk.redraw(line, desk.team(line.task_id)[1])
    with pytest.raises(changes.AdjustmentBeyondCap) as caught:
        desk.confirm(change)
    assert caught.value.extras == {"changed": 4, "total": 20, "cap": [15, 100]}
    with pytest.raises(confirming.ApproverRequired):
        desk.do(confirming.approve_change, change, "同意", by=desk.chen)
    with pytest.raises(changes.ChangeInvalid):
        desk.do(confirming.approve_change, change, " ", by=desk.ding)
    desk.approve(change)
    with pytest.raises(confirming.ApprovalNotNeeded):
        desk.approve(change)
    desk.confirm(change)
    office.tick()
    assert (desk.figure().changed, desk.figure().kept) == (4, False)
    office.go(days=31)
    assert desk.faults() == []


def test_recusals_count_and_are_never_held_up(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 4}, weight_factors=[])
    for line in desk.lines()[:2]:
        desk.recuse(desk.team(line.task_id)[1], line.unit_id)
    office.tick()
    for change in desk.found():
        desk.confirm(change)
    office.tick()
    assert (desk.figure().changed, desk.figure().total) == (2, 8)
    line = desk.lines()[2]
    with pytest.raises(changes.AdjustmentBeyondCap):
        desk.confirm(desk.redraw(line, desk.team(line.task_id)[1]))


def test_giving_a_drawn_task_to_others_by_hand_is_no_way_round(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 10}, weight_factors=[])
    newcomer = office.make.officer()
    drawn = desk.team(desk.lines()[0].task_id)
    for line in desk.lines()[:3]:
        desk.reassign(line, newcomer.id)
    assert (desk.figure().changed, desk.figure().kept) == (3, True)
    with pytest.raises(changes.AdjustmentBeyondCap):
        desk.reassign(desk.lines()[3], newcomer.id)
    with office.make.writing():
        tasks.reassign_task(
            desk.lines()[0].task_id,
            drawn,
            drawn[0],
            reason="回来了",
            by=desk.chen,
            at=office.make.at,
        )
    assert desk.figure().changed == 2, "who was drawn goes after all"
    desk.reassign(desk.lines()[3], newcomer.id)
    assert [record["kind"] for record in desk.records()] == ["reassignment"] * 5
    office.go(days=31)
    assert desk.faults() == []


def test_what_is_agreed_to_and_not_drawn_yet_counts_already(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 10}, weight_factors=[])
    for line in desk.lines()[:3]:
        desk.confirm(desk.redraw(line, desk.team(line.task_id)[1]))
    line = desk.lines()[3]
    with pytest.raises(changes.AdjustmentBeyondCap):
        desk.confirm(desk.redraw(line, desk.team(line.task_id)[1]))
    with pytest.raises(changes.AdjustmentBeyondCap):
        desk.reassign(line, office.make.officer().id)


def test_an_approval_is_not_asked_below_the_cap(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 10}, weight_factors=[])
    change = desk.redraw(desk.lines()[0], desk.team(desk.lines()[0].task_id)[1])
    with pytest.raises(confirming.ApprovalNotNeeded):
        desk.approve(change)


# --- several at once ---


def test_of_two_replacements_at_once_each_takes_a_reserve_of_its_own(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 3}, weight_factors=[])
    found = [desk.replace(line) for line in desk.lines()]
    barrier = Barrier(len(found))

    def confirm(change: DrawChange) -> None:
        barrier.wait()
        desk.confirm(change)

    with ThreadPoolExecutor(len(found)) as pool:
        list(pool.map(confirm, found))
    records = desk.records()
    assert [record["number"] for record in records] == [1, 2, 3]
    taken = [one.archive_no for one in desk.lines("reserve") if one.task_id]
    assert sorted(record["reserve"] for record in records) == sorted(taken)
    assert len(set(taken)) == 3
    office.go(days=31)
    assert desk.faults() == []


def test_of_two_who_confirm_the_same_at_once_one_does(desk: Desk) -> None:
    change = desk.replace(desk.lines()[0])
    third = desk.make.supervisor()
    barrier = Barrier(2)

    def confirm(by: Actor) -> bool:
        barrier.wait()
        try:
            desk.confirm(change, by=by)
        except changes.ChangeStateWrong:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, (desk.ding, third))) == [False, True]
    assert len(desk.records()) == 1


def test_many_timetables_draw_a_place_anew_once(desk: Desk) -> None:
    line = desk.lines()[0]
    desk.recuse(desk.team(line.task_id)[1], line.unit_id)
    barrier = Barrier(3)

    def tick(_: int) -> list[str]:
        barrier.wait()
        return desk.office.tick()

    with ThreadPoolExecutor(3) as pool:
        done = [line for lines in pool.map(tick, range(3)) for line in lines]
    assert done == [f"{desk.draw_no} redraw proposed: recusal"]
    desk.confirm(desk.found()[0])
    with ThreadPoolExecutor(3) as pool:
        done = [line for lines in pool.map(tick, range(3)) for line in lines]
    assert done == [f"{desk.draw_no} place redrawn"]
    assert len(desk.records()) == 1


# --- what a stranger sees ---


def test_an_altered_record_is_found_by_anybody(desk: Desk) -> None:
    """Each of these lies would pass unseen if the check did not repeat it."""
    first, second = desk.lines()[:2]
    desk.recuse(desk.team(first.task_id)[1], first.unit_id)
    desk.office.tick()
    desk.confirm(desk.found()[0])
    desk.office.tick()
    desk.confirm(desk.replace(second))
    desk.office.go(days=31)
    assert desk.faults() == []
    redraw, replacement = desk.records()
    other = next(one for one, _ in redraw["candidates"] if one != redraw["in"])
    lies: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (redraw, {"in": other}),
        (redraw, {"candidates": [redraw["candidates"][0]]})
        if redraw["candidates"][0][0] != redraw["in"]
        else (redraw, {"candidates": redraw["candidates"][1:]}),
        (redraw, {"candidates": [[one, load + 1] for one, load in redraw["candidates"]]}),
        (redraw, {"redraw": 2}),
        (redraw, {"out": redraw["team"][0]}),
        (redraw, {"number": 3}),
        (replacement, {"rank": replacement["rank"] + 1}),
        (replacement, {"weight": 999}),
        (replacement, {"team": replacement["team"][:1]}),
        (replacement, {"id": first.archive_no}),
    ]
    for record, change in lies:
        told = [{**one, **change} if one is record else one for one in (redraw, replacement)]
        assert desk.faults(told) != [], change


def test_the_journal_holds_the_hash_of_every_record(desk: Desk) -> None:
    desk.confirm(desk.replace(desk.lines()[0]))
    (record,) = desk.records()
    with desk.office.flask_app.app_context():
        query = sa.select(JournalEntry).where(JournalEntry.event == Event.DRAW_CHANGE_CARRIED_OUT)
        (entry,) = db.session.scalars(query)
        assert sha256(write_json(record)).hexdigest() in entry.text


def test_the_timetable_says_which_changes_wait_for_whom(desk: Desk) -> None:
    line = desk.lines()[0]
    desk.recuse(desk.team(line.task_id)[1], line.unit_id)
    desk.office.tick()
    agency_id = desk.chen.agency_id

    def waiting() -> list[tuple[str, str, list[str]]]:
        with desk.office.flask_app.app_context():
            found = status.status(at=desk.make.at, agency_id=agency_id)["waiting"]
        return [(one["draw_no"], one["waits_for"], one["roles"]) for one in found]

    assert (desk.draw_no, "change", ["supervisor"]) in waiting()
    desk.confirm(desk.found()[0])
    assert "change" not in {code for _, code, _ in waiting()}, "now it is the timetable's turn"
