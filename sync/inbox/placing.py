"""Where an operation of another form stands: on which items of its visit's own checklist.

Two tablets of a pair may carry two versions of a checklist; the visit has the one it was begun
with, and what was answered on that one never changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.access import Actor
from app.errors import Invalid
from app.visits import queries as visit_queries
from app.visits import rules as visit_rules
from app.visits import service as visits
from app.visits.rules import AnswerResult
from sync.inbox import forms
from sync.inbox.rules import OperationType
from sync.operations import Operation


class EntityIdWrong(Invalid):
    code, title = "entity-id-wrong", "编号不符"


def placed_in_form(operation: Operation, *, by: Actor) -> list[Operation]:
    """Return an answer or finding as it stands on the items of its visit's own form.

    An answer to an item that was split stands on every part, but 否 says only that one of them is
    not so. Raises EntityIdWrong, VisitUnknown, and FormVersionUnknown where that cannot be known.
    """
    named = operation.fields.get("item_id")
    is_answer = operation.type == OperationType.VISIT_ANSWER_ITEM
    if named is None or not (is_answer or operation.type == OperationType.VISIT_STATE_FINDING):
        return [operation]
    visit_id, item_id = UUID(operation.fields["visit_id"]), UUID(named)
    if is_answer and operation.entity_id != visit_rules.answer_id(visit_id, item_id):
        raise EntityIdWrong("答案编号与检查、事项不符，内容已留存。")
    places = visits.placed_items(visit_id, item_id, by=by)
    if places == (item_id,):
        return [operation]
    whole = operation.fields.get("result") in {AnswerResult.YES, AnswerResult.NOT_APPLICABLE}
    if len(places) > 1 and not (is_answer and whole):
        raise visits.FormVersionUnknown(
            "该事项在本次检查所用的检查表版本中已拆分，须由负责人指明是哪一项。", item_id=item_id
        )
    return [
        replace(
            operation,
            entity_id=visit_rules.answer_id(visit_id, place) if is_answer else operation.entity_id,
            fields={**operation.fields, "item_id": str(place)},
        )
        for place in places
    ]


def is_known_by_now(operation: Operation, problem: Mapping[str, Any]) -> bool:
    """Tell whether the form that an operation was kept for has become known.

    `problem` is the document under which it was kept: of the version of its fields, or of the
    checklist that its visit was made with.
    """
    if "checklist_code" in problem:
        code, version = str(problem["checklist_code"]), int(problem["form_version"] or 0)
        return visit_queries.form_items(code, version) is not None
    known = forms.history_of(operation.type).knows(operation.form_version)
    return "current" in problem and known
