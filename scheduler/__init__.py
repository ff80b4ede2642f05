"""What happens without anyone asking: the timetable, its jobs, and the process that runs them."""

import importlib

import flask

from app import plug


def init_app(flask_app: flask.Flask) -> None:
    """Plug the timetable's status in; the timetable itself runs in its own process."""
    plug(flask_app, importlib.import_module("scheduler.api"), under="/api/v1")
