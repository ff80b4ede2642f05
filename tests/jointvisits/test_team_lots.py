"""Teams of joint visits on both databases: asked for, drawn by the timetable, changed by hand."""

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from app.db import db, new_id, stop_reading, transaction
from app.draws.changes import AdjustmentBeyondCap
from app.draws.steps import NotByPeople
from app.jointvisits import (
    lots,
    public_lots,
    queries,
    readying,
    service,
    staffing,
    team_queries,
    teaming,
)
from app.jointvisits.commands import joint_group
from app.jointvisits.models import JointPlan, JointVisit
from app.jointvisits.reading import NewPlan
from app.jointvisits.staffing import JointTeamInvalid, PartnerItem
from app.jointvisits.team_models import JointTeamLot
from app.people import service as people
from app.people.models import Officer
from app.people.partners import PartnerMayNotGo
from app.people.rules import AbsenceReason
from app.tasks.models import Task
from app.tasks.second_persons import SecondPersonInvalid
from scheduler import jobs
from tests.draws.desk import Desk
from tests.draws.office import Office
from tests.jointvisits.planned import FIRST, LAST

MEDICAL = {"specialties": ("medical",), "lead_specialties": ("medical",)}


class Room:
    """Two supervisors and what they do with the teams of one plan."""

    def __init__(self, make):
        self.make = make
        self.chen, self.dong = make.supervisor(), make.supervisor()

    def propose(self, **values):
        new = NewPlan(
            **{"first_on": FIRST, "last_on": LAST, "teams": 2, "visits_each": 1, **values}
        )
        stop_reading()
        draft = service.draft_plan(new, agency_id=self.make.home().id, at=self.make.at)
        stop_reading()
        with transaction():
            agency = people.get_agency(self.make.home().id)
            self.plan_id = service.propose_plan(
                draft, agency=agency, by=self.chen, at=self.make.at
            ).id

    def step(self, verb, *data, by=None):
        with transaction():
            plan = db.session.get_one(JointPlan, self.plan_id)
            return verb(plan, *data, by=by or self.chen, at=self.make.at)

    def on(self, visit, verb, *data, by=None):
        with transaction():
            return verb(queries.find_visit(visit.id), *data, by=by or self.chen, at=self.make.at)

    def draw_teams(self):
        lot_id = self.step(lots.ask_teams).id
        assert jobs.form_joint_teams(at=self.make.at) == "1 of 1 lots over teams drawn"
        stop_reading()
        return db.session.get_one(JointTeamLot, lot_id)

    def visits(self):
        stop_reading()
        return queries.visits_of(self.plan_id)

    def team(self, visit):
        return {one.officer_id for one in db.session.get_one(JointVisit, visit.id).officers}


@pytest.fixture
def room(make, app_context):
    return Room(make)


def test_the_timetable_draws_teams_that_anybody_can_repeat(make, room):
    hospital = make.unit()
    make.task(hospital)
    make.task(hospital, specialty="medical", object_class=None, origin="complaint")
    kin, away, *_ = (make.officer() for _ in range(4))
    doctor = make.officer(**MEDICAL)
    with make.writing():
        people.declare_recusal(
            db.session.get_one(Officer, kin.id),
            hospital.id,
            "kinship",
            effective_from=FIRST,
            by=room.chen,
            at=make.at,
        )
        people.declare_absence(
            db.session.get_one(Officer, away.id),
            AbsenceReason.SICK,
            from_on=FIRST,
            until_on=LAST,
            by=room.chen,
            at=make.at,
        )
    room.propose()
    asked = room.step(lots.ask_teams)
    assert (asked.state, asked.secret, asked.teams) == ("asked", None, None)
    stop_reading()
    for verb, by in ((lots.ask_teams, room.chen), (service.approve_plan, room.dong)):
        with pytest.raises(service.TeamsWaiting):
            room.step(verb, by=by)
    with pytest.raises(NotByPeople), transaction():
        lots.form_teams(asked.id, lots.Opened(b"", ()), [], by=room.chen, at=make.at)
    jobs.form_joint_teams(at=make.at)
    (visit,) = room.visits()
    team = {one.officer_id: one for one in visit.officers}
    assert len(team) == 2
    assert (team[doctor.id].specialty, team[doctor.id].by_lot) == ("medical", True)
    assert not team.keys() & {kin.id, away.id}
    lot = db.session.get_one(JointTeamLot, asked.id)
    assert lot.secret is not None
    assert lot.teams is not None
    manifest = lot.manifest.encode()
    found = teaming.verify(
        manifest,
        bytes.fromhex(lot.secret),
        lot.entropy,
        lot.teams.encode(),
        asked.manifest_sha256,
    )
    assert found == []
    with pytest.raises(lots.NoTeamWanted):
        room.step(lots.ask_teams)
    assert jobs.form_joint_teams(at=make.at) == "0 of 0 lots over teams drawn"


