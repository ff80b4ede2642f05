"""Commands of the timetable."""

import click
import flask
from flask.cli import AppGroup, with_appcontext

from app import clock
from scheduler import runner


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
    found = runner.status(at=clock.now())
    if as_json:
        click.echo(flask.json.dumps(found, indent=2))
        return
    click.echo(f"acting: {found['holder'] if found['acting'] else 'nobody'}")
    for job in found["jobs"]:
        last = job["finished_at"] or "never"
        line = job["line"] or ""
        click.echo(f"  {job['job']:22} last {last:34} next {job['next_due_at']}  {line}")
    click.echo("waiting:" if found["waiting"] else "waiting: nothing")
    for one in found["waiting"]:
        mark = "LATE " if one["late"] else "     "
        click.echo(f"  {mark}{one['draw_no']:20} {one['detail']} {one['due_at'] or ''}")
    for text in found["late"]:
        click.echo(f"late: {text}")
