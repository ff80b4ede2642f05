"""After a restore no number of a register is given twice: complaints, parties, cases and others."""

from datetime import date
from pathlib import Path

import flask
import pytest

from app import canonical, entry
from app.cases import opening
from app.cases.opening import NewCase, Party
from app.cases.rules import CaseSource, PartyKind
from app.complaints import service as complaints
from app.complaints.rules import Channel, ComplaintKind
from app.complaints.service import NewComplaint
from app.db import transaction
from app.numbering.queries import last_numbers, take_number, take_serial
from app.numbering.rules import Register, head_series
from sync.epoch import heads
from tests.factories import Make
from tests.sync.conftest import Stage
from tests.sync.test_epoch import Server, time_goes_on

__all__ = ["time_goes_on"]  # used by every test here
ON = date(2026, 11, 21)


@pytest.fixture
def server(flask_app: flask.Flask, tmp_path: Path) -> Server:
    return Server(flask_app, tmp_path / "safe")


def give(make: Make, count: int) -> set[str]:
    """Give out some numbers of every register, and take complaints in and open cases besides."""
    given: set[str] = set()
    agency, chen = make.home(), make.by(make.home())
    with make.writing():
        for _ in range(count):
            given |= {take_number(agency.id, one, ON) for one in Register}
            new = NewComplaint(
                kind=ComplaintKind.REPORT, channel=Channel.HOTLINE, content="无证", accused="某店"
            )
            given.add(complaints.file_complaint(new, agency=agency, by=chen, at=make.at).number)
            case = NewCase(
                source=CaseSource.COMPLAINT,
                cause_code="pp-without-testing",
                party=Party(PartyKind.ORGANISATION, name="某宾馆"),
                act="未按照规定检测",
                acted_on=ON,
                on=ON,
            )
            given.add(opening.open_case(case, agency=agency, by=chen, at=make.at).number)
    assert len(given) == count * (len(Register) + 2)
    return given


@pytest.mark.parametrize("lost", ["head kept", "last seconds too", "head of an older release"])
def test_no_number_of_a_register_is_given_twice(stage: Stage, server: Server, lost: str) -> None:
    make = stage.make
    before = give(make, 1)
    server.back_up()
    given = give(make, 2)
    if lost == "last seconds too":
        server.lose_the_last_seconds_too()
    else:
        server.lose_everything_since()
    if lost == "head of an older release":
        with server.flask_app.app_context():
            head = canonical.loads(entry.storage().get(heads.HEAD_KEY).decode())
            del head["registers"]
            entry.storage().put(heads.HEAD_KEY, canonical.dumps(head).encode())
    said = server.adopt()

    assert not (before | given) & give(make, 2)
    known = 1 if lost == "last seconds too" else 3
    with server.flask_app.app_context():
        series = head_series(make.home().id, Register.PATROL, 2026)
        first = {"head kept": known + 100, "last seconds too": 101}.get(lost, 10_001) + 1
        assert last_numbers()[series] == first + 1
    assert f"编号 {series}：备份中到 1，从 {first} 继续" in said


def test_registers_go_on_far_above_where_nobody_knows_what_was_lost(
    stage: Stage, server: Server
) -> None:
    make = stage.make
    make.home()
    server.back_up()
    given = give(make, 2)
    server.lose_everything_since()
    with server.flask_app.app_context():
        entry.storage().delete(heads.HEAD_KEY)
    server.command("adopt", "--anyway")
    new = give(make, 1)
    assert not given & new
    assert "TS-2026-010001" in new, "not one register was known to the backup"


def test_a_register_goes_on_above_what_was_counted_before_it_was_kept(
    make: Make, app_context: flask.Flask
) -> None:
    agency = make.home()
    with transaction():
        taken = [take_serial(agency.id, Register.CASE, 2026, above=above) for above in (4, 3, 6, 0)]
    assert taken == [5, 6, 7, 8]
