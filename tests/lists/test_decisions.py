"""What a person decides about a row, and what comes of it."""

import json

import pytest
import sqlalchemy as sa

from app.access import Role
from app.db import db
from app.journal.models import JournalEntry
from app.units.rules import Registration
from tests.factories import OTHER_DISTRICT
from tests.lists.desk import URL, csv

ONE, TWO = "上海一号宾馆有限公司", "上海二号宾馆有限公司"


@pytest.fixture
def units(make):
    return {
        "GG1": make.unit(name=ONE, archive_no="GG1", address="长宁路1号"),
        "GG2": make.unit(name=TWO, archive_no="GG2", address="长宁路2号"),
        "GG3": make.unit(name=TWO, archive_no="GG3", address="天山路3号"),
    }


@pytest.fixture
def list_id(desk, units):
    return desk.listed(
        csv(
            ("N1", "", "", TWO, "", "公共场所"),
            ("N2", "", "", "上海壹号宾馆有限公司", "", "公共场所"),
            ("N3", "", "", "没有登记的牙科", "", "公共场所"),
            ("N4", "GG1", "", "", "", "公共场所"),
        )
    )


def problem(answer):
    return answer.status_code, answer.json["type"].removeprefix("/problems/")


def test_doubtful_rows_wait_and_are_applied_once_they_are_decided(desk, units, list_id):
    two, near, unknown, sure = desk.rows(list_id)
    assert [row["outcome"] for row in (two, near, unknown, sure)] == [
        "doubtful",
        "doubtful",
        "unknown",
        "matched",
    ]
    assert [one["archive_no"] for one in two["candidates"]] == ["GG2", "GG3"]
    assert desk.apply(list_id) == {"created": 1, "waiting": 3, "rows": desk.show(list_id)["rows"]}
    decided = desk.decide(list_id, two, decision="unit", unit_id=str(units["GG3"].id))
    assert decided.status_code == 200, decided.json
    assert decided.json["outcome"] == "matched"
    assert decided.json["matched_by"] == "decision"
    assert decided.json["unit"]["archive_no"] == "GG3"
    answer = desk.decide(list_id, near, decision="unknown", note="电话核实，不是同一家")
    assert (answer.json["outcome"], answer.json["decision"]) == ("unknown", "unknown")
    assert desk.apply(list_id)["created"] == 1
    assert [task["unit"]["archive_no"] for task in desk.tasks()] == ["GG1", "GG3"]


def test_who_decided_what_and_when_is_written_down(desk, units, list_id, make):
    row = desk.rows(list_id)[0]
    desk.decide(list_id, row, decision="unit", unit_id=str(units["GG2"].id), note="看过执照")
    shown = desk.rows(list_id)[0]
    assert shown["decided_by_id"] == str(desk.account.id)
    assert shown["decided_at"] == "2026-11-21T01:00:00.000Z"
    assert shown["decision_note"] == "看过执照"
    with make.flask_app.app_context():
        (text,) = db.session.scalars(
            sa.select(JournalEntry.text).where(JournalEntry.event == "given-list-row.decided")
        )
    data = json.loads(text)["data"]
    assert (data["decision"], data["unit_id"]) == ("unit", str(units["GG2"].id))
    assert "看过执照" not in text


def test_a_decision_can_be_changed_until_the_row_has_its_task(desk, units, list_id):
    row = desk.rows(list_id)[0]
    first = desk.decide(list_id, row, decision="unit", unit_id=str(units["GG2"].id)).json
    stale = desk.decide(list_id, row, decision="unknown")
    assert problem(stale) == (412, "version-stale")
    second = desk.decide(list_id, first, decision="unit", unit_id=str(units["GG3"].id)).json
    assert second["unit"]["archive_no"] == "GG3"
    desk.apply(list_id)
    settled = desk.decide(list_id, desk.rows(list_id)[0], decision="unknown")
    assert problem(settled) == (409, "given-list-row-settled")


