"""What each operation does in the pure model, by the words of the protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from tests.sync.model.state import (
    ANSWER_FIELDS,
    FINDING_FIELDS,
    Refused,
    Row,
    State,
    Task,
    Values,
    Visit,
    empty_is_none,
    instant,
)


@dataclass
class Doing:
    """An operation being carried out."""

    model: State
    op: Values
    at: datetime
    suspect: bool
    admitted: bool = False
    subject: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = self.op["fields"]
        return found

    @property
    def officer(self) -> str:
        return str(self.op["officer_id"])

    def their_task(self, task_id: str) -> Task:
        """An open task of the author's: else the work came too late."""
        task = self.model.tasks.get(task_id)
        if task is None:
            raise Refused("task-gone")
        if self.admitted:
            return task
        if task.state in {"completed", "closed"}:
            raise Refused("task-closed")
        if self.officer not in task.team:
            raise Refused("late-contribution")
        return task

    def refuse_unbegun(self, visit_id: str) -> None:
        """What is said of a visit that nobody began is late when its task is over or another's."""
        for task in self.model.tasks.values():
            if task.visit == visit_id and not self.admitted:
                self.their_task(task.id)

    def their_visit(self, visit_id: str, *, open_: bool = False) -> Visit:
        """A visit that the author is part of; `open_`: it is not signed."""
        visit = self.model.visits.get(visit_id)
        if visit is None:
            self.refuse_unbegun(visit_id)
            raise Refused("visit-unknown")
        if visit.task is not None:
            task = self.their_task(visit.task)
            if task.visit != visit.id and not self.admitted:
                raise Refused("task-closed")  # its round is over
        elif not self.admitted and self.officer not in visit.attendance:
            raise Refused("not-on-visit")
        if open_ and visit.state == "signed":
            raise Refused("visit-locked")
        return visit


def accept(doing: Doing) -> str:
    task = doing.their_task(doing.op["entity_id"])
    if task.state != "assigned" and task.accepted:
        return "merged"
    if task.state != "assigned":
        raise Refused("task-state-wrong")
    task.state, task.accepted = "accepted", True
    return "applied"


def start(doing: Doing) -> str:
    fields, model, visit_id = doing.fields, doing.model, doing.op["entity_id"]
    if fields["task_id"] is None:
        _check_triggered(doing)
    else:
        task = doing.their_task(fields["task_id"])
        if task.visit != visit_id or task.unit != fields["unit_id"]:
            raise Refused("visit-id-wrong")
    visit = model.visits.get(visit_id)
    merged = visit is not None
    if visit is None:
        visit = Visit(visit_id, fields["task_id"], fields["unit_id"], doing.suspect)
        model.visits[visit_id] = visit
    visit.attendance.add(doing.officer)
    if visit.state == "under-way":
        visit.interrupted = None
    _advance(doing, visit)
    return "merged" if merged else "applied"


def _check_triggered(doing: Doing) -> None:
    fields = doing.fields
    if fields["code_request_id"] is not None:
        expected = uuid5(UUID(fields["code_request_id"]), "visit")
    else:
        on = (instant(doing.op["recorded_at"]) + timedelta(hours=8)).date().isoformat()
        names = ",".join(sorted(fields["officer_ids"]))
        expected = uuid5(UUID(fields["unit_id"]), f"{on}|{names}")
    if doing.op["entity_id"] != str(expected):
        raise Refused("visit-id-wrong")


def _advance(doing: Doing, visit: Visit) -> None:
    """Who starts has accepted; the task follows the visit."""
    task = None if visit.task is None else doing.model.tasks[visit.task]
    if task is None or visit.state == "signed" or doing.officer not in task.team:
        return
    if task.state in {"assigned", "accepted"}:
        task.state, task.accepted = "in-progress", True


def interrupt(doing: Doing) -> str:
    visit = doing.their_visit(doing.op["entity_id"], open_=True)
    if visit.state != "under-way":
        raise Refused("visit-already-finished")
    visit.interrupted = doing.fields["reason"]
    return "applied"


def meet(
    row: Row | None, wanted: Values, op: Values, names: Sequence[str], officer: str
) -> tuple[str, dict[str, Any]]:
    """Three-way by what the tablet had seen: the outcome and what is to be written."""
    if row is None:
        return "applied", dict(wanted)
    seen = dict(row.values) if op["base_version"] == row.version else {}
    seen.update(empty_is_none(op["base"], names))
    changes = {name: value for name, value in wanted.items() if row.values[name] != value}
    for name in changes:
        if name not in seen or seen[name] != row.values[name]:
            return "conflict", {}
    fresh = op["base_version"] == row.version or row.officer == officer
    return ("applied" if fresh else "merged"), changes


def write(row: Row, changes: Values, officer: str) -> None:
    """Every effective change is one version."""
    if changes:
        row.values.update(changes)
        row.officer = officer
        row.version += 1


