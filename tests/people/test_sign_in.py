"""Signing in: passwords, lock-out, sessions."""

import json
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app.access import Role
from app.db import db
from app.journal.models import JournalEntry
from app.people import accounts
from app.people.models import Account, AccountToken
from app.people.rules import FAILURES_ALLOWED
from tests.factories import PASSWORD
from wsgi import create_app


def sign_in(client, login, password=PASSWORD):
    return client.post("/api/v1/sessions", json={"login": login, "password": password})


def code_of(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json['token']}"}


def stored(flask_app, model, **where):
    with flask_app.app_context():
        return db.session.scalars(sa.select(model).filter_by(**where)).all()


def test_the_right_password_opens_a_session(client, make):
    account = make.account(Role.SUPERVISOR, login="chen")
    answer = sign_in(client, "Chen")
    assert answer.status_code == 201
    assert answer.json["account"]["id"] == str(account.id)
    assert answer.json["expires_at"] == "2026-11-21T13:00:00.000Z"
    assert client.get("/api/v1/me", headers=bearer(answer)).json["roles"] == ["supervisor"]
    assert "argon2" not in answer.get_data(as_text=True)


def test_a_wrong_password_and_an_unknown_login_answer_the_same(client, make):
    make.account(Role.SUPERVISOR, login="chen")
    wrong, unknown = sign_in(client, "chen", "wrong"), sign_in(client, "nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    for answer in (wrong, unknown):
        answer.json.pop("instance")
    assert {k: v for k, v in wrong.json.items() if k != "instance"} == {
        k: v for k, v in unknown.json.items() if k != "instance"
    }
    assert code_of(wrong) == "sign-in-refused"


def test_an_unknown_login_costs_a_hash_too(client, make, monkeypatch):
    make.account(Role.SUPERVISOR, login="chen")
    verified = []
    verify = PasswordHasher.verify

    def counting(self, stored_hash, password):
        verified.append(self.memory_cost)
        return verify(self, stored_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    sign_in(client, "chen", "wrong")
    sign_in(client, "nobody", "wrong")
    assert verified == [256, 256]


def test_nothing_signs_in_by_the_hash_of_nobody(app_context):
    hasher = accounts._hasher(256)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(accounts._nobody(hasher), "")


def test_wrong_passwords_lock_the_account_and_time_unlocks_it(client, make, clock, flask_app):
    make.account(Role.SUPERVISOR, login="chen")
    for _ in range(FAILURES_ALLOWED - 1):
        assert sign_in(client, "chen", "wrong").status_code == 401
    locked = sign_in(client, "chen", "wrong")
    assert (locked.status_code, code_of(locked)) == (429, "account-locked")
    assert locked.headers["Retry-After"] == "900"
    clock.forward(seconds=899.5)
    still = sign_in(client, "chen")
    assert (still.status_code, still.headers["Retry-After"]) == (429, "1")
    clock.forward(seconds=1)
    assert sign_in(client, "chen", "wrong").status_code == 401
    assert sign_in(client, "chen").status_code == 201
    events = [entry.event for entry in stored(flask_app, JournalEntry)]
    assert events.count("account.locked") == 1


def test_a_success_forgets_earlier_failures(client, make, flask_app):
    make.account(Role.SUPERVISOR, login="chen")
    for _ in range(2):
        for _ in range(FAILURES_ALLOWED - 1):
            sign_in(client, "chen", "wrong")
        assert sign_in(client, "chen").status_code == 201
    assert stored(flask_app, Account, login="chen")[0].failed_count == 0


def test_failures_do_not_overtake_the_edit_of_an_administrator(client, make):
    account = make.account(Role.SUPERVISOR, login="chen")
    ding = make.signed_in(Role.ADMINISTRATOR)
    tag = ding.get(f"/api/v1/accounts/{account.id}").headers["ETag"]
    sign_in(client, "chen", "wrong")
    changed = ding.patch(
        f"/api/v1/accounts/{account.id}", json={"name": "陈"}, headers={"If-Match": tag}
    )
    assert changed.status_code == 200


def test_guesses_that_run_at_once_are_each_counted(flask_app, make):
    make.account(Role.SUPERVISOR, login="chen")
    answers = []

    def guess():
        answers.append(sign_in(flask_app.test_client(), "chen", "wrong").status_code)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * (FAILURES_ALLOWED - 1) + [429] * (9 - FAILURES_ALLOWED)
    assert stored(flask_app, Account, login="chen")[0].failed_count == FAILURES_ALLOWED


def test_tokens_and_passwords_are_hashed_at_rest(client, make, flask_app):
    make.account(Role.SUPERVISOR, login="chen")
    session = sign_in(client, "chen")
    made = client.post(
        "/api/v1/tokens",
        json={"name": "x", "roles": ["supervisor"], "expires_at": "2026-12-01T00:00:00.000Z"},
        headers={**bearer(session), "Idempotency-Key": "k"},
    )
    with flask_app.app_context():
        rows = [
            tuple(row)
            for table in db.metadata.sorted_tables
            for row in db.session.execute(sa.select(table))
        ]
    text = repr(rows)
    assert len(stored(flask_app, AccountToken)) == 2
    assert session.json["token"] not in text
    assert made.json["token"] not in text
    assert PASSWORD not in text
    assert "$argon2id$" in text


def test_signing_out_ends_the_session(client, make):
    make.account(Role.SUPERVISOR, login="chen")
    headers = bearer(sign_in(client, "chen"))
    assert client.delete("/api/v1/sessions/current", headers=headers).status_code == 204
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_session_ends_by_itself(client, make, clock):
    make.account(Role.SUPERVISOR, login="chen")
    headers = bearer(sign_in(client, "chen"))
    clock.forward(hours=12, seconds=-1)
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    clock.forward(seconds=1)
    ended = client.get("/api/v1/me", headers=headers)
    assert (ended.status_code, ended.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer \udcff\udcfe"]
)
def test_what_is_no_token_of_ours_is_not_signed_in(client, header):
    answer = client.get(
        "/api/v1/me",
        environ_overrides={
            "HTTP_AUTHORIZATION": header.encode("utf-8", "replace").decode("latin-1")
        },
    )
    assert (answer.status_code, code_of(answer)) == (401, "not-signed-in")


def test_a_suspended_account_is_out_at_once_and_stays_out(client, make):
    account = make.account(Role.SUPERVISOR, login="chen")
    headers = bearer(sign_in(client, "chen"))
    ding = make.signed_in(Role.ADMINISTRATOR)
    assert ding.post(f"/api/v1/accounts/{account.id}/suspend").json["state"] == "suspended"
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    assert code_of(sign_in(client, "chen")) == "sign-in-refused"
    assert ding.post(f"/api/v1/accounts/{account.id}/reinstate").json["state"] == "active"
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    assert sign_in(client, "chen").status_code == 201


def test_a_new_password_ends_sessions_and_tokens(client, make, clock):
    account = make.account(Role.SUPERVISOR, login="chen")
    headers = bearer(sign_in(client, "chen"))
    token = client.post(
        "/api/v1/tokens",
        json={
            "name": "export",
            "roles": ["supervisor"],
            "expires_at": "2026-12-01T00:00:00.000Z",
        },
        headers=headers,
    )
    wrong = client.post(
        "/api/v1/me/password",
        json={"password": "wrong", "new_password": "another long one"},
        headers=headers,
    )
    assert code_of(wrong) == "sign-in-refused"
    changed = client.post(
        "/api/v1/me/password",
        json={"password": PASSWORD, "new_password": "another long one"},
        headers=headers,
    )
    assert changed.status_code == 204
    for old in (headers, bearer(token)):
        assert client.get("/api/v1/me", headers=old).status_code == 401
    assert sign_in(client, "chen").status_code == 401
    assert sign_in(client, "chen", "another long one").status_code == 201
    ding = make.signed_in(Role.ADMINISTRATOR)
    made = ding.post(f"/api/v1/accounts/{account.id}/reset-password").json["password"]
    assert sign_in(client, "chen", made).status_code == 201


def test_a_password_is_hashed_anew_when_the_setting_rises(make, place, flask_app):
    make.account(Role.SUPERVISOR, login="chen")
    stronger = create_app({**place.environ, "ARGON2_MEMORY_KIB": "512"})
    assert sign_in(stronger.test_client(), "chen").status_code == 201
    assert "m=512" in stored(flask_app, Account, login="chen")[0].password_hash
    assert sign_in(stronger.test_client(), "chen").status_code == 201
    with stronger.app_context():
        db.engine.dispose()


def test_an_address_has_so_many_attempts_a_minute(make, place):
    strict = create_app({**place.environ, "SIGN_IN_PER_MINUTE": "3"})
    client = strict.test_client()
    answers = [sign_in(client, f"nobody{n}", "wrong") for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert code_of(answers[-1]) == "sign-in-too-often"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    other = client.post(
        "/api/v1/sessions",
        json={"login": "nobody", "password": "x"},
        environ_overrides={"REMOTE_ADDR": "10.1.2.3"},
    )
    assert other.status_code == 401
    with strict.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800", "", "x" * 200])
def test_logins_that_no_database_takes_are_refused_before_it(client, text):
    for body in (
        {"login": text, "password": PASSWORD},
        {"login": "chen", "password": text},
    ):
        answer = client.post(
            "/api/v1/sessions", data=json.dumps(body), content_type="application/json"
        )
        assert (answer.status_code, code_of(answer)) == (422, "content-invalid")


def test_a_session_needs_the_account_active_when_it_is_opened(make, app_context, at):
    account = make.account(Role.SUPERVISOR, login="chen")
    checked = accounts.check_password("chen", PASSWORD, at=at)
    with make.writing():
        accounts.suspend_account(
            accounts.get_account(account.id, account.agency_id), by=make.by(), at=at
        )
    with make.writing(), pytest.raises(accounts.SignInRefused):
        accounts.sign_in(checked, lasting=timedelta(hours=1), at=at)