def test_what_nobody_covers_is_listed_and_the_next_lot_names_the_one_before(make, room):
    unit = make.unit()
    make.task(unit, specialty="medical", object_class=None)
    make.officer(), make.officer()
    room.propose()
    first = room.draw_teams()
    (visit,) = room.visits()
    assert staffing.uncovered(visit) == ["medical"]
    line = team_queries.lot_line_of(visit.id)
    assert line is not None
    assert line.gaps == [["medical", "nobody-may"], [None, "nobody-may"]]
    make.task(make.unit())
    room.propose(unit_ids=())
    second = room.draw_teams()
    assert (first.number, second.number) == (1, 2)
    assert teaming.read_manifest(second.manifest.encode()).prev == first.manifest_sha256


def test_a_team_by_hand_has_a_reason_keeps_the_bars_and_reaches_the_tasks(make, room):
    task = make.task()
    team = [make.officer() for _ in range(4)]
    room.propose()
    room.draw_teams()
    (visit,) = room.visits()
    others, back = (sorted(one.id for one in pair) for pair in (team[:2], team[2:]))
    before = room.team(visit)
    stop_reading()
    with pytest.raises(JointTeamInvalid) as refused:
        room.on(visit, staffing.set_team, others[:1], "外出", by=room.dong)
    assert [one["code"] for one in refused.value.extras["errors"]] == ["team-too-small"]
    room.on(visit, staffing.set_team, others, "外出", by=room.dong)
    (change,) = team_queries.changes_of(visit.id)
    stop_reading()
    assert change.reason == "外出"
    assert change.officer_ids_in == [str(one) for one in others if one not in before]
    stop_reading()
    with pytest.raises(SecondPersonInvalid):
        room.step(service.approve_plan, by=room.dong)
    room.step(service.approve_plan, by=make.supervisor())
    room.on(visit, staffing.set_team, others, "外出", by=room.dong)
    with pytest.raises(service.JointPlanStateWrong):
        room.step(service.publish_plan)
    room.step(service.approve_plan, by=make.supervisor())
    room.step(service.publish_plan)
    stop_reading()
    assert sorted(db.session.get_one(Task, task.id).officer_ids()) == others
    room.on(visit, staffing.set_team, back, "换班")
    stop_reading()
    assert sorted(db.session.get_one(Task, task.id).officer_ids()) == back


def test_the_secret_is_promised_before_anybody_fixes_what_goes_in(make, room):
    make.task()
    room.propose()
    plan = db.session.get_one(JointPlan, room.plan_id)
    promised = plan.promise_commit
    stop_reading()
    lot_id = room.step(lots.ask_teams).id
    lot = db.session.get_one(JointTeamLot, lot_id)
    assert public_lots.commit_of(lot) == promised
    first, then = public_lots.promised_entry(lot), public_lots.asked_entry(lot)
    assert first is not None
    assert then is not None
    assert first.seq < then.seq
    used = db.session.get_one(JointPlan, room.plan_id, populate_existing=True).promise_commit
    assert used is None, "a promise serves one lot"
    stop_reading()
    assert jobs.form_joint_teams(at=make.at) == "1 of 1 lots over teams drawn"
    plan = db.session.get_one(JointPlan, room.plan_id, populate_existing=True)
    assert plan.promise_commit not in {None, promised}
    lot = db.session.get_one(JointTeamLot, lot_id, populate_existing=True)
    assert public_lots.faults_of(lot) == []
    lot.plan_id = new_id()  # as if another plan had promised it
    assert public_lots.faults_of(lot) == ["promise-not-in-journal"]
    stop_reading()


