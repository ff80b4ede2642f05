"""Caps on both databases: the ledger is what took place, exceptions need a second person."""

from datetime import date, timedelta

import pytest

from app.access import Role
from app.caps import service
from app.caps.service import CapExceptionDecided, CapExceptionInvalid, Intended
from app.catalogue import service as catalogue
from app.catalogue.service import CatalogueBodyWrong
from app.codes import service as codes
from app.codes.service import NewCode
from app.db import db, new_id, stop_reading, transaction
from app.tasks.second_persons import SecondPersonInvalid
from app.visits import answering
from app.visits.models import Visit

TODAY = date(2026, 11, 21)


@pytest.fixture
def unit(make, app_context):
    return make.unit()


def enter(make, unit, *team, origin="routine"):
    """Let a team go in for a task; the visit is under way."""
    team = team or (make.officer(), make.officer())
    task = make.task(unit, team=team, checklist_code="lodging", origin=origin)
    stop_reading()  # what was read before is of its own moment
    return make.visit(task, *team)


def finish(visit, at):
    with transaction():
        row = db.session.get_one(Visit, visit.id)
        row.state, row.outcome = "finished", "no-problem"
        row.finished_at, row.finished_by_kind = at, "user"


def answers(unit, *, origin, **intended):
    asked = Intended(TODAY, frozenset({origin}), **intended)
    found = service.ask(unit.id, asked, agency_id=unit.agency_id)
    return {one.cap.code: (len(one.counted), str(one.verdict)) for one in found.answers}


def test_what_took_place_is_counted_and_the_exempt_is_not(make, unit):
    enter(make, unit)
    enter(make, unit, origin="complaint")
    found = answers(unit, origin="routine")
    assert found["entries-per-day"] == (1, "flag")
    assert found["entries-per-year"] == (1, "within")
    enter(make, unit)
    found = answers(unit, origin="routine")
    assert found["entries-per-year"] == (2, "exception")
    assert found["joint-per-year"] == (0, "within")
    assert answers(unit, origin="complaint")["entries-per-year"] == (2, "exempt")


def test_an_enterprise_is_every_unit_with_its_code_and_nobody_elses(make, app_context):
    code, other = "91310105MA1FL0X4XN", make.agency("310107")
    one, two = make.unit(uscc=code), make.unit(uscc=code)
    bare, foreign = make.unit(), make.unit(other, uscc=code)
    for unit in (two, two, bare):
        enter(make, unit)
    assert answers(one, origin="routine")["entries-per-year"] == (2, "exception")
    assert answers(one, origin="routine")["entries-per-week"] == (0, "within")
    assert answers(bare, origin="routine")["entries-per-year"] == (1, "within")
    assert answers(foreign, origin="routine")["entries-per-year"] == (0, "within")
    assert service.entries(one.id, TODAY, TODAY) == []  # nobody was there


def test_one_team_that_carries_two_tasks_goes_in_once(make, unit):
    team = (make.officer(), make.officer())
    visits = [enter(make, unit, *team, origin=one).id for one in ("routine", "complaint")]
    (entry,) = service.entries(unit.id, TODAY, TODAY)
    assert (entry.on, entry.origins) == (TODAY, frozenset({"routine", "complaint"}))
    assert entry.id in visits
    assert answers(unit, origin="routine")["entries-per-year"] == (1, "within")


@pytest.mark.past_the_services
def test_an_entry_is_clean_once_it_is_finished_without_finding(make, unit):
    officer = make.officer()
    visit = enter(make, unit, officer, make.officer())
    assert [one.clean for one in service.entries(unit.id, TODAY, TODAY)] == [None]
    finish(visit, make.at)
    assert [one.clean for one in service.entries(unit.id, TODAY, TODAY)] == [True]
    found = answers(unit, origin="routine", officers=frozenset({officer.id}))
    assert found["clean-by-one-officer"] == (1, "within")


@pytest.mark.past_the_services
def test_a_finding_makes_an_entry_not_clean(make, unit):
    an, bo = make.officer(), make.officer()
    visit = enter(make, unit, an, bo)
    by = make.actor(make.account(Role.OFFICER, officer=an))
    with transaction():
        answering.state_finding(
            visit.id,
            new_id(),
            {"text": "无证"},
            officer_id=an.id,
            recorded_at=make.at,
            by=by,
            at=make.at,
        )
    finish(visit, make.at)
    assert [one.clean for one in service.entries(unit.id, TODAY, TODAY)] == [False]


def test_with_another_department_an_entry_is_joint_and_the_third_needs_an_exception(make, unit):
    """长卫健发〔2024〕33号: of several departments together, as a rule twice a year."""
    team, by = (make.officer(), make.officer()), make.supervisor()
    partner = make.partner()
    for number in range(2):
        task = make.task(unit, team=team, checklist_code="lodging", origin="operation")
        stop_reading()
        with transaction():
            new = NewCode(
                unit.id,
                [one.id for one in team],
                make.at,
                make.at + timedelta(hours=8),
                [task.id],
                partner_ids=[partner.id] if number else [],
            )
            codes.request_code(new, agency_id=unit.agency_id, by=by, at=make.at)
        stop_reading()
        make.visit(task, *team)
    (entry,) = service.entries(unit.id, TODAY, TODAY)  # the same team twice on one day
    assert entry.joint
    found = answers(unit, origin="routine", joint=True)
    assert found["joint-per-year"] == (1, "within")
    assert answers(unit, origin="operation")["entries-per-year"] == (0, "exempt")
    assert answers(unit, origin="unit-request")["entries-per-year"] == (0, "exempt")


