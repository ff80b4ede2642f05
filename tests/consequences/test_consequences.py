"""What became of findings, on both databases: nothing falls through."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.cases import opening
from app.cases.opening import NewCase, Party
from app.cases.rules import CaseSource, PartyKind
from app.catalogue import seeds
from app.consequences import queries, rules, service
from app.consequences.rules import Decision, Way, Whereabouts
from app.consequences.service import NewDecision
from app.credit import points
from app.credit.models import CreditEntry
from app.credit.points import PointsItemUnknown
from app.credit.service import CreditEntryDiffers
from app.db import db, new_id, touch, transaction
from app.visits import orders
from app.visits.models import Finding
from app.visits.orders import NewOrder
from app.visits.terms import OrderItem


@pytest.fixture
def desk(make, app_context):
    return Desk(make)


class Desk:
    """A visit with three findings, and Chen who decides about them."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo = make.officer(), make.officer()
        self.task = make.task(team=(self.an, self.bo))
        self.visit = make.visit(self.task, self.an, self.bo)
        self.found = [make.finding(self.visit, self.an, text) for text in ("甲", "乙", "丙")]
        self.chen = make.supervisor()

    def do(self, verb, *args, **values):
        with transaction():
            return verb(*args, **values, by=self.chen, at=self.make.at)

    def handle(self, finding, handling):
        with transaction():
            row = db.session.get_one(Finding, finding.id)
            row.handling = handling
            touch(row)

    def order(self, finding):
        with transaction():
            orders.issue_order(
                new_id(),
                self.visit.id,
                NewOrder([OrderItem(finding.text, finding.id)], "2026—001", 15),
                officer_id=self.an.id,
                recorded_at=self.make.at,
                by=self.make.tablet_of(self.an),
                at=self.make.at,
            )

    def lists(self):
        db.session.remove()
        words = service.words_on(date(2026, 11, 21))
        agency_id = self.make.home().id
        nowhere = queries.findings_of(agency_id, words, without_consequence=True)
        leads = queries.leads_of(agency_id, words)
        texts = [[one.text for one in db.session.scalars(each)] for each in (nowhere, leads)]
        return tuple(texts)

    def whereabouts(self, finding):
        db.session.remove()
        row = db.session.get_one(Finding, finding.id)
        words = service.words_on(date(2026, 11, 21))
        return queries.consequences_of([row], words)[row.id]


@pytest.mark.past_the_services
def test_a_finding_stands_on_the_list_until_something_becomes_of_it(desk):
    first, second, third = desk.found
    assert desk.lists() == (["甲", "乙", "丙"], [])

    desk.order(first)
    desk.handle(second, "拟立案")
    decided = desk.do(service.decide, third.id, NewDecision(Decision.NOTHING, "当场改正"))
    assert desk.lists() == ([], ["乙"])
    assert [(one.way, one.settled) for one in desk.whereabouts(first)] == [(Way.ORDER, False)]

    desk.do(service.revoke, decided.id, "处理有误")
    assert desk.lists() == (["丙"], ["乙"]), "taken back, it is without consequence again"


@pytest.mark.past_the_services
def test_a_lead_waits_until_a_person_declines_it_with_a_reason(desk):
    lead = desk.found[0]
    with pytest.raises(service.NotALead):
        desk.do(service.decide, lead.id, NewDecision(Decision.DECLINED, "证据不足"))
    desk.handle(lead, "lead")
    assert [one.state for one in desk.whereabouts(lead)] == ["waiting"]

    desk.do(service.decide, lead.id, NewDecision(Decision.DECLINED, "证据不足"))
    assert desk.lists()[1] == []
    found = desk.whereabouts(lead)
    assert [(one.way, one.reason) for one in found] == [(Way.DECLINED, "证据不足")]
    assert rules.whereabouts(found) is Whereabouts.SETTLED


@pytest.mark.past_the_services
def test_a_lead_leaves_the_list_when_a_case_is_opened_from_it(desk):
    lead = desk.found[0]
    desk.handle(lead, "lead")
    new = NewCase(
        source=CaseSource.FINDING,
        cause_code="pp-without-testing",
        party=Party(PartyKind.ORGANISATION, name="某宾馆"),
        act="未按照规定检测",
        acted_on=date(2026, 11, 21),
        on=date(2026, 11, 21),
        finding_id=lead.id,
    )
    desk.do(opening.open_case, new, agency=desk.make.home())
    assert desk.lists()[1] == []
    found = desk.whereabouts(lead)
    assert [(one.way, one.settled) for one in found] == [(Way.CASE, False)]


