"""Documents as PDF: what stands in them is what they say, on A4, the same bytes each time."""

import hashlib
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalogue import seeds
from app.documents import press, rules, typeset
from app.documents.amending import Change
from app.documents.layout import Corrected, Paper, Signed, sheet_of
from app.documents.rules import DocumentKind
from app.documents.wording import NOTHING, FieldKind, day_text, instant_text, say
from tests.documents.pdfs import outside, pages_of, squeezed, text_of

AT = datetime(2026, 11, 20, 3, 5, tzinfo=UTC)
ROWS = {row["code"]: row for row in seeds.rows("document_templates")}
FOOT = re.compile("当事人签名：\uff3f|SHA-256")
HASH = "0123456789abcdef" * 4
NAMES: dict[str, Any] = {
    "organ": "海州区卫生健康委员会监督所",
    "unit": "海州碧波游泳健身有限公司",
    "uscc": "91320706MA1FL0X00Q",
    "address": "海州区海州路 1 号地下一层",
    "officers": [
        {"id": "1", "name": "㐂安", "certificate_no": "海320706001"},
        {"id": "2", "name": "𠮷波", "certificate_no": "海320706002"},
    ],
}
SHORT: dict[FieldKind, Any] = {
    FieldKind.TEXT: "未见卫生许可证",
    FieldKind.DAY: "2026-12-01",
    FieldKind.INSTANT: "2026-11-20T09:05:00+08:00",
    FieldKind.MONEY: 360_000,
    FieldKind.COUNT: 15,
    FieldKind.FLAG: True,
    FieldKind.CHOICE: "warning-and-fine",
    FieldKind.TABLE: [{"name": "一次性使用无菌注射器", "quantity": "11箱"}],
}
LONG: dict[FieldKind, Any] = {
    **SHORT,
    FieldKind.TEXT: "监督员检查时，该场所正在营业；消毒柜未通电（见照片）。" * 60 + "\n第二段。",
    FieldKind.TABLE: [
        {"name": "药品" * 30, "spec": "W" * 200, "lot": "20260101", "quantity": "11箱"}
    ]
    * 40,
}
HOSTILE = [
    '#let x = 1; #panic("no") <a> @b $y$ *z* _u_ `c` =1+1 \\ // /* [ ] { } "',
    "=1+1",
    "<script>alert(1)</script>",
    "㐂𠮷璟祎喆堃垚翀珺",
    "姓" * 2000,
    "A" * 2000,
    "。" * 500,
    "--- 1. - + / ~ ' \" ...",
]


def paper(kind, values=SHORT, **changed):
    template = rules.read_template(kind, ROWS[kind])
    fields = {one.name: values[one.kind] for one in template.fields}
    whole = {
        "template": template,
        "number": "2026—001",
        "issued_on": date(2026, 11, 20),
        "draft": False,
        "content_hash": HASH,
        "fields": fields,
        "names": NAMES,
        **changed,
    }
    return Paper(**whole)


def made(one):
    return typeset.set_pages("document", sheet_of(one))


@pytest.mark.parametrize("kind", list(DocumentKind))
def test_every_document_says_on_paper_what_it_says(kind):
    said = paper(kind)
    pdf = made(said)
    text = text_of(pdf)

    assert squeezed(said.template.name) in text
    assert squeezed(NAMES["organ"]) in text
    for one in said.template.fields:
        if one.kind is FieldKind.TABLE:
            assert {squeezed(cell) for cell in SHORT[one.kind][0].values()} <= _cells(text)
        elif one.name not in {"party_name", "party_address"}:
            assert squeezed(say(one, said.fields[one.name])) in text, one.name
    assert HASH in text.replace("SHA-256", "")
    assert "第1页共1页" in text
    assert outside(pdf) == []


def body_of(pdf):
    """What a document says, without the feet of its pages."""
    pages = [squeezed(page) for page in pages_of(pdf)]
    return re.sub("\u200b", "", "".join(FOOT.split(page)[0] for page in pages))


def _cells(text):
    return {cell for cell in ("一次性使用无菌注射器", "11箱") if cell in text}


@pytest.mark.parametrize("kind", ["visit-record", "preservation-decision", "penalty-decision"])
def test_long_fields_run_over_pages_and_never_off_them(kind):
    said = paper(kind, LONG)
    pdf = made(said)
    pages = pages_of(pdf)

    assert len(pages) > 2
    assert f"第 {len(pages)} 页" in pages[-1]
    assert outside(pdf) == []
    body = body_of(pdf)
    assert squeezed(SHORT[FieldKind.TEXT]) not in body
    assert body.count("监督员检查时") % 60 == 0


def test_a_paragraph_that_would_say_nothing_is_left_out():
    fields = {**paper("penalty-decision").fields, "discretion": None, "note": None}
    body = body_of(made(paper("penalty-decision", fields=fields)))
    assert f"备注：{NOTHING}" in body
    assert body.count(NOTHING) == 1


def test_each_of_two_officers_has_a_place_to_sign():
    blank = text_of(made(paper("visit-record")))
    assert blank.count("年月日") == 3, "party and two officers"
    one = Signed("officer", "hand", AT, name="㐂安")
    signed = text_of(made(paper("visit-record", signatures=[one])))
    assert signed.count("年月日") == 2


