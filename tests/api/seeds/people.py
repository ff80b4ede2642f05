"""The people of a seeded agency: officers, accounts, sessions."""

from datetime import date, timedelta
from typing import Any

from app import db
from app.access import Role
from app.people import accounts
from app.people import service as people
from app.people.models import Account, Officer
from app.people.rules import AbsenceReason
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """An account of every role, one suspended and one expired session, spare ones to change."""
    builder.officers = [builder.make.officer(builder.agency) for _ in range(6)]
    with_officer = {Role.OFFICER: 0, Role.SUPERVISOR: 1}
    for role in Role:
        officer = builder.officers[with_officer[role]] if role in with_officer else None
        account = _account(builder, role, str(role), officer=officer)
        builder.accounts[role] = account
        builder.side.tokens[role] = builder.make.token(account)
        builder.keep(f"token:{role}", _api_token(builder, account, role))
    second = _account(builder, Role.SUPERVISOR, "second", officer=builder.officers[2])
    builder.second = builder.make.actor(second)
    builder.side.tokens["second"] = builder.make.token(second)
    _account(builder, Role.CLERK, "spare")
    builder.keep("officer", builder.officers[3])
    builder.keep("officer:own", builder.officers[0])
    builder.keep("officer:member", builder.officers[4])
    builder.keep("officer:second", builder.officers[2])
    builder.side.texts |= {officer.certificate_no for officer in builder.officers}
    _ended_sessions(builder)
    with builder.make.writing():
        officer = people.get_officer(builder.officers[3].id, builder.agency.id)
        by = builder.actor(Role.SUPERVISOR)
        people.declare_recusal(
            officer,
            db.new_id(),
            "kinship",
            effective_from=date(2026, 1, 1),
            by=by,
            at=builder.make.at,
        )
        people.declare_absence(
            officer,
            AbsenceReason.LEAVE,
            from_on=date(2027, 1, 4),
            until_on=date(2027, 1, 8),
            by=by,
            at=builder.make.at,
        )


def _account(builder: Builder, role: Role, name: str, officer: Officer | None = None) -> Account:
    login = f"{name}.{builder.agency.id.hex[-6:]}"
    account = builder.make.account(role, agency=builder.agency, login=login, officer=officer)
    builder.side.logins[name] = login
    builder.side.texts.add(login)
    builder.keep(f"account:{name}", account)
    return account


def _api_token(builder: Builder, account: Account, role: Role) -> Any:
    with builder.make.writing():
        return accounts.issue_token(
            "接口",
            [role],
            expires_at=builder.make.at + timedelta(days=30),
            by=builder.make.actor(account),
            at=builder.make.at,
        )[1]


def _ended_sessions(builder: Builder) -> None:
    gone = _account(builder, Role.SUPERVISOR, "suspended", officer=builder.officers[5])
    builder.side.tokens["suspended"] = builder.make.token(gone)
    with builder.make.writing():
        account = accounts.get_account(gone.id, builder.agency.id)
        accounts.suspend_account(account, by=builder.actor(Role.ADMINISTRATOR), at=builder.make.at)
    with builder.make.writing():
        builder.side.tokens["expired"] = accounts.sign_in(
            builder.accounts[Role.SUPERVISOR],
            lasting=timedelta(hours=12),
            at=builder.make.at - timedelta(hours=13),
        )[0]
