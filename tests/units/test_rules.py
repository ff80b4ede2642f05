"""One row of the register, and the life of a unit."""

import csv
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import geometry, uscc
from app.units import rules
from app.units.rules import Severity, UnitStatus

DATA = Path(__file__).parents[1] / "data"
with (DATA / "uscc_vectors.tsv").open(encoding="utf-8", newline="") as lines:
    VECTORS = list(csv.DictReader(lines, delimiter="\t"))
AREA = geometry.read_area(
    Path(geometry.__file__).parent / "demo" / "data" / "district_310105.geojson"
)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def codes(problems):
    return [problem.code for problem in problems]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["vector_id"])
def test_every_golden_code_is_judged_as_the_standard_judges_it(vector):
    code = vector["code"]
    error = uscc.uscc_error(code)
    assert (error or "") == vector["error"]
    assert (error is None) == (vector["result"] == "valid")
    if vector["computed_check_character"]:
        assert uscc.uscc_check_character(code) == vector["computed_check_character"]
    if vector["subject_id_check_ok"]:
        assert uscc.subject_id_fits(code) == (vector["subject_id_check_ok"] == "yes")


@pytest.mark.parametrize(
    "typed", ["91310105ma1fl0x4xn", "\uff191310105MA1FL0X4XN", " 9131 0105-MA1FL0X4XN\u3000"]
)
def test_a_code_typed_in_another_form_is_valid_after_normalising(typed):
    code = uscc.normalise_uscc(typed)
    assert code == "91310105MA1FL0X4XN"
    assert uscc.uscc_error(code) is None


@pytest.mark.parametrize(
    ("code", "alphabet"), [("91O10105MA1FL0X4XN", True), ("9131010AMA1FL0X4XN", True)]
)
def test_the_region_consists_of_digits(code, alphabet):
    assert (uscc.uscc_error(code) == uscc.UsccError.ALPHABET) == alphabet


