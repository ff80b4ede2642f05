"""What the whole organ knows of a party: earlier violations, by all officers, at all its units."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from app.cases import queries, sanctions
from app.cases.history import history_of as penalties_of
from app.cases.history import known_of_case
from app.cases.leniency import Ground
from app.cases.models import PenaltyCase
from app.cases.rules import Procedure
from app.catalogue import service as catalogue

_VIOLATIONS = frozenset({Ground.MINOR, Ground.FIRST})


@dataclass(frozen=True)
class Hit:
    """An earlier violation that may be the party's, and why.

    `why`: `unit` the same unit, `code` another unit of the same code, `paper` the same number of a
    paper, `actor` linked as the same actor, `name` the same name. By the name alone it is not
    `certain`: a person looks at it.
    """

    case_id: UUID
    number: str
    cause_code: str
    cause_name: str
    acted_on: date
    decided_on: date | None
    punished: bool
    why: tuple[str, ...]
    certain: bool


@dataclass(frozen=True)
class History:
    """What is known of a party before an act; `police`: a further act may be a crime."""

    hits: tuple[Hit, ...]
    police: bool
    police_article: str


def history_of(case: PenaltyCase) -> History:
    """Return the earlier violations of a case's party, of whatever officer, unit and procedure.

    Who was linked to the case as the same actor is asked for too. A violation is what was punished
    and not revoked, or not punished although it was one. How far back counts, and of which causes,
    are settings. 非法行医 after as many penalties as the row says
    is to be looked at as a crime (行政处罚法 第二十七条).
    """
    units = queries.units_of_party(case.agency_id, case)
    who = replace(known_of_case(case), unit_id=None)
    linked = {one.id: one for one in penalties_of(case.agency_id, who, without=case.id)}
    found = {one.id: one for one in queries.earlier_cases(case, units)} | linked
    others = [found[key] for key in sorted(found)]
    unpunished = queries.unpunished_of([one.id for one in others])
    hits = [
        _hit(one, case, units, linked=one.id in linked, punished=_is_punished(one))
        for one in others
        if one.acted_on <= case.acted_on
        and (_is_punished(one) or unpunished.get(one.id) in _VIOLATIONS)
    ]
    on = case.opened_on or case.decided_on or case.acted_on
    causes = set(catalogue.setting("police-hint-causes", on))
    row = catalogue.get_row("setting", "unlicensed-practice-penalties", on)
    earlier = sum(hit.certain and hit.punished and hit.cause_code in causes for hit in hits)
    police = case.cause_code in causes and sanctions.is_repeated_crime(
        earlier, int(row.body["value"])
    )
    return History(tuple(hits), police, f"行政处罚法 第二十七条；{row.source}")


def first_offence_hits(case: PenaltyCase, history: History) -> list[Hit]:
    """Return the hits that keep an act from being a first one 初次违法, as the settings draw it."""
    days = int(catalogue.setting("first-offence-lookback-days", case.acted_on))
    any_cause = catalogue.setting("first-offence-any-cause", case.acted_on)
    since = case.acted_on - timedelta(days=days) if days else date.min
    return [
        hit
        for hit in history.hits
        if hit.acted_on >= since and (any_cause or hit.cause_code == case.cause_code)
    ]


def _is_punished(case: PenaltyCase) -> bool:
    return case.decided_on is not None and case.revoked_on is None


def _hit(
    one: PenaltyCase, case: PenaltyCase, units: set[UUID], *, linked: bool, punished: bool
) -> Hit:
    same_unit = one.unit_id is not None and one.unit_id == case.unit_id
    paper = one.party_id_hash is not None and one.party_id_hash == case.party_id_hash
    reasons = {
        "unit": same_unit,
        "code": one.unit_id in units and not same_unit,
        "paper": paper,
        "actor": linked and not paper,
        "name": one.party_name is not None and one.party_name == case.party_name,
    }
    why = tuple(name for name, holds in reasons.items() if holds)
    return Hit(
        case_id=one.id,
        number=one.decision_number or one.number,
        cause_code=one.cause_code,
        cause_name=one.cause_name,
        acted_on=one.acted_on,
        decided_on=one.decided_on,
        punished=punished,
        why=why,
        certain=_is_same_party(one, case, why),
    )


def _is_same_party(one: PenaltyCase, case: PenaltyCase, why: tuple[str, ...]) -> bool:
    """A unit's own violations are the party's; a citizen met at it can be somebody else."""
    if {"paper", "actor"} & set(why):
        return True
    both = {one.party_kind, case.party_kind}
    at_unit = bool({"unit", "code"} & set(why))
    if "citizen" in both:
        return at_unit and "name" in why
    return at_unit and (one.procedure == Procedure.SIMPLE or one.unit_id is not None)
