"""What an inspection is: the features of a health supervision agency, and their base."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask
from flask_migrate import Migrate

from app import db, entry, problems
from app.config import read
from app.journal import service as journal
from app.journal.idempotency import run_once
from app.keys import load_keys
from app.lean import Application, Packing
from app.storage import Storage

API_SPEC = {
    "info": {"description": "双随机、一公开：卫生监督现场检查的后台"},
    "components": {
        "securitySchemes": {
            "user": {"type": "http", "scheme": "bearer", "description": "登录会话或 API 令牌"},
            "device": {"type": "http", "scheme": "bearer", "description": "终端的访问令牌"},
        }
    },
}
ROOT = Path(__file__).resolve().parent.parent
# packages with an api.py, lowest first
FEATURES = (
    "journal",
    "catalogue",
    "people",
    "evidence",
    "units",
    "credit",
    "parties",
    "tasks",
    "documents",
    "visits",
    "caps",
    "codes",
    "cases",
    "complaints",
    "consequences",
    "measures",
    "patrols",
    "lists",
    "draws",
    "jointvisits",
    "agendas",
    "publication",
    "reports",
)
PAGES = (
    "public.pages",
    "public.codes",
    "public.agendas",
    "public.draws",
    "public.lots",
    "public.plans",
    "public.publications",
    "public.apidocs",
)  # what anybody may open


def make_flask_app(environ: Mapping[str, str]) -> flask.Flask:
    """Return a bare Flask object with its settings, keys and storage; nothing is registered yet."""
    config = read(environ)
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds names and photos
    keys = load_keys(environ, data_dir=config.data_dir, production=config.production, create=True)
    flask_app = Application("suicha", root_path=str(ROOT / "app"), static_folder=None)
    flask_app.config.update(
        SECRET_KEY=keys.secret_key.hex(),
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": config.number("DB_POOL_SIZE"),
            "max_overflow": 0,
            "pool_timeout": config.number("DB_POOL_TIMEOUT_S"),
            "hide_parameters": True,  # a statement that fails is logged: not with its values
        },
        MAX_CONTENT_LENGTH=config.number("MAX_REQUEST_BYTES"),
        COMPRESS_MIMETYPES=["application/json", problems.MIME, "text/html", "text/css"],
        COMPRESS_ALGORITHM=["zstd", "gzip"],
        COMPRESS_ZSTD_LEVEL=3,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        API_TITLE="随查 Suicha",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
        API_SPEC_OPTIONS=API_SPEC,
    )
    flask_app.json.ensure_ascii = False  # type: ignore[attr-defined]  # Flask's default provider has it
    flask_app.json.sort_keys = False  # type: ignore[attr-defined]
    flask_app.extensions.update(
        suicha_config=config,
        suicha_keys=keys,
        suicha_storage=Storage.from_url(config.storage_url),
        suicha_idempotency=run_once,
    )
    return flask_app


def init_app(flask_app: flask.Flask) -> None:
    """Plug the features of the agency into the application."""
    db.init_app(flask_app)
    Migrate(flask_app, db.db, directory=str(ROOT / "migrations"), render_as_batch=True)
    Packing(flask_app)
    problems.init_app(flask_app)
    entry.init_app(flask_app)
    db.on_closing(journal.close)
    api = problems.Api(flask_app)
    flask_app.extensions["suicha_api"] = api
    for feature in FEATURES:
        plug(flask_app, importlib.import_module(f"app.{feature}.api"), under="/api/v1")
    for face in PAGES:
        flask_app.register_blueprint(importlib.import_module(f"app.{face}").blp)


def plug(flask_app: flask.Flask, module: Any, *, under: str) -> None:
    """Register the blueprints of an `api` module, and call its `init_app` where it has one.

    A module exposes `blp`, or `BLUEPRINTS` where it has several.
    """
    api = flask_app.extensions["suicha_api"]
    for blp in getattr(module, "BLUEPRINTS", None) or (module.blp,):
        api.register_blueprint(blp, url_prefix=f"{under}{blp.url_prefix or ''}")
    if hasattr(module, "init_app"):
        module.init_app(flask_app)
