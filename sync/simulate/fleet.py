"""A fleet for one day: enrol, pull, inspect offline, break off, come back, push."""

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sync.simulate import door, papers, photo
from sync.simulate.line import Faults, GaveUp, Line, Stopped, instant, now
from sync.simulate.tablet import Tablet

Progress = Callable[[int], None]
Disturb = Callable[["Fleet"], None]
BREAK_OFF = 0.3
PUSH_FIRST = 0.5  # share of the tablets whose photos come after their operations
FEW = 4  # so many tablets, and two of them are one pair's
PAIRS = 0.25  # share of a pair's visits at which both tablets write; the first one is
STICKERS_EVERY = 2  # so many units, and one has a code at its door
WITHOUT_CODE = 3  # of so many visits the first has no code: it starts for a reason
_NO_SHARE, _NOT_APPLICABLE_SHARE = 0.08, 0.06


class NoDemo(GaveUp):
    """The server holds more than the demo, and nobody said that this is meant."""


@dataclass(frozen=True)
class Order:
    """What the fleet is to do; `within_s`: in which time after the day all come back."""

    server: str
    tablets: int
    supervisor: str
    password: str
    tasks_each: int
    photos_each: int
    seed: int
    lose: float = 0.0
    cut: float = 0.0
    within_s: float = 0.0
    even_if_no_demo: bool = False


class Console:
    """The supervisor's side of the simulation: signs in, sees tasks, hands out codes."""

    def __init__(self, order: Order, stop: threading.Event | None = None) -> None:
        line = Line(
            order.server, name="supervisor", faults=Faults(random.Random(order.seed)), stop=stop
        )
        line.reach()
        self.caller = Tablet(line, seed=order.seed)
        answer = self.caller.call(
            "POST",
            "/api/v1/sessions",
            {"login": order.supervisor, "password": order.password},
            signed_in=False,
        )
        if answer.status != 201:
            raise GaveUp(f"{order.supervisor} cannot sign in: {answer.status} {answer.body!r}")
        self.caller.tokens = {"access": answer.json()["token"]}

    def is_of_demo(self) -> bool:
        """Whether the supervisor's agency belongs to the demo."""
        return bool(self.caller.call("GET", "/api/v1/me").json()["agency"]["demo"])

    def get_all(self, path: str) -> list[dict[str, Any]]:
        """Return every item of a paged list."""
        items: list[dict[str, Any]] = []
        next_path: str | None = path
        while next_path:
            answer = self.caller.call("GET", next_path)
            if answer.status != 200:
                raise GaveUp(f"{path}: {answer.status} {answer.body[:300]!r}")
            items += answer.json()["items"]
            link = answer.headers.get("link", "")
            next_path = link[1 : link.index(">")] if 'rel="next"' in link else None
        return items

    def code_for(self, login: str) -> str:
        """Return a one-time enrolment code."""
        answer = self.caller.call("POST", "/api/v1/device-codes", {"login": login})
        if answer.status != 201:
            raise GaveUp(f"no enrolment code for {login}: {answer.status} {answer.body[:300]!r}")
        return str(answer.json()["code"])

    def ask_visit_code(self, task: dict[str, Any]) -> None:
        """Ask for the code of a task's visit; beyond a cap there is none."""
        asked = {
            "unit_id": task["unit"]["id"],
            "officer_ids": sorted(_team(task)),
            "valid_from": instant(_morning() - timedelta(hours=1)),
            "valid_until": instant(now() + timedelta(hours=12)),
            "task_ids": [task["id"]],
        }
        answer = self.caller.call("POST", "/api/v1/visit-codes", asked)
        if answer.status not in {201, 409, 422}:
            raise GaveUp(f"no visit code: {answer.status} {answer.body[:300]!r}")

    def stickers(self, tasks: Sequence[dict[str, Any]]) -> dict[str, str]:
        """Return the codes that hang at the doors of some of the tasks' units."""
        found = {}
        for unit_id in sorted({task["unit"]["id"] for task in tasks})[::STICKERS_EVERY]:
            answer = self.caller.call("GET", f"/api/v1/units/{unit_id}/code")
            if answer.status == 200:
                found[unit_id] = answer.json()["text"]
        return found


class Fleet:
    """The tablets of one day, all under one order; `stop` ends them wherever they are."""

    def __init__(self, order: Order, tablets: Sequence[Tablet], stop: threading.Event) -> None:
        self.order, self.tablets, self.stop = order, tablets, stop
        self.over = threading.Event()

    def share_home(self) -> float:
        """Return which share of the operations and photos has arrived, as the tablets know it."""
        made = sum(one.counters.operations + one.counters.photos for one in self.tablets)
        home = sum(len(one.receipts) + sum(p.done for p in one.photos) for one in self.tablets)
        return home / made if made else 1.0

    def each(self, act: Callable[[Tablet], None], disturb: Disturb | None = None) -> None:
        """Let every tablet do the same at once; whatever fails in one of them ends all."""
        self.over.clear()
        with ThreadPoolExecutor(len(self.tablets) + 1) as pool:
            try:
                acting = [pool.submit(act, tablet) for tablet in self.tablets]
                every = list(acting)
                if disturb is not None:
                    every.append(pool.submit(self._disturbed, disturb))
                wait(acting, return_when=FIRST_EXCEPTION)
                if _failures(acting):
                    self.stop.set()
                self.over.set()
                wait(every)
            except BaseException:
                self.stop.set()
                raise
        failures = _failures(every)
        for failure in sorted(failures, key=lambda one: isinstance(one, Stopped)):
            raise failure

    def _disturbed(self, disturb: Disturb) -> None:
        try:
            disturb(self)
        except BaseException:
            self.stop.set()
            raise


