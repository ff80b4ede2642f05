"""A good request for every operation, on a seeded world: whose path, body and version are right.

Paths are filled by `tests.api.objects`, bodies by `tests.api.bodies`. A route without an entry
fails with a message that says where to add it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import flask
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import db
from app.access import access_of
from app.db import Base
from tests.api.bodies import BODIES, HEADERS, QUERIES, RAW, VALUES
from tests.api.objects import GLOBAL, OBJECTS
from tests.api.seeded import Seeded
from tests.api.seeds.builder import Side

JSON = "application/json"
NOBODY = "00000000-0000-7000-8000-000000000000"  # an id that nothing has
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PARAMETER = re.compile(r"<(?:[^<>]*?:)?([a-z_]+)>")


class Untaught(AssertionError):
    """A route that this module does not know how to ask."""


@dataclass(frozen=True)
class Operation:
    """One method of one rule of the url_map."""

    rule: Rule
    method: str
    access: Mapping[str, Any]
    documented: Mapping[str, Any] | None  # a HEAD that Flask adds has its GET's
    in_document: bool

    @property
    def endpoint(self) -> str:
        return str(self.rule.endpoint)

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.rule}"

    @property
    def schemes(self) -> list[str]:
        """`user`, `device`, both, or nothing for what anybody may open."""
        return list(self.access["schemes"])

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.access["roles"])

    @property
    def owned(self) -> list[str]:
        """The parameters that name an object of an agency."""
        return sorted(name for name in self.rule.arguments if name not in GLOBAL)

    @property
    def has_body(self) -> bool:
        return bool(self.documented and "requestBody" in self.documented)

    @property
    def takes_json(self) -> bool:
        return self.has_body and self.endpoint not in RAW

    @property
    def headers(self) -> list[str]:
        """The headers that the document asks for."""
        parameters = (self.documented or {}).get("parameters", [])
        return [found["name"] for found in parameters if found["in"] == "header"]

    @property
    def versioned(self) -> bool:
        return "If-Match" in self.headers


@dataclass(frozen=True)
class Request:
    """What is sent."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None

    def send(self, client: FlaskClient) -> TestResponse:
        return client.open(self.path, method=self.method, headers=self.headers, data=self.data)


def document(flask_app: flask.Flask) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    found: dict[str, Any] = json.loads(flask_app.test_client().get("/api/openapi.json").data)
    return found


def operations(flask_app: flask.Flask) -> list[Operation]:
    """Every method of every route, with what its decorator and the document say."""
    paths = document(flask_app)["paths"]
    found = []
    for rule in flask_app.url_map.iter_rules():
        access = access_of(flask_app, rule.endpoint)
        if access is None:
            continue  # start refuses such a route; only Flask's own `static` is exempt
        described = paths.get(template(rule), {})
        automatic = {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else set()
        methods = (rule.methods or set()) - automatic
        found += [
            Operation(
                rule,
                method,
                access,
                described.get(method.lower()) or described.get("get" if method == "HEAD" else ""),
                in_document=method.lower() in described,
            )
            for method in sorted(methods)
        ]
    return sorted(found, key=lambda one: (one.rule.rule, one.method))


def template(rule: Rule) -> str:
    """The path of a rule as OpenAPI writes it."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


def values_of(operation: Operation, side: Side, persona: str) -> dict[str, str]:
    """What the parameters of a path are, on the objects of a side. Raises Untaught."""
    found = {}
    for name in operation.rule.arguments:
        get = OBJECTS.get(f"{operation.endpoint} {name}") or OBJECTS.get(name)
        if get is None:
            raise Untaught(
                f"{operation.name}: nobody said what <{name}> is. Add it to OBJECTS (and, where it"
                " names nothing of an agency, to GLOBAL) in tests/api/objects.py."
            )
        found[name] = get(side, persona)
    return found


def path_of(operation: Operation, values: Mapping[str, str]) -> str:
    """The path of an operation with these parameters."""
    return _PARAMETER.sub(lambda found: quote(values[found[1]], safe=""), operation.rule.rule)


def body_of(
    operation: Operation, side: Side, persona: str, spec: Mapping[str, Any]
) -> dict[str, Any]:
    """A body that says what the operation needs, about objects of a side. Raises Untaught."""
    given = BODIES[operation.endpoint](side, persona) if operation.endpoint in BODIES else {}
    content = (operation.documented or {})["requestBody"]["content"]
    schema = _resolved(content[JSON]["schema"], spec)
    made = {
        name: _sample(name, _resolved(schema["properties"][name], spec), side, operation)
        for name in schema.get("required", [])
        if name not in given
    }
    return {**made, **given}


def _resolved(schema: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return dict(spec["components"]["schemas"][name])
    return schema


def _sample(name: str, schema: Mapping[str, Any], side: Side, operation: Operation) -> Any:
    if name in VALUES:
        return VALUES[name](side)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "integer":
        return schema.get("minimum", 0)
    if kind == "boolean":
        return False
    if kind == "array" and "enum" in schema["items"]:
        return [schema["items"]["enum"][0]]
    if kind == "string" and "\\u0000" in schema.get("pattern", ""):
        return "按规定办理"
    raise Untaught(
        f"{operation.name}: nobody said what the field {name!r} holds. Add it to VALUES, or to"
        " BODIES for this operation, in tests/api/bodies.py."
    )


def good(
    seeded: Seeded,
    operation: Operation,
    side: Side,
    persona: str,
    spec: Mapping[str, Any],
    **changed: str,
) -> Request:
    """A request that is right in every way, about objects of a side. Raises Untaught.

    `changed` are parameters of the path that differ.
    """
    values = {**values_of(operation, side, persona), **changed}
    headers = {name: HEADERS[name](side) for name in operation.headers if name in HEADERS}
    data = None
    if operation.endpoint in RAW:
        headers["Content-Type"], data = RAW[operation.endpoint](side)
    elif operation.has_body:
        headers["Content-Type"] = JSON
        data = json.dumps(body_of(operation, side, persona, spec), ensure_ascii=False).encode()
    if operation.versioned:
        headers["If-Match"] = version_of(seeded, [values[name] for name in operation.owned])
    path = path_of(operation, values)
    if operation.endpoint in QUERIES:
        path += f"?{urlencode(QUERIES[operation.endpoint](side))}"
    return Request(operation.method, path, headers, data)


def version_of(seeded: Seeded, names: Sequence[str]) -> str:
    """The entity tag of the one versioned row that has one of these ids; of a new one otherwise."""
    found = None
    with seeded.flask_app.app_context():
        if (known := _tables.get(tuple(names))) is not None:
            found = _version_in(known, names)
        if found is None:
            for table in _versioned():
                if (found := _version_in(table, names)) is not None:
                    _tables[tuple(names)] = table
                    break
    return f'"{found or 1}"'


_tables: dict[tuple[str, ...], sa.Table] = {}  # where the row with one of these ids was


@cache
def _versioned() -> list[sa.Table]:
    return [
        table
        for table in reversed(Base.metadata.sorted_tables)  # of a list and its row, the row
        if "version" in table.c and "district" in table.c
    ]


def _version_in(table: sa.Table, names: Sequence[str]) -> int | None:
    ids = [UUID(one) for one in names if _UUID.fullmatch(one)]
    where = [table.c.id.in_(ids)] if ids else []
    if "draw_no" in table.c:
        where.append(table.c.draw_no.in_(names))
    if not where:
        return None
    version: int | None = db.db.session.scalar(sa.select(table.c.version).where(sa.or_(*where)))
    return version
