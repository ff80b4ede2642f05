"""A file 案卷: everything written in a case or at a visit, with contents that say the page."""

import re
from uuid import uuid4

import pytest

from app.access import Role
from app.documents import binding
from app.documents import queries as documents
from app.documents.binding import Cover
from app.documents.rules import DocumentKind, PaperRole, ServiceMode
from tests.documents.desk import OPINION, Desk
from tests.documents.pdfs import outside, pages_of, squeezed
from tests.documents.test_desk import NOTICE, draw_up, sign
from tests.documents.test_layout import HOSTILE
from tests.documents.test_serving import serve

COVER_PAGES = 2


@pytest.fixture
def desk(make):
    return Desk.of(make)


def bound(desk, case_id, **facts):
    cover = Cover(
        title="行政处罚案卷",
        organ=desk.agency.name,
        number="1",
        facts=[("案由", "无证经营"), *facts.items()],
        opened_on=desk.make.at.date(),
    )
    with desk.make.flask_app.app_context():
        written = documents.documents_in(case_id, None, ())
        subjects = {desk.unit.id: "检查现场"}
        return binding.bind(
            cover, written, subjects, desk.make.flask_app.extensions["suicha_storage"]
        )


def test_a_file_holds_every_document_where_its_contents_say(desk):
    case_id = uuid4()
    long = {**NOTICE, "facts": "未取得卫生许可证从事游泳场所经营。" * 120}
    notice = draw_up(desk, fields=long, case_id=case_id)
    draw_up(desk, DocumentKind.OPINION, OPINION, case_id=case_id)
    draw_up(desk, fields=NOTICE)  # of another case
    sign(desk, notice, PaperRole.SEAL, Role.SUPERVISOR)
    serve(desk, notice, ServiceMode.DIRECT, receiver_name="张三")
    picture = desk.picture()

    made = bound(desk, case_id, 当事人=HOSTILE[0])
    raw = pages_of(made)
    pages = [squeezed(page) for page in raw]
    contents = pages[1]
    assert squeezed(HOSTILE[0]) in pages[0]
    assert "卫生监督意见书（草稿）" in contents
    assert contents.count(notice.number) == 2  # in the contents, and as served
    assert "直接送达，张三，2026年11月21日送达" in contents
    listed = re.findall(r"2026年11月21日\s+(\d+)(?:–(\d+))?\s", raw[1])
    assert len(listed) == 2
    for (first, last), title in zip(
        sorted(listed), ("卫生监督意见书", "行政处罚事先告知书"), strict=True
    ):
        assert title in pages[COVER_PAGES + int(first) - 1]
        assert f"卷{last or first}" in pages[COVER_PAGES + int(last or first) - 1]
    assert picture in pages[-1].replace("\u200b", "")
    assert outside(made) == []
    assert made == bound(desk, case_id, 当事人=HOSTILE[0])


def test_a_file_without_documents_has_a_cover(desk):
    made = bound(desk, uuid4())
    assert squeezed(desk.agency.name) in squeezed(pages_of(made)[0])
    assert outside(made) == []


def test_a_visit_has_a_file_and_documents_of_its_own(make):
    client = make.signed_in(Role.SUPERVISOR)
    assert client.get(f"/api/v1/visits/{uuid4()}/file.pdf").status_code == 404
    assert client.get(f"/api/v1/cases/{uuid4()}/file.pdf").status_code == 404
