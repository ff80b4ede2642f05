"""What keeps a step of the ordinary procedure from being taken, each with the article."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.cases.facts import Facts
from app.cases.rules import BEFORE_DECISION, STATE_NAMES, STEPS, VERB_NAMES, CaseState, CaseVerb


@dataclass(frozen=True)
class Period:
    """A period that is the party's: its last day, or the day before which it is not over.

    Where the calendar of a year is missing `due_on` is None, and only what is surely too early is
    too early: so many working days never take less than as many days.
    """

    due_on: date | None
    not_before: date
    article: str

    def is_over(self, on: date) -> bool:
        """Tell whether the period has passed on a day."""
        return on > (self.due_on or self.not_before)


@dataclass(frozen=True)
class Demands:
    """What dated rows and other cases ask of a step, worked out by the service.

    `review` and `discussion` name why one is required, empty where none is. `told_less`: what the
    notice did not say of the sanctions that are to be decided. `hearing_from`: the first day on
    which a hearing may be held, None where it cannot be told; `hearing_right` as the notice said.
    """

    review: tuple[str, ...] = ()
    discussion: tuple[str, ...] = ()
    told_less: tuple[str, ...] = ()
    defence: Period | None = None
    hearing_request: Period | None = None
    hearing_right: bool = False
    hearing_from: date | None = None
    hearing_article: str = ""
    limitation_over: bool = False


Places = Mapping[CaseVerb, Mapping[CaseState, CaseState]]


class ObstacleKind(StrEnum):
    """Why a step cannot be taken; each is a problem of its own."""

    STATE = "state"
    DAY = "day"
    NO_NOTICE = "no-notice"
    TOLD_LESS = "told-less"
    DEFENCE_RUNS = "defence-runs"
    DEFENCE_UNCHECKED = "defence-unchecked"
    HEARING_OUTSTANDING = "hearing-outstanding"
    HEARING_REQUEST_RUNS = "hearing-request-runs"
    HEARING_NO_RIGHT = "hearing-no-right"
    HEARING_LATE = "hearing-late"
    HEARING_TOO_SOON = "hearing-too-soon"
    HEARING_NOT_CALLED = "hearing-not-called"
    REVIEW_MISSING = "review-missing"
    DISCUSSION_MISSING = "discussion-missing"
    RECUSAL_OPEN = "recusal-open"
    EVIDENCE_MISSING = "evidence-missing"
    ITEM_UNKNOWN = "item-unknown"
    PRESERVED_HELD = "preserved-held"
    CLOCK = "clock"
    LIMITATION = "limitation"
    NOT_SERVED = "not-served"


@dataclass(frozen=True)
class Obstacle:
    """What keeps a step from being taken: its kind, the sentence, the article."""

    kind: ObstacleKind
    detail: str
    article: str | None = None


def misplaced(verb: CaseVerb, facts: Facts, on: date, places: Places = STEPS) -> list[Obstacle]:
    """Return what keeps a step from following the one before it, whatever it says.

    `places` says from which states a verb leads where.
    """
    if facts.state not in places.get(verb, {}):
        if verb is CaseVerb.DECIDE and facts.state in BEFORE_DECISION:
            return [_NO_NOTICE]
        name, state = VERB_NAMES[verb], STATE_NAMES[facts.state]
        return [Obstacle(ObstacleKind.STATE, f"案件现为“{state}”，不能{name}。请刷新后再办理。")]
    if facts.last_on is not None and on < facts.last_on:
        return [Obstacle(ObstacleKind.DAY, f"日期不能早于上一步骤的日期（{facts.last_on}）。")]
    return []


def obstacles(
    verb: CaseVerb,
    facts: Facts,
    on: date,
    data: Mapping[str, Any],
    demands: Demands,
    places: Places = STEPS,
) -> list[Obstacle]:
    """Return all that keeps a step from being taken, the gravest first; empty when it may be."""
    if found := misplaced(verb, facts, on, places):
        return found
    ask = _ASKED.get(verb)
    return [] if ask is None else list(ask(facts, on, data, demands))


_NO_NOTICE = Obstacle(
    ObstacleKind.NO_NOTICE,
    "作出处罚决定前应当告知当事人。",
    "行政处罚法 第四十四条、第六十二条",
)
_Asked = Iterator[Obstacle]
_PUNISH_LIMIT = "行政处罚法 第三十六条"


def _ask_filing(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if demands.limitation_over:
        yield Obstacle(
            ObstacleKind.LIMITATION,
            "违法行为在追责期限内未被发现，不再给予行政处罚，请不予立案。",
            _PUNISH_LIMIT,
        )


def _ask_item(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if data["item"] not in facts.evidence:
        yield Obstacle(ObstacleKind.ITEM_UNKNOWN, "案件中没有这份证据，请核对编号。")


def _ask_monitoring(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if data["item"] not in facts.monitoring - facts.excluded:
        yield Obstacle(ObstacleKind.ITEM_UNKNOWN, "案件中没有这份电子监控记录，或它已被排除。")


def _ask_preserved(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if data["item"] not in facts.preserved:
        yield Obstacle(ObstacleKind.ITEM_UNKNOWN, "没有这次登记保存，或物品已经处理。")


def _ask_recusal(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if data["officer_id"] not in facts.recusals:
        yield Obstacle(ObstacleKind.ITEM_UNKNOWN, "没有针对这名执法人员的回避申请。")


def _ask_conclusion(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    yield from _ask_no_recusal(facts)
    if not facts.is_usable:
        yield Obstacle(
            ObstacleKind.EVIDENCE_MISSING,
            "没有可以采用的证据，不能终结调查。",
            "行政处罚法 第四十六条",
        )


def _ask_no_recusal(facts: Facts) -> _Asked:
    if facts.recusals:
        yield Obstacle(ObstacleKind.RECUSAL_OPEN, "回避申请尚未决定。", "行政处罚法 第四十三条")


def _ask_no_outstanding(
    facts: Facts, on: date, data: Mapping[str, Any], demands: Demands
) -> _Asked:
    if facts.hearing_requested:
        yield Obstacle(
            ObstacleKind.HEARING_OUTSTANDING,
            "当事人申请的听证尚未举行，也没有放弃或者撤回。",
            "行政处罚法 第六十三条、第六十四条",
        )


def _ask_recheck(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if not facts.defence_open:
        yield Obstacle(ObstacleKind.ITEM_UNKNOWN, "没有尚未复核的陈述、申辩。")


def _ask_request(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if not demands.hearing_right:
        yield Obstacle(
            ObstacleKind.HEARING_NO_RIGHT,
            "告知的处罚不在听证范围内。",
            "行政处罚法 第六十三条",
        )
    elif facts.hearing_waived:
        yield Obstacle(ObstacleKind.HEARING_LATE, "当事人已放弃听证，或听证已经终止。")
    elif demands.hearing_request is not None and _is_late(demands.hearing_request, on):
        yield Obstacle(
            ObstacleKind.HEARING_LATE, "已超过申请听证的期限。", demands.hearing_request.article
        )


def _is_late(period: Period, on: date) -> bool:
    return period.due_on is not None and period.is_over(on)


def _ask_call(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    held_on = date.fromisoformat(data["held_on"])
    if not facts.hearing_requested:
        yield Obstacle(ObstacleKind.HEARING_LATE, "听证已经举行，不能再次通知。")
    elif demands.hearing_from is None or held_on < demands.hearing_from:
        first = demands.hearing_from
        more = "缺少该年度的工作日历" if first is None else f"最早可以在 {first} 举行"
        yield Obstacle(
            ObstacleKind.HEARING_TOO_SOON,
            f"听证应在举行前按规定的期限通知当事人，{more}。",
            demands.hearing_article,
        )


def _ask_holding(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    called = facts.hearing_called
    if not facts.hearing_requested or called is None:
        yield Obstacle(ObstacleKind.HEARING_NOT_CALLED, "尚未通知听证，不能举行。")
    elif on < date.fromisoformat(called.data["held_on"]):
        yield Obstacle(
            ObstacleKind.HEARING_TOO_SOON,
            f"通知的听证日期是 {called.data['held_on']}，不能提前举行。",
            demands.hearing_article,
        )


def _ask_ending(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if not facts.hearing_requested:
        yield Obstacle(ObstacleKind.HEARING_LATE, "听证已经举行，不能终止。")


def _ask_stop(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if facts.stopped_on is not None:
        yield Obstacle(ObstacleKind.CLOCK, "办案期限已经中止。")


def _ask_resume(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if facts.stopped_on is None:
        yield Obstacle(ObstacleKind.CLOCK, "办案期限没有中止。")


def _ask_judgement(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    """Ask what every decision needs: discussion and review where rows want them, no open recusal.

    A review before a hearing, or before the investigation was taken up again, does not count.
    """
    since = 0 if facts.concluded is None else facts.concluded.seq
    yield from _ask_no_recusal(facts)
    yield from _ask_no_outstanding(facts, on, data, demands)
    if demands.discussion and facts.discussed_seq <= since:
        yield Obstacle(
            ObstacleKind.DISCUSSION_MISSING,
            f"应当由负责人集体讨论决定（{'、'.join(demands.discussion)}）。",
            "行政处罚法 第五十七条第二款",
        )
    if demands.review and facts.reviewed_seq <= max(since, facts.hearing_held_seq):
        yield Obstacle(
            ObstacleKind.REVIEW_MISSING,
            f"应当经法制审核通过后才能作出决定（{'、'.join(demands.review)}）。",
            "行政处罚法 第五十八条",
        )


def _ask_decision(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    since = 0 if facts.concluded is None else facts.concluded.seq
    if facts.notice is None or facts.notice.seq <= since:
        yield _NO_NOTICE
    if demands.told_less:
        yield Obstacle(
            ObstacleKind.TOLD_LESS,
            f"不得给予比告知更重的处罚，否则应重新告知（{'、'.join(demands.told_less)}）。",
            "行政处罚法 第四十五条第二款",
        )
    yield from _ask_filing(facts, on, data, demands)
    yield from _ask_judgement(facts, on, data, demands)
    yield from _ask_party_heard(facts, on, demands)


def _ask_party_heard(facts: Facts, on: date, demands: Demands) -> _Asked:
    if facts.defence_open:
        yield Obstacle(
            ObstacleKind.DEFENCE_UNCHECKED, "陈述、申辩尚未复核。", "行政处罚法 第四十五条"
        )
    if demands.defence and not facts.defence_waived and not demands.defence.is_over(on):
        yield Obstacle(
            ObstacleKind.DEFENCE_RUNS, "陈述、申辩的期限尚未届满。", demands.defence.article
        )
    settled = facts.hearing_waived or facts.hearing_requested or _was_held(facts)
    request = demands.hearing_request
    if demands.hearing_right and not settled and request and not request.is_over(on):
        yield Obstacle(
            ObstacleKind.HEARING_REQUEST_RUNS, "申请听证的期限尚未届满。", request.article
        )


def _was_held(facts: Facts) -> bool:
    return facts.notice is not None and facts.hearing_held_seq > facts.notice.seq


def _ask_service(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if facts.served is not None:
        yield Obstacle(ObstacleKind.STATE, "决定已经送达，不能重复登记。")


def _ask_revoking(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if facts.revoked is not None:
        yield Obstacle(ObstacleKind.STATE, "决定已经撤销，不能再次撤销。")


def _ask_closing(facts: Facts, on: date, data: Mapping[str, Any], demands: Demands) -> _Asked:
    if facts.preserved:
        yield Obstacle(
            ObstacleKind.PRESERVED_HELD,
            "先行登记保存的物品尚未处理，不能结案。",
            "行政处罚法 第五十六条",
        )
    if facts.state is CaseState.NOT_PUNISHED and facts.served is None:
        yield Obstacle(ObstacleKind.NOT_SERVED, "不予处罚决定尚未送达。", "行政处罚法 第六十一条")


_ASKED: Mapping[CaseVerb, Callable[[Facts, date, Mapping[str, Any], Demands], _Asked]] = {
    CaseVerb.FILE: _ask_filing,
    CaseVerb.CHECK_MONITORING: _ask_monitoring,
    CaseVerb.EXCLUDE: _ask_item,
    CaseVerb.RESOLVE_PRESERVATION: _ask_preserved,
    CaseVerb.DECIDE_RECUSAL: _ask_recusal,
    CaseVerb.CONCLUDE: _ask_conclusion,
    CaseVerb.REOPEN: _ask_no_outstanding,
    CaseVerb.NOTIFY: _ask_no_outstanding,
    CaseVerb.RECHECK_DEFENCE: _ask_recheck,
    CaseVerb.REQUEST_HEARING: _ask_request,
    CaseVerb.CALL_HEARING: _ask_call,
    CaseVerb.HOLD_HEARING: _ask_holding,
    CaseVerb.END_HEARING: _ask_ending,
    CaseVerb.STOP_CLOCK: _ask_stop,
    CaseVerb.RESUME_CLOCK: _ask_resume,
    CaseVerb.DECIDE: _ask_decision,
    CaseVerb.NOT_PUNISH: _ask_judgement,
    CaseVerb.SERVE: _ask_service,
    CaseVerb.REVOKE: _ask_revoking,
    CaseVerb.CLOSE: _ask_closing,
}
