"""What stands behind the numbers of assistants 协管: never an officer's, never an inspection."""

from typing import Any

import sqlalchemy as sa

from app.patrols.models import Patrol, PatrolAssistant, PatrolHint, PatrolUnit
from app.reports.dated import line, on_days, within
from app.reports.selections import Rows, Scope, Which


def _in_days(scope: Scope) -> list[sa.ColumnElement[bool]]:
    return [
        Patrol.agency_id == scope.agency_id,
        on_days(Patrol.on_day, scope.from_on, scope.until_on),
    ]


def patrols(scope: Scope) -> Rows:
    return sa.select(
        *line("patrol", Patrol.id, on=Patrol.on_day, label=Patrol.number)
    ).where(*_in_days(scope))  # fmt: skip


def _seen(part: Any, scope: Scope) -> Rows:
    return (
        sa.select(
            *line(
                "patrol",
                Patrol.id,
                on=Patrol.on_day,
                unit_id=PatrolUnit.unit_id,
                label=Patrol.number,
                part=part,
            )
        )
        .join_from(Patrol, PatrolUnit, PatrolUnit.patrol_id == Patrol.id)
        .where(*_in_days(scope))
    )


def premises(scope: Scope) -> Rows:
    """Each unit that was seen on a patrol is one 间次."""
    return _seen(sa.cast(PatrolUnit.unit_id, sa.Text), scope)


def with_problem(_scope: Scope) -> Which:
    return PatrolUnit.problem.is_(True)


def attendances(scope: Scope) -> Rows:
    """Each assistant at each unit that was seen is one 人次."""
    there = sa.cast(PatrolUnit.unit_id, sa.Text) + "/"
    part = there + sa.cast(PatrolAssistant.assistant_id, sa.Text)
    return _seen(part, scope).join(PatrolAssistant, PatrolAssistant.patrol_id == Patrol.id)


def hints(scope: Scope) -> Rows:
    return sa.select(
        *line("patrol_hint", PatrolHint.id, at=PatrolHint.handed_at, unit_id=PatrolHint.unit_id)
    ).where(
        PatrolHint.agency_id == scope.agency_id,
        within(PatrolHint.handed_at, scope.begins, scope.cut),
    )
