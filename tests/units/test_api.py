"""The register of units over HTTP: shape, access, status."""

import io

import pytest

from app import sheets
from app.access import Role
from app.units.rules import Registration
from tests.factories import OTHER_DISTRICT

URL = "/api/v1/units"


def problem(response):
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    return response.json["type"].removeprefix("/problems/")


def upload(client, data, url=URL, **headers):
    form = {"file": (io.BytesIO(data), "名册.csv")}
    return client.post(f"{url}/imports", data=form, headers=headers)


def table(*rows):
    return "\n".join(["档案编号,单位名称,地址,内部备注", *rows]).encode()


@pytest.fixture
def chen(make):
    return make.signed_in(Role.SUPERVISOR)


NEW = {
    "archive_no": "GG00001",
    "name": "一号宾馆",
    "address": "长宁路1号",
    "uscc": "9131 0105ma1fl0x4xn",
    "legal_representative": "王小明",
    "phone": "13812345678",
    "registrations": [{"specialty": "public-places", "object_class": "lodging"}],
    "licences": [{"kind": "permit", "number": "沪1", "valid_from": "2024-01-01"}],
}


def test_a_unit_is_registered_read_and_changed_on_its_version(make, chen):
    make.catalogue()
    made = chen.post(URL, json=NEW)
    assert made.status_code == 201, made.json
    assert (made.json["uscc"], made.json["state_name"]) == ("91310105MA1FL0X4XN", "在业")
    url = f"{URL}/{made.json['id']}"
    got = chen.get(url)
    assert got.json == made.json
    assert chen.get(url, headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
    body = {"address": "长宁路2号", "licences": []}
    assert problem(chen.patch(url, json=body)) == "version-required"
    changed = chen.patch(url, json=body, headers={"If-Match": got.headers["ETag"]})
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert (changed.json["address"], changed.json["licences"]) == ("长宁路2号", [])
    stale = chen.patch(url, json=body, headers={"If-Match": got.headers["ETag"]})
    assert (stale.status_code, problem(stale)) == (412, "version-stale")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_was_read_compressed_is_changed_by_the_tag_it_came_with(make, chen, coding):
    make.catalogue()
    made = chen.post(URL, json={**NEW, "note": "说明" * 100})
    url = f"{URL}/{made.json['id']}"
    got = chen.get(url, headers={"Accept-Encoding": coding})
    assert got.headers["Content-Encoding"] == coding
    tag = got.headers["ETag"]
    again = chen.get(url, headers={"Accept-Encoding": coding, "If-None-Match": tag})
    assert again.status_code == 304
    assert chen.patch(url, json={"note": "核对"}, headers={"If-Match": tag}).status_code == 200
    stale = chen.patch(url, json={"note": "再核对"}, headers={"If-Match": tag})
    assert (stale.status_code, problem(stale)) == (412, "version-stale")


def test_a_wrong_unit_is_refused_by_field(make, chen):
    make.catalogue()
    wrong = {**NEW, "uscc": "91310105MA1FL0X4XX", "name": " "}
    answer = chen.post(URL, json=wrong)
    assert (answer.status_code, problem(answer)) == (422, "unit-invalid")
    pointers = {error["pointer"] for error in answer.json["errors"]}
    assert pointers == {"#/uscc", "#/name"}


def test_an_archive_number_cannot_be_changed(make, chen):
    unit = make.unit()
    answer = chen.patch(f"{URL}/{unit.id}", json={"archive_no": "X1"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, problem(answer)) == (422, "content-invalid")


@pytest.mark.parametrize(
    ("role", "person", "phone"),
    [
        (Role.SUPERVISOR, "王小明", "13812345678"),
        (Role.OFFICER, "王小明", "13812345678"),
        (Role.ADMINISTRATOR, "王小明", "13812345678"),
        (Role.AUDITOR, "王**", "138****5678"),
        (Role.CLERK, "王**", "138****5678"),
        (Role.LEGAL_REVIEWER, "王**", "138****5678"),
    ],
)
def test_who_need_not_know_sees_people_masked(make, role, person, phone):
    unit = make.unit(legal_representative="王小明", phone="13812345678")
    client = make.signed_in(role)
    for found in (client.get(f"{URL}/{unit.id}").json, client.get(URL).json["items"][0]):
        assert (found["legal_representative"], found["phone"]) == (person, phone)


def test_the_list_filters(make, chen):
    hotel = make.unit(name="一号宾馆", sign_name="海上", street_code="310105001")
    clinic = make.unit(
        name="二号诊所_50%",
        registrations=(Registration("medical", "clinic"),),
    )
    cases = {
        "text=宾馆": [hotel],
        "text=海上": [hotel],
        f"text={clinic.archive_no}": [clinic],
        "text=%25": [clinic],
        "text=_": [clinic],
        "specialty=medical": [clinic],
        "specialty=public-places&object_class=clinic": [],
        "state=in-operation": [hotel, clinic],
        "state=closed": [],
        "street_code=310105001": [hotel],
    }
    for query, units in cases.items():
        items = chen.get(f"{URL}?{query}").json["items"]
        assert [item["id"] for item in items] == [str(unit.id) for unit in units], query


def test_another_agencys_unit_does_not_exist(make, chen):
    foreign = make.unit(make.agency(OTHER_DISTRICT, "普陀区卫生监督所"))
    assert problem(chen.get(f"{URL}/{foreign.id}")) == "unit-not-found"
    assert chen.get(URL).json["items"] == []


def test_only_those_who_keep_the_register_change_it(make):
    unit = make.unit()
    client = make.signed_in(Role.OFFICER)
    for answer in (
        client.post(URL, json=NEW),
        client.patch(f"{URL}/{unit.id}", json={}, headers={"If-Match": '"1"'}),
        upload(client, table()),
        client.get(f"{URL}/export"),
    ):
        assert (answer.status_code, problem(answer)) == (403, "role-missing")


def test_a_file_is_previewed_paged_and_applied(make, chen):
    make.catalogue()
    rows = [f"GG{n},{n}号宾馆,长宁路{n}号,x" for n in range(60)]
    preview = upload(chen, table(*rows, "GG0001234567890123456789,太长,路1号,x"))
    assert preview.status_code == 201, preview.json
    body = preview.json
    assert body["counts"] == {"create": 60, "change": 0, "unchanged": 0, "refuse": 1, "warned": 0}
    assert body["ignored_columns"] == ["内部备注"]
    assert (body["file_name"], len(body["rows"])) == ("名册.csv", 50)
    more = chen.get(preview.headers["Link"].split(">")[0][1:])
    assert [row["row_no"] for row in more.json["items"]] == list(range(52, 63))
    url = f"{URL}/imports/{body['id']}"
    (refused,) = chen.get(f"{url}/rows?verdict=refuse").json["items"]
    assert refused["reasons"][0]["code"] == "archive-no-too-long"
    applied = chen.post(f"{url}/apply")
    assert (applied.status_code, applied.json["state"]) == (200, "applied")
    assert problem(chen.post(f"{url}/apply")) == "import-already-applied"
    assert chen.get(url).json["applied_at"] == "2026-11-21T01:00:00.000Z"
    assert len(chen.get(f"{URL}?limit=100").json["items"]) == 60


def test_a_preview_sent_twice_with_its_key_is_one(make, chen):
    make.catalogue()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        + table("GG1,甲,路1号,x")
        + b"\r\n--b--\r\n"
    )
    options = {
        "data": body,
        "content_type": "multipart/form-data; boundary=b",
        "headers": {"Idempotency-Key": "k"},
    }
    first, again = (chen.post(f"{URL}/imports", **options) for _ in range(2))
    assert first.status_code == 201, first.json
    assert again.json == first.json


def test_what_moved_is_told(make, chen):
    make.catalogue()
    preview = upload(chen, table("GG1,甲,路1号,x")).json
    make.unit(archive_no="GG1", name="乙", address="路9号")
    answer = chen.post(f"{URL}/imports/{preview['id']}/apply")
    assert (answer.status_code, problem(answer)) == (409, "import-moved")
    assert answer.json["moved"][0]["now"] == "refuse"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04 broken", "sheet-unreadable"),
        ("单位名称\n甲\n".encode(), "sheet-columns-missing"),
        (table(*["a,b,c,d"] * 50_001), "sheet-too-long"),
    ],
)
def test_a_file_that_is_no_register_is_a_clear_problem(chen, data, code):
    answer = upload(chen, data)
    assert (answer.status_code, problem(answer)) == (422, code)


