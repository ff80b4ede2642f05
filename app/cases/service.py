"""Cases 行政处罚: decided on the spot at a visit, filed with the agency, closed.

A penalty happens once, however often its cause is replayed: the same finding, rule and version of
the rule make one case.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.access import Actor
from app.cases import crediting, discretion, enforcing, queries, rules, same_acts, sanctions
from app.cases.classes import object_class_of
from app.cases.models import CaseSanction, PenaltyCase, PenaltyCaseOfficer
from app.cases.rules import CaseSource, CaseState, CaseVerb, PartyKind, Procedure, Sanction
from app.cases.sanctions import SanctionLine
from app.cases.tiers import Facts, Proposal
from app.catalogue import service as catalogue
from app.catalogue.causes import ORDER_UNMET, covers, levels_of
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.days import local_date
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event
from app.people import service as people
from app.tasks.models import Task
from app.tasks.teams import TEAM_SIZE
from app.units import service as units
from app.visits import contributing
from app.visits import queries as visit_queries
from app.visits.models import Finding, Visit
from app.visits.orders import FindingUnknown
from app.visits.rules import effective_at

_OTHER_CLASS = "该案由不适用于这类对象（应先判断许可或者备案）。"


class CaseUnknown(NotFound):
    code, title = "case-unknown", "未找到案件"


class CauseUnknown(Invalid):
    code, title = "case-cause-unknown", "案由不在现行目录中"


class SimpleLimitExceeded(Invalid):
    """The fine is above what the simple procedure allows; extras: `limit_fen`, `article`."""

    code, title = "simple-limit-exceeded", "超过当场处罚的限额"


class SanctionNotOffered(Invalid):
    """The cause's row does not offer this sanction; extras: `article`, `errors`."""

    code, title = "sanction-not-offered", "处罚种类或金额不符合案由"


class OfficersTooFew(Invalid):
    code, title = "officers-too-few", "执法人员人数不足"


class OfficerNotThere(Invalid):
    code, title = "officer-not-there", "执法人员未参加本次检查"


class DecisionDiffers(Conflict):
    """The finding was punished by the same rule already, and otherwise; extras: the `case_id`."""

    code, title = "decision-differs", "与已作出的当场处罚决定不一致"


class CaseStateWrong(Conflict):
    code, title = "case-state-wrong", "案件状态不允许此操作"


@dataclass(frozen=True)
class Decision:
    """What a tablet says of a decision on the spot 当场行政处罚决定.

    `party_name` and `act` default to the unit's name and the finding's words. At least as many
    officers as a visit needs, all of whom were there. `circumstances` and `factors` are codes of
    what was found for the discretion 裁量; `order-unmet` among them says that an order ran out.
    """

    finding_id: UUID
    cause_code: str
    party_kind: PartyKind
    sanction: Sanction
    officer_ids: tuple[UUID, ...]
    number: str
    party_name: str | None = None
    act: str | None = None
    place: str | None = None
    circumstances: frozenset[str] = frozenset()
    factors: frozenset[str] = frozenset()
    clock_suspect: bool = False

    @property
    def lines(self) -> list[SanctionLine]:
        """What is imposed, as lines."""
        return sanctions.lines_of(warning=self.sanction.warning, fine_fen=self.sanction.fine_fen)

    @property
    def facts(self) -> Facts:
        """What was found, as discretion reads it; an order that ran out unmet is one of them."""
        return Facts(
            party_kind=self.party_kind,
            circumstances=self.circumstances - {ORDER_UNMET},
            factors=self.factors,
            order_unmet=ORDER_UNMET in self.circumstances,
        )


@dataclass(frozen=True)
class Preview:
    """A proposal for a decision that nobody has made; `fits_simple`: it may be made on the spot."""

    on: date
    cause: CatalogueRow
    proposal: Proposal
    limit: CatalogueRow
    fits_simple: bool


@dataclass(frozen=True)
class Decided:
    """A case that stands; `again` when the same had been decided before."""

    case: PenaltyCase
    again: bool


