"""Every failure leaves in one shape: RFC 9457 `application/problem+json`, title and detail Chinese.

Here and only here kinds of failure get status codes. `Blueprint` is flask-smorest's, extended by
ETag as a quoted `version`, If-Match on every changing method, cursor pages with `Link`, and the
problems an operation may answer in the OpenAPI document.
"""

import base64
import functools
import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID

import flask
import flask_smorest
import marshmallow as ma
import sqlalchemy as sa
import structlog
from flask.globals import app_ctx
from marshmallow import ValidationError, fields
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from app import canonical, db, errors, silence
from app.fields import Count, Shaped, Text, absent
from app.parsing import JsonParser

log = structlog.get_logger()
V = TypeVar("V", bound=Callable[..., Any])
T = TypeVar("T")

MIME = "application/problem+json"
MAX_PAGE = 200
_STATUS: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.Invalid, 422),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Unavailable, 503),
)


class Problem(errors.DomainError):
    """An edge problem that has no kind below the edges, with its own status and headers."""

    status: ClassVar[int] = 400
    headers: Mapping[str, str]

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extras: Any
    ) -> None:
        super().__init__(detail, **extras)
        self.headers = headers or {}


class BadRequest(Problem):
    code, title, status = "bad-request", "请求格式有误", 400


class CursorUnknown(Problem):
    code, title, status = "cursor-unknown", "分页游标无效", 400


class NotSignedIn(Problem):
    code, title, status = "not-signed-in", "尚未登录", 401


class MethodNotAllowed(Problem):
    code, title, status = "method-not-allowed", "不支持的请求方法", 405


class NotAcceptable(Problem):
    code, title, status = "not-acceptable", "无法按要求的版本或格式应答", 406


class RequestTimeout(Problem):
    code, title, status = "request-timeout", "请求内容没有传完", 408


class Gone(Problem):
    code, title, status = "gone", "内容已不存在", 410


class VersionStale(Problem):
    code, title, status = "version-stale", "内容已更新", 412


class TooLarge(Problem):
    code, title, status = "too-large", "请求内容过大", 413


class MediaTypeUnsupported(Problem):
    code, title, status = "media-type-unsupported", "不支持的内容类型", 415


class VersionRequired(Problem):
    code, title, status = "version-required", "缺少版本号", 428


class TooManyRequests(Problem):
    code, title, status = "too-many-requests", "请求过于频繁", 429


class RouteUnknown(Problem):
    code, title, status = "route-unknown", "地址不存在", 404


class ContentInvalid(Problem):
    code, title, status = "content-invalid", "内容有误", 422


class IdempotencyKeyReused(Problem):
    code, title, status = "idempotency-key-reused", "幂等键已用于其他请求", 422


class InternalError(Problem):
    code, title, status = "internal-error", "系统出错", 500


_HTTP: Mapping[int, tuple[type[Problem], str]] = {
    400: (BadRequest, "请求无法解析，请检查格式。"),
    401: (NotSignedIn, "请先登录。"),
    404: (RouteUnknown, "没有这个地址，请检查链接。"),
    405: (MethodNotAllowed, "这个地址不支持该请求方法。"),
    406: (NotAcceptable, "服务器无法给出所要求的格式。"),
    413: (TooLarge, "请求内容超过上限，没有写入任何数据。"),
    415: (MediaTypeUnsupported, "请以 application/json 提交内容。"),
    422: (ContentInvalid, "提交的内容有误，没有写入任何数据。"),
    429: (TooManyRequests, "请求过于频繁，请稍后再试。"),
}


class FieldErrorSchema(ma.Schema):
    """What is wrong with one field of the request."""

    class Meta:
        unknown = ma.INCLUDE

    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ProblemSchema(ma.Schema):
    """RFC 9457 problem document; further members depend on `type`."""

    class Meta:
        unknown = ma.INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldErrorSchema), metadata={"description": "各字段的问题"})


def request_id() -> str:
    """Return the id of this request, the same in the log and in a problem's `instance`."""
    values = app_ctx.g
    found: str | None = values.get("request_id")
    if found is None:
        values.request_id = found = db.new_id_text()
    return found


