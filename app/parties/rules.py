"""Who acted when nobody knows who: actors without code or name, and how they are recognised later.

An identity number is kept as a hash beside its last four digits: two rows of one person are found
by it, and no list, log or letter can give the number away.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from uuid import UUID


class ActorType(StrEnum):
    """A person, or a place or group that acts like an organisation."""

    CITIZEN = "citizen"
    ORGANISATION = "organisation"


class PartyState(StrEnum):
    """Whether it is known who it is; a merged row stands for the one it was merged into."""

    UNKNOWN = "unknown"
    IDENTIFIED = "identified"
    MERGED = "merged"


class Subject(StrEnum):
    """What an actor was met in."""

    UNIT = "unit"
    VISIT = "visit"
    CASE = "case"
    BAN = "ban"
    SEIZURE = "seizure"


class Met(StrEnum):
    """What a person can say that an actor was met in; bans and seizures say so themselves."""

    UNIT = Subject.UNIT
    VISIT = Subject.VISIT
    CASE = Subject.CASE


@dataclass(frozen=True)
class NewParty:
    """What is known of an actor; one of name, alias, place and description at least."""

    type: ActorType
    name: str | None = None
    alias: str | None = None
    place: str | None = None
    description: str | None = None
    id_number: str | None = None

    @property
    def says_something(self) -> bool:
        return any((self.name, self.alias, self.place, self.description, self.id_number))


def normalise_number(number: str) -> str:
    """Return an identity number as it is compared: half-width, upper case, without spaces."""
    wide = unicodedata.normalize("NFKC", number).upper()
    return "".join(c for c in wide if not c.isspace() and c != "-")


def hash_number(agency_id: UUID, number: str) -> str:
    """Return what an identity number is recognised by inside one agency."""
    return sha256(f"{agency_id}|{normalise_number(number)}".encode()).hexdigest()


def tail_of(number: str) -> str:
    """Return the last four characters of a number, to tell two of them apart by eye."""
    return normalise_number(number)[-4:]
