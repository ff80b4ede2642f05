"""Random lives of a task, held against the arrows of the design."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import db, transaction
from app.journal.models import JournalEntry
from app.tasks import rules, service
from app.tasks.models import Task
from app.tasks.rules import TaskState, Verb
from app.tasks.steps import TaskStateWrong
from app.tasks.teams import NotOnTeam
from tests.tasks.test_rules import ARROWS
from tests.tasks.test_service import Desk

S = TaskState


class Model:
    """What the design says a task is after each verb; knows nothing of the code under test."""

    def __init__(self):
        self.state: TaskState | None = S.PENDING
        self.before: TaskState | None = None
        self.round, self.awaiting = 1, False

    def take(self, verb, awaiting):
        """Return whether the verb was possible, and move."""
        if self.awaiting and verb is Verb.COMPLETE:
            return False
        if verb is Verb.RECORD_RESULTS:
            following = S.COMPLETED if self.awaiting else None
        else:
            following = ARROWS.get((self.state, verb)) if self.state else None
        if following is None:
            return False
        if verb is Verb.PROPOSE_CLOSING:
            self.before = self.state
        if verb is Verb.REFUSE_CLOSING:
            following, self.before = self.before, None
        self.state = following
        self.awaiting = awaiting and verb in {Verb.SUBMIT, Verb.ANSWER_RETURN}
        self.round += verb is Verb.REOPEN
        return True


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


def take(desk, task, verb, awaiting):
    team = {"officer_ids": [desk.an.id, desk.bo.id], "lead_id": desk.an.id}
    officer = {"officer_id": desk.an.id}
    outcome = {"outcome": "awaiting-results" if awaiting else "no-problem"}
    name, values = {
        Verb.ASSIGN: ("assign_task", team),
        Verb.REASSIGN: ("reassign_task", {**team, "reason": "调整"}),
        Verb.ACCEPT: ("accept_task", officer),
        Verb.START: ("start_task", officer),
        Verb.SUBMIT: ("submit_task", outcome),
        Verb.RETURN: ("return_task", {"reason": "照片不清"}),
        Verb.ANSWER_RETURN: ("answer_return", outcome),
        Verb.RECORD_RESULTS: ("record_results", {"outcome": "no-problem"}),
        Verb.COMPLETE: ("complete_task", {}),
        Verb.PROPOSE_CLOSING: (
            "propose_closing",
            {"reason": "ceased", "note": "", "evidence": [desk.evidence]},
        ),
        Verb.APPROVE_CLOSING: ("approve_closing", {}),
        Verb.REFUSE_CLOSING: ("refuse_closing", {"reason": "再去一次"}),
        Verb.REOPEN: ("reopen_task", {"reason": "有误", "second_id": desk.chen.officer_id, **team}),
    }[verb]
    with transaction():
        getattr(service, name)(
            task,
            **values,
            by=desk.chen if verb is Verb.APPROVE_CLOSING else desk.ding,
            at=desk.make.at,
        )


def entries(task_id):
    query = sa.select(sa.func.count()).where(JournalEntry.subject_id == task_id)
    return db.session.scalar(query)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.booleans(), st.sampled_from(list(Verb))),
        max_size=14,
    )
)
def test_no_sequence_of_verbs_leaves_the_table(desk, steps):
    """Two steps in three follow an arrow, so that lives get long; the others try anything."""
    task_id, model = desk.make.task().id, Model()
    for number, awaiting, anything in steps:
        along = [
            verb for verb in Verb if (model.state, verb) in ARROWS or verb is Verb.RECORD_RESULTS
        ]
        verb = along[number % len(along)] if number % 3 and along else anything
        db.session.remove()
        before = (db.session.get_one(Task, task_id).version, entries(task_id))
        allowed = model.take(verb, awaiting)
        try:
            take(desk, task_id, verb, awaiting)
        except (TaskStateWrong, NotOnTeam):
            assert not allowed
        else:
            assert allowed
        db.session.remove()
        task = db.session.get_one(Task, task_id)
        assert (task.state, task.round, task.awaiting_results) == (
            model.state,
            model.round,
            model.awaiting,
        )
        assert task.visit_id == rules.visit_id(task_id, model.round)
        after = (task.version, entries(task_id))
        assert after == ((before[0] + 1, before[1] + 1) if allowed else before)
