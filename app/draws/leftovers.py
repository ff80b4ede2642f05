"""What a draw left: lines not drawn, for a top-up; tasks not finished in its period."""

import calendar
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa

from app.draws import change_queries, queries
from app.draws.files import read_number, read_tsv
from app.draws.models import Draw
from app.draws.population import Exclusion, Listed
from app.tasks.models import Task

_LENGTHS = {"Q": 3, "H": 6}  # months; a part that is a number is one month
_MONTHS = {"Q1": 3, "Q2": 6, "Q3": 9, "Q4": 12, "H1": 6, "H2": 12}


# ---- lines ---------------------------------------------------------------------------------------


def undrawn_lines(
    draw: Draw, strata: Collection[str], listed: Sequence[Listed]
) -> tuple[list[Listed], bytes]:
    """Return the lines of a draw's frozen list that were not drawn, and the rules they go by.

    Weights are those that were frozen; 0 stays 0. A line that is excluded by now (`listed` is what
    a freeze of today would hold) becomes 0 as well, with its reason. Reserves count as not drawn
    until they followed another unit.
    """
    files = change_queries.files_named(draw.id, ("population.tsv", "rules.json", "exclusions.tsv"))
    drawn = change_queries.drawn_lines(draw.id)
    now = {(one.archive_no, one.stratum): one.reason for one in listed}
    then = {
        (archive_no, stratum): reason
        for archive_no, stratum, reason in read_tsv("exclusions.tsv", files["exclusions.tsv"], 3)
    }
    found = []
    for archive_no, stratum, weight in read_tsv("population.tsv", files["population.tsv"], 3):
        key = (archive_no, stratum)
        if stratum not in strata or key in drawn:
            continue
        reason = then.get(key) or now.get(key, Exclusion.NOT_OPERATING)
        number = read_number("population.tsv", weight)
        found.append(Listed(archive_no, stratum, 0 if reason else number, reason))
    return found, files["rules.json"]


def eligible_left(draw: Draw) -> Mapping[str, int]:
    """Return how many lines with a weight each stratum of a draw left undrawn."""
    data = change_queries.files_named(draw.id, ("population.tsv",))["population.tsv"]
    drawn = change_queries.drawn_lines(draw.id)
    found: dict[str, int] = {}
    for archive_no, stratum, weight in read_tsv("population.tsv", data, 3):
        left = weight != "0" and (archive_no, stratum) not in drawn
        found[stratum] = found.get(stratum, 0) + left
    return found


# ---- tasks ---------------------------------------------------------------------------------------


def period_days(period: str) -> tuple[date, date]:
    """Return the first and last day of a period: `2026`, `2026-Q4`, `2026-H1` or `2026-11`."""
    year, _, part = period.partition("-")
    month = 12 if not part else _MONTHS.get(part) or int(part)
    months = _LENGTHS.get(part[:1], 1) if part else 12
    last = date(int(year), month, calendar.monthrange(int(year), month)[1])
    return date(int(year), month - months + 1, 1), last


def period_end(period: str) -> date:
    """Return the last day of a period."""
    return period_days(period)[1]


def carried_over(agency_id: UUID, on: date, draw_id: UUID | None = None) -> sa.Select[Task]:
    """Return the query of open tasks of draws whose period is over: they stay with their draw.

    None: of all draws of the agency.
    """
    ended = {one.id for one in change_queries.drawn_draws(agency_id) if period_end(one.period) < on}
    return change_queries.open_tasks_in(ended & {draw_id} if draw_id else ended)


def count_carried_over(draw: Draw, on: date) -> int:
    """Return how many tasks of a draw were not finished in its period."""
    return queries.open_tasks_of(draw.id) if period_end(draw.period) < on else 0
