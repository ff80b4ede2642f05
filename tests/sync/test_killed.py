"""kill -9 of the server during a push: sent again, the same final state, whatever the point."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from app.journal import service as journal
from app.tasks.models import Task
from app.visits.models import Visit, VisitAnswer
from sync.feed import service as feed
from sync.inbox.models import InboxBatch, Operation, Receipt, ReviewItem
from tests.conftest import Place
from tests.servers import ROOT
from tests.sync.conftest import ITEMS, Stage, whole_visit
from tests.sync.crashing import POINTS
from tests.sync.tablet import Answer, Send, Tablet


def over(port: int) -> Send:
    """Speak to a server on this machine."""

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    return send


def final_state(stage: Stage, task: Task) -> dict[str, Any]:
    """What must be the same, killed or not."""
    events = stage.all(
        sa.text(
            "SELECT event, count(*) AS n FROM journal_entry"
            " WHERE event LIKE 'operation.%' OR event LIKE 'visit.%' OR event LIKE 'task.%'"
            " GROUP BY event ORDER BY event"
        )
    )
    with stage.flask_app.app_context():
        _, breaks = journal.verify()
        differs = feed.differences()
    visit = stage.one(Visit, task.visit_id)
    return {
        "task": stage.one(Task, task.id).state,
        "visit": (visit.state, visit.outcome, visit.version),
        "answers": stage.count(VisitAnswer),
        "batches": stage.count(InboxBatch),
        "operations": stage.count(Operation, Operation.outcome == "applied"),
        "receipts": [row[0] for row in stage.all(sa.select(Receipt.receipt_seq))],
        "review": stage.count(ReviewItem),
        "events": [tuple(row) for row in events],
        "broken": [*breaks, *differs],
    }


@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_push_that_killed_the_server_is_sent_again_to_the_same_final_state(
    stage: Stage, tablet: Tablet, place: Place, point: str
):
    task = stage.task(tablet)
    lines = whole_visit(tablet, task)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.sync.crashing", point, stage.clock().isoformat()],
        cwd=ROOT,
        env={**os.environ, **place.environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        victim = Tablet(over(port), stage.clock, access=tablet.access)
        assert victim.request("GET", "/devices/me").status == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            victim.push(lines)
        assert server.wait(20) == -signal.SIGKILL
    finally:
        server.kill()
        server.communicate()

    again = tablet.push(lines)

    arrived = point == "after_the_commit_before_the_answer"
    expected = "duplicate" if arrived else "applied"
    assert [one["outcome"] for one in again.json["results"]] == [expected] * len(lines)
    count = len(ITEMS) + 4
    assert final_state(stage, task) == {
        "task": "submitted",
        "visit": ("signed", "no-problem", 3),
        "answers": len(ITEMS),
        "batches": 1,
        "operations": count,
        "receipts": list(range(1, count + 1)),
        "review": 0,
        "events": [
            ("operation.applied", count),
            ("task.accepted", 1),
            ("task.assigned", 1),
            ("task.created", 1),
            ("task.started", 1),
            ("task.submitted", 1),
            ("visit.finished", 1),
            ("visit.item-answered", len(ITEMS)),
            ("visit.signed", 1),
            ("visit.started", 1),
        ],
        "broken": [],
    }
    third = tablet.push(lines)
    bodies = [one["receipt"] for one in third.json["results"]]
    assert bodies == [one["receipt"] for one in again.json["results"]]
