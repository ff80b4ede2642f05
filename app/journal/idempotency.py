"""`Idempotency-Key`: the same creating request, sent again within 24 h, has one effect."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask
import sqlalchemy as sa

from app import canonical, clock, db
from app.access import current_actor
from app.errors import Conflict
from app.journal.models import IdempotencyKey
from app.problems import BadRequest, IdempotencyKeyReused

KEPT = timedelta(hours=24)
_MAX_KEY = 100


class AnswerNotKept(Conflict):
    code, title = "answer-not-kept", "请求已执行"


def run_once(view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a creating view, or answer what it answered to the same key before.

    The key is stored in the transaction of the effect, the answer right after it. Raises
    IdempotencyKeyReused when the key came with another request, AnswerNotKept when the effect
    exists and its answer was lost.
    """
    key = flask.request.headers.get("Idempotency-Key")
    account_id = current_actor().id
    if key is None or account_id is None:
        return view(*args, **kwargs)
    if not key or len(key) > _MAX_KEY:
        raise BadRequest(f"Idempotency-Key 的长度应为 1 到 {_MAX_KEY} 个字符。")
    at = clock.now()
    request_hash = canonical.digest(
        f"{flask.request.method} {flask.request.path}\n{flask.request.get_data(as_text=True)}"
    )
    earlier = db.db.session.get(IdempotencyKey, (account_id, key))
    if earlier is not None and earlier.at > at - KEPT:
        return _answer_again(earlier, request_hash)
    if earlier is not None:
        _forget(account_id, key)
    db.also_write(IdempotencyKey(account_id=account_id, key=key, request_hash=request_hash, at=at))
    response = flask.make_response(view(*args, **kwargs))
    with db.transaction() as session:
        session.execute(
            sa.update(IdempotencyKey)
            .where(IdempotencyKey.account_id == account_id, IdempotencyKey.key == key)
            .values(status=response.status_code, body=response.get_data(as_text=True))
        )
    return response


def _answer_again(earlier: IdempotencyKey, request_hash: str) -> flask.Response:
    if earlier.request_hash != request_hash:
        raise IdempotencyKeyReused("这个幂等键已经用于另一个请求，请换一个新的键。")
    if earlier.status is None or earlier.body is None:
        raise AnswerNotKept("相同的请求已经执行，但当时的应答没有保存，请在列表中查看结果。")
    response = flask.make_response(earlier.body, earlier.status)
    response.headers["Content-Type"] = "application/json"
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _forget(account_id: Any, key: str) -> None:
    with db.transaction() as session:
        session.execute(
            sa.delete(IdempotencyKey).where(
                IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
            )
        )
