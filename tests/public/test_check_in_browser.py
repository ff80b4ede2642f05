"""The page of a draw checks it in a real browser, served by a real process."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.access import Role
from app.db import transaction
from app.draws.models import DrawFile
from tests import browsers
from tests.conftest import FixedClock, Place
from tests.draws.office import Office
from tests.servers import serving

DEADLINE_MS = 60_000
pytestmark = [
    pytest.mark.parametrize("place", ["sqlite"], indirect=True),
    pytest.mark.timeout(browsers.INSTALL_S + 300),
]


def published(office: Office, clock: FixedClock, *, list_public: bool = True) -> str:
    """Publish a draw in the past of the machine's clock, by which the server goes."""
    clock.forward(days=-60)
    draw_no = office.drawn(list_public=list_public)
    office.go(days=31)
    assert office.state(draw_no) == "published"
    return draw_no


def verdict(page: Page, words: str) -> None:
    expect(page.locator("#check-verdict")).to_contain_text(words, timeout=DEADLINE_MS)


def test_the_page_recomputes_a_draw_and_sees_what_was_changed(
    place: Place, office: Office, clock: FixedClock
) -> None:
    draw_no = published(office, clock)
    with serving(place.environ) as address, browsers.browser() as opened:
        page = opened.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{address}/public/draws/{draw_no}")
        page.get_by_role("button", name="开始核对").click()
        verdict(page, "验证通过")
        lines = page.locator("#check-lines").inner_text()
        with office.draw(draw_no) as draw:
            assert draw.manifest_sha256
            assert draw.result_sha256
            assert f"manifest.json SHA-256 {draw.manifest_sha256}" in lines
            assert f"result.tsv SHA-256 {draw.result_sha256}" in lines
        assert "assignment.tsv 与重新计算的结果逐字节相同" in lines
        assert complaints == []  # the policy of the pages forbids nothing that the check needs

        with office.flask_app.app_context(), transaction() as session:
            result = session.scalars(sa.select(DrawFile).where(DrawFile.name == "result.tsv")).one()
            result.content = result.content.replace(b"selected", b"reserve", 1)
        page.goto(f"{address}/public/draws/{draw_no}#check")
        page.reload()  # with this address the check begins by itself
        verdict(page, "验证不通过")
        assert "result.tsv 与 SHA256SUMS 不符" in page.locator("#check-lines").inner_text()


def test_a_unit_of_a_private_list_checks_its_line_in_the_page(
    place: Place, office: Office, clock: FixedClock, tmp_path: Path
) -> None:
    draw_no = published(office, clock, list_public=False)
    clerk = office.make.signed_in(Role.CLERK)
    answer = clerk.get(f"/api/v1/draws/{draw_no}/proof", query_string={"archive_no": "CN003"})
    (tmp_path / "line.json").write_bytes(answer.data)
    with serving(place.environ) as address, browsers.browser() as opened:
        page = opened.new_page()
        page.goto(f"{address}/public/draws/{draw_no}")
        page.get_by_role("button", name="开始核对").click()
        verdict(page, "请先选择")
        page.get_by_label("本单位的证明文件").set_input_files(tmp_path / "line.json")
        page.get_by_role("button", name="开始核对").click()
        verdict(page, "验证通过：本单位的一行")
        lines = page.locator("#check-lines").inner_text()
        assert "这一行在公告的名单中（默克尔证明）" in lines
        assert re.search(r"CN003：(抽中|备选|没有抽中)", lines)


def test_without_script_the_page_is_whole_and_answers_a_unit(
    place: Place, office: Office, clock: FixedClock
) -> None:
    draw_no = published(office, clock)
    with serving(place.environ) as address, browsers.browser() as opened:
        page = opened.new_context(java_script_enabled=False).new_page()
        page.goto(f"{address}/public/draws/{draw_no}")
        assert not page.get_by_text("在本页核对", exact=True).is_visible()
        page.get_by_label("档案编号").fill("CN003")
        page.get_by_role("button", name="查询").click()
        assert page.get_by_text("本单位票号").is_visible()
