"""What keeps a step of a case from being taken, as problems: each its own, with the article."""

from collections.abc import Mapping, Sequence

from app.cases.guards import Obstacle, ObstacleKind
from app.cases.service import CaseStateWrong
from app.errors import Conflict, DomainError, Invalid


class StepDayWrong(Invalid):
    """A step is dated before the one before it, or after today."""

    code, title = "step-day-wrong", "办理日期不正确"


class StepItemUnknown(Invalid):
    """What the step refers to is not in the case, or was dealt with."""

    code, title = "step-item-unknown", "案件中没有所引用的内容"


class DecisionWithoutNotice(Conflict):
    """Extras of this and what follows: `article`, `errors` with all obstacles."""

    code, title = "decision-without-notice", "尚未告知当事人"


class PenaltyRaised(Conflict):
    code, title = "penalty-raised", "处罚重于告知的内容"


class PartyPeriodRuns(Conflict):
    code, title = "party-period-runs", "当事人的期限尚未届满"


class DefenceUnchecked(Conflict):
    code, title = "defence-unchecked", "陈述申辩尚未复核"


class HearingOutstanding(Conflict):
    code, title = "hearing-outstanding", "听证尚未举行"


class HearingNotOpen(Conflict):
    code, title = "hearing-not-open", "不能申请或者办理听证"


class HearingTooSoon(Invalid):
    code, title = "hearing-too-soon", "听证日期过早"


class ReviewMissing(Conflict):
    code, title = "review-missing", "尚未通过法制审核"


class DiscussionMissing(Conflict):
    code, title = "discussion-missing", "尚未集体讨论"


class RecusalOpen(Conflict):
    code, title = "recusal-open", "回避申请尚未决定"


class EvidenceNotEnough(Conflict):
    code, title = "case-evidence-missing", "没有可以采用的证据"


class PreservedGoodsHeld(Conflict):
    code, title = "preserved-goods-held", "登记保存的物品尚未处理"


class CaseClockWrong(Conflict):
    code, title = "case-clock-wrong", "办案期限不能这样变更"


class LimitationOver(Conflict):
    code, title = "limitation-over", "已超过追责期限"


class DecisionNotServed(Conflict):
    code, title = "decision-not-served", "决定尚未送达"


_PROBLEMS: Mapping[ObstacleKind, type[DomainError]] = {
    ObstacleKind.STATE: CaseStateWrong,
    ObstacleKind.DAY: StepDayWrong,
    ObstacleKind.NO_NOTICE: DecisionWithoutNotice,
    ObstacleKind.TOLD_LESS: PenaltyRaised,
    ObstacleKind.DEFENCE_RUNS: PartyPeriodRuns,
    ObstacleKind.HEARING_REQUEST_RUNS: PartyPeriodRuns,
    ObstacleKind.DEFENCE_UNCHECKED: DefenceUnchecked,
    ObstacleKind.HEARING_OUTSTANDING: HearingOutstanding,
    ObstacleKind.HEARING_NO_RIGHT: HearingNotOpen,
    ObstacleKind.HEARING_LATE: HearingNotOpen,
    ObstacleKind.HEARING_NOT_CALLED: HearingNotOpen,
    ObstacleKind.HEARING_TOO_SOON: HearingTooSoon,
    ObstacleKind.REVIEW_MISSING: ReviewMissing,
    ObstacleKind.DISCUSSION_MISSING: DiscussionMissing,
    ObstacleKind.RECUSAL_OPEN: RecusalOpen,
    ObstacleKind.EVIDENCE_MISSING: EvidenceNotEnough,
    ObstacleKind.ITEM_UNKNOWN: StepItemUnknown,
    ObstacleKind.PRESERVED_HELD: PreservedGoodsHeld,
    ObstacleKind.CLOCK: CaseClockWrong,
    ObstacleKind.LIMITATION: LimitationOver,
    ObstacleKind.NOT_SERVED: DecisionNotServed,
}


def refuse(found: Sequence[Obstacle], *, state: str) -> None:
    """Raise the problem of the gravest of these obstacles, which names them all; or none."""
    if not found:
        return
    first = found[0]
    words = first.detail if first.article is None else f"{first.detail}（{first.article}）"
    raise _PROBLEMS[first.kind](
        words,
        article=first.article,
        state=state,
        errors=[{"pointer": f"#/{one.kind}", "detail": one.detail} for one in found],
    )
