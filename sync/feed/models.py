"""Tables of the feed: what each scope shows of each entity, and the bodies that scopes share.

Ids are text as on the wire, so that a page is put together without converting anything.
`entity_key` is an entity's id, an answer's with its visit's before it (`rules.key_of`): answers'
ids are hashes, and this way what a tablet sends of a visit lies side by side.
"""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class FeedRow(Base):
    """The newest state of an entity in a scope; `present` false says that it left.

    `seq` is the journal's, `place` orders the rows that one transaction gave to a scope: together
    they are a position that no two rows of a scope share.
    """

    __tablename__ = "feed_row"

    entity_key: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    entity_type: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    place: Mapped[int]
    version: Mapped[int]
    present: Mapped[bool]

    __table_args__ = (sa.Index("ix_feed_row_position", "stream", "scope", "seq", "place"),)


class FeedBody(Base):
    """The body of an entity that some scope shows: canonical JSON, rendered once per change."""

    __tablename__ = "feed_body"

    entity_key: Mapped[str] = mapped_column(primary_key=True)
    entity_type: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    body: Mapped[str]


class FeedWant(Base):
    """A unit that an officer asked for, for a triggered visit: in their scope for the day."""

    __tablename__ = "feed_want"

    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("unit.id"), primary_key=True, index=True)
    wanted_on: Mapped[date] = mapped_column(index=True)


class FeedHorizon(Base):
    """The newest tombstone that was dropped from a scope: cursors before it may have missed it.

    `position` is the number that a cursor holds (`rules.pack`). `dropped_id` was made when it was
    dropped, in the order of time: who began to read after that has nothing to miss.
    """

    __tablename__ = "feed_horizon"

    stream: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    dropped_id: Mapped[UUID | None]
