"""Reads of documents and number blocks that deserve a name, and the next numbers of a series."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db
from app.documents import rules
from app.documents.models import (
    Document,
    DocumentCorrection,
    DocumentService,
    NumberBlock,
    NumberSeries,
    ServiceTerm,
)
from app.documents.rules import BlockState, DocumentState

_AT_ONCE = 500  # keys in one statement: below every driver's limit of parameters


def find_document(document_id: UUID) -> Document | None:
    """Return a document of any agency."""
    return db.session.get(Document, document_id)


def documents_of(
    agency_id: UUID | None, filters: Mapping[str, Any] = MappingProxyType({})
) -> sa.Select[Document]:
    """Return the query of an agency's documents, of those that have the given values."""
    return _where(sa.select(Document), Document, agency_id, filters)


def _where(
    query: sa.Select[Any], model: Any, agency_id: UUID | None, filters: Mapping[str, Any]
) -> sa.Select[Any]:
    """Narrow a query to an agency, and to the values of `filters` that are not None."""
    given = [getattr(model, name) == value for name, value in filters.items() if value is not None]
    return query.where(model.agency_id == agency_id, *given)


def documents_at(visit_id: UUID) -> Sequence[Document]:
    """Return what was written at a visit."""
    return db.session.scalars(sa.select(Document).where(Document.visit_id == visit_id)).all()


def documents_in(
    case_id: UUID, visit_id: UUID | None, also: Collection[UUID]
) -> Sequence[Document]:
    """Return what was written in a case and at its visit, and the documents named besides."""
    of_visit = [] if visit_id is None else [Document.visit_id == visit_id]
    return db.session.scalars(
        sa.select(Document).where(
            sa.or_(Document.case_id == case_id, Document.id.in_(also), *of_visit)
        )
    ).all()


def find_by_serial(agency_id: UUID, series: str, serial: int) -> Document | None:
    """Return the document that has this number."""
    return db.session.scalars(
        sa.select(Document).where(
            Document.agency_id == agency_id,
            Document.series == series,
            Document.serial == serial,
        )
    ).one_or_none()


def find_block(agency_id: UUID, series: str, serial: int) -> NumberBlock | None:
    """Return the block in which a number lies; blocks of a series never overlap."""
    return db.session.scalars(
        sa.select(NumberBlock).where(
            NumberBlock.agency_id == agency_id,
            NumberBlock.series == series,
            NumberBlock.first <= serial,
            NumberBlock.last >= serial,
        )
    ).one_or_none()


def blocks_of(
    agency_id: UUID | None, filters: Mapping[str, Any] = MappingProxyType({})
) -> sa.Select[NumberBlock]:
    """Return the query of an agency's blocks, of those that have the given values."""
    return _where(sa.select(NumberBlock), NumberBlock, agency_id, filters)


def open_blocks(device_id: UUID) -> Sequence[NumberBlock]:
    """Return the blocks that a device may write numbers from, in the order of their numbers."""
    return db.session.scalars(
        sa.select(NumberBlock)
        .where(NumberBlock.device_id == device_id, NumberBlock.state == BlockState.OPEN)
        .order_by(NumberBlock.series, NumberBlock.first)
    ).all()


def used_in(block_ids: Iterable[UUID]) -> dict[UUID, list[int]]:
    """Return the serials of each block that a document has, in order."""
    found: dict[UUID, list[int]] = {}
    ordered = sorted(set(block_ids))
    for start in range(0, len(ordered), _AT_ONCE):
        rows = db.session.execute(
            sa.select(Document.block_id, Document.serial)
            .where(Document.block_id.in_(ordered[start : start + _AT_ONCE]))
            .order_by(Document.serial)
        )
        for block_id, serial in rows:
            if block_id is not None:
                found.setdefault(block_id, []).append(serial)
    return found


def corrections_of(document_id: UUID) -> Sequence[DocumentCorrection]:
    """Return the corrections of a document in their order."""
    return db.session.scalars(
        sa.select(DocumentCorrection)
        .where(DocumentCorrection.document_id == document_id)
        .order_by(DocumentCorrection.number)
    ).all()


def services_of(document_ids: Collection[UUID]) -> Sequence[DocumentService]:
    """Return how documents were served, the earliest first; withdrawn ones too."""
    return db.session.scalars(
        sa.select(DocumentService)
        .where(DocumentService.document_id.in_(document_ids))
        .order_by(DocumentService.recorded_at, DocumentService.id)
    ).all()


def unserved_of(agency_id: UUID | None, kinds: Collection[str], on: date) -> Sequence[Document]:
    """Return the signed documents of these kinds without a service that counts on a day."""
    served = sa.select(DocumentService.document_id).where(
        DocumentService.agency_id == agency_id,
        DocumentService.withdrawn_at.is_(None),
        DocumentService.effective_on <= on,
    )
    return db.session.scalars(
        sa.select(Document)
        .where(
            Document.agency_id == agency_id,
            Document.state == DocumentState.SIGNED,
            Document.kind.in_(kinds),
            Document.id.not_in(served),
        )
        .order_by(Document.id)
    ).all()


def services_to_watch(kinds: Collection[str], on: date) -> Sequence[UUID]:
    """Return the signed documents of these kinds that no service counts for on a day.

    Those of every agency that were not flagged as late yet.
    """
    served = sa.select(DocumentService.document_id).where(
        DocumentService.withdrawn_at.is_(None), DocumentService.effective_on <= on
    )
    flagged = sa.select(ServiceTerm.document_id).where(ServiceTerm.late_at.is_not(None))
    query = sa.select(Document.id).where(
        Document.state == DocumentState.SIGNED,
        Document.kind.in_(sorted(kinds)),
        Document.id.not_in(served),
        Document.id.not_in(flagged),
    )
    return db.session.scalars(query.order_by(Document.id)).all()


def service_terms(document_ids: Collection[UUID]) -> dict[UUID, ServiceTerm]:
    """Return what was noted of the last days of some documents' service."""
    query = sa.select(ServiceTerm).where(ServiceTerm.document_id.in_(sorted(document_ids)))
    return {one.document_id: one for one in db.session.scalars(query)}


def find_service(service_id: UUID) -> DocumentService | None:
    """Return a service of any agency."""
    return db.session.get(DocumentService, service_id)


def last_serial(agency_id: UUID, series: str) -> int:
    """Return the last number that was allotted in a series, 0 before the first; locked."""
    found = db.session.get(NumberSeries, (agency_id, series), with_for_update=True)
    return 0 if found is None else found.last


def last_serials() -> dict[str, int]:
    """Return the last number allotted in every agency's series, by the name of the series.

    Named as the head that the storage keeps wants it: `document.<kind>:<agency>:<year>`.
    """
    rows = db.session.execute(
        sa.select(NumberSeries.agency_id, NumberSeries.series, NumberSeries.last)
    )
    return {rules.head_series(agency_id, series): last for agency_id, series, last in rows}


def take_serials(agency_id: UUID, series: str, count: int) -> range:
    """Take the next `count` numbers of a series; nobody else gets them.

    Its row stays locked until the transaction ends; a transaction undone gives them back.
    """
    dialect = db.session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = (
        insert(NumberSeries)
        .values(agency_id=agency_id, series=series, last=count)
        .on_conflict_do_update(
            index_elements=["agency_id", "series"], set_={"last": NumberSeries.last + count}
        )
        .returning(NumberSeries.last)
    )
    last = db.session.execute(statement).scalar_one()
    return range(last - count + 1, last + 1)
