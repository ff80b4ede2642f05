"""The acts of a walk and how they are chosen; what officers do on tablets without a network."""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.sync.model.tablets import PHOTO_TYPE, Sim
from tests.sync.model.world import CHECKLIST, World

PHOTOS = [f"photo {number} ".encode() * 8 for number in range(4)]
A_REAL_KILL = 7  # the one of so many examples that may kill a served process
REAL_KILLS_ONE_IN = 40
TELL_EVERY = 1000

SOME = st.integers(0, 11)
TABLET = st.integers(0, 2)
MOSTLY = st.sampled_from([True, True, False])
NOTE = st.sampled_from(["", "甲", "乙"])
DEPENDS = st.sampled_from([*[""] * 7, "last", "some", "never"])


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


class Acts(RuleBasedStateMachine):
    """One example: `world` is put back before it."""

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