def _failures(futures: Iterable[Future[None]]) -> list[BaseException]:
    return [error for one in futures if one.done() and (error := one.exception())]


def run(
    order: Order,
    ledger: Path,
    progress: Progress,
    *,
    disturb: Disturb | None = None,
    stop: threading.Event | None = None,
) -> list[Tablet]:
    """Run the day and write what each tablet made into `ledger`; returns the tablets.

    `disturb` acts while they bring their work home. Raises GaveUp when the server refuses something
    that a tablet cannot go on without, NoDemo for a server that is none.
    """
    stop = stop or threading.Event()
    try:
        fleet = Fleet(order, gather(order, stop), stop)
        fleet.each(lambda tablet: inspect(order, tablet, progress))
        _work_in_pairs(order, fleet.tablets)
        for tablet in fleet.tablets:
            tablet.counters.begin_measuring()
        fleet.each(lambda tablet: _come_home(order, tablet, progress), disturb)
    except BaseException:
        stop.set()
        raise
    write_ledger(fleet.tablets, ledger)
    return list(fleet.tablets)


def gather(order: Order, stop: threading.Event | None = None) -> list[Tablet]:
    """Return the fleet, each tablet enrolled by an officer with assigned tasks, as `choose` says.

    Raises GaveUp where there are too few of them.
    """
    console = Console(order, stop)
    if not (order.even_if_no_demo or console.is_of_demo()):
        raise NoDemo("the server is no demo: what a fleet makes there stays; say --yes to mean it")
    officers = {officer["id"]: officer for officer in console.get_all("/api/v1/officers?limit=200")}
    tasks = console.get_all("/api/v1/tasks?state=assigned&limit=200")
    chosen = choose(tasks, order.tablets)
    tablets = [_make(order, number, officers[one], stop) for number, one in enumerate(chosen)]
    for tablet in tablets:
        login = tablet.name
        tablet.enrol(code=console.code_for(login), login=login, password=order.password)
    stickers = console.stickers([one for one in tasks if _team(one) & set(chosen)])
    for tablet in tablets:
        tablet.stickers = stickers
    for officer_id in chosen:
        led = sorted((one for one in tasks if one["lead_officer_id"] == officer_id), key=_place)
        for number, task in enumerate(led[: order.tasks_each]):
            if number % WITHOUT_CODE:
                console.ask_visit_code(task)
    return tablets


def choose(tasks: Sequence[dict[str, Any]], count: int) -> list[str]:
    """Return the officers to go out: those who lead most; of a few at least two go together.

    Where none is a colleague of another at that one's first visit, the last is left out for one
    who is.
    Raises GaveUp where too few have a task.
    """
    led: dict[str, int] = {}
    for task in tasks:
        for officer_id in _team(task):
            led[officer_id] = led.get(officer_id, 0) + (officer_id == task["lead_officer_id"])
    ranked = sorted(led, key=lambda officer: (-led[officer], officer))
    chosen = ranked[:count]
    if len(chosen) < count:
        raise GaveUp(
            f"only {len(chosen)} officers have an assigned task;"
            " load a larger demo (suicha demo --officers, --units)"
        )
    begun = {one["lead_officer_id"]: one for one in sorted(tasks, key=_place, reverse=True)}
    teams = [_team(begun[lead]) for lead in chosen[:-1] if lead in begun]
    mates = {one for team in teams for one in team} - set(chosen)
    if count >= FEW and mates and not any(len(team & set(chosen)) > 1 for team in teams):
        chosen[-1] = min(mates, key=ranked.index)
    return chosen


def _place(task: dict[str, Any]) -> str:
    return str(task["id"])  # in which order an officer goes to them


def _team(task: dict[str, Any]) -> set[str]:
    return {str(member["officer_id"]) for member in task["team"]}


def _make(
    order: Order, number: int, officer: dict[str, Any], stop: threading.Event | None
) -> Tablet:
    seed = order.seed * 1000 + number
    faults = Faults(random.Random(seed + 1), lose=order.lose, cut=order.cut)
    line = Line(order.server, name=officer["certificate_no"], faults=faults, stop=stop)
    return Tablet(line, seed=seed)


def _come_home(order: Order, tablet: Tablet, progress: Progress) -> None:
    if order.within_s:
        tablet.line.pause(tablet.chance.uniform(0, order.within_s))
    if tablet.chance.random() < PUSH_FIRST:
        tablet.push()
    tablet.upload(break_off=BREAK_OFF)
    tablet.push()
    tablet.upload()
    tablet.pull()
    progress(1)


