"""The promise of a plan's secret: made before anybody fixes what goes into a lot over its teams.

With the proposal, and again when a lot was drawn, a secret that nobody sees is sealed, and what
promises it stands in the journal. So whoever runs the machine cannot choose it once visits, days
and officers are fixed: by then it is promised.
"""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db, new_id
from app.draws.rules import commit_of
from app.draws.steps import aad, draw_key
from app.jointvisits.models import JointPlan
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.keys import seal, unseal

Chance = Callable[[], bytes]


class Promise(NamedTuple):
    """A sealed secret, the id it is bound to, and what promises it."""

    id: UUID
    sealed: bytes
    commit: str


def fresh() -> bytes:
    """Return 32 bytes that nobody can know; the demo hands over derived ones instead."""
    return secrets.token_bytes(32)


def promise(plan: JointPlan, secret: bytes, *, by: Actor, at: datetime) -> Promise:
    """Seal the secret of a plan's next lot, and let the journal hold what promises it."""
    made = new_id()
    found = Promise(made, seal(draw_key(), secret, aad=_aad(made)), commit_of(secret))
    plan.promise_id, plan.promise_sealed, plan.promise_commit = found
    data = {"promise_id": str(made), "commit": found.commit}
    journal.record(Event.JOINT_TEAMS_PROMISED, plan, by=by, at=at, data=data)
    return found


def take(plan: JointPlan, *, by: Actor, at: datetime) -> Promise:
    """Return the promise of a plan, which is used up by that.

    A plan from before there were promises gets one now, in the same step as its lot.
    """
    if plan.promise_id is None or plan.promise_sealed is None or plan.promise_commit is None:
        found = promise(plan, fresh(), by=by, at=at)
    else:
        found = Promise(plan.promise_id, plan.promise_sealed, plan.promise_commit)
    plan.promise_id = plan.promise_sealed = plan.promise_commit = None
    return found


def open_promise(sealed: bytes, bound_to: UUID) -> bytes:
    """Return a secret; only the timetable does. Raises SealBroken."""
    return unseal(draw_key(), sealed, aad=_aad(bound_to))


def promised_entry(plan_id: UUID, commit: str) -> JournalEntry | None:
    """Return the journal entry that made a promise."""
    entries = db.session.scalars(
        sa.select(JournalEntry)
        .where(
            JournalEntry.subject_id == plan_id,
            JournalEntry.event == Event.JOINT_TEAMS_PROMISED,
        )
        .order_by(JournalEntry.seq)
    )
    return next((one for one in entries if json.loads(one.text)["data"]["commit"] == commit), None)


def _aad(bound_to: UUID) -> bytes:
    return aad("joint-teams", bound_to)
