"""Commands of the agency: `suicha …`."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import flask
from flask.cli import AppGroup, with_appcontext

from app import canonical, clock, config, entry, logs, metrics, readiness
from app.access import Actor, ActorKind, Role
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import transaction
from app.demo import service as demo
from app.draws.commands import draw_group, look_at_draws
from app.errors import DomainError
from app.evidence.commands import look_at_evidence
from app.jointvisits.commands import joint_group
from app.journal import service as journal
from app.journal.rules import Event
from app.people import accounts
from app.people import queries as people_queries
from app.people import service as people
from app.people.models import Agency


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
    from flask_migrate.cli import db as database

    group.add_command(database)
    for command in (
        serve,
        init,
        show_config,
        doctor,
        load_demo,
        journal_group,
        catalogue_group,
        user_group,
        draw_group,
        joint_group,
    ):
        group.add_command(command)


@click.command()
@click.option("--port", type=int, help="Port; default is the setting PORT.")
@with_appcontext
def serve(port: int | None) -> None:
    """Run WEB_PROCESSES web processes until SIGTERM; of several, one that dies is started again."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = entry.config()
    processes = settings.web_processes
    with tempfile.TemporaryDirectory(prefix="suicha-metrics-") as counted:
        if processes > 1:
            metrics.share(Path(counted))
        Granian(
            target="wsgi:create_served_app",
            factory=True,
            interface=Interfaces.WSGI,
            address=settings.text("HOST"),
            port=port or settings.number("PORT"),
            workers=processes,
            respawn_failed_workers=processes > 1,
            blocking_threads=settings.number("WEB_THREADS") + settings.number("WEB_WAITING"),
            log_access=False,
            log_level=LogLevels(settings.text("LOG_LEVEL").lower()),
            log_dictconfig=logs.server_logging(settings.text("LOG_LEVEL")),
            websockets=False,
            working_dir=Path(__file__).resolve().parent.parent,
        ).serve()


@click.command()
@with_appcontext
def init() -> None:
    """Create keys (where they do not come from outside), the epoch, and the packaged catalogue."""
    at = clock.now()
    with transaction():
        epoch = journal.install(at=at).epoch
        catalogue.load_defaults(by=_operator(), at=at)
    for name, source in entry.keys().sources.items():
        click.echo(f"{name:14} {source}")
    click.echo(f"{'epoch':14} {epoch}")


@click.command("demo")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day; default: see below.")
@click.option("--units", default=2000, show_default=True, help="How many supervised units.")
@click.option("--officers", default=60, show_default=True, help="How many officers.")
@click.option("--seed", default=demo.SEED, show_default=True, help="Same seed, same content.")
@with_appcontext
def load_demo(on: datetime | None, units: int, officers: int, seed: str) -> None:
    """Load the demo district, as of the quarter's first working day; twice changes nothing."""
    today = local_date(clock.now())
    day = None if on is None else on.date()
    try:
        loaded = demo.load(
            on=day, today=today, units=units, officers=officers, seed=seed, say=click.echo
        )
    except DomainError as error:
        raise click.ClickException(error.detail) from error
    click.echo("演示数据装载完毕。" if loaded else "演示数据已在库中，没有改动。")


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
    made = journal.newest_of(Event.BACKUP_MADE) if not wrong else None
    click.echo(f"{'backup':12} {'none yet' if made is None else canonical.instant(made.at)}")
    if not wrong:
        count, breaks = journal.verify()
        wrong += len(breaks)
        click.echo(f"journal      {'WRONG' if breaks else 'ok   '} {count} entries")
        wrong += look_at_draws()
        wrong += look_at_evidence(at=clock.now())
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


@contextmanager
def _entry() -> Iterator[None]:
    """A transaction whose refusals are a sentence on the terminal and an exit with 1."""
    try:
        with transaction():
            yield
    except DomainError as error:
        raise click.ClickException(error.detail) from error


def _operator(agency: Agency | None = None) -> Actor:
    """Return who types a command: a person without an account, of the agency it concerns."""
    if agency is None:
        return Actor(ActorKind.USER)
    return Actor(ActorKind.USER, agency_id=agency.id, district=agency.district)


catalogue_group = AppGroup("catalogue", help="The dated rows of the law.")


@catalogue_group.command("load")
@with_appcontext
def catalogue_load() -> None:
    """Bring in the packaged rows that are missing; a second time changes nothing."""
    with _entry():
        changed = catalogue.load_defaults(by=_operator(), at=clock.now())
    click.echo(f"{changed} rows changed")


user_group = AppGroup("user", help="Accounts of people.")


@user_group.command("add")
@click.argument("login")
@click.option("--name", required=True, help="Name of the person.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
)
@click.option("--district", required=True, help="Division code of the agency, six digits.")
@click.option("--agency", "agency_name", help="Name of the agency, where the district has none.")
@click.option("--certificate", help="Certificate number of the officer the account is for.")
@click.option("--generate", is_flag=True, help="Make a password and print it once.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from one line.")
@with_appcontext
def user_add(
    login: str,
    name: str,
    roles: tuple[str, ...],
    district: str,
    agency_name: str | None,
    certificate: str | None,
    generate: bool,
    from_stdin: bool,
) -> None:
    """Add an account; without --generate and --stdin the password is asked for."""
    password = _password(generate=generate, from_stdin=from_stdin)
    at = clock.now()
    with _entry():
        agency = people_queries.find_agency(district)
        if agency is None and agency_name:
            agency = people.create_agency(district, agency_name, by=_operator(), at=at)
        if agency is None:
            raise click.ClickException(f"no agency in {district}; name it with --agency")
        officer = certificate and people_queries.find_officer_by_certificate(certificate)
        if certificate and not officer:
            raise click.ClickException(f"no officer with certificate {certificate}")
        account = accounts.create_account(
            login,
            password,
            name,
            [Role(role) for role in roles],
            agency=agency,
            officer_id=officer.id if officer else None,
            by=_operator(agency),
            at=at,
        )
    click.echo(f"{account.login} {account.id}")
    if generate:
        click.echo(f"password: {password}")


@user_group.command("reset")
@click.argument("login")
@click.option("--generate", is_flag=True, help="Make a password and print it once.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from one line.")
@with_appcontext
def user_reset(login: str, generate: bool, from_stdin: bool) -> None:
    """Give an account a new password, unlock it, and end its sessions and tokens."""
    password = _password(generate=generate, from_stdin=from_stdin)
    with _entry():
        account = people_queries.find_account_by_login(login)
        if account is None:
            raise click.ClickException(f"no account {login}")
        agency = people.get_agency(account.agency_id)
        accounts.change_password(account, password, by=_operator(agency), at=clock.now())
    click.echo(f"{account.login} has a new password; every session has ended")
    if generate:
        click.echo(f"password: {password}")


def _password(*, generate: bool, from_stdin: bool) -> str:
    if generate:
        return accounts.make_password()
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
