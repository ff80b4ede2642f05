"""What can be decided about an item of the review list."""

from typing import Final

from sync.inbox.rules import CORRECTION, Decision, OperationType, ReviewKind

NEVER_APPLIED: Final = frozenset(
    {
        "malformed",
        "id-reuse",
        "author",  # nobody's word puts another's name under an act
        "operation-type-unknown",
        "operation-fields-wrong",
    }
)


def possible(kind: ReviewKind, reason: str, type_: str | None) -> list[Decision]:
    """Return the decisions an item allows, in the order in which they are offered.

    `accept` applies what the tablet said, as its author's; `keep` leaves what stands, or takes note
    of a gap or a clock; `decline` says that the operation will not be used; its text stays.
    """
    if kind in {ReviewKind.CLOCK, ReviewKind.GAP, ReviewKind.PHOTOS}:
        return [Decision.KEEP]
    if kind is ReviewKind.QUARANTINE and reason not in NEVER_APPLIED:
        return [Decision.ACCEPT, Decision.DECLINE]
    if kind is not ReviewKind.CONFLICT:
        return [Decision.DECLINE]
    if reason != CORRECTION and type_ == OperationType.VISIT_ANSWER_ITEM:
        return [Decision.ACCEPT, Decision.KEEP, Decision.DECLINE]
    return [Decision.KEEP, Decision.DECLINE]
