"""Commands of the sync protocol: a fleet to try a server with, and the audit of what it made."""

import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup, with_appcontext

from app import canonical, clock, entry
from app.access import Actor, ActorKind
from app.days import day_begins
from app.db import transaction
from app.demo.accounts import PASSWORD
from app.errors import DomainError
from app.keys import key_id, public_bytes
from app.people.queries import find_account_by_login
from sync import audit as auditing
from sync.devices import service as devices
from sync.epoch.commands import COMMANDS
from sync.inbox import pushing
from sync.simulate import figures, fleet, serving
from sync.simulate.line import GaveUp
from sync.simulate.tablet import Tablet
from sync.uploads.commands import evidence_group

OPERATOR = Actor(ActorKind.USER)  # whoever has the machine; no account


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
    group.add_command(simulate)
    group.add_command(audit)
    group.add_command(device)
    for command in COMMANDS:
        group.add_command(command)
    group.add_command(sync)
    group.add_command(evidence_group)


class Share(click.ParamType[float]):
    """A share given as `5%` or `0.05`."""

    name = "share"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        try:
            share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write 5% or 0.05", param, ctx)
        if not 0 <= share < 1:
            self.fail("a share lies between 0 and 1", param, ctx)
        return share


@click.command()
@click.option("--tablets", default=8, show_default=True, help="How many tablets.")
@click.option("--server", help="Its address; default http://127.0.0.1:8000.")
@click.option("--serve", is_flag=True, help="Own the server: start it over the configured data.")
@click.option("--kill-server", default=0, help="Kill the own server so often; needs --serve.")
@click.option("--ledger", default="ledger.jsonl", show_default=True, type=Path, help="To write.")
@click.option("--tasks", default=3, show_default=True, help="Visits of each tablet.")
@click.option("--photos", default=4, show_default=True, help="Photos of each visit, at least.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same chance.")
@click.option("--lose", default="0%", type=Share(), help="Share of responses that are lost.")
@click.option("--cut", default="0%", type=Share(), help="Share of requests cut in their body.")
@click.option("--within", default=0.0, help="All come back within so many seconds.")
@click.option("--supervisor", default="kezhang", show_default=True, help="Who hands out codes.")
@click.option("--password", default=PASSWORD, help="Of the supervisor and the officers.")
@click.option("--yes", is_flag=True, help="Even where the server is no demo: what is made stays.")
def simulate(
    tablets: int,
    server: str | None,
    serve: bool,
    kill_server: int,
    ledger: Path,
    tasks: int,
    photos: int,
    seed: int,
    lose: float,
    cut: float,
    within: float,
    supervisor: str,
    password: str,
    yes: bool,
) -> None:
    """Drive a server as tablets would: a day of inspections without a network, and back.

    Ends with 1 when a tablet could not bring home what it made.
    """
    if kill_server and not serve:
        raise click.UsageError("--kill-server needs --serve: only an own server may be killed")
    if server and serve:
        raise click.UsageError("--serve starts a server of its own; leave --server away")
    order = fleet.Order(
        server=(server or "http://127.0.0.1:8000").rstrip("/"),
        tablets=tablets,
        supervisor=supervisor,
        password=password,
        tasks_each=tasks,
        photos_each=photos,
        seed=seed,
        lose=lose,
        cut=cut,
        within_s=within,
        even_if_no_demo=yes,
    )
    click.echo(f"种子 {seed}")
    try:
        done = _simulate(order, ledger, serve=serve, kill_server=kill_server)
    except (GaveUp, OSError) as error:
        click.echo(f"中断：{error}", err=True)
        raise click.exceptions.Exit(1) from error
    _print_table(done)
    for line in figures.lines(done):
        click.echo(line)
    click.echo(f"台账已写入 {ledger} ，可用 suicha audit --ledger {ledger} 核对。")
    if any(_unfinished(tablet) for tablet in done):
        raise click.exceptions.Exit(1)


