"""A fleet for one day: enrol, pull, inspect offline, break off, come back, push."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sync.simulate import photo
from sync.simulate.tablet import Faults, GaveUp, Tablet, instant

Progress = Callable[[int], None]
BREAK_OFF = 0.3
_NO_SHARE, _NOT_APPLICABLE_SHARE = 0.08, 0.06


@dataclass(frozen=True)
class Order:
    """What the fleet is to do."""

    server: str
    tablets: int
    supervisor: str
    password: str
    tasks_each: int
    photos_each: int
    seed: int
    lose: float = 0.0
    cut: float = 0.0


class Console:
    """The supervisor's side of the simulation: signs in, sees tasks, hands out codes."""

    def __init__(self, order: Order) -> None:
        faults = Faults(random.Random(order.seed))
        self.line = Tablet(order.server, name="supervisor", faults=faults, seed=order.seed)
        answer = self.line.call(
            "POST",
            "/api/v1/sessions",
            {"login": order.supervisor, "password": order.password},
            signed_in=False,
        )
        if answer.status != 201:
            raise GaveUp(f"{order.supervisor} cannot sign in: {answer.status} {answer.body!r}")
        self.line.tokens = {"access": answer.json()["token"]}

    def get_all(self, path: str) -> list[dict[str, Any]]:
        """Return every item of a paged list."""
        items: list[dict[str, Any]] = []
        next_path: str | None = path
        while next_path:
            answer = self.line.call("GET", next_path)
            if answer.status != 200:
                raise GaveUp(f"{path}: {answer.status} {answer.body[:300]!r}")
            items += answer.json()["items"]
            link = answer.headers.get("link", "")
            next_path = link[1 : link.index(">")] if 'rel="next"' in link else None
        return items

    def code_for(self, login: str) -> str:
        """Return a one-time enrolment code."""
        answer = self.line.call("POST", "/api/v1/device-codes", {"login": login})
        if answer.status != 201:
            raise GaveUp(f"no enrolment code for {login}: {answer.status} {answer.body[:300]!r}")
        return str(answer.json()["code"])


def run(order: Order, ledger: Path, progress: Progress) -> list[Tablet]:
    """Run the day and write what each tablet made into `ledger`; returns the tablets.

    Raises GaveUp when the server refuses something that a tablet cannot go on without.
    """
    tablets = gather(order)
    with ThreadPoolExecutor(len(tablets)) as pool:
        list(pool.map(lambda tablet: _day(order, tablet, progress), tablets))
    write_ledger(tablets, ledger)
    return tablets


def gather(order: Order) -> list[Tablet]:
    """Return the fleet, each tablet enrolled by an officer who leads assigned tasks."""
    console = Console(order)
    officers = {officer["id"]: officer for officer in console.get_all("/api/v1/officers?limit=200")}
    tasks = console.get_all("/api/v1/tasks?state=assigned&limit=200")
    by_lead: dict[str, int] = {}
    for task in tasks:
        by_lead[task["lead_officer_id"]] = by_lead.get(task["lead_officer_id"], 0) + 1
    leads = sorted(by_lead, key=lambda officer: (-by_lead[officer], officer))[: order.tablets]
    if len(leads) < order.tablets:
        raise GaveUp(f"only {len(leads)} officers lead an assigned task; load the demo again")
    tablets = [_make(order, number, officers[lead]) for number, lead in enumerate(leads)]
    for tablet in tablets:
        login = tablet.name
        tablet.enrol(code=console.code_for(login), login=login, password=order.password)
    return tablets


def _make(order: Order, number: int, officer: dict[str, Any]) -> Tablet:
    seed = order.seed * 1000 + number
    faults = Faults(random.Random(seed + 1), lose=order.lose, cut=order.cut)
    return Tablet(order.server, name=officer["certificate_no"], faults=faults, seed=seed)


def _day(order: Order, tablet: Tablet, progress: Progress) -> None:
    inspect(order, tablet, progress)
    tablet.upload(break_off=BREAK_OFF)
    tablet.push()
    tablet.upload()
    tablet.pull()
    progress(1)


def inspect(order: Order, tablet: Tablet, progress: Progress) -> None:
    """Pull, and inspect without a network; what was made waits on the tablet."""
    tablet.pull()
    start = datetime.now(UTC) - timedelta(hours=8)
    mine = [
        task
        for task in tablet.bodies("task")
        if task["state"] == "assigned" and task["lead_officer_id"] == tablet.officer_id
    ]
    for number, task in enumerate(mine[: order.tasks_each]):
        _visit(order, tablet, task, start + timedelta(minutes=70 * number))
        progress(1)


