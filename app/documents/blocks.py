"""Tablets have numbers before they need them, and numbers that nobody used are accounted for."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db
from app.documents import queries, rules
from app.documents.models import NumberBlock
from app.documents.rules import BlockState, DocumentKind, EndReason, Template
from app.documents.service import allot_block
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency


@dataclass(frozen=True)
class Stock:
    """How many numbers a tablet should carry, from the settings of the catalogue.

    `size` numbers a block; fewer than `low` left, and a further block comes; blocks of the next
    year come `ahead_days` before it, blocks of the last one end `close_days` into the new.
    """

    size: int
    low: int
    ahead_days: int
    close_days: int


_SETTINGS = {  # which bounds keep a mistyped setting from emptying or flooding the series
    "size": ("document-block-size", 1, 500),
    "low": ("document-block-low-water", 0, 500),
    "ahead_days": ("document-next-year-days", 1, 200),
    "close_days": ("document-year-close-days", 1, 300),
}


def find_stock(on: date) -> Stock | None:
    """Return what tablets should carry on a day, None where the catalogue does not say."""
    try:
        found = {
            name: min(max(int(catalogue.setting(code, on)), least), most)
            for name, (code, least, most) in _SETTINGS.items()
        }
    except catalogue.CatalogueRowMissing:
        return None
    return Stock(**found)


def templates_on(on: date) -> list[Template]:
    """Return the documents that tablets issue on a day, in the order of their codes.

    A row whose code is no kind of document that this release knows is left out.
    """
    known = set(DocumentKind)
    rows = catalogue.in_force(Kind.DOCUMENT_TEMPLATE, on)
    found = [rules.read_template(row.code, row.body) for row in rows if row.code in known]
    return sorted((one for one in found if one.on_tablet), key=lambda one: one.kind)


@dataclass(frozen=True)
class Lack:
    """Numbers that a tablet is short of: for which officer, of what kind and year."""

    kind: DocumentKind
    year: int
    officer_id: UUID


def lacks_of(device_id: UUID, officer_ids: Collection[UUID], stock: Stock, on: date) -> list[Lack]:
    """Return what a tablet is short of for its officers: of every kind, in time of the next year.

    Always in one order, so that two tablets never wait for each other's series.
    """
    held = queries.open_blocks(device_id)
    used = queries.used_in(block.id for block in held)
    left: dict[tuple[UUID | None, str], int] = {}
    for block in held:
        key = (block.officer_id, block.series)
        free = rules.free_of([(block.first, block.last)], used.get(block.id, ()))
        left[key] = left.get(key, 0) + free
    return [
        Lack(template.kind, year, officer_id)
        for template in templates_on(on)
        for year in rules.years_to_carry(on, stock.ahead_days)
        for officer_id in sorted(officer_ids)
        if left.get((officer_id, rules.series_of(template.kind, year)), 0) < max(stock.low, 1)
    ]


def supply(
    agency_id: UUID, device_id: UUID, officer_ids: Collection[UUID], *, by: Actor, at: datetime
) -> list[NumberBlock]:
    """Allot what a tablet is short of; one that carries enough gets nothing."""
    today = local_date(at)
    stock = find_stock(today)
    if stock is None or not officer_ids:
        return []
    agency = db.session.get_one(Agency, agency_id)
    return [
        allot_block(
            agency,
            device_id,
            lack.officer_id,
            lack.kind,
            size=stock.size,
            year=lack.year,
            by=by,
            at=at,
        )
        for lack in lacks_of(device_id, officer_ids, stock, today)
    ]


def end_blocks(blocks: Iterable[NumberBlock], reason: EndReason, *, by: Actor, at: datetime) -> int:
    """Let no further number be taken from blocks; return how many ended. Ended ones stay so.

    What was written before still comes in; what nobody used is a gap with this reason.
    """
    ended = 0
    for block in blocks:
        if block.state == BlockState.ENDED:
            continue
        block.state, block.end_reason, block.ended_at = BlockState.ENDED, reason, at
        block.ended_by_kind, block.ended_by_id = by.kind, by.id
        journal.record(Event.NUMBER_BLOCK_ENDED, block, by=by, at=at, data={"reason": str(reason)})
        ended += 1
    return ended


def end_of_device(device_id: UUID, *, by: Actor, at: datetime) -> int:
    """Let no further number be taken from the blocks of a tablet that is closed."""
    return end_blocks(queries.open_blocks(device_id), EndReason.DEVICE_CLOSED, by=by, at=at)


def finished_of(device_id: UUID, on: date) -> list[tuple[NumberBlock, EndReason]]:
    """Return a tablet's open blocks that are used up, or whose year has been over long enough."""
    stock = find_stock(on)
    held = queries.open_blocks(device_id)
    used = queries.used_in(block.id for block in held)
    found = []
    for block in held:
        if len(used.get(block.id, ())) == block.last - block.first + 1:
            found.append((block, EndReason.USED_UP))
        elif stock is not None and rules.is_over(block.year, on, stock.close_days):
            found.append((block, EndReason.YEAR_OVER))
    return found


