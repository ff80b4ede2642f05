"""The feed: the journal's projection for tablets, and what a tablet reads of it.

`project` is the journal's only subscriber inside the transaction. Bodies are rendered before the
stream locks, because an entity's version already guards them; scopes are decided under the lock,
because two transactions may each see half of why a unit is in a scope.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, object_session

from app.access import Actor
from app.db import Base, db, new_id, put_rows
from app.evidence import service as evidence
from app.evidence.models import Evidence
from app.evidence.rules import EvidenceState
from app.journal import service as journal
from app.journal.rules import Event
from app.people.models import Agency
from app.problems import Gone
from app.units import service as units
from app.units.models import Unit
from app.visits.gathering import NewAnswer, NewFinding
from app.visits.rules import VisitState
from sync.feed import bodies, queries, rules, scopes
from sync.feed.comparing import Compared, Touched
from sync.feed.models import FeedBody, FeedHorizon, FeedRow, FeedWant
from sync.feed.rules import Key, NewRow, Place, Position
from sync.operations import is_hash

_CATALOGUE_EVENTS = frozenset(
    {Event.CATALOGUE_LOADED, Event.CATALOGUE_SUPERSEDED, Event.FEED_REBUILT}
)


class CursorTooOld(Gone):
    code, title = "cursor-too-old", "同步游标已过期"


# --- the projection ---


@dataclass
class _Seen:
    """What the entries of one transaction say: touched, changed, streams to rebuild."""

    touched: Touched
    changed: dict[Key, Any]
    rebuilt: set[str]


def project(session: Session, entries: Sequence[journal.Waiting]) -> journal.Stored:
    """Render what changed; what is returned writes the rows, under the locks, with their number.

    To be given to `journal.subscribe`. Writes nothing itself.
    """
    seen = _read(entries)
    rendered = {
        key: (entity.version, bodies.render(key[0], entity))
        for key, entity in seen.changed.items()
        if not _is_left_behind(entity)
    }
    return partial(_store, seen=seen, rendered=rendered)


def _is_left_behind(entity: Any) -> bool:
    """Tell of a row of an earlier piece of work that shares this transaction: it is read anew."""
    return isinstance(entity, Base) and object_session(entity) is None


def _read(entries: Sequence[journal.Waiting]) -> _Seen:
    seen = _Seen(Touched(), {}, set())
    for entry in entries:
        if entry.event is Event.FEED_REBUILT:
            seen.rebuilt.add(entry.stream)
        elif entry.event in _CATALOGUE_EVENTS:
            seen.touched.whole_catalogue = True
        elif (kind := entry.subject_type) in _TOUCH and not _is_in_no_scope(entry):
            _TOUCH[kind](seen.touched, entry.subject)
            if kind not in bodies.WHOLE:
                seen.changed[rules.key_of(str(kind), entry.subject)] = entry.subject
    for (kind, _), subject in seen.changed.items():
        if isinstance(subject, (NewAnswer, NewFinding)):
            seen.touched.fresh.setdefault(kind, {})[subject.id] = subject
    return seen


def _is_in_no_scope(entry: journal.Waiting) -> bool:
    """Tell of what is too new for any scope: what brings it into one touches it.

    A unit comes with a task, evidence with what it is evidence of, which lets its version rise.
    """
    if entry.event is Event.EVIDENCE_STORED:
        return bool(entry.subject.version == 1)
    return entry.event is Event.UNIT_REGISTERED


def _touch_visit(touched: Touched, visit: Any) -> None:
    touched.visits.add(visit.id)
    if visit.task_id is None:
        touched.units.add(visit.unit_id)
        touched.parents.add(visit.id)
    if visit.state == VisitState.SIGNED:
        touched.history_of.add(visit.unit_id)
        if visit.task_id is None:
            touched.signed.add(visit.id)


def _touch_answer(touched: Touched, answer: Any) -> None:
    touched.answers.add(answer.id)
    touched.visits.add(answer.visit_id)


def _touch_finding(touched: Touched, finding: Any) -> None:
    touched.findings.add(finding.id)
    touched.visits.add(finding.visit_id)


def _touch_sample(touched: Touched, sample: Any) -> None:
    touched.samples.add(sample.id)
    touched.visits.add(sample.visit_id)


def _touch_document(touched: Touched, document: Any) -> None:
    touched.documents.add(document.id)
    if document.visit_id is not None:
        touched.visits.add(document.visit_id)


_TOUCH: Mapping[str | None, Any] = {
    "task": lambda touched, task: touched.tasks.add(task.id),
    "unit": lambda touched, unit: touched.units.add(unit.id),
    "officer": lambda touched, officer: touched.officers.add(officer.id),
    "visit": _touch_visit,
    "visit_answer": _touch_answer,
    "finding": _touch_finding,
    "sample": _touch_sample,
    "corrective_order": lambda touched, order: touched.orders.add(order.id),
    "penalty_case": lambda touched, case: touched.cases.add(case.id),
    "officer_pin": lambda touched, pin: touched.officers.add(pin.officer_id),
    "device_notice": lambda touched, notice: touched.notices.add(notice.id),
    "number_block": lambda touched, block: touched.blocks.add(block.id),
    "visit_code": lambda touched, code: touched.codes.add(code.id),
    "unit_ledger": lambda touched, ledger: touched.ledgers.add(ledger.id),
    "document": _touch_document,
    "evidence": lambda touched, evidence: touched.evidence.add(evidence.id),
}


def _store(
    session: Session,
    last: Mapping[str, int],
    *,
    seen: _Seen,
    rendered: Mapping[Key, tuple[int, str]],
) -> None:
    touched = scopes.everything(session, seen.rebuilt) if seen.rebuilt else seen.touched
    if not touched:
        return
    compared = scopes.compare(session, touched)
    again = _differing_bodies(session, compared) if seen.rebuilt else ()
    found = rules.plan(compared.wanted, compared.stored, again=again)
    strangers = {row.stream for row in found.rows} - last.keys()
    if strangers:
        raise RuntimeError(f"an entity of {sorted(strangers)} changed without an entry there")
    # what was only read here may have been changed and committed by another since
    versions = {key: compared.wanted[key].version for key in found.bodies}
    texts = {
        key: rendered[key][1]
        for key, version in versions.items()
        if key in rendered and rendered[key][0] == version
    }
    texts.update(bodies.load(session, found.bodies - texts.keys()))
    _put_bodies({key: (versions[key], text) for key, text in texts.items()})
    _drop_bodies(session, found.dropped)
    _put_rows(rules.place(found.rows), last)


def _differing_bodies(session: Session, compared: Compared) -> set[Key]:
    """Return the shown entities whose body would read otherwise today."""
    shown = [key for key, want in compared.wanted.items() if want.scopes]
    stored = queries.stored_bodies(session, shown)
    return {key for key, text in bodies.load(session, shown).items() if stored.get(key) != text}


_DROP_BODY = sa.text(
    "DELETE FROM feed_body WHERE entity_key = :entity_key AND entity_type = :entity_type"
)


_PUT_WANT = sa.text(
    "INSERT INTO feed_want (officer_id, unit_id, wanted_on)"
    " VALUES (:officer_id, :unit_id, :wanted_on)"
    " ON CONFLICT (officer_id, unit_id) DO UPDATE SET wanted_on = excluded.wanted_on"
).bindparams(
    sa.bindparam("officer_id", type_=sa.Uuid()),
    sa.bindparam("unit_id", type_=sa.Uuid()),
    sa.bindparam("wanted_on", type_=sa.Date()),
)


def _put_rows(numbered: Iterable[tuple[NewRow, int]], last: Mapping[str, int]) -> None:
    values = [
        {
            "entity_key": row.key,
            "scope": row.scope,
            "stream": row.stream,
            "entity_type": row.type,
            "seq": last[row.stream],
            "place": place,
            "version": row.version,
            "present": row.present,
        }
        for row, place in numbered
    ]
    put_rows(FeedRow, values)


def _put_bodies(found: Mapping[Key, tuple[int, str]]) -> None:
    values = [
        {"entity_key": key[1], "entity_type": key[0], "version": version, "body": body}
        for key, (version, body) in sorted(found.items())
    ]
    put_rows(FeedBody, values)


def _drop_bodies(session: Session, keys: Iterable[Key]) -> None:
    values = [{"entity_key": key, "entity_type": kind} for kind, key in sorted(keys)]
    if values:
        session.execute(_DROP_BODY, values)


def rebuild(*, by: Actor, at: datetime) -> None:
    """Project every stream from nothing and write where the feed differs, bodies included.

    After a release that tells tablets more of an entity, or a repair. What did not differ keeps its
    place, so that tablets pull only the rest.
    """
    for stream in _streams():
        journal.record(Event.FEED_REBUILT, None, by=by, at=at, stream=stream)


def differences() -> list[str]:
    """Return where the feed is not what a fresh projection would be; empty when all is well."""
    session = db.session()
    compared = scopes.compare(session, scopes.everything(session, _streams()))
    found = rules.plan(compared.wanted, compared.stored, again=_differing_bodies(session, compared))
    known = set(compared.wanted)
    stray = session.execute(
        sa.select(FeedRow.entity_type, FeedRow.entity_key).where(FeedRow.present.is_(True))
    )
    return sorted(
        [
            *(f"{row.type} {row.key} in {row.scope}: present={row.present}" for row in found.rows),
            *(
                f"{kind} {one}: shown and unknown"
                for kind, one in stray
                if (kind, one) not in known
            ),
        ]
    )


def _streams() -> list[str]:
    districts = db.session.scalars(sa.select(Agency.district).distinct())
    return sorted({rules.CATALOGUE_STREAM, *districts})


# --- what a tablet reads ---


@dataclass(frozen=True)
class Pulled:
    """A page: rows as JSON in order, one or many with commas in each, where each scope now stands,
    whether more waits."""

    rows: list[bytes]
    streams: dict[str, dict[str, int]]
    more: bool


def pull(
    places: Sequence[Place],
    streams: Mapping[str, Mapping[str, int]],
    limit: int,
    *,
    generation: UUID | None = None,
) -> Pulled:
    """Return the next rows of the scopes a tablet carries, from where its cursor stands.

    A scope the cursor does not know comes whole; one that the tablet no longer carries comes once,
    as gone. A page may end between rows of one transaction: the next goes on there. Raises
    CursorTooOld when tombstones that the tablet has not seen were dropped since it began with its
    `generation`: whoever began later never saw what they take away.
    """
    start = {place: _start(streams, place) for place in places}
    heads = queries.heads(places, alone=True)
    if any(heads[place].position > start[place] for place in places):
        heads = queries.heads(places)  # once more, of the same moment as the pages
    _refuse_too_old(heads, start, generation)
    rows = [_gone(place) for place in _known(streams) if place not in start]
    reached = dict(start)
    left = limit
    for place in places:
        if left > 0 and heads[place].position > start[place]:
            found = queries.page(place, start[place], left)
            if found is not None:
                rows.append(found.sent)
                left -= found.count
                reached[place] = found.last
    now: dict[str, dict[str, int]] = {}
    for (stream, scope), position in reached.items():
        now.setdefault(stream, {})[scope] = rules.pack(position)
    return Pulled(rows, now, more=any(heads[p].position > reached[p] for p in places))


def _start(streams: Mapping[str, Mapping[str, int]], place: Place) -> Position:
    return rules.unpack(streams.get(place[0], {}).get(place[1], 0))


def _known(streams: Mapping[str, Mapping[str, int]]) -> list[Place]:
    return sorted((stream, scope) for stream, inner in streams.items() for scope in inner)


def _refuse_too_old(
    heads: Mapping[Place, queries.Head], start: Mapping[Place, Position], generation: UUID | None
) -> None:
    behind = [head for place, head in heads.items() if 0 < rules.pack(start[place]) < head.horizon]
    if any(not _began_after(generation, head.dropped) for head in behind):
        raise CursorTooOld(
            "同步游标过旧：请先上报全部未上报的内容，再从空游标重新同步；本机数据没有丢失。"
        )


def _began_after(generation: UUID | None, dropped: UUID | None) -> bool:
    """Tell by two ids that are in the order of time; what is not known was before."""
    return generation is not None and dropped is not None and generation > dropped


def _gone(place: Place) -> bytes:
    return f'{{"stream":"{place[0]}","scope":"{place[1]}","present":false}}'.encode()


@dataclass(frozen=True)
class SetSum:
    """How many entities of a type a scope shows, and the hash over their ids and versions."""

    scope: str
    type: str
    count: int
    hash: str


def verify(
    places: Sequence[Place],
    streams: Mapping[str, Mapping[str, int]],
    sets: Collection[SetSum],
) -> tuple[bool, list[SetSum]]:
    """Compare what a tablet holds with what its scopes show.

    Returns whether the tablet is behind (then nothing is compared: pull first), and the sets that
    differ, as the server has them; a set that the tablet did not name and the server has is one.
    """
    if set(_known(streams)) != set(places) or _is_behind(places, streams):
        return True, []
    given = {(one.scope, one.type): one for one in sets}
    held = {
        (scope, kind): SetSum(scope, kind, len(rows), rules.digest_of(rows))
        for stream, scope in places
        for kind, rows in queries.present_rows((stream, scope)).items()
    }
    for scope, kind in given.keys() - held.keys():
        held[scope, kind] = SetSum(scope, kind, 0, rules.digest_of(()))
    if _is_behind(places, streams):  # something was committed between the reads
        return True, []
    return False, [held[key] for key in sorted(held) if held[key] != given.get(key)]


def _is_behind(places: Sequence[Place], streams: Mapping[str, Mapping[str, int]]) -> bool:
    return any(
        head.position > _start(streams, place) for place, head in queries.heads(places).items()
    )


def get_shown_evidence(
    sha256: str, places: Sequence[Place], agency_id: UUID | None, *, thumbnail: bool = False
) -> Evidence:
    """Return evidence whose bytes are here and which one of the scopes shows.

    Raises EvidenceMissing for any other, also where a thumbnail is wanted and there is none; of one
    that nobody looked into yet there may be.
    """
    found = queries.find_shown_evidence(sha256, places, agency_id) if is_hash(sha256) else None
    lacks = thumbnail and found is not None and not (found.thumbnail or found.uninspected)
    if found is None or found.state == EvidenceState.AWAITED or lacks:
        raise evidence.EvidenceMissing("同步范围内没有这份证据，或原件尚未上传。")
    return found


# --- units for triggered visits ---


def wants_missing(unit_ids: Collection[UUID], officer_ids: Collection[UUID], on: date) -> bool:
    """Tell whether some unit is not yet in the officers' scopes for the day."""
    known = {
        (one.officer_id, one.unit_id)
        for one in queries.wants_of(officer_ids)
        if one.wanted_on == on
    }
    return any((officer, unit) not in known for officer in officer_ids for unit in unit_ids)