def status_of(error: errors.DomainError) -> int:
    """Return the HTTP status of a failure."""
    if isinstance(error, Problem):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def document(error: errors.DomainError, *, instance: str) -> dict[str, Any]:
    """Return the problem document of a failure; extras follow the five standard members."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(error),
        "detail": error.detail,
        "instance": f"urn:uuid:{instance}",
    }
    body.update({key: _plain(value) for key, value in error.extras.items()})
    return body


def _plain(value: Any) -> Any:
    if hasattr(value, "astimezone"):
        return canonical.instant(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def respond(error: errors.DomainError) -> flask.Response:
    """Render any failure; the only function that does."""
    flask.g.problem_code = error.code
    body = document(error, instance=request_id())
    text = flask.json.dumps(body, ensure_ascii=False)
    # a field may be named by half a character: it goes out as the escape that it came in as
    response = flask.make_response(text.encode("utf-8", "backslashreplace"), body["status"])
    response.headers["Content-Type"] = MIME
    if isinstance(error, Problem):
        response.headers.update(error.headers)
    if isinstance(error, errors.Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if body["status"] == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response


def init_app(flask_app: flask.Flask) -> None:
    """Let every failure of `flask_app` leave through `respond`."""
    flask_app.register_error_handler(errors.DomainError, respond)
    flask_app.register_error_handler(ValidationError, _on_validation)
    flask_app.register_error_handler(HTTPException, _on_http)
    flask_app.register_error_handler(OperationalError, _on_database)
    flask_app.register_error_handler(PoolTimeout, _on_database)
    flask_app.register_error_handler(Exception, _on_bug)


def _on_validation(error: ValidationError) -> flask.Response:
    return respond(_content_invalid(error.messages))


def _content_invalid(messages: Any) -> ContentInvalid:
    return ContentInvalid(
        "提交的内容有误，没有写入任何数据。", errors=list(_pointers(messages, "#"))
    )


def _pointers(messages: Any, pointer: str) -> list[dict[str, str]]:
    """Flatten marshmallow's nested messages into JSON pointers."""
    if isinstance(messages, Mapping):
        return [
            found
            for key, inner in messages.items()
            for found in _pointers(inner, pointer if key == "_schema" else f"{pointer}/{key}")
        ]
    if isinstance(messages, (list, tuple)):
        return [{"pointer": pointer, "detail": str(message)} for message in messages]
    return [{"pointer": pointer, "detail": str(messages)}]


def _on_http(error: HTTPException) -> flask.Response | WerkzeugResponse:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    if isinstance(error, ClientDisconnected) and silence.FLAG in flask.request.environ:
        return respond(_silent())
    data = getattr(error, "data", None) or {}
    if code == 422 and "messages" in data:
        messages = data["messages"]
        return respond(
            _content_invalid({k: v for part in messages.values() for k, v in _items(part)})
        )
    if code == 404 and flask.request.url_rule is None:
        return respond(RouteUnknown("没有这个地址，请检查链接。"))
    kind, detail = _HTTP.get(code, (InternalError, "系统出错，已记录，请联系管理员。"))
    headers = dict(error.get_headers()) if code in {405, 429} else {}
    keep = {key: value for key, value in headers.items() if key in {"Allow", "Retry-After"}}
    return respond(kind(detail, headers=keep))


def _silent() -> RequestTimeout:
    """Return what a sender is told who stopped in the middle; the line carries nothing more."""
    return RequestTimeout(
        "请求内容没有传完，等待超时，数据没有写入，请重新发送。", headers={"Connection": "close"}
    )


def _items(part: Any) -> Sequence[tuple[str, Any]]:
    return list(part.items()) if isinstance(part, Mapping) else [("_schema", part)]


def _on_database(error: Exception) -> flask.Response:
    if db.is_overload(error):
        return respond(db.overloaded())
    return _on_bug(error)


def _on_bug(error: Exception) -> flask.Response:
    log.error("unexpected error", request=request_id(), exc_info=error)
    return respond(InternalError("系统出错，已记录，请把编号告诉管理员。"))


# --- cursors ---------------------------------------------------------------------------------


def sign_cursor(values: Mapping[str, Any]) -> str:
    """Return an opaque, signed cursor that holds `values`."""
    body = canonical.dumps(values).encode()
    return _b64(body + _mac(body))


