"""Tables of the timetable: who holds it, and what ran when."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, id_column, one_of
from scheduler.rules import Outcome


class SchedulerLease(Base):
    """Which process acts: one row, whose holder renews it; who is dead lets it expire."""

    __tablename__ = "scheduler_lease"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str]
    taken_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)


class SchedulerRun(Base):
    """One run of a job that was due at an instant; unfinished ones were cut off, or go on."""

    __tablename__ = "scheduler_run"

    id: Mapped[UUID] = id_column()
    job: Mapped[str]
    due_at: Mapped[datetime]
    holder: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    line: Mapped[str | None]

    __table_args__ = (
        sa.UniqueConstraint("job", "due_at"),
        one_of("outcome", Outcome),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (outcome IS NULL)", name="finished_with_outcome"
        ),
    )
