"""What a step of a case needs before it is taken, and what the law demands of it that day.

Each verb has at most one function that completes what the step says or refuses it, and one that
works out what dated rows demand. Guards decide.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app.cases import (
    clocks,
    discretion,
    handlers,
    lightness,
    same_acts,
    sanctions,
    triggers,
)
from app.cases.classes import object_class_of
from app.cases.clocks import Rule
from app.cases.deadlines import find_term, period_of
from app.cases.drafts import Draft
from app.cases.guards import Demands
from app.cases.leniency import ARTICLES, Ground
from app.cases.not_punishing import PUNISHED_FROM, is_child, limitation_over, not_punish
from app.cases.rules import CaseVerb
from app.cases.sanctions import SanctionLine
from app.cases.service import CauseUnknown, SanctionNotOffered
from app.catalogue import service as catalogue
from app.catalogue.causes import ORDER_UNMET
from app.catalogue.models import CatalogueRow
from app.catalogue.service import Kind
from app.errors import Conflict, Forbidden, Invalid
from app.evidence import queries as evidence_queries
from app.evidence import service as evidence
from app.tasks.second_persons import require_second_person


class RuleGone(Conflict):
    """No version of the cause's row is in force on the day: nobody is punished by it any more."""

    code, title = "rule-gone", "案由已无现行规定"


class PartyUnderAge(Conflict):
    code, title = "party-under-age", "当事人不满十四周岁"


class HearingAgentsTooMany(Invalid):
    """More agents than a party may have at a hearing; extras: `article`."""

    code, title = "hearing-agents-too-many", "听证代理人过多"


class ReviewerNotQualified(Forbidden):
    code, title = "reviewer-not-qualified", "法制审核人员资格不符"


class ClockRowUnknown(Invalid):
    code, title = "case-clock-unknown", "期限变更的事由不在现行目录中"


class CaseEvidenceUnknown(Invalid):
    code, title = "case-evidence-unknown", "引用的证据不存在"


AGENTS_MAX = "hearing-agents-max"


def prepare(draft: Draft) -> None:
    """Complete what a step says, or refuse it for its content; see the functions of each verb."""
    if (complete := _PREPARED.get(draft.verb)) is not None:
        complete(draft)


def demands_of(draft: Draft) -> Demands:
    """Return what dated rows demand of a step on its day."""
    ask = _DEMANDED.get(draft.verb)
    return Demands() if ask is None else ask(draft)


# --- the investigation -------------------------------------------------------------------------


def _by_handlers(draft: Draft) -> None:
    named = draft.officer_ids or tuple(draft.case.officer_ids)
    handlers.require_handlers(draft.case, named, draft.facts, on=draft.on)
    draft.officer_ids = tuple(sorted(named))


def _declare_recusal(draft: Draft) -> None:
    handlers.require_handler(draft.case, UUID(draft.data["officer_id"]))


def _decide_recusal(draft: Draft) -> None:
    """Say why the recusal was asked for, as it was declared."""
    for step in reversed(draft.steps):
        declared = step.verb is CaseVerb.DECLARE_RECUSAL
        if declared and step.data["officer_id"] == draft.data["officer_id"]:
            draft.data["reason_code"] = step.data["reason_code"]
            return


def _collect(draft: Draft) -> None:
    """Let the case have the originals that the evidence rests on (行政处罚法 第四十六条)."""
    _by_handlers(draft)
    case = draft.case
    for sha256 in draft.data["evidence"]:
        found = evidence_queries.find_evidence(case.agency_id, sha256)
        if found is None:
            raise CaseEvidenceUnknown("引用的照片或者文件还没有上传，请先上传。", sha256=sha256)
        evidence.expect(
            sha256,
            size_bytes=found.size_bytes,
            mime=found.mime,
            role=found.role,
            subject_type="penalty_case",
            subject_id=case.id,
            agency_id=case.agency_id,
            district=case.district,
            by=draft.by,
            at=draft.at,
        )


def _limitation(draft: Draft) -> Demands:
    return Demands(limitation_over=limitation_over(draft.case, draft.steps[0].data))


# --- review, discussion, clocks ----------------------------------------------------------------


def _review(draft: Draft) -> None:
    """The reviewer is no handler; who reviews for the first time has passed the examination."""
    handlers.refuse_handling_actor(draft.case, draft.by, "行政处罚法 第五十八条")
    if draft.data["first_time"] and not draft.data["exam_passed"]:
        raise ReviewerNotQualified(
            "初次从事法制审核的人员应当通过国家统一法律职业资格考试（行政处罚法 第五十八条）。",
            article="行政处罚法 第五十八条第二款",
        )


def _clock_row(draft: Draft, effect: str) -> CatalogueRow:
    rows = catalogue.in_force(Kind.CASE_CLOCK, draft.on)
    for row in rows:
        if row.code == draft.data["clock"] and row.body["effect"] == effect:
            return row
    raise ClockRowUnknown("请从现行目录中选择中止或者延长期限的事由。")


def _stop_clock(draft: Draft) -> None:
    draft.data["name"] = _clock_row(draft, "stop").body["name"]


