"""The table of the catalogue: every value the law gives, with its dates and its source."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, id_column

DISTRICT = "catalogue"


class CatalogueRow(Base):
    """One dated row; what its kind needs beyond the dates stands in `body`.

    The catalogue belongs to the installation: it has no agency, and its own journal stream.
    """

    __tablename__ = "catalogue_row"

    id: Mapped[UUID] = id_column()
    version: Mapped[int] = mapped_column(nullable=False)
    kind: Mapped[str]
    code: Mapped[str]
    body: Mapped[dict[str, Any]]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    source: Mapped[str]
    confirmed: Mapped[bool]
    note: Mapped[str | None]

    __table_args__ = (
        sa.UniqueConstraint("kind", "code", "effective_from"),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_from <= effective_to", name="days_in_order"
        ),
    )
    __mapper_args__ = {"version_id_col": version}

    @property
    def agency_id(self) -> None:
        return None

    @property
    def district(self) -> str:
        return DISTRICT