def read_cursor(text: str) -> dict[str, Any]:
    """Return the values of a cursor of ours. Raises CursorUnknown for anything else."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        body, mac = raw[:-16], raw[-16:]
        if not hmac.compare_digest(mac, _mac(body)):
            raise CursorUnknown("分页游标无效，请从第一页重新读取。")
        return cast(dict[str, Any], canonical.loads(body.decode()))
    except (ValueError, UnicodeError) as error:
        raise CursorUnknown("分页游标无效，请从第一页重新读取。") from error


def _mac(body: bytes) -> bytes:
    secret = str(flask.current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(hashlib.sha256(b"page-cursor" + secret).digest(), body, "sha256")[:16]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class PageSchema(ma.Schema):
    """Query of a list: how many, and where to go on."""

    limit = Count(1, MAX_PAGE, load_default=50, metadata={"description": "行数"})
    cursor = Text(max=2000, load_default=absent, metadata={"description": "Link 头里给出的游标"})


class Page(Generic[T]):
    """One page of a list ordered by id: rows, and the cursor of the next page or None."""

    def __init__(self, items: list[T], next_cursor: str | None) -> None:
        self.items = items
        self.next_cursor = next_cursor


def page(
    query: sa.Select[Any],
    key: Any,
    *,
    limit: int,
    cursor: str | None,
    newest_first: bool = False,
) -> Page[Any]:
    """Return one page of `query`, ordered by the unique UUID column `key`.

    Rows that arrive while somebody pages are neither repeated nor do they push others out.
    """
    if cursor:
        after = read_cursor(cursor).get("after")
        try:
            bound = UUID(str(after))
        except ValueError as error:
            raise CursorUnknown("分页游标无效，请从第一页重新读取。") from error
        query = query.where(key < bound if newest_first else key > bound)
    ordered = query.order_by(key.desc() if newest_first else key.asc()).limit(limit + 1)
    rows = list(db.db.session.scalars(ordered))
    if len(rows) <= limit:
        return Page(rows, None)
    last = getattr(rows[limit - 1], key.key)
    return Page(rows[:limit], sign_cursor({"after": str(last)}))


@functools.cache
def _page_of(schema: type[ma.Schema]) -> type[ma.Schema]:
    """Return the body of a page of `schema`: one class each, or the API document has two names."""
    items = {"items": fields.List(fields.Nested(schema))}
    return type(f"{schema.__name__}Page", (ma.Schema,), items)


# --- blueprint -------------------------------------------------------------------------------


_CODING = re.compile(r':(?:gzip|zstd)(?="$)')


def _tags(header: str) -> set[str]:
    """Return the entity tags of a header, without the coding that compression wrote into them."""
    return {_CODING.sub("", one.strip()) for one in header.split(",")}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest is untyped; this is the one cast
    """flask-smorest's blueprint with our ETag, pages and documented problems."""

    ARGUMENTS_PARSER = JsonParser()

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self._prepare_doc_cbks.append(_document_problems)

    def route(self, rule: str, **options: Any) -> Callable[[V], V]:
        return cast(Callable[[V], V], super().route(rule, **options))

    def doc(self, **options: Any) -> Callable[[V], V]:
        """Describe a view in the document; calls go straight to it."""
        return _described(super().doc(**options))

    def alt_response(self, status_code: int, *args: Any, **options: Any) -> Callable[[V], V]:
        """Describe a further answer of a view in the document; calls go straight to it."""
        return _described(super().alt_response(status_code, *args, **options))

    def arguments(self, schema: Any, *, location: str = "json", **options: Any) -> Callable[[V], V]:
        """Parse the request; a JSON body has to be there and to say that it is JSON.

        The schema of a query is made once: making it takes as long as reading a short query.
        """
        if location != "json" and isinstance(schema, type):
            schema = schema()
        parsed = super().arguments(schema, location=location, **options)
        if location != "json":
            return cast(Callable[[V], V], parsed)

        def decorate(view: V) -> V:
            inner = parsed(view)

            @functools.wraps(inner)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                _require_json()
                return inner(*args, **kwargs)

            return cast(V, wrapper)

        return decorate

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[V], V]:
        return cast(Callable[[V], V], super().response(status_code, schema, **options))

    def paged(self, schema: Any) -> Callable[[V], V]:
        """Let a view return a `Page`: the body is `{"items": […]}`, the next page is in `Link`.

        The view takes the query's `PageSchema` values (or a subclass's) as its first argument.
        """
        body = _page_of(schema)

        def decorate(view: V) -> V:
            @functools.wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                found: Page[Any] = view(*args, **kwargs)
                if found.next_cursor is None:
                    return {"items": found.items}
                query = {**flask.request.args.to_dict(), "cursor": found.next_cursor}
                link = f'<{flask.request.path}?{urlencode(query)}>; rel="next"'
                return {"items": found.items}, 200, {"Link": link}

            return self.response(200, body)(cast(V, wrapper))

        return decorate

    def etag(self, view: V) -> V:
        """Mark a view as versioned: GET answers If-None-Match, others must call `check_version`."""

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            response = flask.make_response(view(*args, **kwargs))
            known = _tags(flask.request.headers.get("If-None-Match", ""))
            tag = response.headers.get("ETag") or flask.g.pop("etag", None)
            if tag:
                response.headers["ETag"] = tag
            if flask.request.method == "GET" and tag and tag in known:
                bare = flask.Response(status=304)
                bare.headers["ETag"] = tag
                return bare
            return response

        wrapper._apidoc = {**getattr(view, "_apidoc", {}), "versioned": True}  # type: ignore[attr-defined]  # smorest's place for it
        return cast(V, wrapper)

    def set_etag(self, version: int) -> None:
        """Let the response carry `version` as its ETag."""
        flask.g.etag = f'"{version}"'

    def check_version(self, entity: Any, schema: type[ma.Schema]) -> None:
        """Compare If-Match with the entity's version: 428 when missing, 412 when stale.

        The tag of a compressed answer is that of the plain one. The 412 carries the current state
        and its ETag. To be called inside the transaction.
        """
        given = flask.request.headers.get("If-Match")
        tag = f'"{entity.version}"'
        if given is None:
            raise VersionRequired("请在 If-Match 请求头中给出所依据的版本号。")
        if tag not in _tags(given):
            raise VersionStale(
                "内容已被他人更新，请在最新内容上重新修改。",
                headers={"ETag": tag},
                current=schema().dump(entity),
            )

    def refuses(self, *statuses: int) -> Callable[[V], V]:
        """Document problems that a view may answer and its other decorators do not tell."""

        def decorate(view: V) -> V:
            described = getattr(view, "_apidoc", {})
            known = described.get("refuses", frozenset())
            view._apidoc = {**described, "refuses": known | set(statuses)}  # type: ignore[attr-defined]  # smorest's place for it
            return view

        return decorate

    def creates(self, view: V) -> V:
        """Let a creating POST take `Idempotency-Key`, kept 24 h: the same request, once."""

        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return flask.current_app.extensions["suicha_idempotency"](view, args, kwargs)

        wrapper._apidoc = {**getattr(view, "_apidoc", {}), "creates": True}  # type: ignore[attr-defined]  # smorest's place for it
        return cast(V, wrapper)


