"""`suicha adopt`: a restored database goes on, above every number that may have been given out.

The lost range is named in the journal of every stream, the epoch is new, periods in which something
may have been drawn wait for an administrator, devices come back from what the storage keeps of
them, and photos that are gone are awaited again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app import entry
from app.access import Actor
from app.days import local_date
from app.db import db, stop_reading, transaction
from app.documents import blocks
from app.documents import rules as document_rules
from app.documents.rules import HEAD_PREFIX
from app.draws import holding, plans
from app.draws import queries as draws
from app.draws.stages import STATE_NAMES, DrawState
from app.errors import Conflict
from app.evidence import service as evidence
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState, object_key, thumbnail_key
from app.journal import service as journal
from app.journal.rules import Event
from app.numbering import queries as registers
from app.numbering import rules as register_rules
from app.numbering.rules import Register
from app.people.models import AccountToken, Agency
from app.people.rules import TokenKind
from app.tasks import queries as tasks
from sync.devices import keeping
from sync.devices.models import Device, DeviceChain
from sync.epoch import heads, rules
from sync.epoch.rules import Head, HeadBroken, Lost, Margins
from sync.uploads import service as uploads
from sync.uploads.models import Underway, Upload
from sync.uploads.rules import UploadState

MOVING = (DrawState.PLANNED, DrawState.FROZEN, DrawState.ANNOUNCED, DrawState.SEEDED)


class NothingToAdopt(Conflict):
    code, title = "nothing-to-adopt", "无需接管"


@dataclass
class Adopted:
    """What was found and done, for whoever typed the command."""

    epoch: UUID
    blind: bool
    lost: Sequence[Lost]
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    held: list[tuple[str, str, str]] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    uploads: int = 0
    sessions: int = 0


def adopt(*, anyway: bool, kept: Sequence[Head] = (), by: Actor, at: datetime) -> Adopted:
    """Let a restored database be served again, with a new epoch; see the module.

    Without a head in the storage nobody knows what was lost: numbers then go on much further above.
    `kept` are heads that somebody kept elsewhere, or that were published: what they name is known
    to be lost, but nobody knows how much came after them.
    Killed anywhere, it is done again and goes on further above. Raises NothingToAdopt (unless
    `anyway`) and NotInitialised.
    """
    db.session.remove()
    difference = heads.find_difference()
    if difference is None and not anyway:
        raise NothingToAdopt("数据库与存储中的记录一致，没有什么需要接管。")
    known = _known_heads()
    margins = rules.margins_above(known[0] if known else None)
    blind = not known
    known += kept
    awaited = _lost_photos()
    broken = _broken_uploads()
    stop_reading()
    with transaction():
        local = {one.stream: one for one in heads.collect(at=at).streams}
        lost = rules.lost_of(local, known, margins)
        found = Adopted(journal.renew_epoch(), blind=blind, lost=lost)
        _name_the_range(found, by=by, at=at)
        _raise_numbers(found, known, margins, by=by, at=at)
        _raise_receipts(lost)
        found.held = _hold_periods(known, by=by, at=at)
        found.devices = _recover_devices(by=by, at=at)
        found.photos = _await_photos(awaited, by=by, at=at)
        found.uploads = _mend_uploads(broken, set(awaited), at=at)
        found.sessions = _end_sessions(at)
    heads.put_head(heads.collect(at=at))
    return found


def _known_heads() -> list[Head]:
    """Return the head that the storage keeps, if it says anything of a database."""
    try:
        head = heads.read_head()
    except HeadBroken:
        return []
    return [head] if head is not None and head.epoch is not None else []


# --- numbers -----------------------------------------------------------------------------------


def _name_the_range(found: Adopted, *, by: Actor, at: datetime) -> None:
    for one in found.lost:
        journal.go_on_above(one.stream, one.goes_on_at - 1)
        journal.record(
            Event.JOURNAL_RESTORED,
            None,
            by=by,
            at=at,
            stream=one.stream,
            data={
                "epoch": str(found.epoch),
                "first_lost": one.first,
                "known_lost_to": one.known if one.known >= one.first else None,
                "goes_on_at": one.goes_on_at,
                "lost_hash": one.lost_hash,
                "head_known": not found.blind,
            },
        )


def _raise_numbers(
    found: Adopted, known: Iterable[Head], margins: Margins, *, by: Actor, at: datetime
) -> None:
    """Let every series of numbers go on above what may have been given out."""
    here = heads.collect(at=at).last_numbers()
    last = _series_that_may_exist(at) | here
    for head in known:
        for series, number in head.last_numbers().items():
            last[series] = max(number, last.get(series, 0))
    for series, number in sorted(last.items()):
        floor = rules.floor_of(series, number, margins)
        kind, owner, year = series.split(":")
        if kind == "draw":
            journal.raise_floor(series, floor)
        else:
            agency = db.session.get(Agency, UUID(owner))
            if agency is None:
                continue  # it is lost as well: there is nobody to count for
            _raise_number(agency, kind, int(year), floor, by=by, at=at)
        found.numbers[series] = (here.get(series, 0), floor)
    _raise_announcements(known, margins)


def _raise_number(
    agency: Agency, kind: str, year: int, floor: int, *, by: Actor, at: datetime
) -> None:
    if kind == "task":
        tasks.raise_number(agency.id, year, floor)
    elif kind.startswith(register_rules.HEAD_PREFIX):
        register = kind.removeprefix(register_rules.HEAD_PREFIX)
        registers.raise_number(agency.id, register, year, floor)
    else:
        name = f"{kind.removeprefix(HEAD_PREFIX)}:{year}"
        blocks.reserve_lost(agency, name, floor, by=by, at=at)


def _series_that_may_exist(at: datetime) -> dict[str, int]:
    """Return the series that count now: their first numbers may have been given out and lost."""
    today = local_date(at)
    year = today.year
    stock = blocks.find_stock(today)
    carried = [] if stock is None else document_rules.years_to_carry(today, stock.ahead_days)
    papers = [
        document_rules.series_of(template.kind, one)
        for template in blocks.templates_on(today)
        for one in carried
    ]
    found = {}
    for agency in db.session.scalars(sa.select(Agency)):
        found[f"task:{agency.id}:{year}"] = 0
        found[f"draw:{agency.district}:{year}"] = 0
        found.update({document_rules.head_series(agency.id, one): 0 for one in papers})
        found.update({register_rules.head_series(agency.id, one, year): 0 for one in Register})
    return found


def _raise_announcements(known: Iterable[Head], margins: Margins) -> None:
    """Let manifests go on above, each agency's next one naming the last that anybody knows of."""
    last = {agency: (serial, sha256) for agency, serial, sha256 in draws.announcements()}
    for head in known:
        for one in head.announced:
            if one.serial > last.get(one.agency_id, (0, ""))[0]:
                last[one.agency_id] = (one.serial, one.manifest_sha256)
    for agency, (serial, sha256) in last.items():
        journal.raise_floor(f"announce:{agency}", serial + margins.draws, sha256)


