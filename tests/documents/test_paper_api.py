"""A document's page, corrections and service over HTTP."""

import pytest

from app.access import Role
from app.documents.rules import DocumentKind, PaperRole
from tests.documents.desk import OPINION, Desk
from tests.documents.pdfs import outside, text_of
from tests.documents.test_desk import draw_up, sign
from tests.factories import OTHER_DISTRICT


@pytest.fixture
def desk(make):
    return Desk.of(make)


@pytest.fixture
def client(make):
    return make.signed_in(Role.SUPERVISOR)


def test_the_page_of_a_document_is_made_once_and_named_by_its_hash(desk, client):
    paper = draw_up(desk, DocumentKind.OPINION, OPINION)
    address = f"/api/v1/documents/{paper.id}/pdf"
    draft = client.get(address)
    assert (draft.status_code, draft.mimetype) == (200, "application/pdf")
    assert "草稿" in text_of(draft.data)
    assert desk.unit.name in text_of(draft.data)

    sign(desk, paper, PaperRole.PARTY, signer_name="张三")
    first = client.get(address)
    again = client.get(address)
    assert first.data == again.data
    assert first.headers["ETag"] == again.headers["ETag"] != draft.headers["ETag"]
    assert "草稿" not in text_of(first.data)
    assert "张三" in text_of(first.data)
    assert outside(first.data) == []
    same = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")


def test_another_agency_sees_no_page(make, desk):
    paper = draw_up(desk)
    elsewhere = make.agency(OTHER_DISTRICT, "普陀区卫生监督所")
    stranger = make.signed_in(Role.SUPERVISOR, agency=elsewhere)
    for path in ("pdf", "corrections", "services"):
        assert stranger.get(f"/api/v1/documents/{paper.id}/{path}").status_code == 404


def test_a_correction_shows_on_the_page_and_leaves_the_hash(desk, client):
    paper = draw_up(desk, DocumentKind.OPINION, OPINION)
    address = f"/api/v1/documents/{paper.id}"
    wrong = {
        "field": "advice",
        "struck": "立即",
        "right": "三日内",
        "reason": "笔误",
        "confirmed_by": "proof-seal",
    }
    early = client.post(f"{address}/corrections", json=wrong, headers={"If-Match": '"1"'})
    assert (early.status_code, early.json["type"]) == (409, "/problems/document-not-locked")

    sign(desk, paper, PaperRole.PARTY, signer_name="张三")
    before = client.get(f"{address}/pdf").data
    for bad, code in (
        ({"struck": "从前"}, "correction-misplaced"),
        ({"field": "organ"}, "correction-misplaced"),
        ({"field": "advice", "struck": "用"}, "correction-misplaced"),  # it stands there twice
        ({"confirmed_by": "officer"}, "correction-unconfirmed"),
        ({"confirmed_by": "party"}, "correction-unconfirmed"),
    ):
        answer = client.post(
            f"{address}/corrections", json={**wrong, **bad}, headers={"If-Match": '"2"'}
        )
        assert (answer.status_code, answer.json["type"]) == (422, f"/problems/{code}")
    done = client.post(f"{address}/corrections", json=wrong, headers={"If-Match": '"2"'})
    assert (done.status_code, done.json["number"]) == (200, 1)
    assert done.headers["ETag"] == '"3"'

    after = client.get(f"{address}/pdf").data
    assert after != before
    assert "立即三日内〔更正1〕按规定清洗" in text_of(after)
    assert "加盖校对章" in text_of(after)
    shown = client.get(address).json
    assert shown["content_hash"] in text_of(before)
    assert shown["content_hash"] in text_of(after)
    assert shown["fields"] == OPINION
    listed = client.get(f"{address}/corrections").json["items"]
    assert [(one["struck"], one["right"]) for one in listed] == [("立即", "三日内")]


def test_services_are_recorded_delivered_and_receipted(desk, client):
    paper = sign(desk, draw_up(desk), PaperRole.SEAL, Role.SUPERVISOR)
    address = f"/api/v1/documents/{paper.id}/services"
    said = {"mode": "post", "handed_on": "2026-11-21", "recipient": "张三", "place": "海州路 1 号"}
    refused = client.post(address, json=said)
    assert (refused.status_code, refused.json["missing"]) == (422, ["tracking_no"])

    posted = client.post(address, json={**said, "tracking_no": "EMS1"})
    assert (posted.status_code, posted.json["effective_on"]) == (201, None)
    one = f"/api/v1/document-services/{posted.json['id']}"
    standing = client.get(address).json
    assert (standing["needed"], standing["due_on"], standing["served_on"]) == (
        True,
        "2026-12-01",
        None,
    )
    assert standing["open_signatures"] == ["receiver"]
    arrived = client.post(
        f"{one}/deliver",
        json={"delivered_on": "2026-11-21", "receiver_name": "李四"},
        headers={"If-Match": '"1"'},
    )
    assert (arrived.status_code, arrived.json["effective_on"]) == (200, "2026-11-21")
    receipt = client.post(f"{one}/receipt", headers={"If-Match": arrived.headers["ETag"]})
    assert receipt.json["kind"] == "service-receipt"
    assert client.get(address).json["served_on"] == "2026-11-21"
    text = text_of(client.get(f"/api/v1/documents/{receipt.json['id']}/pdf").data)
    assert "送达方式：邮寄送达" in text
    assert "邮寄单号：EMS1" in text
