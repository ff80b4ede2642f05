"""An agency while it is filled, for the modules that fill it, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.access import Actor, Role
from app.people.models import Account, Agency, Officer
from app.tasks import service as tasks
from app.tasks.models import Task
from app.units.models import Unit
from tests.factories import Make
from tests.sync.tablet import Send, Tablet

LASTING = timedelta(days=3)
_BEGUN = ("assigned", "accepted", "in-progress", "submitted")
WAYS: dict[str, tuple[str, ...]] = {
    "pending": (),
    **{state: _BEGUN[: place + 1] for place, state in enumerate(_BEGUN)},
    "returned": (*_BEGUN, "returned"),
    "completed": (*_BEGUN, "completed"),
    "closing-proposed": ("assigned", "closing-proposed"),
    "closed": ("assigned", "closing-proposed", "closed"),
}


@dataclass
class Side:
    """What one agency has, by name; `texts` are what only its own people may read."""

    district: str
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    def key(self, name: str) -> Ed25519PrivateKey:
        """The key of a tablet: its own in every agency."""
        seed = sha256(f"{self['agency']} {name}".encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)

    def tablet(self, name: str, send: Send, now: Callable[[], datetime]) -> Tablet:
        """The tablet of a name, as it was when the world was made."""
        return Tablet(send, now, key=self.key(name), **self.values[f"tablet:{name}"])


class Builder:
    """An agency that is filled by services: what they have in common."""

    second: Actor  # another supervisor, where a second person is needed

    def __init__(self, make: Make, agency: Agency) -> None:
        self.make, self.agency = make, agency
        self.side = Side(agency.district, ids={"agency": str(agency.id)})
        self.officers: list[Officer] = []
        self.accounts: dict[Role, Account] = {}

    def keep(self, name: str, row: Any) -> None:
        """Remember a row's id by name."""
        self.side.ids[name] = str(row.id)

    def actor(self, role: Role) -> Actor:
        """A persona, as services know them."""
        return self.make.actor(self.accounts[role])

    def unit(self) -> Unit:
        """A unit; its archive number is for its own people alone."""
        unit = self.make.unit(self.agency)
        self.side.texts.add(unit.archive_no)
        self.side.ids["archive_no"] = unit.archive_no
        return unit

    def task(self, state: str, outcome: str = "no-problem") -> Task:
        """A task of the officer and a colleague; the supervisor is not on the team."""
        task = self.make.task(self.unit(), agency=self.agency)
        own, member = self.officers[0].id, self.officers[4].id
        officer, supervisor = self.actor(Role.OFFICER), self.actor(Role.SUPERVISOR)
        digest = self.side.ids["sha256"]
        steps: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
            "assigned": (tasks.assign_task, ([own, member], own), {"by": supervisor}),
            "accepted": (tasks.accept_task, (), {"officer_id": own, "by": officer}),
            "in-progress": (tasks.start_task, (), {"officer_id": own, "by": officer}),
            "submitted": (tasks.submit_task, (outcome,), {"by": officer}),
            "returned": (tasks.return_task, ("照片不清楚",), {"by": supervisor}),
            "completed": (tasks.complete_task, (), {"by": supervisor}),
            "closing-proposed": (
                tasks.propose_closing,
                ("ceased", "已停业", [digest]),
                {"by": officer},
            ),
            "closed": (tasks.approve_closing, (), {"by": supervisor}),
        }
        for step in WAYS[state]:
            verb, args, values = steps[step]
            with self.make.writing():
                task = verb(task.id, *args, **values, at=self.make.at)
        return task
