"""What a draw would hold if it were frozen now, for those who plan it; nothing here writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil, floor
from typing import Any

from app.catalogue import service as catalogue
from app.draws import annual_plans, freezing, population, register_queries
from app.draws.annual import Wanted
from app.draws.eligibility import Bar
from app.draws.models import DrawPlan
from app.draws.population import Frozen, StratumRow


def preview_plan(plan: DrawPlan, *, at: datetime) -> dict[str, Any]:
    """Return strata, bases, numbers, chances, bars, what is carried over and what cannot be met.

    Certificates of barred officers are named: for insiders only. Raises what `freezing.prepare`
    raises.
    """
    frozen = freezing.prepare(plan, at=at).frozen
    bars = _bars(frozen.bars)
    carried = register_queries.open_drawn_tasks(plan.agency_id)
    return {
        "units": len({one.archive_no for one in frozen.listed}),
        "officers": len(frozen.officers),
        "barred": len(frozen.bars),
        "strata": [_stratum(row, bars.get(row.name, []), carried) for row in frozen.strata],
        "shortfalls": [one._asdict() for one in frozen.shortfalls],
        "exclusions": _exclusions(plan, frozen),
        "cutoff_on": plan.cutoff_on,
        "departures": [one._asdict() for one in departures_of(plan, frozen, at=at)],
    }


def departures_of(plan: DrawPlan, frozen: Frozen, *, at: datetime) -> Sequence[Any]:
    """Return in what a plan departs from the year's plan that it names."""
    if plan.annual_plan is None:
        return []
    names = {row.code: row.body["name"] for row in catalogue.in_force("specialty", plan.draw_on)}
    return annual_plans.departures_of(
        plan.annual_plan,
        [Wanted(row.name, names.get(row.specialty, ""), row.drawn) for row in frozen.strata],
        level=plan.kind,
        period=plan.period,
        at=at,
    )


def _stratum(
    row: StratumRow, bars: Sequence[Mapping[str, Any]], carried: Mapping[str, int]
) -> dict[str, Any]:
    return {
        **row._asdict(),
        "weights": {str(weight): count for weight, count in sorted(row.weights.items())},
        "classes": [
            {
                "weight": one.weight,
                "units": one.units,
                "expected": str(one.expected),
                "least": floor(one.expected),
                "most": ceil(one.expected),
                "chance": str(one.chance),
            }
            for one in population.shares(row)
        ],
        "bars": bars,
        "carried_over": {
            "tasks": carried.get(row.specialty, 0),
            "path": f"/api/v1/tasks?origin=drawn&specialty={row.specialty}",
        },
    }


def _bars(bars: Sequence[Bar]) -> dict[str, list[dict[str, Any]]]:
    """Return by stratum and reason how many units are concerned, and which officers."""
    units: dict[tuple[str, str], set[str]] = {}
    officers: dict[tuple[str, str], set[str]] = {}
    for bar in bars:
        key = (bar.stratum, bar.reason)
        units.setdefault(key, set()).add(bar.id)
        officers.setdefault(key, set()).add(bar.certificate)
    found: dict[str, list[dict[str, Any]]] = {}
    for (stratum, reason), numbers in sorted(units.items()):
        names = sorted(officers[stratum, reason], key=str.encode)
        one = {"reason": reason, "units": len(numbers), "officers": names}
        found.setdefault(stratum, []).append(one)
    return found


def _exclusions(plan: DrawPlan, frozen: Frozen) -> list[dict[str, Any]]:
    counted: Counter[str] = Counter()
    for row in frozen.strata:
        counted.update(row.excluded)
    return [
        {"code": row.code, "name": row.body["name"], "units": counted[row.code]}
        for row in catalogue.in_force("draw_exclusion", plan.draw_on)
        if row.code in plan.exclusions
    ]
