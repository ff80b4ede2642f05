"""What the pure model knows: tasks, visits, operations, tablets. Nothing of Suicha is imported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

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
class State:
    """Everything that the acts so far have brought about."""

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
