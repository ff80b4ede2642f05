"""Golden payloads: one operation of every type and version of its fields, signed, kept for ever.

Each lies in `tests/data/payloads/<type>/<version>.json`: the inbox line as a tablet sent it, and
what it must come to. A line is never written anew; a new version gets a file of its own:

    python -m tests.sync.golden visit.finish 2 '{"outcome": "no-problem"}' [ENTITY [MORE]]

writes the line of an operation about the entity (`task`, `visit`, `unit` or an id) in the world of
`World`, whose ids are always the same; MORE are other members of the operation, as JSON. What it
must come to is filled in by hand, from the first run of `test_forms.py`, after reading it.
"""

import base64
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.people.models import Account, Agency, Officer
from app.tasks.models import Task
from app.tasks.rules import visit_id
from app.units.models import Unit
from sync.devices.models import Device, DeviceSession
from tests.factories import PASSWORD
from tests.sync.conftest import Stage, item_id
from tests.sync.tablet import Tablet, canonical, line_of, sha256, sign

PAYLOADS = Path(__file__).parents[1] / "data" / "payloads"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PHOTO = sha256("a photo")


def golden_id(table: str, number: int = 1) -> UUID:
    """The id of the first, second … row of a table in the world of the golden payloads."""
    return uuid5(NAMESPACE_URL, f"golden:{table}:{number}")


DEVICE, OFFICER = golden_id("device"), golden_id("officer")
TASK, UNIT = golden_id("task"), golden_id("unit")
VISIT = visit_id(TASK, 1)
ITEM = item_id("pp-licence")
ANSWER = uuid5(VISIT, ITEM)
FINDING = golden_id("finding")
NAMED = {"task": TASK, "visit": VISIT, "unit": UNIT, "answer": ANSWER, "finding": FINDING}


@contextmanager
def known_ids() -> Iterator[None]:
    """Let the rows that operations name be made with ids that are always the same."""
    counts: Counter[str] = Counter()

    def give(_target: Any, _args: Any, values: dict[str, Any]) -> None:
        table = type(_target).__tablename__
        counts[table] += 1
        values["id"] = golden_id(table, counts[table])
        if "visit_id" in values:
            values["visit_id"] = visit_id(values["id"], 1)

    models = (Agency, Officer, Account, Unit, Task, Device, DeviceSession)
    for model in models:
        sa.event.listen(model, "init", give)
    try:
        yield
    finally:
        for model in models:
            sa.event.remove(model, "init", give)


@dataclass(frozen=True)
class World:
    """An's tablet with the golden key, and a task for An and Bo."""

    stage: Stage
    tablet: Tablet
    task: Task


def world(stage: Stage) -> World:
    """Make the world in which every golden payload was written."""
    with known_ids():
        account = stage.officer("an")
        tablet = Tablet(stage.send(), stage.clock, key=KEY)
        answer = tablet.enrol(stage.code(account), "an", PASSWORD)
        assert answer.status == 201, answer.body
        found = World(stage, tablet, stage.task(tablet))
    made = (tablet.device_id, tablet.officer_id, found.task.id)
    assert made == (DEVICE, OFFICER, TASK)
    assert found.task.unit_id == UNIT
    return found


@dataclass(frozen=True)
class Payload:
    """A golden payload: its line, and what it must come to."""

    type: str
    version: int
    line: str
    outcome: str
    reason: str | None
    effect: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.type}-{self.version}"


def payloads() -> list[Payload]:
    """Every golden payload, by type and version."""
    found = []
    for path in sorted(PAYLOADS.glob("*/*.json")):
        found.append(
            Payload(path.parent.name, int(path.stem), **json.loads(path.read_text("utf-8")))
        )
    return found


def written(
    type_: str, version: int, fields: Mapping[str, Any], entity: str, more: Mapping[str, Any]
) -> str:
    """The signed line of an operation in the world of the golden payloads."""
    number = 1 + int(sha256(f"{type_}/{version}")[:6], 16)
    at = datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC)
    tablet = Tablet(
        send=_nowhere,
        now=lambda: at,
        key=KEY,
        device_id=DEVICE,
        officer_id=OFFICER,
        session_id=golden_id("device_session"),
        seq=number - 1,
    )
    values = tablet.values(
        type_,
        NAMED.get(entity, entity),
        fields,
        op_id=f"019aa000-0000-7000-8000-{sha256(f'{type_}/{version}')[:12]}",
        form_version=version,
        **more,
    )
    text = canonical(values)
    return line_of(text, sign(KEY, "suicha-op-1", sha256(text))).decode()


def raw(sig: str) -> bytes:
    """The bytes of a signature."""
    return base64.urlsafe_b64decode(sig + "=" * (-len(sig) % 4))


def _nowhere(*_: Any) -> Any:
    raise RuntimeError("nothing is sent while a payload is written")


def write(
    type_: str, version: int, fields: Mapping[str, Any], entity: str, more: Mapping[str, Any]
) -> Path:
    """Write the file of a new payload; one that is there is never written over."""
    path = PAYLOADS / type_ / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    value: dict[str, Any] = {
        "line": written(type_, version, fields, entity, more),
        "outcome": "",
        "reason": None,
        "effect": {},
    }
    with path.open("x", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return path


if __name__ == "__main__":
    given = sys.argv[1:]
    write(
        given[0],
        int(given[1]),
        json.loads(given[2]),
        given[3] if len(given) > 3 else "task",
        json.loads(given[4]) if len(given) > 4 else {},
    )
