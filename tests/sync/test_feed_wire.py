"""A pull on the line: compression, the empty answer, coming back to what was left."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd

from app.db import new_id, transaction
from app.tasks import service as tasks
from app.units.rules import LicenceData, LicenceKind
from sync.feed import service as feed
from tests.sync.conftest import ITEMS, Stage, answer, finish, sign, start
from tests.sync.held import Held, Row
from tests.sync.tablet import Answer, Tablet, canonical

UNPACK: dict[str, Callable[[bytes], bytes]] = {"zstd": zstd.decompress, "gzip": gzip.decompress}


# --- compression -------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_a_page_is_compressed_as_the_tablet_accepts(stage: Stage, tablet: Tablet, coding: str):
    stage.task(tablet)
    plain = Held(tablet).ask()
    packed = Held(tablet).ask(Accept_Encoding=coding)

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == coding
    assert {one.headers["Vary"] for one in (plain, packed)} == {"Accept-Encoding"}
    assert len(packed.body) * 3 < len(plain.body)
    unpacked = json.loads(UNPACK[coding](packed.body))
    assert unpacked["rows"] == plain.json["rows"]


def test_zstd_is_preferred_and_an_unknown_coding_is_answered_plain(stage: Stage, tablet: Tablet):
    held = Held(tablet)
    both = held.ask(Accept_Encoding="gzip, zstd")
    assert both.headers["Content-Encoding"] == "zstd"
    assert "Content-Encoding" not in held.ask(Accept_Encoding="lzma").headers


def test_what_a_tablet_asks_may_be_compressed_too(stage: Stage, tablet: Tablet):
    stage.task(tablet)
    held = Held(tablet)
    held.pull()
    asked = canonical({"cursor": held.cursor, "sets": held.sets()}).encode()

    def ask(body: bytes, coding: str) -> Answer:
        return tablet.request(
            "POST", "/verify", body, Content_Encoding=coding, Content_Type="application/json"
        )

    packed = ask(gzip.compress(asked), "gzip")
    assert (packed.status, packed.json) == (200, {"behind": False, "differs": []})
    assert ask(gzip.compress(asked)[:-9], "gzip").status == 400
    assert ask(gzip.compress(b" " * 50_000_000), "gzip").status == 413
    assert ask(asked, "br").status == 415


# --- the empty answer --------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_the_empty_answer_has_a_tag_that_holds_however_it_is_compressed(
    stage: Stage, tablet: Tablet, coding: str
):
    stage.task(tablet)
    held = Held(tablet)
    held.pull()
    first = held.ask(Accept_Encoding=coding)
    tag = first.headers["ETag"]
    assert first.headers.get("Content-Encoding", "identity") == coding, "long enough for that"
    assert tag.startswith('W/"')

    for now in ("identity", "gzip", "zstd"):
        again = held.ask(Accept_Encoding=now, If_None_Match=tag)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == tag
    other = held.ask(Accept_Encoding=coding, If_None_Match='W/"another"')
    assert other.status == 200
    stage.task(tablet)
    assert held.ask(Accept_Encoding=coding, If_None_Match=tag).status == 200


# --- every row is a place to go on from --------------------------------------------------------


def test_a_sync_goes_on_from_every_row(stage: Stage, tablet: Tablet):
    task = stage.task(tablet)
    stage.task(tablet)
    tablet.push([start(tablet, task), answer(tablet, task, ITEMS[0])])
    whole = Held(tablet)
    whole.pull()
    rows = [row for row in all_rows(whole) if row["stream"] != "catalogue"]
    stepped = Held(tablet)

    for expected in rows:
        kept = stepped.cursor
        page = stepped.pull_page(limit=1)
        assert page["rows"] == [expected]
        lost = Held(tablet, cursor=kept)  # the answer was lost: asked again, the same row comes
        assert lost.pull_page(limit=1)["rows"] == [expected]
    rest = stepped.pull(limit=2000)

    assert {row["stream"] for row in rest} == {"catalogue"}
    assert stepped.rows == whole.rows
    assert stepped.verify() == {"behind": False, "differs": []}


def all_rows(held: Held) -> list[Row]:
    fresh = Held(held.tablet)
    return fresh.pull(limit=2000)


# --- gone and back -----------------------------------------------------------------------------


def test_what_left_and_comes_back_brings_all_its_children_although_none_of_them_changed(
    stage: Stage, tablet: Tablet
):
    licence = LicenceData(LicenceKind.PERMIT, "沪卫公证字〔2026〕第1号", "lodging")
    unit = stage.make.unit(licences=(licence,))
    team = [stage.officer_of(tablet), stage.make.officer()]
    first = stage.make.task(unit, team=team, checklist_code="lodging")
    tablet.push([tablet.op("task.accept", first.id, {}), start(tablet, first)])
    found = {"visit_id": str(first.visit_id), "text": "布草间有杂物"}
    tablet.push([tablet.op("visit.state_finding", new_id(), found)])
    tablet.push([answer(tablet, first, code) for code in ITEMS])
    tablet.push([finish(tablet, first), sign(tablet, first)])
    held, chen = Held(tablet), stage.make.supervisor()

    def do(verb: str, task: Any, *args: Any) -> None:
        with stage.flask_app.app_context(), transaction():
            getattr(tasks, verb)(task.id, *args, by=chen, at=stage.clock())

    kinds = ("unit", "visit", "finding")
    held.pull()
    before = {kind: held.shown(kind) for kind in kinds}
    assert all(before.values())
    do("complete_task", first)
    held.pull()
    assert not any(held.shown(kind) for kind in kinds)

    again = stage.make.task(unit, team=team, checklist_code="lodging")
    rows = held.pull()

    for kind in kinds:
        came = {row["id"]: row for row in rows if row["type"] == kind and row["present"]}
        assert {one["id"]: one["version"] for one in before[kind].values()} == {
            one["id"]: one["version"] for one in came.values()
        }, "restored in the version that it had"
        assert {key: row["body"] for key, row in came.items()} == {
            key: row["body"] for key, row in before[kind].items()
        }
    (body,) = held.bodies("unit").values()
    assert [one["number"] for one in body["licences"]] == [licence.number]
    assert str(again.id) in held.shown("task")
    assert held.verify() == {"behind": False, "differs": []}
    with stage.flask_app.app_context():
        assert feed.differences() == []