def _visit(
    order: Order,
    tablet: Tablet,
    task: dict[str, Any],
    at: datetime,
) -> None:
    """One visit without a network: accept, start, answer, photograph, finish, sign."""
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    checklist = _in_force(tablet, "checklist")[task["checklist_code"]]
    known = _in_force(tablet, "check_item")
    items = [known[code] for section in checklist["sections"] for code in section["items"]]
    visit_id = task["visit_id"]
    here = _fix(tablet.chance, unit, at)
    tablet.operate("task.accept", task["id"], {}, at=at, base_version=task["version"])
    tablet.operate(
        "visit.start",
        visit_id,
        {
            "task_id": task["id"],
            "unit_id": task["unit_id"],
            "checklist_code": checklist["code"],
            "form_version": checklist["form_version"],
            "code_mark": None,
        },
        at=at,
        fix=here,
    )
    wrong = 0
    for number, item in enumerate(items):
        at += timedelta(seconds=50)
        here = _fix(tablet.chance, unit, at)
        pictured = number < order.photos_each
        wrong += _answer(tablet, visit_id, item, at, here, pictured=pictured) == "no"
    tablet.operate(
        "visit.finish",
        visit_id,
        {"outcome": "ordered-to-correct" if wrong else "no-problem", "summary": "现场检查结束。"},
        at=at + timedelta(minutes=2),
    )
    tablet.operate(
        "document.sign",
        visit_id,
        {"role": "party", "refused": False, "content_hash": "0" * 64},
        at=at + timedelta(minutes=4),
    )
    tablet.counters.tasks += 1


def _in_force(tablet: Tablet, kind: str) -> dict[str, dict[str, Any]]:
    """Return the catalogue rows of a kind that hold today, by code."""
    today = datetime.now(UTC).date().isoformat()
    return {
        body["code"]: body
        for body in tablet.bodies(kind)
        if body["effective_from"] <= today <= (body["effective_to"] or today)
    }


def _answer(
    tablet: Tablet,
    visit_id: str,
    item: dict[str, Any],
    at: datetime,
    here: dict[str, Any],
    *,
    pictured: bool,
) -> str:
    """Answer one item, with a photo where the answer or the order asks for one."""
    item_id = str(uuid5(NAMESPACE_URL, f"suicha:item:{item['code']}"))
    result = _result(tablet.chance, item)
    pictures = []
    if result == "no" or pictured:
        pictures.append(
            photo.take(tablet.chance, at=at, lat_e7=here["lat_e7"], lon_e7=here["lon_e7"])
        )
    attachments = [
        {
            "mime": "image/jpeg",
            "role": "photo",
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        for data in pictures
    ]
    op_id = tablet.operate(
        "visit.answer_item",
        tablet.answer_id(visit_id, item_id),
        {
            "visit_id": visit_id,
            "item_id": item_id,
            "item_code": item["code"],
            "result": result,
            "note": "现场未见相应记录，已拍照。" if result == "no" else "",
        },
        at=at,
        fix=here,
        attachments=attachments,
    )
    for data in pictures:
        tablet.photograph(data, op_id)
    return result


def _result(chance: random.Random, item: dict[str, Any]) -> str:
    lot = chance.random()
    if lot < _NO_SHARE:
        return "no"
    allowed = lot > 1 - _NOT_APPLICABLE_SHARE and "not-applicable" in item["answers"]
    return "not-applicable" if allowed else "yes"


def _fix(chance: random.Random, unit: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "accuracy_cm": chance.randrange(300, 3000),
        "datum": "WGS-84",
        "fixed_at": instant(at),
        "lat_e7": unit["lat_e7"] + chance.randrange(-900, 900),
        "lon_e7": unit["lon_e7"] + chance.randrange(-900, 900),
        "mock": False,
        "provider": "gps",
    }


def write_ledger(tablets: Sequence[Tablet], ledger: Path) -> None:
    """Write one JSON line for every operation, photo and receipt of every tablet."""
    with ledger.open("w", encoding="utf-8") as out:
        for tablet in tablets:
            header = {"kind": "device", "device_id": tablet.device_id, "name": tablet.name}
            for made in (header, *tablet.made):
                out.write(json.dumps(made, ensure_ascii=False) + "\n")
