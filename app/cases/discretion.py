"""Discretion 裁量: a proposal for a case with its reasons, and leave to decide otherwise.

Nothing here decides a case. The rule, its benchmark and its tiers are those in force on the day of
the act; that no benchmark was in force is an answer, and is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from app.access import Actor
from app.cases import discretion_queries as queries
from app.cases import sanctions, tiers, triggers
from app.cases.classes import object_class_of
from app.cases.discretion_models import CaseDiscretion
from app.cases.models import PenaltyCase
from app.cases.rules import Problem, Procedure
from app.cases.sanctions import SanctionLine
from app.cases.tiers import BenchmarkState, DeviationState, Factor, Facts, Proposal, Tier
from app.catalogue import queries as catalogue_queries
from app.catalogue import service as catalogue
from app.catalogue.causes import FineRange, TierClass
from app.catalogue.models import CatalogueRow
from app.catalogue.rules import holds_on
from app.catalogue.service import Kind
from app.db import db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.journal import service as journal
from app.journal.rules import Event

START = "discretion-starting-point"


class DiscretionUnknown(NotFound):
    code, title = "discretion-unknown", "没有裁量建议"


class DiscretionEmpty(Invalid):
    code, title = "discretion-empty", "案由对认定的事实没有可用的处罚"


class FactorUnknown(Invalid):
    """Extras: `codes` that no row in force knows."""

    code, title = "discretion-factor-unknown", "裁量情节不在现行目录中"


class OrderNotUnmet(Invalid):
    code, title = "order-not-unmet", "没有逾期未改正的责令改正"


class DeviationUnlawful(Invalid):
    """What is wanted is outside the law itself; extras: `errors`."""

    code, title = "deviation-unlawful", "偏离后的处罚超出法定范围"


class DeviationStateWrong(Conflict):
    code, title = "deviation-state-wrong", "偏离裁量建议的状态不允许此操作"


class DeviationNotApproved(Conflict):
    """The decision differs from the proposal, and nobody approved it; extras: `errors`."""

    code, title = "deviation-not-approved", "偏离裁量基准未经批准"


class DeviationNeedsAnother(Forbidden):
    code, title = "deviation-needs-another", "偏离裁量基准应由另一人批准"


@dataclass(frozen=True)
class Law:
    """What the catalogue says about a case on the day of the act."""

    cause: CatalogueRow
    tiers: Sequence[CatalogueRow]
    factors: Sequence[CatalogueRow]
    benchmark: BenchmarkState
    benchmark_rows: Sequence[CatalogueRow] = ()

    def unconfirmed(self, proposal: Proposal) -> list[str]:
        """Say which rows behind a proposal nobody has compared with the official text."""
        tier = [row for row in self.tiers if _is(proposal.tier, row)]
        return catalogue.unconfirmed([self.cause, *self.benchmark_rows, *tier])


def get_discretion(case: PenaltyCase) -> CaseDiscretion:
    """Return the newest proposal of a case. Raises DiscretionUnknown where nobody asked."""
    found = queries.newest_of(case.id)
    if found is None:
        raise DiscretionUnknown("还没有对这个案件提出裁量建议。")
    return found


def law_of(case: PenaltyCase, object_class: str | None, on: date) -> Law:
    """Return cause, tiers, factors and whether a benchmark held. Raises CatalogueRowMissing."""
    found = catalogue.in_force(Kind.DISCRETION_TIER, on)
    own = [row for row in found if row.body["cause"] == case.cause_code]
    state, held = _benchmark(case.cause_code, object_class, on)
    return Law(
        cause=catalogue.get_row(Kind.CASE_CAUSE, case.cause_code, on),
        tiers=own,
        factors=catalogue.in_force(Kind.DISCRETION_FACTOR, on),
        benchmark=state,
        benchmark_rows=held,
    )


def _benchmark(
    cause_code: str, object_class: str | None, on: date
) -> tuple[BenchmarkState, list[CatalogueRow]]:
    rows = [
        row
        for row in catalogue_queries.rows_of(Kind.DISCRETION_BENCHMARK)
        if cause_code in row.body["causes"] or object_class in row.body["object_classes"]
    ]
    if held := [row for row in rows if holds_on(row.effective_from, row.effective_to, on)]:
        return BenchmarkState.IN_FORCE, held
    lapsed = any(row.effective_to is not None and row.effective_to < on for row in rows)
    return (BenchmarkState.LAPSED if lapsed else BenchmarkState.NONE), []


def propose_discretion(
    case: PenaltyCase, facts: Facts, *, object_class: str | None, by: Actor, at: datetime
) -> CaseDiscretion:
    """Propose what to impose for the facts, with every reason, and keep it with the case.

    A new proposal takes the place of the one before, which stays; for a decision on the spot it
    stays within the simple procedure's limit. `object_class`: the unit's own where none is given.
    Raises OrderNotUnmet, FactorUnknown, DiscretionEmpty, CatalogueRowMissing.
    """
    law, proposal = proposal_for(case, facts, object_class=object_class)
    row = _row(case, law, facts, proposal, by=by, at=at)
    db.session.add(row)
    data = {
        "case_id": str(case.id),
        "cause_code": row.cause_code,
        "level": row.level,
        "tier_code": row.tier_code,
        "low_fen": row.low_fen,
        "high_fen": row.high_fen,
    }
    journal.record(Event.DISCRETION_PROPOSED, row, by=by, at=at, data=data)
    db.session.flush()
    return row


def proposal_for(
    case: PenaltyCase, facts: Facts, *, object_class: str | None
) -> tuple[Law, Proposal]:
    """Work a proposal out, keeping nothing. Raises what `propose_discretion` does."""
    if facts.order_unmet and not queries.has_unmet_order(case.unit_id):
        raise OrderNotUnmet(
            "该处罚以责令限期改正后逾期未改正为前提，被处罚单位没有这样的责令改正。"
        )
    cause = catalogue.get_row(Kind.CASE_CAUSE, case.cause_code, case.acted_on)
    law = law_of(case, object_class or object_class_of(case, cause.body), case.acted_on)
    factors = [
        Factor(row.code, row.body["name"], TierClass(row.body["effect"]), row.source)
        for row in law.factors
    ]
    if strange := sorted(facts.factors - {one.code for one in factors}):
        raise FactorUnknown("所选的法定情节不在违法行为发生之日有效的目录中。", codes=strange)
    start = catalogue.setting(START, case.acted_on)
    proposal = tiers.propose(
        law.cause.body,
        [tiers.tier_of(row.code, row.body, row.source) for row in law.tiers],
        factors,
        facts,
        benchmark=law.benchmark,
        start=(start[0], start[1]),
    )
    if proposal is None:
        raise DiscretionEmpty("案由对这类当事人和认定的事实没有规定处罚，请核对事实和案由。")
    if case.procedure == Procedure.SIMPLE:
        limit = catalogue.get_row(Kind.SIMPLE_LIMIT, facts.party_kind, case.acted_on)
        proposal = tiers.within_simple(proposal, limit.body["fine_max_fen"], limit.source)
    reasons = (*proposal.reasons, *law.unconfirmed(proposal))
    return law, replace(proposal, reasons=reasons)


def measure_on_site(
    case: PenaltyCase, facts: Facts, lines: Sequence[SanctionLine], *, by: Actor, at: datetime
) -> CaseDiscretion:
    """Keep the proposal for what was decided on the spot, and flag where the decision leaves it.

    The paper was handed over: it is not undone, the deviation waits for another person's word.
    """
    row = propose_discretion(case, facts, object_class=None, by=by, at=at)
    if found := _leaving(row, lines):
        words = "".join(one.detail for one in found)
        _keep_wish(row, lines, f"当场作出的处罚与裁量建议不同：{words}", by=by, at=at)
    return row


def _row(
    case: PenaltyCase, law: Law, facts: Facts, proposal: Proposal, *, by: Actor, at: datetime
) -> CaseDiscretion:
    tier = next((row for row in law.tiers if _is(proposal.tier, row)), None)
    fine = proposal.fine
    return CaseDiscretion(
        agency_id=case.agency_id,
        district=case.district,
        case_id=case.id,
        cause_code=law.cause.code,
        cause_from=law.cause.effective_from,
        level=proposal.level,
        benchmark=proposal.benchmark,
        tier_code=None if tier is None else tier.code,
        tier_from=None if tier is None else tier.effective_from,
        tier_class=proposal.klass,
        circumstances=sorted(facts.circumstances),
        factors=sorted(facts.factors),
        order_unmet=facts.order_unmet,
        gains_fen=facts.gains_fen,
        repaid_fen=facts.repaid_fen,
        low_fen=None if fine is None else fine.low_fen,
        high_fen=None if fine is None else fine.high_fen,
        base_fen=None if fine is None else fine.base_fen,
        lines=triggers.as_data(proposal.lines),
        reasons=list(proposal.reasons),
        proposed_at=at,
        proposed_by_kind=by.kind,
        proposed_by_id=by.id,
        deviation_state=DeviationState.NONE,
        wanted=[],
    )


def _is(tier: Tier | None, row: CatalogueRow) -> bool:
    return tier is not None and tier.code == row.code


# --- deciding otherwise ------------------------------------------------------------------------


def ask_deviation(
    case: PenaltyCase, lines: Sequence[SanctionLine], reason: str, *, by: Actor, at: datetime
) -> CaseDiscretion:
    """Ask to decide otherwise than proposed, with a reason; never outside the law.

    Raises DiscretionUnknown, DeviationStateWrong while one waits, DeviationUnlawful.
    """
    row = get_discretion(case)
    if row.deviation_state in {DeviationState.ASKED, DeviationState.APPROVED}:
        raise DeviationStateWrong("已有一份偏离申请，请先办理。", state=row.deviation_state)
    cause = catalogue.get_row(Kind.CASE_CAUSE, row.cause_code, row.cause_from)
    found = sanctions.problems(
        lines,
        case.party_kind,
        cause.body,
        order_unmet=row.order_unmet,
        gains_fen=row.gains_fen,
        repaid_fen=row.repaid_fen,
        circumstances=row.circumstances,
        mitigated=row.tier_class == TierClass.MITIGATED or _may_mitigate(row),
        level=row.level,
        object_class=object_class_of(case, cause.body),
    )
    if found:
        raise DeviationUnlawful(
            "".join(one.detail for one in found),
            errors=[{"pointer": f"#/{one.code}", "detail": one.detail} for one in found],
        )
    _keep_wish(row, lines, reason, by=by, at=at)
    return row


def _keep_wish(
    row: CaseDiscretion,
    lines: Sequence[SanctionLine],
    reason: str,
    *,
    by: Actor,
    at: datetime,
) -> None:
    row.deviation_state, row.deviation = DeviationState.ASKED, reason
    row.wanted = triggers.as_data(sanctions.in_order(lines))
    row.asked_at, row.asked_by_kind, row.asked_by_id = at, by.kind, by.id
    row.answer = row.decided_at = row.decided_by_kind = row.decided_by_id = None
    data = {"case_id": str(row.case_id), "fine_fen": sanctions.fine_of(lines)}
    journal.record(Event.DISCRETION_DEVIATION_ASKED, row, by=by, at=at, data=data)


def _may_mitigate(row: CaseDiscretion) -> bool:
    """减轻 below the law's least needs one of the grounds of the general law (第三十二条)."""
    known = {one.code: one for one in catalogue_queries.rows_of(Kind.DISCRETION_FACTOR)}
    return any(known[one].body["effect"] == TierClass.LIGHTER for one in row.factors)


