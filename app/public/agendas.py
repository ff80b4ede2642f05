"""The feed of an agenda: whoever has its address subscribes to it, without sign-in."""

from hashlib import sha256

import flask
from flask import Blueprint
from werkzeug.wrappers import Response

from app import clock
from app.access import anyone
from app.agendas import service
from app.errors import DomainError
from app.public.pages import show_failure

blp = Blueprint("public_agendas", __name__, template_folder="templates")
blp.register_error_handler(DomainError, show_failure)


@blp.route("/calendars/<token>.ics")
@anyone
def show(token: str) -> Response:
    """Send an agenda as iCalendar; who has it already hears only that nothing changed."""
    feed = service.read_agenda(token, at=clock.now())
    response = flask.Response(feed.content, content_type="text/calendar; charset=utf-8")
    response.set_etag(sha256(feed.content).hexdigest()[:32])
    response.last_modified = feed.revised_at
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.headers["X-Robots-Tag"] = "noindex"
    return response.make_conditional(flask.request)