def get_case(case_id: UUID, agency_id: UUID | None) -> PenaltyCase:
    """Return a case of the agency. Raises CaseUnknown, also for another agency's."""
    case = queries.find_case(case_id)
    if case is None or case.agency_id != agency_id:
        raise CaseUnknown("没有这个案件，或它不属于本机构。")
    return case


def decide_on_site(
    case_id: UUID,
    visit_id: UUID,
    decision: Decision,
    *,
    officer_id: UUID,
    recorded_at: datetime,
    document_id: UUID | None = None,
    admitted: bool = False,
    by: Actor,
    at: datetime,
) -> Decided:
    """Take up a decision made on the spot, under the id that the tablet gave the case.

    Cause, sanctions and limit are those in force on the day of the act, which is the visit's. The
    same finding punished by the same rule again, in the same way, makes no second case; nor does a
    copy of a decision that was revoked meanwhile. `admitted`: a supervisor lets in what came too
    late. Flushes: of two at once one finds the other's.

    Raises FindingUnknown, CauseUnknown, SimpleLimitExceeded, SanctionNotOffered, OfficersTooFew,
    OfficerNotThere, DecisionDiffers, FinedAlready, OrderNotUnmet, FactorUnknown, and what keeps an
    officer from contributing (VisitUnknown, TaskGone, TaskIsClosed, LateContribution, NotOnVisit).
    """
    visit = contributing.visit_for(visit_id, officer_id, admitted=admitted, by=by)
    finding = visit_queries.find_finding(decision.finding_id)
    if finding is None or finding.visit_id != visit_id:
        raise FindingUnknown("处罚决定引用的检查发现还没有上报，或属于另一次检查。")
    acted_on = _day_of(visit)
    cause = _cause(decision.cause_code, acted_on)
    case = _case(case_id, visit, finding, decision, cause)
    case.acted_on = acted_on
    _refuse_sanction(decision, cause, case)
    named = set(decision.officer_ids) | {officer_id}
    _refuse_officers(named, visit, acted_on, admitted=admitted)
    suspect = visit.clock_suspect or decision.clock_suspect
    decided_on = local_date(effective_at(recorded_at, at, suspect=suspect))
    if known := queries.find_by_cause(finding.id, cause.code, cause.effective_from):
        _refuse_different(known, decision)
        return Decided(known, again=True)
    for gone in queries.revoked_by_cause(finding.id, cause.code, cause.effective_from):
        if rules.is_late_copy(decision.number, decided_on, gone.number, gone.revoked_on):
            return Decided(gone, again=True)
    if queries.find_case(case_id) is not None:
        raise DecisionDiffers("这个编号已用于另一个案件。", case_id=case_id)
    found = same_acts.same_acts_of(case).fined if case.fine_fen else []
    same_acts.refuse_second_fine(found)
    case.officers = [PenaltyCaseOfficer(officer_id=one) for one in sorted(named)]
    case.sanctions = [CaseSanction.of(line) for line in decision.lines]
    case.decided_on = decided_on
    case.document_id, case.officer_id, case.recorded_at = document_id, officer_id, recorded_at
    case.decided_at, case.decided_by_kind, case.decided_by_id = at, by.kind, by.id
    db.session.add(case)
    journal.record(
        Event.PENALTY_CASE_DECIDED,
        case,
        by=by,
        at=at,
        data={
            "visit_id": str(visit_id),
            "unit_id": str(visit.unit_id),
            "finding_id": str(finding.id),
            "cause_code": cause.code,
            "cause_from": cause.effective_from.isoformat(),
            "party_kind": str(decision.party_kind),
            "warning": decision.sanction.warning,
            "fine_fen": decision.sanction.fine_fen,
            "officer_ids": [str(one) for one in case.officer_ids],
            "same_acts": [str(one.case.id) for one in found],
        },
    )
    db.session.flush()
    discretion.measure_on_site(case, decision.facts, decision.lines, by=by, at=at)
    return Decided(case, again=False)


