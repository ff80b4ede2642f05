"""A PDF as an answer: named, with an ETag of its bytes, 304 for who has it."""

from hashlib import sha256
from urllib.parse import quote

import flask

MIME = "application/pdf"
BINARY = {"type": "string", "format": "binary"}


def answer(made: bytes, name: str) -> flask.Response:
    """Return the answer with a PDF; `name` is that of the file, without its ending."""
    response = flask.Response(made, mimetype=MIME)
    response.set_etag(sha256(made).hexdigest())
    response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name, safe='')}.pdf"
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(flask.request)
    return response
