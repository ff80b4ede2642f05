"""After a restore nobody is served before it is adopted; then nothing is lost or given twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from obstore.store import MemoryStore

from app import canonical, clock, entry
from app.access import TIMETABLE, Role
from app.db import db, transaction
from app.draws import queries
from app.draws.models import Draw
from app.journal import service as journal
from app.journal.models import JournalEntry
from app.journal.rules import Event
from app.people.models import Account
from app.storage import Storage, StorageUnreachable
from app.tasks.models import Task
from app.visits.models import Visit
from scheduler import runner
from scheduler.models import SchedulerRun
from sync.devices import keeping
from sync.devices import service as devices
from sync.devices.models import Device
from sync.devices.rules import DeviceState
from sync.epoch import heads
from sync.epoch.rules import HeadBroken
from sync.feed import service as feed
from sync.inbox.models import Operation, Receipt, ReviewItem
from tests.conftest import FixedClock
from tests.draws.office import Office
from tests.factories import PASSWORD, Make
from tests.sync.conftest import ITEMS, Stage, whole_visit
from tests.sync.tablet import Tablet
from tests.sync.test_backup import run


@pytest.fixture(autouse=True)
def time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guard found is never old enough to be looked at again otherwise."""
    monkeypatch.setattr(heads, "GOOD_FOR_S", 0.0)


class Server:
    """The server's operator: backs up, loses the database, brings the backup back."""

    def __init__(self, flask_app: flask.Flask, to: Path) -> None:
        self.flask_app, self.to = flask_app, str(to)

    def command(self, *arguments: str) -> str:
        done = run(self.flask_app, *arguments)
        assert done.exit_code == 0, done.output
        return done.output

    def back_up(self) -> None:
        self.keep_head()
        self.command("backup", self.to)

    def keep_head(self) -> None:
        with self.flask_app.app_context():
            heads.publish_head(at=clock.now())

    def lose_everything_since(self) -> str:
        self.keep_head()
        return self.command("restore", self.to, "--replace")

    def lose_the_last_seconds_too(self) -> str:
        """The head is as old as the backup: what came after it was never written down."""
        with self.flask_app.app_context():
            head = heads.read_head()
            assert head is not None
            said = self.command("restore", self.to, "--replace")
            heads.put_head(replace(head, restoring="now"))
        return said

    def adopt(self) -> str:
        return self.command("adopt")


@pytest.fixture
def server(flask_app: flask.Flask, tmp_path: Path) -> Server:
    return Server(flask_app, tmp_path / "safe")


# --- who is served -----------------------------------------------------------------------------


def test_a_database_older_than_its_head_serves_nobody_but_says_how_it_is(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    task = stage.task(tablet)
    server.back_up()
    tablet.push(whole_visit(tablet, task))
    said = server.lose_everything_since()
    assert "suicha adopt" in said
    client = stage.flask_app.test_client()

    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json and ready.json["checks"]["head"]) == (503, False)
    for path in ("/.well-known/suicha", "/api/v1/tasks", "/public/draws", "/"):
        assert client.get(path).status_code == 503, path
    for answer in (
        tablet.push(whole_visit(tablet, task)),
        tablet.request("GET", "/feed"),
        tablet.request("GET", "/devices/me"),
        tablet.tokens(refresh=tablet.refresh),
    ):
        assert answer.status == 503
        assert answer.json["type"] == "/problems/restore-not-adopted"
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/problems/restore-not-adopted").status_code == 200

    server.adopt()

    assert client.get("/readyz").status_code == 200
    assert client.get("/.well-known/suicha").status_code == 200


