"""Carry draws forward as far as they go by themselves, each step in a transaction of its own.

Called by the timetable and the demo. However late, often or in how many processes this runs, each
plan and period is drawn once: of two that take the same step, the database lets one through, and
the other finds it taken. A process killed anywhere leaves a draw that the next run carries on.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import TIMETABLE
from app.days import local_date
from app.db import ChangedMeanwhile, Overloaded, db, transaction
from app.draws import (
    change_queries,
    freezing,
    outcome,
    plans,
    queries,
    reading,
    redraws,
    seeding,
    service,
    stages,
    steps,
)
from app.draws.models import Draw, DrawPlan
from app.draws.stages import DrawState, Fallback, Level
from app.errors import DomainError

Chance = Callable[[str], bytes]
_GOING = (DrawState.PLANNED, DrawState.FROZEN, DrawState.ANNOUNCED, DrawState.SEEDED)
_TAKEN = (  # by another process
    steps.DrawStateWrong,
    service.DrawExists,
    service.DrawNumberTaken,
    ChangedMeanwhile,
)


def fresh(_purpose: str) -> bytes:
    """Return 32 bytes that nobody can know; the demo hands over derived ones instead."""
    return secrets.token_bytes(32)


def run_due(*, at: datetime, chance: Chance = fresh) -> list[str]:
    """Start every plan whose day has come and carry every open draw on; return what was done.

    Places of officers who cannot go are proposed to be drawn anew, and drawn when confirmed.
    What a draw cannot overcome by itself is noted on it (`held_detail`) and does not stop the
    others. `chance` is asked for the secret of each draw, by its number.
    """
    done = _start_due(at)
    for draw_id in _ids(_GOING):
        done += advance(draw_id, at=at, chance=chance)
    return done + _reveal_voids(at) + _redraw_places(at)


def publish_due(*, at: datetime) -> list[str]:
    """Publish every result whose day has come; return what was done."""
    done = []
    for draw_id in _ids((DrawState.DRAWN,)):
        draw = _read(draw_id)
        open_tasks = queries.open_tasks_of(draw_id)
        if stages.is_revealed(draw.reveal, open_tasks=open_tasks, at=at):
            done += _take(draw_id, lambda one: _published(one, at), at=at)
    return done


def advance(draw_id: UUID, *, at: datetime, chance: Chance = fresh) -> list[str]:
    """Carry one draw as far as it goes at `at`; return what was done."""
    done: list[str] = []
    while True:
        draw = _read(draw_id)
        before = draw.state
        step = _next_step(draw, at=at, chance=chance)
        if step is None:
            return done
        done += _take(draw_id, step, at=at)
        if _read(draw_id).state == before:
            return done


Step = Callable[[Draw], str | None]


def _next_step(draw: Draw, *, at: datetime, chance: Chance) -> Step | None:
    """Return what can be done with a draw now; reading and computing happen here, outside."""
    if queries.is_held(draw.agency_id, draw.period):
        return _refused
    if draw.state == DrawState.PLANNED:
        return _freezing(draw, at, chance)
    if draw.state == DrawState.FROZEN:
        return _announcing(draw, at, chance)
    if draw.state == DrawState.ANNOUNCED:
        return _seeding(draw, at)
    if draw.state == DrawState.SEEDED:
        return _drawing(draw, at)
    return None


def _freezing(draw: Draw, at: datetime, chance: Chance) -> Step:
    salts = b"" if draw.plan.list_public else chance(f"{draw.draw_no} salts")
    try:
        prepared = freezing.prepare(draw.plan, at=at, salt_seed=salts)
    except DomainError as error:
        return _failing(draw, error)
    version = draw.plan.version

    def freeze(fresh_draw: Draw) -> str | None:
        if fresh_draw.plan.version != version:
            return None  # the plan was changed meanwhile: prepared again next time
        service.freeze_draw(fresh_draw, prepared, by=TIMETABLE, at=at)
        return f"{fresh_draw.draw_no} frozen"

    return freeze


def _announcing(draw: Draw, at: datetime, chance: Chance) -> Step | None:
    waiting = reading.waiting_for(draw, at)
    if draw.level == Level.SEALED:
        closes = draw.deposits_close_at
        if closes is not None and at < closes:
            return None
        if waiting is not None and waiting.code == "deposits":
            return lambda one: _reminded(one, at)
    secret = chance(draw.draw_no)

    def announce(fresh_draw: Draw) -> str:
        service.announce_draw(fresh_draw, secret=secret, by=TIMETABLE, at=at)
        return f"{fresh_draw.draw_no} announced"

    return announce


def _seeding(draw: Draw, at: datetime) -> Step | None:
    if draw.level == Level.SEALED:
        if draw.opens_at is None or at < draw.opens_at:
            return None

        def open_all(fresh_draw: Draw) -> str:
            seeding.open_deposits(fresh_draw, by=TIMETABLE, at=at)
            return f"{fresh_draw.draw_no} seeded"

        return open_all
    late = draw.dice_until_at is not None and at >= draw.dice_until_at
    if late and draw.plan.fallback == Fallback.SEALED:

        def replace(fresh_draw: Draw) -> str:
            other = service.fall_back(fresh_draw, by=TIMETABLE, at=at)
            return f"{fresh_draw.draw_no} void, replaced by {other.draw_no}"

        return replace
    return lambda one: _reminded(one, at)


def _drawing(draw: Draw, at: datetime) -> Step:
    try:
        computed = outcome.compute_result(draw)
    except DomainError as error:
        return _failing(draw, error)

    def store(fresh_draw: Draw) -> str:
        outcome.store_result(fresh_draw, computed, by=TIMETABLE, at=at)
        return f"{fresh_draw.draw_no} drawn"

    return store


def _refused(draw: Draw) -> None:
    steps.refuse_held(draw.agency_id, draw.period)


def _failing(draw: Draw, error: DomainError) -> Step:
    version = draw.version

    def fail(fresh_draw: Draw) -> str | None:
        if fresh_draw.version != version:
            return None  # it went on meanwhile: what failed is not asked any more
        raise error

    return fail


def _reminded(draw: Draw, at: datetime) -> str | None:
    return f"{draw.draw_no} reminded" if service.remind(draw, by=TIMETABLE, at=at) else None


def _published(draw: Draw, at: datetime) -> str:
    service.publish_draw(draw, by=TIMETABLE, at=at)
    return f"{draw.draw_no} published"


def _take(draw_id: UUID, step: Step, *, at: datetime) -> list[str]:
    """Take a step; what another process took already is left alone, what is refused is noted."""
    version = None
    try:
        with transaction():
            draw = _lock(draw_id)
            version = draw.version
            line = step(draw)
    except _TAKEN:
        return []
    except Overloaded:
        raise
    except DomainError as error:
        with transaction():
            draw = _lock(draw_id)
            if draw.version != version:
                return []
            held = service.hold_draw(draw, error, by=TIMETABLE, at=at)
            return [f"{draw.draw_no} held: {error.code}"] if held else []
    return [] if line is None else [line]


def _start_due(at: datetime) -> list[str]:
    db.session.remove()
    on = local_date(at)
    due = [plan.id for plan in queries.due_plans(on) if plans.is_due(plan, on)]
    done = []
    for plan_id in due:
        try:
            with transaction():
                plan = queries.find_plan(plan_id)
                if plan is not None and plans.is_due(plan, on) and not _is_held(plan):
                    draw = service.start_draw(plan, by=TIMETABLE, at=at)
                    done.append(f"{draw.draw_no} planned")
        except _TAKEN:
            continue
    return done


def _is_held(plan: DrawPlan) -> bool:
    """A plan that nothing was drawn from has no draw to note it on: its hold is listed instead."""
    return queries.is_held(plan.agency_id, plan.period)


def _reveal_voids(at: datetime) -> list[str]:
    db.session.remove()

    def reveal(draw: Draw) -> str:
        service.reveal_void(draw, by=TIMETABLE, at=at)
        return f"{draw.draw_no} revealed"

    found = [draw.id for draw in queries.void_with_secret()]
    return [line for draw_id in found for line in _take(draw_id, reveal, at=at)]


def _redraw_places(at: datetime) -> list[str]:
    db.session.remove()
    done = []
    for found in redraws.find_barred(at=at):
        propose = _proposing(found, at)
        done += _take(found.draw_id, propose, at=at)
    db.session.remove()
    for change_id, draw_id in [(one.id, one.draw_id) for one in change_queries.confirmed_redraws()]:
        done += _take(draw_id, _redrawing(_read(draw_id), change_id, at), at=at)
    return done


def _proposing(found: redraws.Found, at: datetime) -> Step:
    return lambda draw: redraws.propose_for(draw, found, by=TIMETABLE, at=at)


def _redrawing(draw: Draw, change_id: UUID, at: datetime) -> Step:
    """Return the lot to be drawn; the seal is opened here, outside the transaction."""
    try:
        x = redraws.seed_of(draw)
    except DomainError as error:
        return _failing(draw, error)
    return lambda fresh: redraws.redraw(fresh, change_id, x, by=TIMETABLE, at=at)


def _ids(states: tuple[DrawState, ...]) -> list[UUID]:
    db.session.remove()
    return [draw.id for draw in queries.draws_in_states(states)]


def _read(draw_id: UUID) -> Draw:
    """Return a draw as it is now, in a new reading transaction."""
    db.session.remove()
    return _get(draw_id)


def _get(draw_id: UUID) -> Draw:
    return db.session.get_one(Draw, draw_id)


def _lock(draw_id: UUID) -> Draw:
    """Return a draw as it is now; until the commit nobody else takes a step with it."""
    found = sa.select(Draw).where(Draw.id == draw_id).with_for_update(of=Draw)
    return db.session.scalars(found.execution_options(populate_existing=True)).one()