def _described(decorate: Callable[[Any], Any]) -> Callable[[V], V]:
    """Let a view have what a decorator notes of it, without a further call around the view."""

    def note(view: V) -> V:
        view._apidoc = decorate(view)._apidoc  # type: ignore[attr-defined]  # smorest's place for it
        return view

    return note


def _require_json() -> None:
    """Refuse a body that is missing or of another type, which would else pass for an empty one."""
    if not flask.request.get_data():
        raise BadRequest("请求没有内容，请以 application/json 提交。")
    if not flask.request.is_json:
        raise MediaTypeUnsupported("请以 application/json 提交内容。")


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest is untyped
    """The API document; problems are documented by the blueprint, not by a default answer.

    Routes are described when somebody first asks for the document: it is a third of the time
    that a process needs to start, and most never need it.
    """

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, flask_app: flask.Flask) -> None:
        self._undescribed: list[Blueprint] = []
        self._document: dict[str, Any] | None = None
        self._describing = threading.Lock()
        super().__init__(flask_app)
        self._describe_shapes()

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """Serve the routes of a blueprint; `document` describes them."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        self._undescribed.append(blp)

    def _describe_shapes(self) -> None:
        """Let a field of several shapes be described by all of them, each a component."""
        converter, components = self.ma_plugin.converter, self.spec.components

        def described(_converter: Any, field: Any, **_known: Any) -> dict[str, Any]:
            if not isinstance(field, Shaped):
                return {}
            refs = {}
            for shape in dict.fromkeys(field.shapes.values()):
                name = field.name_of(shape)
                if name not in components.schemas:
                    components.schema(name, schema=shape)
                refs[shape] = converter.resolve_nested_schema(shape)
            by_key = {key: refs[shape]["$ref"] for key, shape in field.shapes.items()}
            return {"anyOf": list(refs.values()), "x-shapes": by_key}

        converter.add_attribute_function(described)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document of everything that is registered."""
        with self._describing:
            for blp in self._undescribed:
                blp.register_views_in_doc(
                    self, self._app, self.spec, name=blp.name, parameters=None
                )
                self.spec.tag({"name": blp.name, "description": blp.description})
            if self._undescribed or self._document is None:
                self._undescribed.clear()
                self._document = self.spec.to_dict()
            return self._document

    def _register_error_handlers(self) -> None:
        """Leave failures to `respond`."""

    def _register_responses(self) -> None:
        """Leave failures to `_document_problems`."""

    def _register_pagination_header(self) -> None:
        """Leave pages to `Link`."""


