"""The seeded world, for every test of the whole interface."""

from tests.api.seeded import (
    postgresql_seeded,
    postgresql_world,
    seeded,
    sqlite_seeded,
    sqlite_world,
)

__all__ = ["postgresql_seeded", "postgresql_world", "seeded", "sqlite_seeded", "sqlite_world"]
