"""The pure model: what must be the case after a sequence of acts, by the words of the protocol.

Nothing of Suicha is imported. Acts come in the order in which the server took them; ids are text,
operations are the dictionaries that tablets signed. `rulings.py` adds what supervisors decide about
pushed work, `views.py` what each tablet must see.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

Values = Mapping[str, Any]
TOLERANCE = timedelta(minutes=5)
A_DAY = timedelta(days=1)
PATIENCE = timedelta(days=5)
DONE = ("applied", "merged", "conflict")
LATE = ("late-contribution", "task-closed", "task-gone")
ANSWER_FIELDS = ("result", "note")
FINDING_FIELDS = ("item_id", "text", "basis", "handling", "correct_within_days")


class Refused(Exception):
    """What is asked for does not happen; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Task:
    """A task as everybody must come to see it."""

    id: str
    unit: str
    visit: str
    state: str = "pending"
    team: tuple[str, ...] = ()
    lead: str | None = None
    round: int = 1
    outcome: str | None = None
    previous: str | None = None
    accepted: bool = False
    proposer: str | None = None
    evidence: tuple[str, ...] = ()
    closing_reason: str | None = None


@dataclass
class Row:
    """An answer or a finding: its values, whose they are, how often they changed."""

    id: str
    values: dict[str, Any]
    officer: str = ""
    version: int = 0


@dataclass
class Visit:
    """An entry into a unit."""

    id: str
    task: str | None
    unit: str
    suspect: bool
    state: str = "under-way"
    attendance: set[str] = field(default_factory=set)
    signatures: set[tuple[str, str]] = field(default_factory=set)
    answers: dict[str, Row] = field(default_factory=dict)
    findings: dict[str, Row] = field(default_factory=dict)
    outcome: str | None = None
    summary: str | None = None
    signed_at: datetime | None = None
    interrupted: str | None = None


@dataclass
class Sitting:
    """An officer in session on a tablet."""

    officer: str
    opened_at: datetime


@dataclass
class Op:
    """An operation that arrived, and every word its tablet was given about it."""

    values: Values
    hash: str
    outcome: str = ""
    reason: str | None = None
    declined: bool = False
    suspect: bool = False
    receipts: list[tuple[str, str | None]] = field(default_factory=list)
    waits: set[str] = field(default_factory=set)
    item: "Item | None" = None
    place: int = 0

    @property
    def id(self) -> str:
        return str(self.values["op_id"])


@dataclass
class Item:
    """A matter of the review list."""

    kind: str
    reason: str
    state: str = "open"
    shown_from: datetime | None = None
    decision: str | None = None
    decisions: int = 0


@dataclass
class Device:
    """A tablet as the server must know it."""

    id: str
    state: str = "active"
    sittings: dict[str, Sitting] = field(default_factory=dict)
    ops: dict[str, Op] = field(default_factory=dict)
    order: list[Op] = field(default_factory=list)
    receipts: list[tuple[str, str, str | None]] = field(default_factory=list)
    seqs: set[int] = field(default_factory=set)
    last_recorded: datetime | None = None
    clocks: dict[str, Item] = field(default_factory=dict)
    gaps: dict[tuple[int, int], Item] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckItem:
    """What the checklist says of an item."""

    required: bool
    photo_on_no: bool
    answers: frozenset[str]


