"""Documents of a desk: under the next number, with the fields that their template asks for."""

from uuid import uuid4

import pytest

from app.access import Actor, ActorKind, Role
from app.documents import desk as written
from app.documents import rules, service
from app.documents.models import Document
from app.documents.rules import DocumentKind, DocumentState, PaperRole, Slot
from tests.documents.desk import OPINION, Desk

NOTICE = {
    "facts": "未取得卫生许可证从事游泳场所经营",
    "reasons": "上述行为违反了卫生许可的规定。",
    "basis": "《公共场所卫生管理条例实施细则》第三十五条第一款",
    "content": "警告，并处罚款3600元。",
    "rights": "收到本告知书之日起五个工作日内可以陈述、申辩。",
}


@pytest.fixture
def desk(make):
    return Desk.of(make)


def actor(desk, *roles):
    return Actor(
        ActorKind.USER,
        None,
        desk.agency.id,
        desk.agency.district,
        roles=frozenset(roles or {Role.OFFICER}),
        officer_id=desk.officer.id,
    )


def draw_up(desk, kind=DocumentKind.PENALTY_NOTICE, fields=NOTICE, **changed):
    with desk.make.writing():
        return written.draw_up(
            kind,
            fields,
            **{"unit_id": desk.unit.id, "by": actor(desk), "at": desk.make.at, **changed},
        )


def sign(desk, document, role, *roles, **changed):
    with desk.make.writing():
        return written.sign(document.id, role, **changed, by=actor(desk, *roles), at=desk.make.at)


def test_documents_of_a_desk_take_the_next_numbers_without_a_gap(desk):
    case_id = uuid4()
    first, second = draw_up(desk), draw_up(desk, case_id=case_id)

    assert [first.number, second.number] == ["卫罚告〔2026〕001号", "卫罚告〔2026〕002号"]
    assert (first.block_id, second.case_id) == (None, case_id)
    assert first.names["unit"] == desk.unit.name
    assert first.names["officers"][0]["certificate_no"] == desk.officer.certificate_no


def test_a_desk_and_a_tablet_never_write_the_same_number(desk):
    desk.allot(3)
    at_desk = draw_up(desk, DocumentKind.OPINION, OPINION)

    assert at_desk.number == "2026—004"
    assert desk.issue(3).number == "2026—003"


def test_the_same_document_again_has_no_second_effect(desk):
    document_id = uuid4()
    first = draw_up(desk, document_id=document_id)

    assert draw_up(desk, document_id=document_id).number == first.number
    assert desk.count(Document) == 1
    with pytest.raises(service.DocumentIssuedAlready):
        draw_up(desk, document_id=document_id, fields={**NOTICE, "content": "警告。"})


def test_what_a_field_lacks_is_said_in_chinese_with_the_article(desk):
    with pytest.raises(written.DocumentFieldsWrong) as caught:
        draw_up(desk, fields={**NOTICE, "facts": " ", "contact": 7, "amount": 1})

    assert caught.value.extras["errors"] == [
        {"pointer": "#/fields/amount", "detail": "这类文书没有这一项。"},
        {"pointer": "#/fields/contact", "detail": "“联系人和联系方式”应为文字。"},
        {
            "pointer": "#/fields/facts",
            "detail": "“违法事实”必须填写（行政处罚法 第四十四条）。",
        },
    ]
    assert desk.count(Document) == 0


def test_a_document_can_be_rewritten_until_somebody_signed(desk):
    document = draw_up(desk)
    with desk.make.writing():
        changed = written.rewrite(document.id, {"contact": "李四"}, by=actor(desk), at=desk.make.at)
    assert (changed.number, changed.fields["contact"]) == (document.number, "李四")
    assert changed.content_hash != document.content_hash

    sign(desk, document, PaperRole.PARTY, signer_name="张三")
    with pytest.raises(service.DocumentLocked), desk.make.writing():
        written.rewrite(document.id, {"contact": None}, by=actor(desk), at=desk.make.at)


def test_who_refuses_a_record_needs_a_reason_and_a_witness(desk):
    record = draw_up(
        desk,
        DocumentKind.VISIT_RECORD,
        {
            "place": "泳池",
            "began_at": "2026-11-20T09:00:00+08:00",
            "ended_at": "2026-11-20T10:00:00+08:00",
            "cards_shown": True,
            "recusal_told": True,
            "observed": "泳池开放，未见许可证。",
        },
    )
    with pytest.raises(written.SignatureIncomplete) as caught:
        sign(desk, record, PaperRole.PARTY, refusal="负责人不在场")
    assert caught.value.extras["missing"] == ["witness_name"]

    signed = sign(desk, record, PaperRole.PARTY, refusal="负责人不在场", witness_name="居委会王五")
    assert signed.state == DocumentState.SIGNED
    assert [(one.role, one.method, one.signer_name) for one in signed.signatures] == [
        ("party", "refused", None),
        ("witness", "hand", "居委会王五"),
    ]
    assert rules.open_slots(
        [Slot.PARTY, Slot.OFFICERS], [o.role for o in signed.signatures], team=2
    ) == [Slot.OFFICERS]


def test_only_heads_seal_and_only_what_is_asked_is_signed(desk):
    document = draw_up(desk)

    with pytest.raises(written.SignatureNotYours):
        sign(desk, document, PaperRole.SEAL)
    with pytest.raises(written.SignatureNotAsked):
        sign(desk, document, PaperRole.CHAIR)
    sign(desk, document, PaperRole.SEAL, Role.SUPERVISOR)
    with pytest.raises(written.SignedAlready):
        sign(desk, document, PaperRole.SEAL, Role.SUPERVISOR)
    with desk.make.flask_app.app_context():
        assert service.get_document(document.id, desk.agency.id).state == DocumentState.SIGNED


def test_a_document_can_be_to_somebody_whom_no_register_knows(desk):
    with pytest.raises(written.DocumentPartyMissing):
        draw_up(desk, unit_id=None)
    document = draw_up(desk, unit_id=None, party=written.Party("绰号“老王”", "海州路口"))
    assert document.unit_id is None
    assert (document.names["unit"], document.names["uscc"]) == ("绰号“老王”", None)
    assert document.agency_id == desk.agency.id
