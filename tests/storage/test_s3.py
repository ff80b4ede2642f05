"""What only S3 can do wrong."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from app.storage import Storage, StorageFull, StorageUnreachable
from tests.storage.streams import large
from tests.storage_servers import S3Server


@pytest.fixture
def answering() -> Iterator[tuple[type[BaseHTTPRequestHandler], str]]:
    """An S3 that answers everything with one status and one error code."""

    class Answer(BaseHTTPRequestHandler):
        status, error = 507, "InsufficientStorage"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{self.error}</Code></Error>".encode()
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_POST = do_GET = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        yield Answer, f"s3://photos?endpoint=http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (507, "InsufficientStorage", StorageFull),
        (503, "QuotaExceeded", StorageFull),
        (403, "QuotaExceeded", StorageFull),
        (503, "SlowDown", StorageUnreachable),
        (500, "InternalError", StorageUnreachable),
        (403, "SignatureDoesNotMatch", StorageUnreachable),
    ],
)
def test_what_s3_answers_is_told_apart(
    answering: tuple[type[BaseHTTPRequestHandler], str],
    status: int,
    error: str,
    expected: type[Exception],
) -> None:
    handler, url = answering
    handler.status, handler.error = status, error  # type: ignore[attr-defined]
    storage = Storage.from_url(
        url, environ={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    )
    for call in (
        lambda: storage.put("a/b", b"x"),
        lambda: storage.put_new("a/b", b"x"),
        lambda: storage.put("a/b", large()),
    ):
        with pytest.raises(expected):
            call()


def test_an_s3_that_is_away_is_unreachable() -> None:
    storage = Storage.from_url(
        "s3://photos?endpoint=http://127.0.0.1:1",
        environ={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"},
    )
    for call in (storage.check, lambda: storage.get("a"), lambda: list(storage.list("a"))):
        with pytest.raises(StorageUnreachable):
            call()


def test_wrong_s3_credentials_fail_the_check(s3_server: "S3Server") -> None:
    right = Storage.from_url(s3_server.url("photos"), environ=s3_server.environ)
    right.put("a", b"x")
    right.check()
    wrong = Storage.from_url(
        s3_server.url("photos"), environ=s3_server.environ | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    )
    for call in (wrong.check, lambda: wrong.get("a"), lambda: wrong.put_new("b", b"x")):
        with pytest.raises(StorageUnreachable):
            call()
    missing = Storage.from_url(s3_server.url("no-such-bucket"), environ=s3_server.environ)
    with pytest.raises(StorageUnreachable):
        missing.check()
