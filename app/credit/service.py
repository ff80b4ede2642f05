"""The credit record 信用记录: record once, reverse, and say what follows for publicity and draws.

Whoever causes an entry (a decision, points given) calls `record` with a reference of its own; the
same again changes nothing. Nothing is corrected but by a reversing entry.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.credit import queries, rules, terms
from app.credit.models import CreditEntry, CreditException
from app.credit.rules import ABOUT_OTHERS, EntryKind, ExceptionState, NewEntry
from app.credit.terms import OnSite, Publicity, TermRow, TierRow, Transition
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency

TRANSITION = "publicity-transition"


class CreditEntryUnknown(NotFound):
    code, title = "credit-entry-unknown", "未找到信用记录"


class CreditEntryDiffers(Conflict):
    """The cause made another entry already; extras: `entry_id`."""

    code, title = "credit-entry-differs", "与已有的信用记录不一致"


class CreditTierUnknown(Invalid):
    """No row of that day knows the tier; extras: `tier`, `on`."""

    code, title = "credit-tier-unknown", "信用等级不在当日有效的目录中"


class CreditEntryFixed(Conflict):
    """A reversal or a repair cannot be reversed this way."""

    code, title = "credit-entry-fixed", "这条信用记录不能撤销"


@dataclass(frozen=True)
class Recorded:
    """An entry that stands; `again` when its cause had been recorded before."""

    entry: CreditEntry
    again: bool


@dataclass(frozen=True)
class Standing:
    """How a unit stands for a draw: its class, and what it comes from."""

    draw_class: str
    grade_id: UUID | None
    entry_ids: tuple[UUID, ...]


def get_entry(entry_id: UUID, agency_id: UUID | None) -> CreditEntry:
    """Return an entry of the agency. Raises CreditEntryUnknown, also for another agency's."""
    entry = db.session.get(CreditEntry, entry_id)
    if entry is None or entry.agency_id != agency_id:
        raise CreditEntryUnknown("没有这条信用记录，或它不属于本机构。")
    return entry


def find_entry(agency_id: UUID, kind: EntryKind, reference: str) -> CreditEntry | None:
    """Return what a cause made; None where it made nothing."""
    return queries.find_entry(agency_id, kind, reference)


def is_reversed(entry: CreditEntry) -> bool:
    """Tell whether an entry was taken out of the record."""
    return queries.find_about(entry.id, EntryKind.REVERSAL) is not None


def record(new: NewEntry, *, agency: Agency, by: Actor, at: datetime) -> Recorded:
    """Record what happened, once: kind and reference name its cause.

    A cause that was recorded before, reversed or not, makes no second entry. Flushes: of two at
    once one finds the other's. Raises CreditEntryDiffers for the same cause with another content,
    CreditTierUnknown for a tier that no row in force on the day of the decision knows.
    """
    if new.tier is not None:
        term_of(new.tier, new.decided_on)
    if known := queries.find_entry(agency.id, new.kind, new.reference):
        _refuse_different(known, new)
        return Recorded(known, again=True)
    entry = CreditEntry(
        agency_id=agency.id,
        district=agency.district,
        unit_id=new.unit_id,
        kind=new.kind,
        reference=new.reference,
        decided_on=new.decided_on,
        tier=new.tier,
        points=new.points,
        data=dict(new.data),
    )
    return Recorded(_add(entry, by=by, at=at), again=False)


def _refuse_different(known: CreditEntry, new: NewEntry) -> None:
    same = ("unit_id", "decided_on", "tier", "points")
    if differing := [name for name in same if getattr(known, name) != getattr(new, name)]:
        raise CreditEntryDiffers(
            "同一事由已经记入信用记录，但内容不同；请撤销原记录后以新的文号重新记录。",
            entry_id=known.id,
            fields=differing,
        )


def reverse(entry_id: UUID, reason: str, on: date, *, by: Actor, at: datetime) -> Recorded:
    """Take an entry out of the record by a reversing one: a revoked decision, a won appeal.

    A second reversal of the same entry changes nothing. Raises CreditEntryUnknown and
    CreditEntryFixed (a reversal or a repair is not reversed).
    """
    entry = get_entry(entry_id, by.agency_id)
    if entry.kind in ABOUT_OTHERS:
        raise CreditEntryFixed("撤销记录和修复记录不能再撤销；请对原记录重新办理。")
    return _about(EntryKind.REVERSAL, entry, f"reversal/{entry.id}", on, reason, by=by, at=at)


