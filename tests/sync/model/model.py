"""The pure model: what must be the case after a sequence of acts, by the words of the protocol.

Nothing of Suicha is imported. Acts come in the order in which the server took them; ids are text,
operations are the dictionaries that tablets signed. `effects.py` says what each operation does,
`rulings.py` what supervisors decide, `views.py` what each tablet must see.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.sync.model.effects import EFFECTS, Doing
from tests.sync.model.state import (
    A_DAY,
    DONE,
    LATE,
    PATIENCE,
    TOLERANCE,
    Device,
    Item,
    Op,
    Refused,
    State,
    Values,
    instant,
)


@dataclass
class Model(State):
    """The state that follows from the acts so far."""

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
