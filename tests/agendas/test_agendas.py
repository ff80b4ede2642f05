"""Feeds of officers and teams: who makes them, who reads them, what they say."""

from datetime import date, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import icalendar
import pytest

from app.access import Role
from app.agendas.models import Agenda
from app.db import db, stop_reading
from app.jointvisits import queries, service
from app.jointvisits.models import JointPlan, JointVisitOfficer
from app.jointvisits.reading import NewPlan
from app.journal.models import JournalEntry
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Officer
from app.people.rules import OfficerState

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)
AGENDAS = "/api/v1/agendas"
SPECIALTIES = ("public-places", "medical")
BOTH = {"specialties": SPECIALTIES, "lead_specialties": SPECIALTIES}


@pytest.fixture
def an(make):
    """An officer of the first team, who signs in."""
    return make.officer(name="安", team="一科", **BOTH)


@pytest.fixture
def own(make, an):
    return make.headers(make.account(Role.OFFICER, officer=an))


@pytest.fixture
def chen(make):
    return make.headers(make.account(Role.SUPERVISOR))


@pytest.fixture
def plan(make, an):
    """Draw up a published plan of one unit's two tasks, with An in the team."""

    def published(name="壬"):
        along = make.officer(name=name, team="二科", **BOTH)
        proposer, approver = make.supervisor(), make.supervisor()
        unit = make.unit(name="某某,医院;一部", address="长宁路1号", legal_representative="钱七")
        for specialty in SPECIALTIES:
            make.task(unit, specialty=specialty, object_class=None)
        new = NewPlan(FIRST, LAST, 2, 2, unit_ids=(unit.id,))
        with make.flask_app.app_context():
            draft = service.draft_plan(new, agency_id=make.home().id, at=make.at)
            stop_reading()
        with make.writing():
            agency = people.get_agency(make.home().id)
            plan_id = service.propose_plan(draft, agency=agency, by=proposer, at=make.at).id
        with make.writing():
            (visit,) = queries.visits_of(plan_id)
            visit.officers = [
                JointVisitOfficer(officer_id=one.id, specialty=None, by_lot=False)
                for one in (an, along)
            ]
        with make.writing():
            service.approve_plan(read_plan(plan_id), by=approver, at=make.at)
        with make.writing():
            service.publish_plan(read_plan(plan_id), by=approver, at=make.at)
        return plan_id

    return published


def read_plan(plan_id):
    return db.session.get_one(JointPlan, plan_id)


