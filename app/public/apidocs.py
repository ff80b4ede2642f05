"""The API document: machine-readable at `/api/openapi.json`, for people at `/api/docs`.

Rendered on the server from the same document, so it needs neither the internet nor a script.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import flask
from flask import Blueprint

from app.access import anyone
from app.problems import Api, RouteUnknown

blp = Blueprint("apidocs", __name__, template_folder="templates")

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_ROLES = {
    "officer": "监督员",
    "supervisor": "科长、所长",
    "legal-reviewer": "法制审核",
    "clerk": "信用公示",
    "administrator": "管理员",
    "auditor": "纪检稽查",
    "partner": "协同部门",
    "device": "终端",
    "anyone": "任何人",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the page shows it."""

    method: str
    path: str
    summary: str
    who: str
    parameters: list[dict[str, Any]]
    body: list[dict[str, str]]
    answers: list[tuple[str, str]]

    @property
    def anchor(self) -> str:
        """The place on the page: letters, digits and hyphens."""
        return f"{self.method}-{re.sub(r'[^a-z0-9]+', '-', self.path)}".strip("-")


@blp.route("/api/openapi.json")
@anyone
def send_document() -> flask.Response:
    """Send the OpenAPI 3.1 document of the whole interface."""
    return flask.jsonify(_document())


@blp.route("/api/docs")
@anyone
def list_parts() -> str:
    """List the parts of the interface, and how many operations each has."""
    counts = Counter(operation["tags"][0] for _, _, operation in _walk(_document()))
    parts = [(tag, _meaning(tag), count) for tag, count in counts.items()]
    return flask.render_template("public/apidocs.html", parts=parts)


@blp.route("/api/docs/<tag>")
@anyone
def show_part(tag: str) -> str:
    """Describe every operation of one part."""
    operations = list(_operations(tag))
    if not operations:
        raise RouteUnknown("接口文档中没有这一部分，请从目录进入。")
    return flask.render_template(
        "public/apidocs_part.html", tag=tag, meaning=_meaning(tag), operations=operations
    )


def _document() -> dict[str, Any]:
    return cast(Api, flask.current_app.extensions["suicha_api"]).document()


def _meaning(tag: str) -> str:
    described = {found["name"]: found.get("description", "") for found in _document()["tags"]}
    return str(described.get(tag, ""))


def _walk(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = dict(methods[method])
                shared = methods.get("parameters", [])
                operation["parameters"] = [*shared, *operation.get("parameters", [])]
                yield path, method, operation


def _operations(tag: str) -> Iterator[Operation]:
    document = _document()
    for path, method, operation in _walk(document):
        if operation["tags"][0] == tag:
            roles = operation.get("x-access", [])
            yield Operation(
                method=method,
                path=path,
                summary=operation.get("summary", ""),
                who="、".join(_ROLES.get(role, role) for role in roles),
                parameters=[_parameter(found) for found in operation["parameters"]],
                body=_fields(document, operation),
                answers=[
                    (code, answer.get("description", ""))
                    for code, answer in sorted(operation["responses"].items())
                ],
            )


def _parameter(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": found["name"],
        "where": {"path": "路径", "query": "查询", "header": "请求头"}.get(
            found["in"], found["in"]
        ),
        "required": found.get("required", False),
        "type": _type(found.get("schema", {})),
        "description": found.get("description", ""),
    }


def _fields(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the fields of a request body, one level deep."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        required = schema.get("required", [])
        return [
            {
                "name": name,
                "type": _type(field),
                "required": "必填" if name in required else "",
                "description": field.get("description", ""),
            }
            for name, field in schema.get("properties", {}).items()
        ]
    return []


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    found = schema.get("type", "")
    kind = " | ".join(found) if isinstance(found, list) else str(found)
    if kind.startswith("array"):
        return f"array<{_type(schema.get('items', {}))}>"
    if schema.get("enum"):
        return " | ".join(str(value) for value in schema["enum"])
    return f"{kind} ({schema['format']})" if "format" in schema else kind
