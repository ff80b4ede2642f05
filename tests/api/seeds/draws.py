"""The draws of a seeded agency, and its plans for the year."""

from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from app.access import Actor, Role
from app.days import day_begins, local_date
from app.draws import holding, progress, proposing, seeding
from app.draws import queries as draw_queries
from app.draws import service as draws
from app.draws.models import DrawPlan
from app.draws.stages import Level
from app.people import service as people
from app.people.rules import AbsenceReason
from app.tasks import service as tasks
from tests.api.seeds.builder import Builder
from tests.conftest import FixedClock


def fill(builder: Builder) -> None:
    """Plans before their freeze; draws that are planned, announced, void, and drawn."""
    _annual_plans(builder)
    for _ in range(8):
        builder.unit()
    _drawn(builder)
    later = local_date(builder.make.at) + timedelta(days=20)
    begins = day_begins(later)
    for name in ("change", "withdraw"):
        plan = builder.make.plan(
            builder.agency,
            draw_on=later,
            due_on=later + timedelta(days=20),
            deposits_close_at=begins + timedelta(hours=12),
            opens_at=begins + timedelta(hours=15),
        )
        builder.keep(f"plan:{name}", plan)
    due = {
        "planned": builder.make.plan(builder.agency, strata={"公共场所/住宿场所": 1}),
        **{
            name: builder.make.plan(
                builder.agency, level=Level.ATTENDED, strata={"公共场所/住宿场所": 1}
            )
            for name in ("announced", "to-void", "void")
        },
    }
    _tick(builder, builder.make.at)
    for name, plan in due.items():
        _keep_draw(builder, name, plan)
    builder.keep("plan:redraw", due["void"])
    with builder.make.writing():
        holding.hold_period(
            builder.agency,
            "2025-Q1",
            "备份之后可能抽取过",
            by=builder.make.by(),
            at=builder.make.at,
        )
        hold = draw_queries.holds_of(builder.agency.id)[0]
    builder.keep("hold", hold)
    with builder.make.writing():
        draw = draws.get_draw(builder.side["draw:void"], builder.agency.id)
        draws.void_draw(draw, "名单有误", by=builder.actor(Role.SUPERVISOR), at=builder.make.at)


def _annual_plans(builder: Builder) -> None:
    """Years' plans: one published, a draft to change, one to publish."""
    for year, name in ((2026, "published"), (2027, "draft"), (2028, "publish")):
        plan = builder.make.annual_plan(
            builder.agency, year=year, publish=name == "published", title=f"计划{year}"
        )
        builder.keep(f"annual-plan:{name}", plan)


def _drawn(builder: Builder) -> None:
    """Yesterday's sealed draw, with its deposits, all the way to its tasks."""
    clock, now = builder.make.clock, builder.make.at
    assert isinstance(clock, FixedClock)
    clock.forward(days=-1)
    for role in (Role.AUDITOR, Role.CLERK):
        value = sha256(f"{builder.agency.id} {role}".encode()).digest()
        with builder.make.writing():
            seeding.deposit(
                None, value, agency=builder.agency, by=builder.actor(role), at=builder.make.at
            )
    with builder.make.writing():  # supervisors who can be second persons are on no drawn team
        for officer in builder.officers[1:3]:
            people.declare_absence(
                officer,
                AbsenceReason.LEAVE,
                from_on=date(2026, 1, 1),
                until_on=date(2027, 12, 31),
                by=builder.actor(Role.SUPERVISOR),
                at=builder.make.at,
            )
    plan = builder.make.plan(builder.agency, strata={"公共场所/住宿场所": 3})
    for hours in (0, 12, 4):
        clock.forward(hours=hours)
        _tick(builder, clock.at)
    clock.at = now
    _keep_draw(builder, "drawn", plan)
    _changes(builder)


def _changes(builder: Builder) -> None:
    """Changes that are proposed: to confirm, to refuse, to withdraw; a task without any."""
    with builder.make.flask_app.app_context():
        draw = draws.get_draw(builder.side["draw:drawn"], builder.agency.id)
        found = [one.row.task_id for one in draw_queries.chosen_of(draw.id) if one.task_no]
        task_ids = [task_id for task_id in found if task_id is not None]
        teams = [tasks.get_task(one, builder.agency.id).officer_ids() for one in task_ids]
    builder.side.ids["task:drawn"] = str(task_ids[0])
    builder.side.ids["officer:drawn"] = str(teams[0][0])
    digest = builder.side.ids["sha256"]
    wanted: dict[str, tuple[Any, tuple[Any, ...], Actor]] = {
        "confirm": (
            proposing.propose_replacement,
            (task_ids[1], "closed", "关门", [digest]),
            builder.second,
        ),
        "refuse": (
            proposing.propose_redraw,
            (task_ids[2], teams[2][0], "unavailable", "外出"),
            builder.second,
        ),
        "withdraw": (
            proposing.propose_redraw,
            (task_ids[2], teams[2][1], "unavailable", "外出"),
            builder.actor(Role.SUPERVISOR),
        ),
    }
    for name, (verb, args, by) in wanted.items():
        with builder.make.writing():
            draw = draws.get_draw(builder.side["draw:drawn"], builder.agency.id)
            builder.keep(f"change:{name}", verb(draw, *args, by=by, at=builder.make.at))


def _tick(builder: Builder, at: datetime) -> None:
    with builder.make.flask_app.app_context():
        secret = sha256(b"a secret of the test").digest()
        progress.run_due(at=at, chance=lambda _purpose: secret)


def _keep_draw(builder: Builder, name: str, plan: DrawPlan) -> None:
    with builder.make.flask_app.app_context():
        draw = draw_queries.draws_of_plan(plan.id)[-1]
        expected = {"planned": "frozen", "drawn": "drawn"}.get(name, "announced")
        assert draw.state == expected, (name, draw.state, draw.held_detail)
        builder.side.ids[f"draw:{name}"] = draw.draw_no
