"""`suicha joint …`: improve a plan of joint visits, list lots over teams, verify one."""

import re
from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup, with_appcontext

from app import clock
from app.access import Actor, ActorKind
from app.db import db, stop_reading, transaction
from app.errors import DomainError
from app.jointvisits import improving, public_lots, service, team_queries, verify_teams
from app.jointvisits.models import JointPlan
from app.jointvisits.rules import LotState
from app.jointvisits.team_models import JointTeamLot

_NUMBER = re.compile(r"(\d{6})-(\d{1,9})\Z", re.ASCII)  # as the public page has it

joint_group = AppGroup("joint", help="Joint visits: improve a plan, list and verify lots.")


class PlanMoved(click.ClickException):
    """Somebody changed the plan while the solver worked."""


@joint_group.command("improve")
@click.argument("plan_id", type=click.UUID)
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(1, 3600))
@with_appcontext
def improve(plan_id: UUID, seconds: int) -> None:
    """Look for fewer journeys for a proposed plan; it is never worse than before."""
    try:
        plan = _plan(plan_id)
        version, before = plan.version, plan.comparison["merged"]["zone_days"]
        question = improving.read_question(plan, at=clock.now())
        by = Actor(ActorKind.USER, agency_id=plan.agency_id, district=plan.district)
        stop_reading()
        made = improving.solve(question, seconds=seconds)
        with transaction():
            plan = _plan(plan_id)
            if plan.version != version:
                raise PlanMoved("计划在优化期间有变动，没有保存；请再试。")
            improving.keep_better(plan, question, made, by=by, at=clock.now())
    except DomainError as error:
        raise click.ClickException(error.detail) from error
    found = plan.comparison
    after, least = found["merged"]["zone_days"], found["bounds"]["zone_days"]
    click.echo(f"zone-days {before} -> {after}, bound {least}")
    click.echo(f"entries {found['merged']['entries']}, bound {found['bounds']['entries']}")


@joint_group.command("list")
@with_appcontext
def list_lots() -> None:
    """List the lots over teams of every agency, by agency and number."""
    query = public_lots.find_lots().order_by(JointTeamLot.agency_id, JointTeamLot.number)
    for lot in db.session.scalars(query):
        day = public_lots.public_on(lot)
        click.echo(
            f"{lot.id}  {lot.district}-{lot.number}  {lot.state:5}  public {day}"
            f"  {lot.manifest_sha256}"
        )


@joint_group.command("verify")
@click.argument("lot")
@with_appcontext
def verify(lot: str) -> None:
    """Verify a lot over teams by its number or id, a plan's by the plan's, or files in a folder.

    Stored ones: against the digests that the journal keeps, the chain of lots and the draws that
    gave their chance, then drawn again. Ends with 1 if anything differs.
    """
    if Path(lot).is_dir():
        raise click.exceptions.Exit(verify_teams.main([lot]))
    wrong = 0
    for one in _lots(lot):
        name = f"{one.district}-{one.number}"
        if one.state != LotState.DRAWN:
            click.echo(f"  {name} 已提出，尚未抽取 {one.manifest_sha256}")
            continue
        found = public_lots.faults_of(one)
        wrong += bool(found)
        for fault in found:
            click.echo(f"  × {name} {fault}")
        if not found:
            click.echo(f"  √ {name} {len(one.visits)} 次检查的人员与公告、日志相符")
    raise click.exceptions.Exit(1 if wrong else 0)


def _lots(named: str) -> list[JointTeamLot]:
    if numbered := _NUMBER.match(named):
        district, number = numbered.groups()
        same = JointTeamLot.district == district, JointTeamLot.number == int(number)
        if found := list(db.session.scalars(public_lots.find_lots().where(*same))):
            return found
        raise click.ClickException("没有这次组队抽取。")
    try:
        key = UUID(named)
    except ValueError as error:
        raise click.ClickException("请给出组队抽取或计划的编号，或者文件夹。") from error
    query = team_queries.lots_of(key).order_by(JointTeamLot.number)
    found = list(db.session.scalars(query))
    if one := db.session.get(JointTeamLot, key):
        found.append(one)
    if not found:
        raise click.ClickException("没有这次组队抽取，计划也没有提出过组队抽取。")
    return found


def _plan(plan_id: UUID) -> JointPlan:
    plan = db.session.get(JointPlan, plan_id)
    return service.get_plan(plan_id, None if plan is None else plan.agency_id)
