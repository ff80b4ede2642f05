"""Every route, every persona, own and foreign objects: who gets in, and what the others learn.

The routes come from the application, who may call them from their decorators, their objects from
`tests.api.requests`. A new route is in the matrix as soon as it exists.
"""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from app import problems
from app.access import Role
from tests.api import requests
from tests.api.bodies import TOKENS
from tests.api.requests import NOBODY, Operation
from tests.api.seeded import Seeded
from tests.api.seeds.builder import Side

CHINESE = re.compile("[\u4e00-\u9fff]")
MEMBERS = {"type", "title", "status", "detail", "instance"}
DENIED = {401, 403, 404}


class Matrix:
    """Sends requests as personas of the home agency and keeps what went wrong."""

    def __init__(self, seeded: Seeded) -> None:
        self.seeded = seeded
        self.home = seeded.world.home
        self.spec = requests.document(seeded.flask_app)
        self.operations = requests.operations(seeded.flask_app)
        self.client = seeded.flask_app.test_client()
        self.wrong: list[str] = []

    def send(self, operation, persona, side, *, fresh=False, **changed):
        request = requests.good(self.seeded, operation, side, persona, self.spec, **changed)
        return self._sent(operation, persona, request, fresh=fresh)

    def _sent(self, operation, persona, request, *, fresh=False):
        name = TOKENS.get(operation.endpoint, persona) if persona == "device" else persona
        token = self.home.tokens.get(name)
        if fresh and persona in set(Role):
            token = self.seeded.fresh_token(self.home, Role(persona))
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        response = request.send(self.client)
        if response.status_code >= 400:
            self.check_problem(operation, persona, response)
        return response

    def send_with(self, operation, persona, changes):
        """A good request with other values in its body."""
        request = requests.good(self.seeded, operation, self.home, persona, self.spec)
        body = {**json.loads(request.data or b""), **changes}
        return self._sent(operation, persona, replace(request, data=json.dumps(body).encode()))

    def check_problem(self, operation, persona, response):
        """A refusal has one shape, a Chinese title, and stands in the API document."""
        what = f"{operation.name} as {persona}: {response.status_code}"
        if not operation.rule.rule.startswith("/api/v1/") and operation.documented is None:
            return  # a page
        described = (operation.documented or {}).get("responses", {})
        if operation.documented is not None and str(response.status_code) not in described:
            self.wrong.append(f"{what} is not documented")
        if response.status_code >= 500:
            self.wrong.append(f"{what} is our fault")
        if operation.method == "HEAD":
            return
        if response.mimetype != problems.MIME:
            self.wrong.append(f"{what} is {response.mimetype}, not a problem")
            return
        body = json.loads(response.data)
        if not body.keys() >= MEMBERS or body["status"] != response.status_code:
            self.wrong.append(f"{what} is no whole problem: {body}")
        if not CHINESE.search(body.get("title", "")) or not CHINESE.search(body.get("detail", "")):
            self.wrong.append(f"{what} is not said in Chinese: {body}")

    def expect(self, operation, persona, target, response, right, rule):
        if not right:
            body = response.get_data(as_text=True)[:300]
            self.wrong.append(
                f"{operation.name} as {persona} on {target}: {response.status_code}, but {rule}."
                f" {body}"
            )

    def done(self):
        assert not self.wrong, "\n".join(["", *self.wrong])


def personas_of(operation: Operation) -> list[str]:
    """Those who may call an operation."""
    if operation.schemes:
        return sorted(operation.roles)
    return ["anonymous", *(str(role) for role in Role)]


def without_instance(response) -> str:
    return re.sub(r'"instance": *"[^"]*"', "", response.get_data(as_text=True))


@pytest.fixture
def matrix(seeded: Seeded) -> Matrix:
    return Matrix(seeded)


def test_nobody_gets_in_who_is_not_signed_in(matrix):
    for operation in matrix.operations:
        if not operation.schemes:
            continue
        strangers = ["anonymous", "suspended", "expired"]
        if "device" not in operation.schemes:
            strangers.append("device")
        if "user" not in operation.schemes:
            strangers += [str(role) for role in Role]
        for persona in strangers:
            for target, side in (("own", matrix.home), *matrix.seeded.world.foreign.items()):
                response = matrix.send(operation, persona, side)
                right = response.status_code == 401
                matrix.expect(operation, persona, target, response, right, "401 is due")
    matrix.done()


def test_a_wrong_role_is_refused_before_anything_is_looked_at(matrix):
    for operation in matrix.operations:
        if "user" not in operation.schemes:
            continue
        for role in sorted({str(role) for role in Role} - operation.roles):
            answers = {
                target: matrix.send(operation, role, side)
                for target, side in (("own", matrix.home), *matrix.seeded.world.foreign.items())
            }
            for target, response in answers.items():
                right = response.status_code == 403
                matrix.expect(operation, role, target, response, right, "403 is due")
            if operation.method != "HEAD":
                same = len({without_instance(answer) for answer in answers.values()}) == 1
                matrix.expect(operation, role, "all", response, same, "the answer must not differ")
    matrix.done()


