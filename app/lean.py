"""Flask and its answers without the work that no request here needs.

What every request pays, the smallest and the most frequent pay most: an empty pull, a piece of a
photo. Hosts and sub-domains lead to no other routes here, so that an address is made out without
them; an answer without a body goes out as it is; headers of our own making are not looked through
for line breaks.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import flask
from flask.globals import request_ctx
from flask_compress import Compress
from werkzeug.routing import Map, MapAdapter
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Calls = tuple[Callable[..., Any], ...]
Pairs = tuple[tuple[str, str], ...]

_NO_ROUTES = Map()
_WITHOUT_BODY = frozenset({204, 304})
_OF_BODY = frozenset(
    {"content-type", "content-length", "content-encoding", "content-language", "last-modified"}
)


class Answer(flask.Response):
    """Flask's response; `also` are headers that go out beside those that anybody can change."""

    also: Pairs = ()

    def get_wsgi_response(
        self, environ: "WSGIEnvironment"
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """Return body, status and headers as the server takes them."""
        if self.status_code not in _WITHOUT_BODY or hasattr(self.response, "close"):
            body, status, headers = super().get_wsgi_response(environ)
            return body, status, [*headers, *self.also]
        kept = [pair for pair in self.headers if pair[0].lower() not in _OF_BODY]
        self.close()
        return (), self.status, [*kept, *self.also]


def also(response: flask.Response, pairs: Pairs) -> None:
    """Let an answer carry headers of our own making: ASCII, no line breaks, each only here."""
    if not isinstance(response, Answer):
        raise TypeError("an answer of another application")
    response.also += pairs


class Application(flask.Flask):
    """Flask for one host and no sub-domains."""

    response_class = Answer

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._around: dict[str | None, tuple[Calls, Calls]] = {}

    def preprocess_request(self) -> Any:
        """Call what is to be called before a view; what answers ends it."""
        if self.url_value_preprocessors:
            return super().preprocess_request()
        for call in self._calls(request_ctx.request)[0]:
            answer = call()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: flask.Response) -> Any:
        """Call what is to be called after a view; no state lies in a session."""
        calls: Iterable[Callable[..., Any]] = request_ctx._after_request_functions
        for call in chain(calls, self._calls(request_ctx.request)[1]):
            response = call(response)
        return response

    def _calls(self, request: flask.Request) -> tuple[Calls, Calls]:
        """Return what is called before and after a route; registered before the first request."""
        found = self._around.get(request.endpoint)
        if found is None:
            names = request.blueprints
            before = [self.before_request_funcs.get(name, []) for name in (None, *reversed(names))]
            after = [self.after_request_funcs.get(name, [])[::-1] for name in (*names, None)]
            found = tuple(chain(*before)), tuple(chain(*after))
            self._around[request.endpoint] = found
        return found

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return what finds the route of a request. Raises BadHost.

        Flask's own asks for the host twice and for what it does not use.
        """
        if request is None or self.config["TRUSTED_HOSTS"] is not None:
            return super().create_url_adapter(request)
        environ = request.environ
        scheme = environ["wsgi.url_scheme"]
        request.host, name = _host(
            scheme,
            environ.get("HTTP_HOST"),
            environ.get("SERVER_NAME", ""),
            environ.get("SERVER_PORT", ""),
        )
        return MapAdapter(
            self.url_map,
            name,
            _text(environ.get("SCRIPT_NAME", "")) or "/",
            self.url_map.default_subdomain or "",
            scheme,
            _text(environ.get("PATH_INFO", "")),
            environ["REQUEST_METHOD"],
            _text(environ.get("QUERY_STRING", "")),
        )


@lru_cache(maxsize=256)
def _host(scheme: str, host: str | None, server: str, port: str) -> tuple[str, str]:
    """Return the host that a request names, as it is and as addresses are made with it.

    There are few, and each comes again and again. Raises BadHost.
    """
    environ = {"wsgi.url_scheme": scheme, "SERVER_NAME": server, "SERVER_PORT": port}
    found = get_host(environ if host is None else {**environ, "HTTP_HOST": host})
    return found, _NO_ROUTES.bind(found).server_name


def _text(raw: str) -> str:
    """Return what a server handed over byte by byte as the text it is."""
    return raw if raw.isascii() else raw.encode("latin1").decode(errors="replace")


class Packing(Compress):
    """Compression that does not ask an answer without a body how it would like to be packed."""

    def after_request(self, response: Any) -> Any:
        """Pack an answer if whoever asked can unpack it."""
        if response.status_code == 204:
            return response
        if response.status_code == 304 and "Vary" not in response.headers:
            also(response, (("Vary", "Accept-Encoding"),))
            return response
        return super().after_request(response)