def answer(doing: Doing) -> str:
    visit = doing.their_visit(doing.fields["visit_id"], open_=True)
    item = doing.fields["item_id"]
    asked = doing.model.items.get(item)
    if asked is None:
        raise Refused("item-unknown")
    wanted = empty_is_none(doing.fields, ANSWER_FIELDS)
    row = visit.answers.get(item)
    if wanted.get("result") is None and row is None:
        raise Refused("content-missing")
    if "result" in wanted and wanted["result"] not in asked.answers:
        raise Refused("answer-not-allowed")
    outcome, changes = meet(row, wanted, doing.op, ANSWER_FIELDS, doing.officer)
    if row is None:
        row = visit.answers[item] = Row(doing.op["entity_id"], dict.fromkeys(ANSWER_FIELDS))
    write(row, changes, doing.officer)
    return outcome


def find(doing: Doing) -> str:
    visit = doing.their_visit(doing.fields["visit_id"], open_=True)
    wanted = empty_is_none(doing.fields, FINDING_FIELDS)
    finding_id = doing.op["entity_id"]
    row = visit.findings.get(finding_id)
    if wanted.get("text") is None and row is None:
        raise Refused("content-missing")
    outcome, changes = meet(row, wanted, doing.op, FINDING_FIELDS, doing.officer)
    if row is None:
        row = visit.findings[finding_id] = Row(finding_id, dict.fromkeys(FINDING_FIELDS))
    write(row, changes, doing.officer)
    return outcome


def finish(doing: Doing) -> str:
    visit = doing.their_visit(doing.op["entity_id"])
    outcome, summary = doing.fields["outcome"], doing.fields["summary"] or None
    if visit.state != "under-way":
        if (visit.outcome, visit.summary) == (outcome, summary):
            return "applied"
        raise Refused("visit-locked" if visit.state == "signed" else "visit-already-finished")
    for item, asked in doing.model.items.items():
        row = visit.answers.get(item)
        photos = doing.model.links.get("" if row is None else row.id)
        if (row is None and asked.required) or (
            row is not None and row.values["result"] == "no" and asked.photo_on_no and not photos
        ):
            raise Refused("visit-incomplete")
    visit.state, visit.outcome, visit.summary = "finished", outcome, summary
    return "applied"


def sign(doing: Doing) -> str:
    visit = doing.their_visit(doing.op["entity_id"])
    if visit.state == "under-way":
        raise Refused("visit-not-finished")
    task = None if visit.task is None else doing.model.tasks[visit.task]
    if visit.state == "finished":
        _advance(doing, visit)
        if task is not None and task.state != "in-progress":
            raise Refused("task-state-wrong")
        visit.state, visit.signed_at = "signed", doing.at
        if task is not None:
            task.state, task.outcome = "submitted", visit.outcome
    visit.signatures |= {("officer", doing.officer), ("party", doing.officer)}
    return "applied"


def answer_return(doing: Doing) -> str:
    if not doing.fields["note"]:
        raise Refused("operation-fields-wrong")
    task = doing.their_task(doing.op["entity_id"])
    if task.state != "returned":
        raise Refused("task-state-wrong")
    task.state = "submitted"
    return "applied"


CLOSABLE = ("pending", "assigned", "accepted", "in-progress", "returned")


def propose_closing(doing: Doing) -> str:
    task = doing.their_task(doing.op["entity_id"])
    if task.state not in CLOSABLE:
        raise Refused("task-state-wrong")
    if not doing.fields["evidence"]:
        raise Refused("closing-invalid")
    task.state, task.previous = "closing-proposed", task.state
    task.proposer, task.evidence = doing.officer, tuple(doing.fields["evidence"])
    task.closing_reason = doing.fields["reason"]
    return "applied"


def attach_evidence(doing: Doing) -> str:
    subject, kind = doing.fields["subject_id"], doing.fields["subject_type"]
    if kind == "task":
        doing.their_task(subject)
    else:
        visit = doing.model.visits.get(subject)
        if visit is None:
            doing.refuse_unbegun(subject)
            raise Refused("visit-unknown")
        if visit.task is not None:
            doing.their_task(visit.task)
        elif not doing.admitted and doing.officer not in visit.attendance:
            raise Refused("not-their-visit")
    if not doing.op["attachments"]:
        raise Refused("attachment-missing")
    doing.subject = subject
    return "applied"


def propose_correction(doing: Doing) -> str:
    if doing.op["entity_id"] not in doing.model.units:
        raise Refused("unit-not-found")
    return "conflict"


EFFECTS: Mapping[str, Callable[[Doing], str]] = {
    "task.accept": accept,
    "task.propose_closing": propose_closing,
    "task.answer_return": answer_return,
    "visit.start": start,
    "visit.interrupt": interrupt,
    "visit.finish": finish,
    "visit.answer_item": answer,
    "visit.state_finding": find,
    "evidence.attach": attach_evidence,
    "document.sign": sign,
    "unit.propose_correction": propose_correction,
}
