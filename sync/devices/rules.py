"""What a device may do in which state, and how its tokens follow one another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

CODE_LIFE: Final = timedelta(hours=24)
CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing looks like another
CODE_LETTERS: Final = 12
CHALLENGE_LIFE: Final = timedelta(minutes=5)
PUSH_ROUTES: Final = (
    "/api/sync/v1/inbox",
    "/api/sync/v1/uploads",
    "/api/sync/v1/receipts",
    "/api/sync/v1/devices/me",
)


class DeviceState(StrEnum):
    """`suspended` and `wipe-requested` may still push, so that nothing on the tablet is lost."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WIPE_REQUESTED = "wipe-requested"
    CLOSED = "closed"


class Alert(StrEnum):
    """How a build ends: `soft-eol` should be updated, `hard-eol` may only push any more."""

    SOFT = "soft-eol"
    HARD = "hard-eol"


@dataclass(frozen=True)
class Builds:
    """Below `minimum` a build only pushes, below `recommended` it is warned."""

    minimum: str
    recommended: str

    def alert_of(self, build: str) -> Alert | None:
        """Return how a build ends. One that has no number is not judged."""
        number = build_number(build)
        if not number:
            return None
        if number < build_number(self.minimum):
            return Alert.HARD
        return Alert.SOFT if number < build_number(self.recommended) else None


_NUMBERS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}")


def build_number(build: str) -> tuple[int, ...]:
    """Return the numbers a build begins with, so that 1.10 follows 1.9 and 1.0 is 1."""
    found = _NUMBERS.match(build)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


class TokenUse(StrEnum):
    """What a pair of tokens is good for, decided by the state of its device."""

    FULL = "full"
    PUSH = "push"


class KeyAlgorithm(StrEnum):
    """Device keys: Ed25519, or ES256 where WebCrypto lacks it."""

    ED25519 = "Ed25519"
    ES256 = "ES256"


_FOLLOWS: Mapping[DeviceState, frozenset[DeviceState]] = {
    DeviceState.SUSPENDED: frozenset({DeviceState.ACTIVE}),
    DeviceState.WIPE_REQUESTED: frozenset({DeviceState.ACTIVE, DeviceState.SUSPENDED}),
    DeviceState.ACTIVE: frozenset({DeviceState.SUSPENDED, DeviceState.WIPE_REQUESTED}),
    DeviceState.CLOSED: frozenset(
        {DeviceState.ACTIVE, DeviceState.SUSPENDED, DeviceState.WIPE_REQUESTED}
    ),
}


def may_become(state: DeviceState, wanted: DeviceState) -> bool:
    """Tell whether a device may go from `state` to `wanted`; a closed one stays closed."""
    return state in _FOLLOWS[wanted]


def use_of(state: DeviceState) -> TokenUse:
    """Return what the tokens of a device in `state` are good for."""
    return TokenUse.FULL if state is DeviceState.ACTIVE else TokenUse.PUSH


def may_call(state: DeviceState, path: str) -> bool:
    """Tell whether a device in `state` may call a route: pushing outlives a suspension."""
    if state is DeviceState.ACTIVE:
        return True
    return state is not DeviceState.CLOSED and is_push(path)


def is_push(path: str) -> bool:
    """Tell whether a route only brings home what a tablet holds."""
    return any(path == route or path.startswith(f"{route}/") for route in PUSH_ROUTES)


def read_code(text: str) -> str:
    """Return an enrolment code as it was made, however it was typed: case, hyphens, O for 0."""
    plain = "".join(text.upper().split()).replace("-", "")
    return plain.translate(str.maketrans("OIL", "011"))


def show_code(code: str) -> str:
    """Return an enrolment code in groups of four, to be read aloud."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


@dataclass(frozen=True)
class SessionSpan:
    """When an officer was in session on a tablet, by the server's clock."""

    opened_at: datetime
    until: datetime
    ended_at: datetime | None

    def covers(self, at: datetime, *, tolerance: timedelta = timedelta(0)) -> bool:
        """Tell whether the officer was in session at `at`."""
        end = self.until if self.ended_at is None else min(self.until, self.ended_at)
        return self.opened_at - tolerance <= at <= end + tolerance