@settings(deadline=None)
@given(st.integers(0, 16), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_found(position, other):
    good = "91310105MA1FL0X4XN"
    code = good[:position] + other + good[position + 1 :]
    assert (uscc.uscc_error(code) is None) == (code == good)


def test_a_wrong_code_is_refused_with_a_sentence():
    (problem,) = rules.uscc_problems("91310115MA1H8R7C6D", division_code="310115")
    assert (problem.field, problem.code) == ("uscc", "uscc-check-character")
    assert problem.severity is Severity.ERROR
    assert "校验码" in problem.detail


def test_a_valid_code_of_this_district_has_no_problem():
    assert rules.uscc_problems("91310105MA1FL0X4XN", division_code="310105") == []


def test_a_code_registered_elsewhere_is_a_warning_only():
    (problem,) = rules.uscc_problems("92440114MA5A2B3C3U", division_code="310105")
    assert (problem.code, problem.severity) == ("uscc-region-differs", Severity.WARNING)


def test_a_subject_id_that_does_not_fit_is_a_warning_only():
    (problem,) = rules.uscc_problems("91310105MA1FL0X40W", division_code="310105")
    assert (problem.code, problem.severity) == ("uscc-subject-id", Severity.WARNING)


def test_an_unknown_authority_class_is_a_warning_where_the_catalogue_names_the_known_ones():
    (problem,) = rules.uscc_problems(
        "91310105MA1FL0X4XN", division_code="310105", authority_classes={"12", "92"}
    )
    assert (problem.code, problem.severity) == ("uscc-class-unknown", Severity.WARNING)


@pytest.mark.parametrize(
    "archive_no", ["CN-GG-000123", "长宁公共场所一", "a", "A" * 23, "GG 12", "浦-1(2)/3"]
)
def test_a_printable_archive_number_up_to_23_bytes_is_right(archive_no):
    assert rules.archive_no_problems(archive_no) == []


@pytest.mark.parametrize(
    ("archive_no", "expected"),
    [
        ("", ["archive-no-empty"]),
        ("A" * 24, ["archive-no-too-long"]),
        ("长宁公共场所一号", ["archive-no-too-long"]),
        ("A\tB", ["archive-no-not-printable"]),
        ("A\nB", ["archive-no-not-printable"]),
        ("A\u200bB", ["archive-no-not-printable"]),
        ("A\ud800", ["archive-no-not-printable"]),
        ("A,B", ["archive-no-comma"]),
        (" A", ["archive-no-space"]),
        ("e\u0301", ["archive-no-not-nfc"]),
        (
            "A,\t" + "长" * 8,
            ["archive-no-not-printable", "archive-no-comma", "archive-no-too-long"],
        ),
    ],
)
def test_an_archive_number_that_a_draw_could_not_use_is_refused(archive_no, expected):
    assert codes(rules.archive_no_problems(archive_no)) == expected


INSIDE = (1_214_165_000, 312_225_000)


def test_a_position_in_the_district_has_no_problem():
    assert rules.place_problems(*INSIDE, AREA) == []


@pytest.mark.parametrize(
    ("lon_e7", "lat_e7", "expected"),
    [
        (312_225_000, 1_214_165_000, "place-out-of-range"),
        (12_141_650_000, 312_225_000, "place-out-of-range"),
        (1_214_350_000, 312_700_000, "place-outside-district"),
        (0, 0, "place-outside-district"),
    ],
)
def test_a_position_elsewhere_is_refused(lon_e7, lat_e7, expected):
    (problem,) = rules.place_problems(lon_e7, lat_e7, AREA)
    assert (problem.field, problem.code) == ("place", expected)
    assert ("填反" in problem.detail) == (lat_e7 == 1_214_165_000)


def test_swapped_degrees_below_90_are_recognised_too():
    feature = {
        "properties": {"division_code": "0", "name": "某区", "crs": "WGS-84"},
        "geometry": {"type": "Polygon", "coordinates": [[[80, 30], [81, 30], [81, 31], [80, 30]]]},
    }
    area = geometry.load_area(feature)
    (problem,) = rules.place_problems(302_000_000, 807_000_000, area)
    assert problem.code == "place-swapped"


@pytest.mark.parametrize(
    ("crs", "word"), [(geometry.Crs.GCJ02, "高德"), (geometry.Crs.BD09, "百度")]
)
def test_a_position_of_another_datum_near_the_border_is_recognised(crs, word):
    lon, lat = 121.4344, 31.2163  # inside, some metres from the eastern border
    assert AREA.contains(geometry.to_e7(lon), geometry.to_e7(lat))
    lon, lat = geometry.convert(lon, lat, geometry.Crs.WGS84, crs)
    (problem,) = rules.place_problems(geometry.to_e7(lon), geometry.to_e7(lat), AREA)
    assert problem.code == "place-other-datum"
    assert word in problem.detail


def test_an_overdue_licence_ends_in_force_cancellation_step_by_step():
    path = [
        UnitStatus.IN_OPERATION,
        UnitStatus.LICENCE_OVERDUE,
        UnitStatus.NOTIFIED,
        UnitStatus.ANNOUNCED,
        UnitStatus.FORCE_CANCELLED,
    ]
    for earlier, later in itertools.pairwise(path):
        assert rules.may_follow(earlier, later)
    for skipped in (UnitStatus.NOTIFIED, UnitStatus.ANNOUNCED, UnitStatus.FORCE_CANCELLED):
        assert not rules.may_follow(UnitStatus.IN_OPERATION, skipped)
    assert not rules.may_follow(UnitStatus.NOTIFIED, UnitStatus.FORCE_CANCELLED)


@pytest.mark.parametrize(
    "waiting", [UnitStatus.LICENCE_OVERDUE, UnitStatus.NOTIFIED, UnitStatus.ANNOUNCED]
)
def test_a_unit_that_renews_in_time_returns_to_operation(waiting):
    assert rules.may_follow(waiting, UnitStatus.IN_OPERATION)


@pytest.mark.parametrize(
    "end",
    [
        UnitStatus.FORCE_CANCELLED,
        UnitStatus.REVOKED,
        UnitStatus.CANCELLED,
        UnitStatus.WITHDRAWN,
    ],
)
def test_what_an_organ_ended_does_not_come_back(end):
    assert not any(rules.may_follow(end, status) for status in UnitStatus)
    assert not rules.is_drawable(end)


def test_a_unit_under_force_cancellation_can_still_be_drawn_a_shut_one_cannot():
    assert {s for s in UnitStatus if rules.is_drawable(s)} == {
        UnitStatus.IN_OPERATION,
        UnitStatus.LICENCE_OVERDUE,
        UnitStatus.NOTIFIED,
        UnitStatus.ANNOUNCED,
    }


def test_no_state_follows_itself_and_every_state_has_a_name():
    for status in UnitStatus:
        assert not rules.may_follow(status, status)
        assert rules.STATUS_NAMES[status]


def test_telephone_numbers_and_names_are_masked():
    assert rules.mask_phone("13800138000") == "138****8000"
    assert rules.mask_phone("5550123") == "*******"
    assert rules.mask_person_name("王小明") == "王**"
    assert rules.mask_person_name("") == ""
