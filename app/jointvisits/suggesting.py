"""Suggestions: open tasks of one unit that fall within some days could be one entry.

Asked of what waits now; only what somebody dismisses is stored, with the reason. What caps would
say comes with each: of one entry, and of an entry for each task.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from sqlalchemy.exc import IntegrityError

from app.access import Actor
from app.caps.rules import Answer
from app.catalogue import service as catalogue
from app.days import local_date
from app.db import db, savepoint
from app.errors import Conflict, Invalid
from app.jointvisits import capping, queries
from app.jointvisits.capping import Planned
from app.jointvisits.models import JointSuggestionDismissal
from app.jointvisits.nearness import Due, Near, near
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.tasks.models import Task

WITHIN_DAYS = "joint-suggestion-days"
_KEYS = UUID("6f3c1c1a-8a0e-5d5e-9d53-3b0f1c8a7e21")  # of the ids below


class SuggestionInvalid(Invalid):
    code, title = "joint-suggestion-invalid", "合并入企建议有误"


class SuggestionDismissed(Conflict):
    code, title = "joint-suggestion-dismissed", "合并入企建议已经不采纳"


@dataclass(frozen=True)
class Suggestion:
    """Tasks of a unit that one entry by `last_on` would serve, and what caps say.

    Its id follows from its tasks and their last days. `caps` are those that the one entry would
    reach, `separate_caps` those that entries for each task, on its last day, would reach.
    """

    id: UUID
    unit_id: UUID
    last_on: date | None
    tasks: tuple[Task, ...]
    caps: tuple[Answer, ...]
    separate_caps: tuple[Answer, ...]

    @property
    def entries_saved(self) -> int:
        return len(self.tasks) - 1


class Found(NamedTuple):
    """Tasks of a unit that are near to each other."""

    unit_id: UUID
    group: Near

    @property
    def place(self) -> str:
        """Return where it stands in the list: by unit, then by day."""
        return f"{self.unit_id}/{self.group.last_on or ''}"


class Suggested(NamedTuple):
    """A page of suggestions, and the place after which the next begins."""

    items: list[Suggestion]
    next_place: str | None


def suggest(
    agency_id: UUID,
    *,
    within_days: int | None,
    unit_id: UUID | None = None,
    after: str = "",
    limit: int,
    at: datetime,
) -> Suggested:
    """Return what could be one entry, unit by unit; without `within_days` as the catalogue says.

    Tasks that nobody began, that no approved plan carries and whose first day has come. What was
    dismissed is not among them, until its tasks are others or have other last days. Raises
    CatalogueRowMissing.
    """
    today = local_date(at)
    days = int(catalogue.setting(WITHIN_DAYS, today)) if within_days is None else within_days
    units: dict[UUID, list[Due]] = {}
    for one in queries.waiting(agency_id, unit_ids=[] if unit_id is None else [unit_id]):
        if one.from_on is None or one.from_on <= today:
            units.setdefault(one.unit_id, []).append(Due(one.id, one.due_on))
    dismissed = queries.dismissed(agency_id)
    found = [
        Found(key, group)
        for key, waiting in sorted(units.items())
        for group in near(waiting, today=today, within_days=days)
        if _key(group.tasks) not in dismissed
    ]
    some = [one for one in found if one.place > after][:limit]
    shown = {one.unit_id for one in some}
    every = _with_caps([one for one in found if one.unit_id in shown], today)
    more = bool(some) and some[-1].place != found[-1].place
    keys = {_key(one.group.tasks) for one in some}
    return Suggested([one for one in every if one.id in keys], some[-1].place if more else None)


def _with_caps(found: Sequence[Found], today: date) -> list[Suggestion]:
    """Ask caps of one entry for each group, and of entries for each task of all groups."""
    tasks = queries.tasks_by_id({one.id for _, group in found for one in group.tasks})
    merged, separate = [], []
    for _, group in found:
        own = [tasks[one.id] for one in group.tasks]
        on = group.last_on or today
        merged.append(_planned(_key(group.tasks), own, on))
        separate += [_planned(one.id, [one], _day(one, on, today)) for one in own]
    of_one, of_each = capping.ask_caps(None, merged), capping.ask_caps(None, separate)
    return [
        Suggestion(
            id=_key(group.tasks),
            unit_id=unit_id,
            last_on=group.last_on,
            tasks=tuple(tasks[one.id] for one in group.tasks),
            caps=tuple(of_one.get(_key(group.tasks), ())),
            separate_caps=_last_of_each(
                answer for one in group.tasks for answer in of_each.get(one.id, ())
            ),
        )
        for unit_id, group in found
    ]


def dismiss(
    task_ids: Sequence[UUID], reason: str, *, agency: Agency, by: Actor, at: datetime
) -> JointSuggestionDismissal:
    """Say why tasks of a unit are not gathered in one entry; they are suggested no more. Flushes.

    Where their set or one of their last days changes, it is another suggestion. Raises
    SuggestionInvalid (not two or more waiting tasks of one unit) and SuggestionDismissed.
    """
    wanted = set(task_ids)
    units = {one.unit_id for one in queries.tasks_by_id(wanted).values()}
    own = queries.waiting(agency.id, unit_ids=units) if units else []
    waiting = [one for one in own if one.id in wanted]
    if len(wanted) < 2 or len(waiting) != len(wanted) or len(units) != 1:
        raise SuggestionInvalid("请选择同一单位两项以上、尚未开始也未列入计划的任务。")
    found = JointSuggestionDismissal(
        agency_id=agency.id,
        district=agency.district,
        unit_id=units.pop(),
        suggestion_id=_key([Due(one.id, one.due_on) for one in waiting]),
        task_ids=sorted(str(one) for one in wanted),
        reason=reason,
        dismissed_at=at,
        dismissed_by_kind=str(by.kind),
        dismissed_by_id=by.id,
    )
    try:
        with savepoint():
            db.session.add(found)
    except IntegrityError as error:
        raise SuggestionDismissed("这项合并建议已经不采纳。") from error
    data = {"unit_id": str(found.unit_id), "task_ids": found.task_ids}
    journal.record(Event.JOINT_SUGGESTION_DISMISSED, found, by=by, at=at, data=data)
    return found


def _key(tasks: Iterable[Due]) -> UUID:
    return uuid5(_KEYS, " ".join(sorted(f"{one.id}:{one.due_on or ''}" for one in tasks)))


def _day(task: Task, otherwise: date, today: date) -> date:
    return otherwise if task.due_on is None else max(task.due_on, today)


def _last_of_each(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Return of each cap the answer that had counted most."""
    found: dict[str, Answer] = {}
    for one in answers:
        known = found.get(one.cap.code)
        if known is None or len(known.counted) <= len(one.counted):
            found[one.cap.code] = one
    return tuple(found.values())


def _planned(key: UUID, tasks: Sequence[Task], on: date) -> Planned:
    officers = frozenset(one for task in tasks for one in task.officer_ids())
    return Planned(key, tasks[0].unit_id, on, frozenset(task.id for task in tasks), officers)