def _extend(draft: Draft) -> None:
    row = _clock_row(draft, "extend")
    used = [one for one in draft.steps if one.verb is CaseVerb.EXTEND]
    if any(one.data["clock"] == row.code for one in used):
        raise ClockRowUnknown("同一事由只能延长一次。")
    if draft.data["days"] > row.body["days"]:
        raise ClockRowUnknown(f"{row.body['name']}最多 {row.body['days']} 天。")
    draft.data["name"] = row.body["name"]


def _take_back(draft: Draft) -> None:
    """Days with the other organ do not count where a row says so."""
    rows = catalogue.in_force(Kind.CASE_CLOCK, draft.on)
    draft.data["stood"] = any(row.code == "transferred" for row in rows)


# --- the notice and the party's rights ---------------------------------------------------------


def lines_in(data: Mapping[str, Any]) -> list[SanctionLine]:
    """Return the sanctions that a step says, from the lightest to the heaviest."""
    return sanctions.in_order(triggers.as_lines(data["lines"]))


def _notify(draft: Draft) -> None:
    """Let the notice say by which version of the rule, and whether a hearing may be asked for."""
    _by_handlers(draft)
    lines = lines_in(draft.data)
    _refuse_sanctions(draft, lines)
    rows = _triggers(Kind.HEARING_RIGHT, draft.on)
    called = triggers.called(rows, lines, draft.case.party_kind, ())
    draft.data["hearing_right"] = bool(called)
    draft.data["hearing_reasons"] = [one.name for one in called]


def _refuse_sanctions(draft: Draft, lines: Sequence[SanctionLine]) -> None:
    case, conclusion = draft.case, draft.conclusion
    if is_child(draft):
        age = catalogue.setting(PUNISHED_FROM, draft.acted_on)
        raise PartyUnderAge(
            f"当事人行为时不满 {age} 周岁，不予行政处罚（{ARTICLES[Ground.CHILD]}）。",
            article=ARTICLES[Ground.CHILD],
        )
    row, later, reasons = _rule_for(draft)
    draft.data["rule_from"] = row.effective_from.isoformat()
    draft.data["later_rule"], draft.data["rule_reasons"] = later, list(reasons)
    found = sanctions.problems(
        lines,
        case.party_kind,
        row.body,
        order_unmet=conclusion.get("order_unmet", False),
        gains_fen=conclusion.get("gains_fen"),
        repaid_fen=conclusion.get("repaid_fen", 0),
        circumstances=conclusion.get("needs", ()),
        mitigated=conclusion.get("mitigated", False),
        object_class=object_class_of(case, row.body),
    )
    if found:
        article = f"{row.body['basis']['law']} {row.body['basis']['article']}"
        raise SanctionNotOffered(
            "".join(one.detail for one in found) + f"（{article}）",
            article=article,
            errors=[{"pointer": f"#/{one.code}", "detail": one.detail} for one in found],
        )


def _rule_for(draft: Draft) -> tuple[CatalogueRow, bool, tuple[str, ...]]:
    """Return the version of the rule that holds 从旧兼从轻 (行政处罚法 第三十七条), and why.

    That of the day of the act, unless the one in force on the day of the step is lighter.
    """
    case = draft.case
    old = get_cause(case.cause_code, draft.acted_on)
    rows = catalogue.in_force(Kind.CASE_CAUSE, draft.on)
    new = next((row for row in rows if row.code == case.cause_code), None)
    if new is None:
        raise RuleGone(
            "该案由在当日已无现行规定，按从旧兼从轻不再给予处罚（行政处罚法 第三十七条）。",
            article="行政处罚法 第三十七条",
        )
    if new.effective_from == old.effective_from:
        return old, False, ()
    found = lightness.lighter(
        old.body,
        new.body,
        party=case.party_kind,
        facts=_facts(draft.conclusion),
        gains_fen=draft.conclusion.get("gains_fen"),
    )
    return (new if found.is_lighter else old), found.is_lighter, found.reasons


def _facts(conclusion: Mapping[str, Any]) -> set[str]:
    """Return what was found that a cause's levels may need."""
    unmet = {ORDER_UNMET} if conclusion.get("order_unmet", False) else set()
    return {*conclusion.get("needs", ()), *unmet}


def get_cause(code: str, on: date) -> CatalogueRow:
    """Return the row of a cause in force on the day of an act. Raises CauseUnknown."""
    try:
        return catalogue.get_row(Kind.CASE_CAUSE, code, on)
    except catalogue.CatalogueRowMissing as error:
        raise CauseUnknown(
            "这个案由不在违法行为发生之日有效的目录中。", cause_code=code, on=on
        ) from error


def _triggers(kind: Kind, on: date) -> list[triggers.Trigger]:
    rows = catalogue.in_force(kind, on)
    return [triggers.trigger_of(row.body, row.body["article"]) for row in rows]


def _request(draft: Draft) -> Demands:
    notice = draft.facts.notice
    if notice is None:
        return Demands()
    return Demands(
        hearing_right=notice.data["hearing_right"],
        hearing_request=period_of(draft.case.id, Rule.HEARING_REQUEST, notice.seq),
    )


