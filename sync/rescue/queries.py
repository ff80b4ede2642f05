"""Reads of rescue files."""

from uuid import UUID

import sqlalchemy as sa

from app.db import db
from sync.rescue.models import RescueFile


def find_file(rescue_id: UUID) -> RescueFile | None:
    """Return a rescue file of any agency."""
    return db.session.get(RescueFile, rescue_id)


def find_same(agency_id: UUID, sha256: str) -> RescueFile | None:
    """Return the file of an agency that has these bytes."""
    return db.session.scalars(
        sa.select(RescueFile).where(RescueFile.agency_id == agency_id, RescueFile.sha256 == sha256)
    ).one_or_none()


def files_of(agency_id: UUID) -> sa.Select[RescueFile]:
    """Return the query of an agency's rescue files."""
    return sa.select(RescueFile).where(RescueFile.agency_id == agency_id)
