"""What anybody may open without signing in: start page, draws, problems, health.

Rendered on the server, below 100 KB, whole without script. Nothing here writes.
"""

from functools import cache
from pathlib import Path
from typing import Any

import flask
from flask import Blueprint

from app import canonical, metrics, problems, readiness
from app.access import anyone
from app.days import SHANGHAI
from app.errors import DomainError
from app.journal import service as journal
from app.public import failures

blp = Blueprint("public", __name__, template_folder="templates")

STATIC_AGE_S = 3600
HEADS_SHOWN = 30


@blp.errorhandler(DomainError)
def show_failure(error: DomainError) -> tuple[str, int]:
    """Show a failure as a page; the API answers the same one as a problem document."""
    flask.g.problem_code = error.code
    page = flask.render_template("public/failure.html", error=error, instance=problems.request_id())
    return page, problems.status_of(error)


@blp.app_template_filter("moment")
def show_moment(at: Any) -> str:
    """Write an instant in Shanghai's time, `2026年11月21日 09:00`."""
    return "" if at is None else f"{at.astimezone(SHANGHAI):%Y年%m月%d日 %H:%M}"


@blp.app_template_filter("day")
def show_day(on: Any) -> str:
    """Write a local day, `2026年11月21日`."""
    return "" if on is None else f"{on:%Y年%m月%d日}"


@blp.app_context_processor
def always() -> dict[str, Any]:
    """What every page needs: whether this is the demo district, and the address for the menu."""
    return {"demo": journal.is_demo(), "here": flask.request.path}


@blp.route("/")
@anyone
def show_start() -> str:
    """Say what this server is and where its parts are."""
    return flask.render_template("public/start.html")


@blp.route("/public/journal")
@anyone
def show_journal() -> str:
    """Show the heads of the journal as they were published, so that anybody can keep them."""
    days = [
        {"at": entry.at, "heads": canonical.loads(entry.text)["data"]["heads"]}
        for entry in journal.published_heads(HEADS_SHOWN)
    ]
    return flask.render_template("public/journal.html", days=days)


@blp.route("/problems/<code>")
@anyone
def show_problem(code: str) -> str:
    """Explain a problem that the API answered; its `type` leads here."""
    found = failures.find_failure(code)
    if found is None:
        raise problems.RouteUnknown("没有这个问题编号，请检查链接。")
    return flask.render_template("public/problem.html", problem=found)


@blp.route("/problems/")
@anyone
def list_problems() -> str:
    """List every problem the API may answer."""
    return flask.render_template("public/problems.html", failures=failures.every_failure())


@blp.route("/public/static/public.css")
@anyone
def send_styles() -> flask.Response:
    """Send the style sheet of the public pages."""
    return _static("public.css", "text/css; charset=utf-8")


@blp.route("/public/static/check.js")
@anyone
def send_check() -> flask.Response:
    """Send the script that checks a draw in the page; no page needs it to be read."""
    return _static("check.js", "text/javascript; charset=utf-8")


def _static(name: str, content_type: str) -> flask.Response:
    response = flask.Response(_static_file(name), content_type=content_type)
    response.headers["Cache-Control"] = f"public, max-age={STATIC_AGE_S}"
    response.add_etag()
    return response.make_conditional(flask.request)  # type: ignore[return-value]  # the same object


@cache
def _static_file(name: str) -> bytes:
    return (Path(__file__).parent / "static" / name).read_bytes()


@blp.route("/healthz")
@anyone
def answer_alive() -> flask.Response:
    """Say that the process lives; touches nothing, because every tablet polls it."""
    return flask.Response("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@blp.route("/readyz")
@anyone
def answer_ready() -> flask.Response:
    """Say whether database, migrations and storage are right: 200, or 503 with what is not."""
    checks = readiness.checks()
    ready = all(check.ok for check in checks)
    body = {"ready": ready, "checks": {check.name: check.ok for check in checks}}
    response = flask.make_response(flask.jsonify(body), 200 if ready else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


@blp.route("/metrics")
@anyone
def answer_metrics() -> flask.Response:
    """Give the counters of this process to Prometheus."""
    return metrics.render()
