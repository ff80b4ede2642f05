"""The walk: what tablets, supervisors, clocks, lines and a dying server do, in any order.

Each rule is one step. What the server answers is compared with the model at once; after the last
step everything is sent until nothing waits, everything is pulled, and all is compared.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from tests.factories import PASSWORD
from tests.sync.model import rulings
from tests.sync.model.lines import POINTS, Broken, Fault, Killed, dying, dying_before_the_commit
from tests.sync.model.model import Device, Item, Op, Refused, Sitting
from tests.sync.model.tablets import PHOTO_TYPE, Made, Sim
from tests.sync.model.world import CHECKLIST, World
from tests.sync.tablet import Answer

PHOTOS = [f"photo {number} ".encode() * 8 for number in range(4)]
REAL_POINTS = (
    "after_the_batch_is_stored",
    "after_an_effect_inside_its_savepoint",
    "after_the_receipts_before_the_commit",
    "after_the_commit_before_the_answer",
)
A_REAL_KILL = 7  # the one of so many examples that may kill a served process
REAL_KILLS_ONE_IN = 40
MOST_TASKS = 7
TELL_EVERY = 1000
LONGEST = timedelta(days=60)  # sessions last 90

SOME = st.integers(0, 11)
TABLET = st.integers(0, 2)
MOSTLY = st.sampled_from([True, True, False])
NOTE = st.sampled_from(["", "甲", "乙"])
FAULT = st.one_of(
    st.none(),
    st.none(),
    st.sampled_from([Fault("lost request"), Fault("lost response"), Fault("sent twice")]),
    st.integers(0, 15).map(lambda part: Fault("cut", part)),
)
DEPENDS = st.sampled_from([*[""] * 7, "last", "some", "never"])
HOW = st.sampled_from(["all", "all", "first", "last", "reversed", "doubled", "again"])
VERBS = ("assign", "reassign", "return", "complete", "propose-closing", "approve-closing")


Drawn = st.SearchStrategy[Any]
ACTS: dict[str, Drawn] = {}
WEIGHTED: list[str] = []


def act(weight: int, **drawn: Drawn) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let the walk take a step, `weight` times as often as one of weight 1."""

    def note(step: Callable[..., None]) -> Callable[..., None]:
        ACTS[step.__name__] = st.fixed_dictionaries(drawn)
        WEIGHTED.extend([step.__name__] * weight)
        return step

    return note


def sha256(data: bytes) -> str:
    """The name of a photo."""
    return hashlib.sha256(data).hexdigest()


def attachment(number: int) -> dict[str, Any]:
    """How an operation promises a photo."""
    data = PHOTOS[number % len(PHOTOS)]
    return {"sha256": sha256(data), "size": len(data), "mime": PHOTO_TYPE, "role": "photo"}


