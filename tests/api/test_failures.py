"""Every failure leaves in one shape, whoever raised it and however early."""

import threading
import time
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from app.access import Role
from app.db import db, transaction
from tests.factories import Make

TASKS = "/api/v1/tasks"


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, having looked at its shape."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["instance"] == f"urn:uuid:{answer.headers['X-Request-Id']}"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in body["title"] + body["detail"])
    return body


@pytest.fixture
def chen(make: Make) -> FlaskClient:
    return make.signed_in(Role.SUPERVISOR, officer=make.officer(name="陈"))


def test_an_address_that_is_none(client: FlaskClient) -> None:
    assert problem(client.get("/api/v1/nothing"), 404)["type"] == "/problems/route-unknown"


def test_a_method_that_is_not_served_names_those_that_are(client: FlaskClient) -> None:
    answer = client.delete(TASKS)
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_content_that_is_no_json(chen: FlaskClient) -> None:
    problem(chen.post(TASKS, data="{", content_type="application/json"), 400)


def test_content_of_another_type(chen: FlaskClient) -> None:
    problem(chen.post(TASKS, data="a=1", content_type="text/plain"), 415)


def test_content_beyond_the_limit(chen: FlaskClient, flask_app: flask.Flask) -> None:
    huge = b"[" + b" " * flask_app.config["MAX_CONTENT_LENGTH"] + b"]"
    problem(chen.post(TASKS, data=huge, content_type="application/json"), 413)


def test_fields_that_are_wrong_are_pointed_at(chen: FlaskClient) -> None:
    body = problem(chen.post(TASKS, json={"unit_id": "x", "stranger": 1}), 422)
    assert {"#/unit_id", "#/stranger"} <= {error["pointer"] for error in body["errors"]}


def test_a_cursor_that_was_made_up(chen: FlaskClient) -> None:
    for cursor in ("x", "eyJhZnRlciI6IjEifQ", "A" * 80, "中文"):
        assert problem(chen.get(TASKS, query_string={"cursor": cursor}), 400)["type"] == (
            "/problems/cursor-unknown"
        )


def test_a_key_used_by_ten_threads_has_one_effect(
    make: Make, chen: FlaskClient, flask_app: flask.Flask
) -> None:
    unit = make.unit()
    body = {"unit_id": str(unit.id), "specialty": "public-places", "origin": "complaint"}
    headers = {"Authorization": chen.environ_base["HTTP_AUTHORIZATION"], "Idempotency-Key": "once"}
    answers = []

    def post() -> None:
        answers.append(flask_app.test_client().post(TASKS, json=body, headers=headers))

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {answer.get_json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert len(chen.get(TASKS).get_json()["items"]) == 1


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_database_without_a_free_connection_answers_503(
    flask_app: flask.Flask, chen: FlaskClient
) -> None:
    with flask_app.app_context():
        pool = db.engine.pool
        pool._timeout = 0.2  # type: ignore[attr-defined]  # the wait of the setting, shortened
        taken = [db.engine.connect() for _ in range(pool.size())]  # type: ignore[attr-defined]
    answer = chen.get(TASKS)
    for connection in taken:
        connection.close()
    assert problem(answer, 503)["type"] == "/problems/overloaded"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_database_that_is_locked_answers_503_and_writes_nothing(
    make: Make, flask_app: flask.Flask, chen: FlaskClient
) -> None:
    unit = make.unit()
    body = {"unit_id": str(unit.id), "specialty": "public-places", "origin": "complaint"}
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with flask_app.app_context(), transaction():
            inside.set()
            done.wait(60)

    writer = threading.Thread(target=hold)
    writer.start()
    assert inside.wait(20)
    began = time.monotonic()
    answer = chen.post(TASKS, json=body)
    done.set()
    writer.join()
    assert problem(answer, 503)["type"] == "/problems/overloaded"
    assert time.monotonic() - began < 30
    assert chen.get(TASKS).get_json()["items"] == []