def reverse_cause(
    kind: EntryKind,
    reference: str,
    reason: str,
    on: date,
    *,
    agency: Agency,
    by: Actor,
    at: datetime,
) -> Recorded | None:
    """Reverse what a cause made; None where it made nothing."""
    known = queries.find_entry(agency.id, kind, reference)
    if known is None:
        return None
    return _about(EntryKind.REVERSAL, known, f"reversal/{known.id}", on, reason, by=by, at=at)


def record_repair(
    entry: CreditEntry, reference: str, on: date, *, by: Actor, at: datetime
) -> Recorded:
    """Say that an entry was repaired; whether it may be is decided before."""
    return _about(EntryKind.REPAIR, entry, reference, on, None, by=by, at=at)


def _about(
    kind: EntryKind,
    entry: CreditEntry,
    reference: str,
    on: date,
    reason: str | None,
    *,
    by: Actor,
    at: datetime,
) -> Recorded:
    if known := queries.find_about(entry.id, kind):
        return Recorded(known, again=True)
    made = CreditEntry(
        agency_id=entry.agency_id,
        district=entry.district,
        unit_id=entry.unit_id,
        kind=kind,
        reference=reference,
        decided_on=on,
        about_id=entry.id,
        reason=reason,
        data={},
    )
    return Recorded(_add(made, by=by, at=at), again=False)


def _add(entry: CreditEntry, *, by: Actor, at: datetime) -> CreditEntry:
    entry.recorded_at, entry.recorded_by_kind, entry.recorded_by_id = at, str(by.kind), by.id
    db.session.add(entry)
    db.session.flush()  # of two at once one finds the other's; later verbs of the entry find it
    journal.record(
        Event.CREDIT_ENTRY_RECORDED,
        entry,
        by=by,
        at=at,
        data={
            "kind": entry.kind,
            "reference": entry.reference,
            "unit_id": _text(entry.unit_id),
            "about_id": _text(entry.about_id),
            "tier": entry.tier,
            "points": entry.points,
            "decided_on": entry.decided_on.isoformat(),
        },
    )
    return entry


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


# --- publicity ---------------------------------------------------------------------------------


def term_of(tier: str, on: date) -> TermRow:
    """Return the publicity term of a tier on a day. Raises CreditTierUnknown."""
    try:
        row = catalogue.get_row(Kind.PUBLICITY_TERM, tier, on)
    except catalogue.CatalogueRowMissing as error:
        raise CreditTierUnknown(
            "决定当日有效的公示期限目录中没有这个等级，请核对决定日期和等级。",
            tier=tier,
            on=on.isoformat(),
        ) from error
    return terms.term_row(tier, row.body)


def longest_term(on: date) -> TermRow | None:
    """Return the term in force on a day that lets the credit site show a decision longest."""
    rows = [
        terms.term_row(row.code, row.body) for row in catalogue.in_force(Kind.PUBLICITY_TERM, on)
    ]
    return max(rows, key=lambda row: (row.max_months or 0, row.tier), default=None)


def tier_name(tier: str, on: date) -> str:
    """Return what a tier is called on a day. Raises CatalogueRowMissing."""
    return str(catalogue.get_row(Kind.PUBLICITY_TERM, tier, on).body["name"])


def tier_of(
    sanctions: Collection[str],
    on: date,
    *,
    simple: bool,
    fine_fen: int = 0,
    safety: bool = False,
) -> str | None:
    """Return the tier that a decision of a day belongs to, None where no rule set was in force.

    `sanctions` are codes of the catalogue's `sanction_tier` rows.
    """
    rows = [_tier_row(row) for row in catalogue.in_force(Kind.SANCTION_TIER, on)]
    severities = {
        row.code: int(row.body["severity"]) for row in catalogue.in_force(Kind.PUBLICITY_TERM, on)
    }
    return terms.tier_of(
        sanctions, rows, severities, simple=simple, fine_fen=fine_fen, safety=safety
    )


