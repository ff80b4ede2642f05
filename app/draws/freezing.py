"""Read the register, the officers and the catalogue for a freeze; nothing here writes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.catalogue import service as catalogue
from app.credit import service as credit
from app.credit.service import Standing
from app.days import local_date
from app.draws import (
    bundle,
    eligibility,
    leftovers,
    population,
    queries,
    register_queries,
    rules,
    stages,
)
from app.draws.files import write_tsv
from app.draws.models import DrawPlan
from app.lists import queries as lists
from app.people import service as people
from app.units import queries as unit_queries

_YEAR = timedelta(days=365)


class Prepared(NamedTuple):
    """What a freeze would store: the files, the ids behind the archive numbers, both bases."""

    frozen: population.Frozen
    files: Mapping[str, bytes]
    factors: Sequence[rules.Factor]


def prepare(plan: DrawPlan, *, at: datetime, salt_seed: bytes = b"") -> Prepared:
    """Read the register as it is and return what a freeze at `at` would hold; writes nothing.

    To be called outside the transaction: a city's register takes a while. Raises
    DrawFileMalformed for an archive number that cannot be drawn and PlanIncomplete where the
    catalogue has no multiplier.
    """
    on = local_date(at)
    codes = stratum_codes(plan.strata, plan.draw_on)
    strata = [codes[name] for name in sorted(plan.strata, key=str.encode) if name in codes]
    factors = factors_on(plan.weight_factors, plan.draw_on)
    weighted = population.by_weight(plan.strata, factors)
    listed = _listed(plan, strata, factors, on=on)
    rules_json = None
    if plan.top_up_of is not None and (first := queries.find_draw(plan.top_up_of)) is not None:
        listed, rules_json = leftovers.undrawn_lines(first, plan.strata, listed)
    officers, bars = _people(plan, strata, listed, on=on, at=at)
    frozen = population.freeze(
        listed,
        officers,
        bars,
        strata=strata,
        rules=weighted,
        team_size=plan.team_size,
        grades={name: set(rule) for name, rule in plan.strata.items() if stages.is_graded(rule)},
    )
    files = _frozen_files(plan, frozen, factors, salt_seed)
    if rules_json is not None:
        files["rules.json"] = rules_json  # a top-up goes by the weights that were frozen first
    return Prepared(frozen, files, factors)


def plain_rows(agency_id: UUID) -> list[population.UnitRow]:
    """Return every unit of an agency with what says in which strata and grades it counts."""
    registrations = register_queries.registrations_of(agency_id)
    return [
        population.UnitRow(
            archive_no=unit.archive_no,
            state=unit.state,
            opened_on=unit.opened_on,
            classes={"risk": unit.risk_class, "credit": unit.credit_class},
            registrations=registrations.get(unit.id, []),
        )
        for unit in register_queries.units_of(agency_id)
    ]


def reasons_now(plan: DrawPlan, stratum: str, *, on: date) -> dict[str, str | None]:
    """Return what would exclude each unit of a stratum from a freeze of this day, if anything."""
    codes = stratum_codes([stratum], plan.draw_on)
    factors = factors_on(plan.weight_factors, plan.draw_on)
    listed = _listed(plan, list(codes.values()), factors, on=on)
    return {one.archive_no: one.reason for one in listed}


def _listed(
    plan: DrawPlan,
    strata: Sequence[population.StratumCode],
    factors: Sequence[rules.Factor],
    *,
    on: date,
) -> list[population.Listed]:
    if plan.given_list_id is not None:
        pending = lists.pending_tasks(plan.given_list_id)
        return population.list_given(((one.archive_no, one.specialty) for one in pending), strata)
    sources = sources_on(plan.draw_on)
    unrated = catalogue.setting("unrated-class", plan.draw_on)
    return population.list_units(
        _unit_rows(plan, factors, on),
        population.Terms(
            strata=strata,
            factors=factors,
            unrated={one.field: unrated.get(sources[one.field], "") for one in factors},
            exclusions=frozenset(plan.exclusions),
            grace=timedelta(days=catalogue.setting("new-unit-grace-days", plan.draw_on)),
            on=on,
            labels={
                row.code: row.body["label"]
                for row in catalogue.in_force("draw_exclusion", plan.draw_on)
                if row.body["label"]
            },
        ),
    )


def _unit_rows(
    plan: DrawPlan, factors: Sequence[rules.Factor], on: date
) -> list[population.UnitRow]:
    registrations = register_queries.registrations_of(plan.agency_id)
    open_specialties = register_queries.open_specialties(plan.agency_id)
    drawn = register_queries.drawn_strata(plan.agency_id, plan.year)
    drawn_codes = stratum_codes({name for names in drawn.values() for name in names}, plan.draw_on)
    labels = unit_queries.labels_on(plan.agency_id, on)
    standings = credit.standings_on(plan.agency_id, plan.cutoff_on or on)
    cap, entries = _entries(plan)
    sources = sources_on(plan.draw_on)
    none: Collection[str] = ()
    return [
        population.UnitRow(
            archive_no=unit.archive_no,
            state=unit.state,
            opened_on=unit.opened_on,
            classes={
                one.field: _class_of(unit, sources[one.field], standings.get(unit.id))
                for one in factors
            },
            registrations=registrations.get(unit.id, []),
            open_specialties=open_specialties.get(unit.id, none),
            drawn_specialties={
                drawn_codes[name].specialty
                for name in drawn.get(unit.id, none)
                if name in drawn_codes
            },
            capped_specialties=population.capped(
                entries.get(unit.id, ()),
                cap,
                {specialty for specialty, _ in registrations.get(unit.id, ())},
            )
            if unit.id in entries
            else none,
            labels=labels.get(unit.id, none),
        )
        for unit in register_queries.units_of(plan.agency_id)
    ]


def _class_of(
    unit: register_queries.UnitFacts, source: str, standing: Standing | None
) -> str | None:
    """Return a unit's class: what credit knows of it on the cut-off day, else the register's."""
    credited = unit.credit_class if standing is None else standing.draw_class
    return {"risk": unit.risk_class, "credit": credited}.get(source)


def _entries(
    plan: DrawPlan,
) -> tuple[population.Cap, Mapping[UUID, Sequence[tuple[str, date]]]]:
    """Return the cap, and the visits of each unit that count to it, by specialty and day."""
    cap = population.cap_of(
        catalogue.setting("inspection-cap", plan.draw_on),
        catalogue.setting("cap-period", plan.draw_on),
        draw_on=plan.draw_on,
        cutoff_on=plan.cutoff_on or plan.draw_on - timedelta(days=1),
    )
    origins = [
        row.code for row in catalogue.in_force("origin", plan.draw_on) if row.body["counts_to_cap"]
    ]
    return cap, register_queries.visit_days(plan.agency_id, origins, since=cap.since)


def _people(
    plan: DrawPlan,
    strata: Sequence[population.StratumCode],
    listed: Sequence[population.Listed],
    *,
    on: date,
    at: datetime,
) -> tuple[list[eligibility.Officer], list[eligibility.Bar]]:
    """Return officers whose certificates hold until the tasks are due, and who may not go where."""
    found = people.officers_of(plan.agency_id, max(plan.due_on, on))
    load = register_queries.open_task_counts(plan.agency_id)
    ids = [officer.id for officer in found]
    certificates = {officer.id: officer.certificate_no for officer in found}
    away = {
        certificates[absence.officer_id]
        for absence in people.absences_of(ids, on, plan.due_on)
        if absence.from_on <= on and absence.until_on >= plan.due_on
    }
    archive_nos = {unit.id: unit.archive_no for unit in register_queries.units_of(plan.agency_id)}
    recusals = {
        (certificates[one.officer_id], archive_nos[one.unit_id])
        for one in people.recusals_of(ids)
        if one.unit_id in archive_nos
        and one.effective_from <= plan.due_on
        and (one.effective_to is None or one.effective_to >= on)
    }
    officers = population.list_officers(
        [
            population.OfficerRow(
                one.certificate_no, one.specialties, one.lead_specialties, load.get(one.id, 0)
            )
            for one in found
        ],
        strata,
        plan.officer_limit,
    )
    last = register_queries.last_teams(
        plan.agency_id,
        teams_since=at - _YEAR * catalogue.setting("pair-rotation-years", plan.draw_on),
        leads_since=at - _YEAR * catalogue.setting("lead-rotation-years", plan.draw_on),
    )
    bars = population.list_bars(
        listed, officers, strata, recusals=recusals, away=away, last_teams=last
    )
    return officers, bars


def _frozen_files(
    plan: DrawPlan,
    frozen: population.Frozen,
    factors: Sequence[rules.Factor],
    salt_seed: bytes,
) -> dict[str, bytes]:
    listed = frozen.listed
    files = {
        "population.tsv": bundle.write_population(
            (one.archive_no, one.stratum, one.weight) for one in listed
        ),
        "rules.json": bundle.write_rules(factors),
        "officers.tsv": eligibility.write_officers(frozen.officers),
        "exclusions.tsv": bundle.write_exclusions(
            (one.archive_no, one.stratum, one.reason) for one in listed if one.reason
        ),
        "barred.tsv": eligibility.write_barred(frozen.bars),
    }
    if not plan.list_public:
        lines = files["population.tsv"].decode().splitlines()
        files["salts.tsv"] = write_tsv(
            (*line.split("\t")[:2], _salt(salt_seed, n).hex()) for n, line in enumerate(lines)
        )
    return files


def _salt(salt_seed: bytes, n: int) -> bytes:
    return hashlib.sha256(b"SUICHA-SALT\n" + salt_seed + n.to_bytes(4, "big")).digest()[:16]


def stratum_codes(names: Collection[str], on: date) -> dict[str, population.StratumCode]:
    """Return the catalogue's codes of strata: a specialty, or a specialty and object class."""
    found = {
        row.body["name"]: population.StratumCode(row.body["name"], row.code, None)
        for row in catalogue.in_force("specialty", on)
    }
    for row in catalogue.in_force("object_class", on):
        name = row.body["stratum"]
        found[name] = population.StratumCode(name, row.body["specialty"], row.code)
    return {name: found[name] for name in names if name in found}


def sources_on(on: date) -> dict[str, str]:
    """Return from which class of a unit (`risk`, `credit`) each weight factor reads its grade."""
    return {
        row.body["factor"]: row.body.get("of", row.body["factor"])
        for row in catalogue.in_force("weight", on)
    }


def factors_on(names: Collection[str] | None, on: date) -> list[rules.Factor]:
    """Return the multipliers in force on a day, of the named factors or of all."""
    weights: dict[str, dict[str, int]] = {}
    for row in catalogue.in_force("weight", on):
        weights.setdefault(row.body["factor"], {})[row.body["class"]] = row.body["weight"]
    return [
        rules.Factor(field, classes)
        for field, classes in sorted(weights.items())
        if names is None or field in names
    ]
