"""What may happen to a task: the table, the team, the second person."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import new_id
from app.tasks import rules
from app.tasks.rules import Candidate, Person, TaskState, Verb

S = TaskState
AGENCY, OTHER = new_id(), new_id()
AN, BO, CHEN = new_id(), new_id(), new_id()
DUE = date(2026, 12, 20)

# design: every arrow, written out once more by hand
ARROWS = {
    (S.PENDING, Verb.ASSIGN): S.ASSIGNED,
    (S.ASSIGNED, Verb.REASSIGN): S.ASSIGNED,
    (S.ACCEPTED, Verb.REASSIGN): S.ASSIGNED,
    (S.IN_PROGRESS, Verb.REASSIGN): S.ASSIGNED,
    (S.RETURNED, Verb.REASSIGN): S.RETURNED,
    (S.ASSIGNED, Verb.ACCEPT): S.ACCEPTED,
    (S.ACCEPTED, Verb.START): S.IN_PROGRESS,
    (S.IN_PROGRESS, Verb.SUBMIT): S.SUBMITTED,
    (S.SUBMITTED, Verb.RETURN): S.RETURNED,
    (S.RETURNED, Verb.ANSWER_RETURN): S.SUBMITTED,
    (S.SUBMITTED, Verb.COMPLETE): S.COMPLETED,
    (S.PENDING, Verb.PROPOSE_CLOSING): S.CLOSING_PROPOSED,
    (S.ASSIGNED, Verb.PROPOSE_CLOSING): S.CLOSING_PROPOSED,
    (S.ACCEPTED, Verb.PROPOSE_CLOSING): S.CLOSING_PROPOSED,
    (S.IN_PROGRESS, Verb.PROPOSE_CLOSING): S.CLOSING_PROPOSED,
    (S.RETURNED, Verb.PROPOSE_CLOSING): S.CLOSING_PROPOSED,
    (S.CLOSING_PROPOSED, Verb.APPROVE_CLOSING): S.CLOSED,
    (S.CLOSING_PROPOSED, Verb.REFUSE_CLOSING): S.IN_PROGRESS,
    (S.COMPLETED, Verb.REOPEN): S.ASSIGNED,
    (S.CLOSED, Verb.REOPEN): S.ASSIGNED,
}


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("state", TaskState)
def test_a_verb_leads_where_the_design_says_and_nowhere_else(state, verb):
    assert rules.following(verb, state, previous=S.IN_PROGRESS) == ARROWS.get((state, verb))


def test_a_task_whose_samples_are_out_is_completed_by_its_results_only():
    assert rules.following(Verb.COMPLETE, S.SUBMITTED, awaiting_results=True) is None
    results = rules.following(Verb.RECORD_RESULTS, S.SUBMITTED, awaiting_results=True)
    assert results == S.COMPLETED
    assert rules.following(Verb.RETURN, S.SUBMITTED, awaiting_results=True) == S.RETURNED


@given(st.sampled_from(TaskState), st.booleans())
def test_the_possible_verbs_are_those_that_lead_somewhere(state, awaiting):
    possible = rules.possible_verbs(state, awaiting_results=awaiting)
    assert possible == [
        verb
        for verb in Verb
        if rules.following(verb, state, previous=S.PENDING, awaiting_results=awaiting)
    ]


def test_every_state_but_the_two_ends_is_open():
    assert set(TaskState) - rules.OPEN_STATES == {S.COMPLETED, S.CLOSED}


def test_a_visit_id_belongs_to_one_round_of_one_task():
    task_id = UUID("019a0000-0000-7000-8000-000000000001")
    assert rules.visit_id(task_id, 1) == UUID("5f061036-93a3-5c53-988e-66c330a9e54e")
    assert len({rules.visit_id(t, r) for t in (task_id, AN) for r in (1, 2)}) == 4


def test_a_task_number_has_six_digits_and_more_when_needed():
    assert rules.task_no(2026, 1) == "RW-2026-000001"
    assert rules.task_no(2026, 1234567) == "RW-2026-1234567"


@pytest.mark.parametrize(
    ("state", "due_on", "overdue"),
    [
        (S.ASSIGNED, date(2026, 12, 19), True),
        (S.ASSIGNED, DUE, False),
        (S.ASSIGNED, None, False),
        (S.CLOSED, date(2026, 12, 19), False),
    ],
)
def test_an_open_task_is_overdue_from_the_day_after_its_last(state, due_on, overdue):
    assert rules.is_overdue(state, due_on, DUE) is overdue


# --- team ---


def officer(officer_id=AN, **values):
    return Candidate(
        **{
            "officer_id": officer_id,
            "name": "安",
            "agency_id": AGENCY,
            "active": True,
            "certificate_valid_until": DUE,
            "lead_specialties": frozenset({"public-places"}),
            **values,
        }
    )


def problems(*officers, wanted=(AN, BO), lead=AN, specialty="public-places"):
    return [
        (problem.code, problem.officer_id)
        for problem in rules.team_problems(
            wanted,
            lead,
            {each.officer_id: each for each in officers},
            agency_id=AGENCY,
            specialty=specialty,
            on=DUE,
            least=2,
        )
    ]


BO_HELPS = officer(BO, name="博", lead_specialties=frozenset())


def test_two_officers_of_whom_one_may_lead_make_a_team():
    assert problems(officer(), BO_HELPS) == []


def test_one_officer_twice_is_no_team():
    assert problems(officer(), wanted=(AN, AN)) == [("team-too-small", None)]


def test_the_lead_has_to_be_on_the_team():
    assert problems(officer(), BO_HELPS, lead=CHEN) == [("lead-not-on-team", CHEN)]


def test_who_leads_needs_the_specialty_who_helps_does_not():
    assert problems(officer(), BO_HELPS, lead=BO) == [("lead-not-qualified", BO)]


def test_a_certificate_is_good_on_its_last_day_and_not_after():
    assert problems(officer(certificate_valid_until=DUE), BO_HELPS) == []
    expired = officer(certificate_valid_until=date(2026, 12, 19))
    assert problems(expired, BO_HELPS) == [("certificate-expired", AN)]


@pytest.mark.parametrize(
    ("values", "code"),
    [({"active": False}, "officer-inactive"), ({"recused": True}, "officer-recused")],
)
def test_who_may_not_go_is_named(values, code):
    found = rules.team_problems(
        (AN, BO),
        AN,
        {AN: officer(), BO: officer(BO, name="博", **values)},
        agency_id=AGENCY,
        specialty="public-places",
        on=DUE,
        least=2,
    )
    assert [(problem.code, problem.officer_id) for problem in found] == [(code, BO)]
    assert "博" in found[0].detail


def test_another_agencys_officer_is_unknown_and_stays_unnamed():
    foreign = officer(BO, name="外人", agency_id=OTHER, recused=True)
    (problem,) = rules.team_problems(
        (AN, BO),
        AN,
        {AN: officer(), BO: foreign},
        agency_id=AGENCY,
        specialty="public-places",
        on=DUE,
        least=2,
    )
    assert problem.code == "officer-unknown"
    assert "外人" not in problem.detail


# --- second person ---


def second(**values):
    person = Person(
        **{
            "account_id": new_id(),
            "officer_id": CHEN,
            "agency_id": AGENCY,
            "supervisor": True,
            **values,
        }
    )
    return rules.second_person_problem(
        person,
        agency_id=AGENCY,
        first_account_id=FIRST,
        first_officer_id=AN,
        team=[AN, BO],
    )


FIRST = new_id()


def test_another_officer_supervisor_who_is_not_on_the_team_may_decide():
    assert second() is None


@pytest.mark.parametrize(
    "values",
    [
        {"supervisor": False},
        {"officer_id": None},
        {"agency_id": OTHER},
        {"officer_id": AN},
        {"account_id": FIRST},
        {"officer_id": BO},
    ],
)
def test_nobody_else_may_decide(values):
    assert second(**values)


def test_a_supervisor_who_proposed_without_certificate_is_still_the_same_account():
    person = Person(FIRST, CHEN, AGENCY, supervisor=True)
    assert rules.second_person_problem(
        person, agency_id=AGENCY, first_account_id=FIRST, first_officer_id=None, team=[]
    )


# --- evidence ---


@pytest.mark.parametrize(
    ("wanted", "states", "from_tablet", "from_desk"),
    [
        ([], {}, False, False),
        (["a"], {}, False, False),
        (["a"], {"a": "awaited"}, True, False),
        (["a"], {"a": "not-a-picture"}, False, False),
        (["a"], {"a": "stored"}, True, True),
        (["a", "b"], {"a": "stored", "b": "awaited"}, True, True),
    ],
)
def test_a_closing_stands_on_at_least_one_piece_of_evidence(wanted, states, from_tablet, from_desk):
    assert (rules.evidence_problem(wanted, states, awaited_will_do=True) is None) is from_tablet
    assert (rules.evidence_problem(wanted, states, awaited_will_do=False) is None) is from_desk
