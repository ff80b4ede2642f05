"""How a tablet and the server agree: the field sync protocol, version 1."""

import importlib

import flask

from app import plug

FEATURES = (
    "devices",
    "feed",
    "uploads",
    "inbox",
    "review",
    "rescue",
)  # packages with an api.py, lowest first


def init_app(flask_app: flask.Flask) -> None:
    """Plug the protocol into the application, under `/api/sync/v1`; an older database waits."""
    for feature in FEATURES:
        plug(flask_app, importlib.import_module(f"sync.{feature}.api"), under="/api/sync/v1")
    importlib.import_module("sync.epoch.heads").init_app(flask_app)
