"""A server that kills itself at a named point of a push: run as a process of its own by tests.

`python -m tests.sync.crashing POINT INSTANT` serves the application of the environment on a free
port, which it prints; when a push reaches POINT, the process ends by SIGKILL, as in a power cut.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug.serving import make_server

from app import clock
from app.visits.gathering import Gathering
from sync.inbox import api, batches, receipts, service
from sync.inbox.deciding import Batch
from wsgi import create_app


def die(*_: Any, **__: Any) -> Any:
    """End as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(number: int, whole: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """Return `whole`, except that its call `number` dies, before or after its work."""
    calls: list[None] = []

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        if len(calls) == number and not after:
            die()
        found = whole(*args, **kwargs)
        if len(calls) == number:
            die()
        return found

    return wrapper


def before_the_batch_is_stored() -> None:
    batches.store_batch = on_call(1, batches.store_batch)


def after_the_batch_is_stored() -> None:
    service.receive = on_call(1, service.receive)


def between_two_operations() -> None:
    Batch._take = on_call(4, Batch._take)  # type: ignore[method-assign]


def after_an_effect_inside_its_savepoint() -> None:
    Gathering.answer = on_call(3, Gathering.answer, after=True)  # type: ignore[method-assign]


def in_the_closing_step_before_the_receipts() -> None:
    receipts.Desk._write = die  # type: ignore[method-assign]


def after_the_receipts_before_the_commit() -> None:
    receipts.Desk._write = on_call(  # type: ignore[method-assign]
        1, receipts.Desk._write, after=True
    )


def after_the_commit_before_the_answer() -> None:
    api.answer_of = on_call(1, api.answer_of)


POINTS: dict[str, Callable[[], None]] = {
    found.__name__: found
    for found in (
        before_the_batch_is_stored,
        after_the_batch_is_stored,
        between_two_operations,
        after_an_effect_inside_its_savepoint,
        in_the_closing_step_before_the_receipts,
        after_the_receipts_before_the_commit,
        after_the_commit_before_the_answer,
    )
}


def main(point: str, at: str) -> None:
    """Serve until the push comes."""
    instant = datetime.fromisoformat(at)
    clock.use(lambda: instant)
    POINTS[point]()
    server = make_server("127.0.0.1", 0, create_app(os.environ), threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
