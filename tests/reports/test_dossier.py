"""The dossier of a unit: everything in one answer, page by page, and who read it."""

import re
from datetime import date, timedelta

import pytest

from app.access import Role
from app.caps import service as caps
from app.cases.models import CaseTransfer
from app.codes import service as codes
from app.codes.service import NewCode
from app.db import Base, db, new_id
from app.journal.models import JournalEntry
from app.measures.models import Ban, Seizure
from app.publication.models import Publication
from app.reports.sections import SECTIONS
from app.visits import door
from app.visits.marks import Mark
from app.visits.models import Visit
from tests.factories import OTHER_DISTRICT
from tests.reports.desk import visited


@pytest.fixture
def visited_unit(make):
    unit = make.unit()
    officers = [make.officer(), make.officer()]
    return unit, officers


def path(unit, rest=""):
    return f"/api/v1/units/{unit.id}/dossier{rest}"


def test_everything_of_a_unit_comes_in_one_answer(make, visited_unit):
    unit, officers = visited_unit
    visit = visited(make, unit, officers, "ordered-to-correct", origin="complaint")
    make.clock.forward(days=60)  # another year
    visited(make, unit, officers, origin="recheck")
    visited(make, unit, officers, origin="compliance-talk")
    visited(make, make.unit(), officers)
    reader = make.signed_in(Role.OFFICER)
    found = reader.get(path(unit)).json
    assert found["unit"]["archive_no"] == unit.archive_no
    parts = {part["code"]: part for part in found["parts"]}
    assert list(parts) == list(SECTIONS)
    assert parts["visits"]["total"] == parts["tasks"]["total"] == 3
    assert parts["visits"]["items"][-1]["id"] == str(visit.id)
    assert {line["title"] for line in parts["tasks"]["items"]} == {
        "complaint",
        "recheck",
        "compliance-talk",
    }
    assert found["years"] == [
        {"year": 2027, "entries": 1, "by_origin": {"recheck": 1}},
        {"year": 2026, "entries": 1, "by_origin": {"complaint": 1}},
    ]


def test_what_was_not_in_order_at_the_door_stands_in_the_dossier(make, visited_unit):
    unit, officers = visited_unit
    others = [visited(make, unit, officers, origin="routine"), visited(make, make.unit(), officers)]
    marked = visited(make, unit, officers, origin="routine")
    by, days = make.supervisor(), {"from_on": make.at.date(), "until_on": make.at.date()}
    named = {"agency_id": unit.agency_id, "by": by, "at": make.at}
    found = ({Mark.CODE_REVOKED, Mark.CODE_SHARED}, {Mark.CODE_SHARED})
    with make.writing():
        for visit, kinds in ((marked, found), (others[1], found)):
            row = db.session.get_one(Visit, visit.id)
            for officer, marks in zip(officers, kinds, strict=True):
                door.mark(row, marks, officer_id=officer.id, device_id=None, at=make.at)
        wanted = caps.propose_exception(
            unit.id, "entries-per-year", reason="群众反映集中", **days, **named
        )
        new = NewCode(
            unit.id,
            [one.id for one in officers],
            make.at,
            make.at + timedelta(days=1),
            reason="现场发现线索",
        )
        code = codes.request_code(new, **named)
    parts = make.signed_in(Role.OFFICER).get(path(unit)).json["parts"]
    lines = {part["code"]: part["items"] for part in parts}
    (line,) = lines["visit-marks"]
    assert line["id"] == str(marked.id)
    assert sorted(line["title"].split(",")) == ["code-revoked", "code-shared"]
    assert [one["id"] for one in lines["visit-codes"]] == [str(code.id)]
    (exception,) = lines["cap-exceptions"]
    assert (exception["id"], exception["state"]) == (str(wanted.id), "proposed")


def test_a_part_is_read_on_page_by_page_the_newest_first(make, visited_unit):
    unit, officers = visited_unit
    visits = []
    for _ in range(5):
        visits.append(visited(make, unit, officers, origin="routine"))
        make.clock.forward(days=1)
    reader = make.signed_in(Role.AUDITOR)
    for code in ("visits", "tasks"):
        seen, link = [], path(unit, f"/lines?section={code}&limit=2")
        while link:
            answer = reader.get(link)
            seen += [line["id"] for line in answer.json["items"]]
            link = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
        expected = [visit.id if code == "visits" else visit.task_id for visit in visits]
        assert seen == [str(one) for one in reversed(expected)]
    wrong = reader.get(path(unit, "/lines?section=secrets"))
    assert wrong.status_code == 422