def keep_supplied(
    agency_id: UUID, device_id: UUID, officer_ids: Collection[UUID], *, by: Actor, at: datetime
) -> tuple[int, int]:
    """End a tablet's finished blocks and allot what it lacks; return how many of each."""
    ended = sum(
        end_blocks([block], reason, by=by, at=at)
        for block, reason in finished_of(device_id, local_date(at))
    )
    db.session.flush()  # what ended is no longer among the open ones
    return ended, len(supply(agency_id, device_id, officer_ids, by=by, at=at))


def needs_care(device_id: UUID, officer_ids: Collection[UUID], *, at: datetime) -> bool:
    """Tell, without writing, whether `keep_supplied` has anything to do for a tablet."""
    today = local_date(at)
    stock = find_stock(today)
    if stock is None:
        return False
    return bool(finished_of(device_id, today) or lacks_of(device_id, officer_ids, stock, today))


def reserve_lost(
    agency: Agency, series: str, last: int, *, by: Actor, at: datetime
) -> NumberBlock | None:
    """Let a series go on above `last` after a restore; return the range that may be lost.

    Its numbers may stand on documents that the database does not know yet: whoever wrote them
    pushes them again, and nobody else gets them. None where nothing can be lost.
    """
    kind, year = rules.read_series(series)
    known = queries.last_serial(agency.id, series)
    if last <= known:
        return None
    serials = queries.take_serials(agency.id, series, last - known)
    template = next((one for one in templates_on(local_date(at)) if one.kind is kind), None)
    block = NumberBlock(
        agency_id=agency.id,
        district=agency.district,
        kind=kind,
        year=year,
        series=series,
        first=serials[0],
        last=serials[-1],
        number_form=rules.NUMBER_FORM if template is None else template.number_form,
        serial_digits=1 if template is None else template.serial_digits,
        state=BlockState.ENDED,
        end_reason=EndReason.RESTORED,
        allotted_at=at,
        allotted_by_kind=by.kind,
        allotted_by_id=by.id,
        ended_at=at,
        ended_by_kind=by.kind,
        ended_by_id=by.id,
    )
    db.session.add(block)
    db.session.flush()  # the journal names the block
    journal.record(
        Event.NUMBER_BLOCK_ENDED,
        block,
        by=by,
        at=at,
        data={"reason": str(EndReason.RESTORED), "series": series, "last": block.last},
    )
    return block


# --- what became of the numbers ------------------------------------------------------------------


Refused = Callable[[Sequence[NumberBlock]], Mapping[UUID, Mapping[int, str]]]
_asked: list[Refused] = []


def ask_refused(reader: Refused) -> None:
    """Ask a higher package under which numbers of blocks papers came that did not come in, and why.

    Such a paper may have been handed over. `docs/architecture.md` says who is asked.
    """
    if reader not in _asked:
        _asked.append(reader)


def _refused_in(blocks: Sequence[NumberBlock]) -> dict[UUID, dict[int, str]]:
    found: dict[UUID, dict[int, str]] = {}
    for reader in _asked:
        for block_id, numbers in reader(blocks).items():
            found.setdefault(block_id, {}).update(numbers)
    return found


@dataclass(frozen=True)
class Gap:
    """Numbers without a document, and why: the reason its block ended, `skipped`, or what became
    of the paper that came under it."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Account:
    """A block with what became of its numbers; `free` ones may still be written."""

    block: NumberBlock
    used: int
    free: int
    gaps: Sequence[Gap]


def accounts_of(blocks: Sequence[NumberBlock]) -> list[Account]:
    """Account for every number of blocks: used, free, or a gap with its reason.

    In an open block what lies below the highest number used is `skipped`: written and not here yet,
    or left out. A number whose paper came and did not come in is neither free nor skipped: it says
    what became of the paper. A document that comes later closes its gap.
    """
    used = queries.used_in(block.id for block in blocks)
    refused = _refused_in(blocks)
    return [_account(one, used.get(one.id, ()), refused.get(one.id, {})) for one in blocks]


def _account(block: NumberBlock, used: Sequence[int], refused: Mapping[int, str]) -> Account:
    first, last = block.first, block.last
    outside = {serial: why for serial, why in refused.items() if serial not in set(used)}
    written = sorted({*used, *outside})
    gaps = [Gap(serial, serial, why) for serial, why in outside.items()]
    if block.state == BlockState.OPEN:
        gaps += [Gap(*run, "skipped") for run in rules.skipped(first, last, written)]
        free = rules.free_of([(first, last)], written)
    else:
        gaps += [Gap(*run, str(block.end_reason)) for run in rules.unused(first, last, written)]
        free = 0
    gaps.sort(key=lambda one: one.first)
    return Account(block, used=len(used), free=free, gaps=gaps)
