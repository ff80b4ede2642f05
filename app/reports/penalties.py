"""What stands behind the numbers of cases, of money, and of what else is done to somebody."""

from typing import Any

import sqlalchemy as sa

from app.cases.models import CaseRemedy, CaseSanction, CaseStep, CaseTransfer, PenaltyCase
from app.cases.rules import CaseVerb, Direction, Procedure, RemedyKind
from app.cases.sanctions import SanctionKind
from app.measures.models import Ban, Campaign, CampaignEvent, SeizedGoods, Seizure
from app.measures.rules import CampaignEventKind, GoodsKind
from app.reports.dated import line, on_days, within
from app.reports.quantities import Unit
from app.reports.selections import Rows, Scope, Which

# --- cases -------------------------------------------------------------------------------------


def _decided(scope: Scope) -> list[Which]:
    """Decisions of the days that stood at the cut-off."""
    return [
        PenaltyCase.agency_id == scope.agency_id,
        on_days(PenaltyCase.decided_on, scope.from_on, scope.until_on),
        sa.or_(PenaltyCase.revoked_on.is_(None), PenaltyCase.revoked_on > scope.until_on),
    ]


def _rank_of(kind: Any, scope: Scope) -> sa.ColumnElement[int]:
    """Return how heavy a kind of sanction counts: its place in the ranking, -1 outside it."""
    ranking, as_other = scope.rules.ranking, dict(scope.rules.counts_as)
    ranks = {one: ranking.index(as_other.get(one, one)) for one in map(str, SanctionKind)}
    return sa.case(ranks, value=kind, else_=-1)


def penalised(scope: Scope) -> Rows:
    """Decisions of the days that impose something on the party, each with its heaviest kind."""
    imposed = (
        sa.select(
            PenaltyCase.id,
            PenaltyCase.decided_on,
            PenaltyCase.unit_id,
            PenaltyCase.number,
            PenaltyCase.procedure,
            PenaltyCase.cause_code,
            PenaltyCase.cause_name,
            sa.func.max(_rank_of(CaseSanction.kind, scope)).label("heaviest"),
        )
        .join_from(PenaltyCase, CaseSanction, CaseSanction.case_id == PenaltyCase.id)
        .where(*_decided(scope), CaseSanction.on_staff.is_(False))
        .group_by(PenaltyCase.decided_on, PenaltyCase.id)  # in the order of the index
        .subquery("imposed")
    )
    return sa.select(
        *line(
            "penalty_case",
            imposed.c.id,
            on=imposed.c.decided_on,
            unit_id=imposed.c.unit_id,
            label=imposed.c.number,
        )
    )


def cause() -> sa.ColumnElement[str]:
    """What the case was for 案由: how many there are tells how broad enforcement was."""
    return sa.column("cause_code", sa.Text())


def causes(scope: Scope) -> Rows:
    """The 案由 of the penalised cases, each once: its last decision, and how many there were."""
    cause_name: sa.ColumnElement[str] = sa.column("cause_name", sa.Text())
    found = penalised(scope).add_columns(cause(), cause_name).subquery("penalised")
    same, newest = found.c.cause_code, [found.c.on.desc(), found.c.id]
    ranked = sa.select(
        found,
        sa.func.row_number().over(partition_by=same, order_by=newest).label("place"),
        sa.func.count().over(partition_by=same).label("cases"),
    ).subquery("ranked")
    how_many = ranked.c.cause_name + "（" + sa.cast(ranked.c.cases, sa.Text) + " 件）"
    return sa.select(
        *line(
            "case_cause",
            ranked.c.id,
            on=ranked.c.on,
            label=how_many,
            part=ranked.c.cause_code,
        )
    ).where(ranked.c.place == 1)


def simple(_scope: Scope) -> Which:
    return sa.column("procedure", sa.Text()) == Procedure.SIMPLE


def counted_as(kind: SanctionKind, scope: Scope) -> Which:
    """Cases that count under one kind: one decision is one case, under its heaviest kind."""
    return sa.column("heaviest", sa.Integer()) == scope.rules.ranking.index(kind)


def money(scope: Scope) -> Rows:
    return (
        sa.select(
            *line(
                "penalty_case",
                PenaltyCase.id,
                on=PenaltyCase.decided_on,
                unit_id=PenaltyCase.unit_id,
                label=PenaltyCase.number,
                amount=CaseSanction.amount_fen,
                part=sa.case((CaseSanction.on_staff, "staff"), else_="party"),
            )
        )
        .join_from(PenaltyCase, CaseSanction, CaseSanction.case_id == PenaltyCase.id)
        .where(*_decided(scope))
    )


def sanctioned(kind: SanctionKind, _scope: Scope) -> Which:
    return CaseSanction.kind == kind


def filed(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "penalty_case",
            PenaltyCase.id,
            on=PenaltyCase.filed_on,
            unit_id=PenaltyCase.unit_id,
            label=PenaltyCase.number,
        )
    ).where(
        PenaltyCase.agency_id == scope.agency_id,
        on_days(PenaltyCase.filed_on, scope.from_on, scope.until_on),
    )


def timed(end: Any, scope: Scope) -> list[Which]:
    """Cases of the ordinary procedure, filed, whose `end` (decision, closing) is in the days."""
    return [
        PenaltyCase.agency_id == scope.agency_id,
        PenaltyCase.procedure == Procedure.ORDINARY,
        PenaltyCase.filed_on.is_not(None),
        on_days(end, scope.from_on, scope.until_on),
    ]