_MEANING = {
    400: "请求格式有误",
    401: "尚未登录或令牌无效",
    403: "无权操作",
    404: "未找到",
    406: "协议版本不受支持",
    409: "状态已变化",
    410: "内容已不存在",
    412: "版本已过期",
    413: "内容过大",
    408: "内容没有传完",
    415: "内容类型不受支持",
    422: "内容有误",
    423: "正由另一连接使用",
    428: "缺少 If-Match",
    429: "请求过于频繁",
    460: "校验值不一致",
    503: "暂时不可用",
}


def _document_problems(
    doc: dict[str, Any], doc_info: dict[str, Any], *, method: str, **_: Any
) -> dict[str, Any]:
    """Add to an operation the problems it may answer, from its decorators."""
    access = doc_info.get("access", {})
    if access:
        doc["x-access"] = access["roles"]
    if access.get("signed_in"):
        doc["security"] = [{scheme: []} for scheme in access["schemes"]]
    responses = doc.setdefault("responses", {})
    if doc_info.get("versioned") and method == "get":
        _add_header(doc, "If-None-Match", required=False)
        responses["304"] = {"description": "内容未变"}
    elif doc_info.get("versioned"):
        _add_header(doc, "If-Match", required=True)
    if doc_info.get("creates"):
        _add_header(doc, "Idempotency-Key", required=False, minLength=1, maxLength=100)
    if responses.get(422) == "UNPROCESSABLE_ENTITY":
        del responses[422]
    _add_problems(doc, _statuses(doc, doc_info, method))
    return doc


def _add_problems(doc: dict[str, Any], statuses: Iterable[int]) -> None:
    responses = doc.setdefault("responses", {})
    content = {MIME: {"schema": ProblemSchema}}
    for status in sorted(statuses):
        if str(status) not in responses and status not in responses:
            responses[str(status)] = {"description": _MEANING[status], "content": content}


def _statuses(doc: Mapping[str, Any], doc_info: Mapping[str, Any], method: str) -> set[int]:
    """Return the problem statuses an operation may answer."""
    found: set[int] = {400, 404, 503} | set(doc_info.get("refuses", ()))
    if doc_info.get("access", {}).get("signed_in"):
        found |= {401, 403}
    if "requestBody" in doc:
        found |= {408, 413, 415}
    if method != "get":
        found |= {409, 413, 422}
        if doc_info.get("versioned"):
            found |= {412, 428}
    if doc.get("parameters"):
        found.add(422)
    return found


def _add_header(doc: dict[str, Any], name: str, *, required: bool, **bounds: int) -> None:
    schema = {"type": "string", **bounds}
    parameter = {"name": name, "in": "header", "schema": schema, "required": required}
    doc.setdefault("parameters", []).append(parameter)


def sole_file(data: dict[str, Any]) -> FileStorage:
    """Return the file of a form; fields beside it say something that nobody would read."""
    if flask.request.form:
        raise ValidationError({name: ["没有这个字段。"] for name in flask.request.form})
    return cast(FileStorage, data["file"])