def want_units(
    unit_ids: Collection[UUID],
    officer_ids: Collection[UUID],
    on: date,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Let units join the officers' scopes for a day, with their history. Raises UnitNotFound.

    Wants of earlier days end at the same time.
    """
    end_wants(on, officer_ids, by=by, at=at)
    for unit_id in sorted(unit_ids):
        unit = units.get_unit(unit_id, by.agency_id or UUID(int=0))
        for officer_id in sorted(officer_ids):
            values = {"officer_id": officer_id, "unit_id": unit_id, "wanted_on": on}
            db.session.execute(_PUT_WANT, values)  # another tablet may ask for it at once
        journal.record(
            Event.UNIT_WANTED,
            unit,
            by=by,
            at=at,
            data={"officer_ids": sorted(str(one) for one in officer_ids)},
        )


def end_wants(
    on: date, officer_ids: Collection[UUID] | None = None, *, by: Actor, at: datetime
) -> int:
    """Let units leave the scopes that they joined before `on`; return how many did.

    Of some officers, or of all. Flushes: the projection reads what is left.
    """
    query = sa.select(FeedWant).where(FeedWant.wanted_on < on)
    if officer_ids is not None:
        query = query.where(FeedWant.officer_id.in_(officer_ids))
    ended = db.session.scalars(query).all()
    for want in ended:
        unit = db.session.get_one(Unit, want.unit_id)
        db.session.delete(want)
        journal.record(
            Event.UNIT_WANT_ENDED, unit, by=by, at=at, data={"officer_id": str(want.officer_id)}
        )
    db.session.flush()
    return len(ended)


# --- the horizon ---


def drop_tombstones(before: datetime) -> int:
    """Drop the tombstones that are older than an instant; return how many.

    Each scope remembers the newest it lost: a cursor that stands before it has to begin anew, any
    other goes on. Takes no stream lock: rows that change meanwhile are no longer old.
    """
    session, dropped = db.session(), 0
    for stream in _streams():
        seq = journal.seq_before(stream, before)
        old = (FeedRow.stream == stream, FeedRow.present.is_(False), FeedRow.seq <= seq)
        lost = session.execute(
            sa.select(
                FeedRow.scope,
                sa.func.max(FeedRow.seq * rules.PLACES + FeedRow.place),
                sa.func.count(),
            )
            .where(*old)
            .group_by(FeedRow.scope)
        ).all()
        for scope, newest, count in lost:
            session.merge(
                FeedHorizon(stream=stream, scope=scope, position=newest, dropped_id=new_id())
            )
            dropped += count
        session.execute(sa.delete(FeedRow).where(*old))
    session.flush()
    return dropped