def preview_on_site(
    visit_id: UUID, cause_code: str, facts: Facts, *, agency_id: UUID | None
) -> Preview:
    """Return what would be proposed for a decision on the spot at a visit; nothing is kept.

    By the rows of the day of the visit, within the limit of the simple procedure, or with the
    reason why that does not do. Raises VisitUnknown, CauseUnknown, OrderNotUnmet, FactorUnknown,
    DiscretionEmpty, CatalogueRowMissing, SanctionNotOffered where the cause is none for the object.
    """
    visit = contributing.get_visit(visit_id, agency_id)
    on = _day_of(visit)
    cause = _cause(cause_code, on)
    case = PenaltyCase(
        agency_id=visit.agency_id,
        procedure=Procedure.SIMPLE,
        unit_id=visit.unit_id,
        visit_id=visit.id,
        cause_code=cause.code,
        acted_on=on,
        party_kind=facts.party_kind,
    )
    if not covers(cause.body, object_class_of(case, cause.body)):
        raise SanctionNotOffered(_OTHER_CLASS, article=cause.source)
    _law, proposal = discretion.proposal_for(case, facts, object_class=None)
    limit = catalogue.get_row(Kind.SIMPLE_LIMIT, facts.party_kind, on)
    fits = sanctions.fits_simple(proposal.lines, limit.body["fine_max_fen"])
    return Preview(on, cause, proposal, limit, fits_simple=fits)


def _day_of(visit: Visit) -> date:
    """Return the local day of a visit, which is that of the act."""
    return local_date(
        effective_at(visit.started_recorded_at, visit.started_at, suspect=visit.clock_suspect)
    )


def _cause(code: str, on: date) -> CatalogueRow:
    try:
        return catalogue.get_row(Kind.CASE_CAUSE, code, on)
    except catalogue.CatalogueRowMissing as error:
        raise CauseUnknown(
            "这个案由不在违法行为发生之日有效的目录中，内容已留存。",
            cause_code=code,
            on=on,
        ) from error


def _refuse_sanction(decision: Decision, cause: CatalogueRow, case: PenaltyCase) -> None:
    """Refuse a sanction above the simple limit, or not offered for what was found.

    Where circumstances call for a level of the cause, that one binds; else the plain one.
    """
    limit = catalogue.get_row(Kind.SIMPLE_LIMIT, decision.party_kind, case.acted_on)
    fine_max_fen = limit.body["fine_max_fen"]
    if rules.exceeds_simple_limit(decision.sanction, fine_max_fen):
        fine, most = rules.yuan(decision.sanction.fine_fen), rules.yuan(fine_max_fen)
        raise SimpleLimitExceeded(
            f"罚款 {fine} 元超过对{limit.body['name']}当场处罚的限额 {most} 元"
            f"（{limit.source}），应适用普通程序；内容已留存，由负责人处理。",
            limit_fen=fine_max_fen,
            fine_fen=decision.sanction.fine_fen,
            article=limit.source,
        )
    if problems := _problems(decision, cause, object_class_of(case, cause.body)):
        basis = cause.body["basis"]
        raise SanctionNotOffered(
            "".join(one.detail for one in problems) + f"（{basis['law']} {basis['article']}）",
            article=f"{basis['law']} {basis['article']}",
            errors=[{"pointer": f"#/{one.code}", "detail": one.detail} for one in problems],
        )


def _problems(
    decision: Decision, cause: CatalogueRow, object_class: str | None
) -> list[rules.Problem]:
    if not covers(cause.body, object_class):
        return [rules.Problem("object-class", _OTHER_CLASS)]
    called = {need for level in levels_of(cause.body) for need in level.needs}
    if not called & decision.circumstances:
        return rules.sanction_problems(decision.sanction, decision.party_kind, cause.body)
    return sanctions.problems(
        decision.lines,
        decision.party_kind,
        cause.body,
        order_unmet=decision.facts.order_unmet,
        gains_fen=None,
        circumstances=decision.circumstances,
    )


def _refuse_officers(named: Collection[UUID], visit: Visit, on: date, *, admitted: bool) -> None:
    least = catalogue.get_row(Kind.SETTING, TEAM_SIZE, on)
    if len(named) < int(least.body["value"]):
        raise OfficersTooFew(
            f"当场处罚应由不少于 {least.body['value']} 名执法人员作出（{least.source}）。",
            article=least.source,
        )
    if strangers := set(named) - _were_there(visit, on, admitted=admitted):
        raise OfficerNotThere(
            "处罚决定上的执法人员没有参加本次检查，或已不在岗。",
            officer_ids=sorted(str(one) for one in strangers),
        )


