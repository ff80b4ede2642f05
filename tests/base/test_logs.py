"""What leaves in the log, and what must never."""

import flask
import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from app import logs
from app.db import transaction
from app.units.models import Unit
from tests.factories import Make


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


def test_a_statement_that_fails_is_logged_without_its_values(
    flask_app: flask.Flask, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL tells them a second time, in the details of its own message."""
    make.unit(archive_no="310105-secret-1")
    other = make.unit(name="陈某某诊所")
    logs.configure("INFO")
    wrong = sa.update(Unit).where(Unit.id == other.id).values(archive_no="310105-secret-1")
    with flask_app.app_context():
        try:
            with transaction() as session:
                session.execute(wrong)
        except IntegrityError as error:
            structlog.get_logger().error("unexpected error", exc_info=error)
    line = capsys.readouterr().err
    assert "UPDATE unit" in line
    assert "310105-secret-1" not in line
    assert "陈某某" not in line
    logs.configure("CRITICAL")
