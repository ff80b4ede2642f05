"""One act is not fined twice (行政处罚法 第二十九条), whichever way it came in."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import same_acts, service, transfers
from app.cases.acts import Act, Why, likeness
from app.cases.opening import Party
from app.cases.rules import Direction, IdKind, PartyKind, Sanction, TransferKind
from app.cases.same_acts import FinedAlready
from app.cases.service import Decision
from app.cases.transfers import NewTransfer
from app.db import new_id, transaction
from tests.cases.ordinary import Office

DAY = date(2026, 3, 2)
ids = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
names = st.none() | st.sampled_from(["张三", "李四"])


@st.composite
def deeds(draw):
    from_on = DAY + timedelta(days=draw(st.integers(0, 3)))
    return Act(
        cause_code=draw(st.sampled_from(["smoking", "pp-without-testing"])),
        from_on=from_on,
        until_on=from_on + timedelta(days=draw(st.integers(0, 2))),
        party_kind=draw(st.sampled_from(["citizen", "organisation"])),
        finding_id=draw(ids),
        unit_id=draw(ids),
        party_name=draw(names),
        party_id_hash=draw(names),
    )


@given(deeds(), deeds())
def test_whether_two_acts_are_one_does_not_hang_on_the_order(one, other):
    found = likeness(one, other)
    assert found == likeness(other, one)
    if found is None or Why.FINDING in found.why:
        return
    assert one.cause_code == other.cause_code
    assert max(one.from_on, other.from_on) <= min(one.until_on, other.until_on)
    both = {one.party_kind, other.party_kind}
    if found.certain:
        assert Why.PAPER in found.why or both == {"organisation"}
    if both == {"citizen"} and None not in {one.party_id_hash, other.party_id_hash}:
        assert found.certain


@given(deeds())
def test_an_act_is_surely_itself_where_its_party_is_known(act):
    found = likeness(act, act)
    known = act.finding_id or act.party_id_hash
    assert (found is not None and found.certain) or not known


@pytest.fixture
def office(make, clock, app_context):
    return Field(make, clock)


class Field(Office):
    """An office with a visit of today, at which penalties were decided on the spot."""

    def __init__(self, make, clock):
        super().__init__(make, clock)
        self.on = make.at.date()
        task = make.task(team=(self.an, self.bo), checklist_code="lodging")
        self.visit = make.visit(task, self.an)

    def on_site(self, text, number, **values):
        finding = self.make.finding(self.visit, self.an, text)
        given = {
            "cause_code": "pp-without-testing",
            "party_kind": PartyKind.ORGANISATION,
            "sanction": Sanction(warning=True, fine_fen=100000),
            "officer_ids": (self.an.id, self.bo.id),
            **values,
        }
        with transaction():
            return service.decide_on_site(
                new_id(),
                self.visit.id,
                Decision(finding_id=finding.id, number=number, **given),
                officer_id=self.an.id,
                recorded_at=self.make.at,
                by=self.make.tablet_of(self.an),
                at=self.make.at,
            ).case

    def ordinary(self, **values):
        case = self.open(
            self.on, unit_id=self.visit.unit_id, cause_code="pp-without-testing", **values
        )
        lines = [
            {"kind": kind, "amount_fen": fen, "months": None, "note": None, "on_staff": False}
            for kind, fen in (("warning", None), ("fine", 100000))
        ]
        self.until(case, "file", "collect", "conclude", on=self.on)
        self.step(case, "notify", lines=lines)
        return self.step(case, "waive-defence")


def test_a_second_fine_for_the_day_is_refused_and_names_the_first(office):
    first = office.on_site("客房用品未检测", "2026—001")
    with pytest.raises(FinedAlready) as refused:
        office.on_site("空气质量未检测", "2026—002")
    assert (refused.value.extras["case_id"], refused.value.extras["number"]) == (
        first.id,
        "2026—001",
    )
    case = office.ordinary()
    with pytest.raises(FinedAlready) as refused:
        office.step(case, "decide")
    assert refused.value.extras["article"] == "行政处罚法 第二十九条"
    case = office.step(case, "decide", another_act="不同场所、不同项目")
    assert case.state == "decided"


def test_without_a_fine_or_of_another_person_or_day_it_is_no_second_fine(office):
    office.on_site("客房用品未检测", "2026—001")
    office.on_site("无证", "2026—002", sanction=Sanction(warning=True, fine_fen=0))
    person = {
        "cause_code": "smoking",
        "party_kind": PartyKind.CITIZEN,
        "sanction": Sanction(warning=False, fine_fen=5000),
    }
    for number, name in (("2026—003", "张三"), ("2026—004", "李四")):
        office.on_site("吸烟", number, party_name=name, **person)
    before = office.on - timedelta(days=1)
    assert office.step(office.ordinary(acted_on=before, act_ended_on=before), "decide").state


def test_what_only_may_be_the_same_act_is_flagged_and_decided_by_a_person(office):
    person = {"cause_code": "smoking", "party_kind": PartyKind.CITIZEN, "party_name": "张三"}
    fine = Sanction(warning=False, fine_fen=5000)
    first = office.on_site("吸烟", "2026—001", sanction=fine, **person)
    second = office.on_site("又吸烟", "2026—002", sanction=fine, **person)
    found = same_acts.same_acts_of(second)
    assert [(one.case.id, one.certain, one.why) for one in found.cases] == [
        (first.id, False, (Why.UNIT, Why.NAME))
    ]


def test_a_matter_that_went_to_another_organ_is_named(office):
    case = office.ordinary()
    away = {"unit_id": office.visit.unit_id}
    with transaction():
        for direction in Direction:
            new = NewTransfer(
                direction, TransferKind.HAND_OVER, "市场监管局", "未检测", office.on, **away
            )
            agency = office.make.home()
            transfers.record_transfer(new, agency=agency, by=office.chen, at=office.make.at)
    found = same_acts.same_acts_of(case)
    assert [(one.organ, one.direction) for one in found.transfers] == [("市场监管局", "out")]


def test_a_continuing_act_meets_a_case_of_any_of_its_days(office):
    owner = Party(PartyKind.CITIZEN, name="王五", id_kind=IdKind.IDENTITY_CARD, id_number="310105X")
    early = office.on - timedelta(days=9)
    first = office.open(office.on, party=owner, acted_on=early, act_ended_on=office.on)
    second = office.open(office.on, party=owner, acted_on=office.on - timedelta(days=3))
    found = same_acts.same_acts_of(second)
    assert [(one.case.id, one.certain, one.fined) for one in found.cases] == [
        (first.id, True, False)
    ]
