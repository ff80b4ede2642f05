"""How the feed keeps up: which rows a change makes, where a cursor stands, what sets agree on."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ALL = "all"
CATALOGUE_STREAM = "catalogue"
CATALOGUE_TYPES = (
    "case_cause",
    "check_item",
    "checklist",
    "checklist_migration",
    "closing_reason",
    "document_template",
    "law_text",
    "object_class",
    "outcome_code",
    "setting",
    "simple_limit",
    "specialty",
    "visit_cap",
)
ENTITY_TYPES = (
    *("task", "unit", "visit", "visit_answer", "finding", "officer", "device_notice"),
    *("officer_pin", "corrective_order", "penalty_case", "sample"),
    *("number_block", "document", "evidence", "visit_code", "unit_ledger"),
    *CATALOGUE_TYPES,
)
HISTORY = 3  # signed visits of a unit that come along with it
PAGE_ROWS = 500
PAGE_ROWS_MAX = 2000
PLACES = 2**20  # rows that one transaction can give to one scope

Key = tuple[str, str]  # entity type, entity key
Place = tuple[str, str]  # stream, scope


def officer_scope(officer_id: object) -> str:
    """Return the scope of what an officer carries."""
    return f"officer:{officer_id}"


def agency_scope(agency_id: object) -> str:
    """Return the scope of what every tablet of an agency carries."""
    return f"agency:{agency_id}"


def device_scope(device_id: object) -> str:
    """Return the scope of what one tablet alone carries."""
    return f"device:{device_id}"


def places_of(
    *, district: str, agency_id: object, device_id: object, officer_ids: Iterable[object]
) -> list[Place]:
    """Return the scopes that a tablet carries, those of all its sessions, in a page's order."""
    scopes = {agency_scope(agency_id), device_scope(device_id)}
    scopes.update(officer_scope(officer_id) for officer_id in officer_ids)
    return sorted([*((district, scope) for scope in scopes), (CATALOGUE_STREAM, ALL)])


# --- keys ---

_ID_LENGTH = 36


def key_of(entity_type: str, entity: Any) -> Key:
    """Return the key under which the feed keeps an entity: its id, of an answer behind its visit's.

    The ids of answers are hashes. In the order of their keys those of one visit lie side by side,
    and a batch of them changes few pages of the database.
    """
    if entity_type == "visit_answer":
        return entity_type, f"{entity.visit_id}/{entity.id}"
    return entity_type, str(entity.id)


def id_in(entity_key: str) -> str:
    """Return the id that ends a key."""
    return entity_key[-_ID_LENGTH:]


# --- positions ---


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a scope has been read: the journal's number, and the place within it."""

    seq: int
    place: int


def pack(position: Position) -> int:
    """Return a position as the one number that a cursor holds for a scope."""
    return position.seq * PLACES + position.place


def unpack(number: int) -> Position:
    """Return the position that `pack` made a number of; 0 lies before every row."""
    return Position(*divmod(number, PLACES))


# --- what a change makes of the rows ---

# What others point to comes before them: officers and units before tasks and visits.
_RANKS = {
    entity_type: rank
    for rank, entity_type in enumerate(
        (
            *CATALOGUE_TYPES,
            *("officer", "officer_pin", "unit", "task", "visit", "visit_answer", "finding"),
            *("sample", "corrective_order", "penalty_case", "device_notice"),
            *("number_block", "document", "evidence", "visit_code", "unit_ledger"),
        )
    )
}


class Stored(NamedTuple):
    """A row as it stands."""

    stream: str
    scope: str
    version: int
    present: bool


class Wanted(NamedTuple):
    """What should be shown of an entity: in which stream, version and scopes."""

    stream: str
    version: int
    scopes: frozenset[str]


class NewRow(NamedTuple):
    """A row to write; its position comes with the journal's number."""

    stream: str
    scope: str
    type: str
    key: str
    version: int
    present: bool


@dataclass
class Plan:
    """Rows to write, and the entities whose body is needed anew, or by nobody any more."""

    rows: list[NewRow] = field(default_factory=list)
    bodies: set[Key] = field(default_factory=set)
    dropped: set[Key] = field(default_factory=set)


def plan(
    wanted: Mapping[Key, Wanted],
    stored: Mapping[Key, Sequence[Stored]],
    *,
    again: Collection[Key] = (),
) -> Plan:
    """Compare what should be shown with what is, entity by entity.

    A scope that shows the version already gets no row, unless the entity is among `again` (its body
    reads otherwise although its version is the same). A scope it left gets a tombstone, also where
    it is the stream that changed. What is not in `wanted` stays as it is.
    """
    found = Plan()
    for key, want in wanted.items():
        rows = stored.get(key, ())
        shown = {
            row.scope: row.version for row in rows if row.present and row.stream == want.stream
        }
        fresh = key in again
        entered = [s for s in want.scopes if fresh or shown.get(s) != want.version]
        left = [
            (row.stream, row.scope)
            for row in rows
            if row.present and (row.stream != want.stream or row.scope not in want.scopes)
        ]
        found.rows += [NewRow(want.stream, s, *key, want.version, True) for s in entered]
        found.rows += [NewRow(stream, s, *key, want.version, False) for stream, s in left]
        if entered and (fresh or want.version not in {row.version for row in rows if row.present}):
            found.bodies.add(key)
        if left and not want.scopes:
            found.dropped.add(key)
    found.rows.sort(key=lambda row: (row.stream, row.scope, _RANKS[row.type], row.key))
    return found


def place(rows: Iterable[NewRow]) -> list[tuple[NewRow, int]]:
    """Number the rows of each stream and scope from 1, in the order given."""
    counts: dict[tuple[str, str], int] = {}
    numbered = []
    for row in rows:
        key = (row.stream, row.scope)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] >= PLACES:
            raise ValueError("more rows for one scope in one transaction than a position can hold")
        numbered.append((row, counts[key]))
    return numbered


# --- comparing sets ---


def digest_of(rows: Iterable[tuple[str, int]]) -> str:
    """Return the hash of a set of rows: SHA-256 over `id:version` LF, sorted by the id's bytes."""
    lines = sorted(f"{entity_id}:{version}\n" for entity_id, version in rows)
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()
