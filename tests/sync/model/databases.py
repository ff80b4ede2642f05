"""A database that can be put back to how it was staged, within milliseconds."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import flask
import psycopg

from app import db
from tests.conftest import Place
from tests.servers import copy_postgresql, drop_postgresql


@dataclass
class Database:
    """`keep` remembers the present state, `put_back` returns to it."""

    flask_app: flask.Flask
    place: Place
    server: str = ""
    name: str = ""
    kept: str = ""

    def keep(self) -> None:
        """Remember how everything stands now."""
        self._let_go()
        if self.place.kind == "sqlite":
            shutil.copy(self._file, self._kept)
            return
        self.name = self.place.environ["DATABASE_URL"].partition("?")[0].rsplit("/", 1)[1]
        self.kept, _ = copy_postgresql(self.server, self.name)

    def put_back(self) -> None:
        """Let everything be as it was kept."""
        self._let_go()
        if self.place.kind == "sqlite":
            for ending in ("-wal", "-shm"):
                Path(f"{self._file}{ending}").unlink(missing_ok=True)
            shutil.copy(self._kept, self._file)
            return
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.kept}"')

    def drop(self) -> None:
        """Forget what was kept."""
        self._let_go()
        if self.kept:
            drop_postgresql(self.server, self.kept)

    def _let_go(self) -> None:
        """Close every connection; on SQLite that also empties the write-ahead log."""
        with self.flask_app.app_context():
            db.db.session.remove()
            db.db.engine.dispose()

    @property
    def _file(self) -> Path:
        return Path(self.place.environ["DATA_DIR"]) / "suicha.db"

    @property
    def _kept(self) -> Path:
        return Path(self.place.environ["DATA_DIR"]) / "kept.db"
