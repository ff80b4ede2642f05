"""The ordinary procedure, on both databases: steps, guards, terms, and what follows from them."""

from datetime import date

import pytest

from app.access import Role
from app.cases import (
    enforcing,
    handlers,
    not_punishing,
    opening,
    ordinary,
    precedents,
    preparing,
    queries,
    refusals,
    same_acts,
    service,
)
from app.cases.balances import balance
from app.cases.collecting_queries import of_case
from app.cases.opening import Party
from app.cases.rules import CaseSource, CaseVerb, IdKind, PartyKind
from app.catalogue import service as catalogue
from app.db import db, transaction
from app.tasks.second_persons import SecondPersonInvalid
from scheduler.jobs import follow_case_deadlines
from tests.cases.ordinary import Office, fine

FILED = date(2026, 3, 2)  # a Monday


@pytest.fixture
def office(make, clock, app_context):
    return Office(make, clock)


def notified(office, on=FILED, **values):
    case = office.open(on, **values)
    return office.until(case, "file", "collect", "conclude", "notify", on=on)


def test_a_case_goes_from_complaint_to_closing_with_its_terms(office):
    case = notified(office)
    office.step(case, "decide", date(2026, 3, 6))
    office.step(case, "serve", date(2026, 3, 10))
    office.step(case, "report", which="first")
    with pytest.raises(enforcing.MoneyOutstanding):
        office.step(case, "close", date(2026, 3, 18))
    office.pay(case, date(2026, 3, 19))
    case = office.step(case, "close", date(2026, 3, 20))

    assert (case.state, case.fine_fen, case.warning) == ("closed", 360000, True)
    assert [line.kind for line in case.lines] == ["warning", "fine"]
    assert (case.filed_on, case.decided_on, case.served_on) == (
        FILED,
        date(2026, 3, 6),
        date(2026, 3, 10),
    )
    terms = office.terms(case)
    assert (terms["decide"].due_on, terms["decide"].met_on) == (
        date(2026, 5, 31),
        date(2026, 3, 6),
    )
    assert (terms["serve"].due_on, terms["serve"].met_on) == (
        date(2026, 3, 17),
        date(2026, 3, 10),
    )
    assert terms["card-first"].met_on == date(2026, 3, 10)
    assert terms["card-second"].due_on == date(2026, 3, 27)
    assert terms["decide"].article == "行政处罚法 第六十条"


def test_wenzhou_decided_on_day_81_and_no_saturday_was_moved(office):
    filed, decided = date(2021, 8, 16), date(2021, 11, 5)
    case = office.open(
        filed,
        acted_on=date(2021, 7, 5),
        act_ended_on=filed,
        party=Party(PartyKind.ORGANISATION, name="某游泳会所"),
    )
    gains = {"gains_fen": 4532200, "repaid_fen": 0}
    office.until(case, "file", "collect", on=filed)
    lines = [*fine(360000)]
    taken = {"months": None, "note": None, "on_staff": False}
    lines.append({"kind": "confiscated-gains", "amount_fen": 3459200, **taken})
    office.step(case, "conclude", date(2021, 10, 20), **gains)
    office.step(case, "notify", date(2021, 10, 25), lines=lines)
    office.step(case, "waive-defence", date(2021, 10, 25))
    case = office.step(case, "decide", decided)

    term = office.terms(case)["decide"]
    assert (decided - filed).days == 81
    assert term.due_on == date(2021, 11, 14)  # a Sunday, not moved
    assert term.met_on == decided <= term.due_on
    assert case.fine_fen == 360000
    assert sum(line.amount_fen or 0 for line in case.lines) == 3819200


def test_nothing_is_decided_without_a_notice(office):
    case = office.open(FILED)
    office.until(case, "file", "collect", "conclude", on=FILED)
    with pytest.raises(refusals.DecisionWithoutNotice) as refused:
        office.step(case, "decide")
    assert refused.value.extras["article"] == "行政处罚法 第四十四条、第六十二条"


def test_the_partys_period_is_waited_for_unless_it_is_waived(office):
    case = notified(office)
    with pytest.raises(refusals.PartyPeriodRuns):
        office.step(case, "decide", date(2026, 3, 5))
    office.step(case, "hear-defence", date(2026, 3, 5))
    with pytest.raises(refusals.DefenceUnchecked):
        office.step(case, "decide", date(2026, 3, 6))
    office.step(case, "recheck-defence", date(2026, 3, 6))
    assert office.step(case, "decide", date(2026, 3, 6)).state == "decided"


