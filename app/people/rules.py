"""Who may sign in and who may go: what makes an account usable and an officer eligible."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_MIN = 10
PASSWORD_MAX = 128
TOKEN_DAYS_MAX = 366
LOGIN_PATTERN = r"^[a-z0-9][a-z0-9._-]{1,39}$"
CERTIFICATE_PATTERN = r"^[!-+\--~\u4e00-\u9fff]+$"  # a draw joins certificates with commas


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class OfficerState(StrEnum):
    ACTIVE = "active"
    LEFT = "left"


class TokenKind(StrEnum):
    """A session ends by itself within the day; an API token lives as long as its owner said."""

    SESSION = "session"
    API = "api"


class AbsenceReason(StrEnum):
    LEAVE = "leave"
    SICK = "sick"
    TRAINING = "training"
    SECONDMENT = "secondment"
    OTHER = "other"


@dataclass(frozen=True)
class Attempts:
    """How many passwords in a row were wrong, and until when the account is locked for it."""

    failed: int
    locked_until: datetime | None

    def locked_at(self, at: datetime) -> bool:
        """Tell whether nobody may sign in at `at`, whatever the password."""
        return self.locked_until is not None and at < self.locked_until

    def after_failure(self, at: datetime) -> "Attempts":
        """Return what holds after one more wrong password; an expired lock begins afresh."""
        failed = 1 if self.locked_until is not None else self.failed + 1
        return Attempts(failed, at + LOCKED_FOR if failed >= FAILURES_ALLOWED else None)


NO_ATTEMPTS = Attempts(0, None)


@dataclass(frozen=True)
class NewOfficer:
    """What a register knows of an officer. Specialties are codes of the catalogue.

    `specialties` are those the officer may take part in, `lead_specialties` those they may lead.
    """

    certificate_no: str
    name: str
    certificate_valid_until: date
    team: str = ""
    specialties: tuple[str, ...] = field(default=())
    lead_specialties: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class NewPartner:
    """What a partner department says of an officer of theirs; `items` are what they check."""

    department: str
    certificate_no: str
    name: str
    certificate_valid_until: date
    items: tuple[str, ...] = ()


def is_certificate_no(text: str) -> bool:
    """Tell whether a text can be a certificate's number: no space, no comma."""
    return re.fullmatch(CERTIFICATE_PATTERN.strip("^$"), text) is not None


def is_eligible(state: str, certificate_valid_until: date, on: date) -> bool:
    """Tell whether an officer may be sent to a visit on a day (行政处罚法 第四十二条)."""
    return state == OfficerState.ACTIVE and on <= certificate_valid_until


def not_taking_part(specialties: Iterable[str], lead_specialties: Iterable[str]) -> list[str]:
    """Return the specialties that are to be led by someone who does not take part in them."""
    return sorted(set(lead_specialties) - set(specialties))
