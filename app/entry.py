"""What every entry has: a request id, one log line, security headers, settings at hand."""

import logging
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

import flask
import structlog
from flask.globals import app_ctx, request_ctx
from flask.sessions import SessionInterface

from app import clock, metrics, problems, turns
from app.config import Config
from app.db import overloaded
from app.keys import Keys
from app.lean import Pairs, also
from app.storage import Storage

log = structlog.get_logger()
_root = logging.getLogger()
F = TypeVar("F", bound=Callable[..., Any])

_CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"  # noqa: E501 - one header

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", _CSP),
)
_NAMES = frozenset(name.lower() for name, _ in _ALWAYS)
_NOT_KEPT = (("Cache-Control", "no-store"),)
_UNLOGGED = frozenset({"/healthz", "/metrics"})


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
    app_ctx.g.began = clock.monotonic()
    problems.request_id()
    if turns.REFUSED in flask.request.environ:
        raise overloaded()


def _end(response: flask.Response) -> flask.Response:
    request, values = request_ctx.request, app_ctx.g
    now, identity = clock.monotonic(), problems.request_id()
    seconds = now - values.get("began", now)
    route = str(request.url_rule) if request.url_rule else "unknown"
    metrics.observe(request.method, route, response.status_code, seconds)
    if route not in _UNLOGGED and _root.isEnabledFor(logging.INFO):
        actor = values.get("actor")
        log.info(
            "request",
            request=identity,
            method=request.method,
            route=route,
            status=response.status_code,
            problem=values.get("problem_code"),
            actor=None if actor is None or actor.id is None else str(actor.id),
            device=None if actor is None or actor.device_id is None else str(actor.device_id),
            ms=round(seconds * 1000, 1),
        )
    has = {name.lower() for name, _ in response.headers}
    also(response, (("X-Request-Id", identity),))
    also(response, _ALWAYS if has.isdisjoint(_NAMES) else _missing(has))
    if "cache-control" not in has and request.path.startswith("/api/"):
        also(response, _NOT_KEPT)
    return response


def _missing(has: Collection[str]) -> Pairs:
    return tuple(pair for pair in _ALWAYS if pair[0].lower() not in has)
