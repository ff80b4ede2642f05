"""Reads of the feed, written for the database: a page is fetched as it is sent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db import db
from app.evidence.models import Evidence
from app.prepared import Prepared
from sync.feed.models import FeedBody, FeedRow, FeedWant
from sync.feed.rules import PLACES, Key, Place, Position, id_in, unpack


@dataclass(frozen=True, slots=True)
class Head:
    """How far a scope goes; up to which packed position its tombstones were dropped, and when."""

    position: Position
    horizon: int
    dropped: UUID | None = None


def heads(places: Sequence[Place], *, alone: bool = False) -> dict[Place, Head]:
    """Return the head of every scope, in one read that touches one row of each.

    `alone`: nothing else need be of the same moment.
    """
    if not places:
        return {}
    values: dict[str, Any] = {}
    for number, (stream, scope) in enumerate(places):
        values[f"stream{number}"], values[f"scope{number}"] = stream, scope
    found = dict.fromkeys(places, Head(Position(0, 0), 0))
    heads_of = _heads(len(places))
    read = heads_of.rows_alone if alone else heads_of.rows
    for number, seq, place, horizon, dropped in read(**values):
        when = None if dropped is None else UUID(str(dropped))
        found[places[number]] = Head(Position(seq or 0, place or 0), horizon or 0, when)
    return found


@cache
def _heads(count: int) -> Prepared:
    one = (
        "SELECT {n} AS number, newest.seq, newest.place, horizon.position, horizon.dropped_id"
        " FROM (SELECT 1 AS one) AS always"
        " LEFT JOIN (SELECT seq, place FROM feed_row"
        " WHERE stream = :stream{n} AND scope = :scope{n}"
        " ORDER BY seq DESC, place DESC LIMIT 1) AS newest ON true"
        " LEFT JOIN (SELECT position, dropped_id FROM feed_horizon"
        " WHERE stream = :stream{n} AND scope = :scope{n}) AS horizon ON true"
    )
    return Prepared(sa.text(" UNION ALL ".join(one.format(n=number) for number in range(count))))


# A row as it is sent, put together where it lies: bytes that nobody decodes on their way.
_SENT = (
    """CAST(:begin AS TEXT) || r.entity_type || '","id":"' || {id}"""
    """ || '","version":' || r.version || CASE WHEN r.present"""
    r""" THEN ',"present"\:true,"body":' || b.body"""
    r""" ELSE ',"present"\:false,"body"\:null' END || '}}'"""
)
_IN_DATABASE = {  # how the rows are joined, in their order, and the id that ends a key
    "sqlite": ("CAST(group_concat(sent, ',') AS BLOB)", "substr(r.entity_key, -36)"),
    "postgresql": (
        "convert_to(string_agg(sent, ',' ORDER BY position), 'UTF8')",
        "right(r.entity_key, 36)",
    ),
}
_PAGES = {
    database: Prepared(
        sa.text(
            f"SELECT count(*), count(sent), max(position), {joined}"  # noqa: S608 - our own words
            f" FROM (SELECT r.seq * {PLACES} + r.place AS position, {_SENT.format(id=id_)} AS sent"
            " FROM feed_row AS r LEFT JOIN feed_body AS b"
            " ON r.present AND b.entity_key = r.entity_key AND b.entity_type = r.entity_type"
            " WHERE r.stream = :stream AND r.scope = :scope AND (r.seq, r.place) > (:seq, :place)"
            " ORDER BY r.seq, r.place LIMIT :limit) AS page"
        )
    )
    for database, (joined, id_) in _IN_DATABASE.items()
}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a scope in their order: how many, where the last one stands, their JSON with commas.

    One value, so that nobody has to hold and join thousands.
    """

    count: int
    last: Position
    sent: bytes


def page(place: Place, after: Position, limit: int) -> Page | None:
    """Return the rows of a scope after a position, as they are sent; None where there are none.

    A body is taken as stored, it is canonical JSON already.
    """
    stream, scope = place
    ((count, whole, last, sent),) = _PAGES[db.engine.dialect.name].rows(
        begin=f'{{"stream":"{stream}","scope":"{scope}","type":"',
        stream=stream,
        scope=scope,
        seq=after.seq,
        place=after.place,
        limit=limit,
    )
    if whole != count:
        raise RuntimeError(f"an entity that {scope} shows has no body")
    return Page(count, unpack(last), sent) if count else None


def present_rows(place: Place) -> dict[str, list[tuple[str, int]]]:
    """Return id and version of every row that a scope shows, by type."""
    stream, scope = place
    found: dict[str, list[tuple[str, int]]] = {}
    query = sa.select(FeedRow.entity_type, FeedRow.entity_key, FeedRow.version).where(
        FeedRow.stream == stream, FeedRow.scope == scope, FeedRow.present.is_(True)
    )
    for entity_type, entity_key, version in db.session.execute(query):
        found.setdefault(entity_type, []).append((id_in(entity_key), version))
    return found


def find_shown_evidence(
    sha256: str, places: Iterable[Place], agency_id: UUID | None
) -> Evidence | None:
    """Return evidence of an agency by its content, if one of the scopes shows it."""
    found = db.session.scalars(
        sa.select(Evidence).where(Evidence.agency_id == agency_id, Evidence.sha256 == sha256)
    ).one_or_none()
    if found is None:
        return None
    shown = sa.select(FeedRow.scope).where(
        FeedRow.entity_type == "evidence",
        FeedRow.entity_key == str(found.id),
        FeedRow.present.is_(True),
        sa.tuple_(FeedRow.stream, FeedRow.scope).in_(list(places)),
    )
    return None if db.session.scalar(shown.limit(1)) is None else found


def wants_of(officer_ids: Collection[UUID]) -> Sequence[FeedWant]:
    """Return the units that officers asked for."""
    return db.session.scalars(sa.select(FeedWant).where(FeedWant.officer_id.in_(officer_ids))).all()


def stored_bodies(session: Session, keys: Iterable[Key]) -> dict[Key, str]:
    """Return the bodies that are stored for some entities."""
    wanted = sorted({entity_key for _, entity_key in keys})
    found: dict[Key, str] = {}
    for start in range(0, len(wanted), 500):
        rows = session.execute(
            sa.select(FeedBody.entity_type, FeedBody.entity_key, FeedBody.body).where(
                FeedBody.entity_key.in_(wanted[start : start + 500])
            )
        )
        found.update(((kind, entity_key), body) for kind, entity_key, body in rows)
    return found
