"""A backup or restore that kills itself at a named point: run as a process of its own by tests.

`python -m tests.sync.dying POINT COMMAND …` runs `suicha COMMAND …` until it reaches POINT, where
the process ends by SIGKILL, as in a power cut.
"""

import sys
from collections.abc import Callable

import flask_migrate

from app.disk import LocalStorage
from sync.epoch import backup, restoring, tables
from tests.sync.crashing import die, on_call
from wsgi import cli


def in_the_third_table() -> None:
    backup.tables.dump = on_call(3, tables.dump, after=True)  # type: ignore[attr-defined]


def before_the_photos() -> None:
    backup._copy_objects = die


def between_two_photos() -> None:
    backup._copy = on_call(2, backup._copy)


def before_the_manifest() -> None:
    backup.write_manifest = die  # type: ignore[attr-defined]


def while_the_manifest_is_written() -> None:
    publish = LocalStorage._publish

    def only_others(self: LocalStorage, temporary: object, key: str, **more: object) -> bool:
        if key == "manifest.json":
            die()
        return publish(self, temporary, key, **more)  # type: ignore[arg-type]

    LocalStorage._publish = only_others  # type: ignore[method-assign]


def after_the_manifest() -> None:
    backup._clear = die


def before_the_restored_photos() -> None:
    restoring._put_photos = die


def after_the_restored_photos() -> None:
    restoring._put_photos = on_call(1, restoring._put_photos, after=True)


def in_the_middle_of_the_rows() -> None:
    restoring.tables.load = on_call(20, tables.load)  # type: ignore[attr-defined]


def after_the_rows_before_they_count() -> None:
    restoring._load_all = on_call(1, restoring._load_all, after=True)


def before_the_later_migrations() -> None:
    flask_migrate.upgrade = on_call(2, flask_migrate.upgrade)


def before_the_database_has_its_name() -> None:
    restoring._put_file_aside = die


BACKUP: dict[str, Callable[[], None]] = {
    found.__name__: found
    for found in (
        in_the_third_table,
        before_the_photos,
        between_two_photos,
        before_the_manifest,
        while_the_manifest_is_written,
        after_the_manifest,
    )
}
RESTORE: dict[str, Callable[[], None]] = {
    found.__name__: found
    for found in (
        before_the_restored_photos,
        after_the_restored_photos,
        in_the_middle_of_the_rows,
        after_the_rows_before_they_count,
        before_the_later_migrations,
        before_the_database_has_its_name,
    )
}

if __name__ == "__main__":
    {**BACKUP, **RESTORE}[sys.argv[1]]()
    cli(sys.argv[2:])
