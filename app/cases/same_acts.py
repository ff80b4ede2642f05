"""What else was or is done about the act of a case: other cases, on-site decisions, transfers.

One act is fined once (行政处罚法 第二十九条): where it is surely one act a second fine is refused,
else the other case is named and a person judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.cases import acts, queries
from app.cases.acts import Act, Why
from app.cases.models import CaseTransfer, PenaltyCase
from app.cases.rules import TransferResult
from app.errors import Conflict

_NOT_TAKEN = frozenset({TransferResult.DECLINED, TransferResult.RETURNED})


class FinedAlready(Conflict):
    """The same act was fined before; extras: `case_id`, `number`, `article`, `why`."""

    code, title = "fined-already", "同一违法行为已经罚款"


@dataclass(frozen=True)
class SameAct:
    """A case that may be about the same act, and what speaks for it."""

    case: PenaltyCase
    why: tuple[Why, ...]
    certain: bool

    @property
    def fined(self) -> bool:
        return self.case.fine_fen > 0


@dataclass(frozen=True)
class SameActs:
    """What may be about the same act as a case: cases, and what went to other organs."""

    cases: Sequence[SameAct]
    transfers: Sequence[CaseTransfer]

    @property
    def fined(self) -> list[SameAct]:
        """Those that have imposed a fine, the surest first."""
        return sorted((one for one in self.cases if one.fined), key=lambda one: not one.certain)


def act_of(case: PenaltyCase) -> Act:
    """Return the act that a case is about."""
    return Act(
        cause_code=case.cause_code,
        from_on=case.acted_on,
        until_on=case.act_ended_on or case.acted_on,
        party_kind=case.party_kind,
        finding_id=case.finding_id,
        unit_id=case.unit_id,
        party_name=case.party_name,
        party_id_hash=case.party_id_hash,
    )


def same_acts_of(case: PenaltyCase) -> SameActs:
    """Return what else may be about the act of a case; none that was revoked or withdrawn."""
    transfers = [] if case.unit_id is None else _transfers(case, case.unit_id)
    return SameActs(same_cases(act_of(case), case.agency_id, without=case.id), transfers)


def same_cases(act: Act, agency_id: UUID, *, without: UUID) -> list[SameAct]:
    """Return the standing cases of an agency that may be about an act, in the order of their ids.

    Asked by the day too, so that a unit with a long history costs no more than one without.
    """
    found = []
    for other in queries.cases_like(act, agency_id, without):
        like = acts.likeness(act, act_of(other))
        if like is not None:
            found.append(SameAct(other, like.why, like.certain))
    return found


def _transfers(case: PenaltyCase, unit_id: UUID) -> list[CaseTransfer]:
    """What went to another organ since the act, unless it came back: it may fine it there."""
    query = queries.transfers_in(
        case.agency_id, direction="out", kind="hand-over", unit_id=unit_id, from_on=case.acted_on
    )
    until = case.decided_on or date.max
    return [
        one
        for one in queries.in_order(query)
        if one.case_id != case.id and one.on_day <= until and one.result not in _NOT_TAKEN
    ]


def refuse_second_fine(found: Sequence[SameAct], *, another_act: str | None = None) -> None:
    """Raise FinedAlready where it is certain that the act was fined before.

    Of one finding always; else unless somebody said why it is another act (`another_act`).
    """
    for one in found:
        same_finding = Why.FINDING in one.why
        if not one.fined or not one.certain or (another_act and not same_finding):
            continue
        number = one.case.decision_number or one.case.number
        said = "" if same_finding else "确属另一违法行为的，应写明理由。"
        raise FinedAlready(
            f"对同一违法行为不得给予两次以上罚款，案件 {number} 已经罚款（{acts.ARTICLE}）。{said}",
            article=acts.ARTICLE,
            case_id=one.case.id,
            number=number,
            why=[str(why) for why in one.why],
        )
