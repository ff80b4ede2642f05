"""What a tablet says meets what stands: every row of the table of conflicts, over the wire."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access import Role
from app.evidence.models import EvidenceLink
from app.tasks.models import Task
from app.visits.models import Finding, Visit, VisitAnswer
from sync.inbox.models import Operation
from tests.sync.conftest import ITEMS, Stage, answer, start
from tests.sync.held import Held
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet, op_of
from tests.sync.tus import Tus, photo, sha256

APPLIED, MERGED = ("applied", None), ("merged", None)
CONFLICT = ("conflict", "field-conflict")


class Table:
    """A pair's visit; An has answered the first item, both tablets have seen it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.an, self.bo = stage, stage.tablet("an"), stage.tablet("bo")
        self.task = stage.task(self.an, self.bo)
        self.finding_id = uuid4()
        for one in (self.an, self.bo):
            one.push([start(one, self.task)])

    def answer(self, tablet: Tablet, code: str, **said: Any) -> tuple[str, str | None]:
        """Answer an item with only these fields; `base` and `base_version` as given."""
        more = {name: said.pop(name) for name in ("base", "base_version") if name in said}
        values = op_of(answer(tablet, self.task, code))
        fields = {name: values["fields"][name] for name in ("visit_id", "item_id")}
        line = tablet.op("visit.answer_item", values["entity_id"], {**fields, **said}, **more)
        return outcomes(tablet.push([line]))[0]

    def find(self, tablet: Tablet, **said: Any) -> tuple[str, str | None]:
        """State the finding with only these fields."""
        more = {name: said.pop(name) for name in ("base", "base_version") if name in said}
        fields = {"visit_id": str(self.task.visit_id), **said}
        line = tablet.op("visit.state_finding", self.finding_id, fields, **more)
        return outcomes(tablet.push([line]))[0]

    def stands(self, code: str) -> tuple[str, str | None, UUID]:
        rows = self.stage.all(
            sa.select(VisitAnswer.result, VisitAnswer.note, VisitAnswer.officer_id).where(
                VisitAnswer.item_code == code
            )
        )
        found: tuple[str, str | None, UUID] = tuple(rows[0])
        return found


@pytest.fixture
def table(stage: Stage) -> Table:
    return Table(stage)


def test_every_way_in_which_two_words_about_one_thing_can_meet(table: Table):
    an, bo = table.an, table.bo
    no, yes = {"result": "no", "note": "过期"}, {"result": "yes", "note": None}
    one, two, three, four = ITEMS[:4]

    # the same field, the base is what stands
    assert table.answer(an, one, **no) == APPLIED
    assert table.answer(bo, one, base=no, base_version=1, **yes) == APPLIED
    assert table.stands(one) == ("yes", None, bo.officer_id)

    # the same new value, without having seen the other's
    assert table.answer(an, two, **no) == APPLIED
    assert table.answer(bo, two, **no) == MERGED
    assert table.stands(two) == ("no", "过期", an.officer_id)

    # other fields changed meanwhile
    assert table.answer(an, three, **no) == APPLIED
    assert table.answer(an, three, base=no, base_version=1, result="yes") == APPLIED
    seen = {"base": {"note": "过期"}, "base_version": 1}
    assert table.answer(bo, three, note="已续期", **seen) == MERGED
    assert table.stands(three)[:2] == ("yes", "已续期")

    # the same field, another value
    assert table.answer(an, four, **no) == APPLIED
    assert table.answer(an, four, base=no, base_version=1, note="已过期两月") == APPLIED
    assert table.answer(bo, four, base=no, base_version=1, note="刚过期") == CONFLICT
    assert table.stands(four) == ("no", "已过期两月", an.officer_id)

    # a finding, in the same four ways
    assert table.find(an, text="积水", basis="第三条") == APPLIED
    assert table.find(bo, text="积水") == MERGED
    was = {"base": {"text": "积水"}, "base_version": 1}
    assert table.find(an, text="地面积水", **was) == APPLIED
    late = {"base": {"handling": None}, "base_version": 1}
    assert table.find(bo, handling="立即整改", **late) == MERGED
    assert table.find(bo, text="墙面积水", **was) == CONFLICT
    row = table.stage.one(Finding, table.finding_id)
    assert (row.text, row.basis, row.handling) == ("地面积水", "第三条", "立即整改")

    # both words are there for whoever decides, and no other item waits for it
    chen = table.stage.make.signed_in(Role.SUPERVISOR)
    found = chen.get("/api/sync/v1/review?kind=conflict", headers={"Sync-Protocol": "1"})
    items = found.get_json()["items"]
    assert {one["officer_id"] for one in items} == {str(bo.officer_id)}
    assert sorted(one["current"].get("note") or one["current"]["text"] for one in items) == sorted(
        ["已过期两月", "地面积水"]
    )
    assert table.stage.count(Operation, Operation.outcome == "conflict") == 2


def test_the_photos_of_a_disputed_word_are_attached_either_way(table: Table):
    data = photo(1, edge=64)
    shown = {"sha256": sha256(data), "size": len(data), "mime": "image/jpeg", "role": "photo"}
    table.answer(table.an, ITEMS[0], result="no", note="过期")
    disputed = answer(table.bo, table.task, ITEMS[0], "yes", attachments=[shown])

    assert outcomes(table.bo.push([disputed])) == [CONFLICT]
    Tus(table.bo).send(data)

    rows = table.stage.all(sa.select(EvidenceLink.subject_type, EvidenceLink.subject_id))
    assert [tuple(row) for row in rows] == [("visit_answer", UUID(op_of(disputed)["entity_id"]))]


@pytest.mark.parametrize("first", ["an", "bo"])
@pytest.mark.parametrize("same", [True, False])
def test_two_officers_answer_one_item_and_nobodys_word_is_lost(
    table: Table, first: str, same: bool
):
    """Neither had seen the other's; whoever comes first stands until somebody picks."""
    words = {"an": ("no", "过期"), "bo": ("no", "过期") if same else ("yes", None)}
    tablets = {"an": table.an, "bo": table.bo}
    order = [first, "bo" if first == "an" else "an"]

    came = [
        table.answer(tablets[who], ITEMS[0], result=words[who][0], note=words[who][1])
        for who in order
    ]

    assert came == [APPLIED, MERGED if same else CONFLICT]
    assert table.stands(ITEMS[0]) == (*words[first], tablets[first].officer_id)
    kept = table.stage.all(
        sa.select(Operation.officer_id).where(Operation.type == "visit.answer_item")
    )
    assert {row.officer_id for row in kept} == {table.an.officer_id, table.bo.officer_id}
    assert outcomes(table.an.push([answer(table.an, table.task, ITEMS[1])])) == [APPLIED]


@pytest.mark.parametrize("mark", [None, "code-missing", "code-revoked", "code-expired"])
def test_a_planned_visit_whose_check_code_is_no_good_takes_place_and_says_so(
    stage: Stage, tablet: Tablet, mark: str | None
):
    task = stage.task(tablet)
    values = op_of(start(tablet, task))
    tablet.seq, tablet.prev_hash = 0, "0" * 64
    line = tablet.op("visit.start", task.visit_id, {**values["fields"], "code_mark": mark})

    assert outcomes(tablet.push([line])) == [APPLIED]

    assert stage.one(Visit, task.visit_id).code_mark == mark
    assert stage.one(Task, task.id).state == "in-progress"
    held = Held(tablet)
    held.pull()
    assert held.bodies("visit")[str(task.visit_id)]["code_mark"] == mark
