"""Pages that anybody may open: complete without script, small, in the words of the reader."""

import re
from html.parser import HTMLParser

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from app.access import TIMETABLE
from app.db import db, transaction
from app.journal import service as journal
from app.public import failures
from tests.conftest import FixedClock

PAGES = (
    "/",
    "/public/draws",
    "/public/team-lots",
    "/public/decisions",
    "/public/journal",
    "/api/docs",
    "/problems/",
    "/problems/not-found",
)
LIMIT_BYTES = 100_000


class Outline(HTMLParser):
    """What of a page matters to somebody who listens to it, or has no script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.handlers += [name for name in found if name.startswith("on") or name == "style"]
        if tag == "html":
            self.language = found.get("lang") or ""
        if tag in {"a", "link"} and (address := found.get("href")):
            self.addresses.append(address)


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_is_whole_without_script_and_small(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    outline = Outline(answer.text)
    assert answer.status_code == 200
    assert len(answer.data) < LIMIT_BYTES
    assert outline.language == "zh-CN"
    assert outline.tags.count("h1") == 1
    assert outline.tags.count("main") == 1
    assert "script" not in outline.tags
    assert outline.handlers == []


def test_every_link_of_the_public_pages_leads_somewhere(client: FlaskClient) -> None:
    seen = {address for path in PAGES for address in Outline(client.get(path).text).addresses}
    inside = {address.partition("#")[0] for address in seen if address.startswith("/")}
    wanted = {"journal", "decisions", "results", "officers", "credit-reports"}
    assert {f"/public/{one}" for one in wanted} | {"/c"} <= inside
    assert {path: client.get(path).status_code for path in sorted(inside)} == dict.fromkeys(
        sorted(inside), 200
    )


def test_an_unknown_page_says_so_in_its_own_form(client: FlaskClient) -> None:
    answer = client.get("/problems/no-such-problem")
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert "没有这个问题编号" in answer.text


def test_pages_say_demo_only_in_the_demo_district(
    flask_app: flask.Flask, client: FlaskClient, clock: FixedClock
) -> None:
    assert 'class="demo"' not in client.get("/").text
    with flask_app.app_context(), transaction():
        journal.install(at=clock.at).demo = True
    assert 'class="demo"' in client.get("/").text


def test_every_problem_has_a_page_and_stands_in_the_document(client: FlaskClient) -> None:
    codes = [one.code for one in failures.every_failure()]
    assert len(codes) == len(set(codes)) > 20
    for code in codes:
        assert client.get(f"/problems/{code}").status_code == 200
    assert failures.DOCUMENT.read_text(encoding="utf-8") == failures.document()


def test_published_heads_are_shown_once_a_day(
    flask_app: flask.Flask, client: FlaskClient, clock: FixedClock
) -> None:
    def publish() -> bool:
        with flask_app.app_context(), transaction():
            return journal.publish_heads(by=TIMETABLE, at=clock.at)

    first = [publish(), publish()]
    clock.forward(days=1)
    assert [*first, publish()] == [True, False, True]
    with flask_app.app_context():
        hashes = [entry.hash for entry in journal.published_heads(5)]
    page = client.get("/public/journal").text
    assert hashes[1] in page, "the second head names the entry in which the first was published"
    assert len(re.findall("2026年11月2[12]日", page)) == 2


def test_the_process_answers_that_it_lives_without_the_database(
    client: FlaskClient, flask_app: flask.Flask
) -> None:
    begun: list[str] = []
    with flask_app.app_context():
        event.listen(db.engine, "begin", lambda _: begun.append("begin"))
    assert client.get("/healthz").text == "ok\n"
    assert begun == []
    client.get("/")
    assert begun


def test_ready_names_what_is_wrong(flask_app: flask.Flask, client: FlaskClient) -> None:
    good = client.get("/readyz")
    assert (good.status_code, good.json["ready"]) == (200, True)  # type: ignore[index]  # JSON
    with flask_app.app_context(), transaction() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    bad = client.get("/readyz")
    assert bad.status_code == 503
    assert bad.json == {
        "ready": False,
        "checks": {"database": True, "migrations": False, "storage": True, "head": True},
    }


def test_metrics_count_the_requests(client: FlaskClient) -> None:
    client.get("/")
    answer = client.get("/metrics")
    assert 'suicha_requests_total{method="GET",route="/",status="200"}' in answer.text
