"""How a tablet and the server agree: the field sync protocol, version 1."""

import importlib

import flask

FEATURES: tuple[str, ...] = ()  # packages with an api.py, lowest first


def init_app(flask_app: flask.Flask) -> None:
    """Plug the protocol into the application, under `/api/sync/v1`."""
    api = flask_app.extensions["suicha_api"]
    for feature in FEATURES:
        module = importlib.import_module(f"sync.{feature}.api")
        api.register_blueprint(module.blp, url_prefix=f"/api/sync/v1{module.blp.url_prefix or ''}")
