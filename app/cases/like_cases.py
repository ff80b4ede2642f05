"""Like cases 同类案件: past decisions of one cause and tier, for the reviewer; decides nothing."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.cases import discretion_queries as queries
from app.cases import sanctions, spread
from app.cases.discretion_models import CaseDiscretion
from app.cases.models import PenaltyCase
from app.cases.spread import Fences, Measure, Spread
from app.catalogue import service as catalogue

OUTLIER = "like-cases-outlier"
MOST = 500


@dataclass(frozen=True)
class LikeCase:
    """A past decision: its fine, what is compared of it, and whether it stands outside."""

    case_id: UUID
    number: str
    decided_on: date
    fine_fen: int
    measured: int
    outlier: bool


@dataclass(frozen=True)
class Likeness:
    """How past decisions lie, and where a case's own or proposed fine stands among them.

    `outlier` is None where there is nothing to compare, or too little by the rule in force.
    """

    measure: Measure
    tier_code: str | None
    level: str | None
    rule_source: str
    rule_from: date
    least: int
    spread: Spread | None
    fences: Fences | None
    own: int | None
    outlier: bool | None
    cases: tuple[LikeCase, ...]


def likeness_of(case: PenaltyCase, on: date, fine_fen: int | None = None) -> Likeness:
    """Compare a case with past decisions of its agency: same cause, kind of party, level and tier.

    `fine_fen` is the fine somebody thinks of; else the decided one counts, else the proposed. Fines
    that are a multiple of gains are compared by the multiple. Outliers are told by the row
    `like-cases-outlier` in force on the day. At most the newest 500 decisions are compared.
    """
    own = queries.newest_of(case.id)
    multiple = own is not None and own.base_fen is not None
    rule = catalogue.get_row("setting", OUTLIER, on)
    least, (over, under) = rule.body["value"]["least"], rule.body["value"]["spread"]
    past = [
        (other, imposed, spread.measured(imposed, base if multiple else None))
        for other, proposal in queries.like_cases(case, own, most=MOST)
        if (imposed := sanctions.fine_of(other.lines))
        and ((base := _base(proposal)) is not None or not multiple)
    ]
    found = spread.spread_of([value for _, _, value in past])
    fences = spread.fences_of(found, least=least, times=(over, under))
    fine = _fine_of(case, own) if fine_fen is None else fine_fen
    value = None if not fine else spread.measured(fine, own.base_fen if own else None)
    return Likeness(
        measure=Measure.MULTIPLE if multiple else Measure.AMOUNT,
        tier_code=None if own is None else own.tier_code,
        level=None if own is None else own.level,
        rule_source=rule.source,
        rule_from=rule.effective_from,
        least=least,
        spread=found,
        fences=fences,
        own=value,
        outlier=None if fences is None or value is None else spread.is_outlier(value, fences),
        cases=tuple(
            LikeCase(
                case_id=other.id,
                number=other.decision_number or other.number,
                decided_on=other.decided_on or other.acted_on,
                fine_fen=fine,
                measured=value,
                outlier=spread.is_outlier(value, fences),
            )
            for other, fine, value in past
        ),
    )


def _base(proposal: CaseDiscretion | None) -> int | None:
    return None if proposal is None else proposal.base_fen


def _fine_of(case: PenaltyCase, own: CaseDiscretion | None) -> int | None:
    decided = sanctions.fine_of(case.lines)
    if decided or own is None:
        return decided
    proposed = (one["amount_fen"] for one in own.lines if one["kind"] == "fine")
    return next(proposed, None)
