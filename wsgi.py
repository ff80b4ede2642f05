"""The one factory: composes `app`, `sync` and `scheduler`, and joins their commands."""

import ctypes
import gc
import importlib
import os
import pkgutil
from collections.abc import Mapping
from contextlib import suppress

import flask
from flask.cli import FlaskGroup

import app
import app.cli
import scheduler
import scheduler.cli
import sync
import sync.cli
from app import access, logs, silence, turns
from app.evidence.inspecting import Inspector
from sync.epoch import heads
from sync.uploads import api as uploads

MIB = 1024 * 1024
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEPT_BYTES = {_TRIM_THRESHOLD: 8 * MIB, _MMAP_THRESHOLD: 16 * MIB}


def load_models() -> None:
    """Import every `models.py`, also `…_models.py`, so that the metadata is whole in any case."""
    for package in (app, sync, scheduler):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("models"):
                importlib.import_module(found.name)


def create_app(environ: Mapping[str, str] | None = None) -> flask.Flask:
    """Return the whole application. Refuses to start when a view lacks its access rule."""
    flask_app = app.make_flask_app(os.environ if environ is None else environ)
    config = flask_app.extensions["suicha_config"]
    logs.configure(config.text("LOG_LEVEL"))
    load_models()
    app.init_app(flask_app)
    sync.init_app(flask_app)
    scheduler.init_app(flask_app)
    access.check_every_view(flask_app)
    return flask_app


def _keep_memory() -> None:
    """Let what a large answer or a photo took serve the next one, where the C library is glibc.

    By itself it gives memory back to the kernel with each answer, and every page of it costs an
    interrupt when it is taken again: a tenth of a large page of the feed. What is kept is bounded:
    8 MiB for each arena, of which glibc makes at most eight for a processor.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for threshold, size in KEPT_BYTES.items():
            library.mallopt(threshold, size)


def create_served_app() -> flask.Flask:
    """Return the application for a process that serves.

    What stands now stands until the end: the collector need not look through it again, which
    would stop every request for a tenth of a second.
    """
    _keep_memory()
    flask_app = create_app()
    heads.Writer(flask_app).start()
    config = flask_app.extensions["suicha_config"]
    works, waits = config.number("WEB_THREADS"), config.number("WEB_WAITING")
    queue = turns.Queue(
        flask_app.wsgi_app,
        count=works,
        wait_s=config.number("WEB_WAIT_S"),
        streamed=frozenset({uploads.OCTETS}),
    )
    Inspector(flask_app, queue.turns.quiet_s).start()
    patient = silence.Patience(
        queue, limit_s=config.number("BODY_SILENCE_S"), threads=works + waits
    )
    flask_app.wsgi_app = patient  # type: ignore[method-assign]  # Flask's own way to wrap it
    gc.collect()
    gc.freeze()
    return flask_app


cli = FlaskGroup(
    name="suicha", create_app=create_app, add_default_commands=False, add_version_option=False
)
for package in (app, sync, scheduler):
    package.cli.register(cli)

if __name__ == "__main__":
    cli(prog_name="suicha")
