"""What a visit is: its identities, what makes it complete, and how two tablets' words meet."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5


class VisitKind(StrEnum):
    """Where a visit comes from: a task that was planned, or something seen on the way."""

    PLANNED = "planned"
    TRIGGERED = "triggered"


class VisitState(StrEnum):
    """How far a visit is. `signed` locks it: what comes later is a supplement 补正."""

    UNDER_WAY = "under-way"
    FINISHED = "finished"
    SIGNED = "signed"


class CodeMark(StrEnum):
    """What was wrong with the visit code 检查码 of a visit that took place all the same."""

    MISSING = "code-missing"
    REVOKED = "code-revoked"
    EXPIRED = "code-expired"


class AnswerResult(StrEnum):
    """The three answers to a check item: 是, 否, 不适用."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not-applicable"


class Merge(StrEnum):
    """How what a tablet says meets what is stored."""

    APPLIED = "applied"
    MERGED = "merged"
    CONFLICT = "conflict"


# --- identities (the same on every tablet, so that two of them make one row) ---


def item_id(code: str) -> UUID:
    """Return the id of a check item; the same in every version of the catalogue."""
    return uuid5(NAMESPACE_URL, f"suicha:item:{code}")


def answer_id(visit_id: UUID, item: UUID) -> UUID:
    """Return the id of the answer to a check item in a visit."""
    return uuid5(visit_id, str(item))


def triggered_visit_id(
    unit_id: UUID, on: date, officer_ids: Collection[UUID], code_request_id: UUID | None
) -> UUID:
    """Return the id of a visit without a task.

    From the request for its visit code, so that the pair's tablets agree; without a request from
    the unit, the local day and the officers.
    """
    if code_request_id is not None:
        return uuid5(code_request_id, "visit")
    officers = ",".join(sorted(str(officer_id) for officer_id in officer_ids))
    return uuid5(unit_id, f"{on.isoformat()}|{officers}")


# --- what a tablet says ---

ANSWER_FIELDS = ("result", "note")
FINDING_FIELDS = ("item_id", "text", "basis", "handling", "correct_within_days")


def said(given: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the named values; an empty text says as much as none."""
    return {name: None if given[name] == "" else given[name] for name in names if name in given}


# --- two tablets, one field ---


@dataclass(frozen=True)
class Resolution:
    """What to do with what a tablet says: the outcome and the fields to write."""

    outcome: Merge
    changes: Mapping[str, Any]
    disputed: tuple[str, ...] = ()


def resolve(
    current: Mapping[str, Any] | None,
    version: int,
    changes: Mapping[str, Any],
    *,
    base: Mapping[str, Any],
    base_version: int,
    same_author: bool,
) -> Resolution:
    """Decide what a tablet's `changes` do to a row, three-way by the values it had seen.

    A field is written when the row still has the value that the tablet saw (`base`, or the row at
    `base_version`). The same new value twice is agreement. Another value is a conflict, and then
    nothing of the operation is written: the server's value stays until a supervisor picks.
    """
    if current is None:
        return Resolution(Merge.APPLIED, dict(changes))
    seen = dict(current) if base_version == version else {}
    seen.update(base)
    written = {name: value for name, value in changes.items() if current.get(name) != value}
    disputed = tuple(
        sorted(name for name in written if name not in seen or seen[name] != current.get(name))
    )
    if disputed:
        return Resolution(Merge.CONFLICT, {}, disputed)
    meanwhile = base_version != version and not same_author
    return Resolution(Merge.MERGED if meanwhile else Merge.APPLIED, written)


# --- completeness ---


@dataclass(frozen=True)
class Item:
    """A check item as a checklist asks it."""

    id: UUID
    code: str
    required: bool
    photo_on_no: bool
    answers: frozenset[str] = frozenset(AnswerResult)


def items_of(form: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> list[Item]:
    """Return the items of a checklist, in order: its sections name codes, `known` the rows of them.

    Raises KeyError for a code without a row.
    """
    return [
        Item(
            id=item_id(code),
            code=code,
            required=bool(known[code]["required"]),
            photo_on_no=bool(known[code]["on_no"]["photo_required"]),
            answers=frozenset(known[code].get("answers", AnswerResult)),
        )
        for section in form["sections"]
        for code in section["items"]
    ]


@dataclass(frozen=True)
class ItemMap:
    """What became of the items of one version of a checklist in a later one.

    Whatever is not in `becomes` stayed. One item: it was renamed; several: it was split; none: it
    was withdrawn.
    """

    from_version: int
    to_version: int
    becomes: Mapping[UUID, tuple[UUID, ...]]


def placed(
    item: UUID, own: Collection[UUID], version: int, maps: Iterable[ItemMap]
) -> tuple[UUID, ...]:
    """Return the items of a visit's own form that an item of another version stands for.

    `own` are the items of the visit's form, which has this `version`. An item of an earlier version
    follows every map up to it; one of a later version goes back only where it was renamed, for a
    part does not answer the whole. Empty where it has no place.
    """
    if item in own:
        return (item,)
    ordered = sorted(maps, key=lambda one: one.from_version)
    found: tuple[UUID, ...] = (item,)
    for one in ordered:
        if one.to_version <= version:
            found = tuple(new for old in found for new in one.becomes.get(old, (old,)))
    if found and set(found) <= set(own):
        return found
    for one in reversed(ordered):
        if one.from_version >= version:
            before = [old for old, new in one.becomes.items() if new == (item,)]
            item = before[0] if len(before) == 1 else item
    return (item,) if item in own else ()


@dataclass(frozen=True)
class Answer:
    """What was answered to an item, and how many photos show it."""

    item_id: UUID
    result: AnswerResult
    photos: int


def unanswered(items: Iterable[Item], answers: Mapping[UUID, Answer]) -> list[str]:
    """Return the codes of required items without an answer, in checklist order."""
    return [item.code for item in items if item.required and item.id not in answers]


def without_photo(items: Iterable[Item], answers: Mapping[UUID, Answer]) -> list[str]:
    """Return the codes of items answered 否 that ask for a photo and have none."""
    found = []
    for item in items:
        answer = answers.get(item.id)
        if answer is None or not item.photo_on_no or answer.result is not AnswerResult.NO:
            continue
        if answer.photos == 0:
            found.append(item.code)
    return found


# --- time ---


def effective_at(recorded_at: datetime, received_at: datetime, *, suspect: bool) -> datetime:
    """Return the instant that counts: the tablet's, never later than the arrival.

    A clock that is known to be wrong counts for nothing; then it is the arrival.
    """
    return received_at if suspect else min(recorded_at, received_at)
