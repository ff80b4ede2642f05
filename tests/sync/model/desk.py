"""What supervisors do: tasks, the register, accounts, tablets, and the review list."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.sync.model import rulings
from tests.sync.model.acts import NOTE, SOME, TABLET, Acts, act
from tests.sync.model.lines import Killed, dying_before_the_commit
from tests.sync.model.state import Device, Item, Op, Refused
from tests.sync.model.tablets import Sim
from tests.sync.tablet import Answer

MOST_TASKS = 7

VERBS = ("assign", "reassign", "return", "complete", "propose-closing", "approve-closing")


class Desk(Acts):
    """The supervisors' side of a walk."""

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