def decide_deviation(
    case: PenaltyCase, answer: str, *, approved: bool, by: Actor, at: datetime
) -> CaseDiscretion:
    """Approve or refuse it; another person than who asked.

    Raises DiscretionUnknown, DeviationStateWrong, DeviationNeedsAnother.
    """
    row = get_discretion(case)
    if row.deviation_state != DeviationState.ASKED:
        raise DeviationStateWrong("没有等待批准的偏离申请。", state=row.deviation_state)
    if row.asked_by_id == by.id:
        raise DeviationNeedsAnother("提出偏离的人不能自己批准。")
    row.deviation_state = DeviationState.APPROVED if approved else DeviationState.REFUSED
    row.answer = answer
    row.decided_at, row.decided_by_kind, row.decided_by_id = at, by.kind, by.id
    data = {"case_id": str(case.id), "approved": approved}
    journal.record(Event.DISCRETION_DEVIATION_DECIDED, row, by=by, at=at, data=data)
    return row


def refuse_deviation(case: PenaltyCase, lines: Sequence[SanctionLine]) -> None:
    """Raise DeviationNotApproved where lines leave the tier that was proposed, unapproved.

    What was approved may be imposed exactly so. Without a proposal, or without a tier in it, only
    the law binds.
    """
    row = queries.newest_of(case.id)
    if row is None:
        return
    if row.deviation_state == DeviationState.APPROVED and triggers.as_lines(row.wanted) == (
        sanctions.in_order(lines)
    ):
        return
    if found := _leaving(row, lines):
        raise DeviationNotApproved(
            "处罚与裁量建议不同："
            + "".join(one.detail for one in found)
            + "应说明理由并经另一人批准。",
            errors=[{"pointer": f"#/{one.code}", "detail": one.detail} for one in found],
        )


def _leaving(row: CaseDiscretion, lines: Sequence[SanctionLine]) -> list[Problem]:
    ranged = row.low_fen is not None and row.high_fen is not None
    fine = FineRange(row.low_fen or 0, row.high_fen or 0) if ranged else None
    return tiers.deviations(
        lines, triggers.as_lines(row.lines), fine, tier=row.tier_code is not None
    )