def test_a_penalty_is_never_raised_above_what_was_told(office):
    case = notified(office)
    office.step(case, "waive-defence")
    with pytest.raises(refusals.PenaltyRaised) as refused:
        office.step(case, "decide", lines=fine(360001))
    assert "第四十五条" in refused.value.extras["article"]
    assert office.step(case, "decide", lines=fine(50000)).fine_fen == 50000


def test_a_requested_hearing_is_held_with_its_days_and_reviewed_afterwards(office):
    case = office.open(FILED, cause_code="pp-hazard")
    office.until(case, "file", "collect", "conclude", on=FILED)
    heavy = fine(3000000, warning=False)
    office.step(case, "notify", lines=heavy)
    with pytest.raises(refusals.HearingNotOpen):
        office.step(case, "request-hearing", date(2026, 3, 3))

    citizen = Party(PartyKind.CITIZEN, name="李四")
    case = office.open(FILED, cause_code="pp-hazard", party=citizen)
    office.until(case, "file", "collect", "conclude", on=FILED)
    office.step(case, "notify", lines=heavy)
    office.step(case, "review")
    with pytest.raises(preparing.HearingAgentsTooMany):
        office.step(case, "request-hearing", date(2026, 3, 9), agents=["甲", "乙", "丙"])
    office.step(case, "request-hearing", date(2026, 3, 9))
    with pytest.raises(refusals.HearingOutstanding):
        office.step(case, "decide", date(2026, 3, 20))
    chair = str(office.chen.officer_id)
    with pytest.raises(refusals.HearingTooSoon) as early:
        office.step(case, "call-hearing", date(2026, 3, 9), held_on="2026-03-18", chair_id=chair)
    assert "2026-03-19" in early.value.detail
    with pytest.raises(handlers.HandlerMayNot):
        office.step(case, "call-hearing", held_on="2026-03-19", chair_id=str(office.an.id))
    office.step(case, "call-hearing", held_on="2026-03-19", chair_id=chair)
    with pytest.raises(refusals.HearingTooSoon):
        office.step(case, "hold-hearing", date(2026, 3, 18), chair_id=chair)
    office.step(case, "hold-hearing", date(2026, 3, 19), chair_id=chair)
    with pytest.raises(refusals.ReviewMissing):
        office.step(case, "decide", date(2026, 3, 20))
    office.step(case, "review", date(2026, 3, 20))
    assert office.step(case, "decide", date(2026, 3, 20)).fine_fen == 3000000


def test_a_hearing_is_asked_for_within_five_working_days(office):
    citizen = Party(PartyKind.CITIZEN, name="李四")
    case = office.open(FILED, cause_code="pp-hazard", party=citizen)
    office.until(case, "file", "collect", "conclude", on=FILED)
    office.step(case, "notify", lines=fine(3000000, warning=False))
    with pytest.raises(refusals.HearingNotOpen) as late:
        office.step(case, "request-hearing", date(2026, 3, 10))
    assert late.value.extras["article"].startswith("行政处罚法 第六十四条")


def test_complex_cases_want_discussion_and_review(office):
    case = office.open(FILED)
    office.until(case, "file", "collect", on=FILED)
    office.step(case, "conclude", circumstances=["complex"])
    office.until(case, "notify", "waive-defence", on=FILED)
    with pytest.raises(refusals.DiscussionMissing) as refused:
        office.step(case, "decide")
    assert {one["pointer"] for one in refused.value.extras["errors"]} == {
        "#/discussion-missing",
        "#/review-missing",
    }
    office.step(case, "discuss")
    office.step(case, "review", passed=False)
    with pytest.raises(refusals.ReviewMissing):
        office.step(case, "decide")
    office.step(case, "review")
    assert office.step(case, "decide").state == "decided"


def test_the_reviewer_is_no_handler_and_passed_the_examination(office):
    case = office.open(FILED)
    office.until(case, "file", "collect", "conclude", on=FILED)
    with pytest.raises(preparing.ReviewerNotQualified):
        office.step(case, "review", first_time=True, exam_passed=False)
    with pytest.raises(handlers.HandlerMayNot):
        office.step(case, "review", by=office.handler)
    with pytest.raises(handlers.HandlerMayNot):
        office.until(case, "notify", "waive-defence", on=FILED)
        office.step(case, "decide", by=office.handler)


