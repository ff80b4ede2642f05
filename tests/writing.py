"""Threads of a process that write to SQLite one after the other: run by tests, or used in one.

`python -m tests.writing DATABASE THREADS SECONDS [together]` writes rows of `turn` as often as it
can and prints how often each thread did, as JSON. With 0 threads it begins to write one row, says
so by a line, and never ends. Where they write `together`, each row is told by a line of its own
once it is written: `process thread number.`.
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import flask
import sqlalchemy as sa

from app import db
from app.together import write_together

HELD_S = 0.002


def make_database(path: Path) -> None:
    """Make a database with the one table that is written here."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE turn (process INTEGER, thread INTEGER, number INTEGER)")


def application(path: Path) -> flask.Flask:
    """Return an application that has nothing but a database."""
    made = flask.Flask("writing")
    made.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
    made.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 10}
    db.init_app(made)
    return made


def write(thread: int = 0, number: int = 0) -> None:
    """Write one row; the caller's transaction."""
    db.db.session.execute(
        sa.text("INSERT INTO turn VALUES (:p, :t, :n)"),
        {"p": os.getpid(), "t": thread, "n": number},
    )


def work(made: flask.Flask, thread: int, until: float) -> int:
    """Write time and again, each time for as long as a small batch takes; return how often."""
    done = 0
    while time.monotonic() < until:
        with made.app_context(), db.transaction():
            write(thread)
            time.sleep(HELD_S)
        done += 1
    return done


def work_together(made: flask.Flask, thread: int, until: float) -> int:
    """Have row after row written, and tell each that is; return how many."""
    done = 0
    while time.monotonic() < until:
        with made.app_context():
            write_together(partial(write, thread, done), of=thread)
        os.write(1, f"{os.getpid()} {thread} {done}.\n".encode())
        done += 1
    return done


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(path: str, threads: int, seconds: float, *together: str) -> None:
    made = application(Path(path))
    if together:
        run(made, work_together, threads, seconds)
        return
    if not threads:
        with made.app_context(), db.transaction():
            write()
            say("writing")
            time.sleep(3600)
    say("ready")
    sys.stdin.readline()
    say(json.dumps(run(made, work, threads, seconds)))


def run(
    made: flask.Flask, do: Callable[[flask.Flask, int, float], int], threads: int, seconds: float
) -> list[int]:
    """Let threads do something for some time; return how often each did."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(threads) as pool:
        each = [pool.submit(do, made, thread, until) for thread in range(threads)]
        return [one.result() for one in each]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