def _raise_receipts(lost: Iterable[Lost]) -> None:
    """Let every device's receipts go on above: each one lost had an entry in the lost range."""
    for one in lost:
        devices = sa.select(Device.id).where(Device.district == one.stream).scalar_subquery()
        db.session.execute(
            sa.update(DeviceChain)
            .where(DeviceChain.device_id.in_(devices))
            .values(receipt_seq=DeviceChain.receipt_seq + one.goes_on_at - one.first)
            .execution_options(synchronize_session=False)
        )


# --- draws -------------------------------------------------------------------------------------


def _hold_periods(known: Iterable[Head], *, by: Actor, at: datetime) -> list[tuple[str, str, str]]:
    """Hold every period in which something may have been drawn that the database does not know."""
    reasons: dict[tuple[UUID, str], list[str]] = {}
    here = {no: state for no, _, _, _, state in draws.standings()}
    for head in known:
        for one in head.draws:
            state = here.get(one.draw_no)
            if state is None or (state in MOVING and state != one.state):
                said = f"{one.draw_no} 恢复前为“{STATE_NAMES.get(one.state, one.state)}”"
                reasons.setdefault((UUID(one.agency_id), one.period), []).append(said)
    for draw in draws.draws_in_states(MOVING):
        said = f"{draw.draw_no} 备份中为“{STATE_NAMES[draw.state]}”，此后可能有进展"
        reasons.setdefault((draw.agency_id, draw.period), []).append(said)
    today = local_date(at)
    for plan in draws.due_plans(today):
        if plans.is_due(plan, today):
            said = f"计划“{plan.name}”已到抽取日，可能已经抽取"
            reasons.setdefault((plan.agency_id, plan.period), []).append(said)
    held = []
    for (agency_id, period), said_all in sorted(reasons.items()):
        agency = db.session.get(Agency, agency_id)
        if agency is not None:
            detail = "；".join(dict.fromkeys(said_all)) + "。"
            holding.hold_period(agency, period, detail, by=by, at=at)
            held.append((agency.district, period, detail))
    return held