def test_two_fit_officers_handle_a_case(office):
    case = office.open(FILED)
    with pytest.raises(service.OfficersTooFew):
        office.step(case, "file", officers=(office.an,))
    old = office.make.officer(name="旧", certificate_valid_until=date(2026, 3, 1))
    with pytest.raises(handlers.OfficerNotFit) as refused:
        office.step(case, "file", officers=(office.an, old))
    assert refused.value.extras["officer_ids"] == [str(old.id)]
    office.step(case, "file")
    office.step(case, "declare-recusal", officer_id=str(office.an.id))
    office.step(case, "collect")  # the investigation goes on
    with pytest.raises(refusals.RecusalOpen):
        office.step(case, "conclude")
    office.step(case, "decide-recusal", officer_id=str(office.an.id))
    with pytest.raises(service.OfficersTooFew):
        office.step(case, "conclude")
    with pytest.raises(handlers.OfficerNotFit):
        office.step(case, "assign", officers=(office.an, office.bo))
    cai = office.make.officer(name="蔡")
    office.step(case, "assign", officers=(office.bo, cai))
    assert office.step(case, "conclude").state == "concluded"


def test_records_of_devices_count_once_reviewed_and_excluded_evidence_never(office):
    case = office.open(FILED)
    office.until(case, "file", on=FILED)
    office.step(case, "collect", kind="electronic-data", monitoring=True)
    with pytest.raises(refusals.EvidenceNotEnough):
        office.step(case, "conclude")
    office.step(case, "check-monitoring", item=3)
    office.step(case, "exclude", item=3)
    with pytest.raises(refusals.StepItemUnknown):
        office.step(case, "check-monitoring", item=3)
    with pytest.raises(refusals.EvidenceNotEnough):
        office.step(case, "conclude")


def test_goods_are_kept_for_seven_working_days_and_not_beyond_closing(office):
    case = office.open(date(2026, 4, 30))
    office.until(case, "file", "preserve", on=date(2026, 4, 30))
    assert office.terms(case)["preservation"].due_on == date(2026, 5, 13)
    office.until(case, "collect", "conclude", on=date(2026, 5, 6))
    office.step(case, "not-punish")
    office.step(case, "serve")
    with pytest.raises(refusals.PreservedGoodsHeld):
        office.step(case, "close")
    office.step(case, "resolve-preservation", item=3)
    assert office.step(case, "close").state == "closed"
    assert office.terms(case)["card-only"].due_on == date(2026, 5, 12)
    assert office.terms(case)["preservation"].met_on == date(2026, 5, 6)


def test_an_act_found_too_late_is_not_filed(office):
    case = office.open(FILED, acted_on=date(2024, 3, 1))
    with pytest.raises(refusals.LimitationOver) as refused:
        office.step(case, "file")
    assert refused.value.extras["article"] == "行政处罚法 第三十六条"
    grave = office.open(FILED, acted_on=date(2024, 3, 1), grave=True)
    assert office.step(grave, "file").state == "filed"


def test_the_clock_stands_and_is_extended_by_rows(office):
    case = office.open(FILED)
    office.until(case, "file", on=FILED)
    office.step(case, "stop-clock", date(2026, 3, 10))
    term = office.terms(case)["decide"]
    assert (term.due_on, term.open_reason) == (None, "clock-stopped")
    office.step(case, "resume-clock", date(2026, 3, 20))
    assert office.terms(case)["decide"].due_on == date(2026, 6, 10)
    office.step(case, "extend", date(2026, 3, 20))
    assert office.terms(case)["decide"].due_on == date(2026, 7, 10)
    with pytest.raises(preparing.ClockRowUnknown):
        office.step(case, "extend")


def test_a_first_act_is_asked_of_the_whole_organ_and_the_hits_are_named(office):
    unit = office.make.unit(uscc="91350100M000100Y43")
    other = office.make.unit(uscc="91350100M000100Y43")
    earlier = notified(office, unit_id=unit.id, party=Party(PartyKind.ORGANISATION))
    office.step(earlier, "waive-defence")
    office.step(earlier, "decide")
    case = office.open(
        date(2026, 3, 9), unit_id=other.id, party=Party(PartyKind.ORGANISATION, name="分店")
    )
    office.until(case, "file", "collect", "conclude", on=date(2026, 3, 9))
    with pytest.raises(not_punishing.NotPunishingUnfounded) as refused:
        office.step(case, "not-punish", ground="first", hits_explained="不是同一人")
    (hit,) = refused.value.extras["hits"]
    assert (hit["case_id"], hit["why"], hit["certain"]) == (
        str(earlier.id),
        ["code", "paper"],
        True,
    )
    assert office.step(case, "not-punish", ground="minor").state == "not-punished"