def test_a_transfer_is_open_until_the_other_organ_answers(desk):
    finding = desk.found[0]
    new = NewDecision(Decision.TRANSFER, "无管辖权", organ="市场监督管理局")
    row_id = desk.do(service.decide, finding.id, new).id
    with pytest.raises(service.FindingDecidedAlready):
        desk.do(service.decide, finding.id, new)
    assert not desk.whereabouts(finding)[0].settled
    desk.do(service.note_reply, row_id, "已立案", date(2026, 11, 21))
    assert desk.whereabouts(finding)[0].settled


def points_of(desk):
    """The points that stand, and how many entries the record has."""
    db.session.remove()
    tally = points.tally_of(desk.visit.unit_id, "malpractice", desk.make.at.date())
    return tally.total, len(db.session.scalars(sa.select(CreditEntry)).all())


@pytest.mark.parametrize("reference", ["卫不良记〔2026〕1号", None])
def test_points_are_entered_in_the_credit_record_once_and_taken_back_with_the_decision(
    desk, reference
):
    finding = desk.found[0]
    new = NewDecision(Decision.POINTS, "分类有误", reference=reference, item="mal-waste-sorting")
    row = desk.do(service.decide, finding.id, new)
    once = points_of(desk)
    assert once == (seeds_points("mal-waste-sorting"), 1)
    assert (
        desk.whereabouts(finding)[0].reference
        == row.reference
        == (reference or f"finding-decision/{row.id}")
    )
    with pytest.raises(service.FindingDecidedAlready):
        desk.do(service.decide, finding.id, new)
    assert points_of(desk) == once

    desk.do(service.revoke, row.id, "复议撤销")
    assert points_of(desk) == (0, 2), "a reversing entry"
    if reference is not None:
        with pytest.raises(service.FindingDecisionInvalid, match="以新的文号记分"):
            desk.do(service.decide, finding.id, new)
    else:
        desk.do(service.decide, finding.id, new)
        assert points_of(desk) == (once[0], 3)


def seeds_points(code):
    (row,) = [one for one in seeds.rows("points_items") if one["code"] == code]
    return row["points"]


def test_findings_under_one_reference_share_their_points_until_the_last_is_taken_back(desk):
    new = NewDecision(Decision.POINTS, "同一文书", reference="1号", item="mal-no-posting")
    first, second = [desk.do(service.decide, one.id, new).id for one in desk.found[:2]]
    assert points_of(desk) == (seeds_points("mal-no-posting"), 1)
    other = NewDecision(Decision.POINTS, "同一文书", reference="1号", item="mal-record-flaw")
    with pytest.raises(CreditEntryDiffers):
        desk.do(service.decide, desk.found[2].id, other)
    desk.do(service.revoke, first, "处理有误")
    assert points_of(desk) == (seeds_points("mal-no-posting"), 1)
    desk.do(service.revoke, second, "处理有误")
    assert points_of(desk) == (0, 2)


def test_points_want_an_item_that_the_catalogue_knows(desk):
    finding = desk.found[0]
    with pytest.raises(PointsItemUnknown):
        desk.do(service.decide, finding.id, NewDecision(Decision.POINTS, "无", item="nonsense"))
    for wrong in (
        NewDecision(Decision.POINTS, "无", reference="1号"),
        NewDecision(Decision.NOTHING, "无", item="mal-scope"),
    ):
        with pytest.raises(service.FindingDecisionInvalid, match="记分事项"):
            desk.do(service.decide, finding.id, wrong)
    assert points_of(desk) == (0, 0)
    assert desk.whereabouts(finding) == []


def test_findings_of_a_page_cost_the_same_however_many_they_are(desk):
    asked = []
    listen = lambda *_: asked.append(1)  # noqa: E731
    sa.event.listen(db.engine, "before_cursor_execute", listen)
    try:
        words = service.words_on(date(2026, 11, 21))
        rows = db.session.scalars(sa.select(Finding)).all()
        before = len(asked)
        queries.consequences_of(rows, words)
        assert len(asked) - before <= 4
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize(
    ("code", "health", "market", "public"),
    [
        ("no-problem", "no-problem", "market-no-problem", "合格"),
        ("market-not-found", "closed", "market-not-found", "关闭"),
        ("ordered-to-correct", "ordered-to-correct", "market-ordered", "不合格"),
    ],
)
def test_an_outcome_is_said_in_both_public_vocabularies(code, health, market, public):
    rows = {row["code"]: row for row in seeds.rows("outcome_codes")}
    found = rules.public_outcome(code, rows)
    assert found is not None
    assert (found.health_code, found.market_code, found.public_result) == (health, market, public)
    assert rules.public_outcome("unknown", rows) is None
