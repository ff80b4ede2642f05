"""Kinto compresses nothing by itself; here it does what a proxy before it would do."""

import gzip
from typing import Any

LEVEL = 6


def compress(handler: Any, _registry: Any) -> Any:
    """Return Kinto with gzip for clients that accept it."""

    def handle(request: Any) -> Any:
        response = handler(request)
        if "gzip" in request.headers.get("Accept-Encoding", "") and response.body:
            response.body = gzip.compress(response.body, LEVEL)
            response.headers["Content-Encoding"] = "gzip"
        return response

    return handle


def includeme(config: Any) -> None:
    """Put it around everything that Kinto answers."""
    config.add_tween("kinto_gzip.compress")
