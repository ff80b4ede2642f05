"""Findings and what became of them over HTTP; leads wait here for a case or a person's no."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import clock
from app.access import Actor, Role, current_actor, requires
from app.consequences import queries, rules, service
from app.consequences.models import FindingDecision
from app.consequences.rules import Decision
from app.consequences.schemas import (
    DeclineLeadSchema,
    FindingDecisionSchema,
    FindingQuerySchema,
    FindingReplySchema,
    FindingWhereaboutsSchema,
    LeadQuerySchema,
    NewFindingDecisionSchema,
    PublicOutcomeSchema,
    RevokeFindingDecisionSchema,
)
from app.consequences.service import NewDecision
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint, Page, page
from app.visits.models import Finding

findings = Blueprint("findings", __name__, url_prefix="/findings", description="检查发现的去向")
leads = Blueprint("leads", __name__, url_prefix="/leads", description="立案线索")
decisions = Blueprint(
    "finding-decisions", __name__, url_prefix="/finding-decisions", description="检查发现的处理"
)
outcomes = Blueprint("outcomes", __name__, url_prefix="/outcomes", description="检查结果用语")
BLUEPRINTS = (findings, leads, decisions, outcomes)
READERS = (Role.SUPERVISOR, Role.OFFICER, Role.AUDITOR)


@findings.route("")
@requires(*READERS)
@findings.arguments(FindingQuerySchema, location="query")
@findings.paged(FindingWhereaboutsSchema)
def list_findings(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询检查发现和处理去向

    without_consequence=true 只列出还没有任何去向的检查发现。
    """
    limit, cursor = query.pop("limit"), query.pop("cursor")
    words = service.words_on(local_date(clock.now()))
    found = queries.findings_of(current_actor().agency_id, words, **query)
    rows = page(found, Finding.id, limit=limit, cursor=cursor)
    return Page(_whereabouts(rows.items, words), rows.next_cursor)


@findings.route("/<uuid:stated_id>")
@requires(*READERS)
@findings.response(200, FindingWhereaboutsSchema)
def get_finding(stated_id: UUID) -> dict[str, Any]:
    """查看一项检查发现和处理去向"""
    found = service.get_finding(stated_id, current_actor().agency_id)
    return _whereabouts([found], service.words_on(local_date(clock.now())))[0]


@findings.route("/<uuid:stated_id>/decisions", methods=["POST"])
@requires(Role.SUPERVISOR)
@findings.creates
@findings.arguments(NewFindingDecisionSchema)
@findings.response(201, FindingDecisionSchema)
def decide(data: dict[str, Any], stated_id: UUID) -> FindingDecision:
    """处理一项检查发现：不作处理、意见书、移送、记分、不予立案"""
    with transaction():
        new = NewDecision(**data)
        row = service.decide(stated_id, new, by=current_actor(), at=clock.now())
    findings.set_etag(row.version)
    return row


@leads.route("")
@requires(*READERS)
@leads.arguments(LeadQuerySchema, location="query")
@leads.paged(FindingWhereaboutsSchema)
def list_leads(query: dict[str, Any]) -> Page[dict[str, Any]]:
    """查询待处理的立案线索"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    words = service.words_on(local_date(clock.now()))
    found = queries.leads_of(current_actor().agency_id, words, **query)
    rows = page(found, Finding.id, limit=limit, cursor=cursor)
    return Page(_whereabouts(rows.items, words), rows.next_cursor)


@leads.route("/<uuid:stated_id>/decline", methods=["POST"])
@requires(Role.SUPERVISOR)
@leads.creates
@leads.arguments(DeclineLeadSchema)
@leads.response(201, FindingDecisionSchema)
def decline(data: dict[str, Any], stated_id: UUID) -> FindingDecision:
    """线索不予立案，写明理由"""
    with transaction():
        new = NewDecision(Decision.DECLINED, data["reason"])
        row = service.decide(stated_id, new, by=current_actor(), at=clock.now())
    leads.set_etag(row.version)
    return row


@decisions.route("/<uuid:decision_id>")
@requires(*READERS)
@decisions.etag
@decisions.response(200, FindingDecisionSchema)
def get_decision(decision_id: UUID) -> FindingDecision:
    """查看对检查发现的一项处理"""
    row = service.get_decision(decision_id, current_actor().agency_id)
    decisions.set_etag(row.version)
    return row


@decisions.route("/<uuid:decision_id>/reply", methods=["POST"])
@requires(Role.SUPERVISOR)
@decisions.etag
@decisions.arguments(FindingReplySchema)
@decisions.response(200, FindingDecisionSchema)
def note_reply(data: dict[str, Any], decision_id: UUID) -> FindingDecision:
    """登记接收移送机关的回复"""
    with transaction():
        by = _checked(decision_id)
        row = service.note_reply(decision_id, **data, by=by, at=clock.now())
    decisions.set_etag(row.version)
    return row


@decisions.route("/<uuid:decision_id>/revoke", methods=["POST"])
@requires(Role.SUPERVISOR)
@decisions.etag
@decisions.arguments(RevokeFindingDecisionSchema)
@decisions.response(200, FindingDecisionSchema)
def revoke(data: dict[str, Any], decision_id: UUID) -> FindingDecision:
    """撤销一项处理，写明理由"""
    with transaction():
        by = _checked(decision_id)
        row = service.revoke(decision_id, **data, by=by, at=clock.now())
    decisions.set_etag(row.version)
    return row


@outcomes.route("/visits/<uuid:visit_id>")
@requires(*READERS)
@outcomes.response(200, PublicOutcomeSchema)
def get_outcome(visit_id: UUID) -> Any:
    """查看检查结果在卫生健康和市场监管两套用语中的表述"""
    found = service.outcome_of(visit_id, by=current_actor(), at=clock.now())
    return found or dict.fromkeys(PublicOutcomeSchema().fields)


def _whereabouts(rows: Sequence[Finding], words: queries.Words) -> list[dict[str, Any]]:
    found = queries.consequences_of(rows, words)
    return [
        {
            **{
                name: getattr(one, name)
                for name in ("id", "visit_id", "item_id", "text", "basis", "handling")
            },
            "consequences": found[one.id],
            "whereabouts": rules.whereabouts(found[one.id]),
        }
        for one in rows
    ]


def _checked(decision_id: UUID) -> Actor:
    """Compare the version that was seen with the one that is; return who acts."""
    by = current_actor()
    row = service.get_decision(decision_id, by.agency_id)
    decisions.check_version(row, FindingDecisionSchema)
    return by
