"""无证行医 on both databases: an actor without name, a ban, seized goods, a repeat offender."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.access import Role
from app.cases.models import PenaltyCase
from app.db import db, new_id, transaction
from app.journal.models import JournalEntry
from app.measures import campaigns, goods, offenders, queries, rules, service
from app.measures.campaigns import NewCampaign
from app.measures.goods import NewSeizure
from app.measures.offenders import Asked
from app.measures.rules import (
    CampaignEventKind,
    Disposition,
    Goods,
    GoodsKind,
    ReferralState,
    SeizureKind,
)
from app.measures.service import About, NewBan, NewReferral
from app.parties import service as parties
from app.parties.rules import ActorType, Met, NewParty, Subject, hash_number
from scheduler.jobs import watch_seizures

NUMBER = "31010519700101123x"


@pytest.fixture
def raid(make, app_context):
    return Raid(make)


class Raid:
    """An and Bo find somebody whom nobody knows; Chen decides."""

    def __init__(self, make):
        self.make = make
        self.officers = (make.officer().id, make.officer().id)
        self.chen, self.ding = make.supervisor(), make.supervisor()
        self.party = self.record()

    def do(self, verb, *args, by=None, **values):
        with transaction():
            return verb(*args, **values, by=by or self.chen, at=self.make.at)

    def record(self, **values):
        known = {"alias": "老张", "place": "某弄12号底楼", **values}
        new = NewParty(ActorType.CITIZEN, **known)
        return self.do(parties.record_party, new, agency=self.make.home())

    def ban(self, **about):
        new = NewBan(
            "unlicensed-practice",
            About(party_id=self.party.id, **about),
            "无证行医",
            "医师法第五十九条",
            self.officers,
            partners=("公安局",),
        )
        return self.do(service.decide_ban, new, agency=self.make.home())

    def seize(self, *listed, urgent=True, **about):
        new = NewSeizure(
            SeizureKind.DETENTION,
            About(party_id=self.party.id, **about),
            "无证行医",
            "行政强制法",
            self.officers,
            urgent=urgent,
            goods=listed,
        )
        return self.do(goods.apply_seizure, new, agency=self.make.home())

    def penalise(self, **values):
        """A penalty of the past: a decided case of the ordinary procedure."""
        if number := values.get("party_id_number"):
            values["party_id_hash"] = hash_number(self.make.home().id, number)
        case = PenaltyCase(
            **{
                "id": new_id(),
                "agency_id": self.make.home().id,
                "district": self.make.home().district,
                "procedure": "ordinary",
                "source": "complaint",
                "number": f"2026—{new_id().hex[-6:]}",
                "state": "decided",
                "cause_code": "non-doctor",
                "cause_from": date(2022, 3, 1),
                "cause_name": "非医师行医",
                "basis_law": "医师法",
                "basis_article": "第五十九条",
                "party_kind": "citizen",
                "party_name": "张某",
                "act": "非医师行医",
                "warning": False,
                "fine_fen": 2000000,
                "acted_on": date(2026, 1, 5),
                "opened_on": date(2026, 1, 6),
                "decided_on": date(2026, 2, 1),
                **values,
            }
        )
        with transaction():
            db.session.add(case)
        return case

    def entries(self):
        return db.session.scalars(sa.select(JournalEntry).order_by(JournalEntry.seq)).all()


DRUGS = Goods("注射液", GoodsKind.DRUG, 11, "箱")
DEVICES = Goods("射频仪", GoodsKind.DEVICE, 68, "件")


def test_somebody_without_name_is_identified_later_and_keeps_what_was_known(raid):
    ban = raid.ban()
    found = raid.do(parties.identify_party, raid.party.id, "张三", NUMBER)

    assert (found.name, found.alias, found.place) == ("张三", "老张", "某弄12号底楼")
    assert (found.state, found.id_tail) == ("identified", "123X")
    assert [(one.subject_type, one.subject_id) for one in found.links] == [("ban", ban.id)]
    assert all(NUMBER not in one.text and "张三" not in one.text for one in raid.entries())


@pytest.mark.past_the_services
def test_the_same_number_shows_bans_and_penalties_of_another_row(raid):
    raid.ban()
    raid.do(parties.identify_party, raid.party.id, "张三", NUMBER)
    raid.penalise(party_id_number=NUMBER.upper())
    again = raid.record(alias="张医生", place="别处", id_number=f" {NUMBER} ")

    found = raid.do(offenders.history, Asked(party_id=again.id))
    assert (len(found.bans), len(found.cases), found.repeat) == (1, 1, True)
    assert not found.hints, "one penalty is no hint"


@pytest.mark.past_the_services
def test_after_two_penalties_a_further_act_may_be_a_crime(raid):
    for _ in range(2):
        raid.penalise(party_id_number=NUMBER)
    now = raid.penalise(party_id_number=NUMBER, state="filed", decided_on=None, filed_on=None)

    found = raid.do(offenders.history, Asked(case_id=now.id))
    assert next((one.practice, one.penalties, one.after) for one in found.hints) == (
        "unlicensed-practice",
        2,
        2,
    )
    raid.penalise(party_id_number=NUMBER, revoked_on=date(2026, 5, 1))
    assert raid.do(offenders.history, Asked(case_id=now.id)).hints[0].penalties == 2


@pytest.mark.past_the_services
def test_merged_rows_are_one_actor_in_both_directions(raid):
    other = raid.record(alias="小李", place="另一处")
    case = raid.penalise(party_name=None, party_note="身份不明")
    raid.do(parties.link_party, other.id, Subject.CASE, case.id)
    raid.do(parties.merge_party, other.id, raid.party.id)

    for party_id in (other.id, raid.party.id):
        found = raid.do(offenders.history, Asked(party_id=party_id))
        assert [one.id for one in found.cases] == [case.id]
    with pytest.raises(parties.PartyMerged):
        raid.do(parties.identify_party, other.id, "李四", None)


def test_a_visit_is_flagged_by_who_was_met_there(raid):
    make = raid.make
    an, bo = make.officer(), make.officer()
    visit = make.visit(make.task(team=(an, bo)), an, bo)
    raid.ban()
    assert not raid.do(offenders.history, Asked(visit_id=visit.id)).repeat
    raid.do(offenders.meet, raid.party.id, Met.VISIT, visit.id)
    found = raid.do(offenders.history, Asked(visit_id=visit.id))
    assert (found.repeat, [one.id for one in found.parties]) == (True, [raid.party.id])


def test_an_urgent_seizure_awaits_an_approval_that_is_flagged_when_it_is_late(raid):
    seizure = raid.seize(DRUGS, DEVICES)
    assert (seizure.state, seizure.due_on) == ("awaiting-approval", date(2026, 12, 21))
    with pytest.raises(goods.SeizureNeedsSecond):
        raid.do(goods.approve_seizure, seizure.id)

    assert watch_seizures(at=raid.make.clock.forward(hours=24)) == "nothing due"
    assert "1 approval-late" in watch_seizures(at=raid.make.clock.forward(minutes=1))
    approved = raid.do(goods.approve_seizure, seizure.id, by=raid.ding)
    assert approved.state == "in-force"
    assert watch_seizures(at=raid.make.at) == "nothing due"


def test_goods_are_held_for_thirty_days_and_thirty_more_once(raid):
    seizure = raid.seize(urgent=False)
    raid.do(goods.approve_seizure, seizure.id, by=raid.ding)
    held = raid.do(goods.carry_out_seizure, seizure.id, [DRUGS, DEVICES], None)
    assert held.due_on == date(2026, 12, 21)

    assert "1 warned" in watch_seizures(at=raid.make.clock.forward(days=26))
    extended = raid.do(goods.extend_seizure, seizure.id, "案情复杂")
    assert extended.due_on == date(2027, 1, 20)
    with pytest.raises(goods.SeizureStateWrong):
        raid.do(goods.extend_seizure, seizure.id, "再延")
    raid.make.clock.forward(days=36)
    assert "1 late" in watch_seizures(at=raid.make.at)


def test_a_seizure_that_is_recorded_the_day_after_is_held_from_its_own_day(raid):
    seizure = raid.seize(urgent=False)
    raid.do(goods.approve_seizure, seizure.id, by=raid.ding)
    approved_at = raid.make.at
    raid.make.clock.forward(hours=30)
    for wrong in (approved_at - timedelta(minutes=1), raid.make.at + timedelta(minutes=1)):
        with pytest.raises(service.MeasureInvalid):
            raid.do(goods.carry_out_seizure, seizure.id, [DRUGS], None, wrong)
    done_at = approved_at + timedelta(hours=1)
    held = raid.do(goods.carry_out_seizure, seizure.id, [DRUGS], None, done_at)
    assert (held.seized_at, held.due_on) == (done_at, date(2026, 12, 21))


def test_a_seizure_ends_with_the_last_line_of_its_list(raid):
    seizure = raid.seize(DRUGS, DEVICES)
    raid.do(goods.approve_seizure, seizure.id, by=raid.ding)
    confiscated = Disposition.CONFISCATED
    some = raid.do(goods.dispose_goods, seizure.id, [1], confiscated, None, None)
    assert some.state == "in-force"
    whole = raid.do(goods.dispose_goods, seizure.id, [2], Disposition.RETURNED, None, None)
    assert whole.state == "ended"


def test_what_was_not_approved_can_only_be_given_back(raid):
    seizure = raid.seize(DRUGS)
    raid.do(goods.refuse_seizure, seizure.id, "证据不足", by=raid.ding)
    with pytest.raises(service.MeasureInvalid):
        raid.do(goods.dispose_goods, seizure.id, [1], Disposition.CONFISCATED, None, None)
    done = raid.do(goods.dispose_goods, seizure.id, [1], Disposition.RETURNED, None, None)
    assert done.state == "ended"


def test_a_campaign_counts_in_the_units_of_the_report(raid):
    make = raid.make
    new = NewCampaign("打击无证行医", "方案", date(2026, 11, 1), date(2026, 12, 31))
    campaign = raid.do(campaigns.plan_campaign, new, agency=make.home())
    an, bo = make.officer(), make.officer()
    task = make.task(team=(an, bo), origin="campaign", origin_reference=campaign.number)
    make.visit(task, an, bo)
    raid.ban(campaign_id=campaign.id)
    joint = CampaignEventKind.JOINT_ENFORCEMENT
    day = date(2026, 11, 21)
    raid.do(campaigns.note_event, campaign.id, joint, day, ("公安局",), None)
    seizure = raid.seize(DRUGS, DEVICES, campaign_id=campaign.id)
    confiscated = Disposition.CONFISCATED
    raid.do(goods.dispose_goods, seizure.id, [1, 2], confiscated, None, None)

    facts = queries.facts_of(campaign, campaign.from_on, campaign.until_on)
    counted = (facts.visits, facts.officer_visits, facts.bans, facts.joint_enforcements)
    assert counted == (1, 2, 1, 1)
    assert [(one.quantity, one.unit) for one in rules.totals(facts.goods)] == [
        (68, "件"),
        (11, "箱"),
    ]


def test_a_referral_is_answered_step_by_step(raid):
    about = About(party_id=raid.party.id)
    made = raid.do(service.refer, NewReferral("检察院", "事项", about), agency=raid.make.home())
    day = date(2026, 11, 21)
    with pytest.raises(service.ReferralStateWrong):
        raid.do(service.answer_referral, made.id, ReferralState.SUED, "已起诉", day)
    found = raid.do(service.answer_referral, made.id, ReferralState.ACCEPTED, "立案", day)
    assert (found.state, found.reply) == ("accepted", "立案")


def test_an_identity_number_never_leaves_the_server(raid):
    client = raid.make.signed_in(Role.OFFICER)
    db.session.remove()
    body = {"type": "citizen", "alias": "张医生", "id_number": NUMBER}
    answer = client.post("/api/v1/parties", json=body)
    assert (answer.status_code, answer.json["id_tail"]) == (201, "123X")
    assert NUMBER[:-4] not in answer.get_data(as_text=True)
