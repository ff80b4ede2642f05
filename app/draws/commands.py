"""`suicha draw …`: list draws, write the public files of one, verify one."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import flask
from flask.cli import AppGroup, with_appcontext

from app import clock
from app.access import Actor, ActorKind
from app.db import db, transaction
from app.draws import checks, holding, queries, reading, seeding, service, verify_draw
from app.draws.models import Draw, DrawHold
from app.errors import DomainError

draw_group = AppGroup("draw", help="Draws: list them, write their public files, verify them.")


@draw_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def list_draws(*, as_json: bool) -> None:
    """List every draw, by number."""
    at = clock.now()
    found = db.session.scalars(queries.draws_in().order_by(Draw.draw_no))
    rows = [_row(draw, at) for draw in found]
    if as_json:
        click.echo(flask.json.dumps(rows, indent=2))
        return
    for row in rows:
        waits = f"  {row['waits_for']}" if row["waits_for"] else ""
        click.echo(f"{row['draw_no']}  {row['state']:10} {row['draw_on']}  {row['plan']}{waits}")


@draw_group.command("export")
@click.argument("draw_no")
@click.option(
    "--to",
    "directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files are written; it is created.",
)
@with_appcontext
def export_draw(draw_no: str, directory: Path) -> None:
    """Write what is public of a draw by now, with the stand-alone verifier."""
    files = reading.public_bundle(_get(draw_no), clock.now())
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
        click.echo(directory / name)


@draw_group.command("held")
@with_appcontext
def list_held() -> None:
    """List the periods that wait since a restore."""
    for hold in queries.holds_of(None):
        click.echo(f"{hold.district}  {hold.period}  {hold.detail}")


@draw_group.command("release")
@click.argument("district")
@click.argument("period")
@click.option("--reason", required=True, help="What was made sure of.")
@with_appcontext
def release(district: str, period: str, reason: str) -> None:
    """Let the draws of a period go on that wait since a restore."""
    at = clock.now()
    found = [one.id for one in queries.holds_of(None, period) if one.district == district]
    if not found:
        raise click.ClickException(f"{district} 的 {period} 没有被暂停。")
    for hold_id in found:
        with transaction() as session:
            hold = session.get_one(DrawHold, hold_id)
            by = Actor(ActorKind.USER, agency_id=hold.agency_id, district=hold.district)
            holding.release_period(hold, reason, by=by, at=at)
    click.echo(f"{district} 的 {period} 已解除暂停。")


@draw_group.command("verify")
@click.argument("draw")
@with_appcontext
def verify(draw: str) -> None:
    """Verify a draw by its number, or the files in a directory; ends with 1 if anything differs.

    By its number: first the stored files against the digests that the journal keeps, whatever is
    public of them; then, once the secret is public, the whole draw again.
    """
    if Path(draw).is_dir():
        raise click.exceptions.Exit(verify_draw.main([draw]))
    found = _get(draw)
    if _compare(found):
        raise click.exceptions.Exit(1)
    public = {file.name for file in reading.public_files(found, clock.now())}
    files = queries.contents_of(found.id)
    if "reveal.json" not in public:
        raise click.ClickException(f"{draw} 尚未公开结果，现在不能重算。")
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            (Path(directory) / name).write_bytes(content)
        raise click.exceptions.Exit(verify_draw.main([directory]))


def look_at_draws() -> int:
    """Say for `doctor` whether the draws are as the journal has them and the draw key opens them.

    Returns how many things are wrong.
    """
    files, wrong = 0, 0
    for draw in db.session.scalars(queries.draws_in().order_by(Draw.draw_no)):
        for one in checks.compare_stored(draw):
            files += 1
            if one.problem is not None:
                wrong += 1
                click.echo(f"draws        WRONG {draw.draw_no} {one.name}: {one.problem.code}")
    if not wrong:
        click.echo(f"draws        ok    {files} files and selections as in the journal")
    shut = seeding.unopened()
    for name in shut:
        click.echo(f"draw key     WRONG seal-broken: it does not open {name}")
    if not shut:
        click.echo("draw key     ok    opens what is sealed")
    return wrong + len(shut)


def _compare(draw: Draw) -> int:
    """Say of every stored file whether it is the one the journal names; return how many are not."""
    wrong = 0
    for one in checks.compare_stored(draw):
        wrong += one.problem is not None
        said = "与日志一致" if one.problem is None else f"{one.problem.code}：{one.problem.detail}"
        click.echo(f"  {'√' if one.problem is None else '×'} {one.name} {said}")
    return wrong


def _get(draw_no: str) -> Draw:
    try:
        return service.get_public_draw(draw_no)
    except DomainError as error:
        raise click.ClickException(error.detail) from error


def _row(draw: Draw, at: datetime) -> dict[str, Any]:
    waiting = reading.waiting_for(draw, at)
    return {
        "draw_no": draw.draw_no,
        "state": draw.state,
        "plan": draw.plan.name,
        "kind": draw.plan.kind,
        "period": draw.period,
        "level": draw.level,
        "draw_on": draw.draw_on.isoformat(),
        "due_on": draw.due_on.isoformat(),
        "reveal_on": draw.reveal,
        "selected": sum(row["drawn"] for row in draw.summary),
        "manifest_sha256": draw.manifest_sha256,
        "result_sha256": draw.result_sha256 if draw.published_at else None,
        "waits_for": None if waiting is None else waiting.detail,
        "late": False if waiting is None else waiting.late,
    }
