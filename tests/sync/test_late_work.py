"""Who carries a task now hears that work of others on it came too late, until that is decided."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.access import Role
from app.journal import service as journal
from app.tasks import service as tasks
from app.tasks.models import Task
from tests.sync.conftest import ITEMS, Stage, answer, start
from tests.sync.held import Held
from tests.sync.tablet import Tablet
from tests.sync.test_review import decide, listed


def given_away(stage: Stage, tablet: Tablet, to: Tablet) -> Task:
    """A task under way that went to somebody else while its tablet was offline."""
    task = stage.task(tablet)
    tablet.push([start(tablet, task)])
    team = [to.officer_id, stage.make.officer().id]
    by = stage.make.supervisor()
    with stage.make.writing():
        tasks.reassign_task(task.id, team, team[0], reason="调岗", by=by, at=stage.clock())
    return task


def waiting(held: Held, task: Task) -> int:
    """What the tablet reads of late work, with the task."""
    held.pull()
    return int(held.shown("task")[str(task.id)]["body"]["late_waiting"])


@pytest.mark.parametrize("decision", ["accept", "decline", "return"])
def test_the_new_team_hears_of_late_work_until_it_is_decided(
    stage: Stage, tablet: Tablet, decision: str
):
    new = stage.tablet("bo")
    task = given_away(stage, tablet, new)
    held, client = Held(new), stage.make.signed_in(Role.SUPERVISOR)
    assert waiting(held, task) == 0

    tablet.push([answer(tablet, task, code) for code in ITEMS[:2]])

    assert waiting(held, task) == 2
    first, second = listed(client, "?kind=late")
    assert decide(client, first["id"], decision).status_code == 200
    assert waiting(held, task) == 1
    assert decide(client, second["id"], "reopen").status_code == 200
    assert waiting(held, task) == 1, "it is late still"
    assert decide(client, second["id"], decision).status_code == 200
    assert waiting(held, task) == 0
    with stage.flask_app.app_context():
        assert journal.verify()[1] == []


def test_of_two_tablets_that_come_too_late_at_once_both_are_counted(stage: Stage, tablet: Tablet):
    new, other = stage.tablet("bo"), stage.tablet("cai")
    task = stage.task(tablet, other)
    tablet.push([start(tablet, task)])
    team = [new.officer_id, stage.make.officer().id]
    by = stage.make.supervisor()
    with stage.make.writing():
        tasks.reassign_task(task.id, team, team[0], reason="调岗", by=by, at=stage.clock())

    work = [(one, [answer(one, task, code) for code in ITEMS[:3]]) for one in (tablet, other)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda both: both[0].push(both[1]).status, work))

    assert found == [200, 200]
    assert waiting(Held(new), task) == 6
