"""Tablets that push at once, each through a server process of its own: run by tests.

`python -m tests.sync.crowd INSTANT FILE` forks one process for each entry of FILE, a JSON list of
`{"access", "batches"}`. They all wait until everybody is ready; then each pushes its batches, the
ones that are answered 503 again, and writes the answers beside FILE.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import flask

from app import clock
from app.db import db
from tests.sync.tablet import Answer, Tablet, through
from wsgi import create_app

TRIES = 200


def push(tablet: Tablet, batch: list[str]) -> list[dict[str, Any]]:
    """Push until it is taken; return every answer on the way, the last one with its outcomes."""
    answers: list[dict[str, Any]] = []
    while not answers or (answers[-1]["status"] == 503 and len(answers) < TRIES):
        found: Answer = tablet.push([line.encode() for line in batch])
        outcomes = [one["outcome"] for one in found.json.get("results", ())]
        said = {"problem": found.json.get("type"), "retry": found.headers.get("Retry-After")}
        answers.append({"status": found.status, "outcomes": outcomes, **said})
    return answers


def work(
    flask_app: flask.Flask, entry: dict[str, Any], out: Path, together: Callable[[], None]
) -> None:
    """One process, with connections of its own."""
    tablet = Tablet(through(flask_app.test_client()), clock.now)
    tablet.access = entry["access"]
    tablet.request("GET", "/devices/me")
    together()
    out.write_text(json.dumps([push(tablet, batch) for batch in entry["batches"]]))


def main(at: str, path: str) -> None:
    """Fork, wait for everybody, let them go, wait for their ends."""
    entries, instant = json.loads(Path(path).read_text()), datetime.fromisoformat(at)
    clock.use(lambda: instant)
    flask_app = create_app(os.environ)
    with flask_app.app_context():
        db.session.remove()
        db.engine.dispose()  # no connection is shared
    ready, gate = os.pipe(), os.pipe()

    def together() -> None:
        os.write(ready[1], b"r")
        os.close(gate[1])
        os.read(gate[0], 1)  # the end of the file, once the first process closed its side

    children = []
    for number, entry in enumerate(entries):
        child = os.fork()
        if child == 0:
            work(flask_app, entry, Path(f"{path}.{number}"), together)
            os._exit(0)
        children.append(child)
    for _ in children:
        os.read(ready[0], 1)
    os.close(gate[1])
    ends = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(ends))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
