"""Outlines, datums and distances, against the published polygons and an independent package."""

import math
from pathlib import Path

import prcoords
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from app import geometry
from app.geometry import Crs

DATA = Path(geometry.__file__).parent / "demo" / "data"
CHANGNING = geometry.read_area(DATA / "district_310105.geojson")

in_china = st.tuples(st.floats(75, 134), st.floats(18, 53))


def metres(a, b):
    return geometry.distance_m(*(geometry.to_e7(v) for v in (*a, *b)))


@pytest.mark.parametrize(
    ("code", "bounds", "corners"),
    [
        ("310105", (121.32727, 31.18138, 121.43484, 31.24588), 147),
        ("310107", (121.32154, 31.22012, 121.44687, 31.30473), 220),
    ],
)
def test_the_outlines_are_those_of_the_source_and_in_wgs_84(code, bounds, corners):
    area = geometry.read_area(DATA / f"district_{code}.geojson")
    assert area.code == code
    assert [round(v / geometry.E7, 5) for v in area.bounds_e7] == list(bounds)
    assert shapely.get_num_coordinates(area.polygon) == corners


def test_a_point_in_the_district_is_inside_and_its_neighbours_are_not():
    assert CHANGNING.contains(1_214_165_000, 312_225_000)
    assert not CHANGNING.contains(1_214_350_000, 312_430_000), "普陀区长寿路"
    assert not CHANGNING.contains(312_225_000, 1_214_165_000), "longitude and latitude swapped"


def test_a_corner_of_the_outline_is_not_inside():
    lon, lat = shapely.get_coordinates(CHANGNING.polygon)[0]
    assert not CHANGNING.contains(geometry.to_e7(lon), geometry.to_e7(lat))


def test_an_outline_without_its_datum_is_refused():
    feature = {
        "properties": {"division_code": "310105", "name": "长宁区"},
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    }
    with pytest.raises(ValueError, match="WGS-84"):
        geometry.load_area(feature)


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [121.4, 31.2]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
    ],
)
def test_an_outline_that_is_no_polygon_is_refused(shape):
    feature = {
        "properties": {"division_code": "310105", "name": "长宁区", "crs": "WGS-84"},
        "geometry": shape,
    }
    with pytest.raises(ValueError, match="polygon"):
        geometry.load_area(feature)


@settings(deadline=None)
@given(in_china)
def test_gcj_02_agrees_with_an_independent_package(point):
    lon, lat = point
    theirs = prcoords.wgs_gcj(prcoords.Coords(lat, lon))
    assert metres(geometry.wgs84_to_gcj02(lon, lat), (theirs.lon, theirs.lat)) < 0.02
    assert geometry.wgs84_to_gcj02(lon, lat) == pytest.approx((theirs.lon, theirs.lat), abs=1e-10)


@settings(deadline=None)
@given(in_china)
def test_bd_09_agrees_with_an_independent_package(point):
    lon, lat = point
    theirs = prcoords.gcj_bd(prcoords.Coords(lat, lon))
    assert geometry.gcj02_to_bd09(lon, lat) == pytest.approx((theirs.lon, theirs.lat), abs=1e-10)


@settings(deadline=None)
@given(in_china, st.sampled_from([Crs.GCJ02, Crs.BD09]))
def test_there_and_back_again_moves_nothing(point, crs):
    lon, lat = point
    there = geometry.convert(lon, lat, Crs.WGS84, crs)
    assert there != point
    assert geometry.convert(*there, crs, Crs.WGS84) == pytest.approx(point, rel=0, abs=1e-12)


def test_in_shanghai_the_datums_lie_half_a_kilometre_apart():
    point = (121.4165, 31.2225)
    assert 450 < metres(point, geometry.wgs84_to_gcj02(*point)) < 520
    assert metres(point, geometry.convert(*point, Crs.WGS84, Crs.CGCS2000)) == 0
    assert metres(point, geometry.convert(*point, Crs.GCJ02, Crs.BD09)) > 500


def test_outside_china_nothing_is_shifted():
    assert geometry.wgs84_to_gcj02(2.35, 48.85) == (2.35, 48.85)
    assert geometry.gcj02_to_wgs84(2.35, 48.85) == (2.35, 48.85)


def test_a_degree_of_latitude_is_111_kilometres_and_of_longitude_less_by_the_cosine():
    assert metres((121, 31), (121, 32)) == pytest.approx(111_195, abs=1)
    expected = 111_195 * math.cos(math.radians(31))
    assert metres((121, 31), (122, 31)) == pytest.approx(expected, rel=1e-4)
    assert metres((0, 0), (180, 0)) == pytest.approx(math.pi * 6_371_008.8)


@pytest.mark.parametrize(
    ("degrees", "e7"),
    [
        ("121.4165", 1_214_165_000),
        (121.327266, 1_213_272_660),
        (-0.00000005, 0),
        (31.1, 311_000_000),
    ],
)
def test_degrees_become_whole_numbers_without_loss(degrees, e7):
    assert geometry.to_e7(degrees) == e7


def test_whole_numbers_become_degrees_again():
    assert geometry.from_e7(1_214_165_000) == 121.4165
