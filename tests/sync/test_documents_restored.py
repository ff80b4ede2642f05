"""After a restore no document number is given twice, and papers under a lost block come in."""

from pathlib import Path

import flask
import pytest
import sqlalchemy as sa

from app.documents.models import Document, NumberBlock
from app.documents.rules import EndReason
from scheduler import jobs
from sync.epoch import heads
from tests.sync.conftest import Stage
from tests.sync.pushed import outcomes
from tests.sync.tablet import Tablet, op_of
from tests.sync.test_documents import begun, blocks, number, opinion, settled
from tests.sync.test_epoch import Server, time_goes_on

__all__ = ["time_goes_on"]  # used by every test here


@pytest.fixture
def server(flask_app: flask.Flask, tmp_path: Path) -> Server:
    return Server(flask_app, tmp_path / "safe")


def supply(stage: Stage) -> str:
    with stage.flask_app.app_context():
        return jobs.JOBS["supply-numbers"].run(at=stage.clock())


def test_the_head_names_the_last_number_of_every_series(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.keep_head()
    with stage.flask_app.app_context():
        head = heads.read_head()
    assert head is not None
    agency = stage.make.home().id
    assert head.numbers[f"document.opinion:{agency}:2026"] == blocks(tablet)[0]["last"]


@pytest.mark.parametrize("head", ["kept", "lost"])
def test_a_number_of_a_block_that_the_backup_lacks_comes_in_and_is_given_to_nobody_else(
    stage: Stage, tablet: Tablet, server: Server, head: str
) -> None:
    task, block = begun(stage, tablet), blocks(tablet)[0]
    server.back_up()
    serials = range(block["first"], block["last"] + 1)
    sent = [opinion(tablet, task, serial) for serial in serials]
    tablet.push(sent)
    later = blocks(tablet)[-1]
    assert later["first"] > block["last"], "allotted after the backup"
    sent.append(opinion(tablet, task, later["first"]))
    assert outcomes(tablet.push(sent[-1:])) == [("applied", None)]
    printed = number(later, later["first"] + 1)
    offline = opinion(tablet, task, later["first"] + 1, fields={"number": printed})
    server.lose_everything_since() if head == "kept" else server.lose_the_last_seconds_too()
    server.adopt()

    pushed = tablet.push([*sent, offline])

    assert set(outcomes(pushed)) == {("applied", None)}
    assert stage.count(Document) == len(sent) + 1
    assert stage.one(Document, op_of(offline)["entity_id"]).number == printed
    again = tablet.push([*sent, offline])
    assert set(outcomes(again)) == {("duplicate", None)}
    found = stage.all(
        sa.select(NumberBlock.first, NumberBlock.last, NumberBlock.end_reason)
        .where(NumberBlock.series == "opinion:2026")
        .order_by(NumberBlock.first)
    )
    assert found[1].end_reason == EndReason.RESTORED
    assert found[1].first <= later["first"] < later["last"] <= found[1].last
    fresh = blocks(tablet)[-1]
    assert fresh["first"] == found[1].last + 1 == found[-1].first
    assert blocks(stage.tablet("bo"))[0]["first"] > fresh["last"]
    settled(stage)


def test_a_tablet_whose_block_was_lost_gets_another_without_asking(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.back_up()
    bo = stage.tablet("bo")
    lost = blocks(bo)[0]
    server.lose_everything_since()
    server.adopt()  # the account of Bo is lost too, and with it the session: nobody to supply
    assert supply(stage) == "0 blocks allotted, 0 ended"
    kept = blocks(tablet)[0]
    assert kept["first"] == 1
    task = begun(stage, tablet)
    serials = range(kept["first"], kept["last"] + 1)
    tablet.push([opinion(tablet, task, serial) for serial in serials])
    assert blocks(tablet)[-1]["first"] > lost["last"]