# --- devices, people, photos -------------------------------------------------------------------


def _recover_devices(*, by: Actor, at: datetime) -> list[str]:
    done = []
    for record in keeping.records(entry.storage()):
        what = keeping.recover(record, by=by, at=at)
        if what is not None:
            done.append(f"{record['device_id']} {what}")
    return done


def _end_sessions(at: datetime) -> int:
    """End what people had open: one that was ended since the backup would be open again."""
    ended = db.session.execute(
        sa.update(AccountToken)
        .where(
            AccountToken.kind == TokenKind.SESSION,
            AccountToken.revoked_at.is_(None),
            AccountToken.expires_at > at,
        )
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    return int(getattr(ended, "rowcount", 0))


def _lost_photos() -> dict[UUID, str]:
    """Return evidence whose bytes the storage lacks; make thumbnails anew that are gone."""
    storage = entry.storage()
    there = {one.key for one in storage.list("evidence")}
    small = {one.key for one in storage.list("thumbnails")}
    rows = db.session.execute(
        sa.select(
            Evidence.id, Evidence.agency_id, Evidence.sha256, Evidence.mime, Evidence.thumbnail
        ).where(Evidence.state != EvidenceState.AWAITED)
    ).all()
    lost = {}
    for id_, agency_id, sha256, mime, thumbnail in rows:
        if object_key(agency_id, sha256) not in there:
            lost[id_] = sha256
        elif thumbnail and thumbnail_key(agency_id, sha256) not in small:
            evidence.inspect_stored(storage, agency_id, sha256, mime=mime)
    return lost


def _await_photos(lost: dict[UUID, str], *, by: Actor, at: datetime) -> list[str]:
    for id_ in sorted(lost):
        evidence.await_again(db.session.get_one(Evidence, id_), by=by, at=at)
    return sorted(lost.values())


def _broken_uploads() -> dict[UUID, int]:
    """Return the open uploads whose pieces the storage no longer holds, and where they break."""
    storage, broken = entry.storage(), {}
    for upload in db.session.scalars(sa.select(Upload).where(Upload.state == UploadState.OPEN)):
        offset = uploads.find_break(storage, upload)
        if offset is not None:
            broken[upload.id] = offset
    return broken


def _mend_uploads(broken: dict[UUID, int], lost: set[UUID], *, at: datetime) -> int:
    """Let broken uploads go on from where they are whole, and forget those whose photo is gone."""
    for upload_id, offset in broken.items():
        uploads.rewind_upload(Underway.of(db.session.get_one(Upload, upload_id)), offset)
    gone = db.session.scalars(
        sa.select(Upload.id)
        .join(
            Evidence,
            sa.and_(Evidence.agency_id == Upload.agency_id, Evidence.sha256 == Upload.sha256),
        )
        .where(Upload.state == UploadState.DONE, Evidence.id.in_(lost))
    ).all()
    for upload_id in gone:
        uploads.end_upload(upload_id, at=at)
    return len(broken) + len(gone)
