"""The second person 另一名负责人: who may agree to what another proposed."""

from collections.abc import Collection
from uuid import UUID

from app.access import Actor, Role
from app.errors import Forbidden
from app.tasks import queries, rules
from app.tasks.models import Task
from app.tasks.rules import Person


class SecondPersonInvalid(Forbidden):
    code, title = "second-person-invalid", "须由另一名负责人办理"


def require_second_person(
    agency_id: UUID,
    *,
    first_account_id: UUID | None,
    first_officer_id: UUID | None,
    team: Collection[UUID],
    by: Actor,
    self_agreed: str = rules.SELF_AGREED,
) -> None:
    """Raise SecondPersonInvalid unless `by` may agree to what the first person proposed.

    The rule is that of closings: another officer-supervisor of the agency, not on the team. Who is
    the first person is told `self_agreed`.
    """
    problem = rules.second_person_problem(
        person_of(by),
        agency_id=agency_id,
        first_account_id=first_account_id,
        first_officer_id=first_officer_id,
        team=team,
        self_agreed=self_agreed,
    )
    if problem:
        raise SecondPersonInvalid(problem)


def refuse_second_person(
    task: Task,
    second: Person,
    *,
    first_account_id: UUID | None,
    first_officer_id: UUID | None,
    team: Collection[UUID] | None = None,
) -> None:
    """Raise SecondPersonInvalid unless `second` may agree; `team` is another than the task's."""
    problem = rules.second_person_problem(
        second,
        agency_id=task.agency_id,
        first_account_id=first_account_id,
        first_officer_id=first_officer_id,
        team=task.officer_ids() if team is None else team,
    )
    if problem:
        raise SecondPersonInvalid(problem)


def person_of(by: Actor) -> Person:
    """Return who acts, as the rule of the second person asks for it."""
    in_service = by.officer_id is not None and queries.is_in_service(by.officer_id)
    return Person(
        account_id=by.id,
        officer_id=by.officer_id,
        agency_id=by.agency_id,
        supervisor=in_service and by.has(Role.SUPERVISOR),
    )
