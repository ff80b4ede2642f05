"""What can be decided about an item of the review list, and what a merge may write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync.inbox.rules import (
    CONTENTS,
    CORRECTION,
    DEEDS,
    SHAPES,
    Decision,
    OperationType,
    Outcome,
    ReviewKind,
    ReviewState,
    wrong_fields,
)

NEVER_APPLIED: Final = frozenset(
    {
        "malformed",
        "id-reuse",
        "author",  # nobody's word puts another's name under an act
        "operation-type-unknown",
        "operation-fields-wrong",
    }
)
UNREADABLE: Final = frozenset({"malformed"})
HASH_MISMATCH: Final = "hash-mismatch"  # of a file: nothing that could be applied
NOTED: Final = frozenset({ReviewKind.CLOCK, ReviewKind.GAP, ReviewKind.PHOTOS})
MERGEABLE: Final[Mapping[str, tuple[str, ...]]] = {
    OperationType.VISIT_ANSWER_ITEM: ("result", "note"),
    OperationType.VISIT_STATE_FINDING: (
        "item_id",
        "text",
        "basis",
        "handling",
        "correct_within_days",
    ),
    **{type_: tuple(contents) for type_, contents in CONTENTS.items()},
    OperationType.UNIT_PROPOSE_CORRECTION: tuple(SHAPES[OperationType.UNIT_PROPOSE_CORRECTION].may),
}
ADDENDA: Final = frozenset(  # what late work may add to a visit that is another's by now
    {
        OperationType.VISIT_START,
        OperationType.VISIT_ANSWER_ITEM,
        OperationType.VISIT_STATE_FINDING,
        OperationType.EVIDENCE_ATTACH,
        OperationType.EVIDENCE_RETRACT,
        *CONTENTS,
        *DEEDS,
    }
)
LATE_ADMITTED: Final = frozenset({"late-contribution", "task-closed"})


@dataclass(frozen=True)
class Case:
    """An item as the rules see it; `outcome` and `type` are its operation's, None without one."""

    kind: ReviewKind
    reason: str
    state: ReviewState
    type: str | None = None
    outcome: str | None = None


def possible(case: Case) -> list[Decision]:
    """Return the decisions an item allows, in the order in which they are offered.

    `accept` applies what the tablet said, as its author's; `merge` writes values field by field;
    `keep` leaves what stands, or takes note; `reopen` lets the rules decide again, as if it came
    now; `return` asks the inspector for a new operation; `decline` says that it will not be used.
    Its text stays, whatever is decided.
    """
    if case.kind in NOTED or case.reason == HASH_MISMATCH:
        return [Decision.KEEP] if case.state is ReviewState.OPEN else []
    if case.state is not ReviewState.OPEN:
        done = {Outcome.APPLIED, Outcome.MERGED, None}
        return [] if case.outcome in done or case.reason in UNREADABLE else [Decision.REOPEN]
    if case.reason in UNREADABLE:
        return [Decision.DECLINE]
    return [
        *([Decision.ACCEPT] if _may_be_accepted(case) else []),
        *([Decision.KEEP] if case.kind is ReviewKind.CONFLICT else []),
        *([Decision.MERGE] if _may_be_merged(case) else []),
        *([] if case.kind is ReviewKind.CONFLICT else [Decision.REOPEN]),
        Decision.RETURN,
        Decision.DECLINE,
    ]


def _may_be_accepted(case: Case) -> bool:
    if case.kind is ReviewKind.CONFLICT:
        return case.type in MERGEABLE
    if case.kind is ReviewKind.LATE:
        return case.reason in LATE_ADMITTED and case.type in ADDENDA
    return case.kind is ReviewKind.QUARANTINE and case.reason not in NEVER_APPLIED


def _may_be_merged(case: Case) -> bool:
    if case.reason == CORRECTION or case.kind is ReviewKind.CONFLICT:
        return case.type in MERGEABLE
    return _may_be_accepted(case) and case.type in {
        OperationType.VISIT_ANSWER_ITEM,
        OperationType.VISIT_STATE_FINDING,
    }


def why_not(case: Case, decision: Decision) -> str:
    """Return in Chinese why an item cannot be decided so."""
    if case.reason == HASH_MISMATCH:
        return "文件与申报的校验值不一致，只能知悉（keep）；文件已另存，原件由终端重新上传。"
    if case.kind in NOTED:
        return "这类事项没有可采用或退回的内容，只能知悉（keep）。"
    if case.reason in UNREADABLE:
        return "这一行无法识别，不知道是谁记录了什么，只能不予采用；原文已留存。"
    if decision is Decision.ACCEPT and case.reason in NEVER_APPLIED:
        return "署名或格式不成立的操作不能直接采用，请退回监督员重新提交。"
    if decision is Decision.ACCEPT and case.kind is ReviewKind.LATE:
        return "任务已不存在，或这种操作会改动他人的任务，不能作为补充采用。"
    if decision is Decision.MERGE:
        return "只有检查项答案、检查发现、未签名的文书和单位信息更正可以逐项合并。"
    if decision is Decision.REOPEN:
        return "冲突须选定一方或合并；已生效的操作不能重新判定，请由监督员另行提交。"
    return "这个事项不能这样处理，请从可选的处理方式中选择。"


def wrong_merge(type_: OperationType, signed: Mapping[str, Any], given: Any) -> list[str]:
    """Return which merged fields are missing, not mergeable or break the rules of the operation.

    `signed` are the operation's own fields: those that name its subject stay as they are.
    """
    if not isinstance(given, Mapping) or not given:
        return ["fields"]
    if strange := sorted(set(given) - set(MERGEABLE[type_])):
        return strange
    subject = {name: signed[name] for name in SHAPES[type_].must if name in signed}
    return wrong_fields(type_, {**subject, **given})


@dataclass(frozen=True)
class Said:
    """Who said a value, when and on which tablet, as far as is known."""

    officer_id: str | None
    device_id: str | None
    recorded_at: str | None
    received_at: str | None


NOBODY: Final = Said(None, None, None, None)


@dataclass(frozen=True)
class Side:
    """One field of a conflict: what the tablet had seen, what it says, and what stands."""

    field: str
    base: Any
    theirs: Any
    current: Any
    disputed: bool
    theirs_by: Said
    current_by: Said


def sides(
    *,
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    current: Mapping[str, Any],
    names: Sequence[str],
    theirs_by: Said,
    current_by: Mapping[str, Said],
) -> list[Side]:
    """Put the fields that the tablet changed side by side, in the order of `names`."""
    return [
        Side(
            field=name,
            base=base.get(name),
            theirs=theirs[name],
            current=current.get(name),
            disputed=(theirs[name] or None) != (current.get(name) or None),
            theirs_by=theirs_by,
            current_by=current_by.get(name, NOBODY),
        )
        for name in names
        if name in theirs
    ]
