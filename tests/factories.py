"""Factories: `make.unit()`, `make.task()`; each commits in a context of its own, by services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import flask

from app.db import transaction


class Make:
    """Makes what a test needs by the application's own services."""

    def __init__(self, flask_app: flask.Flask, clock: Callable[[], datetime]) -> None:
        self.flask_app = flask_app
        self.clock = clock

    @property
    def at(self) -> datetime:
        return self.clock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A context and a transaction around what a factory does."""
        with self.flask_app.app_context(), transaction():
            yield
