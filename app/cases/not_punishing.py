"""Not punishing 不予处罚: what a ground rests on, by the history of the organ and dated rows."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.cases import handlers, leniency, precedents
from app.cases.classes import origin_of
from app.cases.drafts import Draft
from app.cases.leniency import ARTICLES, EDUCATION, Ground, Lack, Plea
from app.cases.models import PenaltyCase
from app.catalogue import service as catalogue
from app.catalogue.service import Kind
from app.errors import Invalid


class NotPunishingUnfounded(Invalid):
    """The ground for not punishing does not carry; extras: `article`, `errors`, `hits`."""

    code, title = "not-punishing-unfounded", "不予处罚的理由不成立"


class MinorOffenceUnknown(Invalid):
    code, title = "minor-offence-unknown", "轻微不罚事项不在现行清单中"


PUNISHED_FROM = "penalty-age-from"  # 行政处罚法 第三十条
_LACKS: Mapping[Lack, str] = {
    Lack.EDUCATION: "不予处罚的，应当对当事人进行教育并记录。",
    Lack.PROOF: "应当写明当事人提供的证据。",
    Lack.CORRECTION: "当事人没有及时改正。",
    Lack.AGE: "没有查明当事人行为时未达到给予行政处罚的年龄。",
    Lack.EARLIER: "当事人在本机构有过违法记录，不是初次违法。",
    Lack.LIST: "轻微不罚清单的这一事项不适用于本案的案由或者来源。",
    Lack.LIMITATION: "违法行为没有超过追责期限。",
}


def limitation_over(case: PenaltyCase, opening: Mapping[str, Any]) -> bool:
    """Tell whether the act was found too late (行政处罚法 第三十六条): two years, or five."""
    found_on = date.fromisoformat(opening["discovered_on"])
    code = "limitation-years-grave" if opening["grave"] else "limitation-years"
    ended_on = case.act_ended_on or case.acted_on
    return leniency.is_too_late(ended_on, found_on, int(catalogue.setting(code, found_on)))


def is_child(draft: Draft) -> bool:
    age = leniency.age_on(draft.case.party_born_on, draft.acted_on)
    return leniency.is_child(age, int(catalogue.setting(PUNISHED_FROM, draft.acted_on)))


def not_punish(draft: Draft) -> None:
    """Let a decision not to punish rest on a ground that carries (行政处罚法 第三十至三十三条).

    For 初次违法 the history of the whole organ is asked; what was found is kept with the step. A
    hit by the name alone keeps it from being a first act until somebody says why it is not theirs.
    That nobody compared the item of the list with its official text is kept with the step too.
    """
    handlers.refuse_handling_actor(draft.case, draft.by)
    case, data = draft.case, draft.data
    ground = Ground(data["ground"])
    hits = precedents.first_offence_hits(case, precedents.history_of(case))
    explained = bool(data["hits_explained"])
    earlier = any(hit.certain or not explained for hit in hits)
    found = leniency.lacks(
        Plea(
            ground=ground,
            education=data["education"],
            proof=data["proof"],
            corrected=data["corrected"],
            child=is_child(draft),
            earlier=earlier,
            listed=_listed(draft),
            limitation_over=limitation_over(case, draft.steps[0].data),
        )
    )
    if found:
        article = EDUCATION if found == [Lack.EDUCATION] else ARTICLES[ground]
        raise NotPunishingUnfounded(
            "".join(_LACKS[lack] for lack in found) + f"（{article}）",
            article=article,
            errors=[{"pointer": f"#/{lack}", "detail": _LACKS[lack]} for lack in found],
            hits=[_hit_data(hit) for hit in hits],
        )
    data["article"] = ARTICLES[ground]
    data["hits"] = [_hit_data(hit) for hit in hits] if ground is Ground.FIRST else []


def _hit_data(hit: precedents.Hit) -> dict[str, Any]:
    return {
        "case_id": str(hit.case_id),
        "number": hit.number,
        "cause_name": hit.cause_name,
        "acted_on": hit.acted_on.isoformat(),
        "why": list(hit.why),
        "certain": hit.certain,
    }


def _listed(draft: Draft) -> bool | None:
    code = draft.data["minor_offence"]
    if code is None:
        return None
    rows = catalogue.in_force(Kind.MINOR_OFFENCE, draft.acted_on)
    row = next((one for one in rows if one.code == code), None)
    if row is None:
        raise MinorOffenceUnknown("轻微不罚事项不在违法行为发生之日有效的清单中，请核对。")
    draft.data["unconfirmed"] = catalogue.unconfirmed([row])
    return leniency.listed(
        row.body,
        cause_code=draft.case.cause_code,
        source=draft.case.source,
        origin=origin_of(draft.case),
    )