def test_an_upload_without_a_file_says_so(chen):
    answer = chen.post(f"{URL}/imports", data={"file": "text"})
    assert (answer.status_code, problem(answer)) == (422, "content-invalid")


def test_the_register_is_downloaded_as_a_file_and_journalled(make, chen):
    make.unit(archive_no="GG1")
    answer = chen.get(f"{URL}/export?format=csv")
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "filename*=UTF-8''%E8%A2%AB" in answer.headers["Content-Disposition"]
    (row,) = sheets.read_sheet(answer.data).rows
    assert row.values["档案编号"] == "GG1"
    journal = make.signed_in(Role.AUDITOR).get("/api/v1/journal?event=register.exported")
    assert len(journal.json["items"]) == 1


def test_officers_come_in_by_the_same_way(make, chen):
    make.catalogue()
    url = "/api/v1/officers"
    data = "执法证号,姓名,执法证有效期至,参与专业\n沪A1,安,2028-12-31,公共场所\n".encode()
    preview = upload(chen, data, url).json
    assert preview["counts"]["create"] == 1
    assert preview["register"] == "officers"
    assert problem(chen.post(f"{URL}/imports/{preview['id']}/apply")) == "import-not-found"
    assert chen.post(f"{url}/imports/{preview['id']}/apply").json["state"] == "applied"
    assert [o["name"] for o in chen.get(url).json["items"]] == ["安"]
    assert chen.get(f"{url}/imports/{preview['id']}/rows").json["items"][0]["key"] == "沪A1"
    exported = chen.get(f"{url}/export")
    (row,) = sheets.read_sheet(exported.data).rows
    assert row.values["参与专业"] == "公共场所"
