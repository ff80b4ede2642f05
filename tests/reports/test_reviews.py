"""The review of closed case files, and what inspections cost."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.access import Role
from app.cases.models import PenaltyCaseOfficer
from app.catalogue import seeds
from app.db import db, transaction
from app.reports import review_rules
from app.reports.review_rules import Judgement
from tests.factories import OTHER_DISTRICT
from tests.reports.desk import visited
from tests.reports.test_counts import Office

CRITERIA = [review_rules.read_criterion(row["code"], row) for row in seeds.rows("review_points")]
ids = st.sets(st.uuids(), min_size=1, max_size=30)
SEED = "0123456789"


@given(ids, st.integers(1, 40), st.randoms())
def test_the_sample_is_the_same_in_whatever_order_the_files_come(cases, size, chance):
    mixed = sorted(cases)
    chance.shuffle(mixed)
    drawn = review_rules.sample(mixed, SEED, size)
    assert drawn == review_rules.sample(cases, SEED, size)
    assert len(drawn) == min(size, len(cases)) == len(set(drawn))
    assert review_rules.population_hash(mixed) == review_rules.population_hash(cases)
    assert drawn == review_rules.sample(cases, SEED, size + 1)[: len(drawn)]


@given(ids, st.lists(st.uuids(), min_size=2, max_size=5, unique=True), st.data())
def test_nobody_reviews_a_file_that_they_handled_and_the_load_is_even(cases, reviewers, data):
    handlers = {one: {data.draw(st.sampled_from(reviewers))} for one in cases}
    allotted = review_rules.allot(sorted(cases), reviewers, handlers)
    assert allotted is not None
    assert allotted.keys() == cases
    assert all(reviewer not in handlers[case] for case, reviewer in allotted.items())
    free = review_rules.allot(sorted(cases), reviewers, {})
    loads = [list((free or {}).values()).count(one) for one in reviewers]
    assert max(loads) - min(loads) <= 1
    everybody = {case: set(reviewers) for case in cases}
    assert review_rules.allot(sorted(cases), reviewers, everybody) is None


def whole(**taken):
    return [
        Judgement(
            one.code, taken.get(one.code, one.points), "缺少材料" if one.code in taken else None
        )
        for one in CRITERIA
    ]


def test_a_file_has_the_points_of_its_criteria_and_none_after_a_veto():
    assert review_rules.points_of(whole(), CRITERIA) == (100, 100)
    assert review_rules.points_of(whole(service=2), CRITERIA) == (97, 100)
    assert review_rules.points_of(whole(subject=0), CRITERIA) == (0, 100)
    assert review_rules.judgement_problems(whole(service=2), CRITERIA) == []
    silent = [*whole()[:-1], Judgement(CRITERIA[-1].code, 0)]
    above = [*whole()[:-1], Judgement(CRITERIA[-1].code, 99)]
    for wrong in (silent, above, whole()[1:], [*whole(), whole()[0]]):
        assert review_rules.judgement_problems(wrong, CRITERIA)


def test_closed_files_are_drawn_and_judged_by_who_did_not_handle_them(make, app_context):
    office = Office(make)
    officers = [make.officer() for _ in range(3)]
    decided_on = date(2026, 5, 6)
    cases = [office.case("fine", decided_on=decided_on, closed_on=decided_on) for _ in range(6)]
    office.case("fine")  # not closed
    with transaction():
        for case_id in cases:
            db.session.add(PenaltyCaseOfficer(case_id=case_id, officer_id=officers[0].id))
    chief = make.signed_in(Role.SUPERVISOR)
    reviewers = [str(one.id) for one in officers]
    body = {"name": "上半年案卷评查", "from_on": "2026-01-01", "until_on": "2026-06-30", "size": 4}
    path = "/api/v1/reports/file-reviews"
    made = chief.post(path, json={**body, "seed": SEED, "reviewer_ids": reviewers})
    assert made.status_code == 201
    review = made.json
    drawn = review_rules.sample(cases, SEED, 4)
    assert [UUID(one["case_id"]) for one in review["files"]] == drawn
    assert (review["population"], review["population_sha256"]) == (
        6,
        review_rules.population_hash(cases),
    )
    assert reviewers[0] not in {one["reviewer_id"] for one in review["files"]}
    first = review["files"][0]
    (who,) = [one for one in officers if str(one.id) == first["reviewer_id"]]
    reviewer, stranger = (
        make.signed_in(Role.OFFICER, officer=one)
        for one in (who, next(one for one in officers[1:] if one is not who))
    )
    judgements = [
        {"code": one.code, "points": one.points, "note": one.note} for one in whole(service=2)
    ]
    sent = {"case_id": first["case_id"], "judgements": judgements}
    url = f"{path}/{review['id']}"

    def judge(client, content):
        tag = client.get(url).headers["ETag"]
        return client.post(f"{url}/judge", json=content, headers={"If-Match": tag})

    assert judge(stranger, sent).json["type"] == "/problems/not-the-reviewer"
    short = {**sent, "judgements": judgements[1:]}
    assert judge(reviewer, short).json["type"] == "/problems/file-review-invalid"
    assert judge(reviewer, sent).status_code == 200
    assert judge(reviewer, sent).json["type"] == "/problems/reviewed-file-judged"
    result = chief.get(url).json["result"]
    assert (result["judged"], result["passed"], result["mean"]) == (1, 1, "97.0")
    assert {code: lost for code, lost in result["lost"].items() if lost} == {"service": 3}
    alone = {**body, "seed": SEED, "reviewer_ids": reviewers[:1]}
    assert chief.post(path, json=alone).json["type"] == "/problems/reviewer-involved"
    foreign = make.signed_in(Role.SUPERVISOR, agency=make.agency(OTHER_DISTRICT, "普陀区"))
    assert foreign.get(url).status_code == 404


def test_officer_hours_are_those_from_arrival_to_the_end_of_a_visit(make):
    officers = [make.officer(), make.officer()]
    unit = make.unit()
    for minutes in (30, 90):
        visited(make, unit, officers, minutes=minutes)
    visited(make, unit, officers, minutes=60 * 30)  # forgotten overnight
    reader = make.signed_in(Role.AUDITOR)
    until = (make.at + timedelta(days=1)).date()
    (line,) = reader.get(f"/api/v1/reports/costs?from_on=2026-11-01&until_on={until}").json["lines"]
    assert line == {
        "specialty": "public-places",
        "tasks": 3,
        "visits": 3,
        "officer_hours": "4.00",
        "hours_per_task": "1.33",
        "hours_per_visit": "1.33",
        "samples": 0,
        "samples_per_task": "0.00",
        "unclear": 2,
    }
    path = f"/api/v1/reports/costs/tasks?from_on=2026-11-01&until_on={until}"
    tasks = reader.get(path).json["items"]
    assert [(one["visits"], one["officer_hours"], one["unclear"]) for one in tasks] == [
        (1, "1.00", 0),
        (1, "3.00", 0),
        (1, "0.00", 2),
    ]
    assert {one["archive_no"] for one in tasks} == {unit.archive_no}
    assert reader.get(f"{path}&specialty=medical").json["items"] == []
