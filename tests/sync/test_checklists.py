"""Checklists that changed between two tablets of a visit: what was answered stands where it was."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.catalogue import service as catalogue
from app.db import transaction
from app.evidence.models import EvidenceLink
from app.tasks.models import Task
from app.visits import rules
from app.visits.models import Finding, Visit, VisitAnswer
from app.visits.rules import ItemMap, placed
from sync.inbox.pushing import read_kept_forms
from tests.sync.conftest import ITEMS, Stage, answer, finish, item_id, start
from tests.sync.held import Held
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet
from tests.sync.test_review import decide, listed

PHOTO = {"sha256": "b" * 64, "size": 9, "mime": "image/jpeg", "role": "scene"}
RENAMED, SPLIT, WITHDRAWN = "pp-shown", "lodging-cups", "pp-accident"
PARTS = ["lodging-cups-washed", "lodging-cups-kept"]


APPLIED, MIGRATED = ("applied", None), ("applied", "form-migrated")
KEPT = ("quarantined", "form-version")


def supersede(stage: Stage, kind: str, code: str, body: dict[str, Any], on: date) -> None:
    with stage.flask_app.app_context(), transaction():
        catalogue.supersede(
            kind,
            code,
            body,
            effective_from=on,
            source="测试",
            by=stage.make.by(),
            at=stage.clock(),
        )


def body_of(stage: Stage, kind: str, code: str) -> dict[str, Any]:
    with stage.flask_app.app_context():
        return dict(catalogue.get_row(kind, code, stage.clock().date()).body)


def new_items(stage: Stage, on: date) -> None:
    for code, like in (("pp-shown-openly", RENAMED), *((one, SPLIT) for one in PARTS)):
        supersede(stage, "check_item", code, body_of(stage, "check_item", like), on)


def new_version(stage: Stage, version: int = 2, *, mapped: bool = True) -> None:
    """A next version of the list: one item renamed, one split, one withdrawn, one new."""
    on = stage.clock().date()
    new_items(stage, on)
    form = body_of(stage, "checklist", "lodging")
    sections = []
    for section in form["sections"]:
        items = list(section["items"])
        for old, new in (
            (RENAMED, ["pp-shown-openly"]),
            (SPLIT, PARTS),
            (WITHDRAWN, ["pp-toilet"]),
        ):
            if old in items:
                place = items.index(old)
                items[place : place + 1] = new
        sections.append({**section, "items": items})
    supersede(
        stage, "checklist", "lodging", {**form, "form_version": version, "sections": sections}, on
    )
    if mapped:
        migration(stage, version)


def migration(stage: Stage, version: int = 2) -> None:
    """The row that says what became of the items."""
    supersede(
        stage,
        "checklist_migration",
        f"lodging-1-{version}",
        {
            "name": "住宿场所检查表第一版至第二版",
            "checklist": "lodging",
            "from_version": 1,
            "to_version": version,
            "items": [
                {"item": RENAMED, "becomes": ["pp-shown-openly"]},
                {"item": SPLIT, "becomes": PARTS},
                {"item": WITHDRAWN, "becomes": []},
            ],
        },
        stage.clock().date(),
    )


def begun(tablet: Tablet, task: Task, version: int) -> bytes:
    """The visit begins with a version of the list."""
    fields = {
        "task_id": str(task.id),
        "unit_id": str(task.unit_id),
        "checklist_code": "lodging",
        "form_version": version,
    }
    return tablet.op("visit.start", task.visit_id, fields)


def stated(tablet: Tablet, task: Task, code: str, text: str = "发现问题") -> bytes:
    """A finding on an item."""
    fields = {"visit_id": str(task.visit_id), "item_id": item_id(code), "text": text}
    return tablet.op("visit.state_finding", uuid4(), fields)


def answers(stage: Stage) -> dict[str, str]:
    rows = stage.all(sa.select(VisitAnswer.item_code, VisitAnswer.result))
    return {row.item_code: row.result for row in rows}


@pytest.fixture
def bo(stage: Stage) -> Tablet:
    """Bo's tablet, which has pulled what An's has not."""
    return stage.tablet("bo")


def test_a_visit_made_on_an_earlier_version_is_taken_whole_as_it_was_made(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    lines = [
        start(tablet, task),
        *(answer(tablet, task, code) for code in ITEMS),
        finish(tablet, task),
    ]
    stage.clock.forward(minutes=1)
    new_version(stage)

    assert outcomes(tablet.push(lines)) == [APPLIED] * len(lines)

    assert stage.one(Visit, task.visit_id).form_version == 1
    assert set(answers(stage)) == set(ITEMS)


def test_an_earlier_tablets_answers_stand_on_what_its_items_became(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    new_version(stage)
    task = stage.task(tablet, bo)
    assert outcomes(bo.push([begun(bo, task, 2)])) == [APPLIED]

    pushed = tablet.push(
        [
            begun(tablet, task, 1),
            answer(tablet, task, "pp-licence"),
            answer(tablet, task, RENAMED, "no", "未公示", attachments=[PHOTO]),
            answer(tablet, task, SPLIT, "yes"),
            answer(tablet, task, WITHDRAWN, "yes"),
            stated(tablet, task, RENAMED, "许可证未公示"),
            stated(tablet, task, SPLIT),
        ]
    )

    assert outcomes(pushed) == [
        ("merged", None),
        *(APPLIED, MIGRATED, MIGRATED, KEPT, MIGRATED, KEPT),
    ]
    assert answers(stage) == {
        "pp-licence": "yes",
        "pp-shown-openly": "no",
        **dict.fromkeys(PARTS, "yes"),
    }
    (photo,) = stage.all(
        sa.select(EvidenceLink.subject_id).where(EvidenceLink.subject_type == "visit_answer")
    )
    openly = uuid5(task.visit_id, item_id("pp-shown-openly"))
    assert photo.subject_id == openly, "the photo went along"
    (found,) = stage.all(sa.select(Finding.item_id))
    assert found.item_id == UUID(item_id("pp-shown-openly"))


def test_evidence_that_names_an_answer_by_its_earlier_id_goes_along(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    new_version(stage)
    task = stage.task(tablet, bo)
    bo.push([begun(bo, task, 2)])
    old = uuid5(task.visit_id, item_id(RENAMED))
    fields = {"subject_type": "visit_answer", "subject_id": str(old)}
    lines = [
        begun(tablet, task, 1),
        answer(tablet, task, RENAMED, "no", "未公示"),
        tablet.op("evidence.attach", old, fields, attachments=[PHOTO]),
        tablet.op("evidence.retract", old, {**fields, "sha256": PHOTO["sha256"]}),
    ]

    assert outcomes(tablet.push(lines))[1:] == [MIGRATED] * 3

    (link,) = stage.all(sa.select(EvidenceLink.subject_id, EvidenceLink.retracted_at))
    assert link.subject_id == uuid5(task.visit_id, item_id("pp-shown-openly"))
    assert link.retracted_at is not None
    strange = {"subject_type": "visit_answer", "subject_id": str(uuid4())}
    line = tablet.op("evidence.attach", uuid4(), strange, attachments=[PHOTO])
    assert outcomes(tablet.push([line])) == [("quarantined", "subject-unknown")]


def test_a_no_to_an_item_that_was_split_waits_for_a_person(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    new_version(stage)
    task = stage.task(tablet, bo)
    bo.push([begun(bo, task, 2)])
    pushed = tablet.push([begun(tablet, task, 1), answer(tablet, task, SPLIT, "no", "未消毒")])
    assert outcomes(pushed)[1] == KEPT
    assert answers(stage) == {}


def test_a_part_that_was_answered_otherwise_keeps_the_whole_for_a_person(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    new_version(stage)
    task = stage.task(tablet, bo)
    bo.push([begun(bo, task, 2), answer(bo, task, PARTS[1], "no", "未保洁")])
    pushed = tablet.push([begun(tablet, task, 1), answer(tablet, task, SPLIT, "yes")])
    assert outcomes(pushed)[1] == KEPT
    assert answers(stage) == {PARTS[1]: "no"}, "nothing of it was written"


def test_a_later_tablet_answers_what_was_only_renamed_and_no_more(
    stage: Stage, tablet: Tablet, bo: Tablet
):
    new_version(stage)
    task = stage.task(tablet, bo)
    tablet.push([begun(tablet, task, 1), answer(tablet, task, "pp-licence", "yes")])

    pushed = bo.push(
        [
            begun(bo, task, 2),
            answer(bo, task, "pp-shown-openly", "yes"),
            answer(bo, task, PARTS[0], "yes"),
            answer(bo, task, "pp-toilet", "yes"),
            answer(bo, task, "pool-notice", "yes"),
        ]
    )

    assert outcomes(pushed)[1:] == [MIGRATED, KEPT, KEPT, ("quarantined", "item-unknown")]
    assert answers(stage) == {"pp-licence": "yes", RENAMED: "yes"}
    assert stage.one(Visit, task.visit_id).form_version == 1


@pytest.mark.parametrize("decision", ["accept", "merge"])
def test_two_versions_that_differ_on_one_item_are_a_conflict_that_can_be_decided(
    stage: Stage, tablet: Tablet, bo: Tablet, decision: str
):
    chen: FlaskClient = stage.make.signed_in(Role.SUPERVISOR)
    new_version(stage)
    task = stage.task(tablet, bo)
    tablet.push([begun(tablet, task, 1), answer(tablet, task, RENAMED, "yes")])
    other = answer(bo, task, "pp-shown-openly", "no", "未公示")
    assert outcomes(bo.push([other])) == [("conflict", "field-conflict")]
    (item,) = listed(chen, "?kind=conflict")
    assert item["current"]["result"] == "yes"
    more: dict[str, Any] = {}
    if decision == "merge":
        more["fields"] = {"result": "no", "note": "未公示"}

    assert decide(chen, item["id"], decision, **more).status_code == 200

    assert answers(stage) == {RENAMED: "no"}
    assert stage.one(Visit, task.visit_id).form_version == 1


def test_a_version_that_the_server_does_not_have_yet_is_kept_and_taken_later(
    stage: Stage, tablet: Tablet
):
    task = stage.task(tablet)
    begin = begun(tablet, task, 2)
    first = answer(tablet, task, "pp-shown-openly", depends_on=[])
    pushed = tablet.push([begin])
    assert outcomes(pushed) == [KEPT]
    assert pushed.json["results"][0]["problem"]["checklist_code"] == "lodging"

    assert again(stage) == 0
    new_version(stage)
    assert again(stage) == 1

    assert stage.one(Visit, task.visit_id).form_version == 2
    assert outcomes(tablet.push([first])) == [APPLIED]
    assert again(stage) == 0


def again(stage: Stage) -> int:
    with stage.flask_app.app_context():
        keys = stage.flask_app.extensions["suicha_keys"]
        return read_kept_forms(keys=keys, at=stage.clock())


def test_without_a_row_that_says_so_nothing_is_guessed(stage: Stage, tablet: Tablet, bo: Tablet):
    new_version(stage, mapped=False)
    task = stage.task(tablet, bo)
    bo.push([begun(bo, task, 2)])
    line = answer(tablet, task, RENAMED, "no")
    assert outcomes(tablet.push([begun(tablet, task, 1), line]))[1] == KEPT
    chen: FlaskClient = stage.make.signed_in(Role.SUPERVISOR)
    (item,) = listed(chen, "?kind=quarantine")

    migration(stage)

    assert decide(chen, item["id"], "reopen").status_code == 200
    assert answers(stage) == {"pp-shown-openly": "no"}


def test_tablets_are_told_how_items_follow_each_other(stage: Stage, tablet: Tablet):
    new_version(stage)
    held = Held(tablet)
    held.pull()
    (row,) = held.bodies("checklist_migration").values()
    assert row["items"][0] == {"item": RENAMED, "becomes": ["pp-shown-openly"]}


# --- what the catalogue refuses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "members"),
    [
        ({"form_version": 1}, ["form_version"]),
        ({"sections": [{"title": "一", "items": ["no-such-item"]}]}, ["sections"]),
        ({"sections": [1]}, ["sections"]),
    ],
)
def test_a_checklists_next_version_has_a_higher_number_and_known_items(
    stage: Stage, changed: dict[str, Any], members: list[str]
):
    form = body_of(stage, "checklist", "lodging")
    with pytest.raises(catalogue.CatalogueBodyWrong) as refused:
        supersede(
            stage,
            "checklist",
            "lodging",
            {**form, "form_version": 2, **changed},
            stage.clock().date() + timedelta(days=1),
        )
    assert refused.value.extras["members"] == members


@pytest.mark.parametrize(
    ("changed", "members"),
    [
        ({}, None),
        ({"to_version": 1}, ["checklist", "to_version"]),
        ({"checklist": "swimming"}, ["checklist"]),
        ({"from_version": True}, ["checklist", "from_version"]),
        ({"items": [{"item": RENAMED, "becomes": ["no-such-item"]}]}, ["items"]),
        ({"items": [{"item": RENAMED}]}, ["items"]),
        ({"items": None}, ["items"]),
        ({"name": ""}, ["name"]),
    ],
)
def test_what_leads_from_a_version_to_the_next_is_whole(
    stage: Stage, changed: dict[str, Any], members: list[str] | None
):
    body = {
        "name": "第一版至第二版",
        "checklist": "lodging",
        "from_version": 1,
        "to_version": 2,
        "items": [{"item": RENAMED, "becomes": ["pp-toilet"]}],
        **changed,
    }
    on = stage.clock().date()
    if members is None:
        supersede(stage, "checklist_migration", "lodging-1-2", body, on)
        return
    with pytest.raises(catalogue.CatalogueBodyWrong) as refused:
        supersede(stage, "checklist_migration", "lodging-1-2", body, on)
    assert refused.value.extras["members"] == members


# --- rules -------------------------------------------------------------------------------------

A, B, C, D, E = (rules.item_id(code) for code in "abcde")


def test_an_item_follows_every_version_up_to_the_visits_own():
    maps = [ItemMap(2, 3, {B: (C, D)}), ItemMap(1, 2, {A: (B,)}), ItemMap(3, 4, {C: (E,)})]
    assert placed(A, {B}, 2, maps) == (B,)
    assert placed(A, {C, D}, 3, maps) == (C, D)
    assert placed(A, {E, D}, 4, maps) == (E, D)
    assert placed(E, {C, D}, 3, maps) == (C,)
    assert placed(C, {B}, 2, maps) == (), "a part does not answer the whole"
    assert placed(B, {A}, 1, maps) == (A,)
    assert placed(A, {D}, 3, maps) == (), "one part is not asked"


@given(st.lists(st.sampled_from([A, B, C, D, E]), unique=True), st.integers(1, 4), st.data())
def test_what_the_visits_own_version_asks_is_never_moved(
    own: list[UUID], version: int, data: st.DataObject
):
    ids = st.sampled_from([A, B, C, D, E])
    maps = [
        ItemMap(n, n + 1, data.draw(st.dictionaries(ids, st.lists(ids, max_size=3).map(tuple))))
        for n in range(1, 4)
    ]
    for item in (A, B, C, D, E):
        found = placed(item, own, version, maps)
        assert set(found) <= set(own)
        if item in own:
            assert found == (item,)
