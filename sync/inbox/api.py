"""The inbox over HTTP: a batch in, one result per line out; and receipts to be read again."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import flask
import orjson
import structlog

from app import clock, entry
from app.access import current_actor, requires_device
from app.db import Overloaded, is_overload
from app.documents import blocks
from app.errors import Unavailable
from app.problems import Blueprint, NotSignedIn
from app.together import write_together
from sync import wire
from sync.inbox import batches, pushing, queries
from sync.inbox.deciding import DATABASE_FAILURES, Result
from sync.inbox.schemas import PushResultsSchema, ReceiptQuerySchema, ReceiptsSchema

log = structlog.get_logger()
blp = Blueprint("inbox", __name__, description="终端上报与回执")
wire.attach(blp)
_LINES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "maxLength": wire.BATCH_BYTES},
                "example": '{"op":"{…}","sig":"…"}\n',
            }
        },
    }
}


def init_app(_flask_app: flask.Flask) -> None:
    """Let the account of numbers know of the papers that came and did not come in."""
    blocks.ask_refused(queries.refused_numbers)


class DatabaseFailed(Unavailable):
    code, title = "database-failed", "数据库暂时不可用"


@blp.route("/inbox", methods=["POST"])
@requires_device
@blp.doc(**_LINES)
@blp.response(200, PushResultsSchema)
@blp.refuses(415, 429)
def push() -> flask.Response:
    """上报一批操作

    每行一项 `{"op":"<规范 JSON>","sig":"…"}`，至多 50 行。
    逐行返回结果和签名回执；重复上报得到同一份回执。
    """
    device_id = _me()
    raw = wire.read_body()
    lines = _lines(raw)
    at = clock.now()
    try:
        results = _receive(device_id, raw, lines, at)
        repeats = {result.operation_id for result in results if result.receipt is None}
        earlier = queries.first_receipts(repeats) if repeats else {}
    except DATABASE_FAILURES as error:
        if is_overload(error):
            raise Overloaded("服务器正忙，请稍后整批重新上报。") from error
        log.exception("the database failed")
        raise DatabaseFailed("数据库暂时不可用，请稍后整批重新上报。", retry_after_s=30) from error
    answers = [(result, result.receipt or earlier[result.operation_id]) for result in results]
    found = {"results": [answer_of(result, receipt) for result, receipt in answers]}
    return flask.Response(orjson.dumps(found), mimetype="application/json")


def _receive(device_id: UUID, raw: bytes, lines: Sequence[bytes], at: datetime) -> list[Result]:
    """Store the batch, then decide it.

    The storing waits for no disk of its own: a power cut before the answer takes both, and the
    tablet sends the batch again; the end of the process takes neither.
    """
    batch = batches.packed(device_id, raw, at=at)
    batch_id = write_together(partial(batches.store_batch, batch), of=batch["id"], durable=False)
    return pushing.decide_stored(
        device_id, batch_id, lines, keys=entry.keys(), contact=wire.contact(at), at=at
    )


def _me() -> UUID:
    device_id = current_actor().device_id
    if device_id is None:
        raise NotSignedIn("请在 Authorization 请求头中给出终端的访问令牌。")
    return device_id


def _lines(raw: bytes) -> list[bytes]:
    """Return the lines of a batch. Raises FramingWrong and BatchTooLarge, nothing else refuses."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise wire.FramingWrong("上报内容不是 UTF-8 文本，请整批重新上报。") from error
    count = raw.count(b"\n") + (not raw.endswith(b"\n"))
    if count > wire.BATCH_OPERATIONS:
        raise wire.BatchTooLarge(
            f"一批至多 {wire.BATCH_OPERATIONS} 项操作，请分成两半分别上报。",
            limit_operations=wire.BATCH_OPERATIONS,
        )
    if not raw:
        raise wire.FramingWrong("上报内容是空的。")
    return pushing.lines_of(raw)


def answer_of(result: Result, receipt: queries.Attested) -> dict[str, Any]:
    """Return what a line came to, of the shape of PushResultSchema."""
    return {
        "line": result.line,
        "op_id": result.op_id,
        "outcome": result.outcome,
        "reason": result.reason,
        "receipt": receipt,
        "problem": None if result.problem is None else json.loads(result.problem),
    }


@blp.route("/receipts")
@requires_device
@blp.arguments(ReceiptQuerySchema, location="query")
@blp.response(200, ReceiptsSchema)
def list_receipts(query: dict[str, Any]) -> dict[str, Any]:
    """读取本终端的回执"""
    found = queries.receipts_after(_me(), query["after_seq"], query["limit"] + 1)
    return {"receipts": found[: query["limit"]], "more": len(found) > query["limit"]}