def _were_there(visit: Visit, on: date, *, admitted: bool) -> set[UUID]:
    """Return who may have decided at a visit: its people, and those of the task's team.

    A colleague without a tablet of his own has started nothing. Where there is no task, or it is
    another team's by now, any officer of the agency in service may have been there.
    """
    attending = {one.officer_id for one in visit.attendance}
    if visit.task_id is not None and not admitted:
        return attending | set(db.session.get_one(Task, visit.task_id).officer_ids())
    return attending | {one.id for one in people.officers_of(visit.agency_id, on)}


def _refuse_different(known: PenaltyCase, decision: Decision) -> None:
    same = (
        known.warning == decision.sanction.warning
        and known.fine_fen == decision.sanction.fine_fen
        and known.party_kind == decision.party_kind
        and decision.party_name in {None, known.party_name}
    )
    if not same:
        raise DecisionDiffers(
            "同一违法行为已当场处罚，但当事人或处罚内容不同，内容已留存，由负责人核对。",
            case_id=known.id,
            number=known.number,
        )


def _case(
    case_id: UUID, visit: Visit, finding: Finding, decision: Decision, cause: CatalogueRow
) -> PenaltyCase:
    return PenaltyCase(
        id=case_id,
        agency_id=visit.agency_id,
        district=visit.district,
        procedure=Procedure.SIMPLE,
        source=CaseSource.FINDING,
        unit_id=visit.unit_id,
        visit_id=visit.id,
        finding_id=finding.id,
        number=decision.number,
        state=CaseState.DECIDED_ON_SITE,
        cause_code=cause.code,
        cause_from=cause.effective_from,
        cause_name=cause.body["name"],
        basis_law=cause.body["basis"]["law"],
        basis_article=cause.body["basis"]["article"],
        party_kind=decision.party_kind,
        party_name=decision.party_name or units.get_unit(visit.unit_id, visit.agency_id).name,
        act=decision.act or finding.text,
        place=decision.place,
        warning=decision.sanction.warning,
        fine_fen=decision.sanction.fine_fen,
    )


# --- what a supervisor does --------------------------------------------------------------------


def file_case(case_id: UUID, *, by: Actor, at: datetime) -> PenaltyCase:
    """File a decision made on the spot with the agency 备案. Raises CaseUnknown, CaseStateWrong."""
    case = get_case(case_id, by.agency_id)
    case.state = _following(case, CaseVerb.FILE)
    case.filed_on = local_date(at)
    case.filed_at, case.filed_by_kind, case.filed_by_id = at, by.kind, by.id
    journal.record(Event.PENALTY_CASE_FILED, case, by=by, at=at, data={"state": case.state})
    crediting.follow_case(case, by=by, at=at)
    return case


def close_case(case_id: UUID, note: str, *, by: Actor, at: datetime) -> PenaltyCase:
    """Close a filed case: its sanction is carried out, its money paid, enforced or ceased.

    Raises CaseUnknown, MoneyOutstanding, CaseStateWrong.
    """
    case = get_case(case_id, by.agency_id)
    enforcing.refuse_outstanding(case, local_date(at))
    case.state, case.note = _following(case, CaseVerb.CLOSE), note
    case.closed_on = local_date(at)
    case.closed_at, case.closed_by_kind, case.closed_by_id = at, by.kind, by.id
    journal.record(Event.PENALTY_CASE_CLOSED, case, by=by, at=at, data={"state": case.state})
    return case


def _following(case: PenaltyCase, verb: CaseVerb) -> CaseState:
    state = CaseState(case.state)
    following = rules.following(verb, state)
    if case.procedure != Procedure.SIMPLE or following is None:
        raise CaseStateWrong(
            f"案件现为“{rules.STATE_NAMES[state]}”，不能{rules.VERB_NAMES[verb]}。请刷新后再办理。",
            state=str(state),
        )
    return following