def test_the_timetable_does_not_act_on_a_database_that_nobody_adopted(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.back_up()
    stage.task(tablet)
    server.lose_everything_since()
    acting = runner.Runner(stage.flask_app)

    acting._renew()
    acting._fire("run-due-draws")

    assert not acting.holds
    assert stage.count(SchedulerRun) == 0
    server.adopt()
    acting._renew()
    acting._fire("run-due-draws")
    assert acting.holds
    assert stage.count(SchedulerRun) == 1


@pytest.mark.parametrize("what", ["older", "epoch", "other", "broken"])
def test_a_database_put_back_by_hand_is_noticed_too(
    stage: Stage, tablet: Tablet, server: Server, what: str
) -> None:
    stage.task(tablet)
    server.keep_head()
    with stage.flask_app.app_context():
        head = canonical.loads(entry.storage().get(heads.HEAD_KEY).decode())
        stream = next(one for one in head["streams"] if one["stream"] == "310105")
        if what == "older":
            stream["seq"] += 1
        elif what == "epoch":
            head["epoch"] = "00000000-0000-7000-8000-000000000009"
        elif what == "other":
            stream["hash"] = "1" * 64
        text = canonical.dumps(head) if what != "broken" else "{"
        entry.storage().put(heads.HEAD_KEY, text.encode())
        with pytest.raises((heads.RestoreNotAdopted, HeadBroken)):
            heads.publish_head(at=clock.now())

    answer = tablet.request("GET", "/feed")

    assert (answer.status, answer.json["reason"]) == (503, what)
    server.adopt()
    assert tablet.request("GET", "/feed").status == 200


def test_a_database_that_went_on_is_served_and_needs_no_adoption(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.back_up()
    stage.task(tablet)
    assert tablet.request("GET", "/feed").status == 200
    refused = run(stage.flask_app, "adopt")
    assert refused.exit_code == 1
    assert "无需" in refused.output or "没有什么" in refused.output


class Away(Storage):
    """A storage that cannot be reached."""

    def get(self, key: str) -> bytes:
        raise StorageUnreachable("文件存储暂时无法访问。")


def test_a_storage_that_is_away_stops_nobody_who_was_found_good(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.keep_head()
    stage.task(tablet)
    assert tablet.request("GET", "/feed").status == 200
    extensions = stage.flask_app.extensions
    there, extensions["suicha_storage"] = extensions["suicha_storage"], Away(MemoryStore())

    assert tablet.request("GET", "/feed").status == 200
    extensions["suicha_head"] = heads.Guard()
    assert tablet.request("GET", "/feed").status == 503, "nobody could look yet"
    extensions["suicha_storage"] = there
    assert tablet.request("GET", "/feed").status == 200


# --- tablets -----------------------------------------------------------------------------------


def back_by_key(tablet: Tablet) -> None:
    """A tablet whose tokens the server no longer knows signs a challenge."""
    answer = tablet.tokens(challenge=tablet.challenge())
    assert answer.status == 200, answer.body
    tablet.keep_tokens(answer.json)


def test_tablets_send_again_what_the_backup_lacks_and_nothing_is_lost_or_doubled(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    first, second = stage.task(tablet), stage.task(tablet)
    kept = whole_visit(tablet, first)
    old = tablet.push(kept).json["results"]
    page = tablet.request("GET", "/feed").json
    epoch = stage.flask_app.test_client().get("/.well-known/suicha").json["epoch"]  # type: ignore[index]
    server.back_up()
    lost = whole_visit(tablet, second)
    before = tablet.push(lost).json["results"]
    renewed = tablet.tokens(refresh=tablet.refresh)
    tablet.keep_tokens(renewed.json)
    server.lose_everything_since()
    server.adopt()

    assert tablet.request("GET", "/feed").status == 401
    back_by_key(tablet)
    refused = tablet.request("GET", f"/feed?cursor={page['cursor']}")
    assert (refused.status, refused.json["type"]) == (409, "/problems/epoch-changed")
    assert refused.json["epoch"] == refused.headers["Sync-Epoch"] != epoch
    again = tablet.push(lost, Sync_Epoch=epoch).json["results"]
    known = tablet.push(kept).json["results"]
    third = tablet.push(lost).json["results"]

    assert [one["outcome"] for one in again] == ["applied"] * len(lost)
    assert [one["outcome"] for one in known + third] == ["duplicate"] * 2 * len(kept)
    assert [one["receipt"] for one in known] == [one["receipt"] for one in old]
    assert [one["receipt"] for one in third] == [one["receipt"] for one in again]
    numbers = [json.loads(one["receipt"]["body"])["receipt_seq"] for one in [*before, *again]]
    assert len(set(numbers)) == len(numbers), "no receipt number is given twice"
    for one in (first, second):
        assert stage.one(Task, one.id).state == "submitted"
        assert stage.one(Visit, one.visit_id).state == "signed"
    assert stage.count(Operation) == 2 * (len(ITEMS) + 4) == stage.count(Receipt)
    assert stage.count(ReviewItem) == 0
    page = tablet.request("GET", "/feed?limit=2000").json
    assert page["complete"]
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []
        assert feed.differences() == []


def test_a_tablet_that_goes_on_first_shows_a_gap_until_it_sends_the_rest_again(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    first, second = stage.task(tablet), stage.task(tablet)
    server.back_up()
    lost = whole_visit(tablet, first)
    tablet.push(lost)
    server.lose_everything_since()
    server.adopt()
    back_by_key(tablet)

    new = tablet.push(whole_visit(tablet, second)).json["results"]

    assert {one["outcome"] for one in new} == {"applied"}
    open_gaps = (ReviewItem.kind == "gap", ReviewItem.state == "open")
    assert stage.count(ReviewItem, *open_gaps) == 1
    tablet.push(lost)
    assert stage.count(ReviewItem, *open_gaps) == 0
    assert stage.one(Task, first.id).state == "submitted"


def test_a_tablet_enrolled_after_the_backup_is_not_locked_out(stage: Stage, server: Server) -> None:
    account = stage.officer("late")
    server.back_up()
    tablet = stage.tablet("late")
    server.lose_everything_since()

    said = server.adopt()

    assert str(tablet.device_id) in said
    back_by_key(tablet)
    seen = tablet.request("GET", "/devices/me").json
    assert [one["officer_id"] for one in seen["sessions"]] == [str(account.officer_id)]
    task = stage.task(tablet)
    results = tablet.push(whole_visit(tablet, task)).json["results"]
    assert {one["outcome"] for one in results} == {"applied"}, "its session is known again"


def test_a_tablet_suspended_after_the_backup_stays_suspended(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.back_up()
    boss = stage.make.account(Role.SUPERVISOR)
    with stage.make.writing():
        device = devices.get_device(tablet.device_id, stage.make.home().id)
        devices.change_state(
            device.id, DeviceState.SUSPENDED, "遗失", by=stage.make.actor(boss), at=stage.clock()
        )
    with stage.flask_app.app_context():
        keeping.keep(entry.storage(), tablet.device_id)
    server.lose_everything_since()
    assert stage.one(Device, tablet.device_id).state == "active"

    server.adopt()

    assert stage.one(Device, tablet.device_id).state == "suspended"


def test_what_people_had_open_is_ended(stage: Stage, make: Make, server: Server) -> None:
    account = make.account(Role.SUPERVISOR, login="boss")
    client = stage.flask_app.test_client()
    token = client.post("/api/v1/sessions", json={"login": account.login, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {token.json['token']}"}  # type: ignore[index]
    assert client.get("/api/v1/tasks", headers=headers).status_code == 200
    server.back_up()
    make.unit()
    server.lose_everything_since()
    server.adopt()
    assert client.get("/api/v1/tasks", headers=headers).status_code == 401


# --- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", ["kept", "lost"])
def test_no_task_number_is_given_twice(
    stage: Stage, tablet: Tablet, server: Server, seconds: str
) -> None:
    stage.task(tablet)
    server.back_up()
    given = {stage.task(tablet).task_no for _ in range(3)}
    if seconds == "kept":
        said = server.lose_everything_since()
    else:
        said = server.lose_the_last_seconds_too()
    assert said
    said = server.adopt()

    new = {stage.task(tablet).task_no for _ in range(3)}

    assert not given & new
    assert f"从 {min(int(no[-6:]) for no in new)} 继续" in said, "the gap is listed"


def test_the_lost_range_is_named_in_every_stream_and_the_chain_holds(
    stage: Stage, tablet: Tablet, server: Server
) -> None:
    server.back_up()
    with stage.flask_app.app_context():
        here = journal.heads()["310105"][0]
    task = stage.task(tablet)
    tablet.push(whole_visit(tablet, task))
    with stage.flask_app.app_context():
        seq, digest = journal.heads()["310105"]
    server.lose_everything_since()
    server.adopt()

    with stage.flask_app.app_context():
        restored = db.session.scalars(
            sa.select(JournalEntry).where(
                JournalEntry.event == Event.JOURNAL_RESTORED, JournalEntry.stream == "310105"
            )
        ).one()
        data = canonical.loads(restored.text)["data"]
        assert journal.verify()[1] == []
    assert (data["first_lost"], data["known_lost_to"], data["lost_hash"]) == (
        here + 1,
        seq,
        digest,
    )
    assert restored.seq == data["goes_on_at"] > seq


def test_a_published_head_that_somebody_kept_says_what_is_lost(
    stage: Stage, server: Server, tmp_path: Path
) -> None:
    server.back_up()
    stage.make.task()
    with stage.flask_app.app_context():
        with transaction():
            journal.publish_heads(by=TIMETABLE, at=stage.clock())
        kept = journal.published_heads(1)[0].text
        seq = canonical.loads(kept)["data"]["heads"][0]["seq"]
        here = seq + 1_000_001
        server.command("restore", server.to, "--replace")
        entry.storage().delete(heads.HEAD_KEY)
    (tmp_path / "kept.json").write_text(kept, encoding="utf-8")
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    refused = run(stage.flask_app, "adopt", "--anyway", "--head", str(tmp_path / "none.json"))
    assert refused.exit_code == 1

    said = server.command("adopt", "--anyway", "--head", str(tmp_path / "kept.json"))

    assert f"–{seq}，从 {here} 继续" in said


def test_adopting_twice_goes_on_further_above(stage: Stage, server: Server) -> None:
    stage.make.task()
    server.back_up()
    server.lose_everything_since()
    server.adopt()
    with stage.flask_app.app_context():
        first = journal.heads()["310105"][0]
    server.command("adopt", "--anyway")
    with stage.flask_app.app_context():
        assert journal.heads()["310105"][0] > first
        assert journal.verify()[1] == []


# --- draws -------------------------------------------------------------------------------------


@pytest.fixture
def office(flask_app: flask.Flask, make: Make, clock: FixedClock) -> Office:
    """An office whose timetable the test drives."""
    with make.writing():
        journal.install(at=clock())
    return Office(flask_app, make, clock)


def draws_of(office: Office) -> list[tuple[str, str]]:
    with office.flask_app.app_context():
        rows = db.session.execute(sa.select(Draw.draw_no, Draw.state).order_by(Draw.draw_no))
        return [(no, state) for no, state in rows]


def release(office: Office, server: Server, period: str = "2026-Q4") -> None:
    server.command("draw", "release", "310105", period, "--reason", "公告栏和网站上都没有公布过")


def test_a_draw_made_after_the_backup_is_not_drawn_again_by_itself(
    office: Office, server: Server
) -> None:
    office.sealed()
    server.back_up()
    office.tick()
    office.go(hours=12)
    office.go(hours=4)
    lost = draws_of(office)
    assert [state for _, state in lost] == ["drawn"]
    server.lose_everything_since()

    said = server.adopt()

    assert f"{lost[0][0]} 恢复前为“已抽取”" in said
    for _ in range(3):
        office.go(hours=1)
    assert draws_of(office) == [], "nothing is drawn a second time by itself"
    status = server.command("scheduler", "status")
    assert "等待管理员核对并解除" in status
    release(office, server)
    office.tick()
    again = draws_of(office)
    assert [state for _, state in again] != []
    assert not {no for no, _ in again} & {no for no, _ in lost}, "no number is given twice"


@pytest.mark.parametrize("stage_kept", ["frozen", "announced"])
def test_a_draw_under_way_in_the_backup_stands_still_until_it_is_released(
    office: Office, server: Server, stage_kept: str
) -> None:
    plan = office.sealed()
    office.tick()
    if stage_kept == "announced":
        office.go(hours=12)
    number = office.number_of(plan)
    server.back_up()
    office.go(hours=12)
    office.go(hours=4)
    server.lose_everything_since()
    server.adopt()

    done = office.go(hours=24)

    assert office.state(number) == stage_kept
    assert done == [f"{number} held: draw-period-held"]
    assert office.tick() == [], "said once"
    with office.draw(number) as draw:
        assert "管理员" in (draw.held_detail or "")
    release(office, server)
    office.tick()
    assert office.state(number) != stage_kept
    with office.draw(number) as draw:
        assert draw.held_code is None


def test_people_cannot_move_a_held_draw_but_may_end_it(office: Office, server: Server) -> None:
    number = office.announced()
    server.back_up()
    server.lose_the_last_seconds_too()
    server.adopt()
    client, headers = signed_in(office, Role.SUPERVISOR)
    rolled = client.post(f"/api/v1/draws/{number}/dice", json={"digits": "0" * 20}, headers=headers)
    assert (rolled.status_code, rolled.json["type"]) == (409, "/problems/draw-period-held")
    office.void(number)
    assert office.state(number) == "void"


def signed_in(office: Office, role: Role) -> tuple[Any, dict[str, str]]:
    account: Account = office.make.account(role)
    client = office.flask_app.test_client()
    answer = client.post("/api/v1/sessions", json={"login": account.login, "password": PASSWORD})
    return client, {"Authorization": f"Bearer {answer.json['token']}"}  # type: ignore[index]


def test_an_administrator_releases_a_period_with_a_reason(office: Office, server: Server) -> None:
    plan = office.sealed()
    office.tick()
    server.back_up()
    server.lose_the_last_seconds_too()
    server.adopt()
    client, headers = signed_in(office, Role.ADMINISTRATOR)
    held = client.get("/api/v1/draw-holds", headers=headers).json["items"]
    assert [one["period"] for one in held] == ["2026-Q4"]
    address = f"/api/v1/draw-holds/{held[0]['id']}/release"
    headers["If-Match"] = f'"{held[0]["version"]}"'

    done = client.post(address, json={"reason": "没有公告过"}, headers=headers)

    assert done.status_code == 200, done.json
    assert done.json["release_reason"] == "没有公告过"
    office.go(hours=12)
    assert office.state(office.number_of(plan)) == "announced"


def test_the_next_manifest_names_the_one_that_was_lost(office: Office, server: Server) -> None:
    office.sealed()
    server.back_up()
    office.tick()
    office.go(hours=12)
    with office.flask_app.app_context():
        lost = db.session.scalars(sa.select(Draw)).one()
        manifest, serial = lost.manifest_sha256, lost.announce_serial or 0
    server.lose_everything_since()
    server.adopt()
    release(office, server)
    office.tick()
    office.go(hours=12)

    with office.flask_app.app_context():
        new = db.session.scalars(sa.select(Draw)).one()
        contents = queries.contents_of(new.id)
        assert json.loads(contents["manifest.json"])["prev"] == manifest
        assert (new.announce_serial or 0) > serial