def instant(text: str) -> datetime:
    """Read an instant of the wire."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def empty_is_none(values: Values, names: Iterable[str]) -> dict[str, Any]:
    """An empty text says as much as none."""
    return {
        name: (None if values[name] == "" else values[name]) for name in names if name in values
    }


@dataclass
class Model:
    """The state that follows from the acts so far."""

    checklist: str
    items: Mapping[str, CheckItem]
    tasks: dict[str, Task] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    links: dict[str, set[str]] = field(default_factory=dict)
    expected: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)

    # --- a batch

    def push(
        self,
        device_id: str,
        ops: Sequence[tuple[Values, str]],
        *,
        at: datetime,
        skew_s: float | None,
    ) -> list[tuple[str, str | None]]:
        """Take a batch; return outcome and reason of each line, in the order of the lines."""
        device = self.devices[device_id]
        results: dict[int, tuple[str, str | None]] = {}
        for place in sorted(range(len(ops)), key=lambda one: ops[one][0]["device_seq"]):
            values, digest = ops[place]
            if digest in {one.hash for one in device.order}:
                results[place] = ("duplicate", None)
                continue
            op = Op(values, digest, place=len(device.order))
            device.order.append(op)
            device.ops[op.id] = op
            op.suspect = self._link(device, op, at=at, skew_s=skew_s)
            self.judge(device, op, at=at)
            results[place] = (op.outcome, op.reason)
        self._settle_gaps(device)
        return [results[place] for place in range(len(ops))]

    def _link(self, device: Device, op: Op, *, at: datetime, skew_s: float | None) -> bool:
        """Tell whether a clock cannot have been right; it is flagged and never refused."""
        seq, recorded = op.values["device_seq"], instant(op.values["recorded_at"])
        sitting = device.sittings.get(op.values["user_session_id"])
        newest = seq > max(device.seqs, default=0)
        suspect = (
            recorded > at + TOLERANCE
            or (sitting is not None and recorded < sitting.opened_at - A_DAY)
            or (
                newest
                and device.last_recorded is not None
                and recorded < device.last_recorded - TOLERANCE
            )
            or (skew_s is not None and abs(int(skew_s)) > TOLERANCE.total_seconds())
        )
        if newest:
            device.last_recorded = recorded
        device.seqs.add(seq)
        if suspect:
            device.clocks.setdefault(op.values["boot_id"], Item("clock", "clock-suspect"))
        return suspect

    def _settle_gaps(self, device: Device) -> None:
        """Numbers that never came are shown as ranges, each once."""
        found: list[tuple[int, int]] = []
        for seq in range(1, max(device.seqs, default=0)):
            if seq in device.seqs:
                continue
            if found and found[-1][1] == seq - 1:
                found[-1] = (found[-1][0], seq)
            else:
                found.append((seq, seq))
        for gap in found:
            known = device.gaps.get(gap)
            if known is None or known.state == "settled":
                device.gaps[gap] = Item("gap", "operations-missing")
        for gap, item in device.gaps.items():
            if gap not in found and item.state == "open":
                item.state = "settled"

    # --- one operation

    def judge(self, device: Device, op: Op, *, at: datetime) -> None:
        """Decide an operation, and what waited for it."""
        code = self._forbidden(device, op, at=at)
        waits = {one for one in op.values["depends_on"] if not self._is_done(device, one)}
        if code is not None:
            self.quarantine(device, op, code, at=at, declined=code == "parent-declined")
        elif waits:
            op.waits = set(op.values["depends_on"])
            self.note(device, op, "held", "waiting", at=at)
        else:
            self._carry_out(device, op, at=at)
        self.release(device, op, at=at)

    def _is_done(self, device: Device, op_id: str) -> bool:
        found = device.ops.get(op_id)
        return found is not None and found.outcome in DONE

    def _forbidden(self, device: Device, op: Op, *, at: datetime) -> str | None:
        if device.state != "active":
            return "device-suspended"
        sitting = device.sittings.get(op.values["user_session_id"])
        officer = op.values["officer_id"]
        if sitting is None or sitting.officer != officer or officer in self.suspended:
            return "author"
        parents = [device.ops.get(one) for one in op.values["depends_on"]]
        if any(one is not None and one.declined for one in parents):
            return "parent-declined"
        return None

    def _carry_out(self, device: Device, op: Op, *, at: datetime) -> None:
        try:
            outcome, reason = self.effect(device, op, at=at)
        except Refused as refused:
            self.quarantine(device, op, refused.code, at=at)
        else:
            self.note(device, op, outcome, reason, at=at)

    def effect(
        self, device: Device, op: Op, *, at: datetime, admitted: bool = False
    ) -> tuple[str, str | None]:
        """Do what an operation says. Raises Refused, and then nothing has happened."""
        doing = Doing(self, op.values, at, op.suspect, admitted=admitted)
        outcome = EFFECTS[op.values["type"]](doing)
        subject = doing.subject or str(op.values["entity_id"])
        self.attach(op, subject)
        reason = None
        if outcome == "conflict":
            correction = op.values["type"] == "unit.propose_correction"
            reason = "unit-correction" if correction else "field-conflict"
        return outcome, reason

    def attach(self, op: Op, subject: str) -> None:
        """Photos belong to a subject from the operation that promises them."""
        for one in op.values["attachments"]:
            self.links.setdefault(subject, set()).add(one["sha256"])
            self.expected.add(one["sha256"])

    def quarantine(
        self, device: Device, op: Op, code: str, *, at: datetime, declined: bool = False
    ) -> None:
        """Keep an operation that is not done, with its photos."""
        op.declined = declined
        self.expected.update(one["sha256"] for one in op.values["attachments"])
        self.note(device, op, "quarantined", code, at=at)

    def note(
        self, device: Device, op: Op, outcome: str, reason: str | None, *, at: datetime
    ) -> None:
        """Write down what became of an operation: a receipt, and whether a person has to look."""
        op.outcome, op.reason = outcome, reason
        if outcome != "held":
            op.waits = set()
        self.tell(device, op)
        kind = kind_of(outcome, reason)
        if op.item is not None and op.item.state == "open":
            op.item.state = "settled"
        if kind is None:
            return
        shown = at + PATIENCE if kind == "held" else at
        if op.item is None:
            op.item = Item(kind, str(reason), shown_from=shown)
        elif op.item.state == "settled":
            op.item.kind, op.item.reason, op.item.state = kind, str(reason), "open"
            op.item.shown_from = shown

    def tell(self, device: Device, op: Op) -> None:
        """Give the tablet a receipt."""
        op.receipts.append((op.outcome, op.reason))
        device.receipts.append((op.id, op.outcome, op.reason))

    def release(self, device: Device, op: Op, *, at: datetime) -> None:
        """Decide what waited for an operation that is finished now, and so on."""
        finished = deque([op])
        while finished:
            parent = finished.popleft()
            if not parent.declined and parent.outcome not in DONE:
                continue
            for child in self.waiting_for(device, parent):
                parents = child.values["depends_on"]
                if parent.declined or all(self._is_done(device, one) for one in parents):
                    code = self._forbidden(device, child, at=at)
                    if code is None:
                        self._carry_out(device, child, at=at)
                    else:
                        declined = code == "parent-declined"
                        self.quarantine(device, child, code, at=at, declined=declined)
                    finished.append(child)

    def waiting_for(self, device: Device, parent: Op) -> list[Op]:
        """What is held for an operation, in the order in which it came."""
        return [one for one in device.order if parent.id in one.waits and one.outcome == "held"]


def kind_of(outcome: str, reason: str | None) -> str | None:
    """Under which kind an operation waits for a person."""
    if outcome == "quarantined":
        return "late" if reason in LATE else "quarantine"
    return outcome if outcome in {"conflict", "held"} else None


# --- what operations do ------------------------------------------------------------------------


@dataclass
class Doing:
    """An operation being carried out."""

    model: Model
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

    def their_visit(self, visit_id: str, *, open_: bool = False) -> Visit:
        """A visit that the author is part of; `open_`: it is not signed."""
        visit = self.model.visits.get(visit_id)
        if visit is None:
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
