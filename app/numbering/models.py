"""The numbers that an office gives itself, in the order in which things come in."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class RegisterNumber(Base):
    """The last number of a register of an agency in a year; locked by who takes the next."""

    __tablename__ = "register_number"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), primary_key=True)
    register: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