def decided(scope: Scope) -> Rows:
    """What 办案天数 up to the decision are of; the label is the day of filing."""
    return _timed(PenaltyCase.decided_on, scope)


def closed(scope: Scope) -> Rows:
    """What 办案天数 up to the closing are of; the label is the day of filing."""
    return _timed(PenaltyCase.closed_on, scope)


def _timed(end: Any, scope: Scope) -> Rows:
    filed_on = sa.cast(PenaltyCase.filed_on, sa.Text)
    columns = line("penalty_case", PenaltyCase.id, on=end, unit_id=PenaltyCase.unit_id,
                   label=filed_on)  # fmt: skip
    return sa.select(*columns).where(*timed(end, scope))


def reviews(scope: Scope) -> Rows:
    """Cases with a legal review 法制审核 in the days: one case, one, however often reviewed."""
    own = sa.select(PenaltyCase.agency_id).where(PenaltyCase.id == CaseStep.case_id)
    reviewed = (
        sa.select(CaseStep.case_id, sa.func.max(CaseStep.on_day).label("on_day"))
        .where(
            CaseStep.verb == CaseVerb.REVIEW,
            on_days(CaseStep.on_day, scope.from_on, scope.until_on),
            own.scalar_subquery() == scope.agency_id,
        )
        .group_by(CaseStep.case_id)
        .subquery("reviewed")
    )
    of_case = PenaltyCase.id == reviewed.c.case_id
    return sa.select(
        *line(
            "penalty_case",
            reviewed.c.case_id,
            on=reviewed.c.on_day,
            unit_id=sa.select(PenaltyCase.unit_id).where(of_case).scalar_subquery(),
            label=sa.select(PenaltyCase.number).where(of_case).scalar_subquery(),
        )
    )


def remedies(scope: Scope) -> Rows:
    """Remedies begun in the days."""
    of_case = sa.select(PenaltyCase.unit_id).where(PenaltyCase.id == CaseRemedy.case_id)
    return sa.select(
        *line(
            "case_remedy",
            CaseRemedy.id,
            on=CaseRemedy.begun_on,
            unit_id=of_case.scalar_subquery(),
            label=CaseRemedy.result,
        )
    ).where(
        CaseRemedy.agency_id == scope.agency_id,
        on_days(CaseRemedy.begun_on, scope.from_on, scope.until_on),
    )


def remedy(kind: RemedyKind, result: str | None, scope: Scope) -> Which:
    """Remedies of a kind, all or with one result; `pending`: without one at the cut-off."""
    over = sa.and_(CaseRemedy.ended_on.is_not(None), CaseRemedy.ended_on <= scope.until_on)
    if result is None:
        return CaseRemedy.kind == kind
    ended = ~over if result == "pending" else sa.and_(over, CaseRemedy.result == result)
    return sa.and_(CaseRemedy.kind == kind, ended)


def transfers(scope: Scope) -> Rows:
    return sa.select(
        *line(
            "case_transfer",
            CaseTransfer.id,
            on=CaseTransfer.on_day,
            unit_id=CaseTransfer.unit_id,
            label=CaseTransfer.organ,
        )
    ).where(
        CaseTransfer.agency_id == scope.agency_id,
        on_days(CaseTransfer.on_day, scope.from_on, scope.until_on),
    )


def directed(direction: Direction, _scope: Scope) -> Which:
    return CaseTransfer.direction == direction


def criminal(_scope: Scope) -> Which:
    return CaseTransfer.criminal.is_(True)


# --- measures ----------------------------------------------------------------------------------


def bans(scope: Scope) -> Rows:
    return sa.select(
        *line("ban", Ban.id, on=Ban.decided_on, unit_id=Ban.unit_id, label=Ban.number)
    ).where(
        Ban.agency_id == scope.agency_id,
        on_days(Ban.decided_on, scope.from_on, scope.until_on),
        sa.or_(Ban.revoked_at.is_(None), Ban.revoked_at >= scope.cut),
    )


def goods(scope: Scope) -> Rows:
    """Goods seized in the days, in their own unit: 箱 and 件 are never added together."""
    return (
        sa.select(
            *line(
                "seizure",
                Seizure.id,
                at=Seizure.seized_at,
                unit_id=Seizure.unit_id,
                label=SeizedGoods.name,
                amount=SeizedGoods.quantity,
                part=sa.cast(SeizedGoods.place, sa.Text),
            )
        )
        .join_from(Seizure, SeizedGoods, SeizedGoods.seizure_id == Seizure.id)
        .where(
            Seizure.agency_id == scope.agency_id,
            within(Seizure.seized_at, scope.begins, scope.cut),
        )
    )


def goods_of(kind: GoodsKind, unit: Unit, _scope: Scope) -> Which:
    return sa.and_(SeizedGoods.kind == kind, SeizedGoods.unit == unit)


def events(scope: Scope) -> Rows:
    return (
        sa.select(
            *line("campaign_event", CampaignEvent.id, on=CampaignEvent.on_day, label=Campaign.name)
        )
        .join_from(CampaignEvent, Campaign, Campaign.id == CampaignEvent.campaign_id)
        .where(
            Campaign.agency_id == scope.agency_id,
            on_days(CampaignEvent.on_day, scope.from_on, scope.until_on),
        )
    )


def event_of(kind: CampaignEventKind, _scope: Scope) -> Which:
    return CampaignEvent.kind == kind
