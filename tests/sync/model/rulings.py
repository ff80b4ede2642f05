"""What supervisors do, in the pure model: tasks through their life, decisions about pushed work."""

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from tests.sync.model.effects import CLOSABLE, write
from tests.sync.model.model import Model
from tests.sync.model.state import (
    ANSWER_FIELDS,
    FINDING_FIELDS,
    Device,
    Item,
    Op,
    Refused,
    Row,
    Task,
    Visit,
    empty_is_none,
)

MERGEABLE = ("visit.answer_item", "visit.state_finding", "unit.propose_correction")
ADDENDA = ("visit.start", "visit.answer_item", "visit.state_finding", "evidence.attach")
NEVER_APPLIED = ("author", "operation-fields-wrong")
REASSIGNABLE = {
    "assigned": "assigned",
    "accepted": "assigned",
    "in-progress": "assigned",
    "returned": "returned",
}
STATES = {
    "assign": {"pending": "assigned"},
    "reassign": REASSIGNABLE,
    "return": {"submitted": "returned"},
    "complete": {"submitted": "completed"},
    "propose-closing": dict.fromkeys(CLOSABLE, "closing-proposed"),
    "approve-closing": {"closing-proposed": "closed"},
    "refuse-closing": {"closing-proposed": ""},
    "reopen": {"completed": "assigned", "closed": "assigned"},
}


# --- tasks -------------------------------------------------------------------------------------


def lead_task(
    model: Model,
    task: Task,
    verb: str,
    team: Sequence[str] = (),
    evidence: Sequence[str] = (),
    reason: str = "other",
) -> None:
    """Take a supervisor's step of a task's life. Raises Refused, and then nothing has happened."""
    following = STATES[verb].get(task.state)
    if following is None:
        raise Refused("task-state-wrong")
    if verb == "propose-closing":
        _refuse_unproven(model, evidence)
        task.previous, task.evidence, task.closing_reason = task.state, tuple(evidence), reason
    if verb == "approve-closing":
        _refuse_unproven(model, task.evidence)
        if task.closing_reason == "ceased":
            model.units[task.unit]["state"] = "closed"
    if verb in {"assign", "reassign", "reopen"}:
        task.team, task.lead = tuple(sorted(team)), team[0]
    if verb == "reopen":
        task.outcome, task.round = None, task.round + 1
        task.visit = str(uuid5(UUID(task.id), f"visit|{task.round}"))
    task.state = following or str(task.previous)
    if verb != "propose-closing":
        task.previous = None


def _refuse_unproven(model: Model, evidence: Sequence[str]) -> None:
    """Nothing is closed on photos of which nobody has one."""
    if not set(evidence) & model.stored:
        raise Refused("closing-invalid")


# --- the review list ---------------------------------------------------------------------------


def possible(item: Item, op: Op | None) -> list[str]:
    """Return the decisions that an item offers, in their order."""
    if item.kind in {"clock", "gap"}:
        return ["keep"] if item.state == "open" else []
    if op is None:
        return []
    if item.state != "open":
        return [] if op.outcome in {"applied", "merged"} else ["reopen"]
    type_ = op.values["type"]
    if item.kind == "conflict":
        return ["accept", "keep", "merge", "return", "decline"]
    accepted = (
        item.reason in {"late-contribution", "task-closed"} and type_ in ADDENDA
        if item.kind == "late"
        else item.kind == "quarantine" and item.reason not in NEVER_APPLIED
    )
    merged = accepted and type_ in MERGEABLE[:2]
    return [
        *(["accept"] if accepted else []),
        *(["merge"] if merged else []),
        "reopen",
        "return",
        "decline",
    ]


def decide(
    model: Model,
    device: Device,
    op: Op,
    decision: str,
    fields: Mapping[str, Any] | None,
    *,
    at: datetime,
) -> None:
    """Decide about an operation. Raises Refused, and then nothing has happened."""
    item = op.item
    if item is None:
        raise Refused("review-item-unknown")
    if decision == "accept" and op.outcome != "conflict":
        _accept_again(model, device, op, admitted=item.kind == "late", at=at)
    elif decision in {"accept", "merge"}:
        _write(model, op, fields if decision == "merge" else None)
        if decision == "merge" and op.outcome != "conflict":
            model.attach(op, op.values["entity_id"])
        op.outcome, op.reason = {
            "accept": ("applied", "accepted"),
            "merge": ("merged", "merged"),
        }[decision]
        model.tell(device, op)
    elif decision == "keep":
        op.reason = "kept"
        model.tell(device, op)
    elif decision in {"return", "decline"}:
        _give_up(model, device, op, "returned" if decision == "return" else "declined", at=at)
    else:
        item.state, op.declined, op.waits = "settled", False, set()
        model.judge(device, op, at=at)
    item.decision, item.decisions = decision, item.decisions + 1
    if decision != "reopen" or item.state == "settled":
        item.state = "decided"
    if decision in {"accept", "merge"}:
        op.declined, op.waits = False, set()
        model.release(device, op, at=at)


def _accept_again(model: Model, device: Device, op: Op, *, admitted: bool, at: datetime) -> None:
    trial = copy.deepcopy(model)  # what is refused leaves nothing behind
    outcome, _ = trial.effect(
        trial.devices[device.id], trial.devices[device.id].ops[op.id], at=at, admitted=admitted
    )
    if outcome == "conflict":
        raise Refused("still-disputed")
    model.effect(device, op, at=at, admitted=admitted)
    op.outcome, op.reason = outcome, "accepted"
    model.tell(device, op)


def _write(model: Model, op: Op, fields: Mapping[str, Any] | None) -> None:
    """Let values stand, whatever stood before."""
    said, type_ = op.values["fields"], op.values["type"]
    if type_ == "unit.propose_correction":
        model.units[op.values["entity_id"]].update(said if fields is None else fields)
        return
    visit = model.visits.get(said["visit_id"])
    if visit is None:
        raise Refused("visit-unknown")
    if visit.state == "signed":
        raise Refused("visit-locked")
    wanted = {name: value for name, value in (fields or said).items() if name != "visit_id"}
    row = _row_of(visit, op)
    if type_ == "visit.answer_item":
        wanted.pop("item_id", None)
        asked = model.items[said["item_id"]]
        if wanted["result"] not in asked.answers:
            raise Refused("answer-not-allowed")
        rows, key = visit.answers, said["item_id"]
        names: tuple[str, ...] = ANSWER_FIELDS
    else:
        rows, key = visit.findings, op.values["entity_id"]
        names = FINDING_FIELDS
    wanted = empty_is_none(wanted, names)
    row = row or Row(op.values["entity_id"], dict.fromkeys(names))
    rows[key] = row
    changes = {name: value for name, value in wanted.items() if row.values[name] != value}
    write(row, changes, op.values["officer_id"])


def _row_of(visit: Visit, op: Op) -> Row | None:
    if op.values["type"] == "visit.answer_item":
        return visit.answers.get(op.values["fields"]["item_id"])
    return visit.findings.get(op.values["entity_id"])


def _give_up(model: Model, device: Device, op: Op, reason: str, *, at: datetime) -> None:
    """An operation will not be used, and with it what waits for it."""
    if op.outcome != "conflict":
        op.outcome = "quarantined"
    op.reason, op.declined, op.waits = reason, True, set()
    model.tell(device, op)
    declined = deque([op])
    while declined:
        for child in model.waiting_for(device, declined.popleft()):
            model.quarantine(device, child, "parent-declined", at=at, declined=True)
            declined.append(child)
