"""The catalogue over HTTP."""

import pytest

from app.access import Role

GEOFENCE = "/api/v1/catalogue/setting/geofence-m"


@pytest.fixture
def ding(make):
    make.catalogue()
    return make.signed_in(Role.ADMINISTRATOR)


def code_of(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def replacement(client, **values):
    body = client.get(GEOFENCE).json["body"]
    return {
        "body": {**body, "value": 200},
        "effective_from": "2026-12-01",
        "source": "某号通知",
        **values,
    }


def test_everybody_who_is_signed_in_reads_the_rows_of_a_day(make, client):
    make.catalogue()
    assert client.get(GEOFENCE).status_code == 401
    reader = make.signed_in(Role.PARTNER)
    listed = reader.get("/api/v1/catalogue/check_item?limit=5&on=2026-11-21")
    assert len(listed.json["items"]) == 5
    following = reader.get(listed.headers["Link"].split(";")[0].strip("<>"))
    assert not {row["id"] for row in listed.json["items"]} & {
        row["id"] for row in following.json["items"]
    }
    assert reader.get("/api/v1/catalogue/check_item?on=1999-01-01").json["items"] == []
    row = reader.get(GEOFENCE)
    assert (row.json["body"]["value"], row.json["confirmed"]) == (300, False)
    again = reader.get(GEOFENCE, headers={"If-None-Match": row.headers["ETag"]})
    assert again.status_code == 304


def test_an_administrator_supersedes_a_row(ding):
    made = ding.post(GEOFENCE, json=replacement(ding))
    assert (made.status_code, made.json["effective_to"]) == (201, None)
    assert ding.get(GEOFENCE).json["effective_to"] == "2026-11-30"
    assert ding.get(f"{GEOFENCE}?on=2026-12-01").json["body"]["value"] == 200
    again = ding.post(GEOFENCE, json=replacement(ding))
    assert (again.status_code, code_of(again)) == (409, "catalogue-overlap")
    assert again.json["effective_from"] == "2026-12-01"


def test_nobody_else_supersedes(make, ding):
    for role in set(Role) - {Role.ADMINISTRATOR}:
        assert code_of(make.signed_in(role).post(GEOFENCE, json=replacement(ding))) == (
            "role-missing"
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 1.5},
        {"name": "a\x00b"},
        {"value": 2**53},
        {"more\x00": 1},
        {"deep": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
        {"long": "x" * 70_000},
    ],
)
def test_what_no_database_keeps_is_refused(ding, wrong):
    given = replacement(ding)
    given["body"].update(wrong)
    answer = ding.post(GEOFENCE, json=given)
    assert (answer.status_code, code_of(answer)) == (422, "content-invalid")
    assert answer.json["errors"][0]["pointer"] == "#/body"


def test_a_wrong_request_is_a_problem_and_nothing_is_written(ding):
    for given, code in (
        (replacement(ding, body=[]), "content-invalid"),
        (replacement(ding, effective_from="2026-02-30"), "content-invalid"),
        (replacement(ding, body={"value": 1}), "catalogue-body-wrong"),
    ):
        assert code_of(ding.post(GEOFENCE, json=given)) == code
    assert ding.get(f"{GEOFENCE}?on=2026-12-31").json["body"]["value"] == 300


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("setting/nothing", 404, "catalogue-row-missing"),
        ("setting/geofence-m?on=1999-01-01", 404, "catalogue-row-missing"),
        ("setting/a%00b", 404, "catalogue-row-missing"),
        ("setting/%ED%A0%80", 404, "catalogue-row-missing"),
        ("nothing", 404, "route-unknown"),
        ("setting?on=now", 422, "content-invalid"),
        ("setting?on=null", 422, "content-invalid"),
        ("setting?limit=0", 422, "content-invalid"),
        ("setting?cursor=x", 400, "cursor-unknown"),
    ],
)
def test_what_is_not_there_is_a_problem(ding, path, status, code):
    answer = ding.get(f"/api/v1/catalogue/{path}")
    assert (answer.status_code, code_of(answer)) == (status, code)