def test_an_altered_promise_is_not_drawn_and_who_is_barred_since_is_not_published(make, room):
    make.task()
    team = [make.officer() for _ in range(2)]
    room.propose()
    lot_id = room.step(lots.ask_teams).id
    with transaction():
        lot = db.session.get_one(JointTeamLot, lot_id)
        right = lot.manifest
        lot.manifest = right.replace('"commit":"', '"commit":"0')
    assert jobs.form_joint_teams(at=make.at) == "0 of 1 lots over teams drawn"
    with transaction():
        lot = db.session.get_one(JointTeamLot, lot_id)
        assert (lot.state, lot.held_code) == ("asked", "secret-mismatch")
        lot.manifest = right
    assert jobs.form_joint_teams(at=make.at) == "1 of 1 lots over teams drawn"
    (visit,) = room.visits()
    stop_reading()
    room.on(visit, staffing.set_team, [one.id for one in team], "固定搭档")
    room.step(service.approve_plan, by=room.dong)
    with transaction():
        people.declare_absence(
            db.session.get_one(Officer, team[0].id),
            AbsenceReason.LEAVE,
            from_on=FIRST,
            until_on=LAST,
            by=room.chen,
            at=make.at,
        )
    with pytest.raises(JointTeamInvalid):
        staffing.refuse_barred(db.session.get_one(JointPlan, room.plan_id), room.visits())
    stop_reading()
    with pytest.raises(JointTeamInvalid) as refused:
        room.step(service.publish_plan)
    assert [one["code"] for one in refused.value.extras["errors"]] == ["officer-barred"]


def test_nobody_goes_more_often_on_a_day_than_the_plan_says(make, room):
    days = {"first_on": FIRST, "last_on": FIRST}
    for _ in range(2):
        make.task(make.unit(), due_on=FIRST)
    make.officer()  # and the two supervisors
    room.propose(**days)
    room.draw_teams()
    one, other = room.visits()
    assert not room.team(one) & room.team(other)
    full, short = sorted((one, other), key=lambda visit: -len(room.team(visit)))
    assert (len(room.team(full)), len(room.team(short))) == (2, 1)
    stop_reading()
    with pytest.raises(JointTeamInvalid) as refused:
        room.on(short, staffing.set_team, [*room.team(full)], "补足")
    assert {found["code"] for found in refused.value.extras["errors"]} == {"officer-busy"}


def test_partners_take_places_and_a_department_without_anybody_is_named(make, room):
    make.task()
    make.officer(), make.officer()
    partner = make.partner()
    room.propose()
    (visit,) = room.visits()
    items = [
        PartnerItem("市场监管局", "现制现售饮用水设备", "《食品安全法》"),
        PartnerItem("教育局", "校车", "《校车安全管理条例》"),
    ]
    stop_reading()
    room.on(visit, staffing.set_partners, [partner.id], items)
    stop_reading()
    room.on(visit, staffing.set_partners, [partner.id], items)
    (visit,) = room.visits()
    assert team_queries.partners_of(visit.id) == [partner.id]
    assert staffing.departments_missing(visit) == ["教育局"]
    lot = room.draw_teams()
    (wanted,) = teaming.read_manifest(lot.manifest.encode()).visits
    assert wanted.beside == 1
    (visit,) = room.visits()
    assert len(visit.officers) == 2
    stop_reading()
    room.step(service.approve_plan, by=make.supervisor())
    room.step(service.publish_plan)
    code = room.on(visit, readying.request_code)
    assert [one.partner_id for one in code.partners] == [partner.id]


def test_a_partner_goes_no_more_often_on_a_day_than_the_plan_says(make, room):
    for _ in range(2):
        make.task(make.unit(), due_on=FIRST)
    partner = make.partner()
    room.propose(first_on=FIRST, last_on=FIRST)
    one, other = room.visits()
    stop_reading()
    room.on(one, staffing.set_partners, [partner.id], [])
    with pytest.raises(PartnerMayNotGo):
        room.on(other, staffing.set_partners, [partner.id], [])


