"""What a visit code is worth at the door: the same judgement on a tablet without a network, which
acts on it, and on the server, which marks the visit. Pure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app import canonical
from app.codes.rules import Claim, CodeState, NotACode, NotSigned, Scanned, Verify, read
from app.visits.marks import Mark


@dataclass(frozen=True)
class Entry:
    """A start that is judged: which visit, where, whose and when."""

    visit_id: UUID
    unit_id: UUID
    officer_id: UUID
    at: datetime


@dataclass(frozen=True)
class Issued:
    """What is known of a code: for which visits, by whom, and since when it is revoked.

    A code that names no visits is for any in its unit. A tablet that
    knows a code to be revoked may not know since when: then it always was.
    """

    unit_id: UUID
    visit_ids: frozenset[UUID]
    officer_ids: frozenset[UUID]
    valid_from: datetime
    valid_until: datetime
    revoked: bool = False
    revoked_at: datetime | None = None


# with any of these a tablet starts no planned visit; it offers a triggered start with a reason
STOPS: Final = frozenset(
    {
        Mark.CODE_FORGED,
        Mark.CODE_OTHER_UNIT,
        Mark.CODE_OTHER_VISIT,
        Mark.CODE_REVOKED,
        Mark.CODE_EXPIRED,
        Mark.CODE_NOT_YET,
        Mark.CODE_MISSING,
    }
)


def open_text(text: str, verify: Verify, scanned: Scanned) -> Claim | None:
    """Return what a text says; None where this server did not sign it as a code of this kind."""
    try:
        claim = read(text, verify)
    except (NotACode, NotSigned):
        return None
    return claim if claim.scanned is scanned else None


def judge(claim: Claim, issued: Issued | None, entry: Entry) -> set[Mark]:
    """Return what is wrong with a signed code at a start, by what it says and what is known of it.

    A code that was revoked after the start held when it counted.
    """
    found = _judge_claim(claim, entry)
    if issued is None:
        return found | {Mark.CODE_UNKNOWN}
    if issued.visit_ids and entry.visit_id not in issued.visit_ids:
        found.add(Mark.CODE_OTHER_VISIT)
    if entry.officer_id not in issued.officer_ids:
        found.add(Mark.CODE_OTHER_OFFICER)
    if issued.revoked and (issued.revoked_at is None or issued.revoked_at <= entry.at):
        found.add(Mark.CODE_REVOKED)
    return found


def _judge_claim(claim: Claim, entry: Entry) -> set[Mark]:
    found: set[Mark] = set()
    if claim.unit_id != entry.unit_id:
        found.add(Mark.CODE_OTHER_UNIT)
    if entry.at < claim.valid_from:
        found.add(Mark.CODE_NOT_YET)
    if entry.at >= claim.valid_until:
        found.add(Mark.CODE_EXPIRED)
    return found


def judge_unit_code(text: str, verify: Verify, unit_id: UUID) -> set[Mark]:
    """Return what is wrong with the code that an officer scanned at a unit's door."""
    claim = open_text(text, verify, Scanned.UNIT)
    if claim is None:
        return {Mark.UNIT_CODE_FORGED}
    return set() if claim.unit_id == unit_id else {Mark.UNIT_CODE_OTHER}


@dataclass(frozen=True)
class Use:
    """A start at which a code was used; `own`: it is for this visit, and names the officer."""

    visit_id: UUID
    device_id: UUID | None
    own: bool


def is_shared(uses: Collection[Use]) -> bool:
    """Tell whether two tablets used one code otherwise than for the one entry that it is for.

    The pair at one visit may, and a team at the visits that the code names.
    """
    return (
        len({one.device_id for one in uses}) > 1
        and len({one.visit_id for one in uses}) > 1
        and not all(one.own for one in uses)
    )


# --- on a tablet ---


@dataclass(frozen=True)
class Held:
    """A code as a tablet holds it: the text that it shows, and what the feed last said of it."""

    text: str
    issued: Issued


@dataclass(frozen=True)
class Advice:
    """What a tablet does at the door: the code it shows, and what it knows to be wrong with it."""

    held: Held | None
    marks: frozenset[Mark]

    @property
    def may_start(self) -> bool:
        """Whether the planned visit starts; else a triggered start with a reason is offered."""
        return not self.marks & STOPS


def read_held(body: Mapping[str, Any]) -> Held:
    """Return a code from its `visit_code` row in the feed."""
    revoked_at = body["revoked_at"]
    return Held(
        body["text"],
        Issued(
            unit_id=UUID(body["unit_id"]),
            visit_ids=frozenset(UUID(one["visit_id"]) for one in body["tasks"]),
            officer_ids=frozenset(UUID(one) for one in body["officer_ids"]),
            valid_from=canonical.parse_instant(body["valid_from"]),
            valid_until=canonical.parse_instant(body["valid_until"]),
            revoked=body["state"] == CodeState.REVOKED,
            revoked_at=None if revoked_at is None else canonical.parse_instant(revoked_at),
        ),
    )


def advise(held: Iterable[Held], entry: Entry, verify: Verify) -> Advice:
    """Choose the code for a planned visit, without a network, and say what is wrong with it.

    Signatures are checked by the server's public key. Of several codes the one with which the visit
    may start is shown, else the one that is least wrong.
    """
    found = [Advice(one, _judge_held(one, entry, verify)) for one in held]
    if not found:
        return Advice(None, frozenset({Mark.CODE_MISSING}))
    return min(found, key=lambda one: (len(one.marks & STOPS), len(one.marks)))


def _judge_held(held: Held, entry: Entry, verify: Verify) -> frozenset[Mark]:
    claim = open_text(held.text, verify, Scanned.VISIT)
    if claim is None:
        return frozenset({Mark.CODE_FORGED})
    return frozenset(judge(claim, held.issued, entry))
