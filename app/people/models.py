"""Tables of people: agencies, accounts, tokens, officers, partners, recusals, absences."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Entity, id_column, in_pairs, one_of
from app.people.rules import AbsenceReason, AccountState, OfficerState, TokenKind


class Agency(Entity, Base):
    """A supervision agency 监督机构; its district is the journal stream of all that it does.

    `boundary` is the district's outline: GeoJSON text as `app.geometry.load_area` takes it. `uscc`
    is the code 统一社会信用代码 under which its decisions go to other platforms.
    """

    __tablename__ = "agency"

    name: Mapped[str]
    demo: Mapped[bool] = mapped_column(default=False)
    boundary: Mapped[str | None]
    uscc: Mapped[str | None]

    @property
    def agency_id(self) -> UUID:
        return self.id


class Officer(Entity, Base):
    """A person with an enforcement certificate 执法证; a draw knows them by its number."""

    __tablename__ = "officer"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    certificate_no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    certificate_valid_until: Mapped[date]
    team: Mapped[str] = mapped_column(default="")
    specialties: Mapped[list[str]]
    lead_specialties: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default=OfficerState.ACTIVE)

    __table_args__ = (one_of("state", OfficerState),)


class PartnerOfficer(Entity, Base):
    """An officer of a partner department 市监, 教育 …, who goes along on joint visits.

    `items` are the matters that the department checks through them. They sign in nowhere here.
    """

    __tablename__ = "partner_officer"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"))
    department: Mapped[str]
    certificate_no: Mapped[str]
    name: Mapped[str]
    certificate_valid_until: Mapped[date]
    items: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default=OfficerState.ACTIVE)
    registered_at: Mapped[datetime]
    registered_by_kind: Mapped[str]
    registered_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("state", OfficerState),
        in_pairs("registered", required=True),
        sa.UniqueConstraint("agency_id", "department", "certificate_no"),
        sa.Index("ix_partner_officer_agency_id_id", "agency_id", "id"),
    )


class Account(Entity, Base):
    """Somebody who signs in. Attempts are counted beside the version: see `people.service`."""

    __tablename__ = "account"

    agency_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agency.id"), index=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    roles: Mapped[list[str]]
    officer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("officer.id"), unique=True)
    state: Mapped[str] = mapped_column(default=AccountState.ACTIVE)
    failed_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    suspended_by_kind: Mapped[str | None]
    suspended_by_id: Mapped[UUID | None]

    __table_args__ = (one_of("state", AccountState), in_pairs("suspended"))


class AccountToken(Base):
    """A bearer token at rest: only its hash, so that a stolen database signs nobody in."""

    __tablename__ = "account_token"

    id: Mapped[UUID] = id_column()
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("account.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (one_of("kind", TokenKind),)


class Recusal(Base):
    """An officer's duty to stay away from a unit 回避; the reason is a catalogue code."""

    __tablename__ = "recusal"

    id: Mapped[UUID] = id_column()
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(index=True)
    reason_code: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    declared_at: Mapped[datetime]
    declared_by_kind: Mapped[str]
    declared_by_id: Mapped[UUID | None]

    __table_args__ = (in_pairs("declared", required=True),)


class Absence(Base):
    """Days, both included, on which an officer cannot go."""

    __tablename__ = "absence"

    id: Mapped[UUID] = id_column()
    officer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("officer.id"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date]
    reason_code: Mapped[str]
    declared_at: Mapped[datetime]
    declared_by_kind: Mapped[str]
    declared_by_id: Mapped[UUID | None]

    __table_args__ = (
        one_of("reason_code", AbsenceReason),
        in_pairs("declared", required=True),
        sa.CheckConstraint("from_on <= until_on", name="days_in_order"),
    )
