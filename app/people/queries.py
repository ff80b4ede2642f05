"""Reads of people: accounts by login, tokens by hash, officers of an agency, who cannot go."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm.util import identity_key

from app.db import db
from app.people.models import (
    Absence,
    Account,
    AccountToken,
    Agency,
    Officer,
    PartnerOfficer,
    Recusal,
)
from app.people.rules import OfficerState

E = TypeVar("E", Account, Officer)


def find_agency(district: str) -> Agency | None:
    """Return the oldest agency of a district."""
    query = sa.select(Agency).where(Agency.district == district).order_by(Agency.id)
    return db.session.scalars(query).first()


def officers_by_agency(on: date) -> list[tuple[Agency, list[Officer]]]:
    """Return every agency with its active officers whose certificate is valid on a day."""
    found: dict[UUID, list[Officer]] = {}
    query = sa.select(Officer).where(
        Officer.state == OfficerState.ACTIVE, Officer.certificate_valid_until >= on
    )
    for officer in db.session.scalars(query.order_by(Officer.certificate_no)):
        found.setdefault(officer.agency_id, []).append(officer)
    agencies = db.session.scalars(sa.select(Agency).order_by(Agency.district, Agency.id))
    return [(agency, found[agency.id]) for agency in agencies if agency.id in found]


def find_account_by_login(login: str) -> Account | None:
    """Return the account of a login, whatever its case."""
    query = sa.select(Account).where(Account.login == login.lower())
    return db.session.scalars(query).one_or_none()


def find_account_of_officer(officer_id: UUID) -> Account | None:
    """Return the account with which an officer signs in."""
    query = sa.select(Account).where(Account.officer_id == officer_id)
    return db.session.scalars(query).one_or_none()


def lock_account(account_id: UUID) -> Account:
    """Return an account as it now is, kept from other writers until the transaction ends."""
    return _lock(Account, account_id)


def lock_officer(officer_id: UUID) -> Officer:
    """Return an officer as they now are, kept from other writers until the transaction ends."""
    return _lock(Officer, officer_id)


def _lock(model: type[E], key: UUID) -> E:
    loaded = db.session.identity_map.get(identity_key(model, key))
    if loaded is not None:
        db.session.flush()  # what was changed here is not to be forgotten
        db.session.expire(loaded)  # else SQLAlchemy refuses a row that has a newer version
    return db.session.get_one(model, key, with_for_update=True, populate_existing=True)


def find_token(token_hash: str) -> tuple[AccountToken, Account] | None:
    """Return a token and its account by the token's hash."""
    query = (
        sa.select(AccountToken, Account)
        .join(Account, Account.id == AccountToken.account_id)
        .where(AccountToken.token_hash == token_hash)
    )
    found = db.session.execute(query).one_or_none()
    return None if found is None else (found[0], found[1])


def tokens_of(account_id: UUID) -> sa.Select[AccountToken]:
    """Return the query of an account's tokens, revoked ones included."""
    return sa.select(AccountToken).where(AccountToken.account_id == account_id)


def accounts_in(agency_id: UUID) -> sa.Select[Account]:
    """Return the query of an agency's accounts."""
    return sa.select(Account).where(Account.agency_id == agency_id)


def officers_in(agency_id: UUID, state: OfficerState | None = None) -> sa.Select[Officer]:
    """Return the query of an agency's officers."""
    query = sa.select(Officer).where(Officer.agency_id == agency_id)
    return query if state is None else query.where(Officer.state == state)


def partners_in(
    agency_id: UUID, *, department: str | None = None, state: OfficerState | None = None
) -> sa.Select[PartnerOfficer]:
    """Return the query of an agency's partner officers."""
    query = sa.select(PartnerOfficer).where(PartnerOfficer.agency_id == agency_id)
    if department is not None:
        query = query.where(PartnerOfficer.department == department)
    return query if state is None else query.where(PartnerOfficer.state == state)


def find_officer_by_certificate(certificate_no: str) -> Officer | None:
    """Return the officer with a certificate number."""
    query = sa.select(Officer).where(Officer.certificate_no == certificate_no)
    return db.session.scalars(query).one_or_none()


def eligible_officers(agency_id: UUID, on: date) -> Sequence[Officer]:
    """Return the active officers whose certificate is valid on a day, by certificate number."""
    query = officers_in(agency_id, OfficerState.ACTIVE).where(Officer.certificate_valid_until >= on)
    return sorted(db.session.scalars(query), key=lambda officer: officer.certificate_no)


def recusals_of(officer_ids: Collection[UUID], on: date | None = None) -> Sequence[Recusal]:
    """Return the recusals of officers, those that hold on a day where one is given."""
    query = sa.select(Recusal).where(Recusal.officer_id.in_(officer_ids)).order_by(Recusal.id)
    if on is not None:
        query = query.where(
            Recusal.effective_from <= on,
            sa.or_(Recusal.effective_to.is_(None), Recusal.effective_to >= on),
        )
    return db.session.scalars(query).all()


def absences_of(officer_ids: Collection[UUID], from_on: date, until_on: date) -> Sequence[Absence]:
    """Return the absences of officers that touch the days from `from_on` to `until_on`."""
    query = sa.select(Absence).where(
        Absence.officer_id.in_(officer_ids),
        Absence.from_on <= until_on,
        Absence.until_on >= from_on,
    )
    return db.session.scalars(query.order_by(Absence.id)).all()