def inspect(order: Order, tablet: Tablet, progress: Progress) -> None:
    """Pull, and inspect without a network; what was made waits on the tablet."""
    tablet.pull()
    for number, task in enumerate(_own_tasks(order, tablet)):
        at = _morning() + timedelta(minutes=70 * number)
        _visit(order, tablet, task, at, number=number)
        progress(1)


def _morning() -> datetime:
    return now() - timedelta(hours=8)


def _own_tasks(order: Order, tablet: Tablet) -> list[dict[str, Any]]:
    """Return the tasks that the tablet's officer leads and inspects today."""
    mine = [
        task
        for task in tablet.bodies("task")
        if task["state"] == "assigned" and task["lead_officer_id"] == tablet.officer_id
    ]
    return mine[: order.tasks_each]


def _work_in_pairs(order: Order, tablets: Sequence[Tablet]) -> None:
    """Let colleagues write at some of the visits too, on their own tablets, without a network."""
    chance, first = random.Random(f"{order.seed} pairs"), True
    by_officer = {tablet.officer_id: tablet for tablet in tablets}
    for lead in tablets:
        for number, task in enumerate(_own_tasks(order, lead)):
            others = [one for one in task["officer_ids"] if one in by_officer]
            others.remove(lead.officer_id)
            if others and (chance.random() < PAIRS or first):
                first = False
                at = _morning() + timedelta(minutes=70 * number + 5)
                _help_out(by_officer[others[0]], task, at, number=number)


def _help_out(tablet: Tablet, task: dict[str, Any], at: datetime, *, number: int) -> None:
    """Start the visit of a colleague as well, answer some items, write the same papers."""
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    checklist, items = _list_of(tablet, task)
    tablet.visit_number = number
    _start(tablet, task, checklist, at)
    for place, item in enumerate(tablet.chance.sample(items, -(-len(items) // 4))):
        at += timedelta(seconds=50)
        here = door.fix(tablet, unit, at)
        _answer(tablet, task["visit_id"], item, at, here, pictured=place == 0)
    papers.hand_over_too(tablet, task, at + timedelta(minutes=1), number=number)


def _list_of(
    tablet: Tablet, task: dict[str, Any]
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the checklist of a task, where there is one for its matter, and the items."""
    if task["checklist_code"] is None:
        return None, []
    checklist = tablet.in_force("checklist")[task["checklist_code"]]
    known = tablet.in_force("check_item")
    items = [known[code] for section in checklist["sections"] for code in section["items"]]
    return checklist, items


def _start(
    tablet: Tablet,
    task: dict[str, Any],
    checklist: dict[str, Any] | None,
    at: datetime,
) -> None:
    listed = (
        {}
        if checklist is None
        else {
            "checklist_code": checklist["code"],
            "form_version": checklist["form_version"],
        }
    )
    tablet.operate(
        "visit.start",
        task["visit_id"],
        {
            "task_id": task["id"],
            "unit_id": task["unit_id"],
            **listed,
            **door.said(tablet, task, at),
        },
        at=at,
        fix=door.arrive(tablet, task, at),
        confirmed_by=door.colleague(tablet, task),
    )


def _visit(
    order: Order,
    tablet: Tablet,
    task: dict[str, Any],
    at: datetime,
    *,
    number: int,
) -> None:
    """One visit without a network: accept, start, answer, photograph, hand over, finish, sign."""
    unit = tablet.rows[("unit", task["unit_id"])]["body"]
    checklist, items = _list_of(tablet, task)
    visit_id = task["visit_id"]
    tablet.operate("task.accept", task["id"], {}, at=at, base_version=task["version"])
    tablet.visit_number = number
    _start(tablet, task, checklist, at)
    wrong = 0
    for place, item in enumerate(items):
        at += timedelta(seconds=50)
        here = door.fix(tablet, unit, at)
        pictured = place < order.photos_each
        wrong += _answer(tablet, visit_id, item, at, here, pictured=pictured) == "no"
    wrong += papers.hand_over(tablet, task, at + timedelta(minutes=1), number=number)
    left = at + timedelta(minutes=2)
    tablet.operate(
        "visit.finish",
        visit_id,
        {"outcome": "ordered-to-correct" if wrong else "no-problem", "summary": "现场检查结束。"},
        at=left,
        fix=door.leave(tablet, task, left),
    )
    tablet.operate(
        "document.sign",
        visit_id,
        {"role": "party", "refused": False, "content_hash": "0" * 64},
        at=at + timedelta(minutes=4),
    )
    tablet.counters.tasks += 1


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


def write_ledger(tablets: Sequence[Tablet], ledger: Path) -> None:
    """Write one JSON line for every operation, photo and receipt of every tablet."""
    with ledger.open("w", encoding="utf-8") as out:
        for tablet in tablets:
            header = {"kind": "device", "device_id": tablet.device_id, "name": tablet.name}
            for made in (header, *tablet.made):
                out.write(json.dumps(made, ensure_ascii=False) + "\n")
