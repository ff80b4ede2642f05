"""What every entry has: a request id, one log line, security headers, settings at hand."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import flask
import structlog
from flask.sessions import SessionInterface

from app import clock, metrics, problems, turns
from app.config import Config
from app.db import Overloaded
from app.keys import Keys
from app.storage import Storage

log = structlog.get_logger()
F = TypeVar("F", bound=Callable[..., Any])

_CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"  # noqa: E501 - one header

_ALWAYS = tuple(
    (name, name.lower(), value)
    for name, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Content-Security-Policy", _CSP),
    )
)


def config() -> Config:
    """Return the settings of the running application."""
    return cast(Config, flask.current_app.extensions["suicha_config"])


def keys() -> Keys:
    """Return the secrets of the running application."""
    return cast(Keys, flask.current_app.extensions["suicha_keys"])


def storage() -> Storage:
    """Return where the running application keeps photos."""
    return cast(Storage, flask.current_app.extensions["suicha_storage"])


class NoSession(SessionInterface):
    """No state lies in a cookie: spare every request the making of what would sign one."""

    def open_session(self, app: flask.Flask, request: flask.Request) -> None:
        """Return nothing, which Flask takes for a session that cannot be written."""


def init_app(flask_app: flask.Flask) -> None:
    """Begin and end every request as this module promises."""
    flask_app.ensure_sync = _as_it_is  # type: ignore[assignment, method-assign]  # see there
    flask_app.session_interface = NoSession()
    flask_app.before_request(_begin)
    flask_app.after_request(_end)


def _as_it_is(function: F) -> F:
    """No view is a coroutine: spare Flask asking that of every function in every request."""
    return function


def _begin() -> None:
    flask.g.began = clock.monotonic()
    problems.request_id()
    if turns.REFUSED in flask.request.environ:
        raise Overloaded("服务器正忙，请稍后重试；数据没有写入。")


def _end(response: flask.Response) -> flask.Response:
    seconds = clock.monotonic() - flask.g.get("began", clock.monotonic())
    route = str(flask.request.url_rule) if flask.request.url_rule else "unknown"
    actor = flask.g.get("actor")
    metrics.observe(flask.request.method, route, response.status_code, seconds)
    if route not in {"/healthz", "/metrics"}:
        log.info(
            "request",
            request=problems.request_id(),
            method=flask.request.method,
            route=route,
            status=response.status_code,
            problem=flask.g.get("problem_code"),
            actor=None if actor is None or actor.id is None else str(actor.id),
            device=None if actor is None or actor.device_id is None else str(actor.device_id),
            ms=round(seconds * 1000, 1),
        )
    response.headers["X-Request-Id"] = problems.request_id()
    has = {name.lower() for name, _ in response.headers}
    for name, lower, value in _ALWAYS:
        if lower not in has:
            response.headers.add(name, value)
    if flask.request.path.startswith("/api/") and "cache-control" not in has:
        response.headers.add("Cache-Control", "no-store")
    return response