def test_a_stranger_checks_a_lot_once_its_days_are_over(make, room, client, clock, tmp_path):
    hospital = make.unit()
    make.task(hospital)
    make.officer(), make.officer()
    room.propose()
    lot_id = room.step(lots.ask_teams).id
    stop_reading()
    address = f"/public/team-lots/{lot_id}"
    told = client.get(f"{address}.json").json
    assert (told["state"], told["manifest"], told["secret"]) == ("asked", None, None)
    assert told["commit"] in client.get(address).text
    jobs.form_joint_teams(at=make.at)
    stop_reading()
    assert hospital.archive_no not in client.get(address).text
    assert client.get(f"{address}/bundle.zip").status_code == 409
    clock.at = datetime(2027, 1, 1, tzinfo=UTC)
    after = client.get(f"{address}.json").json
    assert after["manifest_sha256"] == told["manifest_sha256"]
    assert sha256(after["manifest"].encode()).hexdigest() == told["manifest_sha256"]
    with zipfile.ZipFile(io.BytesIO(client.get(f"{address}/bundle.zip").data)) as archive:
        archive.extractall(tmp_path)
    program = [sys.executable, "-I", "-S", str(tmp_path / "verify_teams.py")]
    assert subprocess.run(program, check=False).returncode == 0
    teams = tmp_path / "teams.json"
    teams.write_text(teams.read_text().replace(",1]", ",0]", 1))
    assert subprocess.run(program, check=False).returncode == 1


@pytest.mark.past_the_services
def test_the_command_sees_what_somebody_changed_in_a_stored_lot(make, room, flask_app):
    make.task()
    make.officer(), make.officer()
    room.propose()
    lot = room.draw_teams()
    assert public_lots.faults_of(lot) == []
    stop_reading()
    verify = ("verify", str(room.plan_id))
    run = flask_app.test_cli_runner().invoke
    right = run(joint_group, verify)
    assert run(joint_group, ("verify", "310105-1")).output == right.output
    assert "没有这次组队抽取" in run(joint_group, ("verify", "310105-9")).output
    assert (right.exit_code, "√" in right.output) == (0, True)
    with transaction():
        row = db.session.get_one(JointTeamLot, lot.id)
        assert row.teams
        row.teams = row.teams.replace(",1]", ",0]", 1)
    assert public_lots.faults_of(db.session.get_one(JointTeamLot, lot.id)) == [
        "teams-not-in-journal"
    ]
    stop_reading()
    with transaction():
        row = db.session.get_one(JointTeamLot, lot.id)
        row.teams = lot.teams
        row.secret = "00" * 32
    assert public_lots.faults_of(db.session.get_one(JointTeamLot, lot.id)) == ["secret-mismatch"]
    stop_reading()
    wrong = run(joint_group, verify)
    assert (wrong.exit_code, "secret-mismatch" in wrong.output) == (1, True)


# --- tasks of a draw ------------------------------------------------------------------------------


@pytest.fixture
def desk(flask_app, make, clock):
    return Desk(Office(flask_app, make, clock))


def test_drawn_officers_go_and_their_draw_gives_the_chance(make, desk, app_context):
    room = Room(make)
    room.propose(teams=10, visits_each=5)
    lot = room.draw_teams()
    sources = teaming.read_manifest(lot.manifest.encode()).sources
    assert sources == (f"draw:{desk.draw_no}",)
    teams = {line.task_id: desk.team(line.task_id) for line in desk.lines()}
    for visit in room.visits():
        (row,) = visit.tasks
        assert room.team(visit) == set(teams[row.task_id])
        assert not any(one.by_lot for one in visit.officers)
    stop_reading()
    room.step(service.approve_plan, by=room.dong)
    room.step(service.publish_plan)
    assert {line.task_id: desk.team(line.task_id) for line in desk.lines()} == teams
    assert desk.figure().changed == 0


def test_too_many_other_officers_for_a_draw_are_refused_when_the_plan_is_published(
    make, desk, app_context
):
    room = Room(make)
    fresh = [make.officer().id for _ in range(2)]
    room.propose(teams=10, visits_each=50)
    (first, *_) = visits = room.visits()
    stop_reading()
    for visit in visits:
        room.on(visit, staffing.set_team, fresh, "整组调换")
    plan = db.session.get_one(JointPlan, room.plan_id)
    (share,) = staffing.shares_of(plan, on=FIRST)
    assert (share.draw_no, share.changed, share.kept) == (desk.draw_no, share.total, False)
    stop_reading()
    room.step(service.approve_plan, by=room.dong)
    with pytest.raises(AdjustmentBeyondCap):
        room.step(service.publish_plan)
    assert desk.figure().changed == 0
    assert first.plan_id == room.plan_id