def test_whoever_reads_a_dossier_is_on_record_before_it_is_shown(make, visited_unit):
    unit, _ = visited_unit
    reader, supervisor = make.signed_in(Role.OFFICER), make.signed_in(Role.SUPERVISOR)
    read_at = reader.get(path(unit)).json["read_at"]
    make.clock.forward(minutes=1)
    reader.get(path(unit, "/lines?section=visits"))
    readings = supervisor.get(path(unit, "/readings")).json["items"]
    assert [one["name"] for one in readings] == ["某人", "某人"]
    assert readings[-1]["read_at"] == read_at
    with make.flask_app.app_context():
        entries = db.session.scalars(
            db.select(JournalEntry).where(JournalEntry.event == "dossier.read")
        ).all()
    assert len(entries) == 2
    assert all(str(unit.id) in entry.text for entry in entries)
    assert reader.get(path(unit, "/readings")).status_code == 403


def test_nobody_reads_the_dossier_of_another_agency_and_no_reading_is_left(make, visited_unit):
    unit, _ = visited_unit
    stranger = make.signed_in(Role.SUPERVISOR, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    for rest in ("", "/lines?section=visits", "/readings"):
        assert stranger.get(path(unit, rest)).json["type"] == "/problems/unit-not-found"
    assert make.signed_in(Role.CLERK).get(path(unit)).status_code == 403
    owner = make.signed_in(Role.SUPERVISOR)
    assert owner.get(path(unit, "/readings")).json["items"] == []


def test_measures_transfers_and_what_is_public_are_parts_of_the_dossier(make, visited_unit):
    unit, _ = visited_unit
    row = {"agency_id": make.home().id, "district": unit.district, "unit_id": unit.id}
    day, by = date(2026, 5, 6), "user"
    why = {"reason": "无证行医", "basis": "医疗机构管理条例", "officer_ids": []}
    with make.writing():
        db.session.add_all(
            [
                Ban(
                    **row,
                    **why,
                    number="沪取缔1",
                    practice="medical",
                    partners=[],
                    decided_on=day,
                    decided_at=make.at,
                    decided_by_kind=by,
                ),
                Seizure(
                    **row,
                    **why,
                    number="沪查扣1",
                    kind="detention",
                    urgent=False,
                    state="applied",
                    applied_at=make.at,
                    applied_by_kind=by,
                ),
                CaseTransfer(
                    **row,
                    direction="out",
                    kind="hand-over",
                    criminal=True,
                    organ="公安分局",
                    number="沪移1",
                    subject="涉嫌非法行医",
                    on_day=day,
                ),
                Publication(
                    **row,
                    channel="portal",
                    subject_type="decision",
                    subject_id=new_id(),
                    number="沪罚1",
                    event_on=day,
                    due_on=day,
                    state="due",
                    content={},
                    planned_at=make.at,
                    planned_by_kind=by,
                ),
            ]
        )
    found = make.signed_in(Role.OFFICER).get(path(unit)).json
    shown = {part["code"]: [line["number"] for line in part["items"]] for part in found["parts"]}
    wanted = {
        "bans": "沪取缔1",
        "seizures": "沪查扣1",
        "transfers": "沪移1",
        "publications": "沪罚1",
    }
    assert {code: shown[code] for code in wanted} == {c: [n] for c, n in wanted.items()}


NOT_SHOWN = {  # what has its unit, and is no part of its dossier of its own
    "after_permit_task": "its task is",
    "assistant_opinion": "its document is",
    "credit_scoring": "its grade is",
    "draw_selection": "a draw is told when it is revealed, its task is there",
    "dossier_reading": "supervisors and auditors list readers",
    "feed_want": "how tablets are served",
    "given_list_row": "its task is",
    "integrity_finding": "it is about officers, for their supervisor",
    "joint_suggestion_dismissal": "nothing came of it",
    "licence": "the unit itself shows it",
    "points_cycle": "its entries are of the credit record",
    "recusal": "it is about an officer",
    "unit_ledger": "counted from the visits",
    "unit_registration": "the unit itself shows it",
}


def test_whatever_has_its_unit_is_a_part_of_the_dossier_or_said_to_be_none():
    shown = " ".join(str(one.lines(new_id())) for one in SECTIONS.values())
    of_units = {
        table.name
        for table in Base.metadata.tables.values()
        if any(key.column.table.name == "unit" for key in table.foreign_keys)
        or "unit_id" in table.columns
    }
    missing = {name for name in of_units if not re.search(rf"\b{name}\.unit_id\b", shown)}
    assert missing == NOT_SHOWN.keys()
