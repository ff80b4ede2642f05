"""Tasks over HTTP: shape, access, status."""

import pytest

from app.access import Role
from tests.factories import OTHER_DISTRICT

URL = "/api/v1/tasks"


def problem(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def if_match(version):
    return {"If-Match": f'"{version}"'}


@pytest.fixture
def an(make):
    return make.officer(name="安")


@pytest.fixture
def bo(make):
    return make.officer(name="博")


@pytest.fixture
def chen(make):
    """A supervisor with a certificate, signed in."""
    return make.signed_in(Role.SUPERVISOR, officer=make.officer(name="陈"))


def test_a_supervisor_creates_a_task_once_per_key(make, chen):
    unit = make.unit()
    body = {"unit_id": str(unit.id), "specialty": "public-places", "origin": "complaint"}
    key = {"Idempotency-Key": "k1"}
    first = chen.post(URL, json=body, headers=key)
    again = chen.post(URL, json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert first.json["task_no"] == "RW-2026-000001"
    assert first.json["state_name"] == "待分派"
    assert first.json["unit"]["archive_no"] == unit.archive_no
    assert len(chen.get(URL).json["items"]) == 1


def test_a_task_with_an_unknown_code_is_refused_by_field(make, chen):
    body = {"unit_id": str(make.unit().id), "specialty": "dentistry", "origin": "drawn"}
    answer = chen.post(URL, json=body)
    assert (answer.status_code, problem(answer)) == (422, "task-invalid")
    assert answer.json["errors"][0]["pointer"] == "#/0/specialty"


def test_a_step_needs_the_version_it_is_based_on(make, chen, an, bo):
    task = make.task()
    url = f"{URL}/{task.id}/assign"
    body = {"officer_ids": [str(an.id), str(bo.id)], "lead_officer_id": str(an.id)}
    missing = chen.post(url, json=body)
    assert (missing.status_code, problem(missing)) == (428, "version-required")
    got = chen.get(f"{URL}/{task.id}")
    done = chen.post(url, json=body, headers={"If-Match": got.headers["ETag"]})
    assert done.status_code == 200, done.json
    assert done.json["state"] == "assigned"
    assert done.headers["ETag"] == f'"{done.json["version"]}"' != got.headers["ETag"]
    stale = chen.post(url, json=body, headers={"If-Match": got.headers["ETag"]})
    assert (stale.status_code, problem(stale)) == (412, "version-stale")
    assert stale.json["current"]["state"] == "assigned"
    wrong = chen.post(url, json=body, headers={"If-Match": done.headers["ETag"]})
    assert (wrong.status_code, problem(wrong)) == (409, "task-state-wrong")
    assert wrong.json["state"] == "assigned"
    assert "accept" in wrong.json["possible"]


def test_an_unfit_team_is_refused_by_name(make, chen, an):
    task = make.task()
    helper = make.officer(name="己", lead_specialties=())
    body = {"officer_ids": [str(an.id), str(helper.id)], "lead_officer_id": str(helper.id)}
    answer = chen.post(f"{URL}/{task.id}/assign", json=body, headers=if_match(task.version))
    assert (answer.status_code, problem(answer)) == (422, "team-invalid")
    assert answer.json["errors"] == [
        {
            "pointer": "#/officer_ids",
            "code": "lead-not-qualified",
            "officer_id": str(helper.id),
            "detail": "己不能主办该专业的检查。",
        }
    ]


def test_an_officer_of_the_team_accepts_and_another_does_not(make, an, bo):
    task = make.task(team=[an, bo])
    url = f"{URL}/{task.id}/accept"
    outsider = make.signed_in(Role.OFFICER)
    refused = outsider.post(url, headers=if_match(task.version))
    assert (refused.status_code, problem(refused)) == (403, "not-on-team")
    accepted = make.signed_in(Role.OFFICER, officer=bo).post(url, headers=if_match(task.version))
    assert accepted.json["state"] == "accepted"


def test_a_closing_goes_from_proposal_to_approval_by_another(make, an, bo, chen):
    task = make.task(team=[an, bo])
    officer = make.signed_in(Role.OFFICER, officer=an)
    body = {"reason": "ceased", "note": "大门紧锁", "evidence": [make.stored_evidence()]}
    url = f"{URL}/{task.id}"
    bare = officer.post(
        f"{url}/propose-closing", json={**body, "evidence": []}, headers=if_match(task.version)
    )
    assert (bare.status_code, problem(bare)) == (422, "closing-invalid")
    proposed = officer.post(f"{url}/propose-closing", json=body, headers=if_match(task.version))
    assert proposed.json["state"] == "closing-proposed"
    refused = chen.post(
        f"{url}/refuse-closing",
        json={"reason": "请再去一次"},
        headers=if_match(proposed.json["version"]),
    )
    assert refused.json["state"] == "assigned"
    again = officer.post(
        f"{url}/propose-closing", json=body, headers=if_match(refused.json["version"])
    )
    closed = chen.post(f"{url}/approve-closing", headers=if_match(again.json["version"]))
    assert (closed.json["state"], closed.json["state_name"]) == ("closed", "已关闭")


def test_who_proposed_a_closing_is_refused_as_the_second_person(make, chen):
    task = make.task()
    body = {"reason": "ceased", "evidence": [make.stored_evidence()]}
    url = f"{URL}/{task.id}"
    proposed = chen.post(f"{url}/propose-closing", json=body, headers=if_match(task.version))
    answer = chen.post(f"{url}/approve-closing", headers=if_match(proposed.json["version"]))
    assert (answer.status_code, problem(answer)) == (403, "second-person-invalid")


def test_another_agencys_task_does_not_exist(make, chen):
    agency = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    foreign = make.task(agency=agency)
    assert chen.get(f"{URL}/{foreign.id}").status_code == 404
    answer = chen.post(
        f"{URL}/{foreign.id}/return", json={"reason": "看看"}, headers=if_match(foreign.version)
    )
    assert (answer.status_code, problem(answer)) == (404, "task-not-found")
    assert chen.get(URL).json["items"] == []


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ADMINISTRATOR, Role.CLERK])
def test_only_supervisors_supervise(make, role):
    task = make.task()
    answer = make.signed_in(role).post(f"{URL}/{task.id}/complete", headers=if_match(task.version))
    assert (answer.status_code, problem(answer)) == (403, "role-missing")


def test_the_list_filters_and_pages(make, chen, an, bo):
    late = make.task(due_on=None, team=[an, bo])
    overdue = make.task(due_on=make.at.date().replace(day=1), origin="complaint")
    due = make.task()
    cases = {
        "": [late, overdue, due],
        "state=assigned": [late],
        f"officer_id={bo.id}": [late],
        f"unit_id={due.unit_id}": [due],
        "origin=complaint": [overdue],
        "specialty=medical": [],
        "overdue=true": [overdue],
        "overdue=false": [late, due],
        "due_from=2026-12-01": [due],
        "due_until=2026-12-01": [overdue],
    }
    for query, tasks in cases.items():
        items = chen.get(f"{URL}?{query}").json["items"]
        assert [item["id"] for item in items] == [str(task.id) for task in tasks], query
    first = chen.get(f"{URL}?limit=2")
    rest = chen.get(first.headers["Link"].split(">")[0][1:])
    assert [len(first.json["items"]), len(rest.json["items"])] == [2, 1]
