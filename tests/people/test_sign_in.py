"""Signing in: passwords, lock-out, sessions and API tokens."""

from app.access import Role
from tests.factories import PASSWORD


def sign_in(client, login, password=PASSWORD):
    return client.post("/api/v1/sessions", json={"login": login, "password": password})


def problem(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def test_the_right_password_opens_a_session(client, make):
    account = make.account(Role.SUPERVISOR, login="chen")
    answer = sign_in(client, "Chen")
    assert answer.status_code == 201
    assert answer.json["account"]["id"] == str(account.id)
    assert answer.json["expires_at"] == "2026-11-21T13:00:00.000Z"
    bearer = {"Authorization": f"Bearer {answer.json['token']}"}
    assert client.get("/api/v1/me", headers=bearer).json["roles"] == ["supervisor"]
    assert "password" not in answer.get_data(as_text=True)