def test_the_organ_stands_on_one_line_of_its_seal_strip():
    (page,) = pages_of(made(paper("seal-strip")))
    assert f"{NAMES['organ']}封" in page.splitlines()


@pytest.mark.parametrize("kind", ["penalty-decision", "opinion"])
def test_a_seal_never_stands_alone_on_a_page(kind):
    pages = set()
    for lines in range(9, 15):
        said = "\n".join(["营业"] * lines)
        found = pages_of(
            made(paper(kind, {**SHORT, FieldKind.TEXT: "无"}, fields=_filled(kind, said)))
        )
        last = squeezed(FOOT.split(found[-1])[0])
        pages.add(len(found))
        assert not last.startswith("（盖章处）")
    assert pages == {1, 2}, "some of them have a last page of their own"


def _filled(kind, words):
    """The fields of a document, of which the first says these words."""
    fields = dict(paper(kind, {**SHORT, FieldKind.TEXT: "无"}).fields)
    return fields | {next(iter(fields)): words}


def test_the_organ_stands_on_one_line_beside_its_seal():
    organ = "上海市长宁区卫生健康委员会监督所"
    pdf = made(paper("penalty-decision", names={**NAMES, "organ": organ}))
    assert [line for line in pages_of(pdf)[0].splitlines() if organ[-2:] in line] == [organ] * 2


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stands_there_literally(name):
    said = paper("opinion", names={**NAMES, "unit": name, "address": name})
    pdf = made(said)
    body = body_of(pdf)

    assert squeezed(name) in body
    assert outside(pdf) == []


def test_what_no_font_can_show_stands_as_its_code_point():
    pdf = made(paper("opinion", names={**NAMES, "unit": "甲\U00032fff乙\u202e丙🐼"}))
    assert "甲〔U+32FFF〕乙〔U+202E〕丙〔U+1F43C〕" in text_of(pdf)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_text_can_be_set_and_stays_on_the_page(text):
    pdf = made(paper("opinion", names={**NAMES, "unit": text}))
    assert outside(pdf) == []


def test_the_same_document_is_the_same_file_to_the_byte():
    said = paper("penalty-decision", LONG)
    first, second = made(said), made(said)

    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    assert first != made(paper("penalty-decision"))


def test_it_says_that_it_is_pdf_a_and_embeds_its_fonts():
    pdf = made(paper("penalty-decision"))
    assert pdf.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert b"/FontFile3" in pdf


def test_a_draft_says_so_on_every_page():
    pages = pages_of(made(paper("visit-record", LONG, draft=True)))
    assert all("草稿" in squeezed(page) for page in pages)
    assert "草稿" not in text_of(made(paper("visit-record")))


def test_signatures_and_a_refusal_with_its_witness_are_printed():
    signed = [
        Signed("officer", "device-key", AT, name="㐂安", certificate_no="海320706001"),
        Signed("officer", "pin", AT, name="𠮷波", certificate_no="海320706002"),
        Signed("party", "refused", AT, reason="对结果有异议", taken_by="㐂安"),
        Signed("witness", "hand", AT, name="居委会王五", taken_by="㐂安"),
    ]
    text = text_of(made(paper("visit-record", signatures=signed)))
    when = instant_text(AT)

    assert "㐂安（执法证号海320706001）" in text
    assert f"拒绝签名，理由：对结果有异议（{when}，由㐂安记录）" in text
    assert f"见证人签名：居委会王五手写签名，{when}" in text
    assert "当事人签名：\uff3f" in text  # on each page


def test_the_place_of_the_seal_says_whether_it_was_sealed():
    sealed = [Signed("seal", "seal", AT, name="陈所长")]
    assert "（盖章处）" in text_of(made(paper("penalty-decision")))
    text = text_of(made(paper("penalty-decision", signatures=sealed)))
    assert "已用印陈所长" in text
    assert "盖章处" not in text
    assert squeezed(day_text(date(2026, 11, 20))) in text


def test_a_correction_shows_what_was_struck_what_is_right_and_who_did_it():
    corrections = [
        Corrected("problem", Change("卫生", "营业", 1), AT, "安", "笔误", "加盖校对章"),
    ]
    text = text_of(made(paper("opinion", corrections=corrections)))

    assert "未见卫生营业〔更正1〕许可证" in text
    assert f"更正1存在的问题：卫生营业{instant_text(AT)}，安，理由：笔误；加盖校对章" in text


def test_setting_that_takes_too_long_is_ended():
    with pytest.raises(typeset.PrintFailed, match="超过时限"):
        typeset.set_pages("document", sheet_of(paper("opinion")), time_limit_s=0.001)
    with pytest.raises(typeset.PrintFailed, match="无法排版"):
        typeset.set_pages("../document", {})


def test_fonts_come_from_packages_and_show_names_that_few_fonts_know():
    known = press.characters()
    assert {ord(one) for one in "㐂𠮷璟祎喆堃垚翀珺〔〕—\uff0f"} <= known
    assert len(known) > 30_000