def _tier_row(row: CatalogueRow) -> TierRow:
    names = ("tier", "safety_tier", "raised_from_fen", "raised_tier")
    return TierRow(sanction=row.code, **{name: row.body[name] for name in names})


def publicity_of(
    tier: str,
    decided_on: date,
    *,
    sanctions: Collection[str] = (),
    exception: bool = False,
    on: date | None = None,
) -> Publicity | None:
    """Return how long a decision is shown on the credit site, None where it never is.

    The rule set in force on the day of the decision counts. Where another one is in force `on` the
    day of asking, the setting `publicity-transition` says which of both holds; the newer one needs
    the `sanctions` to know its tier.
    """
    decided = terms.publicity(term_of(tier, decided_on), decided_on, exception=exception)
    if decided is None or on is None:
        return decided
    transition = Transition(catalogue.setting(TRANSITION, on))
    newer_tier = tier_of(sanctions, on, simple=False)
    newer = None
    if newer_tier is not None:
        newer = terms.publicity(term_of(newer_tier, on), decided_on)
    if newer is not None and newer.rule_set == decided.rule_set:
        return decided
    return terms.across(decided, newer, transition)


def exception_of(entry: CreditEntry) -> CreditException | None:
    """Return the confirmed exception by which an entry's decision is shown."""
    if entry.tier is None or term_of(entry.tier, entry.decided_on).on_site != OnSite.BY_EXCEPTION:
        return None
    found = queries.find_exception(entry.id)
    return found if found is not None and found.state == ExceptionState.CONFIRMED else None


def publicity_of_entry(entry: CreditEntry, on: date | None = None) -> Publicity | None:
    """Return how long an entry's decision is shown; None where it has no tier, or is not shown.

    One of a tier that is in principle not shown is, once an exception for it was confirmed.
    """
    if entry.tier is None:
        return None
    data: Mapping[str, Any] = entry.data
    return publicity_of(
        entry.tier,
        entry.decided_on,
        sanctions=data.get("sanctions", ()),
        exception=exception_of(entry) is not None,
        on=on,
    )


# --- what a draw goes by -----------------------------------------------------------------------


def standings_on(agency_id: UUID, on: date, *, unit_id: UUID | None = None) -> dict[UUID, Standing]:
    """Return how the units of an agency, or one of them, stand for a draw with this cut-off day.

    The newest grade in force that day counts, and at least the class of every decision that is
    shown and neither reversed nor repaired. Units without either are not in the answer: theirs is
    the class of the register.
    """
    grades = queries.newest_grades(agency_id, on, unit_id)
    entries = queries.entries_by_unit(agency_id, unit_id)
    cache: dict[tuple[str, date], TermRow] = {}
    found = {}
    for found_id in grades.keys() | entries.keys():
        own = entries.get(found_id, [])
        shown = {one.id: _class_on(one, on, cache) for one in _unrepaired(own, on)}
        grade = grades.get(found_id)
        graded = None if grade is None else grade.draw_class
        draw_class = rules.worst(graded, *shown.values())
        if draw_class is not None:
            weighing = tuple(one for one, value in shown.items() if value is not None)
            grade_id = None if grade is None else grade.id
            found[found_id] = Standing(draw_class, grade_id, weighing)
    return found


def _unrepaired(entries: list[CreditEntry], on: date) -> list[CreditEntry]:
    repaired = rules.repaired_ids(entries, on)
    kept = {one.id for one in rules.standing(entries)} - repaired
    return [
        one
        for one in entries
        if one.kind == EntryKind.PENALTY and one.id in kept and one.decided_on <= on
    ]


def _class_on(entry: CreditEntry, on: date, cache: dict[tuple[str, date], TermRow]) -> str | None:
    """Return what an entry weighs on a day: nothing once its longest term is over."""
    if entry.tier is None:
        return None
    key = (entry.tier, entry.decided_on)
    if key not in cache:
        cache[key] = term_of(*key)
    row = cache[key]
    if row.draw_class is None:
        return None
    shown = terms.publicity(row, entry.decided_on, exception=exception_of(entry) is not None)
    return row.draw_class if shown is not None and on <= shown.max_end else None
