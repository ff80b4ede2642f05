"""The measures of a seeded agency: findings, actors, bans, seizures, a campaign."""

from datetime import date, datetime
from uuid import UUID

from app import db
from app.access import Actor, Role
from app.consequences import service as consequences
from app.consequences.rules import Decision as FindingWay
from app.consequences.service import NewDecision
from app.measures import campaigns
from app.measures import goods as seizures
from app.measures import service as measures
from app.measures.campaigns import NewCampaign
from app.measures.goods import NewSeizure
from app.measures.rules import Goods, GoodsKind, SeizureKind
from app.measures.service import About, NewBan, NewReferral
from app.parties import service as parties
from app.parties.rules import ActorType, NewParty
from app.visits.models import Finding
from tests.api.seeds.builder import Builder


def fill(builder: Builder) -> None:
    """A finding of which nothing became, a lead, decisions, actors, bans, seizures, a campaign.

    Each in the state that a verb needs.
    """
    by, at = builder.actor(Role.SUPERVISOR), builder.make.at
    an, bo = builder.officers[0], builder.officers[4]
    task = builder.make.task(builder.unit(), agency=builder.agency, team=(an, bo))
    visit = builder.make.visit(task, an, bo)
    found = [builder.make.finding(visit, an, f"问题{number}") for number in range(3)]
    builder.keep("finding", found[0])
    builder.keep("finding:lead", found[1])
    with builder.make.writing():
        lead = db.db.session.get_one(Finding, found[1].id)
        lead.handling = "lead"
        db.touch(lead)
        for name, organ in (("reply", "市场监督管理局"), ("revoke", None)):
            kind = FindingWay.TRANSFER if organ else FindingWay.NOTHING
            new = NewDecision(kind, "按规定", organ)
            row = consequences.decide(found[2].id, new, by=by, at=at)
            builder.keep(f"finding-decision:{name}", row)
    for name in ("identify", "merge", "other"):
        with builder.make.writing():
            new_party = NewParty(ActorType.CITIZEN, alias=f"张医生{name}", place="某弄堂")
            party = parties.record_party(new_party, agency=builder.agency, by=by, at=at)
        builder.keep(f"party:{name}", party)
    _bans(builder, by, at)
    _seizures(builder, at)


def _bans(builder: Builder, by: Actor, at: datetime) -> None:
    about = About(party_id=UUID(builder.side["party:other"]))
    officers = (builder.officers[0].id, builder.officers[4].id)
    for name in ("announce", "revoke"):
        with builder.make.writing():
            new = NewBan("unlicensed-practice", about, "无证行医", "医师法", officers)
            ban = measures.decide_ban(new, agency=builder.agency, by=by, at=at)
        builder.keep(f"ban:{name}", ban)
    with builder.make.writing():
        referral = measures.refer(
            NewReferral("区人民检察院", "无证行医", about), agency=builder.agency, by=by, at=at
        )
        campaign = campaigns.plan_campaign(
            NewCampaign("打非专项", "工作方案", date(2026, 11, 1), date(2026, 12, 31)),
            agency=builder.agency,
            by=by,
            at=at,
        )
    builder.keep("referral", referral)
    builder.keep("campaign", campaign)


def _seizures(builder: Builder, at: datetime) -> None:
    about = About(party_id=UUID(builder.side["party:other"]))
    officers = (builder.officers[0].id, builder.officers[4].id)
    goods = (Goods("注射液", GoodsKind.DRUG, 2, "箱"),)
    an = builder.actor(Role.OFFICER)
    for name in ("approve", "refuse", "carry-out", "extend", "testing", "dispose"):
        urgent = name in {"extend", "testing", "dispose"}
        new = NewSeizure(
            SeizureKind.DETENTION,
            about,
            "无证行医",
            "医师法",
            officers,
            urgent=urgent,
            goods=goods if urgent else (),
        )
        with builder.make.writing():
            seizure = seizures.apply_seizure(new, agency=builder.agency, by=an, at=at)
            if name in {"carry-out", "extend"}:
                seizures.approve_seizure(seizure.id, by=builder.second, at=at)
        builder.keep(f"seizure:{name}", seizure)