def test_a_unit_of_nobodys_or_of_another_row_is_refused(desk, units, list_id, make):
    row = desk.rows(list_id)[0]
    foreign = make.unit(make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    for unit_id in (str(foreign.id), None):
        answer = desk.decide(list_id, row, decision="unit", unit_id=unit_id)
        assert problem(answer) == (422, "given-list-decision-invalid")
    same = desk.listed(
        csv(
            ("", "GG1", "", "", "", "公共场所"),
            ("", "", "", "上海壹号宾馆有限公司", "", "公共场所"),
        ),
        reference="又一份〔2026〕1号",
    )
    answer = desk.decide(same, desk.rows(same)[1], decision="unit", unit_id=str(units["GG1"].id))
    assert problem(answer) == (422, "given-list-decision-invalid")
    assert "第 2 行" in answer.json["detail"]


def test_a_row_without_specialty_is_decided_with_one(desk, make):
    registrations = [
        Registration("medical", "hospital"),
        Registration("radiation", "radiodiagnosis"),
    ]
    unit = make.unit(archive_no="YL1", registrations=registrations)
    list_id = desk.listed(csv(("N1", "YL1")))
    (row,) = desk.rows(list_id)
    assert (row["outcome"], row["reasons"][0]["code"]) == ("doubtful", "specialty-open")
    body = {"decision": "unit", "unit_id": str(unit.id)}
    assert problem(desk.decide(list_id, row, **body)) == (422, "given-list-decision-invalid")
    for wrong in ({"specialty": "dental"}, {"specialty": "medical", "object_class": "lodging"}):
        answer = desk.decide(list_id, row, **body, **wrong)
        assert problem(answer) == (422, "given-list-decision-invalid")
    decided = desk.decide(list_id, row, **body, specialty="radiation").json
    assert (decided["specialty"], decided["object_class"]) == ("radiation", "radiodiagnosis")
    desk.apply(list_id)
    assert [task["specialty"] for task in desk.tasks()] == ["radiation"]


def test_a_faulty_row_cannot_be_decided_into_a_task(desk, units):
    list_id = desk.listed(csv(("N1", "", "", "甲", "", "牙科")))
    answer = desk.decide(
        list_id, desk.rows(list_id)[0], decision="unit", unit_id=str(units["GG1"].id)
    )
    assert problem(answer) == (409, "given-list-row-settled")


def test_a_unit_registered_since_is_found_by_matching_again(desk, units, list_id, make):
    near = desk.rows(list_id)[1]
    desk.decide(list_id, near, decision="unknown")
    make.unit(name="没有登记的牙科", archive_no="GG9")
    make.unit(name="上海壹号宾馆有限公司", archive_no="GG8")
    answer = desk.client.post(f"{URL}/{list_id}/match")
    assert answer.json["changed"] == 1, "what a person decided stays"
    assert desk.rows(list_id)[2]["unit"]["archive_no"] == "GG9"
    assert desk.client.post(f"{URL}/{list_id}/match").json["changed"] == 0


def test_rows_are_found_by_outcome_and_by_whether_they_have_a_task(desk, list_id):
    desk.apply(list_id)
    cases = {"doubtful": ["N1", "N2"], "unknown": ["N3"], "matched": ["N4"], "refused": []}
    for outcome, numbers in cases.items():
        rows = desk.rows(list_id, outcome=outcome)
        assert [row["superior_no"] for row in rows] == numbers
    assert [row["superior_no"] for row in desk.rows(list_id, applied="true")] == ["N4"]
    assert len(desk.rows(list_id, applied="false", limit="2")) == 3


def test_others_look_and_do_not_decide(desk, units, list_id, make):
    row = desk.rows(list_id)[0]
    officer = make.signed_in(Role.OFFICER)
    url = f"{URL}/{list_id}/rows/{row['id']}"
    assert officer.get(url).json["id"] == row["id"]
    answer = officer.post(
        f"{url}/decision", json={"decision": "unknown"}, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 403
