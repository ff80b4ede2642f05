"""What leaves in the log, and what must never."""

import flask
import pytest
import structlog

from app import logs


def test_a_traceback_in_the_log_holds_no_local_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")

    def fail(secret: str) -> None:
        raise LookupError(len(secret))

    try:
        fail("the-secret-of-this-test")
    except LookupError as error:
        structlog.get_logger().error("unexpected error", exc_info=error)
    line = capsys.readouterr().err
    assert "LookupError" in line
    assert "the-secret-of-this-test" not in line
    logs.configure("CRITICAL")


def test_an_unexpected_exception_tells_the_client_nothing_but_its_number(
    flask_app: flask.Flask,
) -> None:
    def broken() -> str:
        raise LookupError("inner detail")

    flask_app.view_functions["public.show_start"] = broken
    answer = flask_app.test_client().get("/")
    assert answer.status_code == 500
    assert answer.get_json()["type"] == "/problems/internal-error"
    assert answer.get_json()["instance"].startswith("urn:uuid:")
    assert "inner detail" not in answer.text
