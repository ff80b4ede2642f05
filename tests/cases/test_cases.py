"""Penalties decided on the spot, on both databases: limits, officers, and one case per cause."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.access import Role
from app.cases import collecting, discretion, enforcing, ordinary, service
from app.cases.collecting import NewPayment
from app.cases.discretion_models import CaseDiscretion
from app.cases.models import PenaltyCase
from app.cases.money import PaymentMethod
from app.cases.ordinary import NewStep
from app.cases.refusals import StepDayWrong
from app.cases.rules import CaseVerb, PartyKind, Sanction
from app.cases.sanctions import SanctionKind, SanctionLine
from app.cases.service import Decision
from app.catalogue import service as catalogue
from app.catalogue.models import CatalogueRow
from app.db import db, new_id, transaction
from app.journal.models import JournalEntry
from app.visits import contributing
from app.visits import service as visits
from app.visits.orders import FindingUnknown
from app.visits.rules import triggered_visit_id

NAME = "吸烟的张三"


@pytest.fixture
def field(make, app_context):
    return Field(make)


class Field:
    """A visit of An and Bo with a finding, and the verbs in one transaction each."""

    def __init__(self, make):
        self.make = make
        self.an, self.bo = make.officer(name="安"), make.officer(name="博")
        self.task = make.task(team=(self.an, self.bo), checklist_code="lodging")
        self.visit = make.visit(self.task, self.an)
        self.finding = make.finding(self.visit, self.an, "在禁烟场所吸烟，不听劝阻")
        self.chen = make.supervisor()

    def decision(self, **values):
        given = {
            "finding_id": self.finding.id,
            "cause_code": "smoking",
            "party_kind": PartyKind.CITIZEN,
            "party_name": NAME,
            "sanction": Sanction(warning=False, fine_fen=10000),
            "officer_ids": (self.an.id, self.bo.id),
            "number": "2026—001",
            **values,
        }
        return Decision(**given)

    def decide(self, *, officer=None, case_id=None, admitted=False, **values):
        officer = officer or self.an
        with transaction():
            return service.decide_on_site(
                case_id or new_id(),
                self.visit.id,
                self.decision(**values),
                officer_id=officer.id,
                recorded_at=self.make.at,
                admitted=admitted,
                by=self.make.tablet_of(officer),
                at=self.make.at,
            )

    def supervise(self, verb, *args):
        with transaction():
            return verb(*args, by=self.chen, at=self.make.at)

    def pay(self, case):
        """Let the fine of a case be paid, whole and in time."""
        paid = NewPayment(case.decided_on, PaymentMethod.BANK, "沪财0001", fine_fen=case.fine_fen)
        with transaction():
            opened = collecting.open_collection(case, by=self.chen, at=self.make.at)
            collecting.record_payment(opened.id, paid, by=self.chen, at=self.make.at)

    def count(self):
        db.session.remove()
        return db.session.scalar(sa.select(sa.func.count()).select_from(PenaltyCase))


def test_a_decision_makes_a_case_with_cause_basis_and_amount(field):
    case = field.decide().case

    assert (case.state, case.fine_fen, case.warning) == ("decided-on-site", 10000, False)
    assert (case.cause_code, case.cause_from) == ("smoking", date(2024, 1, 1))
    assert (case.basis_law, case.basis_article) == ("上海市公共场所控制吸烟条例", "第十九条")
    assert (case.act, case.party_name) == ("在禁烟场所吸烟，不听劝阻", NAME)
    assert (case.acted_on, case.decided_on) == (date(2026, 11, 21), date(2026, 11, 21))
    assert case.officer_ids == sorted([field.an.id, field.bo.id])
    assert case.lines == [SanctionLine(SanctionKind.FINE, 10000)]


def test_a_revoked_decision_is_not_revived_by_a_copy_but_by_a_new_decision(field, clock):
    first = field.decide().case
    early = NewStep(date(2026, 11, 20), {"reason": "认定事实有误"})
    with pytest.raises(StepDayWrong), transaction():
        ordinary.take_step(first.id, CaseVerb.REVOKE, early, by=field.chen, at=field.make.at)
    with transaction():
        step = NewStep(date(2026, 11, 21), {"reason": "认定事实有误"})
        ordinary.take_step(first.id, CaseVerb.REVOKE, step, by=field.chen, at=field.make.at)
    copy = field.decide(officer=field.bo)
    assert (copy.case.id, copy.again, copy.case.revoked_on) == (first.id, True, date(2026, 11, 21))
    new = field.decide(number="2026—002")
    assert (new.again, new.case.revoked_on, field.count()) == (False, None, 2)
    assert field.decide(number="2026—002").case.id == new.case.id
    with pytest.raises(service.CaseStateWrong), transaction():
        ordinary.take_step(first.id, CaseVerb.DISCUSS, step, by=field.chen, at=field.make.at)


def test_the_journal_tells_of_a_case_without_names_and_words(field):
    field.decide()
    entry = db.session.scalars(
        sa.select(JournalEntry.text).where(JournalEntry.event == "penalty-case.decided")
    ).one()
    assert NAME not in entry
    assert "不听劝阻" not in entry
    assert '"fine_fen":10000' in entry


@pytest.mark.parametrize(
    ("party", "cause", "fine_fen"),
    [
        (PartyKind.CITIZEN, "smoking", 20001),
        (PartyKind.CITIZEN, "pp-without-licence", 50000),
        (PartyKind.ORGANISATION, "pp-without-licence", 300001),
    ],
)
def test_a_fine_above_the_simple_limit_is_refused_with_its_article(field, party, cause, fine_fen):
    with pytest.raises(service.SimpleLimitExceeded) as refused:
        field.decide(party_kind=party, cause_code=cause, sanction=Sanction(True, fine_fen))
    assert refused.value.extras["article"] == "行政处罚法 第五十一条"
    assert refused.value.extras["limit_fen"] in {20000, 300000}
    assert field.count() == 0


def test_a_sanction_that_the_cause_does_not_offer_is_refused_with_its_article(field):
    with pytest.raises(service.SanctionNotOffered) as refused:
        field.decide(sanction=Sanction(warning=True, fine_fen=10000))
    assert refused.value.extras["article"] == "上海市公共场所控制吸烟条例 第十九条"
    with pytest.raises(service.CauseUnknown):
        field.decide(cause_code="no-such-cause")


def test_the_limit_of_the_day_of_the_act_holds(field):
    with transaction():
        catalogue.supersede(
            "simple_limit",
            "citizen",
            {"name": "公民", "fine_max_fen": 5000, "order": 1},
            effective_from=date(2026, 11, 21),
            source="某法 第一条",
            by=field.make.by(),
            at=field.make.at,
        )
    with pytest.raises(service.SimpleLimitExceeded) as refused:
        field.decide()
    assert refused.value.extras["article"] == "某法 第一条"


def test_a_day_without_a_limit_is_a_gap_of_its_own(field):
    with transaction():
        db.session.execute(sa.delete(CatalogueRow).where(CatalogueRow.kind == "simple_limit"))
    with pytest.raises(catalogue.CatalogueRowMissing):
        field.decide()


def test_two_officers_decide_and_both_were_there(field):
    with pytest.raises(service.OfficersTooFew) as refused:
        field.decide(officer_ids=(field.an.id,))
    assert refused.value.extras["article"] == "行政处罚法 第四十二条"
    cai = field.make.officer(name="蔡")
    with pytest.raises(service.OfficerNotThere):
        field.decide(officer_ids=(field.an.id, cai.id))
    assert field.decide(officer_ids=(field.bo.id,)).case.officer_ids == sorted(
        [field.an.id, field.bo.id]
    )


def test_a_finding_is_punished_once_by_a_rule(field):
    first = field.decide().case
    again = field.decide(officer=field.bo, number="2026—101")

    assert (again.again, again.case.id) == (True, first.id)
    assert field.count() == 1
    with pytest.raises(service.DecisionDiffers):
        field.decide(officer=field.bo, sanction=Sanction(False, 20000))
    with pytest.raises(service.DecisionDiffers):
        field.decide(officer=field.bo, party_name="李四")


def test_another_finding_is_another_case_under_another_id(field):
    first = field.decide().case
    other = field.make.finding(field.visit, field.an, "又有一人吸烟")
    with pytest.raises(service.DecisionDiffers):
        field.decide(finding_id=other.id, case_id=first.id)
    assert not field.decide(finding_id=other.id).again
    assert field.count() == 2


def test_the_database_itself_keeps_a_second_case_out(field):
    case = field.decide().case
    values = {
        name: getattr(case, name)
        for name in PenaltyCase.__table__.columns.keys()  # noqa: SIM118 - not a mapping
    }
    with pytest.raises(sa.exc.IntegrityError), transaction():
        db.session.execute(sa.insert(PenaltyCase).values({**values, "id": new_id()}))


def test_a_decision_names_a_finding_of_its_visit(field):
    with pytest.raises(FindingUnknown):
        field.decide(finding_id=new_id())


def test_a_late_decision_has_no_effect_until_a_supervisor_lets_it_in(field):
    cai = field.make.officer(name="蔡")
    with pytest.raises(contributing.LateContribution):
        field.decide(officer=cai, officer_ids=(cai.id, field.an.id))
    assert field.count() == 0
    decided = field.decide(officer=cai, officer_ids=(cai.id, field.an.id), admitted=True)
    assert not decided.again


def test_on_a_visit_without_a_task_any_officer_in_service_may_have_been_there(field):
    unit = field.make.unit()
    visit_id = triggered_visit_id(unit.id, date(2026, 11, 21), [field.an.id], None)
    start = visits.Start(None, unit.id, None, None, reason="群众举报")
    by = field.make.tablet_of(field.an)
    with transaction():
        field.visit = visits.start_visit(
            visit_id,
            start,
            officer_id=field.an.id,
            device_id=None,
            recorded_at=field.make.at,
            by=by,
            at=field.make.at,
        ).visit
    field.finding = field.make.finding(field.visit, field.an, "未检测")
    case = field.decide(
        cause_code="pp-without-testing",
        party_kind=PartyKind.ORGANISATION,
        party_name=None,
        sanction=Sanction(warning=True, fine_fen=0),
    ).case
    assert case.party_name == unit.name


def test_a_case_is_filed_and_closed_by_a_supervisor(field):
    case = field.decide().case
    with pytest.raises(enforcing.MoneyOutstanding):
        field.supervise(service.close_case, case.id, "已缴款")
    field.pay(case)
    with pytest.raises(service.CaseStateWrong):
        field.supervise(service.close_case, case.id, "已缴款")
    assert field.supervise(service.file_case, case.id).state == "filed"
    with pytest.raises(service.CaseStateWrong):
        field.supervise(service.file_case, case.id)
    assert field.supervise(service.close_case, case.id, "已缴款").state == "closed"


def test_cases_are_read_filed_and_closed_over_http(field):
    case = field.decide().case
    client = field.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/cases/{case.id}"
    listed = client.get(
        f"/api/v1/cases?state=decided-on-site&unit_id={case.unit_id}"
        f"&visit_id={case.visit_id}&cause_code=smoking"
    )
    assert [one["id"] for one in listed.json["items"]] == [str(case.id)]
    read = client.get(path)
    assert (read.json["fine_fen"], read.json["party_name"]) == (10000, NAME)
    assert read.json["sanctions"] == [
        {"kind": "fine", "amount_fen": 10000, "months": None, "note": None, "on_staff": False}
    ]
    assert set(read.json["officer_ids"]) == {str(field.an.id), str(field.bo.id)}
    assert client.post(f"{path}/file").status_code == 428
    filed = client.post(f"{path}/file", headers={"If-Match": read.headers["ETag"]})
    assert (filed.status_code, filed.json["state"]) == (200, "filed")
    stale = client.post(f"{path}/file", headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412
    field.pay(case)
    closed = client.post(
        f"{path}/close", json={"note": "已缴款"}, headers={"If-Match": filed.headers["ETag"]}
    )
    assert closed.json["state"] == "closed"


def test_review_and_suit_about_a_decision_on_the_spot_are_steps_of_its_case(field):
    case = field.decide().case
    field.supervise(service.file_case, case.id)
    client = field.make.signed_in(Role.SUPERVISOR)
    path = f"/api/v1/cases/{case.id}"

    def step(verb, **data):
        seen = client.get(path).headers["ETag"]
        said = {"on": case.decided_on.isoformat(), "data": data}
        return client.post(f"{path}/steps/{verb}", json=said, headers={"If-Match": seen})

    fine = {"kind": "fine", "months": None, "note": None, "on_staff": False}
    for kind, result, amount in (("review", "changed", 5000), ("suit", "revoked", None)):
        assert step("begin-remedy", kind=kind, organ="区人民政府").status_code == 200
        remedy = client.get(f"{path}/remedies").json["items"][-1]["id"]
        lines = [] if amount is None else [{**fine, "amount_fen": amount}]
        if lines:
            staff = [{**lines[0], "on_staff": True}]
            wrong = step("end-remedy", remedy_id=remedy, result=result, lines=staff)
            assert wrong.json["type"] == "/problems/remedy-lines-wrong"
        ended = step("end-remedy", remedy_id=remedy, result=result, lines=lines).json
        assert (ended["fine_fen"], ended["revoked_on"] is None) == (5000, result == "changed")
    assert step("conclude", facts="-", proposal="punish").status_code == 409


@pytest.mark.parametrize("role", [Role.CLERK, Role.ADMINISTRATOR, Role.PARTNER])
def test_others_do_not_read_cases(field, role):
    assert field.make.signed_in(role).get("/api/v1/cases").status_code == 403


def test_another_agency_finds_no_such_case(field):
    case = field.decide().case
    agency = field.make.agency("310107", "普陀区卫生监督所")
    there = field.make.signed_in(Role.SUPERVISOR, agency=agency)
    assert there.get(f"/api/v1/cases/{case.id}").status_code == 404
    assert there.get("/api/v1/cases").json == {"items": []}


# --- discretion on the spot ----------------------------------------------------------------------


def water(field, fine_fen, **values):
    return field.decide(
        cause_code="drinking-water",
        party_kind=PartyKind.ORGANISATION,
        party_name=None,
        sanction=Sanction(warning=False, fine_fen=fine_fen),
        **values,
    ).case


@pytest.mark.parametrize(
    ("fine_fen", "found", "tier", "high_fen", "state"),
    [
        (125_000, (), "drinking-water-normal", 200_000, "none"),
        (250_000, (), "drinking-water-normal", 200_000, "asked"),
        (250_000, ("serious-harm",), "drinking-water-heavier", 300_000, "none"),
        (30_000, ("minor-harm",), "drinking-water-lighter", 50_000, "none"),
    ],
)
def test_a_decision_on_the_spot_is_measured_by_the_benchmark(
    field, fine_fen, found, tier, high_fen, state
):
    case = water(field, fine_fen, circumstances=frozenset(found))
    kept = discretion.get_discretion(case)
    assert (kept.tier_code, kept.high_fen, kept.deviation_state) == (tier, high_fen, state)
    assert (kept.deviation is not None) == (state == "asked")
    with transaction():
        if state == "asked":
            discretion.decide_deviation(
                case, "同意", approved=True, by=field.chen, at=field.make.at
            )


def test_what_would_be_proposed_is_seen_before_anybody_decides(field):
    client = field.make.signed_in(Role.OFFICER)

    def ask(**values):
        asked = {"visit_id": str(field.visit.id), "party_kind": "organisation", **values}
        return client.get("/api/v1/cases/on-site-proposal", query_string=asked)

    seen = ask(cause_code="drinking-water").json
    assert (seen["tier_code"], seen["low_fen"], seen["high_fen"], seen["limit_fen"]) == (
        "drinking-water-normal",
        50_000,
        200_000,
        300_000,
    )
    assert (seen["fits_simple"], seen["on"], len(seen["lines"])) == (True, "2026-11-21", 1)
    assert any("尚未与公布的原文核对" in one and "一般" in one for one in seen["reasons"])
    heavier = ask(cause_code="drinking-water", factors=["epidemic-emergency"]).json
    assert (heavier["tier_code"], heavier["high_fen"]) == ("drinking-water-heavier", 300_000)
    assert any("不超过 3000 元" in one for one in heavier["reasons"]), "cut to the simple limit"
    beyond = ask(cause_code="pp-hazard").json
    assert (beyond["fits_simple"], beyond["low_fen"]) == (False, 500_000)
    assert any("普通程序" in one for one in beyond["reasons"])
    unknown = ask(cause_code="drinking-water", factors=["no-such"])
    assert unknown.json["type"] == "/problems/discretion-factor-unknown"
    other = ask(cause_code="pp-without-filing")
    assert other.json["type"] == "/problems/sanction-not-offered"
    assert ask(cause_code="smoking", visit_id=str(new_id())).status_code == 404
    assert field.count() == 0
    found = db.session.scalar(sa.select(sa.func.count()).select_from(CaseDiscretion))
    assert found == 0, "nothing is kept"


def test_a_circumstance_that_no_row_knows_is_refused(field):
    with pytest.raises(discretion.FactorUnknown):
        water(field, 125_000, factors=frozenset({"no-such"}))


def test_an_order_that_ran_out_must_exist_and_a_cause_fit_the_class(field):
    with pytest.raises(discretion.OrderNotUnmet):
        field.decide(
            cause_code="pp-without-testing",
            party_kind=PartyKind.ORGANISATION,
            sanction=Sanction(warning=True, fine_fen=250_000),
            circumstances=frozenset({"order-unmet"}),
        )
    with pytest.raises(service.SanctionNotOffered) as refused:
        field.decide(
            cause_code="pp-without-filing",
            party_kind=PartyKind.ORGANISATION,
            sanction=Sanction(warning=True, fine_fen=0),
        )
    assert refused.value.extras["errors"][0]["pointer"] == "#/object-class"
