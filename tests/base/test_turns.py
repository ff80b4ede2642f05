"""Turns: how many work at once, who comes next, who is sent away, and bodies read beforehand."""

import io
import threading
import time
from typing import Any

import flask
import pytest

from app.turns import READ_FIRST_BYTES, REFUSED, TURN, CutShort, Queue, Turns

STREAMED = "application/offset+octet-stream"


def queue(inner: Any, *, count: int = 1, wait_s: float = 0.1) -> Queue:
    return Queue(inner, count=count, wait_s=wait_s, streamed=frozenset({STREAMED}))


def body(content: bytes, length: int | None = None, **more: str) -> dict[str, Any]:
    given = len(content) if length is None else length
    return {"CONTENT_LENGTH": str(given), "wsgi.input": io.BytesIO(content), **more}


def test_no_more_work_at_once_than_there_are_turns() -> None:
    at_work, most, lock = 0, 0, threading.Lock()

    def work(_environ: Any, _start: Any) -> list[bytes]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1
        return [b"done"]

    one = queue(work, count=3, wait_s=10)
    asking = [threading.Thread(target=one, args=({}, None)) for _ in range(20)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert most == 3


def test_who_gets_no_turn_in_time_is_told_before_anything_is_done() -> None:
    working, go_on = threading.Event(), threading.Event()

    def work(environ: dict[str, Any], _start: Any) -> list[bytes]:
        if REFUSED in environ:
            return [b"refused"]
        working.set()
        go_on.wait()
        return [b"done"]

    one = queue(work)
    first = threading.Thread(target=one, args=({}, None))
    first.start()
    working.wait()
    assert one({}, None) == [b"refused"]
    go_on.set()
    first.join()
    assert one({}, None) == [b"done"]


def test_health_is_told_without_a_turn() -> None:
    one = queue(lambda environ, _start: [str(TURN in environ).encode()])
    assert one.turns.take(0)
    assert one({"PATH_INFO": "/healthz"}, None) == [b"False"]


def test_who_waits_for_its_body_lets_others_work_and_comes_back_first() -> None:
    turns = Turns(1)
    assert turns.take(0)
    turns.give_back()  # the first one's body is still on its way
    assert turns.take(0), "another one works meanwhile"
    order: list[str] = []

    def new() -> None:
        assert turns.take(10)
        order.append("new")
        turns.give_back()

    def back() -> None:
        turns.take_again()
        order.append("back")
        turns.give_back()

    waiting = [threading.Thread(target=new), threading.Thread(target=back)]
    for thread in waiting:
        thread.start()
        time.sleep(0.05)
    turns.give_back()
    for thread in waiting:
        thread.join()
    assert order == ["back", "new"]


def test_a_small_body_is_read_before_the_turn_and_a_streamed_one_by_the_view() -> None:
    def left(environ: dict[str, Any], _start: Any) -> list[bytes]:
        return [environ["wsgi.input"].read()]

    for given in (
        body(b"small"),
        body(b"streamed", CONTENT_TYPE=f"{STREAMED}; a=b"),
        body(b"a" * (READ_FIRST_BYTES + 1)),
    ):
        content, source = given["wsgi.input"].getvalue(), given["wsgi.input"]
        assert queue(left)(given, None) == [content]
        assert (given["wsgi.input"] is source) == (content != b"small")


def test_a_body_that_breaks_off_breaks_off_for_the_view_as_well() -> None:
    cut = body(b"abc", 9)
    queue(lambda _environ, _start: [])(cut, None)
    assert isinstance(cut["wsgi.input"], CutShort)
    assert cut["wsgi.input"].read(3) == b"abc"
    with pytest.raises(OSError, match="cut short"):
        cut["wsgi.input"].read(1)


def test_the_application_refuses_who_got_no_turn_with_a_time(flask_app: flask.Flask) -> None:
    answer = flask_app.test_client().get("/api/v1/me", environ_overrides={REFUSED: True})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.get_json()["type"] == "/problems/overloaded"