def test_a_talk_that_is_no_inspection_is_no_entry(make, unit):
    enter(make, unit, origin="compliance-talk")
    assert service.entries(unit.id, TODAY, TODAY) == []


def propose(unit, by, at, **values):
    days = {"from_on": TODAY, "until_on": TODAY, "reason": "群众反映集中", **values}
    with transaction():
        return service.propose_exception(
            unit.id, "entries-per-year", **days, agency_id=unit.agency_id, by=by, at=at
        )


def test_an_exception_holds_for_its_days_once_a_second_person_agreed(make, unit):
    first, second = make.supervisor(), make.supervisor()
    enter(make, unit)
    enter(make, unit)
    found = propose(unit, first, make.at)
    assert answers(unit, origin="routine")["entries-per-year"] == (2, "exception")
    with pytest.raises(SecondPersonInvalid), transaction():
        service.approve_exception(found.id, by=first, at=make.at)
    with transaction():
        service.approve_exception(found.id, by=second, at=make.at)
    assert answers(unit, origin="routine")["entries-per-year"] == (2, "excepted")
    other_day = Intended(date(2026, 11, 23), frozenset({"routine"}))
    asked = service.ask(unit.id, other_day, agency_id=unit.agency_id)
    assert "exception" in {str(one.verdict) for one in asked.answers}
    with pytest.raises(CapExceptionDecided), transaction():
        service.refuse_exception(found.id, "不同意", by=second, at=make.at)


def test_an_exception_names_a_cap_and_days_in_order(make, unit):
    by = make.supervisor()
    with pytest.raises(CapExceptionInvalid):
        propose(unit, by, make.at, until_on=date(2026, 11, 20))
    with pytest.raises(catalogue.CatalogueRowMissing):
        propose(unit, by, make.at, from_on=date(2023, 1, 1))


def test_an_office_changes_a_cap_but_not_into_nonsense(make, unit):
    by = make.actor(make.account(Role.ADMINISTRATOR))
    row = catalogue.get_row("visit_cap", "entries-per-year", TODAY)

    def supersede(**changed):
        with transaction():
            catalogue.supersede(
                "visit_cap",
                "entries-per-year",
                {**row.body, **changed},
                effective_from=TODAY,
                source="本区年度检查频次上限公告",
                by=by,
                at=make.at,
            )

    with pytest.raises(CatalogueBodyWrong):
        supersede(period="fortnight")
    supersede(most=1)
    enter(make, unit)
    assert answers(unit, origin="routine")["entries-per-year"] == (1, "exception")


def test_caps_are_asked_and_excepted_over_http(make, unit):
    enter(make, unit)
    enter(make, unit)
    first = make.signed_in(Role.SUPERVISOR, officer=make.officer())
    second = make.signed_in(Role.SUPERVISOR, officer=make.officer())
    asked = first.get(f"/api/v1/units/{unit.id}/caps?origin=routine").json
    year = next(one for one in asked["caps"] if one["cap"]["code"] == "entries-per-year")
    assert (year["used"], year["verdict"], year["first"]) == (2, "exception", "2026-01-01")
    body = {
        "unit_id": str(unit.id),
        "cap_code": "entries-per-year",
        "from_on": "2026-11-21",
        "until_on": "2026-11-25",
        "reason": "群众反映集中",
    }
    made = first.post("/api/v1/cap-exceptions", json=body)
    assert made.status_code == 201, made.json
    path, version = f"/api/v1/cap-exceptions/{made.json['id']}", {"If-Match": '"1"'}
    assert first.post(f"{path}/approve", headers=version).status_code == 403
    done = second.post(f"{path}/approve", headers=version)
    assert (done.status_code, done.json["state"]) == (200, "approved")
    asked = first.get(f"/api/v1/units/{unit.id}/caps?origin=routine").json
    year = next(one for one in asked["caps"] if one["cap"]["code"] == "entries-per-year")
    assert (year["verdict"], year["exception_id"]) == ("excepted", made.json["id"])
    listed = first.get(
        f"/api/v1/units/{unit.id}/entries?from_on=2026-01-01&until_on=2026-12-31"
    ).json
    assert [one["origins"] for one in listed["entries"]] == [["routine"], ["routine"]]
    wrong = first.get(f"/api/v1/units/{unit.id}/entries?from_on=2026-01-01&until_on=2036-12-31")
    assert (wrong.status_code, wrong.json["type"].rsplit("/", 1)[-1]) == (422, "entries-span-wrong")
