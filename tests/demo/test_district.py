"""The demo district: real places, right codes, the same everywhere."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from stdnum.cn import uscc

from app import geometry
from app.catalogue import seeds
from app.demo import district
from app.demo.chance import Chance
from app.demo.kinds import KINDS
from app.units import rules
from app.units.rules import UnitStatus
from app.uscc import subject_id_fits

ON = date(2026, 10, 8)
DEMO = district.generate(seed="演示", on=ON)
OWN = [unit for unit in DEMO.units if unit.agency_code == "CN"]
OFFICERS = [officer for officer in DEMO.officers if officer.agency_code == "CN"]
ROOT = Path(district.__file__).parents[2]


def test_the_district_has_the_size_asked_for_and_a_small_neighbour():
    assert len(OWN) == 2000
    assert len(OFFICERS) == 60
    assert Counter(unit.agency_code for unit in DEMO.units)["PT"] == 40
    assert [agency.division_code for agency in DEMO.agencies] == ["310105", "310107"]


def test_every_unit_stands_inside_the_outline_of_its_own_district():
    for unit in DEMO.units:
        code = {"CN": "310105", "PT": "310107"}[unit.agency_code]
        assert district.area(code).contains(unit.lon_e7, unit.lat_e7)
        assert rules.place_problems(unit.lon_e7, unit.lat_e7, district.area(code)) == []


def test_units_spread_over_every_street_and_most_grid_cells():
    assert {unit.street_code for unit in OWN} == {s.code for s in district.streets("310105")}
    cells = {code for street in district.streets("310105") for code, _ in street.cells}
    assert len(cells) == 189
    assert len({unit.cell_code for unit in OWN} & cells) > 180
    assert len({(unit.lon_e7, unit.lat_e7) for unit in OWN}) > 1990


def test_street_cell_and_road_of_a_unit_belong_together():
    for unit in DEMO.units:
        (street,) = [
            s for s in district.streets(unit.street_code[:6]) if s.code == unit.street_code
        ]
        assert unit.cell_code.startswith(unit.street_code)
        assert any(road in unit.address for road in street.roads)
        assert geometry.distance_m(unit.lon_e7, unit.lat_e7, street.lon_e7, street.lat_e7) < 5_000


def test_every_code_is_valid_and_belongs_to_nobody():
    codes = [unit.uscc for unit in DEMO.units if unit.uscc is not None]
    for code in codes:
        assert uscc.is_valid(code)
        assert subject_id_fits(code)
        assert code[8:12] == "DEM0"
    assert {unit.uscc[2:8] for unit in OWN if unit.uscc} == {"310105"}


def test_most_codes_are_unique_and_a_few_are_shared_by_the_sites_of_one_company():
    shared = Counter(unit.uscc for unit in OWN if unit.uscc)
    several = {code for code, count in shared.items() if count > 1}
    assert several
    assert sum(shared[code] for code in several) < 100
    for code in several:
        sites = [unit for unit in OWN if unit.uscc == code]
        assert len({unit.legal_representative for unit in sites}) == 1
        assert len({unit.archive_no for unit in sites}) == len(sites)


def test_some_premises_rightly_have_no_code_and_no_licence():
    without = [unit for unit in OWN if unit.uscc is None]
    assert 2 <= len(without) <= 40
    assert all(unit.licences == () for unit in without)


def test_archive_numbers_are_unique_and_can_be_keys_of_a_draw():
    numbers = [unit.archive_no for unit in DEMO.units]
    assert len(set(numbers)) == len(numbers)
    assert all(rules.archive_no_problems(number) == [] for number in numbers)


def test_names_are_unique_and_say_that_they_are_a_demo():
    names = [unit.name for unit in DEMO.units]
    assert len(set(names)) == len(names)
    assert all(name.endswith("（演示）") for name in names)
    assert all("{" not in unit.name + unit.sign_name for unit in DEMO.units)


def test_registrations_and_specialties_exist_in_the_catalogue():
    classes = {(row["specialty"], row["code"]) for row in seeds.rows("object_classes")}
    specialties = {row["code"] for row in seeds.rows("specialties")}
    for unit in DEMO.units:
        assert len(set(unit.registrations)) == len(unit.registrations) > 0
        assert {(r.specialty, r.object_class) for r in unit.registrations} <= classes
    for officer in DEMO.officers:
        assert set(officer.leads) <= set(officer.takes_part) <= specialties


def test_every_kind_of_premises_and_every_object_class_occurs():
    used = {r.object_class for unit in OWN for r in unit.registrations}
    assert used == {row["code"] for row in seeds.rows("object_classes")}
    small = district.generate(seed="演示", on=ON, units=len(KINDS), officers=1)
    assert {r.object_class for u in small.units[: len(KINDS)] for r in u.registrations} >= {
        code for kind in KINDS for code in kind.classes
    }


def test_public_places_dominate_then_medical_institutions_water_and_schools():
    first = Counter(unit.registrations[0].specialty for unit in OWN)
    assert [code for code, _ in first.most_common(3)] == [
        "public-places",
        "medical",
        "drinking-water",
    ]
    assert first["school-health"] > 60
    assert 0.45 < first["public-places"] / len(OWN) < 0.6


def test_licences_follow_the_catalogue_and_a_few_have_expired():
    kinds = {row["code"]: row for row in seeds.rows("object_classes")}
    licences = [(unit, licence) for unit in DEMO.units for licence in unit.licences]
    for unit, licence in licences:
        assert licence.kind == kinds[licence.object_class]["licence_kind"]
        assert unit.opened_on <= licence.valid_from < ON
        assert licence.valid_until is None or licence.valid_until > licence.valid_from
        assert licence.number.startswith("演")
    expired = [licence for _, licence in licences if (licence.valid_until or ON) < ON]
    assert 0 < len(expired) < len(licences) / 10
    assert {"permit", "filing"} == {licence.kind for _, licence in licences}


def test_a_library_needed_a_permit_before_order_797_and_a_filing_since():
    def library(on):
        units = district.generate(seed="演示", on=on, units=60).units
        return next(u for u in units if u.registrations[0].object_class == "library")

    assert library(date(2025, 1, 19)).licences[0].kind == "permit"
    assert library(date(2025, 1, 20)).licences[0].kind == "filing"


def test_classes_of_risk_and_credit_all_occur_and_states_are_plausible():
    assert {unit.risk_class for unit in OWN} == {unit.credit_class for unit in OWN} == set("ABCD")
    states = Counter(unit.status for unit in OWN)
    assert states[UnitStatus.IN_OPERATION] > 1800
    assert {UnitStatus.SUSPENDED, UnitStatus.CLOSED, UnitStatus.LICENCE_OVERDUE} <= set(states)


def test_a_licence_that_is_overdue_has_indeed_expired():
    large = district.generate(seed="演示", on=ON, units=6000)
    overdue = [u for u in large.units if u.status is UnitStatus.LICENCE_OVERDUE]
    assert overdue
    for unit in overdue:
        first = unit.licences[0]
        assert first.valid_until is None or first.valid_until < ON


def test_telephone_numbers_are_of_a_made_up_exchange():
    assert all(unit.phone.startswith("021-5550") and len(unit.phone) == 12 for unit in DEMO.units)


def test_every_specialty_has_enough_officers_who_can_lead_today():
    ready = [
        officer
        for officer in OFFICERS
        if officer.certificate_until >= ON
        and not any(a.from_on <= ON <= a.until_on for a in officer.absences)
    ]
    for row in seeds.rows("specialties"):
        assert sum(row["code"] in officer.leads for officer in ready) >= 6, row["name"]
        assert sum(row["code"] in officer.takes_part for officer in ready) >= 12, row["name"]


def test_the_neighbour_can_pair_officers_for_every_specialty_it_has_units_in():
    officers = [officer for officer in DEMO.officers if officer.agency_code == "PT"]
    needed = {r.specialty for u in DEMO.units if u.agency_code == "PT" for r in u.registrations}
    for specialty in needed:
        assert any(specialty in officer.leads for officer in officers), specialty


def test_certificate_numbers_and_names_of_officers_are_unique():
    numbers = [officer.certificate_no for officer in DEMO.officers]
    assert len(set(numbers)) == len(numbers)
    assert len({officer.name for officer in OFFICERS}) == len(OFFICERS)
    assert OFFICERS[0].certificate_no == "310105001"


def test_one_certificate_has_expired_and_one_is_about_to():
    assert [o.certificate_no for o in OFFICERS if o.certificate_until < ON] == ["310105008"]
    soon = ON + timedelta(days=30)
    assert [o for o in OFFICERS if ON <= o.certificate_until < soon] == [OFFICERS[19]]


def test_a_few_recusals_name_units_of_the_same_agency_and_a_few_officers_are_absent():
    own = {unit.archive_no for unit in OWN}
    recusals = [recusal for officer in OFFICERS for recusal in officer.recusals]
    assert 6 <= len(recusals) <= 18
    assert {recusal.archive_no for recusal in recusals} <= own
    absences = [absence for officer in OFFICERS for absence in officer.absences]
    assert len(absences) == 3
    assert all(absence.from_on <= ON <= absence.until_on for absence in absences)


def test_every_team_has_a_supervisor():
    assert {o.team for o in OFFICERS if o.supervisor} == {o.team for o in OFFICERS}


def test_a_larger_district_begins_with_the_units_of_the_smaller_one():
    larger = district.generate(seed="演示", on=ON, units=2500)
    assert larger.units[:2000] == tuple(OWN)


def test_another_seed_gives_another_district_in_the_same_places():
    other = district.generate(seed="演示二", on=ON)
    assert district.digest(other) != district.digest(DEMO)
    assert {u.cell_code for u in other.units} & {u.cell_code for u in DEMO.units}


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_two_processes_with_different_hash_seeds_give_the_same_district(hash_seed):
    program = (
        "from datetime import date; from app.demo import district;"
        "print(district.digest(district.generate(seed='演示', on=date(2026, 10, 8))))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == district.digest(DEMO)


def test_chance_is_fair_within_what_counting_can_see():
    chance = Chance("seed", "fair")
    counts = Counter(chance.below(7) for _ in range(14_000))
    assert set(counts) == set(range(7))
    assert all(1800 < count < 2200 for count in counts.values())
    orders = Counter("".join(chance.shuffle("abc")) for _ in range(6_000))
    assert len(orders) == 6
    assert all(880 < count < 1120 for count in orders.values())
    weighted = Counter(chance.weighted([("a", 1), ("b", 0), ("c", 3)]) for _ in range(4_000))
    assert weighted["b"] == 0
    assert 900 < weighted["a"] < 1100


def test_chance_of_another_label_is_another_stream():
    one, same, other = Chance("s", "a"), Chance("s", "a"), Chance("s", "b")
    stream = [one.below(1000) for _ in range(20)]
    assert stream == [same.below(1000) for _ in range(20)]
    assert stream != [other.below(1000) for _ in range(20)]
