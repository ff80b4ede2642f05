"""Where an operation of another form stands: on which items of its visit's own checklist.

Two tablets of a pair may carry two versions of a checklist; the visit has the one it was begun
with, and what was answered on that one never changes.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.access import Actor
from app.db import db
from app.errors import Invalid
from app.visits import answering, contributing
from app.visits import queries as visit_queries
from app.visits import rules as visit_rules
from app.visits.models import VisitAnswer
from app.visits.rules import AnswerResult
from sync.inbox import forms
from sync.inbox.rules import OperationType
from sync.operations import Operation

VISITS = 50  # of an officer, in which evidence of an answer that nobody knows is looked for


class EntityIdWrong(Invalid):
    code, title = "entity-id-wrong", "编号不符"


def placed_in_form(operation: Operation, *, by: Actor) -> list[Operation]:
    """Return an answer, finding or evidence as it stands on the items of its visit's own form.

    An answer to an item that was split stands on every part, but 否 says only that one of them is
    not so. Raises EntityIdWrong, and FormVersionUnknown where that cannot be known.
    """
    is_evidence = operation.type in {
        OperationType.EVIDENCE_ATTACH,
        OperationType.EVIDENCE_RETRACT,
    }
    if is_evidence and operation.fields["subject_type"] == "visit_answer":
        return _placed_evidence(operation, by=by)
    named = operation.fields.get("item_id")
    is_answer = operation.type == OperationType.VISIT_ANSWER_ITEM
    if named is None or not (is_answer or operation.type == OperationType.VISIT_STATE_FINDING):
        return [operation]
    visit_id, item_id = UUID(operation.fields["visit_id"]), UUID(named)
    if is_answer and operation.entity_id != visit_rules.answer_id(visit_id, item_id):
        raise EntityIdWrong("答案编号与检查、事项不符，内容已留存。")
    places = answering.placed_items(visit_id, item_id, by=by)
    if places == (item_id,):
        return [operation]
    whole = operation.fields.get("result") in {AnswerResult.YES, AnswerResult.NOT_APPLICABLE}
    if len(places) > 1 and not (is_answer and whole):
        raise contributing.FormVersionUnknown(
            "该事项在本次检查所用的检查表版本中已拆分，须由负责人指明是哪一项。", item_id=item_id
        )
    return [
        operation._replace(
            entity_id=visit_rules.answer_id(visit_id, place) if is_answer else operation.entity_id,
            fields={**operation.fields, "item_id": str(place)},
        )
        for place in places
    ]


def _placed_evidence(operation: Operation, *, by: Actor) -> list[Operation]:
    """Return evidence of an answer as evidence of what that answer stands on.

    An answer's id says neither visit nor item: where there is no such answer, the ids are tried
    that the items of other versions would have had in the visits that its officer attended.
    """
    subject_id = UUID(operation.fields["subject_id"])
    if db.session.get(VisitAnswer, subject_id) is not None:
        return [operation]
    for visit in visit_queries.recent_visits_of(operation.officer_id, VISITS):
        for one in visit_queries.item_maps(str(visit.checklist_code)):
            for item in {*one.becomes, *(new for many in one.becomes.values() for new in many)}:
                if visit_rules.answer_id(visit.id, item) == subject_id:
                    places = answering.placed_items(visit.id, item, by=by)
                    return [_about(operation, visit.id, place) for place in places]
    return [operation]


def _about(operation: Operation, visit_id: UUID, item_id: UUID) -> Operation:
    subject = {"subject_id": str(visit_rules.answer_id(visit_id, item_id))}
    return operation._replace(fields={**operation.fields, **subject})


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