class Walk(RuleBasedStateMachine):
    """One example; `world` is put back before it and compared after it."""

    world: ClassVar[World]
    counts: ClassVar[Counter[str]] = Counter()
    real_kills: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.world.put_back()
        self.began = self.world.clock()
        self.may_kill = False
        self.offsets: dict[tuple[str, str], tuple[int, datetime]] = {}
        self.counts["machines"] += 1

    # --- small things

    def step(self, name: str, tablet: int = 0) -> Sim:
        """Count a step and let a second pass; the journal grew and nothing in it changed."""
        self.world.check_journal()
        self.counts["steps"] += 1
        self.counts[name] += 1
        if self.counts["steps"] % TELL_EVERY == 0:
            sys.stdout.write(f"{self.counts['steps']} steps\n")
            sys.stdout.flush()
        self.world.clock.forward(seconds=1)
        return self.world.tablets[tablet]

    def task_of(self, sim: Sim, number: int) -> dict[str, Any]:
        """A task as this tablet knows it; where it carries none, one that it only heard of."""
        shown = sim.store.view("task")
        known = [one for one in self.world.model.tasks.values() if one.id in shown]
        if known:
            task = known[number % len(known)]
            body = shown[task.id]["body"]
            return {"id": task.id, "visit": body["visit_id"], "unit": body["unit_id"]}
        every = list(self.world.model.tasks.values())
        task = every[number % len(every)]
        return {"id": task.id, "visit": task.visit, "unit": task.unit}

    def visit_of(self, sim: Sim, number: int) -> str:
        """The visit of a task, or a triggered one that the tablet shows."""
        shown = sim.store.view("visit")
        triggered = [
            visit.id
            for visit in self.world.model.visits.values()
            if visit.task is None and visit.id in shown
        ]
        own = [one.values["entity_id"] for one in sim.made if one.values["fields"].get("reason")]
        both = [*triggered, *own]
        if number % 4 == 3 and both:
            return str(both[number % len(both)])
        return str(self.task_of(sim, number)["visit"])

    def depends(self, sim: Sim, how: str, number: int) -> list[str]:
        """What an operation waits for: its predecessor, any earlier one, one that never comes."""
        if how == "never":
            return ["019a0000-ffff-7000-8000-00000000000f"]
        if how and sim.made:
            return [sim.made[-1 if how == "last" else number % len(sim.made)].id]
        return []

    # --- what an officer does without a network

    @initialize(lot=st.integers(0, REAL_KILLS_ONE_IN - 1))
    def begin(self, lot: int) -> None:
        self.may_kill = self.real_kills and lot == A_REAL_KILL
        for sim in self.world.tablets:
            while sim.pull(500):
                pass

    @act(2, tablet=TABLET, number=SOME, how=DEPENDS)
    def accept(self, tablet: int, number: int, how: str) -> None:
        sim = self.step("task accepted", tablet)
        task = self.task_of(sim, number)
        sim.make("task.accept", task["id"], {}, depends_on=self.depends(sim, how, number))

    @act(2, tablet=TABLET, number=SOME, how=DEPENDS)
    def start(self, tablet: int, number: int, how: str) -> None:
        sim = self.step("visit started", tablet)
        task = self.task_of(sim, number)
        fields = {
            "task_id": task["id"],
            "unit_id": task["unit"],
            "checklist_code": CHECKLIST,
            "form_version": 1,
        }
        sim.make("visit.start", task["visit"], fields, depends_on=self.depends(sim, how, number))

    @act(1, tablet=TABLET, number=SOME, request=st.booleans())
    def trigger(self, tablet: int, number: int, request: bool) -> None:
        sim = self.step("visit triggered", tablet)
        unit = list(self.world.model.units)[number % 2]
        pair = sorted({sim.officer, self.world.officers["an"], self.world.officers["bo"]})
        code = str(uuid5(UUID(unit), f"code {number}")) if request else None
        on = (sim.now() + timedelta(hours=8)).date().isoformat()
        if code is None:
            visit = uuid5(UUID(unit), f"{on}|{','.join(pair)}")
        else:
            visit = uuid5(UUID(code), "visit")
        fields = {
            "task_id": None,
            "unit_id": unit,
            "checklist_code": CHECKLIST,
            "form_version": 1,
            "reason": "路过",
            "code_request_id": code,
            "officer_ids": pair,
        }
        sim.make("visit.start", str(visit), fields)

    def seen(
        self, sim: Sim, kind: str, entity: str, how: str, names: Sequence[str]
    ) -> dict[str, Any]:
        """What the tablet had seen of a row: as pulled, as written here last, or nothing."""
        row = sim.store.view(kind).get(entity)
        if how == "row" and row is not None:
            base = {name: row["body"][name] for name in names}
            return {"base": base, "base_version": row["version"]}
        own = [one.values["fields"] for one in sim.made if one.values["entity_id"] == entity]
        if how == "own" and own:
            base = {name: own[-1][name] for name in names if name in own[-1]}
            return {"base": base, "base_version": 0}
        return {}

    @act(
        4,
        tablet=TABLET,
        number=SOME,
        item=SOME,
        result=st.sampled_from(["yes", "yes", "no", "not-applicable"]),
        note=NOTE,
        seen=st.sampled_from(["row", "own", "blind"]),
        photo=st.booleans(),
        how=DEPENDS,
    )
    def answer(
        self,
        tablet: int,
        number: int,
        item: int,
        result: str,
        note: str,
        seen: str,
        photo: bool,
        how: str,
    ) -> None:
        sim = self.step("item answered", tablet)
        items = list(self.world.model.items)
        self.answer_item(
            sim,
            self.visit_of(sim, number),
            items[item % len(items)],
            {"result": result, "note": note},
            seen,
            attachments=[attachment(number)] if photo else [],
            depends_on=self.depends(sim, how, number),
        )

    def answer_item(
        self, sim: Sim, visit: str, item: str, said: dict[str, str], seen: str, **more: Any
    ) -> None:
        entity = str(uuid5(UUID(visit), item))
        changed = self.seen(sim, "visit_answer", entity, seen, ("result", "note"))
        fields = {"visit_id": visit, "item_id": item, **said}
        sim.make("visit.answer_item", entity, fields, **changed, **more)

    @act(6, tablet=TABLET, number=SOME, start=MOSTLY, end=MOSTLY)
    def inspect(self, tablet: int, number: int, start: bool, end: bool) -> None:
        """Everything that this tablet has not answered yet; perhaps from the start, to the end."""
        sim = self.step("visit worked through", tablet)
        task = self.task_of(sim, number)
        visit = task["visit"]
        if start:
            fields = {
                "task_id": task["id"],
                "unit_id": task["unit"],
                "checklist_code": CHECKLIST,
                "form_version": 1,
            }
            sim.make("visit.start", visit, fields)
        known = set(sim.store.view("visit_answer")) | {one.values["entity_id"] for one in sim.made}
        for item in self.world.model.items:
            if str(uuid5(UUID(visit), item)) not in known:
                self.answer_item(sim, visit, item, {"result": "yes", "note": ""}, "blind")
        if end:
            sim.make("visit.finish", visit, {"outcome": "no-problem", "summary": ""})
            fields = {"role": "party", "refused": False, "content_hash": "0" * 64}
            sim.make("document.sign", visit, fields)

    @act(
        2,
        tablet=TABLET,
        number=SOME,
        which=SOME,
        text=st.sampled_from(["积水", "过期", "无证"]),
        days=st.sampled_from([None, 3, 7]),
        seen=st.sampled_from(["row", "own", "blind"]),
    )
    def find(
        self, tablet: int, number: int, which: int, text: str, days: int | None, seen: str
    ) -> None:
        sim = self.step("finding stated", tablet)
        visit = self.visit_of(sim, number)
        finding = str(uuid5(UUID(visit), f"finding {which % 2}"))
        names = ("text", "correct_within_days")
        changed = self.seen(sim, "finding", finding, seen, names)
        fields = {"visit_id": visit, "text": text, "correct_within_days": days}
        sim.make("visit.state_finding", finding, fields, **changed)

    @act(2, tablet=TABLET, number=SOME, outcome=st.sampled_from(["no-problem", "lead"]))
    def finish(self, tablet: int, number: int, outcome: str) -> None:
        sim = self.step("visit finished", tablet)
        fields = {"outcome": outcome, "summary": "检查结束"}
        sim.make("visit.finish", self.visit_of(sim, number), fields)

    @act(2, tablet=TABLET, number=SOME)
    def sign(self, tablet: int, number: int) -> None:
        sim = self.step("visit signed", tablet)
        fields = {"role": "party", "refused": False, "content_hash": "0" * 64}
        sim.make("document.sign", self.visit_of(sim, number), fields)

    @act(1, tablet=TABLET, number=SOME)
    def interrupt(self, tablet: int, number: int) -> None:
        sim = self.step("visit interrupted", tablet)
        sim.make("visit.interrupt", self.visit_of(sim, number), {"reason": "停电"})

    @act(1, tablet=TABLET, number=SOME, to=st.sampled_from(["visit", "task"]))
    def attach(self, tablet: int, number: int, to: str) -> None:
        sim = self.step("photo attached", tablet)
        visit = self.visit_of(sim, number)
        subject = visit if to == "visit" else self.task_of(sim, number)["id"]
        fields = {"subject_type": to, "subject_id": subject}
        sim.make("evidence.attach", subject, fields, attachments=[attachment(number)])

    @act(1, tablet=TABLET, number=SOME, note=st.sampled_from(["已补正", ""]))
    def answer_return(self, tablet: int, number: int, note: str) -> None:
        """Without a note it is an operation whose fields are wrong."""
        sim = self.step("return answered", tablet)
        sim.make("task.answer_return", self.task_of(sim, number)["id"], {"note": note})

    @act(1, tablet=TABLET, number=SOME, reason=st.sampled_from(["other", "ceased"]))
    def propose_closing(self, tablet: int, number: int, reason: str) -> None:
        sim = self.step("closing proposed", tablet)
        photo = attachment(number)
        fields = {"reason": reason, "note": "大门紧锁", "evidence": [photo["sha256"]]}
        task = self.task_of(sim, number)["id"]
        sim.make("task.propose_closing", task, fields, attachments=[photo])

    @act(1, tablet=TABLET, number=SOME)
    def correct(self, tablet: int, number: int) -> None:
        sim = self.step("correction proposed", tablet)
        unit = list(self.world.model.units)[number % 2]
        sim.make("unit.propose_correction", unit, {"phone": f"021-6200 00{number:02d}"})

    # --- clocks and shifts

    @act(2, tablet=TABLET, to=st.sampled_from(["right", "1970", "+10 years", "-1 hour", "+2 min"]))
    def jump(self, tablet: int, to: str) -> None:
        sim = self.step(f"clock: {to}", tablet)
        now = self.world.clock()
        sim.offset = {
            "right": timedelta(0),
            "1970": datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - now,
            "+10 years": timedelta(days=3652),
            "-1 hour": -timedelta(hours=1),
            "+2 min": timedelta(minutes=2),
        }[to]
        sim.boot += 1

    @act(1, by=st.sampled_from([60, 4200, 86_400, 518_400]))
    def time_passes(self, by: int) -> None:
        self.step("time passed")
        if self.world.clock() - self.began + timedelta(seconds=by) < LONGEST:
            self.world.clock.forward(seconds=by)

    @act(1, tablet=TABLET, name=st.sampled_from(["dan", "bo"]))
    def change_shift(self, tablet: int, name: str) -> None:
        sim = self.step("officer signed in", tablet)
        officer = self.world.officers[name]
        body = {"login": name, "password": PASSWORD}
        answer = sim.ask("POST", "/sessions", body)
        device = self.world.model.devices[sim.id]
        if device.state != "active":
            assert answer.status == 403, answer.body
        elif officer in self.world.model.suspended:
            assert answer.status == 401, answer.body
        else:
            assert answer.status == 201, answer.body
            session = answer.json["user_session_id"]
            device.sittings.setdefault(session, Sitting(officer, self.world.clock()))
            sim.sittings[officer], sim.officer = session, officer

    @act(1, tablet=TABLET, number=SOME)
    def hand_over(self, tablet: int, number: int) -> None:
        sim = self.step("tablet handed over", tablet)
        sim.officer = list(sim.sittings)[number % len(sim.sittings)]

    # --- the line

    def batch(self, sim: Sim, how: str, number: int) -> list[Made]:
        """Which operations go, in which order."""
        unsent = sim.unsent()[:25]
        half = (len(unsent) + 1) // 2
        return {
            "all": unsent,
            "first": unsent[:half],
            "last": unsent[half:],
            "reversed": unsent[::-1],
            "doubled": unsent + unsent,
            "again": [*sim.made[number : number + 5], *unsent[:half]],
        }[how]

    @act(9, tablet=TABLET, how=HOW, number=SOME, fault=FAULT)
    def push(self, tablet: int, how: str, number: int, fault: Fault | None) -> None:
        sim = self.step(f"pushed: {how}", tablet)
        ops = self.batch(sim, how, number)
        if not ops:
            return
        self.counts[f"push, {fault.kind if fault else 'no fault'}"] += 1
        try:
            results = sim.push(ops, fault)
        except Broken as broken:
            if broken.executed:
                self.world.taken(sim, ops)
            return
        expected = self.world.taken(sim, ops)
        if fault is not None and fault.kind == "sent twice":
            expected = self.world.taken(sim, ops)
        self.world.compare_results(expected, results)

    @act(
        3,
        tablet=TABLET,
        how=HOW,
        number=SOME,
        point=st.sampled_from(sorted(POINTS)),
        call=st.integers(1, 4),
    )
    def push_and_die(self, tablet: int, how: str, number: int, point: str, call: int) -> None:
        sim = self.step("pushed to a server that dies", tablet)
        ops = self.batch(sim, how, number)
        if not ops:
            return
        sim.ask("GET", "/devices/me")
        try:
            with dying(point, call):
                results = sim.push(ops)
        except Killed:
            self.counts[f"died {point}"] += 1
            self.after_death(sim, ops, POINTS[point])
            return
        self.world.compare_results(self.world.taken(sim, ops), results)

    def after_death(self, sim: Sim, ops: list[Made], left: str) -> None:
        """What the next process finds of a push: nothing, its raw batch, all of it."""
        if left == "all":
            self.world.taken(sim, ops)
        elif left == "raw":
            pairs = [(one.values, one.hash) for one in ops]
            self.world.raw.append((sim.id, list(pairs)))

    @act(1, tablet=TABLET, point=st.sampled_from(REAL_POINTS))
    def push_and_kill(self, tablet: int, point: str) -> None:
        sim = self.step("pushed to a served process", tablet)
        ops = self.batch(sim, "all", 0)
        if not ops or not self.may_kill:
            return
        self.may_kill = False
        left = self.world.kill_for_real(sim, ops, point)
        self.counts[f"SIGKILL {left}"] += 1
        if left == "answered":
            self.world.taken(sim, ops)
        else:
            self.after_death(sim, ops, left)

    @act(1)
    def replay(self) -> None:
        self.step("stored batches replayed")
        self.world.replay()

    @act(3, tablet=TABLET, limit=st.sampled_from([1, 3, 20, 500]), fault=FAULT)
    def pull(self, tablet: int, limit: int, fault: Fault | None) -> None:
        sim = self.step("page pulled", tablet)
        if self.world.model.devices[sim.id].state != "active":
            answer = sim.ask("GET", f"/feed?cursor={sim.store.cursor}&limit={limit}")
            assert answer.status == 403, answer.body
            return
        kind = "no fault" if fault is None else fault.kind
        self.counts[f"pull, {kind}"] += 1
        with suppress(Broken):
            sim.pull(limit, None if kind == "cut" else fault)

    @act(3, tablet=TABLET)
    def pull_all(self, tablet: int) -> None:
        sim = self.step("pulled to the end", tablet)
        self.pull_to_the_end(sim)

    def pull_to_the_end(self, sim: Sim) -> None:
        if self.world.model.devices[sim.id].state == "active":
            while sim.pull(200):
                pass

    @act(1, tablet=TABLET)
    def begin_anew(self, tablet: int) -> None:
        sim = self.step("new generation", tablet)
        sim.store.begin_anew()

    @act(
        3,
        tablet=TABLET,
        number=st.integers(0, len(PHOTOS) - 1),
        size=st.sampled_from([7, 40, 1000, 1000]),
        fault=FAULT,
        dies=st.sampled_from([False, False, False, True]),
    )
    def upload(self, tablet: int, number: int, size: int, fault: Fault | None, dies: bool) -> None:
        sim = self.step("photo sent on", tablet)
        data, model = PHOTOS[number], self.world.model
        digest, now = sha256(data), self.world.clock()
        offset, until = self.offsets.get((sim.id, digest), (0, now + timedelta(days=14)))
        if now >= until and offset < len(data):
            offset, until = 0, now + timedelta(days=14)
        sim.begin_upload(data)
        known = sim.uploads[digest][1]
        if (sim.id, digest) not in self.offsets and digest in model.stored:
            offset = len(data)
        assert known == offset, f"{known} bytes are there, {offset} were sent"
        piece = len(data[offset : offset + size])
        if piece:
            offset += self.send_piece(sim, data, size, piece, fault, dies=dies)
        assert sim.look(digest) == offset
        self.offsets[sim.id, digest] = (offset, until)
        if offset == len(data):
            model.stored.add(digest)

    def send_piece(
        self, sim: Sim, data: bytes, size: int, piece: int, fault: Fault | None, *, dies: bool
    ) -> int:
        """Send a piece; return how much of it must have arrived."""
        if dies:
            self.counts["died before an upload's commit"] += 1
            try:
                with dying_before_the_commit():
                    sim.send_piece(data, size)
            except Killed:
                return 0
        self.counts[f"upload, {fault.kind if fault else 'no fault'}"] += 1
        try:
            sim.send_piece(data, size, fault)
        except Broken as broken:
            if fault is not None and fault.kind == "cut":
                return piece * fault.part // 16
            return piece if broken.executed else 0
        return piece

    # --- supervisors

    @act(
        4,
        number=SOME,
        verb=st.sampled_from([*VERBS, "refuse-closing", "reopen"]),
        team=st.permutations(["an", "bo", "cai"]),
        fault=st.sampled_from(["", "", "", "lost response", "dies"]),
    )
    def lead(self, number: int, verb: str, team: list[str], fault: str) -> None:
        self.step(f"supervisor: {verb}")
        model = self.world.model
        every = list(model.tasks.values())
        fitting = [one for one in every if one.state in rulings.STATES[verb]]
        task = (fitting or every)[number % len(fitting or every)]
        officers = [self.world.officers[name] for name in team[:2]]
        photos = sorted(model.stored)[:1]
        teamed = {"officer_ids": officers, "lead_officer_id": officers[0]}
        ding = self.world.supervisors["ding"][1]
        bodies: dict[str, dict[str, Any] | None] = {
            "assign": teamed,
            "reassign": {**teamed, "reason": "调岗"},
            "return": {"reason": "请补正"},
            "complete": None,
            "propose-closing": {"reason": "other", "evidence": photos},
            "approve-closing": None,
            "refuse-closing": {"reason": "仍在营业"},
            "reopen": {"reason": "漏检", "second_officer_id": ding, **teamed},
        }
        body = bodies[verb]
        who = "ding" if verb == "approve-closing" else "chen"
        path = f"/api/v1/tasks/{task.id}/{verb}"
        if fault == "dies" and self.dies(who, path, body):
            return
        answer = self.world.supervise(who, path, body, repeat=fault == "lost response")
        self.compare(answer, lambda: rulings.lead_task(model, task, verb, officers, photos))

    def compare(self, answer: Answer, act: Callable[[], None]) -> None:
        """Do in the model what was asked of the server: both do it, or both refuse it alike."""
        try:
            act()
            expected: tuple[int, str | None] = (200, None)
        except Refused as refused:
            self.counts[f"refused: {refused.code}"] += 1
            expected = answer.status, f"/problems/{refused.code}"
        said = answer.status, None if answer.status == 200 else answer.json["type"]
        assert said == expected, f"expected {expected}, the server said {answer.body.decode()}"

    def dies(self, who: str, path: str, body: dict[str, Any] | None) -> bool:
        """Let the server die before an act is committed; False where nothing was to be."""
        try:
            with dying_before_the_commit():
                self.world.supervise(who, path, body)
        except Killed:
            self.counts["died before a supervisor's commit"] += 1
            return True
        return False

    @act(1, number=SOME)
    def add_task(self, number: int) -> None:
        self.step("supervisor: new task")
        if len(self.world.model.tasks) == MOST_TASKS:
            return
        unit = list(self.world.model.units)[number % 2]
        self.world.add_task(unit)

    @act(1, number=SOME)
    def change_unit(self, number: int) -> None:
        self.step("unit changed")
        unit = list(self.world.model.units)[number % 2]
        changes = {"phone": f"021-5200 00{number:02d}"}
        answer = self.world.change_unit(unit, changes)
        assert answer.status == 200, answer.body
        self.world.model.units[unit].update(changes)

    @act(1, name=st.sampled_from(["bo", "dan"]))
    def suspend_account(self, name: str) -> None:
        self.step("account suspended or reinstated")
        officer, suspended = self.world.officers[name], self.world.model.suspended
        verb = "reinstate" if officer in suspended else "suspend"
        path = f"/api/v1/accounts/{self.world.accounts[name]}/{verb}"
        answer = self.world.supervise("chen", path)
        assert answer.status == 200, answer.body
        suspended.symmetric_difference_update({officer})

    @act(1, tablet=TABLET, suspend=st.sampled_from([False, False, True]))
    def suspend_tablet(self, tablet: int, suspend: bool) -> None:
        sim = self.step("tablet suspended or reinstated", tablet)
        device = self.world.model.devices[sim.id]
        if (device.state == "active") is suspend:
            self.set_state(sim, device, suspend=suspend)

    def set_state(self, sim: Sim, device: Device, *, suspend: bool) -> None:
        verb = "suspend" if suspend else "reinstate"
        path = f"/api/v1/devices/{sim.id}/{verb}"
        answer = self.world.supervise("chen", path, {"reason": "核查"})
        assert answer.status == 200, answer.body
        device.state = "suspended" if suspend else "active"

    # --- the review list

    def open_items(self, state: str) -> list[tuple[Any, ...]]:
        """Device, kind, reason, name and offers of every item that the list must show."""
        now, found = self.world.clock(), []
        for device in self.world.model.devices.values():
            named: list[tuple[Any, Item, Op | None]] = [
                (op.id, op.item, op) for op in device.order if op.item is not None
            ]
            named += [(boot, item, None) for boot, item in device.clocks.items()]
            named += [(gap, item, None) for gap, item in device.gaps.items()]
            for name, item, op in named:
                if item.state == state and (item.shown_from or now) <= now:
                    offers = tuple(rulings.possible(item, op))
                    found.append((device.id, item.kind, item.reason, name, offers))
        return found

    def listed(self, state: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """The items that the server lists, under the model's names."""
        found = {}
        for item in self.world.review(state):
            op = None if item["op"] is None else self.world.op_of(item["op"])
            if item["kind"] == "gap":
                name: Any = (item["detail"]["first"], item["detail"]["last"])
            else:
                assert op is not None
                name = op["boot_id"] if item["kind"] == "clock" else op["op_id"]
            offers = tuple(item["possible"])
            found[item["device_id"], item["kind"], item["reason"], name, offers] = item
        return found

    def check_review(self, state: str = "open") -> dict[tuple[Any, ...], dict[str, Any]]:
        """The review list is the model's."""
        found, wanted = self.listed(state), self.open_items(state)
        assert set(found) == set(wanted), (
            f"only in the model {set(wanted) - set(found)}, only listed {set(found) - set(wanted)}"
        )
        return {key: found[key] for key in wanted}

    @act(
        5,
        number=SOME,
        decision=SOME,
        state=st.sampled_from(["open", "open", "open", "decided"]),
        note=NOTE,
    )
    def decide(self, number: int, decision: int, state: str, note: str) -> None:
        self.step("review list read")
        listed = self.check_review(state)
        offered = [(key, item) for key, item in listed.items() if key[4]]
        if not offered:
            return
        (device_id, kind, _, name, offers), item = offered[number % len(offered)]
        chosen = offers[decision % len(offers)]
        self.counts[f"decided: {kind}, {chosen}"] += 1
        device = self.world.model.devices[device_id]
        op = device.ops.get(name) if isinstance(name, str) else None
        fields = None
        if chosen == "merge" and op is not None:
            fields = {
                "visit.answer_item": {"result": "yes", "note": note},
                "visit.state_finding": {"text": f"合并{note}"},
                "unit.propose_correction": {"phone": "021-5300 0000"},
            }[op.values["type"]]
        body = {"decision": chosen, "reason": "已核实", "fields": fields}
        answer = self.world.decide(item["id"], body)
        at = self.world.clock()
        if op is None:
            noted: dict[Any, Item] = {**device.clocks, **device.gaps}
            noted[name].state = "decided"
            assert answer.status == 200, answer.body
        else:
            ruling = partial(rulings.decide, self.world.model, device, op, chosen, fields, at=at)
            self.compare(answer, ruling)

    # --- the walk

    @rule(act=st.sampled_from(WEIGHTED).flatmap(lambda name: st.tuples(st.just(name), ACTS[name])))
    def step_on(self, act: tuple[str, dict[str, Any]]) -> None:
        """One act. One rule for all: else Hypothesis leaves half of them out of every example."""
        name, drawn = act
        getattr(self, name)(**drawn)

    # --- what holds in the end

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            try:
                self.quiet()
            except Exception as error:
                self.note_failure(error)
                raise
        else:
            self.note_failure(sys.exc_info()[1])

    def note_failure(self, error: BaseException | None) -> None:
        """Say at the first failure how far it took; Hypothesis then looks for the shortest walk."""
        if isinstance(error, Exception) and not self.counts["failed"]:
            self.counts["failed"] = 1
            sys.stdout.write(f"after {self.counts['steps']} steps: {error}\n")
            sys.stdout.flush()

    def quiet(self) -> None:
        """Send until nothing waits, pull until nothing is new, compare everything."""
        for sim in self.world.tablets:
            device = self.world.model.devices[sim.id]
            if device.state != "active":
                self.set_state(sim, device, suspend=False)
            while ops := sim.unsent()[:50]:
                self.world.compare_results(self.world.taken(sim, ops), sim.push(ops))
        for sim in self.world.tablets:
            for place in range(0, len(sim.made), 50):
                again = sim.push(sim.made[place : place + 50])
                assert {one["outcome"] for one in again} <= {"duplicate"}
                self.world.taken(sim, sim.made[place : place + 50])
        self.check_review()
        self.world.check_versions()
        self.world.check_stored()
        for sim in self.world.tablets:
            self.pull_to_the_end(sim)
            self.world.check_receipts(sim)
            self.world.check_view(sim)
            self.counts["operations"] += len(sim.made)
            for op in self.world.model.devices[sim.id].order:
                self.counts[f"came to: {op.outcome}{f', {op.reason}' if op.reason else ''}"] += 1
        self.counts["machines compared"] += 1
