"""The documents say what the code says."""

import re
from pathlib import Path

import pytest

from app.config import SETTINGS
from app.journal import service as journal
from app.journal.rules import Event
from app.tasks import service as tasks
from scheduler.jobs import JOBS
from wsgi import create_app

ROOT = Path(__file__).resolve().parent.parent


def rows_of(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    table = re.search(r"(?:^\|.*\n)+", text.split(heading, 1)[1], re.MULTILINE)
    assert table, f"{document}: no table after {heading}"
    lines = table.group().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_setting_stands_in_the_operations_manual() -> None:
    documented = {
        row[0].strip("`"): (row[1].strip("`").replace("empty", ""), row[2], row[3])
        for row in rows_of("operations.md", "## Settings")
    }
    assert documented == {s.name: (s.default, s.unit, s.meaning) for s in SETTINGS}


def test_the_subscriptions_are_the_ones_that_are_documented(tmp_path: Path) -> None:
    create_app({"DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL"})
    documented = {row[0].strip("`") for row in rows_of("architecture.md", "## Subscriptions")}
    running = {f"{s.__module__}.{s.__name__}" for s in journal.subscribers()}  # type: ignore[attr-defined]  # functions
    assert running == documented


def test_the_guards_are_the_ones_that_are_documented(tmp_path: Path) -> None:
    create_app({"DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL"})
    documented = {row[0].strip("`") for row in rows_of("architecture.md", "## Guards")}
    asked = {f"{one.__module__}.{one.__name__}" for one in tasks.guards()}
    assert asked == documented


def test_every_job_of_the_timetable_stands_in_the_operations_manual() -> None:
    documented = {row[0].strip("`"): row[1] for row in rows_of("operations.md", "## The timetable")}
    assert documented == {job.name: job.meaning for job in JOBS.values()}


def test_every_promise_of_the_sync_protocol_names_tests_that_exist() -> None:
    promises = rows_of("sync.md", "## Promises")
    assert len(promises) >= 12
    for row in promises:
        named = re.findall(r"`(test_[a-z_]+\.py)::(test_[a-z0-9_]+)`", row[1])
        assert named, row[0]
        for file, test in named:
            text = (ROOT / "tests" / "sync" / file).read_text(encoding="utf-8")
            assert f"def {test}(" in text, f"{file}::{test}"


@pytest.mark.parametrize(
    ("heading", "least"), [("## What goes wrong elsewhere", 32), ("## When two words meet", 10)]
)
def test_every_pitfall_of_sync_names_tests_that_exist(heading: str, least: int) -> None:
    pitfalls = rows_of("pitfalls.md", heading)
    assert len(pitfalls) >= least
    for _, promise, keepers in pitfalls:
        named = re.findall(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`", keepers)
        assert len(named) == keepers.count("::") > 0, promise
        for file, test in named:
            text = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert f"def {test}(" in text, f"{file}::{test}"


def test_every_event_of_the_journal_is_explained() -> None:
    documented = [row[0].strip("`") for row in rows_of("journal.md", "## Events")]
    assert sorted(documented) == sorted(str(event) for event in Event)