def test_a_number_that_is_typed_otherwise_is_the_same_party(office):
    def of(number):
        return Party(PartyKind.CITIZEN, note="无名", id_kind=IdKind.IDENTITY_CARD, id_number=number)

    earlier = notified(office, party=of("11010519491231002x"))
    office.step(earlier, "waive-defence")
    office.step(earlier, "decide")
    case = office.open(date(2026, 3, 9), party=of("110105 19491231-002X"), acted_on=FILED)
    (hit,) = precedents.history_of(case).hits
    assert (hit.case_id, hit.why, hit.certain) == (earlier.id, ("paper",), True)
    (same,) = same_acts.same_acts_of(case).cases
    assert (same.case.id, same.certain) == (earlier.id, True)


def test_not_punishing_wants_education_proof_and_the_age(office):
    child = Party(PartyKind.CITIZEN, name="小明", born_on=date(2012, 3, 3))
    case = office.open(FILED, party=child)
    office.until(case, "file", "collect", "conclude", on=FILED)
    with pytest.raises(preparing.PartyUnderAge):
        office.step(case, "notify")
    for values, article in (
        ({"education": None}, "第三十三条第三款"),
        ({"ground": "no-fault"}, "第三十三条第二款"),
        ({"ground": "minor", "corrected": False}, "第三十三条第一款"),
        ({"minor_offence": "testing-corrected"}, "第三十三条第一款"),
        ({"ground": "too-late"}, "第三十六条"),
    ):
        with pytest.raises(not_punishing.NotPunishingUnfounded) as refused:
            office.step(case, "not-punish", **values)
        assert article in refused.value.extras["article"]
    assert office.step(case, "not-punish", ground="child").state == "not-punished"


def test_a_party_without_name_is_described(office):
    with pytest.raises(opening.PartyNotDescribed):
        office.open(FILED, party=Party(PartyKind.CITIZEN))
    case = office.open(
        FILED,
        party=Party(PartyKind.CITIZEN, id_kind=IdKind.UNKNOWN, note="约四十岁男性，流动摊点"),
    )
    assert (case.party_name, case.party_id_kind, case.unit_id) == (None, "unknown", None)


def test_a_transfer_to_the_police_is_registered_and_can_come_back(office):
    case = office.open(FILED)
    office.until(case, "file", "collect", on=FILED)
    case = office.step(case, "transfer")
    assert case.state == "transferred"
    assert office.terms(case)["decide"].ended_on == FILED
    case = office.step(case, "take-back", date(2026, 3, 12))
    assert case.state == "investigating"
    term = office.terms(case)["decide"]
    assert (term.ended_on, term.due_on) == (None, date(2026, 6, 10))
    row = db.session.scalars(queries.transfers_in(case.agency_id)).one()
    assert (row.criminal, row.result, row.result_on) == (True, "returned", date(2026, 3, 12))


def test_withdrawing_wants_a_second_person(office):
    case = office.open(FILED)
    office.until(case, "file", on=FILED)
    with pytest.raises(SecondPersonInvalid):
        office.step(case, "withdraw", proposed_officer_id=str(office.chen.officer_id))
    case = office.step(case, "withdraw", proposed_officer_id=str(office.an.id))
    assert case.state == "withdrawn"
    assert office.terms(case)["decide"].ended_on == FILED


@pytest.mark.parametrize("end", ["revoke", "withdraw", "decline"])
def test_a_case_that_was_taken_back_lets_the_finding_be_a_case_again(office, end):
    """Once per finding and cause; what was revoked or withdrawn stands no more (第七十五条)."""
    task = office.make.task(team=(office.an, office.bo), checklist_code="lodging")
    office.be(FILED)
    finding = office.make.finding(office.make.visit(task, office.an), office.an, "未取得许可证")
    told = {"source": CaseSource.FINDING, "finding_id": finding.id}
    case = office.open(FILED, **told)
    with pytest.raises(opening.CaseOpenAlready):
        office.open(FILED, **told)
    if end == "revoke":
        office.until(case, "file", "collect", "conclude", "notify", "waive-defence", on=FILED)
        office.until(case, "decide", "revoke", on=FILED)
        with pytest.raises(service.CaseStateWrong):
            office.step(case, "revoke")
    elif end == "withdraw":
        office.step(case, "file")
        office.step(case, "withdraw", proposed_officer_id=str(office.an.id))
    else:
        office.step(case, "decline")
    again = office.open(FILED, **told)
    with pytest.raises(opening.CaseOpenAlready):
        office.open(FILED, **told)
    assert (again.finding_id, again.state) == (finding.id, "opened")


