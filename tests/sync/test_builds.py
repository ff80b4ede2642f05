"""Builds that end, softly and hard; what an agency sees of its tablets; what never arrived."""

import json
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.access import Role
from app.catalogue import service as catalogue
from sync.devices import service as devices
from sync.devices.rules import Alert, Builds, DeviceState, build_number
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import ITEMS, Stage, answer, start
from tests.sync.tablet import Tablet, written

PHOTO = {"sha256": "ab" * 32, "size": 1000, "mime": "image/jpeg", "role": "photo"}


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("1", Alert.HARD),
        ("1.9", Alert.HARD),
        ("1.10", Alert.SOFT),
        ("1.10.0", Alert.SOFT),
        ("1.10.3-beta", Alert.SOFT),
        ("2", None),
        ("2.0.1", None),
        ("dev", None),
        ("", None),
    ],
)
def test_a_build_is_judged_by_its_numbers(build: str, expected: Alert | None):
    assert Builds("1.10", "2.0").alert_of(build) == expected
    assert build_number("1.10.0") == build_number("1.10")


def end_builds(stage: Stage, code: str, value: str, on: date) -> None:
    """A dated row: from that day on builds below `value` end."""
    with stage.make.writing():
        row = catalogue.get_row("setting", code, date(2026, 11, 21))
        catalogue.supersede(
            "setting",
            code,
            {**row.body, "value": value},
            effective_from=on,
            source="测试",
            by=stage.make.by(),
            at=stage.clock(),
        )


def test_a_build_past_its_recommended_day_is_warned_and_goes_on(stage: Stage, tablet: Tablet):
    end_builds(stage, "tablet-build-recommended", "3", date(2026, 11, 23))
    assert "Alert" not in tablet.request("GET", "/feed?cursor=").headers
    stage.clock.forward(hours=48)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)

    pulled = tablet.request("GET", "/feed?cursor=")
    updated = tablet.request("GET", "/feed?cursor=", Device_Build="3.1")

    assert (pulled.status, pulled.headers["Alert"]) == (200, "soft-eol")
    assert (updated.status, "Alert" in updated.headers) == (200, False)
    said = json.loads(stage.flask_app.test_client().get("/.well-known/suicha").data)
    assert (said["min_build"], said["recommended_build"]) == ("1", "3")


def test_a_build_past_its_end_pulls_nothing_and_loses_nothing(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    end_builds(stage, "tablet-build-min", "2.1", date(2026, 11, 23))
    stage.clock.forward(hours=48)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)

    pulled = tablet.request("GET", "/feed?cursor=")
    verified = tablet.request("POST", "/verify", {"cursor": "", "sets": []})
    signed_in = tablet.request("POST", "/sessions", {"login": "an", "password": PASSWORD})
    pushed = tablet.push([tablet.op("task.accept", task.id, {})])

    for refused in (pulled, verified, signed_in):
        assert (refused.status, refused.json["type"]) == (403, "/problems/hard-eol")
        assert (refused.headers["Alert"], refused.json["min_build"]) == ("hard-eol", "2.1")
    assert pushed.json["results"][0]["outcome"] == "applied"
    assert pushed.headers["Alert"] == "hard-eol"
    assert tablet.request("GET", "/receipts").status == 200
    assert tablet.request("GET", "/devices/me").status == 200
    assert tablet.request("GET", "/feed?cursor=", Device_Build="2.1").status == 200
    tablet.push([tablet.op("task.accept", task.id, {})], Device_Build="2.2")
    assert tablet.request("GET", "/feed?cursor=").status == 200, "the update is remembered"


@pytest.fixture
def chen(stage: Stage) -> FlaskClient:
    """A supervisor of the agency."""
    return stage.make.signed_in(Role.SUPERVISOR)


def shown(client: FlaskClient, path: str) -> dict[str, Any]:
    found = client.get(f"/api/v1/devices/{path}")
    assert found.status_code == 200, found.data
    values: dict[str, Any] = json.loads(found.data)
    return values


def test_an_agency_sees_when_a_tablet_was_last_seen_its_build_and_what_it_still_holds(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    fresh = shown(chen, str(tablet.device_id))
    assert (fresh["build"], fresh["unsent"], fresh["alert"]) == ("1", None, None)
    stage.clock.forward(minutes=30)
    line = tablet.op("task.accept", stage.task(tablet).id, {})
    tablet.op("task.accept", stage.task(tablet).id, {})
    last = tablet.op("task.accept", stage.task(tablet).id, {})

    tablet.push([line, last], Device_Build="1.4", Device_Unsent="17")

    seen = shown(chen, str(tablet.device_id))
    assert seen["last_seen_at"] == seen["unsent_at"] == written(stage.clock())
    assert (seen["build"], seen["unsent"], seen["device_seq"], seen["missing"]) == ("1.4", 17, 3, 1)
    assert seen["version"] == fresh["version"], (
        "what it says of itself is no change of the register"
    )
    tablet.push([line], Device_Build="\u00e9", Device_Unsent="many")
    assert shown(chen, str(tablet.device_id))["unsent"] == 17
    stage.clock.forward(minutes=40)
    tablet.tokens(refresh=tablet.refresh)
    renewed = shown(chen, str(tablet.device_id))
    assert renewed["last_seen_at"] == written(stage.clock())
    listed = chen.get("/api/v1/devices").json
    assert listed
    assert listed["items"] == [renewed]


def test_a_wiped_tablet_leaves_the_list_of_what_never_arrived(
    stage: Stage, chen: FlaskClient, tablet: Tablet
):
    task, home = stage.task(tablet), stage.make.home()
    begin = start(tablet, task)
    with_photo = answer(tablet, task, ITEMS[1], attachments=[PHOTO])
    for _ in range(3):
        tablet.op("task.accept", task.id, {})
    last = tablet.op("task.accept", task.id, {})
    tablet.push([begin, with_photo, last], Device_Unsent="3")
    before = shown(chen, f"{tablet.device_id}/missing")

    with stage.make.writing():
        devices.change_state(
            tablet.device_id,
            DeviceState.WIPE_REQUESTED,
            "遗失",
            by=stage.make.by(home),
            at=stage.clock(),
        )
    wiped = tablet.request("POST", "/devices/me/wiped", {"unsent": 5, "at": written(stage.clock())})

    assert wiped.status == 204
    assert before["gaps"] == [{"first": 3, "last": 5}]
    assert (before["unsent"], before["photos"], before["wiped_at"]) == (3, [PHOTO["sha256"]], None)
    after = shown(chen, f"{tablet.device_id}/missing")
    assert (after["unsent"], after["wiped_at"]) == (5, written(stage.clock()))
    assert after["gaps"] == before["gaps"]
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stranger = stage.make.signed_in(Role.SUPERVISOR, agency=elsewhere)
    assert stranger.get(f"/api/v1/devices/{tablet.device_id}/missing").status_code == 404
