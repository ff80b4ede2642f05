"""What a supervisor is shown of an item: its operation, what stands now, both side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import canonical
from app.access import Actor, ActorKind
from app.db import db
from app.errors import DomainError, NotFound
from sync.inbox.effects import current_of
from sync.inbox.models import Operation, ReviewItem
from sync.inbox.placing import placed_in_form
from sync.inbox.records import pushed_of, record_of
from sync.inbox.rules import Decision, OperationType, Outcome, ReviewKind, ReviewState
from sync.review import queries, rules
from sync.review.queries import Wish
from sync.review.rules import Case, Said, Side
from sync.uploads.models import Upload
from sync.uploads.service import quarantine_key


class ReviewItemUnknown(NotFound):
    code, title = "review-item-unknown", "没有这个待处理事项"


@dataclass(frozen=True)
class Matter:
    """An item with its operation's text, what stands now, and what can be decided.

    `sides` puts the fields of a conflict side by side; `answered_by` is the operation with which
    the inspector answered a return.
    """

    item: ReviewItem
    op: str | None
    recorded_at: datetime | None
    received_at: datetime | None
    current: Mapping[str, Any] | None
    sides: Sequence[Side]
    possible: Sequence[Decision]
    answered_by: UUID | None

    @property
    def version(self) -> int:
        return self.item.version


@dataclass(frozen=True)
class Count:
    """How many items of a kind and reason wait, and since when the oldest does."""

    kind: str
    reason: str
    count: int
    oldest_at: datetime


def list_matters(
    agency_id: UUID, wish: Wish, *, after: UUID | None, limit: int, at: datetime
) -> list[Matter]:
    """Return an agency's items, oldest first."""
    found = queries.items_of(agency_id, wish, after=after, limit=limit, at=at)
    return _matters(found)


def get_matter(item_id: UUID, agency_id: UUID | None) -> Matter:
    """Return an item of the agency, also a decided one. Raises ReviewItemUnknown."""
    item = get_item(item_id, agency_id)
    return _matters([(item, operation_of(item))])[0]


def get_item(item_id: UUID, agency_id: UUID | None) -> ReviewItem:
    """Return an item of the agency. Raises ReviewItemUnknown."""
    item = queries.find_item(item_id)
    if item is None or item.agency_id != agency_id:
        raise ReviewItemUnknown("本单位没有这个待处理事项。")
    return item


def file_of(item_id: UUID, agency_id: UUID | None) -> str:
    """Return where the file of an item lies. Raises ReviewItemUnknown, also where it has none."""
    item = get_item(item_id, agency_id)
    upload_id = item.detail.get("upload_id")
    upload = None if upload_id is None else db.session.get(Upload, UUID(upload_id))
    if upload is None:
        raise ReviewItemUnknown("这个事项没有文件。")
    return quarantine_key(upload)


def count_matters(agency_id: UUID, at: datetime) -> list[Count]:
    """Return what waits, by kind and reason."""
    return [Count(*row) for row in queries.counts(agency_id, at)]


def operation_of(item: ReviewItem) -> Operation | None:
    """Return the operation that an item is about."""
    return None if item.operation_id is None else db.session.get(Operation, item.operation_id)


def case_of(item: ReviewItem, operation: Operation | None) -> Case:
    """Return an item as the rules see it; only what is decided about its operation counts as it."""
    own = operation if item.key.startswith("op:") else None
    return Case(
        kind=ReviewKind(item.kind),
        reason=item.reason,
        state=ReviewState(item.state),
        type=None if own is None else own.type,
        outcome=None if own is None else own.outcome,
    )


def _matters(found: Sequence[tuple[ReviewItem, Operation | None]]) -> list[Matter]:
    disputed = {
        operation.entity_id
        for item, operation in found
        if operation is not None and _is_compared(item, operation)
    }
    said = _said_of({one for one in disputed if one is not None})
    return [_matter(item, operation, said) for item, operation in found]


def _is_compared(item: ReviewItem, operation: Operation) -> bool:
    return (
        item.key.startswith("op:")
        and operation.sig is not None
        and operation.type in rules.MERGEABLE
    )


def _matter(
    item: ReviewItem, operation: Operation | None, said: Mapping[UUID, Mapping[str, Said]]
) -> Matter:
    current = None if operation is None else current_of(operation.type, _stands_on(operation))
    return Matter(
        item=item,
        op=None if operation is None else operation.op,
        recorded_at=None if operation is None else operation.recorded_at,
        received_at=None if operation is None else operation.received_at,
        current=current,
        sides=_sides(item, operation, current, said),
        possible=rules.possible(case_of(item, operation)),
        answered_by=_answer(item, operation),
    )


def _stands_on(operation: Operation) -> UUID | None:
    """Return what an operation is about: for an answer on another form, the answer it stands on."""
    if (operation.outcome, operation.type) != (Outcome.CONFLICT, OperationType.VISIT_ANSWER_ITEM):
        return operation.entity_id
    by = Actor(ActorKind.DEVICE, agency_id=operation.agency_id)
    try:
        return placed_in_form(pushed_of(record_of(operation)), by=by)[0].entity_id
    except DomainError:  # the catalogue says by now that it has no place
        return operation.entity_id


def _answer(item: ReviewItem, operation: Operation | None) -> UUID | None:
    if operation is None or item.decision != Decision.RETURN or item.decided_at is None:
        return None
    return queries.answer_to(operation, item.decided_at)


def _sides(
    item: ReviewItem,
    operation: Operation | None,
    current: Mapping[str, Any] | None,
    said: Mapping[UUID, Mapping[str, Said]],
) -> list[Side]:
    if operation is None or operation.entity_id is None or not _is_compared(item, operation):
        return []
    pushed = pushed_of(record_of(operation))
    known = said.get(operation.entity_id, {})
    rest = Said(
        None if current is None else current.get("officer_id"),
        None,
        None if current is None else current.get("recorded_at"),
        None,
    )
    names = rules.MERGEABLE[str(operation.type)]
    return rules.sides(
        base=pushed.base,
        theirs=pushed.fields,
        current=current or {},
        names=names,
        theirs_by=_said(operation),
        current_by={name: known.get(name, rest) for name in names},
    )


def _said_of(entity_ids: set[UUID]) -> dict[UUID, dict[str, Said]]:
    """Return who said the value that stands, by entity and field."""
    found: dict[UUID, dict[str, Said]] = {}
    for operation in queries.authors_of(entity_ids) if entity_ids else ():
        if operation.entity_id is not None:
            fields = pushed_of(record_of(operation)).fields
            known = found.setdefault(operation.entity_id, {})
            known.update(dict.fromkeys(fields, _said(operation)))
    return found


def _said(operation: Operation) -> Said:
    return Said(
        officer_id=None if operation.officer_id is None else str(operation.officer_id),
        device_id=str(operation.device_id),
        recorded_at=None
        if operation.recorded_at is None
        else canonical.instant(operation.recorded_at),
        received_at=canonical.instant(operation.received_at),
    )
