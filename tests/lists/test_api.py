"""Given lists over HTTP: from a file to tasks, and what is refused on the way."""

import io

import pytest

from app.access import Role
from tests.factories import OTHER_DISTRICT
from tests.lists.desk import CROSS, HEADER, URL, csv, xlsx

JOINT = {**CROSS, "reference": HEADER["reference"]}
ROWS = (
    ("N1", "GG1", "", "", "", "公共场所", "2026-09-30"),
    ("N2", "", "", "上海二号宾馆有限责任公司", "", "公共场所"),
    ("N3", "", "", "没有登记的单位", "", "公共场所"),
)


@pytest.fixture
def units(make):
    return [
        make.unit(name="上海一号宾馆有限公司", archive_no="GG1", address="长宁路1号"),
        make.unit(name="上海二号宾馆有限公司", archive_no="GG2", address="长宁路2号"),
    ]


def problem(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.status_code, response.json["type"].removeprefix("/problems/")


@pytest.mark.parametrize("form", [csv, xlsx])
def test_a_file_becomes_tasks_of_its_origin_deadline_and_level(desk, units, form):
    list_id = desk.save()["id"]
    received = desk.upload(list_id, form(*ROWS))
    assert received["counts"] == {"new": 3, "same": 0, "changed": 0, "gone": 0, "refused": 0}
    assert (received["rows"]["matched"], received["rows"]["unknown"]) == (2, 1)
    assert desk.tasks() == []
    applied = desk.apply(list_id)
    assert (applied["created"], applied["waiting"]) == (2, 1)
    assert [
        (
            task["unit"]["archive_no"],
            task["due_on"],
            task["origin"],
            task["level"],
            task["checklist_code"],
            task["state"],
        )
        for task in desk.tasks()
    ] == [
        ("GG1", "2026-09-30", "drawn", "national", "lodging", "pending"),
        ("GG2", "2026-10-31", "drawn", "national", "lodging", "pending"),
    ]
    shown = desk.show(list_id)
    assert shown["rows"]["applied"] == 2
    assert shown["tasks"] == [{"state": "pending", "tasks": 2}]


def test_the_same_file_and_a_second_apply_change_nothing(desk, units):
    list_id = desk.listed(csv(*ROWS))
    desk.apply(list_id)
    before = desk.show(list_id), desk.rows(list_id), desk.tasks()
    again = desk.send(list_id, csv(*ROWS))
    assert (again.status_code, again.json["unchanged"]) == (200, True)
    assert desk.apply(list_id)["created"] == 0
    assert (desk.show(list_id), desk.rows(list_id), desk.tasks()) == before
    files = list(desk.pages(f"{URL}/{list_id}/files", {}))
    assert [file["state"] for file in files] == ["current"]


def test_a_reference_is_registered_once_and_given_back_by_a_withdrawal(desk):
    found = desk.save()
    taken = desk.client.post(URL, json=HEADER)
    assert problem(taken) == (409, "given-list-taken")
    assert taken.json["list_id"] == found["id"]
    withdrawn = desk.client.post(
        f"{URL}/{found['id']}/withdraw", json={"reason": "登记错误"}, headers={"If-Match": '"1"'}
    )
    assert withdrawn.json["state"] == "withdrawn"
    assert problem(desk.send(found["id"], csv(*ROWS))) == (409, "given-list-closed")
    assert desk.save()["id"] != found["id"]


def test_a_list_with_tasks_can_be_neither_withdrawn_nor_moved_to_another_level(desk, units):
    list_id = desk.listed(csv(*ROWS))
    desk.apply(list_id)
    version = {"If-Match": f'"{desk.show(list_id)["version"]}"'}
    answer = desk.client.post(f"{URL}/{list_id}/withdraw", json={"reason": "错"}, headers=version)
    assert problem(answer) == (409, "given-list-closed")
    body = {**HEADER, "level": "city"}
    answer = desk.client.put(f"{URL}/{list_id}", json=body, headers=version)
    assert problem(answer) == (409, "given-list-closed")


def test_a_new_deadline_of_the_list_reaches_the_tasks_that_have_no_other(desk, units):
    list_id = desk.listed(csv(*ROWS))
    desk.apply(list_id)
    version = {"If-Match": f'"{desk.show(list_id)["version"]}"'}
    body = {**HEADER, "due_on": "2026-11-30"}
    assert desk.client.put(f"{URL}/{list_id}", json=body, headers=version).status_code == 200
    assert [task["due_on"] for task in desk.tasks()] == ["2026-09-30", "2026-11-30"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"period": "2025"}, "period"),
        ({"received_on": "2020-01-01"}, "received_on"),
        ({"due_on": "2026-03-31"}, "due_on"),
        ({"role": "join"}, "role"),
        ({"partner_departments": ["区教育局"]}, "role"),
        ({**JOINT, "lead_department": None}, "lead_department"),
        ({**JOINT, "partner_departments": ["区市场监督管理局"]}, "partner_departments"),
        ({**JOINT, "role": "lead", "partner_departments": []}, "partner_departments"),
        ({**JOINT, "field": None}, "field"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused_by_field(desk, wrong, field):
    answer = desk.client.post(URL, json={**HEADER, **wrong})
    assert problem(answer) == (422, "given-list-invalid")
    assert {error["pointer"] for error in answer.json["errors"]} == {f"#/{field}"}


def test_only_supervisors_bring_lists_in_and_others_of_the_agency_read_them(desk, make):
    list_id = desk.listed(csv(*ROWS))
    officer = make.signed_in(Role.OFFICER)
    assert officer.get(f"{URL}/{list_id}").status_code == 200
    assert problem(officer.post(f"{URL}/{list_id}/apply")) == (403, "role-missing")
    other = make.signed_in(Role.SUPERVISOR, agency=make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert problem(other.get(f"{URL}/{list_id}")) == (404, "given-list-not-found")
    assert other.get(URL).json["items"] == []


def test_a_field_beside_the_file_is_refused_and_not_passed_over(desk, units):
    list_id = desk.save()["id"]
    for url in (f"{URL}/{list_id}/files", f"{URL}/{list_id}/partner-results"):
        answer = desk.client.post(
            url, data={"file": (io.BytesIO(csv(*ROWS)), "a.csv"), "due_on": "2026-12-31"}
        )
        assert problem(answer) == (422, "content-invalid")
        assert [error["pointer"] for error in answer.json["errors"]] == ["#/due_on"]


def test_lists_are_found_by_year_level_and_reference(desk):
    one = desk.save()
    two = desk.save(reference="沪疾控〔2026〕3号", level="city")
    cases = {
        "year=2026": [one, two],
        "year=2025": [],
        "level=city": [two],
        "reference=沪疾控〔2026〕3号": [two],
        "state=withdrawn": [],
    }
    for query, lists in cases.items():
        items = desk.client.get(f"{URL}?{query}").json["items"]
        assert [item["id"] for item in items] == [found["id"] for found in lists], query