def _simulate(order: fleet.Order, ledger: Path, *, serve: bool, kill_server: int) -> list[Tablet]:
    """Run the day, against a server of its own where `serve` says so."""
    stop = threading.Event()
    with ExitStack() as stack:
        disturb = None
        if serve:
            own = stack.enter_context(serving.serving(os.environ, stop))
            order = replace(order, server=own.address)
            disturb = serving.kill_times(own, kill_server, order.seed, _say_death)
        length = order.tablets * (order.tasks_each + 1)
        bar = stack.enter_context(click.progressbar(length=length, label="检查中"))
        return fleet.run(order, ledger, bar.update, disturb=disturb, stop=stop)


def _say_death(death: serving.Death) -> None:
    click.echo(
        f"{death.at} 终止服务器（SIGKILL），当时已上报 {death.share_home:.0%}，"
        f"{death.away_s:.1f} 秒后重新启动"
    )


def _unfinished(tablet: Tablet) -> bool:
    photos = [photo for photo in tablet.photos if not photo.done]
    return bool(tablet.outbox or photos or len(tablet.receipts) != tablet.counters.operations)


def _print_table(tablets: list[Tablet]) -> None:
    names = ("终端", "任务", "操作", "照片", "字节", "请求", "重试", "结果")
    click.echo("".join(f"{name:<12}" for name in names[:-1]) + names[-1])
    for tablet in tablets:
        counters = tablet.counters
        cells = (
            tablet.name,
            counters.tasks,
            counters.operations,
            counters.photos,
            counters.bytes_sent,
            counters.requests,
            counters.retries,
        )
        outcomes = " ".join(f"{name}={count}" for name, count in sorted(counters.outcomes.items()))
        click.echo("".join(f"{cell!s:<14}" for cell in cells) + outcomes)


@click.command()
@click.option("--ledger", required=True, type=click.Path(exists=True, path_type=Path))
@with_appcontext
def audit(ledger: Path) -> None:
    """Compare a fleet's ledger with database and storage; 1 when anything is lost or doubled."""
    public = public_bytes(entry.keys().receipt_key)
    report = auditing.audit(ledger, entry.storage(), {key_id(public): public})
    for name, count in sorted(report.counts.items()):
        click.echo(f"{name:28} {count}")
    for heading, found in (
        ("LOST", report.lost),
        ("DOUBLED", report.doubled),
        ("WRONG", report.wrong),
    ):
        for line in found:
            click.echo(f"{heading} {line}")
    for number in report.gaps:
        click.echo(f"GAP {number} was used for no document")
    click.echo(f"{len(report.lost)} lost, {len(report.doubled)} doubled, {len(report.wrong)} wrong")
    if not report.clean:
        raise click.exceptions.Exit(1)


sync = AppGroup("sync", help="What tablets have pushed.")


@sync.command("replay")
@click.option("--device", type=click.UUID, default=None, help="Only of this tablet.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Day, in Shanghai.")
def replay(device: UUID | None, since: datetime | None) -> None:
    """Decide every stored batch again: what is known stays as it is, what is not is decided."""
    begin = None if since is None else day_begins(since.date())
    try:
        done = pushing.replay_batches(
            keys=entry.keys(), device_id=device, since=begin, at=clock.now()
        )
        served = pushing.serve_held(keys=entry.keys(), at=clock.now())
        forms = pushing.read_kept_forms(keys=entry.keys(), at=clock.now())
    except DomainError as error:
        raise click.ClickException(error.detail) from error
    click.echo(
        f"重放 {done.batches} 批：{done.known} 项先前已处理，保持不变；{done.decided} 项现在处理。"
    )
    if served:
        click.echo(f"{served} 项旧版服务器暂未受理的内容已重新处理。")
    if forms:
        click.echo(f"{forms} 项先前因表单版本留存的内容已重新处理。")


device = AppGroup("device", help="Tablets.")


@device.command("code")
@click.option("--login", required=True, help="Whose tablet it shall be: an officer's account.")
def device_code(login: str) -> None:
    """Print a one-time code with which a tablet is enrolled; good for a day."""
    account = find_account_by_login(login.lower())
    if account is None:
        raise click.ClickException(f"没有账号 {login}。")
    try:
        with transaction():
            code, until = devices.issue_code(account, by=OPERATOR, at=clock.now())
    except DomainError as error:
        raise click.ClickException(error.detail) from error
    click.echo(f"{code}  （{login}，有效至 {canonical.instant(until)}，只能使用一次）")
