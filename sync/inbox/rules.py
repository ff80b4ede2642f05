"""What a pushed operation may be, what becomes of it, and what it says about its tablet.

Which types there are and which fields each carries; gaps in a tablet's chain; clocks that cannot
be right; which operations a person has to look at.
"""

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from app.visits.marks import Shown
from sync.operations import Operation, is_hash, is_id, is_integer, is_time

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
BEFORE_SESSION_TOLERANCE: Final = timedelta(days=1)
HELD_PATIENCE: Final = timedelta(days=5)
SUSPENDED_OPERATIONS_A_DAY: Final = 2000
MAX_GAPS: Final = 1000


class Outcome(StrEnum):
    """What became of an operation. `duplicate` is said, never stored."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    MERGED = "merged"
    CONFLICT = "conflict"
    HELD = "held"
    QUARANTINED = "quarantined"


NOT_IN = frozenset({Outcome.CONFLICT, Outcome.HELD, Outcome.QUARANTINED})


class ReviewKind(StrEnum):
    """Why a person has to look."""

    CONFLICT = "conflict"
    QUARANTINE = "quarantine"
    LATE = "late"
    HELD = "held"
    CLOCK = "clock"
    GAP = "gap"
    PHOTOS = "photos"


class ReviewState(StrEnum):
    """`settled`: nobody decided, the matter ended by itself (a gap was filled, a parent came)."""

    OPEN = "open"
    DECIDED = "decided"
    SETTLED = "settled"


class Decision(StrEnum):
    """What a supervisor may say about an item of the review list."""

    ACCEPT = "accept"
    KEEP = "keep"
    MERGE = "merge"
    REOPEN = "reopen"
    RETURN = "return"
    DECLINE = "decline"


RESOLVED: Final = frozenset({Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICT})
LATE_REASONS: Final = frozenset({"late-contribution", "task-closed", "task-gone"})
UNSERVED: Final = "not-yet-served"  # as older servers held what they could not serve
NO_SECOND_EFFECT: Final = "no-second-effect"
CORRECTION: Final = "unit-correction"


class OperationType(StrEnum):
    """Everything a tablet can say."""

    TASK_ACCEPT = "task.accept"
    TASK_PROPOSE_CLOSING = "task.propose_closing"
    TASK_ANSWER_RETURN = "task.answer_return"
    VISIT_START = "visit.start"
    VISIT_INTERRUPT = "visit.interrupt"
    VISIT_FINISH = "visit.finish"
    VISIT_ANSWER_ITEM = "visit.answer_item"
    VISIT_STATE_FINDING = "visit.state_finding"
    EVIDENCE_ATTACH = "evidence.attach"
    EVIDENCE_RETRACT = "evidence.retract"
    DOCUMENT_SIGN = "document.sign"
    DOCUMENT_REFUSE_SIGNATURE = "document.refuse_signature"
    ORDER_ISSUE = "order.issue"
    OPINION_ISSUE = "opinion.issue"
    DECISION_ISSUE = "decision.issue"
    SAMPLE_RECORD = "sample.record"
    UNIT_PROPOSE_CORRECTION = "unit.propose_correction"


NUMBERED = frozenset(  # what hands a paper over under a number of the tablet's block
    {
        OperationType.OPINION_ISSUE,
        OperationType.ORDER_ISSUE,
        OperationType.DECISION_ISSUE,
        OperationType.SAMPLE_RECORD,
    }
)


# --- fields ------------------------------------------------------------------------------------

Check = Callable[[Any], bool]
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}\Z")
_SERIES = re.compile(r"[a-z][a-z-]{0,39}:[0-9]{4}\Z")
_DAY = re.compile(r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def is_text(longest: int, *, shortest: int = 1) -> Check:
    """Return the check for text that databases and people can read."""
    return lambda value: (
        isinstance(value, str) and shortest <= len(value) <= longest and not _CONTROL.search(value)
    )


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and bool(_CODE.match(value))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _some_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _hashes(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 50 and all(is_hash(one) for one in value)


def _ids(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 10 and all(is_id(one) for one in value)


def _codes(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 30 and all(_is_code(one) for one in value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


@dataclass(frozen=True)
class Shape:
    """The fields of one type of operation: those it must have, those it may have."""

    must: Mapping[str, Check]
    may: Mapping[str, Check]

    @cached_property
    def known(self) -> Mapping[str, Check]:
        return {**self.must, **self.may}


NOTE: Final = is_text(4000, shortest=0)
_SUBJECTS = _some_of("task", "visit", "visit_answer", "finding")
_ROLES = _some_of("officer", "party", "witness")
CORRECTABLE: Final[Mapping[str, Check]] = {
    "name": is_text(200),
    "sign_name": _or_none(is_text(200)),
    "legal_representative": _or_none(is_text(100)),
    "phone": _or_none(is_text(40)),
    "address": is_text(400),
    "lat_e7": lambda v: is_integer(v, -900_000_000, 900_000_000),
    "lon_e7": lambda v: is_integer(v, -1_800_000_000, 1_800_000_000),
    "note": NOTE,
}
_LONG_TEXT = _or_none(is_text(4000, shortest=0))


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or not _DAY.match(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _order_items(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 50 and all(map(_is_order_item, value))


def _is_order_item(value: Any) -> bool:
    checks = {
        "text": is_text(4000),
        "finding_id": _or_none(is_id),
        "basis": _or_none(is_text(1000)),
    }
    return (
        isinstance(value, dict)
        and "text" in value
        and all(name in checks and checks[name](one) for name, one in value.items())
    )


_A_DAY = _or_none(_is_day)
CONTENTS: Final[Mapping[OperationType, Mapping[str, Check]]] = {
    OperationType.OPINION_ISSUE: {
        "problem": _LONG_TEXT,
        "basis": _LONG_TEXT,
        "advice": _LONG_TEXT,
        "deadline_on": _A_DAY,
        "note": _LONG_TEXT,
    },
}
DEEDS: Final[Mapping[OperationType, Shape]] = {  # papers with an effect: they never change
    OperationType.ORDER_ISSUE: Shape(
        {"visit_id": is_id, "items": _order_items},
        {
            "violation": _LONG_TEXT,
            "basis": _LONG_TEXT,
            "demand": _LONG_TEXT,
            "deadline_on": _A_DAY,
            "correct_within_days": _or_none(lambda v: is_integer(v, 0, 3650)),
            "note": _LONG_TEXT,
        },
    ),
    OperationType.DECISION_ISSUE: Shape(
        {
            "visit_id": is_id,
            "finding_id": is_id,
            "cause_code": _is_code,
            "party_kind": _some_of("citizen", "organisation"),
            "penalty_kind": _some_of("warning", "fine", "warning-and-fine"),
            "amount_fen": lambda v: is_integer(v, 0, 10**12),
        },
        {
            "party_name": _or_none(is_text(200)),
            "act": _or_none(is_text(4000)),
            "basis": _LONG_TEXT,
            "decided_at": is_time,
            "place": _or_none(is_text(400)),
            "payment": _LONG_TEXT,
            "remedies": _LONG_TEXT,
            "organ": _or_none(is_text(200)),
            "circumstances": _codes,
            "factors": _codes,
            "note": _LONG_TEXT,
        },
    ),
    OperationType.SAMPLE_RECORD: Shape(
        {
            "visit_id": is_id,
            "sample": is_text(200),
            "amount": is_text(200),
            "method": is_text(400),
            "sampled_at": is_time,
        },
        {
            "lot": _or_none(is_text(200)),
            "place": _or_none(is_text(400)),
            "item_id": _or_none(is_id),
            "note": _LONG_TEXT,
        },
    ),
}


def contents(type_: OperationType) -> list[str]:
    """Return the names of what a document says: the fields that are not about the paper."""
    deed = DEEDS.get(type_)
    return [*(CONTENTS[type_] if deed is None else {**deed.must, **deed.may})]


def _paper(type_: OperationType) -> Shape:
    """Return the fields of a document that is issued: its number, for whom, and what it says."""
    deed = DEEDS.get(type_) or Shape({}, CONTENTS.get(type_, {}))
    return Shape(
        {
            "series": lambda v: isinstance(v, str) and bool(_SERIES.match(v)),
            "serial": lambda v: is_integer(v, 1, 10**9),
            "unit_id": is_id,
            **deed.must,
        },
        {
            **({} if "visit_id" in deed.must else {"visit_id": _or_none(is_id)}),
            "number": is_text(100),
            "officer_ids": _ids,
            **deed.may,
        },
    )


SHAPES: Final[Mapping[OperationType, Shape]] = {
    OperationType.TASK_ACCEPT: Shape({}, {}),
    OperationType.TASK_PROPOSE_CLOSING: Shape(
        {"reason": _is_code, "evidence": _hashes}, {"note": _or_none(NOTE)}
    ),
    OperationType.TASK_ANSWER_RETURN: Shape({"note": is_text(4000)}, {"outcome": _is_code}),
    OperationType.VISIT_START: Shape(
        {"task_id": _or_none(is_id), "unit_id": is_id},
        {
            "checklist_code": _or_none(_is_code),
            "form_version": _or_none(lambda v: is_integer(v, 0, 1_000_000)),
            "code_mark": _or_none(_some_of("code-missing", "code-revoked", "code-expired")),
            "reason": _or_none(is_text(1000)),
            "code_request_id": _or_none(is_id),
            "officer_ids": _ids,
            "code_shown": _some_of(*Shown),
            "code_text": _or_none(is_text(500)),
            "unit_code_text": _or_none(is_text(500)),
            "certificate_shown": _or_none(_flag),
            "recusal_asked": _or_none(_flag),
            "recusal_requested": _or_none(_flag),
            "cap_reason": _or_none(is_text(1000)),
        },
    ),
    OperationType.VISIT_INTERRUPT: Shape({"reason": is_text(1000)}, {}),
    OperationType.VISIT_FINISH: Shape({"outcome": _is_code}, {"summary": _or_none(NOTE)}),
    OperationType.VISIT_ANSWER_ITEM: Shape(
        {"visit_id": is_id, "item_id": is_id},
        {
            "item_code": _is_code,
            "result": _some_of("yes", "no", "not-applicable"),
            "note": _or_none(NOTE),
        },
    ),
    OperationType.VISIT_STATE_FINDING: Shape(
        {"visit_id": is_id},
        {
            "item_id": _or_none(is_id),
            "text": is_text(4000),
            "basis": _or_none(is_text(1000, shortest=0)),
            "handling": _or_none(is_text(1000, shortest=0)),
            "correct_within_days": _or_none(lambda v: is_integer(v, 0, 3650)),
        },
    ),
    OperationType.EVIDENCE_ATTACH: Shape({"subject_type": _SUBJECTS, "subject_id": is_id}, {}),
    OperationType.EVIDENCE_RETRACT: Shape(
        {"subject_type": _SUBJECTS, "subject_id": is_id, "sha256": is_hash},
        {"reason": is_text(1000)},
    ),
    OperationType.DOCUMENT_SIGN: Shape(
        {}, {"role": _ROLES, "refused": _flag, "content_hash": is_hash, "reason": is_text(1000)}
    ),
    OperationType.DOCUMENT_REFUSE_SIGNATURE: Shape(
        {"reason": is_text(1000), "role": _some_of("party", "witness")}, {"content_hash": is_hash}
    ),
    OperationType.ORDER_ISSUE: _paper(OperationType.ORDER_ISSUE),
    OperationType.OPINION_ISSUE: _paper(OperationType.OPINION_ISSUE),
    OperationType.DECISION_ISSUE: _paper(OperationType.DECISION_ISSUE),
    OperationType.SAMPLE_RECORD: _paper(OperationType.SAMPLE_RECORD),
    OperationType.UNIT_PROPOSE_CORRECTION: Shape({}, CORRECTABLE),
}


PLAIN = frozenset({OperationType.VISIT_ANSWER_ITEM, OperationType.VISIT_STATE_FINDING})


def is_plain(one: Operation) -> bool:
    """Tell whether an operation may be carried out together with others, by what it says alone."""
    return (
        one.type in PLAIN
        and not one.attachments
        and not wrong_fields(OperationType(one.type), one.fields)
    )


def wrong_fields(type_: OperationType, fields: Mapping[str, Any]) -> list[str]:
    """Return the names of fields that are missing, not known, or not of their type; sorted."""
    shape = SHAPES[type_]
    known = shape.known
    wrong = set(shape.must.keys() - fields.keys())
    for name, value in fields.items():
        check = known.get(name)
        if check is None or not check(value):
            wrong.add(name)
    if type_ is OperationType.UNIT_PROPOSE_CORRECTION and not fields:
        wrong.add("name")
    if type_ is OperationType.VISIT_START and fields.get("checklist_code") is not None:
        wrong.update({"form_version"} - fields.keys())
    return sorted(wrong)


def review_kind(outcome: Outcome, reason: str | None) -> ReviewKind | None:
    """Return under which kind an operation waits for a person, None where nobody has to look."""
    if outcome is Outcome.CONFLICT:
        return ReviewKind.CONFLICT
    if outcome is Outcome.HELD:
        return ReviewKind.HELD
    if outcome is not Outcome.QUARANTINED:
        return None
    return ReviewKind.LATE if reason in LATE_REASONS else ReviewKind.QUARANTINE


# --- the tablet's chain ------------------------------------------------------------------------

Gaps = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Progress:
    """The highest `device_seq` that came, and the gaps `[first, last]` below it."""

    highest: int
    gaps: Gaps


def advance(progress: Progress, seq: int) -> Progress:
    """Return the progress after operation `seq` came; a number below a gap or twice changes none.

    Above MAX_GAPS the lowest gaps are kept: only a broken tablet makes so many.
    """
    if seq > progress.highest:
        gaps = list(progress.gaps)
        if seq > progress.highest + 1:
            gaps.append([progress.highest + 1, seq - 1])
        return Progress(seq, gaps[:MAX_GAPS])
    found = next((gap for gap in progress.gaps if gap[0] <= seq <= gap[1]), None)
    if found is None:
        return progress
    rest = [gap for gap in ([found[0], seq - 1], [seq + 1, found[1]]) if gap[0] <= gap[1]]
    kept = [list(gap) for gap in progress.gaps if gap is not found]
    return Progress(progress.highest, sorted([*kept, *rest])[:MAX_GAPS])


# --- clocks ------------------------------------------------------------------------------------


def is_clock_suspect(
    recorded_at: datetime,
    *,
    session_opened_at: datetime,
    previous: datetime | None,
    skew_s: int | None,
    at: datetime,
) -> bool:
    """Tell whether a tablet's clock cannot have been right when it recorded an operation.

    Later than the arrival, more than a day before the officer's session began, earlier than the
    operation before it, or a clock that is wrong now. An old time alone is no fault.
    """
    return (
        recorded_at > at + CLOCK_TOLERANCE
        or recorded_at < session_opened_at - BEFORE_SESSION_TOLERANCE
        or (previous is not None and recorded_at < previous - CLOCK_TOLERANCE)
        or (skew_s is not None and abs(skew_s) > CLOCK_TOLERANCE.total_seconds())
    )


def effective_at(
    recorded_at: datetime, *, last_server_time: datetime, arrived_at: datetime
) -> datetime:
    """Return the instant that counts: the tablet's, bounded by what the server knows.

    `last_server_time` is a server time that the tablet must have seen before: the opening of the
    session that the operation names.
    """
    return min(max(recorded_at, last_server_time), arrived_at)


# --- order -------------------------------------------------------------------------------------


def in_causal_order(
    operations: Sequence[tuple[Hashable, int, Collection[Hashable]]],
) -> list[int]:
    """Return positions of `(id, device_seq, depends_on)` so that parents stand before children.

    Otherwise by the tablet's own numbers. A circle stays as it came: its members wait for ever.
    """
    places: dict[Hashable, int] = {}
    for place, (op_id, _, _) in enumerate(operations):
        places.setdefault(op_id, place)
    done: dict[int, None] = {}
    for start in sorted(range(len(operations)), key=lambda place: operations[place][1]):
        path, open_places = [start], {start}
        while path:
            place = path[-1]
            parent = next(
                (
                    places[op_id]
                    for op_id in operations[place][2]
                    if op_id in places
                    and places[op_id] not in done
                    and places[op_id] not in open_places
                ),
                None,
            )
            if parent is None or place in done:
                done.setdefault(path.pop())
            else:
                path.append(parent)
                open_places.add(parent)
    return list(done)