def test_a_decision_that_a_review_revokes_is_revoked(office):
    case = notified(office)
    office.step(case, "waive-defence")
    office.until(case, "decide", "serve", "begin-remedy", on=FILED)
    (remedy,) = queries.remedies_of(case.id)
    on = date(2026, 3, 20)
    case = office.step(case, "end-remedy", on, remedy_id=str(remedy.id), result="revoked")
    assert case.revoked_on == on
    assert (office.money(case).state, office.money(case).concluded_on) == ("ceased", on)


def test_a_decision_revoked_before_its_service_owes_nothing_and_can_be_closed(office):
    case = notified(office)
    office.step(case, "waive-defence")
    office.until(case, "decide", "revoke", "serve", on=FILED)
    assert of_case(case.id) is None
    assert office.step(case, "close").state == "closed"


def test_review_and_suit_are_kept_with_their_result(office):
    case = notified(office)
    office.step(case, "waive-defence")
    office.until(case, "decide", "serve", on=FILED)
    office.step(case, "begin-remedy", date(2026, 4, 1))
    (remedy,) = queries.remedies_of(case.id)
    assert balance(office.money(case), date(2026, 5, 19)).surcharge.late_days == 14
    office.step(case, "end-remedy", date(2026, 5, 20), remedy_id=str(remedy.id))
    db.session.remove()
    assert balance(office.money(case), date(2026, 5, 22)).surcharge.late_days == 16
    with pytest.raises(refusals.StepItemUnknown):
        office.step(case, "end-remedy", remedy_id=str(remedy.id))
    assert office.step(case, "revoke").revoked_on == date(2026, 5, 20)


def test_steps_are_taken_once_and_in_the_order_of_their_days(office):
    case = office.open(FILED)
    office.step(case, "file")
    with pytest.raises(service.CaseStateWrong):
        office.step(case, "file")
    with pytest.raises(refusals.StepDayWrong), transaction():
        ordinary.take_step(
            case.id,
            CaseVerb.COLLECT,
            ordinary.NewStep(date(2026, 3, 1), {}),
            by=office.chen,
            at=office.make.at,
        )
    assert len(queries.steps_of(case.id)) == 2


def test_a_finding_is_one_case_by_a_cause(office):
    task = office.make.task(team=(office.an, office.bo))
    visit = office.make.visit(task, office.an)
    finding = office.make.finding(visit, office.an)
    values = {
        "source": CaseSource.FINDING,
        "finding_id": finding.id,
        "acted_on": date(2026, 11, 21),
        "party": Party(PartyKind.ORGANISATION),
    }
    case = office.open(date(2026, 11, 21), **values)
    assert (case.unit_id, case.visit_id) == (task.unit_id, visit.id)
    assert case.party_name is not None
    with pytest.raises(opening.CaseOpenAlready) as refused:
        office.open(date(2026, 11, 21), **values)
    assert refused.value.extras["case_id"] == case.id
    assert Role.OFFICER in office.handler.roles


def test_the_timetable_warns_flags_and_computes_what_a_calendar_was_missing_for(office):
    case = office.open(date(2026, 12, 28))
    office.until(case, "file", "preserve", on=date(2026, 12, 28))
    term = office.terms(case)["preservation"]
    assert (term.due_on, term.open_reason) == (None, "calendar-2027-missing")
    assert follow_case_deadlines(at=office.make.at) == "nothing due"
    with transaction():
        new_year = [{"day": "2027-01-01", "worked": False, "name": "元旦", "kind": "x", "note": ""}]
        body = {"name": "2027年工作日历", "days": new_year}
        catalogue.supersede(
            "calendar",
            "2027",
            body,
            effective_from=date(2027, 1, 1),
            source="测试",
            by=office.make.by(),
            at=office.make.at,
        )
    before = office.terms(case)["decide"].due_on
    assert follow_case_deadlines(at=office.make.at) == "1 compute"
    terms = office.terms(case)
    assert (terms["preservation"].due_on, terms["decide"].due_on) == (date(2027, 1, 7), before)
    office.be(date(2027, 1, 5))
    assert follow_case_deadlines(at=office.make.at) == "1 warn"
    office.be(date(2027, 1, 8))
    assert follow_case_deadlines(at=office.make.at) == "1 flag"
    assert follow_case_deadlines(at=office.make.at) == "nothing due"
    assert office.terms(case)["preservation"].overdue_at == office.make.at


