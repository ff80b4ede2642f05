"""Tablets become devices, keep their tokens going, and are suspended, wiped, closed."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient

from app.access import Role
from app.db import db
from app.people import accounts
from app.people.models import Account
from sync.devices import queries, rules
from sync.devices.models import Device, DeviceSession, DeviceToken
from sync.devices.rules import DeviceState
from tests.conftest import FixedClock
from tests.factories import OTHER_DISTRICT, PASSWORD
from tests.sync.conftest import Stage
from tests.sync.tablet import Answer, Tablet


def me(tablet: Tablet) -> Answer:
    return tablet.request("GET", "/devices/me")


def count(stage: Stage, model: type) -> int:
    with stage.flask_app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def code_of(answer: Answer) -> str:
    return str(answer.json["type"]).rpartition("/")[2]


def shown(client: FlaskClient, path: str) -> Any:
    return json.loads(client.get(path).data)


# --- the wire ----------------------------------------------------------------------------------


def test_anyone_discovers_the_protocol_its_limits_and_its_keys(stage: Stage):
    answer = stage.flask_app.test_client().get("/.well-known/suicha")

    assert answer.status_code == 200
    assert answer.json
    assert answer.json["protocols"] == [1]
    assert answer.json["limits"]["batch_operations"] == 50
    assert len(answer.json["receipt_keys"][0]["key"]) == 43
    assert answer.json["rescue_key"]["alg"] == "X25519"
    assert UUID(answer.json["epoch"])


@pytest.mark.parametrize("version", ["2", "", "1.0", None])
def test_another_protocol_gets_406_with_the_supported_list(tablet: Tablet, version: str | None):
    headers = {"Authorization": f"Bearer {tablet.access}"}
    if version is not None:
        headers["Sync-Protocol"] = version

    answer = tablet.send("GET", "/api/sync/v1/devices/me", b"", headers)

    assert answer.status == 406
    assert code_of(answer) == "protocol-unsupported"
    assert answer.json["supported"] == [1]
    assert answer.headers["Sync-Protocol"] == "1"


def test_every_answer_says_protocol_epoch_and_time_also_a_refusal(tablet: Tablet, client):
    epoch = shown(client, "/.well-known/suicha")["epoch"]
    good, bad = me(tablet), tablet.request("GET", "/devices/me", signed_in=False)

    assert (good.status, bad.status) == (200, 401)
    for answer in (good, bad):
        assert answer.headers["Sync-Protocol"] == "1"
        assert answer.headers["Sync-Epoch"] == epoch
        assert answer.headers["Server-Time"] == "2026-11-21T01:00:00.000Z"


# --- enrolment ---------------------------------------------------------------------------------


def test_a_tablet_enrols_with_a_code_and_its_officers_password(stage: Stage):
    account = stage.officer("an")
    tablet = stage.blank()

    answer = tablet.enrol(stage.code(account), "an", PASSWORD)

    assert answer.status == 201
    assert answer.json["session"]["officer_id"] == str(account.officer_id)
    assert answer.json["tokens"]["use"] == "full"
    seen = me(tablet).json
    assert seen["device_id"] == answer.json["device_id"]
    assert (seen["state"], seen["device_seq"], seen["receipt_seq"]) == ("active", 0, 0)
    assert seen["op_hash"] == "0" * 64


def test_a_tablet_whose_browser_lacks_ed25519_enrols_with_es256(stage: Stage):
    account = stage.officer("an")
    tablet = stage.blank()
    tablet.key = ec.generate_private_key(ec.SECP256R1())

    assert tablet.enrol(stage.code(account), "an", PASSWORD).status == 201
    assert tablet.tokens(challenge=tablet.challenge()).status == 200


def test_an_enrolment_whose_answer_was_lost_gives_the_same_device_and_new_tokens(stage: Stage):
    account = stage.officer("an")
    code, tablet = stage.code(account), stage.blank()

    first = tablet.enrol(code, "an", PASSWORD).json
    again = tablet.enrol(code, "an", PASSWORD).json

    assert again["device_id"] == first["device_id"]
    assert again["session"]["user_session_id"] == first["session"]["user_session_id"]
    assert again["tokens"]["access"] != first["tokens"]["access"]
    assert count(stage, Device) == 1
    assert count(stage, DeviceSession) == 1


def test_ten_enrolments_at_once_make_one_device(stage: Stage):
    account = stage.officer("an")
    code, tablet = stage.code(account), stage.blank()

    def enrol(_: int) -> Answer:
        twin = Tablet(stage.send(), stage.clock, key=tablet.key)
        return twin.enrol(code, "an", PASSWORD)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(enrol, range(10)))

    good = [answer for answer in answers if answer.status == 201]
    assert {answer.status for answer in answers} <= {201, 503}
    assert len({answer.json["device_id"] for answer in good}) == 1
    assert count(stage, Device) == 1


def test_a_code_is_good_once_for_one_login_for_a_day(stage: Stage):
    an, bo = stage.officer("an"), stage.officer("bo")
    assert stage.blank().enrol("AAAA-BBBB-CCCC", "an", PASSWORD).status == 403
    assert stage.blank().enrol(stage.code(an), "bo", PASSWORD).status == 403

    used = stage.code(an)
    assert stage.blank().enrol(used.lower().replace("-", " "), "an", PASSWORD).status == 201
    second = stage.blank().enrol(used, "an", PASSWORD)
    assert (second.status, code_of(second)) == (403, "enrolment-code-unknown")

    late = stage.code(bo)
    stage.clock.forward(hours=24)
    assert stage.blank().enrol(late, "bo", PASSWORD).status == 403


def test_a_wrong_password_enrols_nothing_and_does_not_use_up_the_code(stage: Stage):
    account = stage.officer("an")
    code = stage.code(account)

    answer = stage.blank().enrol(code, "an", "a wrong password")

    assert answer.status == 401
    assert count(stage, Device) == 0
    assert stage.blank().enrol(code, "an", PASSWORD).status == 201


def test_a_key_that_is_none_is_refused(stage: Stage):
    account = stage.officer("an")
    tablet = stage.blank()
    body = {
        "code": stage.code(account),
        "login": "an",
        "password": PASSWORD,
        "alg": "ES256",
        "key": "AAAA",
        "model": "Pad",
        "os": "x",
        "build": "1",
    }
    answer = tablet.request("POST", "/devices", body, signed_in=False)
    assert (answer.status, code_of(answer)) == (422, "device-key-unusable")


def test_a_supervisor_issues_a_code_by_login_and_only_for_his_agency(stage: Stage):
    stage.officer("an")
    chen = stage.make.signed_in(Role.SUPERVISOR)

    made = chen.post("/api/v1/device-codes", json={"login": "an"})

    assert made.status_code == 201
    assert stage.blank().enrol(json.loads(made.data)["code"], "an", PASSWORD).status == 201
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stage.make.account(Role.OFFICER, agency=elsewhere, login="far")
    assert chen.post("/api/v1/device-codes", json={"login": "far"}).status_code == 404
    clerk = stage.make.account(Role.CLERK, login="clerk")
    assert clerk.officer_id is None
    refused = chen.post("/api/v1/device-codes", json={"login": "clerk"})
    assert (refused.status_code, json.loads(refused.data)["type"]) == (
        403,
        "/problems/officer-needed",
    )


def test_a_further_officer_signs_in_on_a_shared_tablet(stage: Stage, tablet: Tablet):
    bo = stage.officer("bo")

    answer = tablet.request("POST", "/sessions", {"login": "bo", "password": PASSWORD})

    assert answer.status == 201
    assert answer.json["officer_id"] == str(bo.officer_id)
    assert len(me(tablet).json["sessions"]) == 2
    wrong = tablet.request("POST", "/sessions", {"login": "bo", "password": "no such thing"})
    assert wrong.status == 401


# --- tokens ------------------------------------------------------------------------------------


def test_an_access_token_ends_after_an_hour_and_the_refresh_token_gives_a_new_one(
    stage: Stage, tablet: Tablet
):
    stage.clock.forward(seconds=3600)
    stale = me(tablet)
    assert (stale.status, code_of(stale)) == (401, "token-expired")

    renewed = tablet.tokens(refresh=tablet.refresh)

    assert renewed.status == 200
    tablet.keep_tokens(renewed.json)
    assert me(tablet).status == 200


def test_after_60_days_offline_the_refresh_token_still_works(stage: Stage, tablet: Tablet):
    stage.clock.forward(days=60)
    assert me(tablet).status == 401

    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)

    seen = me(tablet)
    assert seen.status == 200
    assert len(seen.json["sessions"]) == 1


def test_every_renewal_gives_another_90_days_to_tokens_and_session(stage: Stage, tablet: Tablet):
    for _ in range(3):
        stage.clock.forward(days=80)
        renewed = tablet.tokens(refresh=tablet.refresh)
        assert renewed.status == 200
        tablet.keep_tokens(renewed.json)
    assert len(me(tablet).json["sessions"]) == 1


def test_past_90_days_the_key_gives_tokens_and_the_officer_signs_in_again(
    stage: Stage, tablet: Tablet
):
    stage.clock.forward(days=91)
    refused = tablet.tokens(refresh=tablet.refresh)
    assert (refused.status, code_of(refused)) == (401, "token-unknown")

    back = tablet.tokens(challenge=tablet.challenge())

    assert back.status == 200
    tablet.keep_tokens(back.json)
    assert me(tablet).json["sessions"] == []
    answer = tablet.request("POST", "/sessions", {"login": "an", "password": PASSWORD})
    assert answer.status == 201


def test_a_renewal_whose_answer_was_lost_is_repeated_with_the_old_token(tablet: Tablet):
    lost = tablet.tokens(refresh=tablet.refresh).json
    again = tablet.tokens(refresh=tablet.refresh)

    assert again.status == 200
    assert again.json["refresh"] != lost["refresh"]
    tablet.keep_tokens(again.json)
    assert me(tablet).status == 200
    assert tablet.tokens(refresh=tablet.refresh).status == 200


def test_ten_renewals_at_once_all_get_tokens_that_work(stage: Stage, tablet: Tablet):
    def renew(_: int) -> Answer:
        twin = Tablet(stage.send(), stage.clock, key=tablet.key, device_id=tablet.device_id)
        return twin.tokens(refresh=tablet.refresh)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(renew, range(10)))

    assert {answer.status for answer in answers} <= {200, 503}
    tablet.keep_tokens(next(answer for answer in answers if answer.status == 200).json)
    assert me(tablet).status == 200


def test_a_refresh_token_that_comes_back_after_the_new_one_was_used_revokes_all_tokens(
    stage: Stage, tablet: Tablet
):
    stolen = tablet.refresh
    tablet.keep_tokens(tablet.tokens(refresh=stolen).json)
    tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert me(tablet).status == 200

    reused = tablet.tokens(refresh=stolen)

    assert (reused.status, code_of(reused)) == (401, "token-unknown")
    assert (me(tablet).status, code_of(me(tablet))) == (401, "token-unknown")
    assert tablet.tokens(refresh=tablet.refresh).status == 401
    back = tablet.tokens(challenge=tablet.challenge())
    assert back.status == 200, "the device itself is never revoked"
    tablet.keep_tokens(back.json)
    assert me(tablet).json["sessions"], "nor is its officer signed out"


def test_a_challenge_is_good_once_for_one_device_for_five_minutes(stage: Stage, tablet: Tablet):
    other = stage.tablet("bo")
    mine = tablet.challenge()
    assert other.tokens(challenge=mine).status == 401
    assert tablet.tokens(challenge=mine).status == 200
    assert tablet.tokens(challenge=mine).status == 401
    late = tablet.challenge()
    stage.clock.forward(minutes=5, seconds=1)
    assert tablet.tokens(challenge=late).status == 401
    assert tablet.tokens(challenge="AAAA").status == 401


def test_tokens_are_given_only_to_the_devices_key(tablet: Tablet, stage: Stage):
    thief = Tablet(stage.send(), stage.clock, device_id=tablet.device_id)
    assert thief.tokens(refresh=tablet.refresh).status == 401
    assert thief.tokens(challenge=tablet.challenge()).status == 401
    nobody = Tablet(stage.send(), stage.clock, device_id=uuid4())
    assert nobody.tokens(challenge=nobody.challenge()).status == 401


def test_tokens_lie_hashed_in_the_database(stage: Stage, tablet: Tablet):
    with stage.flask_app.app_context():
        rows = db.session.execute(
            sa.select(DeviceToken.access_hash, DeviceToken.refresh_hash)
        ).all()
    assert rows
    assert not {tablet.access, tablet.refresh} & {text for row in rows for text in row}


def test_expired_pairs_are_forgotten(stage: Stage, tablet: Tablet):
    for _ in range(4):
        stage.clock.forward(days=50)
        tablet.keep_tokens(tablet.tokens(refresh=tablet.refresh).json)
    assert count(stage, DeviceToken) <= 3


def test_a_suspended_account_is_in_session_nowhere(stage: Stage, tablet: Tablet):
    with stage.make.writing():
        account = db.session.get_one(Account, stage.logins["an"].id)
        accounts.suspend_account(account, by=stage.make.by(), at=stage.clock())

    assert me(tablet).json["sessions"] == []
    with stage.flask_app.app_context():
        assert queries.officers_in_session(tablet.device_id, stage.clock()) == []


# --- states ------------------------------------------------------------------------------------


def change(stage: Stage, tablet: Tablet, verb: str, role: Role = Role.SUPERVISOR, **over):
    client = stage.make.signed_in(role)
    path = f"/api/v1/devices/{tablet.device_id}"
    reader = stage.make.signed_in(Role.AUDITOR)
    tag = reader.get(path).headers["ETag"]
    return client.post(f"{path}/{verb}", json={"reason": "遗失"}, headers={"If-Match": tag, **over})


def test_a_suspended_device_may_push_and_ask_about_itself_and_nothing_else(
    stage: Stage, tablet: Tablet
):
    assert change(stage, tablet, "suspend").status_code == 200

    assert me(tablet).json["state"] == "suspended"
    assert tablet.request("GET", "/receipts").status == 200
    refused = tablet.request("POST", "/sessions", {"login": "an", "password": PASSWORD})
    assert (refused.status, code_of(refused)) == (403, "device-suspended")
    assert tablet.tokens(refresh=tablet.refresh).json["use"] == "push"

    assert change(stage, tablet, "reinstate").status_code == 403, "supervisors do not"
    assert change(stage, tablet, "reinstate", Role.ADMINISTRATOR).status_code == 200
    again = tablet.request("POST", "/sessions", {"login": "an", "password": PASSWORD})
    assert again.status == 201


def test_a_wipe_is_requested_and_reported_once(stage: Stage, tablet: Tablet):
    body = {"unsent": 3, "at": "2026-11-21T01:00:00.000Z"}
    early = tablet.request("POST", "/devices/me/wiped", body)
    assert (early.status, code_of(early)) == (409, "device-state-wrong")
    assert change(stage, tablet, "request-wipe").status_code == 200
    assert me(tablet).json["state"] == "wipe-requested"

    assert tablet.request("POST", "/devices/me/wiped", body).status == 204
    assert tablet.request("POST", "/devices/me/wiped", {**body, "unsent": 9}).status == 204

    found = shown(stage.make.signed_in(Role.AUDITOR), f"/api/v1/devices/{tablet.device_id}")
    assert found["wiped_unsent"] == 3


def test_a_closed_device_is_unknown_for_good(stage: Stage, tablet: Tablet):
    assert change(stage, tablet, "close", Role.ADMINISTRATOR).status_code == 200

    for answer in (
        me(tablet),
        tablet.tokens(refresh=tablet.refresh),
        tablet.tokens(challenge=tablet.challenge()),
    ):
        assert answer.status == 401
    reopened = change(stage, tablet, "reinstate", Role.ADMINISTRATOR)
    assert (reopened.status_code, json.loads(reopened.data)["state"]) == (409, "closed")
    code = stage.code(stage.logins["an"])
    again = tablet.enrol(code, "an", PASSWORD)
    assert (again.status, code_of(again)) == (401, "device-closed")


def test_an_officer_reports_lost_the_tablet_on_which_he_is_signed_in(stage: Stage, tablet: Tablet):
    path = f"/api/v1/devices/{tablet.device_id}/report-lost"
    stranger = stage.make.signed_in(Role.OFFICER)
    assert stranger.post(path, json={"reason": "捡到"}).status_code == 404

    client = stage.flask_app.test_client()
    headers = stage.make.headers(stage.logins["an"])
    lost = client.post(path, json={"reason": "遗失"}, headers=headers)

    assert (lost.status_code, json.loads(lost.data)["state"]) == (200, "suspended")


def test_devices_of_another_agency_do_not_exist(stage: Stage, tablet: Tablet):
    elsewhere = stage.make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    client = stage.make.signed_in(Role.SUPERVISOR, agency=elsewhere)

    assert shown(client, "/api/v1/devices")["items"] == []
    assert client.get(f"/api/v1/devices/{tablet.device_id}").status_code == 404
    answer = client.post(
        f"/api/v1/devices/{tablet.device_id}/suspend",
        json={"reason": "x"},
        headers={"If-Match": '"1"'},
    )
    assert answer.status_code == 404


def test_a_change_of_a_device_names_the_version_it_saw(stage: Stage, tablet: Tablet):
    client = stage.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/devices/{tablet.device_id}/suspend"
    assert client.post(path, json={"reason": "x"}).status_code == 428
    assert client.post(path, json={"reason": "x"}, headers={"If-Match": '"9"'}).status_code == 412


# --- rules -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(DeviceState))
def test_a_state_decides_which_routes_answer(state: DeviceState):
    base = "/api/sync/v1"
    pushes = [f"{base}/inbox", f"{base}/uploads", f"{base}/uploads/1", f"{base}/receipts"]
    others = [f"{base}/feed", f"{base}/verify", f"{base}/sessions", f"{base}/inboxes"]

    assert all(rules.may_call(state, path) is (state is not DeviceState.CLOSED) for path in pushes)
    assert all(rules.may_call(state, path) is (state is DeviceState.ACTIVE) for path in others)


def test_a_code_is_read_however_it_is_typed():
    assert rules.read_code(" abcd-efgh 1o2i ") == "ABCDEFGH1021"
    assert rules.show_code("ABCDEFGHJKMN") == "ABCD-EFGH-JKMN"


def test_a_session_covers_its_time_and_not_what_came_after_its_end(clock: FixedClock):
    at = clock()
    span = rules.SessionSpan(at, at + timedelta(days=90), at + timedelta(days=1))
    assert span.covers(at)
    assert span.covers(at + timedelta(days=1))
    assert not span.covers(at + timedelta(days=1, seconds=1))
    assert not span.covers(at - timedelta(seconds=1))
    assert span.covers(at - timedelta(seconds=1), tolerance=timedelta(seconds=1))
