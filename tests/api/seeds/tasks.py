"""The tasks of a seeded agency."""

from tests.api.seeds.builder import Builder

TASK_FOR = {
    "assign": "pending",
    "reassign": "accepted",
    "accept": "assigned",
    "return": "submitted",
    "answer-return": "returned",
    "complete": "submitted",
    "record-results": "submitted",
    "propose-closing": "in-progress",
    "approve-closing": "closing-proposed",
    "refuse-closing": "closing-proposed",
    "reopen": "completed",
    "reopen-closed": "closed",
}


def fill(builder: Builder) -> None:
    """A task for every verb, in the state in which it can be done; one to look at."""
    builder.keep("task", builder.task("pending"))
    for verb, state in TASK_FOR.items():
        outcome = "awaiting-results" if verb == "record-results" else "no-problem"
        builder.keep(f"task:{verb}", builder.task(state, outcome=outcome))