def tag_of(response):
    return {"If-Match": f'"{response.json["version"]}"'}


def test_a_case_is_opened_and_its_steps_are_taken_over_http(office):
    officer = office.make.signed_in(Role.OFFICER, officer=office.make.officer(name="戴"))
    head = office.make.signed_in(Role.SUPERVISOR)
    office.be(FILED)
    body = {
        "source": "complaint",
        "cause_code": "pp-without-licence",
        "party": {"kind": "organisation", "name": "某会所"},
        "act": "未取得卫生许可证擅自营业",
        "acted_on": "2026-03-01",
        "on": "2026-03-02",
    }
    opened = officer.post("/api/v1/cases", json=body)
    assert (opened.status_code, opened.json["state"]) == (201, "opened")
    path = f"/api/v1/cases/{opened.json['id']}"
    etag = tag_of(opened)
    step = {
        "on": "2026-03-02",
        "officer_ids": [str(office.an.id), str(office.bo.id)],
        "data": {"reason": "涉嫌违法"},
    }
    assert officer.post(f"{path}/steps/file", json=step, headers=etag).status_code == 403
    assert head.post(f"{path}/steps/file", json=step).status_code == 428
    filed = head.post(f"{path}/steps/file", json=step, headers=etag)
    assert (filed.status_code, filed.json["state"]) == (200, "filed")
    assert head.post(f"{path}/steps/file", json=step, headers=etag).status_code == 412
    etag = tag_of(filed)
    outsider = {"on": "2026-03-02", "data": {"reason": "改", "place": "某路"}}
    refused = officer.post(f"{path}/steps/amend", json=outsider, headers=etag)
    assert refused.json["type"] == "/problems/not-on-case"
    amended = head.post(f"{path}/steps/amend", json=outsider, headers=etag)
    assert amended.json["place"] == "某路"
    etag = tag_of(amended)
    wrong = head.post(
        f"{path}/steps/decide", json={"on": "2026-03-02", "data": {"lines": []}}, headers=etag
    )
    assert wrong.status_code == 422
    line = {"kind": "warning", "amount_fen": None, "months": None, "note": None, "on_staff": False}
    decision = {"lines": [line], "number": "1号", "facts": "事实"}
    early = head.post(
        f"{path}/steps/decide", json={"on": "2026-03-02", "data": decision}, headers=etag
    )
    assert (early.status_code, early.json["type"]) == (409, "/problems/decision-without-notice")
    assert head.post(f"{path}/steps/rest", json=outsider, headers=etag).status_code == 404
    steps = head.get(f"{path}/steps").json["items"]
    assert [one["verb"] for one in steps] == ["open", "file", "amend"]
    assert steps[2]["data"] == {"reason": "改", "fields": ["place"]}
    terms = {one["rule_code"]: one for one in head.get(f"{path}/deadlines").json["items"]}
    assert terms["decide"]["due_on"] == "2026-05-31"
    listed = head.get("/api/v1/cases/deadlines").json["items"]
    assert {one["rule_code"] for one in listed} == {"decide"}
    assert head.get(f"{path}/history").json["hits"] == []
    assert head.get(f"{path}/remedies").json == {"items": []}


def test_transfers_are_counted_and_what_is_nothing_is_counted_as_zero(office):
    head = office.make.signed_in(Role.SUPERVISOR)
    made = head.post(
        "/api/v1/case-transfers",
        json={
            "direction": "in",
            "kind": "assistance",
            "organ": "市场监督管理局",
            "subject": "协查函",
            "on": "2026-11-20",
        },
    )
    assert made.status_code == 201
    answered = head.post(
        f"/api/v1/case-transfers/{made.json['id']}/answer",
        json={"result": "completed", "on": "2026-11-21"},
        headers=tag_of(made),
    )
    assert answered.json["result"] == "completed"
    counts = head.get("/api/v1/case-transfers/counts?from_on=2026-01-01").json["items"]
    assert len(counts) == 12
    found = {(one["direction"], one["kind"], one["criminal"]): one for one in counts}
    assert found["in", "assistance", False]["answered"] == 1
    assert found["out", "hand-over", True]["count"] == 0  # 行刑衔接 0
    assert sum(one["count"] for one in counts) == 1
