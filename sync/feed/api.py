"""The pull: what changed for a tablet since its cursor, and whether both still agree."""

from typing import Any
from uuid import UUID

import flask

from app import clock, db, entry
from app.access import current_actor, requires_device
from app.days import local_date
from app.evidence import inspecting
from app.evidence.rules import object_key, thumbnail_key
from app.journal import service as journal
from app.problems import Blueprint
from sync import wire
from sync.devices import api as devices
from sync.feed import rules, service
from sync.feed.schemas import FeedPageSchema, FeedQuerySchema, VerifiedSchema, VerifySchema

blp = Blueprint("feed", __name__, description="终端下行同步")
wire.attach(blp)
KEEP_S = 365 * 24 * 3600  # the bytes of a hash never change


def init_app(flask_app: flask.Flask) -> None:
    """Let the feed follow the journal."""
    journal.subscribe(service.project)


def _places() -> tuple[list[rules.Place], list[UUID]]:
    """Return the scopes of the calling tablet and the officers in session on it."""
    actor = current_actor()
    if actor.device_id is None or actor.district is None:
        raise RuntimeError("a device always has an id and a district")
    officers = sorted(devices.officers_in_session())
    places = rules.places_of(
        district=actor.district,
        agency_id=actor.agency_id,
        device_id=actor.device_id,
        officer_ids=officers,
    )
    return places, officers


def _cursor(text: str) -> wire.Cursor:
    actor = current_actor()
    device_id = actor.device_id or UUID(int=0)
    epoch = wire.present_epoch()
    if text:
        return wire.decode_cursor(text, device_id, epoch)
    return wire.Cursor(epoch=epoch, device=device_id, generation=db.new_id())


@blp.route("/feed")
@requires_device
@blp.arguments(FeedQuerySchema, location="query")
@blp.response(200, FeedPageSchema)
@blp.refuses(409, 410)
def pull(query: dict[str, Any]) -> flask.Response:
    """读取游标之后的变化"""
    wire.check_epoch()
    cursor = _cursor(query["cursor"])
    places, officers = _places()
    if query["want"]:
        _want({UUID(one) for one in query["want"].split(",")}, officers)
    found = service.pull(places, cursor.streams, query["limit"], generation=cursor.generation)
    if not found.rows and cursor.streams:
        return _nothing_new(cursor, query["cursor"])
    text = wire.encode_cursor(
        wire.Cursor(cursor.epoch, cursor.device, cursor.generation, found.streams)
    )
    return _answer(cursor.generation, found.rows, text, more=found.more)


def _want(unit_ids: set[UUID], officers: list[UUID]) -> None:
    at = clock.now()
    on = local_date(at)
    if officers and service.wants_missing(unit_ids, officers, on):
        with db.transaction():
            service.want_units(unit_ids, officers, on, by=current_actor(), at=at)


def _nothing_new(cursor: wire.Cursor, text: str) -> flask.Response:
    """Answer that the tablet has everything; asked again with the tag, without a body.

    The tag is weak: it means the same whichever way the answer is compressed.
    """
    response = _answer(cursor.generation, [], text, more=False)
    response.set_etag(text[-32:], weak=True)
    if flask.request.if_none_match.contains_weak(text[-32:]):
        response.status_code = 304
        response.set_data(b"")
    return response


def _answer(generation: UUID, rows: list[bytes], cursor: str, *, more: bool) -> flask.Response:
    """Put a page together from what is JSON already."""
    more_text, complete_text = ("true", "false") if more else ("false", "true")
    begin = f'{{"generation":"{generation}","rows":['
    end = f'],"cursor":"{cursor}","more":{more_text},"complete":{complete_text}}}\n'
    body = b"".join((begin.encode(), b",".join(rows), end.encode()))
    return flask.Response(body, mimetype="application/json")


@blp.route("/verify", methods=["POST"])
@requires_device
@blp.arguments(VerifySchema)
@blp.response(200, VerifiedSchema)
@blp.refuses(410)
def verify(data: dict[str, Any]) -> dict[str, Any]:
    """核对终端与服务器的内容是否一致"""
    wire.check_epoch()
    cursor = _cursor(data["cursor"])
    places, _ = _places()
    sets = [service.SetSum(**one) for one in data["sets"]]
    behind, differs = service.verify(places, cursor.streams, sets)
    return {"behind": behind, "differs": differs}


@blp.route("/evidence/<digest>")
@requires_device
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
@blp.refuses(404)
def get_original(digest: str) -> flask.Response:
    """读取证据原件

    只给出本终端登录人员同步范围内、原件已到的证据；其他一律 404。内容按哈希不变，可长期缓存。
    """
    found = service.get_shown_evidence(digest, _places()[0], current_actor().agency_id)
    if _has_it(found.sha256):
        return _kept(flask.Response(status=304), found.sha256)
    key = object_key(found.agency_id, found.sha256)
    db.stop_reading()
    chunks = entry.storage().stream(key)
    response = flask.Response(chunks, mimetype="application/octet-stream")
    response.headers["Content-Length"] = str(found.size_bytes)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.sha256}"'
    return _kept(response, found.sha256)


@blp.route("/evidence/<digest>/thumbnail")
@requires_device
@blp.response(200, {"type": "string", "format": "binary"}, content_type="image/jpeg")
@blp.refuses(404)
def get_thumbnail(digest: str) -> flask.Response:
    """读取证据缩略图

    范围同原件；不是图片的证据没有缩略图；刚收到、尚未处理的照片在这时生成。
    """
    places, agency_id = _places()[0], current_actor().agency_id
    found = service.get_shown_evidence(digest, places, agency_id, thumbnail=True)
    if found.uninspected:
        inspecting.inspect(found.id, at=clock.now())
        found = service.get_shown_evidence(digest, places, agency_id, thumbnail=True)
    tag = f"{found.sha256}-thumbnail"
    if _has_it(tag):
        return _kept(flask.Response(status=304), tag)
    key = thumbnail_key(found.agency_id, found.sha256)
    db.stop_reading()
    return _kept(flask.Response(entry.storage().get(key), mimetype="image/jpeg"), tag)


def _has_it(tag: str) -> bool:
    return flask.request.if_none_match.contains(tag)


def _kept(response: flask.Response, tag: str) -> flask.Response:
    response.set_etag(tag)
    response.headers["Cache-Control"] = f"private, max-age={KEEP_S}, immutable"
    return response
