"""Changes of a draw over HTTP."""

from typing import Any

import pytest

from app.access import Role
from app.days import local_date
from tests.draws.desk import Desk
from tests.draws.office import Office


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def signed_in(desk: Desk) -> Any:
    """A supervisor with a certificate, on no team."""
    return desk.make.signed_in(Role.SUPERVISOR, officer=desk.make.officer())


def post(client: Any, path: str, **body: Any) -> Any:
    """Ask for a step on the version that the object has now."""
    current = client.get(path.rpartition("/")[0])
    headers = {"If-Match": current.headers["ETag"]}
    return client.post(path, json=body or None, headers=headers)


def test_a_replacement_goes_from_proposal_to_reserve(desk: Desk) -> None:
    chen, ding = signed_in(desk), signed_in(desk)
    line = desk.lines()[0]
    body = {
        "task_id": str(line.task_id),
        "cause": "closed",
        "note": "大门紧锁",
        "evidence": [desk.make.stored_evidence()],
    }
    made = chen.post(f"/api/v1/draws/{desk.draw_no}/replacements", json=body)
    assert made.status_code == 201, made.json
    assert (made.json["state_name"], made.json["archive_no"]) == ("待复核", line.archive_no)
    path = f"/api/v1/draw-changes/{made.json['id']}"
    refused = post(chen, f"{path}/confirm")
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/second-person-invalid")
    done = post(ding, f"{path}/confirm")
    assert done.status_code == 200, done.json
    reserve = next(one for one in desk.lines("reserve") if one.task_id)
    assert done.json["reserve_archive_no"] == reserve.archive_no
    assert done.json["record"]["rank"] == reserve.rank
    listed = ding.get(f"/api/v1/draws/{desk.draw_no}/changes?state=carried-out").json["items"]
    assert [one["id"] for one in listed] == [made.json["id"]]
    figure = ding.get(f"/api/v1/draws/{desk.draw_no}/changes/figure").json
    assert figure == {"changed": 0, "total": 8, "cap": [15, 100], "share": "0.0%", "kept": True}


def test_a_decision_needs_the_version_that_was_seen(desk: Desk) -> None:
    chen, ding = signed_in(desk), signed_in(desk)
    line = desk.lines()[0]
    body = {
        "task_id": str(line.task_id),
        "officer_id": str(desk.team(line.task_id)[1]),
        "cause": "unavailable",
        "note": "抽调",
    }
    made = chen.post(f"/api/v1/draws/{desk.draw_no}/slot-redraws", json=body).json
    path = f"/api/v1/draw-changes/{made['id']}"
    assert ding.post(f"{path}/confirm").status_code == 428
    assert ding.post(f"{path}/confirm", headers={"If-Match": '"9"'}).status_code == 412
    assert post(chen, f"{path}/withdraw", reason="回来了").json["state"] == "withdrawn"
    again = post(ding, f"{path}/refuse", reason="不同意")
    assert (again.status_code, again.json["state"]) == (409, "withdrawn")


def test_beyond_the_cap_an_approval_comes_before_the_confirmation(office: Office) -> None:
    desk = Desk(office, strata={"公共场所/住宿场所": 2}, weight_factors=[])
    chen, ding = signed_in(desk), signed_in(desk)
    line = desk.lines()[0]
    body = {
        "task_id": str(line.task_id),
        "officer_id": str(desk.team(line.task_id)[1]),
        "cause": "unavailable",
        "note": "抽调",
    }
    made = chen.post(f"/api/v1/draws/{desk.draw_no}/slot-redraws", json=body).json
    path = f"/api/v1/draw-changes/{made['id']}"
    beyond = post(ding, f"{path}/confirm")
    assert (beyond.status_code, beyond.json["type"]) == (
        409,
        "/problems/draw-adjustment-beyond-cap",
    )
    assert (beyond.json["changed"], beyond.json["total"]) == (1, 4)
    assert post(chen, f"{path}/approve", reason="同意").status_code == 403
    reviewer: Any = desk.make.signed_in(Role.LEGAL_REVIEWER)
    headers = {"If-Match": ding.get(path).headers["ETag"]}
    other = reviewer.post(f"{path}/approve", json={"reason": "同意"}, headers=headers)
    assert (other.status_code, other.json["type"]) == (403, "/problems/draw-approver-required")
    assert post(ding, f"{path}/approve", reason="参加市级专项").status_code == 200
    assert post(ding, f"{path}/confirm").json["state"] == "confirmed"
    office.tick()
    assert chen.get(path).json["record"]["cause"] == "不能参加"


def test_a_top_up_is_ordered_and_what_is_carried_over_is_listed(desk: Desk) -> None:
    chen = signed_in(desk)
    today = local_date(desk.make.at)
    body = {
        "strata": {"公共场所/住宿场所": 1},
        "level": "attended",
        "draw_on": today.isoformat(),
        "due_on": today.isoformat(),
        "reason": "备选用完",
    }
    made = chen.post(f"/api/v1/draws/{desk.draw_no}/top-up", json=body)
    assert made.status_code == 201, made.json
    assert (made.json["top_up_of"], made.json["period"]) == (desk.draw_no, "2026-Q4")
    assert not made.json["list_public"]
    for path in (f"/api/v1/draws/{desk.draw_no}/carried-over", "/api/v1/draws/carried-over"):
        assert chen.get(path).json["items"] == []
    desk.office.go(days=45)
    chen = signed_in(desk)
    for path in (f"/api/v1/draws/{desk.draw_no}/carried-over", "/api/v1/draws/carried-over"):
        listed = chen.get(path).json["items"]
        assert {one["id"] for one in listed} == {str(one.task_id) for one in desk.lines()}


@pytest.mark.parametrize("who", ["foreign", "clerk"])
def test_others_learn_nothing_of_a_change(desk: Desk, who: str) -> None:
    change = desk.replace(desk.lines()[0])
    if who == "foreign":
        agency = desk.make.agency("310107", "普陀区卫生监督所")
        client: Any = desk.make.signed_in(Role.SUPERVISOR, agency=agency)
    else:
        client = desk.make.signed_in(Role.CLERK)
    expected = 404 if who == "foreign" else 403
    assert client.get(f"/api/v1/draw-changes/{change.id}").status_code == expected
    assert client.get(f"/api/v1/draws/{desk.draw_no}/changes").status_code == expected
