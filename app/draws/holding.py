"""Periods that wait since a restore: what was drawn in them may be lost, and is not drawn again
before an administrator has looked.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db
from app.draws import queries
from app.draws.models import Draw, DrawHold
from app.draws.steps import PeriodHeld, release, stamp
from app.errors import Conflict, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency


class HoldNotFound(NotFound):
    code, title = "draw-hold-not-found", "未找到暂停的周期"


class HoldReleased(Conflict):
    code, title = "draw-hold-released", "暂停已经解除"


def hold_period(agency: Agency, period: str, detail: str, *, by: Actor, at: datetime) -> None:
    """Let an agency's draws of a period wait for an administrator; twice is harmless."""
    if queries.is_held(agency.id, period):
        return
    hold = DrawHold(agency_id=agency.id, district=agency.district, period=period, detail=detail)
    stamp(hold, "held", by=by, at=at)
    db.session.add(hold)
    db.session.flush()  # the entry names the row
    journal.record(Event.DRAW_PERIOD_HELD, hold, by=by, at=at, data={"period": period})


def get_hold(hold_id: UUID, agency_id: UUID | None) -> DrawHold:
    """Return a hold of an agency. Raises HoldNotFound, also for a foreign one."""
    found = db.session.get(DrawHold, hold_id)
    if found is None or found.agency_id != agency_id:
        raise HoldNotFound("没有这个暂停的周期，或它不属于本机构。")
    return found


def release_period(hold: DrawHold, reason: str, *, by: Actor, at: datetime) -> DrawHold:
    """Let the draws of a period go on; `reason` says what the administrator made sure of.

    Raises HoldReleased.
    """
    if hold.released_at is not None:
        raise HoldReleased("这个周期的暂停已经解除。")
    stamp(hold, "released", by=by, at=at)
    hold.release_reason = reason
    waiting = db.session.scalars(
        sa.select(Draw).where(
            Draw.agency_id == hold.agency_id,
            Draw.period == hold.period,
            Draw.held_code == PeriodHeld.code,
        )
    )
    for draw in waiting:
        release(draw)
    data = {"period": hold.period}
    journal.record(Event.DRAW_PERIOD_RELEASED, hold, by=by, at=at, data=data)
    return hold
