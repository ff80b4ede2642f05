"""Commands of the timetable."""

from datetime import datetime
from typing import Any

import click
import flask
from flask.cli import AppGroup, with_appcontext

from app import canonical, clock
from scheduler import runner
from scheduler import status as timetable_status


def register(group: AppGroup) -> None:
    """Add the commands to the `suicha` group."""
    group.add_command(scheduler_group)


scheduler_group = AppGroup("scheduler", help="The timetable: what happens without anyone asking.")


@scheduler_group.command("run", with_appcontext=False)
@click.pass_context
def run(context: click.Context) -> None:
    """Run the timetable until SIGTERM. Several may run: one acts, the others stand by."""
    runner.Runner(context.ensure_object(flask.cli.ScriptInfo).load_app()).run()


@scheduler_group.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def status(*, as_json: bool) -> None:
    """Show what ran, what waits for whom, and what is late."""
    found = timetable_status.status(at=clock.now())
    if as_json:
        click.echo(flask.json.dumps(_plain(found), indent=2))
        return
    click.echo(f"acting: {found['holder'] if found['acting'] else 'nobody'}")
    for job in found["jobs"]:
        last = "never" if job["finished_at"] is None else f"{job['finished_at']:%Y-%m-%d %H:%M:%S}Z"
        due = f"{job['next_due_at']:%Y-%m-%d %H:%M:%S}Z"
        click.echo(f"  {job['job']:22} last {last:21} next {due}  {job['line'] or ''}")
    click.echo("waiting:" if found["waiting"] else "waiting: nothing")
    for one in found["waiting"]:
        mark = "LATE " if one["late"] else "     "
        until = "" if one["due_at"] is None else f"{one['due_at']:%Y-%m-%d %H:%M}Z"
        name = one["draw_no"] or one["period"]
        click.echo(f"  {mark}{name:20} {one['detail']} {one['whom']} {until}")
    for late in found["late"]:
        click.echo(f"late: {late['name']}: {late['detail']}")


def _plain(value: Any) -> Any:
    """Return a status as JSON has it, instants in the form of the API."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return canonical.instant(value) if isinstance(value, datetime) else value
