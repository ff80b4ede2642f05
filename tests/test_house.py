"""The rules of the house that a machine can check on the composed application."""

import uuid
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from marshmallow import Schema
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

from app import access, plug
from app.access import Role, anyone, check_every_view, requires
from app.journal import service as journal
from app.problems import Blueprint
from wsgi import create_app


@pytest.fixture
def composed(tmp_path):
    return create_app({"DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL"})


def values_for(rule: Rule) -> dict[str, Any]:
    """Return a value for each part of an address."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        if isinstance(converter, UUIDConverter):
            values[name] = uuid.UUID(int=1)
        elif isinstance(converter, IntegerConverter):
            values[name] = 1
        elif isinstance(converter, AnyConverter):
            values[name] = min(converter.items)
        else:
            values[name] = "x"
    return values


def test_every_view_says_who_may_call_it(composed):
    check_every_view(composed)
    said = {end: access.access_of(composed, end) for end in composed.view_functions}
    assert len(said) > 20
    known = {str(role) for role in Role} | {"anyone", "device"}
    for endpoint, rule in said.items():
        assert rule is not None, endpoint
        assert rule["roles"], endpoint
        assert set(rule["roles"]) <= known, endpoint


def test_an_application_with_a_silent_view_refuses_to_start(composed):
    blp = Blueprint("silent", __name__, url_prefix="/silent")

    @blp.route("")
    @blp.response(200)
    def say_nothing() -> None:
        """Say nothing about access."""

    module = type("module", (), {"blp": blp})
    plug(composed, module, under="/api/v1")
    with pytest.raises(RuntimeError, match=r"silent\.say_nothing"):
        check_every_view(composed)


def test_an_access_rule_names_roles():
    with pytest.raises(ValueError, match="roles"):
        requires()


def test_nobody_is_turned_away_after_their_input_was_read(flask_app, make):
    """Without a token and with a body that cannot be parsed, the answer is about the token."""
    with make.writing():
        journal.install(at=make.at)
    client = flask_app.test_client()
    asked = 0
    adapter = flask_app.url_map.bind("localhost")
    for rule in flask_app.url_map.iter_rules():
        said = access.access_of(flask_app, rule.endpoint)
        if said is None or not said["signed_in"]:
            continue
        address = adapter.build(rule.endpoint, values_for(rule))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(
                address,
                method=method,
                data=b"{not json",
                content_type="application/json",
                headers={"Sync-Protocol": "1", "Tus-Resumable": "1.0.0"},
            )
            assert answer.status_code == 401, (method, address, answer.status_code)
            asked += 1
    assert asked > 20


def test_a_rule_below_the_arguments_would_be_noticed():
    """The check above is not blind: arguments outside the access rule answer 422 or 400."""
    flask_app = flask.Flask(__name__)
    flask_app.config.update(API_TITLE="t", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    blp = Blueprint("inverted", __name__)

    @blp.route("/inverted", methods=["POST"])
    @blp.arguments({})
    @requires(Role.CLERK)
    def inverted(data: Any) -> str:
        return "reached"

    @blp.route("/open")
    @anyone
    def reachable() -> str:
        return "reached"

    flask_app.register_blueprint(blp)
    client = flask_app.test_client()
    assert client.get("/open").data == b"reached"
    answer = client.post("/inverted", data=b"{not json", content_type="application/json")
    assert answer.status_code != 401


def schemas(of: type[Schema]) -> Iterator[type[Schema]]:
    """Every schema of ours that descends from one."""
    for found in of.__subclasses__():
        if found.__module__.partition(".")[0] in {"app", "sync", "scheduler"}:
            yield found
        yield from schemas(found)


def test_no_two_schemas_have_one_name(composed):
    """In the document of the interface one of them would be described as the other, or renamed."""
    places: dict[str, set[str]] = {}
    for found in schemas(Schema):
        places.setdefault(found.__name__, set()).add(found.__module__)
    assert len(places) > 100, "the application's are looked through"
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
