"""A server burns down, twice: first its database, then all it had. Nothing of the tablets' work is
lost or doubled, and no number is given out again.
"""

import shutil
from pathlib import Path

import psycopg
import pytest

from app.demo.accounts import PASSWORD
from sync.simulate import fleet
from sync.simulate.tablet import Tablet
from tests.stories.conftest import Office

TABLETS = 2


def order(office: Office, *, tablets: int = TABLETS, seed: int = 11) -> fleet.Order:
    return fleet.Order(
        server=office.address,
        tablets=tablets,
        supervisor="kezhang",
        password=PASSWORD,
        tasks_each=1,
        photos_each=2,
        seed=seed,
    )


def day(office: Office, tablets: list[Tablet]) -> None:
    """Each tablet inspects one more unit and brings it home."""
    for tablet in tablets:
        fleet.inspect(order(office), tablet, lambda _done: None)
        tablet.upload()
        tablet.push()
        assert not tablet.outbox


def lose(office: Office, *, photos: bool) -> None:
    """The web process is killed and its database is gone, or everything it had."""
    office.kill()
    data = Path(office.environ["DATA_DIR"])
    for path in data.glob("suicha.db*"):
        path.unlink()
    if photos:
        shutil.rmtree(data / "evidence")
    if address := office.environ.get("DATABASE_URL"):
        name = address.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(address.replace(f"/{name}", "/postgres"), autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')


def numbers(office: Office) -> set[str]:
    """The task numbers that stand in the database."""
    console = fleet.Console(order(office))
    return {task["task_no"] for task in console.get_all("/api/v1/tasks?limit=200")}


def judged(office: Office, tablets: list[Tablet], ledger: Path) -> str:
    fleet.write_ledger(tablets, ledger)
    done = office.suicha("audit", "--ledger", str(ledger), check=False)
    assert "0 lost, 0 doubled, 0 wrong" in done.stdout, done.stdout
    return done.stdout


@pytest.mark.timeout(600)
def test_what_the_tablets_brought_survives_the_loss_of_database_and_photos(
    office: Office, tmp_path: Path
) -> None:
    safe, ledger = str(tmp_path / "safe"), tmp_path / "ledger.jsonl"
    tablets = fleet.gather(order(office))
    day(office, tablets)
    made = office.suicha("backup", safe)
    assert "备份完成" in made.stdout, "while the server runs"
    day(office, tablets)
    late = fleet.gather(order(office, tablets=1, seed=12))
    day(office, late)
    tablets += late

    lose(office, photos=False)
    assert "终端" in office.suicha("restore", safe, "--adopt").stdout
    office.open()
    for tablet in tablets:
        old = tablet.epoch
        tablet.pull()
        assert tablet.epoch != old
    said = judged(office, tablets, ledger)
    assert "gaps in receipts" in said
    assert office.suicha("journal", "verify").stdout.endswith("0 broken chains\n")

    office.suicha("backup", safe)
    before = numbers(office)
    day(office, tablets[:TABLETS])
    lose(office, photos=True)
    assert "不知道丢失了什么" in office.suicha("restore", safe, "--adopt").stdout
    office.open()
    for tablet in tablets:
        tablet.pull()
    judged(office, tablets, ledger)
    assert numbers(office) == before
    assert office.suicha("doctor").returncode == 0
