"""The walk: what tablets, supervisors, clocks, lines and a dying server do, in any order.

Each rule is one step. What the server answers is compared with the model at once; after the last
step everything is sent until nothing waits, everything is pulled, and all is compared.
"""

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.factories import PASSWORD
from tests.sync.model.acts import ACTS, PHOTOS, SOME, TABLET, WEIGHTED, act, sha256
from tests.sync.model.desk import Desk
from tests.sync.model.lines import POINTS, Broken, Fault, Killed, dying, dying_before_the_commit
from tests.sync.model.state import Sitting
from tests.sync.model.tablets import Made, Sim

REAL_POINTS = (
    "after_the_batch_is_stored",
    "after_an_effect_inside_its_savepoint",
    "after_the_receipts_before_the_commit",
    "after_the_commit_before_the_answer",
)
FAULT = st.one_of(
    st.none(),
    st.none(),
    st.sampled_from([Fault("lost request"), Fault("lost response"), Fault("sent twice")]),
    st.integers(0, 15).map(lambda part: Fault("cut", part)),
)
LONGEST = timedelta(days=60)  # sessions last 90
HOW = st.sampled_from(["all", "all", "first", "last", "reversed", "doubled", "again"])


class Walk(Desk):
    """All of it; what is compared in the end."""

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
