"""What a tablet says of a visit's items: answers and findings, merged three-way.

What cannot be merged is refused, and the inbox keeps it for a person to decide.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.access import Actor
from app.db import db
from app.errors import Invalid
from app.journal import service as journal
from app.journal.rules import Event
from app.visits import queries, rules
from app.visits.contributing import (
    FormVersionUnknown,
    VisitIdWrong,
    item_of,
    items_of_form,
    open_visit,
)
from app.visits.models import Finding, VisitAnswer
from app.visits.rules import AnswerResult, Merge


class AnswerNotAllowed(Invalid):
    code, title = "answer-not-allowed", "该事项不能这样回答"


class ContentMissing(Invalid):
    code, title = "content-missing", "缺少内容"


@dataclass(frozen=True)
class Answered:
    """What became of an answer, and the answer that stands."""

    outcome: Merge
    current: VisitAnswer
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stated:
    """What became of a finding, and the finding that stands."""

    outcome: Merge
    current: Finding
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What the tablet had seen of a row before it changed it: old values, and their version."""

    base: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0


NOTHING_SEEN = Seen()


def answer_item(
    visit_id: UUID,
    item_id: UUID,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
    seen: Seen = NOTHING_SEEN,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Answered:
    """Answer a check item: `changes` hold `result` and `note`, as far as the tablet changed them.

    Meets an earlier answer three-way by what the tablet had seen. On a conflict nothing is
    written: the answer that stands is returned with the disputed fields. The item's id is the same
    in every form version. The answer is the visit's at once; its version is there after a flush.
    `admitted`: a supervisor lets in what came too late, or decides between two answers.

    Raises VisitUnknown, VisitLocked (signed), ItemUnknown, ContentMissing, AnswerNotAllowed (the
    catalogue does not offer this answer; `answers`) and what keeps an officer from contributing
    (TaskGone, TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = open_visit(visit_id, officer_id, admitted=admitted, by=by)
    item = item_of(visit, item_id)
    wanted = rules.said(changes, rules.ANSWER_FIELDS)
    answer = visit.answers.get(item_id)
    if answer is not None and sa.inspect(answer).modified:
        db.session.flush()  # what is met has the version that the database gave
    current = None if answer is None else {"result": answer.result, "note": answer.note}
    if wanted.get("result", current and current["result"]) not in set(AnswerResult):
        raise ContentMissing("请选择“是”“否”或“不适用”。")
    if "result" in wanted and wanted["result"] not in item.answers:
        raise AnswerNotAllowed(
            "检查表规定该事项不能这样回答，请在允许的选项中选择。",
            item_code=item.code,
            answers=sorted(item.answers),
        )
    met = rules.resolve(
        current,
        0 if answer is None else answer.version,
        wanted,
        base=rules.said(seen.base, rules.ANSWER_FIELDS),
        base_version=seen.version,
        same_author=answer is not None and answer.officer_id == officer_id,
    )
    if answer is None:
        answer = VisitAnswer(
            id=rules.answer_id(visit_id, item_id),
            agency_id=visit.agency_id,
            district=visit.district,
            visit_id=visit_id,
            item_id=item_id,
            item_code=item.code,
        )
        visit.answers[item_id] = answer
    if met.outcome is Merge.CONFLICT or not met.changes:
        return Answered(met.outcome, answer, met.disputed)
    _write(answer, met.changes, officer_id=officer_id, recorded_at=recorded_at)
    note_answer(answer, met.changes, by=by, at=at)
    return Answered(met.outcome, answer)


def note_answer(answer: Any, changes: Collection[str], *, by: Actor, at: datetime) -> None:
    """Journal that fields of an answer changed; its words stand in its table."""
    journal.record(
        Event.VISIT_ITEM_ANSWERED,
        answer,
        by=by,
        at=at,
        data={
            "visit_id": answer.visit_id,
            "item_code": answer.item_code,
            "fields": sorted(changes),
            "officer_id": answer.officer_id,
        },
    )


def placed_items(visit_id: UUID, item_id: UUID, *, by: Actor) -> tuple[UUID, ...]:
    """Return the items of a visit's own form that an item stands for: nearly always itself.

    A colleague's tablet may carry another version of the checklist than the visit was begun with:
    the catalogue's `checklist_migration` rows say which items were renamed or split. An item that
    no version asks, and one of a visit that nobody began, is returned as it is. Raises
    FormVersionUnknown where the item has no place in the visit's form (withdrawn, new, or a part of
    what it asks).
    """
    visit = queries.find_visit(visit_id)
    if visit is None or visit.agency_id != by.agency_id or visit.checklist_code is None:
        return (item_id,)
    own = items_of_form(visit.checklist_code, visit.form_version)
    if item_id in own:
        return (item_id,)
    maps = queries.item_maps(visit.checklist_code)
    if found := rules.placed(item_id, own.keys(), visit.form_version or 0, maps):
        return found
    if queries.is_of_some_version(visit.checklist_code, item_id):
        raise FormVersionUnknown(
            "本次检查所用的检查表版本没有与之对应的事项，内容已留存，由负责人处理。",
            form_version=visit.form_version,
            item_id=item_id,
        )
    return (item_id,)


def state_finding(
    visit_id: UUID,
    finding_id: UUID,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
    seen: Seen = NOTHING_SEEN,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Stated:
    """State what was found, under the id that the tablet gave it; later ones of that id change it.

    `changes` hold fields of FINDING_FIELDS. Conflicts and refusals as in `answer_item`. Flushes for
    the same reason. Raises ContentMissing for a new finding without `text`.
    """
    visit = open_visit(visit_id, officer_id, admitted=admitted, by=by)
    wanted = rules.said(changes, rules.FINDING_FIELDS)
    if wanted.get("item_id") is not None:
        item_of(visit, wanted["item_id"])
    finding = queries.find_finding(finding_id)
    if finding is not None and finding.visit_id != visit_id:
        raise VisitIdWrong("该检查发现属于另一次检查，请重新同步后再试。")
    if not wanted.get("text", finding and finding.text):
        raise ContentMissing("请写明发现的问题。")
    met = rules.resolve(
        None
        if finding is None
        else {name: getattr(finding, name) for name in rules.FINDING_FIELDS},
        0 if finding is None else finding.version,
        wanted,
        base=rules.said(seen.base, rules.FINDING_FIELDS),
        base_version=seen.version,
        same_author=finding is not None and finding.officer_id == officer_id,
    )
    if finding is None:
        finding = Finding(
            id=finding_id,
            agency_id=visit.agency_id,
            district=visit.district,
            visit_id=visit_id,
        )
        db.session.add(finding)
    if met.outcome is Merge.CONFLICT or not met.changes:
        return Stated(met.outcome, finding, met.disputed)
    _write(finding, met.changes, officer_id=officer_id, recorded_at=recorded_at)
    note_finding(finding, met.changes, by=by, at=at)
    db.session.flush()
    return Stated(met.outcome, finding)


def note_finding(finding: Any, changes: Collection[str], *, by: Actor, at: datetime) -> None:
    """Journal that fields of a finding changed; its words stand in its table."""
    journal.record(
        Event.VISIT_FINDING_STATED,
        finding,
        by=by,
        at=at,
        data={
            "visit_id": str(finding.visit_id),
            "fields": sorted(changes),
            "officer_id": str(finding.officer_id),
        },
    )


def _write(
    row: VisitAnswer | Finding,
    changes: Mapping[str, Any],
    *,
    officer_id: UUID,
    recorded_at: datetime,
) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.officer_id, row.recorded_at = officer_id, recorded_at