def _chaired(draft: Draft) -> None:
    """The chair of a hearing did not investigate (行政处罚法 第六十四条第四项)."""
    chair = UUID(draft.data["chair_id"])
    handlers.refuse_handler(draft.case, chair, "行政处罚法 第六十四条第四项")
    handlers.require_fit(draft.case, chair, draft.facts, on=draft.on)


def _represented(draft: Draft) -> None:
    """A party is represented by so many agents at most (行政处罚法 第六十四条第五项)."""
    row = catalogue.get_row("setting", AGENTS_MAX, draft.on)
    if len(draft.data["agents"]) > int(row.body["value"]):
        raise HearingAgentsTooMany(
            f"参加听证的代理人不超过 {row.body['value']} 人（{row.source}）。", article=row.source
        )


def _held(draft: Draft) -> None:
    _chaired(draft)
    _represented(draft)


def _called(draft: Draft) -> Demands:
    term = find_term(Rule.HEARING_NOTICE, draft.on)
    if term is None:
        return Demands(hearing_from=draft.on)
    first = clocks.hearing_from(
        term.body["days"],
        draft.on,
        catalogue.calendar(),
        clear=bool(catalogue.setting("hearing-day-clear", draft.on)),
    )
    return Demands(hearing_from=first, hearing_article=term.body["article"])


# --- the decision ------------------------------------------------------------------------------


def _decide(draft: Draft) -> None:
    """Let somebody who did not investigate decide, within the cause, and fine an act once."""
    handlers.refuse_handling_actor(draft.case, draft.by)
    lines = lines_in(draft.data)
    _refuse_sanctions(draft, lines)
    case = draft.case
    discretion.refuse_deviation(case, lines)
    if sanctions.fine_of(lines):
        found = same_acts.same_acts_of(case)
        same_acts.refuse_second_fine(found.cases, another_act=draft.data["another_act"])
        draft.data["same_acts"] = [str(one.case.id) for one in found.fined]


def _decision(draft: Draft) -> Demands:
    """Return what a decision needs: hearing, review and discussion by the rows of its day."""
    case, facts, notice = draft.case, draft.facts, draft.facts.notice
    lines = lines_in(draft.data)
    told = [] if notice is None else lines_in(notice.data)
    circumstances = set(draft.conclusion.get("circumstances", ()))
    if facts.hearing_held_seq:
        circumstances.add(triggers.AFTER_HEARING)

    def names(kind: Kind) -> tuple[str, ...]:
        rows = _triggers(kind, draft.on)
        called = triggers.called(rows, lines, case.party_kind, circumstances)
        return tuple(one.name for one in called)

    seq = 0 if notice is None else notice.seq
    return Demands(
        review=names(Kind.REVIEW_TRIGGER),
        discussion=names(Kind.DISCUSSION_TRIGGER),
        told_less=tuple(triggers.told_less(told, lines)) if notice is not None else (),
        defence=period_of(case.id, Rule.DEFENCE, seq),
        hearing_request=period_of(case.id, Rule.HEARING_REQUEST, seq),
        hearing_right=notice is not None and notice.data["hearing_right"],
        limitation_over=limitation_over(case, draft.steps[0].data),
    )


# --- the end -----------------------------------------------------------------------------------


def _withdraw(draft: Draft) -> None:
    """A case is withdrawn by a second person, neither who proposed it nor a handler."""
    require_second_person(
        draft.case.agency_id,
        first_account_id=None,
        first_officer_id=UUID(draft.data["proposed_officer_id"]),
        team=draft.case.officer_ids,
        by=draft.by,
    )


_PREPARED: Mapping[CaseVerb, Callable[[Draft], None]] = {
    CaseVerb.FILE: _by_handlers,
    CaseVerb.ASSIGN: _by_handlers,
    CaseVerb.DECLARE_RECUSAL: _declare_recusal,
    CaseVerb.DECIDE_RECUSAL: _decide_recusal,
    CaseVerb.COLLECT: _collect,
    CaseVerb.PRESERVE: _by_handlers,
    CaseVerb.CONCLUDE: _by_handlers,
    CaseVerb.REVIEW: _review,
    CaseVerb.NOTIFY: _notify,
    CaseVerb.CALL_HEARING: _chaired,
    CaseVerb.REQUEST_HEARING: _represented,
    CaseVerb.HOLD_HEARING: _held,
    CaseVerb.STOP_CLOCK: _stop_clock,
    CaseVerb.EXTEND: _extend,
    CaseVerb.DECIDE: _decide,
    CaseVerb.NOT_PUNISH: not_punish,
    CaseVerb.TAKE_BACK: _take_back,
    CaseVerb.WITHDRAW: _withdraw,
}
_DEMANDED: Mapping[CaseVerb, Callable[[Draft], Demands]] = {
    CaseVerb.FILE: _limitation,
    CaseVerb.REQUEST_HEARING: _request,
    CaseVerb.CALL_HEARING: _called,
    CaseVerb.DECIDE: _decision,
}
