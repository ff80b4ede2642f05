"""Documents and blocks are read over HTTP by the agency's own, and by nobody else."""

import pytest

from app.access import Role
from tests.documents.desk import OPINION, Desk
from tests.factories import OTHER_DISTRICT


@pytest.fixture
def desk(make):
    return Desk.of(make)


def test_a_document_is_listed_and_shown_whole(make, desk):
    desk.allot()
    issued, other = desk.issue(1), desk.issue(2)
    client = make.signed_in(Role.OFFICER)

    listed = client.get("/api/v1/documents?kind=opinion&limit=1")
    assert [one["id"] for one in listed.json["items"]] == [str(min(issued.id, other.id))]
    assert 'rel="next"' in listed.headers["Link"]
    assert "fields" not in listed.json["items"][0]
    shown = client.get(f"/api/v1/documents/{other.id}")
    assert shown.headers["ETag"] == '"1"'
    assert (shown.json["number"], shown.json["fields"]) == ("2026—002", OPINION)
    assert shown.json["signatures"] == []
    assert client.get(f"/api/v1/documents?officer_id={desk.unit.id}").json["items"] == []


def test_blocks_are_shown_with_what_became_of_their_numbers(make, desk):
    desk.allot(4)
    desk.issue(3)
    client = make.signed_in(Role.SUPERVISOR)

    found = client.get(f"/api/v1/number-blocks?device_id={desk.device_id}").json["items"]

    assert [(one["series"], one["first"], one["last"]) for one in found] == [("opinion:2026", 1, 4)]
    assert (found[0]["used"], found[0]["free"]) == (1, 1)
    assert found[0]["gaps"] == [{"first": 1, "last": 2, "reason": "skipped"}]
    assert client.get("/api/v1/number-blocks?year=2027").json["items"] == []


def test_officers_do_not_read_blocks_and_strangers_read_nothing(make, desk):
    desk.allot()
    issued = desk.issue(1)
    assert make.signed_in(Role.OFFICER).get("/api/v1/number-blocks").status_code == 403
    stranger = make.signed_in(Role.AUDITOR, agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert stranger.get("/api/v1/documents").json["items"] == []
    assert stranger.get("/api/v1/number-blocks").json["items"] == []
    assert stranger.get(f"/api/v1/documents/{issued.id}").status_code == 404
