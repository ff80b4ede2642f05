"""The line between a tablet and the server, and what can go wrong on it; a server that dies."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask
import pytest

from app import db, lines
from sync.inbox import api, batches, effects, receipts, service
from sync.inbox.deciding import Batch
from tests.sync.tablet import Answer


class Broken(Exception):
    """The tablet hears nothing; `executed` says what only the test can know."""

    def __init__(self, *, executed: bool) -> None:
        super().__init__("the line broke")
        self.executed = executed


class Killed(BaseException):
    """The process ends here: nothing catches it, the open transaction is gone."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one request; `part` of 16 says where a body is cut."""

    kind: str
    part: int = 0


@dataclass
class Line:
    """Speaks to the application in this process; the next request suffers the armed fault."""

    flask_app: flask.Flask
    fault: Fault | None = None

    def __call__(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        fault, self.fault = self.fault, None
        kind = "" if fault is None else fault.kind
        if kind == "lost request":
            raise Broken(executed=False)
        if fault is not None and kind == "cut" and body:
            self._ask(method, path, body[: len(body) * fault.part // 16], headers, len(body))
            raise Broken(executed=False)
        answer = self._ask(method, path, body, headers, len(body))
        if kind == "lost response":
            raise Broken(executed=True)
        if kind == "sent twice":
            answer = self._ask(method, path, body, headers, len(body))
        return answer

    def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], promised: int
    ) -> Answer:
        response = self.flask_app.test_client().open(
            path,
            method=method,
            input_stream=io.BytesIO(body),
            headers=dict(headers),
            environ_overrides={"CONTENT_LENGTH": str(promised)},
        )
        return Answer(response.status_code, dict(response.headers), response.data)


# --- where a server dies during a push ---------------------------------------------------------


def _die(*_: Any, **__: Any) -> Any:
    raise Killed


def _on_call(number: int, whole: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    calls: list[None] = []

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        if len(calls) != number:
            return whole(*args, **kwargs)
        if after:
            whole(*args, **kwargs)
        return _die()

    return wrapper


# point -> what of the push is there afterwards: nothing, its raw batch, all of it
POINTS = {
    "before the batch is stored": "nothing",
    "after the batch is stored": "raw",
    "between two operations": "raw",
    "after an effect": "raw",
    "before the receipts": "raw",
    "after the receipts": "raw",
    "before the commit": "raw",
    "after the commit": "all",
}


@contextmanager
def dying(point: str, number: int) -> Iterator[None]:
    """Let the next push reach its end at a point, at the `number`-th time where there are some."""
    with pytest.MonkeyPatch.context() as patch:
        if point == "before the batch is stored":
            patch.setattr(batches, "store_batch", _die)
        elif point == "after the batch is stored":
            patch.setattr(service, "receive", _die)
        elif point == "between two operations":
            patch.setattr(Batch, "_take", _on_call(number, Batch._take, after=False))
        elif point == "after an effect":
            patch.setattr(effects, "carry_out", _on_call(number, effects.carry_out, after=True))
        elif point == "before the receipts":
            patch.setattr(receipts.Desk, "_write", _die)
        elif point == "after the receipts":
            patch.setattr(receipts.Desk, "_write", _on_call(1, receipts.Desk._write, after=True))
        elif point == "before the commit":
            steps = [*db._closing_steps, _on_call(2, lambda _: None, after=False)]
            patch.setattr(db, "_closing_steps", steps)
        else:
            patch.setattr(api, "answer_of", _die)
        yield


@contextmanager
def dying_before_the_commit() -> Iterator[None]:
    """Let the next transaction of any kind end with its process, everything written.

    One statement alone is a transaction of its own on SQLite: there its process ends before it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_closing_steps", [*db._closing_steps, _die])
        begin = lines.Line.begin

        def begun(line: lines.Line, *, durable: bool) -> None:
            if line.dialect.name == "sqlite":
                _die()
            begin(line, durable=durable)

        patch.setattr(lines.Line, "begin", begun)
        patch.setattr(lines.Line, "commit", _die)
        yield
