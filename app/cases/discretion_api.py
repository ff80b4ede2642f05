"""Discretion and like cases over HTTP: proposals with reasons, deviations, past decisions."""

from typing import Any
from uuid import UUID

from app import clock
from app.access import Role, current_actor, requires
from app.cases import discretion, like_cases, service
from app.cases.discretion_models import CaseDiscretion
from app.cases.discretion_schemas import (
    DecideDeviationSchema,
    DeviationSchema,
    DiscretionSchema,
    LikenessQuerySchema,
    LikenessSchema,
    NewDiscretionSchema,
    OnSiteProposalSchema,
    OnSiteQuerySchema,
)
from app.cases.like_cases import Likeness
from app.cases.sanctions import SanctionLine
from app.cases.tiers import Facts
from app.catalogue.causes import ORDER_UNMET
from app.days import local_date
from app.db import transaction
from app.problems import Blueprint

blp = Blueprint("discretion", __name__, url_prefix="/cases", description="裁量和类案")


@blp.route("/on-site-proposal")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.arguments(OnSiteQuerySchema, location="query")
@blp.response(200, OnSiteProposalSchema)
def preview_on_site(query: dict[str, Any]) -> dict[str, Any]:
    """当场处罚前查看裁量建议，不作记录"""
    found_of = frozenset(query["circumstances"])
    facts = Facts(
        party_kind=query["party_kind"],
        circumstances=found_of - {ORDER_UNMET},
        factors=frozenset(query["factors"]),
        order_unmet=ORDER_UNMET in found_of,
    )
    visit_id, cause_code = query["visit_id"], query["cause_code"]
    agency_id = current_actor().agency_id
    found = service.preview_on_site(visit_id, cause_code, facts, agency_id=agency_id)
    fine, tier = found.proposal.fine, found.proposal.tier
    return {
        "on": found.on,
        "cause_code": found.cause.code,
        "cause_from": found.cause.effective_from,
        "level": found.proposal.level,
        "benchmark": found.proposal.benchmark,
        "tier_code": None if tier is None else tier.code,
        "tier_class": found.proposal.klass,
        "low_fen": None if fine is None else fine.low_fen,
        "high_fen": None if fine is None else fine.high_fen,
        "lines": found.proposal.lines,
        "reasons": found.proposal.reasons,
        "limit_fen": found.limit.body["fine_max_fen"],
        "fits_simple": found.fits_simple,
    }


@blp.route("/<uuid:case_id>/discretion")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.etag
@blp.response(200, DiscretionSchema)
def get_discretion(case_id: UUID) -> CaseDiscretion:
    """查看裁量建议及其理由"""
    found = discretion.get_discretion(service.get_case(case_id, current_actor().agency_id))
    blp.set_etag(found.version)
    return found


@blp.route("/<uuid:case_id>/discretion", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.creates
@blp.arguments(NewDiscretionSchema)
@blp.response(201, DiscretionSchema)
def propose_discretion(data: dict[str, Any], case_id: UUID) -> CaseDiscretion:
    """按认定的事实提出裁量建议"""
    object_class = data.pop("object_class")
    with transaction():
        by = current_actor()
        case = service.get_case(case_id, by.agency_id)
        facts = Facts(
            party_kind=case.party_kind,
            circumstances=frozenset(data.pop("circumstances")),
            factors=frozenset(data.pop("factors")),
            **data,
        )
        return discretion.propose_discretion(
            case, facts, object_class=object_class, by=by, at=clock.now()
        )


@blp.route("/<uuid:case_id>/discretion/deviation", methods=["POST"])
@requires(Role.SUPERVISOR, Role.OFFICER)
@blp.arguments(DeviationSchema)
@blp.response(200, DiscretionSchema)
def ask_deviation(data: dict[str, Any], case_id: UUID) -> CaseDiscretion:
    """申请偏离裁量建议"""
    lines = [SanctionLine(**one) for one in data["lines"]]
    with transaction():
        by = current_actor()
        case = service.get_case(case_id, by.agency_id)
        return discretion.ask_deviation(case, lines, data["reason"], by=by, at=clock.now())


@blp.route("/<uuid:case_id>/discretion/deviation/decide", methods=["POST"])
@requires(Role.SUPERVISOR)
@blp.arguments(DecideDeviationSchema)
@blp.response(200, DiscretionSchema)
def decide_deviation(data: dict[str, Any], case_id: UUID) -> CaseDiscretion:
    """批准或者不批准偏离裁量建议"""
    with transaction():
        by = current_actor()
        case = service.get_case(case_id, by.agency_id)
        return discretion.decide_deviation(case, **data, by=by, at=clock.now())


@blp.route("/<uuid:case_id>/like-cases")
@requires(Role.SUPERVISOR, Role.OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR)
@blp.arguments(LikenessQuerySchema, location="query")
@blp.response(200, LikenessSchema)
def show_like_cases(query: dict[str, Any], case_id: UUID) -> Likeness:
    """查看同类案件的处罚幅度"""
    case = service.get_case(case_id, current_actor().agency_id)
    return like_cases.likeness_of(case, local_date(clock.now()), query["fine_fen"])