def issue(client, headers, **body):
    answer = client.post(AGENDAS, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json, urlsplit(answer.json["url"]).path


def events(answer):
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(answer.data)
    assert calendar.errors == []
    return calendar.events


def test_an_officer_subscribes_to_the_published_visits_of_his_own(make, client, an, own, plan):
    plan("丙丁戊")
    made, path = issue(client, own, officer_id=str(an.id))
    answer = client.get(path)
    (event,) = events(answer)
    assert event["SUMMARY"] == "联合检查：某某,医院;一部"
    assert event["LOCATION"] == "长宁路1号"
    assert event["DESCRIPTION"].startswith("共 2 项任务：")
    assert FIRST <= event.start <= LAST
    text = answer.get_data(as_text=True).replace("\r\n ", "")
    assert "随查日程 安" in text
    assert not any(name in text for name in ("丙丁戊", "钱七", "public-places"))
    with make.flask_app.app_context():
        kept = db.session.get_one(Agenda, UUID(made["id"]))
        assert kept.token_hash not in path
        assert path.split("/")[-1].removesuffix(".ics") not in str(vars(kept))


def test_nothing_is_sent_again_while_nothing_changes(make, client, an, own, plan, clock):
    _, path = issue(client, own, officer_id=str(an.id))
    empty = client.get(path)
    assert events(empty) == []
    clock.forward(minutes=5)
    plan_id = plan()
    first = client.get(path, headers={"If-None-Match": empty.headers["ETag"]})
    (before,) = events(first)
    assert first.headers["Last-Modified"] > empty.headers["Last-Modified"]
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.get(path, headers=since).status_code == 304
    clock.forward(minutes=5)
    by = make.supervisor()
    with make.writing():
        service.withdraw_plan(read_plan(plan_id), "另行安排", by=by, at=make.at)
    answer = client.get(path, headers=since)
    (after,) = events(answer)
    assert (after["STATUS"], after["UID"]) == ("CANCELLED", before["UID"])
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["DTSTAMP"].dt > before["DTSTAMP"].dt


def test_a_plan_that_is_not_published_stands_in_no_calendar(make, client, an, own):
    proposer = make.supervisor()
    task = make.task(make.unit())
    with make.flask_app.app_context():
        draft = service.draft_plan(NewPlan(FIRST, LAST, 2, 2), agency_id=make.home().id, at=make.at)
        stop_reading()
    with make.writing():
        agency = people.get_agency(make.home().id)
        plan = service.propose_plan(draft, agency=agency, by=proposer, at=make.at)
        (visit,) = queries.visits_of(plan.id)
        visit.officers = [JointVisitOfficer(officer_id=an.id, specialty=None, by_lot=True)]
    assert task
    _, path = issue(client, own, officer_id=str(an.id))
    assert events(client.get(path)) == []
    with make.writing():
        service.withdraw_plan(read_plan(plan.id), "不再需要", by=proposer, at=make.at)
    assert events(client.get(path)) == []


def test_a_new_address_ends_the_old_one_and_a_revoked_one_comes_back_by_renewing(
    make, client, an, own, chen
):
    made, path = issue(client, own, officer_id=str(an.id))
    address = f"{AGENDAS}/{made['id']}"
    again = client.post(AGENDAS, json={"officer_id": str(an.id)}, headers=chen)
    assert (again.status_code, again.json["agenda_id"]) == (409, made["id"])
    version = {"If-Match": '"1"'}
    renewed = client.post(f"{address}/renew", headers={**chen, **version})
    newer = urlsplit(renewed.json["url"]).path
    assert client.get(path).status_code == 404
    assert client.get(newer).status_code == 200
    revoked = client.post(f"{address}/revoke", headers={**own, "If-Match": '"2"'})
    assert revoked.json["revoked_at"] is not None
    assert client.get(newer).status_code == 404
    back = client.post(f"{address}/renew", headers={**own, "If-Match": '"3"'})
    assert client.get(urlsplit(back.json["url"]).path).status_code == 200
    with make.flask_app.app_context():
        entries = db.session.scalars(
            db.select(JournalEntry).where(JournalEntry.event.startswith("agenda."))
        ).all()
        assert [one.event for one in entries] == [
            *("agenda.issued", "agenda.issued", "agenda.revoked", "agenda.issued"),
        ]
        assert not any(part.split("/")[-1][:20] in one.text for one in entries for part in (path,))


def test_a_team_has_a_calendar_of_all_who_are_in_it(make, client, an, chen, own, plan):
    plan()
    assert client.post(AGENDAS, json={"team": "一科"}, headers=own).status_code == 404
    assert client.post(AGENDAS, json={"team": "没有的科"}, headers=chen).status_code == 404
    _, path = issue(client, chen, team="一科")
    (event,) = events(client.get(path))
    assert event["SUMMARY"] == "联合检查：某某,医院;一部"
    make.officer(name="己", team="三科")
    _, other = issue(client, chen, team="三科")
    assert events(client.get(other)) == []


def test_nobody_makes_or_sees_the_calendar_of_another(make, client, an, own):
    other = make.officer(name="乙")
    stranger = make.headers(make.account(Role.OFFICER, officer=other))
    made, _ = issue(client, own, officer_id=str(an.id))
    assert (
        client.post(AGENDAS, json={"officer_id": str(an.id)}, headers=stranger).status_code == 404
    )
    assert client.get(f"{AGENDAS}/{made['id']}", headers=stranger).status_code == 404
    assert client.get(AGENDAS, headers=stranger).json["items"] == []
    assert [one["id"] for one in client.get(AGENDAS, headers=own).json["items"]] == [made["id"]]
    away = make.agency("310107", "普陀区卫生监督所")
    foreign = make.headers(make.account(Role.SUPERVISOR, agency=away))
    assert client.get(f"{AGENDAS}/{made['id']}", headers=foreign).status_code == 404
    assert client.post(AGENDAS, json={"officer_id": str(an.id)}, headers=foreign).status_code == 404
    for body in ({}, {"officer_id": str(an.id), "team": "一科"}):
        assert client.post(AGENDAS, json=body, headers=own).status_code == 422


def test_who_left_or_is_suspended_has_no_calendar_any_more(make, client, an, chen):
    account = make.account(Role.OFFICER, officer=an)
    _, path = issue(client, make.headers(account), officer_id=str(an.id))
    by = make.actor(make.account(Role.ADMINISTRATOR))
    with make.writing():
        accounts.suspend_account(db.session.get_one(Account, account.id), by=by, at=make.at)
    assert client.get(path).status_code == 404
    with make.writing():
        accounts.reinstate_account(db.session.get_one(Account, account.id), by=by, at=make.at)
    assert client.get(path).status_code == 200
    with make.writing():
        officer = db.session.get_one(Officer, an.id)
        people.change_officer(officer, {"state": OfficerState.LEFT}, by=by, at=make.at)
    assert client.get(path).status_code == 404
    assert client.get("/calendars/nothing.ics").status_code == 404


def test_an_api_token_makes_no_calendar(make, client, an):
    account = make.account(Role.OFFICER, officer=an)
    with make.writing():
        token, _ = accounts.issue_token(
            "表",
            [Role.OFFICER],
            expires_at=make.at + timedelta(days=1),
            by=make.actor(account),
            at=make.at,
        )
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post(AGENDAS, json={"officer_id": str(an.id)}, headers=headers)
    assert (answer.status_code, answer.json["type"]) == (403, "/problems/session-required")
