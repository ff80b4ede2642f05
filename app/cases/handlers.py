"""Who handles a case 承办人, who may decide it, and who must keep away."""

from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from app.access import Actor, Role
from app.cases.facts import Facts
from app.cases.models import PenaltyCase
from app.cases.service import OfficersTooFew
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.errors import Conflict, Forbidden, Invalid
from app.people import service as people
from app.tasks.teams import TEAM_SIZE

SEPARATION = "行政处罚法 第五十七条"


class OfficerNotFit(Conflict):
    """An officer has left, has no valid certificate on the day, or keeps away; extras: who, why."""

    code, title = "officer-not-fit", "执法人员不能办理本案"


class NotHandler(Invalid):
    code, title = "not-handler", "不是本案承办人"


class NotOnCase(Forbidden):
    code, title = "not-on-case", "您不是本案承办人"


class HandlerMayNot(Forbidden):
    """A handler of the case can neither decide nor review it, nor chair its hearing."""

    code, title = "handler-may-not", "本案调查人员不能办理"


def require_handlers(
    case: PenaltyCase, officer_ids: Collection[UUID], facts: Facts, *, on: date
) -> None:
    """Raise unless these may investigate on a day.

    They are at least as many as a team, of the agency, in service with valid certificates
    (行政处罚法 第四十二条), and none of them has to keep away from the unit or was recused from the
    case (第四十三条). Raises OfficersTooFew, OfficerNotFit (`officer_ids`).
    """
    wanted = set(officer_ids)
    least = catalogue.get_row(Kind.SETTING, TEAM_SIZE, on)
    if len(wanted) < int(least.body["value"]):
        raise OfficersTooFew(
            f"应由不少于 {least.body['value']} 名执法人员办理（{least.source}）。",
            article=least.source,
        )
    away = _away(case, wanted, facts, on)
    if unfit := wanted - {one.id for one in people.officers_of(case.agency_id, on)}:
        raise OfficerNotFit(
            "执法人员已不在岗，或执法证在当日无效（行政处罚法 第四十二条）。",
            article="行政处罚法 第四十二条",
            officer_ids=_texts(unfit),
        )
    if away:
        raise OfficerNotFit(
            "执法人员应当回避（行政处罚法 第四十三条）。",
            article="行政处罚法 第四十三条",
            officer_ids=_texts(away),
        )


def _away(case: PenaltyCase, wanted: set[UUID], facts: Facts, on: date) -> set[UUID]:
    recused = {one for one in wanted if str(one) in facts.recused}
    if case.unit_id is None:
        return recused
    declared = people.recusals_of(sorted(wanted), on)
    return recused | {one.officer_id for one in declared if one.unit_id == case.unit_id}


def require_fit(case: PenaltyCase, officer_id: UUID, facts: Facts, *, on: date) -> None:
    """Raise OfficerNotFit unless somebody is in service on a day and need not keep away."""
    in_service = {one.id for one in people.officers_of(case.agency_id, on)}
    if officer_id not in in_service or _away(case, {officer_id}, facts, on):
        raise OfficerNotFit("该人员不在岗或者应当回避。", officer_ids=_texts([officer_id]))


def require_handler(case: PenaltyCase, officer_id: UUID) -> None:
    """Raise NotHandler unless an officer handles the case."""
    if officer_id not in case.officer_ids:
        raise NotHandler("这名执法人员不是本案承办人，请核对。")


def refuse_outsider(case: PenaltyCase, by: Actor) -> None:
    """Raise NotOnCase when an officer takes a step of a case that others handle."""
    if not case.officers or by.has(Role.SUPERVISOR, Role.LEGAL_REVIEWER):
        return
    if by.officer_id not in case.officer_ids:
        raise NotOnCase("本案由其他执法人员承办，请由承办人或者负责人办理。")


def refuse_handler(case: PenaltyCase, officer_id: UUID | None, article: str = SEPARATION) -> None:
    """Raise HandlerMayNot when somebody who is to decide, review or chair investigated the case."""
    if officer_id is not None and officer_id in case.officer_ids:
        raise HandlerMayNot(
            f"调查人员不能审核、决定本案或者主持听证（{article}）。", article=article
        )


def refuse_handling_actor(case: PenaltyCase, by: Actor, article: str = SEPARATION) -> None:
    """Raise HandlerMayNot when the person who acts investigated the case."""
    refuse_handler(case, by.officer_id, article)


def _texts(ids: Iterable[UUID]) -> list[str]:
    return sorted(str(one) for one in ids)