def test_a_foreign_object_is_as_unknown_as_one_that_does_not_exist(matrix):
    for operation in matrix.operations:
        if not operation.schemes or not operation.owned:
            continue
        for persona in personas_of(operation):
            unknown = dict.fromkeys(operation.owned, NOBODY)
            nothing = matrix.send(operation, persona, matrix.home, **unknown)
            right = nothing.status_code == 404
            matrix.expect(operation, persona, "nothing", nothing, right, "404 is due")
            for target, side in matrix.seeded.world.foreign.items():
                theirs = requests.values_of(operation, side, persona)
                response = matrix.send(
                    operation, persona, matrix.home, **{n: theirs[n] for n in operation.owned}
                )
                right = response.status_code == 404
                matrix.expect(operation, persona, target, response, right, "404 is due")
                same = without_instance(response) == without_instance(nothing)
                rule = "an unknown object's answer is due"
                matrix.expect(operation, persona, target, response, same, rule)
    matrix.done()


def test_a_foreign_object_in_a_body_is_as_unknown_as_one_that_does_not_exist(matrix):
    for operation in matrix.operations:
        if not operation.schemes or not operation.takes_json:
            continue
        for persona in personas_of(operation):
            for target, side in matrix.seeded.world.foreign.items():
                for name, theirs in foreign_fields(matrix, operation, persona, side).items():
                    nothing = matrix.send_with(operation, persona, {name: unlike(theirs)})
                    response = matrix.send_with(operation, persona, {name: theirs})
                    right = response.status_code == nothing.status_code
                    rule = f"{nothing.status_code} is due as for an unknown {name}"
                    matrix.expect(operation, persona, target, response, right, rule)
                    right = response.status_code >= 400 or (operation.endpoint, name) in UNASKED
                    rule = f"{name} names their object"
                    matrix.expect(operation, persona, target, response, right, rule)
    matrix.done()


# a recusal is never refused, whatever it names: it stops nobody but who declares it
UNASKED = {("officers.declare_recusal", "unit_id")}


def foreign_fields(matrix, operation, persona: str, side: Side) -> dict[str, Any]:
    """The fields of a body that name an object, with the object of another agency."""
    own = requests.body_of(operation, matrix.home, persona, matrix.spec)
    theirs = requests.body_of(operation, side, persona, matrix.spec)
    return {name: theirs[name] for name in own if own[name] != theirs[name] and is_id(theirs[name])}


def unlike(value: Any) -> Any:
    """An id of the same form that nothing has."""
    if isinstance(value, list):
        return [unlike(value[0])]
    return NOBODY if len(value) == len(NOBODY) else "e" * 64


def is_id(value) -> bool:
    value = value[0] if isinstance(value, list) and value else value
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f-]{36}|[0-9a-f]{64}", value))


def test_whoever_may_gets_to_what_is_theirs(matrix):
    for operation in matrix.operations:
        for persona in personas_of(operation):
            response = matrix.send(operation, persona, matrix.home, fresh=True)
            right = response.status_code not in DENIED
            matrix.expect(operation, persona, "own", response, right, "they may")
    matrix.done()


def test_what_is_changed_by_its_version_says_it_where_it_is_read(matrix):
    """A reader gets the ETag that If-Match asks for from every answer about the thing itself."""
    views = matrix.seeded.flask_app.view_functions
    changes = [
        one.rule.rule
        for one in matrix.operations
        if one.method != "GET" and getattr(views[one.endpoint], "_apidoc", {}).get("versioned")
    ]
    seen = 0
    for operation in matrix.operations:
        address = operation.rule.rule
        changed = any(one == address or one.startswith(f"{address}/") for one in changes)
        if operation.method != "GET" or not changed:
            continue
        persona = personas_of(operation)[0]
        response = matrix.send(operation, persona, matrix.home)
        version = (response.get_json() if response.is_json else {}).get("version")
        if response.status_code != 200 or not isinstance(version, int):
            continue
        seen += 1
        right = response.headers.get("ETag") == f'"{version}"'
        matrix.expect(operation, persona, "own", response, right, "its version is its ETag")
    assert seen > 15, "what has a version is found"
    matrix.done()


def test_whose_version_is_asked_for_can_be_read_alone(matrix):
    """Who was refused with a stale version need not search a list for the present one."""
    views = matrix.seeded.flask_app.view_functions
    read = {one.rule.rule for one in matrix.operations if one.method == "GET"}
    changed = [
        one.rule.rule
        for one in matrix.operations
        if one.method != "GET" and getattr(views[one.endpoint], "_apidoc", {}).get("versioned")
    ]
    unread = {
        address
        for address in changed
        if not any(address == one or address.startswith(f"{one}/") for one in read if ">" in one)
    }
    assert len(changed) > 100, "what is changed by its version is found"
    assert not unread


# what is public of every agency: its officers' certificates, its decisions, its lots over teams
PUBLIC = {"/public/officers", "/public/decisions", "/public/decisions.json", "/public/team-lots"}


def test_no_list_shows_anything_of_another_agency(matrix):
    seen = 0
    for operation in matrix.operations:
        if operation.method != "GET" or operation.rule.rule in PUBLIC:
            continue
        answers: dict[str, list[tuple[str, Any]]] = {}  # most are told the same
        for persona in personas_of(operation):
            response = matrix.send(operation, persona, matrix.home)
            text = response.get_data().decode(errors="replace")
            answers.setdefault(text, []).append((persona, response))
        for text, given in answers.items():
            seen += sum(one in text for one in matrix.home.texts)
            for target, side in matrix.seeded.world.foreign.items():
                leaked = sorted(one for one in side.texts if one in text)
                rule = f"it shows {leaked[:3]} of theirs"
                for persona, response in given:
                    matrix.expect(operation, persona, target, response, not leaked, rule)
    assert seen > 100, "the search finds what is shown"
    matrix.done()
