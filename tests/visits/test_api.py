"""Visits over HTTP: who may read them, and what they see."""

import pytest

from app.access import Actor, ActorKind, Role
from app.db import new_id, transaction
from app.evidence import service as evidence
from app.visits import answering, rules, service
from app.visits.service import Start
from tests.factories import OTHER_DISTRICT


@pytest.fixture
def visit(make, app_context):
    """A visit under way with one answer, whose photo has not arrived, and one finding."""
    an, bo = make.officer(), make.officer()
    task = make.task(team=(an, bo), checklist_code="lodging")
    by = Actor(
        ActorKind.DEVICE,
        id=new_id(),
        agency_id=an.agency_id,
        district=an.district,
        officer_id=an.id,
    )
    who = {"officer_id": an.id, "by": by, "at": make.at}
    item = rules.item_id("pp-licence")
    with transaction():
        start = Start(task.id, task.unit_id, "lodging", 1, fix={"lat_e7": 312204560})
        found = service.start_visit(
            task.visit_id, start, **who, device_id=by.id, recorded_at=make.at
        ).visit
        answer = answering.answer_item(
            task.visit_id, item, {"result": "no", "note": "过期"}, **who, recorded_at=make.at
        ).current
        answering.state_finding(
            task.visit_id, new_id(), {"text": "许可证过期"}, **who, recorded_at=make.at
        )
        evidence.expect(
            "a" * 64,
            size_bytes=3,
            mime="image/jpeg",
            role="photo",
            subject_type="visit_answer",
            subject_id=answer.id,
            agency_id=an.agency_id,
            district=an.district,
            by=by,
            at=make.at,
        )
    return found


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR])
def test_a_visit_is_read_whole_with_what_is_still_to_come(make, visit, role):
    response = make.signed_in(role).get(f"/api/v1/visits/{visit.id}")

    assert response.status_code == 200
    body = response.json
    assert (body["id"], body["state"], body["kind"]) == (str(visit.id), "under-way", "planned")
    assert [one["device_id"] for one in body["attendance"]] == [str(visit.started_by_id)]
    assert [(one["item_code"], one["note"]) for one in body["answers"]] == [("pp-licence", "过期")]
    assert [one["text"] for one in body["findings"]] == ["许可证过期"]
    assert body["photos_awaited"] == 1
    assert body["fix"] == {"lat_e7": 312204560}
    assert body["started_recorded_at"] == "2026-11-21T01:00:00.000Z"


@pytest.mark.parametrize("role", [Role.CLERK, Role.ADMINISTRATOR, Role.PARTNER])
def test_others_do_not_read_visits(make, visit, role):
    client = make.signed_in(role)
    assert client.get("/api/v1/visits").status_code == 403
    assert client.get(f"/api/v1/visits/{visit.id}").status_code == 403


def test_another_agency_finds_no_such_visit(make, visit):
    there = make.signed_in(Role.SUPERVISOR, agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert there.get(f"/api/v1/visits/{visit.id}").status_code == 404
    assert there.get("/api/v1/visits").json == {"items": []}


def test_visits_are_found_by_state_unit_task_and_who_was_there(make, visit):
    client = make.signed_in(Role.SUPERVISOR)
    attended = visit.attendance[0].officer_id

    def found(query):
        return [one["id"] for one in client.get(f"/api/v1/visits?{query}").json["items"]]

    for query in (
        "state=under-way",
        f"unit_id={visit.unit_id}",
        f"task_id={visit.task_id}",
        f"officer_id={attended}",
    ):
        assert found(query) == [str(visit.id)], query
    for query in ("state=signed", f"unit_id={new_id()}", f"officer_id={new_id()}"):
        assert found(query) == [], query
    assert client.get("/api/v1/visits?state=lost").status_code == 422
