"""Commands of the agency: `suicha …`."""

import platform
import shutil
from pathlib import Path
from typing import Any

import click
import flask
from flask.cli import AppGroup, with_appcontext

from app import clock, config, entry, logs, readiness
from app.db import transaction
from app.journal import service as journal


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
    from flask_migrate.cli import db as database

    group.add_command(database)
    for command in (serve, init, show_config, doctor, journal_group):
        group.add_command(command)


@click.command()
@click.option("--port", type=int, help="Port; default is the setting PORT.")
@with_appcontext
def serve(port: int | None) -> None:
    """Run the web process until SIGTERM."""
    from granian import Granian
    from granian.constants import Interfaces

    settings = entry.config()
    Granian(
        target="wsgi:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.text("HOST"),
        port=port or settings.number("PORT"),
        workers=1,
        blocking_threads=settings.number("WEB_THREADS"),
        log_access=False,
        log_dictconfig=logs.server_logging(settings.text("LOG_LEVEL")),
        websockets=False,
        working_dir=Path(__file__).resolve().parent.parent,
    ).serve()


@click.command()
@with_appcontext
def init() -> None:
    """Create keys (where they do not come from outside) and this installation's epoch."""
    with transaction():
        installation = journal.install(at=clock.now())
        epoch = installation.epoch
    for name, source in entry.keys().sources.items():
        click.echo(f"{name:14} {source}")
    click.echo(f"{'epoch':14} {epoch}")


@click.command("config")
@with_appcontext
def show_config() -> None:
    """Print every setting with its value, default, unit and meaning; secrets are hidden."""
    settings = entry.config()
    for setting in config.SETTINGS:
        value = settings.text(setting.name)
        shown = "(set)" if setting.secret and value else value or "(empty)"
        click.echo(f"{setting.name:22} {shown:32} {setting.unit:12} {setting.meaning}")


@click.command()
@with_appcontext
def doctor() -> None:
    """Check this installation and name where each secret comes from; 1 when something is wrong."""
    settings = entry.config()
    click.echo(f"python       {platform.python_version()}")
    click.echo(f"environment  {settings.text('SUICHA_ENV')}")
    for name, source in entry.keys().sources.items():
        click.echo(f"secret       {name:12} {source}")
    disk = shutil.disk_usage(settings.data_dir)
    click.echo(f"disk         {disk.free // 2**20} MiB free at {settings.data_dir}")
    wrong = 0
    for check in readiness.checks():
        wrong += not check.ok
        click.echo(f"{check.name:12} {'ok   ' if check.ok else 'WRONG'} {check.found}")
    if not wrong:
        count, breaks = journal.verify()
        wrong += len(breaks)
        click.echo(f"journal      {'WRONG' if breaks else 'ok   '} {count} entries")
    if wrong:
        raise click.exceptions.Exit(1)


journal_group = AppGroup("journal", help="The ordered, hash-chained log of everything done.")


@journal_group.command("verify")
@click.option("--stream", help="Only this stream.")
def journal_verify(stream: str | None) -> None:
    """Walk the hash chains; ends with 1 when one of them is broken."""
    count, breaks = journal.verify(stream)
    for found in breaks:
        click.echo(f"BROKEN {found.stream} at {found.seq}: {found.reason}")
    click.echo(f"{count} entries, {len(breaks)} broken chains")
    if breaks:
        raise click.exceptions.Exit(1)


@journal_group.command("head")
def journal_head() -> None:
    """Print number and hash of the newest entry of every stream."""
    heads: dict[str, Any] = {
        stream: {"seq": seq, "hash": digest} for stream, (seq, digest) in journal.heads().items()
    }
    click.echo(flask.json.dumps(heads, indent=2, sort_keys=True))
