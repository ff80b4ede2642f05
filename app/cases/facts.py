"""What has happened in a case of the ordinary procedure, gathered from its steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.cases.rules import STEPS, CaseState, CaseVerb


@dataclass(frozen=True)
class Step:
    """One step that was taken: on which day, and what it says, as it is stored."""

    seq: int
    verb: CaseVerb
    on: date
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Facts:
    """What the law asks about, gathered from the steps of a case; numbers are those of steps."""

    state: CaseState = CaseState.OPENED
    seq: int = 0
    last_on: date | None = None
    filed: Step | None = None
    concluded: Step | None = None
    notice: Step | None = None
    discussed_seq: int = 0
    reviewed_seq: int = 0  # of the last review, when it was passed
    defence_open: bool = False  # heard and not yet rechecked
    defence_waived: bool = False
    hearing_waived: bool = False
    hearing_requested: bool = False  # and neither held nor ended
    hearing_called: Step | None = None
    hearing_held_seq: int = 0
    stopped_on: date | None = None
    moved_days: int = 0
    decided: Step | None = None
    served: Step | None = None
    revoked: Step | None = None
    evidence: dict[int, bool] = field(default_factory=dict)  # whether it may be used
    monitoring: set[int] = field(default_factory=set)  # records of devices: reviewed before use
    excluded: set[int] = field(default_factory=set)
    recused: set[str] = field(default_factory=set)
    transferred_on: date | None = None
    preserved: set[int] = field(default_factory=set)
    recusals: set[str] = field(default_factory=set)

    @property
    def is_usable(self) -> bool:
        """Tell whether there is evidence that may be used."""
        return any(self.evidence.values())


def read(steps: Iterable[Step]) -> Facts:
    """Return what the steps of a case, in their order, come to."""
    facts = Facts()
    for step in steps:
        if step.verb is not CaseVerb.OPEN:
            facts.state = STEPS[step.verb][facts.state]
        facts.seq, facts.last_on = step.seq, step.on
        if (note := _NOTES.get(step.verb)) is not None:
            note(facts, step)
    return facts


def read_on_site(state: CaseState, decided_on: date | None, steps: Sequence[Step]) -> Facts:
    """Return what is known of a case decided on the spot: its state is kept, not computed."""
    facts = Facts(state=state, last_on=decided_on)
    for step in steps:
        facts.seq, facts.last_on = step.seq, step.on
        if (note := _NOTES.get(step.verb)) is not None:
            note(facts, step)
    return facts


def _filed(facts: Facts, step: Step) -> None:
    facts.filed = step


def _collected(facts: Facts, step: Step) -> None:
    """A record of electronic monitoring is no evidence until it was reviewed (第四十一条)."""
    facts.evidence[step.seq] = not step.data["monitoring"]
    if step.data["monitoring"]:
        facts.monitoring.add(step.seq)


def _monitoring_checked(facts: Facts, step: Step) -> None:
    item = step.data["item"]
    facts.evidence[item] = step.data["passed"] and item not in facts.excluded


def _excluded(facts: Facts, step: Step) -> None:
    facts.excluded.add(step.data["item"])
    facts.evidence[step.data["item"]] = False


def _preserved(facts: Facts, step: Step) -> None:
    facts.preserved.add(step.seq)


def _resolved(facts: Facts, step: Step) -> None:
    facts.preserved.discard(step.data["item"])


def _recusal_declared(facts: Facts, step: Step) -> None:
    facts.recusals.add(step.data["officer_id"])


def _recusal_decided(facts: Facts, step: Step) -> None:
    facts.recusals.discard(step.data["officer_id"])
    if step.data["granted"]:
        facts.recused.add(step.data["officer_id"])


def _concluded(facts: Facts, step: Step) -> None:
    facts.concluded = step


def _discussed(facts: Facts, step: Step) -> None:
    facts.discussed_seq = step.seq


def _reviewed(facts: Facts, step: Step) -> None:
    facts.reviewed_seq = step.seq if step.data["passed"] else 0


def _notified(facts: Facts, step: Step) -> None:
    facts.notice = step
    facts.defence_waived = facts.hearing_waived = False
    facts.hearing_called = None


def _defence_heard(facts: Facts, step: Step) -> None:
    facts.defence_open = True


def _defence_rechecked(facts: Facts, step: Step) -> None:
    facts.defence_open = False


def _waived(facts: Facts, step: Step) -> None:
    facts.defence_waived = True
    facts.hearing_waived = facts.hearing_waived or step.data["hearing"]


def _hearing_requested(facts: Facts, step: Step) -> None:
    facts.hearing_requested = True


def _hearing_called(facts: Facts, step: Step) -> None:
    facts.hearing_called = step


def _hearing_held(facts: Facts, step: Step) -> None:
    facts.hearing_requested, facts.hearing_held_seq = False, step.seq


def _hearing_ended(facts: Facts, step: Step) -> None:
    facts.hearing_requested, facts.hearing_waived = False, True


def _stopped(facts: Facts, step: Step) -> None:
    facts.stopped_on = step.on


def _resumed(facts: Facts, step: Step) -> None:
    if facts.stopped_on is not None:
        facts.moved_days += (step.on - facts.stopped_on).days
    facts.stopped_on = None


def _extended(facts: Facts, step: Step) -> None:
    facts.moved_days += step.data["days"]


def _decided(facts: Facts, step: Step) -> None:
    facts.decided = step


def _served(facts: Facts, step: Step) -> None:
    facts.served = step


def _revoked(facts: Facts, step: Step) -> None:
    facts.revoked = step


def _transferred(facts: Facts, step: Step) -> None:
    facts.transferred_on = step.on


def _taken_back(facts: Facts, step: Step) -> None:
    if step.data["stood"] and facts.transferred_on is not None:
        facts.moved_days += (step.on - facts.transferred_on).days


_NOTES: Mapping[CaseVerb, Callable[[Facts, Step], None]] = {
    CaseVerb.FILE: _filed,
    CaseVerb.COLLECT: _collected,
    CaseVerb.CHECK_MONITORING: _monitoring_checked,
    CaseVerb.EXCLUDE: _excluded,
    CaseVerb.PRESERVE: _preserved,
    CaseVerb.RESOLVE_PRESERVATION: _resolved,
    CaseVerb.DECLARE_RECUSAL: _recusal_declared,
    CaseVerb.DECIDE_RECUSAL: _recusal_decided,
    CaseVerb.CONCLUDE: _concluded,
    CaseVerb.DISCUSS: _discussed,
    CaseVerb.REVIEW: _reviewed,
    CaseVerb.NOTIFY: _notified,
    CaseVerb.HEAR_DEFENCE: _defence_heard,
    CaseVerb.RECHECK_DEFENCE: _defence_rechecked,
    CaseVerb.WAIVE_DEFENCE: _waived,
    CaseVerb.REQUEST_HEARING: _hearing_requested,
    CaseVerb.CALL_HEARING: _hearing_called,
    CaseVerb.HOLD_HEARING: _hearing_held,
    CaseVerb.END_HEARING: _hearing_ended,
    CaseVerb.STOP_CLOCK: _stopped,
    CaseVerb.RESUME_CLOCK: _resumed,
    CaseVerb.EXTEND: _extended,
    CaseVerb.DECIDE: _decided,
    CaseVerb.NOT_PUNISH: _decided,
    CaseVerb.SERVE: _served,
    CaseVerb.REVOKE: _revoked,
    CaseVerb.TRANSFER: _transferred,
    CaseVerb.TAKE_BACK: _taken_back,
}
