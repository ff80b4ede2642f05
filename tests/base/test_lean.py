"""Answers and addresses made with less work are those that Flask itself would make."""

from typing import Any

import flask
import pytest
from werkzeug.exceptions import BadHost

from app.lean import Answer, Application, also


def served(answer: flask.Response) -> flask.testing.FlaskClient:
    flask_app = Application("lean")
    flask_app.add_url_rule("/<name>/", view_func=lambda name: answer, endpoint="show")
    return flask_app.test_client()


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_says_nothing_of_one(status: int) -> None:
    given = Answer(b"more", status=status, headers={"ETag": '"1"', "Content-Language": "zh"})
    also(given, (("X-Told", "1"),))
    found = served(given).get("/x/")
    assert (found.status_code, found.data) == (status, b"")
    assert [*found.headers] == [("ETag", '"1"'), ("X-Told", "1")]


def test_what_has_a_body_keeps_its_headers_and_gets_the_others() -> None:
    given = Answer("内容", status=201, headers={"Location": "/x y"})
    also(given, (("X-Told", "1"),))
    found = served(given).get("/x/")
    assert (found.text, found.headers["Content-Length"]) == ("内容", "6")
    assert (found.headers["Location"], found.headers["X-Told"]) == ("/x%20y", "1")


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_HOST": "Example.org:8080", "PATH_INFO": "/\xe6\xb1\xa0"},
        {"HTTP_HOST": "[::1]:80", "SCRIPT_NAME": "/under", "QUERY_STRING": "a=b"},
        {"HTTP_HOST": "a/b"},
        {"HTTP_HOST": "a.b", "wsgi.url_scheme": "https", "SERVER_PORT": "443"},
    ],
)
def test_an_address_is_made_out_as_flask_does(environ: dict[str, Any]) -> None:
    with Application("lean").test_request_context(environ_overrides=environ) as lean:
        found = lean.url_adapter
    with flask.Flask("flask").test_request_context(environ_overrides=environ) as plain:
        expected = plain.url_adapter
    assert found is not None
    assert expected is not None
    assert lean.request.host == plain.request.host
    assert {**vars(found), "map": None} == {**vars(expected), "map": None}


def test_a_host_that_is_none_is_refused() -> None:
    overrides = {"HTTP_HOST": "a" * 64}
    with Application("lean").test_request_context(environ_overrides=overrides) as context:
        assert isinstance(context.request.routing_exception, BadHost)
