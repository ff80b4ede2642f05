"""The page of a visit code in a plain phone browser: without script, small, and it answers."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, Response

from app import clock as app_clock
from app import entry
from app.codes import service
from app.codes.models import VisitCode
from app.codes.service import NewCode
from app.db import db
from tests import browsers
from tests.conftest import FixedClock, Place
from tests.factories import Make
from tests.servers import serving

WIDTH, HEIGHT = 390, 844
MOST_BYTES = 100_000
pytestmark = [
    pytest.mark.parametrize("place", ["sqlite"], indirect=True),
    pytest.mark.timeout(browsers.INSTALL_S + 300),
]


def go_by_the_machine(clock: FixedClock) -> None:
    """Let the test's clock stand where the server's is."""
    app_clock.use(None)
    clock.at = app_clock.now()
    app_clock.use(clock)


def issued(make: Make) -> VisitCode:
    """A code that holds by the machine's clock, by which the server goes."""
    make.catalogue()
    unit = make.unit(name="上海长宁中心医院")
    team = [make.officer(certificate_valid_until=date(2099, 12, 31)) for _ in range(2)]
    partner = make.partner(
        department="市场监督管理局", name="丁一", certificate_valid_until=date(2099, 12, 31)
    )
    new = NewCode(
        unit.id,
        [one.id for one in team],
        make.at - timedelta(hours=1),
        make.at + timedelta(hours=8),
        partner_ids=[partner.id],
        reason="群众反映",
    )
    by = make.supervisor()
    with make.writing():
        return service.request_code(new, agency_id=unit.agency_id, by=by, at=make.at)


def seen(page: Page, address: str) -> str:
    """What a page says; it came in few bytes and is no wider than the phone."""
    came: list[Response] = []

    def keep(response: Response) -> None:
        came.append(response)

    page.on("response", keep)
    page.goto(address, wait_until="networkidle")
    page.remove_listener("response", keep)
    assert sum(len(one.body()) for one in came if not 300 <= one.status < 400) < MOST_BYTES
    assert max(right_edges(page)) <= WIDTH
    return page.locator("main").inner_text()


def right_edges(page: Page) -> list[float]:
    found = [one.bounding_box() for one in page.locator("main, main *").all()]
    return [one["x"] + one["width"] for one in found if one is not None]


def test_a_phone_without_script_verifies_rates_and_objects(
    place: Place, make: Make, clock: FixedClock
) -> None:
    go_by_the_machine(clock)
    code = issued(make)
    with make.flask_app.app_context():
        text = service.text_of(db.session.merge(code), entry.keys().receipt_key)
        db.session.remove()
    with serving(place.environ) as address, browsers.browser() as opened:
        phone = opened.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, java_script_enabled=False
        ).new_page()
        shown = seen(phone, f"{address}/c/{text}")
        for words in ("有效", "上海长宁中心医院", "触发式检查", "市场监督管理局", "执法证号"):
            assert words in shown
        phone.get_by_label("非常满意", exact=True).check()
        phone.get_by_role("button", name="提交评价").click()
        assert "评价已收到" in phone.locator("main").inner_text()
        phone.get_by_label("异议内容").fill("未出示执法证\n也未说明来意")
        phone.get_by_role("button", name="提交异议").click()
        assert "尚未答复" in phone.locator("main").inner_text()
        altered = text[:50] + ("A" if text[50] != "A" else "B") + text[51:]
        assert "不是本系统签发" in seen(phone, f"{address}/c/{altered}")
        by = make.supervisor()
        with make.writing():
            service.revoke_code(code.id, "改期", agency_id=code.agency_id, by=by, at=make.at)
        assert "已撤销" in seen(phone, f"{address}/c/{code.short}")
