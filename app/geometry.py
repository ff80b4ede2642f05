"""Where things are: the district's outline, the three datums of Chinese maps, distances.

Stored positions are WGS-84 whole numbers of 1e-7 degree (`lon_e7`, `lat_e7`). GCJ-02 (高德, 腾讯)
and BD-09 (百度) exist for display and navigation links: a WGS-84 position is never compared with
one of another datum as it stands, the difference is about 500 m in Shanghai. A position that names
its datum is converted first (`wgs84_e7`); one that does not is compared with nothing.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, shape

E7 = 10_000_000
_EARTH_M = 6_371_008.8
_AXIS_M, _ECCENTRICITY = 6_378_245.0, 0.00669342162296594323  # Krasovsky 1940, as GCJ-02 uses it
_BD_TURN = math.pi * 3000 / 180
_BD_LON, _BD_LAT = 0.0065, 0.006

_Shift = Callable[[float, float], tuple[float, float]]


class Crs(StrEnum):
    """The datum of a position as its source gave it. CGCS2000 equals WGS-84 within centimetres."""

    WGS84 = "WGS-84"
    CGCS2000 = "CGCS2000"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


@dataclass(frozen=True, slots=True)
class Area:
    """The outline of a district in WGS-84, prepared for many questions."""

    code: str
    name: str
    polygon: Polygon | MultiPolygon

    @property
    def bounds_e7(self) -> tuple[int, int, int, int]:
        """West, south, east, north in 1e-7 degrees."""
        west, south, east, north = self.polygon.bounds
        return to_e7(west), to_e7(south), to_e7(east), to_e7(north)

    def contains(self, lon_e7: int, lat_e7: int) -> bool:
        """Say whether the position lies strictly inside; a point on the outline does not."""
        return bool(shapely.contains_xy(self.polygon, lon_e7 / E7, lat_e7 / E7))


def load_area(feature: Mapping[str, Any]) -> Area:
    """Build an area from a GeoJSON feature with `division_code`, `name` and `crs` = WGS-84.

    Raises ValueError when the datum is another or is not named, or when the outline is no valid
    polygon: a district in the wrong datum would shift every check by half a kilometre.
    """
    properties = feature["properties"]
    if properties.get("crs") != Crs.WGS84:
        raise ValueError(f"The outline must name WGS-84 as its crs, not {properties.get('crs')!r}.")
    polygon = shape(feature["geometry"])
    if not isinstance(polygon, Polygon | MultiPolygon) or not polygon.is_valid or polygon.is_empty:
        raise ValueError("The outline is not a valid polygon.")
    shapely.prepare(polygon)
    return Area(str(properties["division_code"]), str(properties["name"]), polygon)


def read_area(path: Path) -> Area:
    """Read an area from a GeoJSON file; see `load_area`."""
    return load_area(json.loads(path.read_text(encoding="utf-8")))


def to_e7(degrees: float | str | Decimal) -> int:
    """Return whole 1e-7 degrees; the text or decimal form is converted exactly, then rounded."""
    value = degrees if isinstance(degrees, Decimal) else Decimal(str(degrees))
    return int((value * E7).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def from_e7(value_e7: int) -> float:
    """Return degrees."""
    return value_e7 / E7


def distance_m(lon_e7: int, lat_e7: int, other_lon_e7: int, other_lat_e7: int) -> float:
    """Return the great-circle distance in metres of two positions of one datum (sphere: ±0.5 %)."""
    lat, other_lat = math.radians(lat_e7 / E7), math.radians(other_lat_e7 / E7)
    half_lat = (other_lat - lat) / 2
    half_lon = math.radians((other_lon_e7 - lon_e7) / E7) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat) * math.cos(other_lat) * math.sin(half_lon) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(chord)))


def _wave(phase: float, *terms: tuple[float, float]) -> float:
    return sum(size * math.sin(phase * pace * math.pi) for size, pace in terms) * 2 / 3


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Shift WGS-84 degrees to GCJ-02; outside China's bounding box nothing is shifted."""
    if not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271):
        return lon, lat
    x, y = lon - 105, lat - 35
    root, cross = math.sqrt(abs(x)), x * y / 10
    ripple = _wave(x, (20, 6), (20, 2))
    north = -100 + 2 * x + 3 * y + y * y / 5 + cross + root / 5 + ripple
    north += _wave(y, (20, 1), (40, 1 / 3)) + _wave(y, (160, 1 / 12), (320, 1 / 30))
    east = 300 + x + 2 * y + x * x / 10 + cross + root / 10 + ripple
    east += _wave(x, (20, 1), (40, 1 / 3)) + _wave(x, (150, 1 / 12), (300, 1 / 30))
    phi = math.radians(lat)
    flat = 1 - _ECCENTRICITY * math.sin(phi) ** 2
    meridian = _AXIS_M * (1 - _ECCENTRICITY) / flat**1.5
    parallel = _AXIS_M / math.sqrt(flat) * math.cos(phi)
    return lon + math.degrees(east / parallel), lat + math.degrees(north / meridian)


def gcj02_to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Shift GCJ-02 degrees to BD-09."""
    reach = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BD_TURN)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BD_TURN)
    return reach * math.cos(angle) + _BD_LON, reach * math.sin(angle) + _BD_LAT


def _undo(shift: _Shift, lon: float, lat: float) -> tuple[float, float]:
    """Invert a small shift by six steps of a fixed-point iteration (error below 1e-8 m)."""
    back_lon, back_lat = lon, lat
    for _ in range(6):
        there_lon, there_lat = shift(back_lon, back_lat)
        back_lon, back_lat = back_lon + lon - there_lon, back_lat + lat - there_lat
    return back_lon, back_lat


def gcj02_to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """Undo `wgs84_to_gcj02`."""
    return _undo(wgs84_to_gcj02, lon, lat)


def bd09_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Undo `gcj02_to_bd09`."""
    return _undo(gcj02_to_bd09, lon, lat)


def convert(lon: float, lat: float, source: Crs, target: Crs) -> tuple[float, float]:
    """Convert degrees between datums."""
    if source is Crs.BD09:
        lon, lat = bd09_to_gcj02(lon, lat)
    if source in (Crs.BD09, Crs.GCJ02):
        lon, lat = gcj02_to_wgs84(lon, lat)
    if target in (Crs.BD09, Crs.GCJ02):
        lon, lat = wgs84_to_gcj02(lon, lat)
    if target is Crs.BD09:
        lon, lat = gcj02_to_bd09(lon, lat)
    return lon, lat


def find_crs(name: str) -> Crs | None:
    """Return the datum of a name as tablets write it (`WGS-84`, `wgs84`, `GCJ02` …), if known."""
    plain = name.upper().replace("-", "").replace("_", "").replace(" ", "")
    return next((crs for crs in Crs if crs.replace("-", "") == plain), None)


def wgs84_e7(lon_e7: int, lat_e7: int, crs: Crs) -> tuple[int, int]:
    """Return a position of a named datum as WGS-84 (longitude, latitude), to be compared."""
    lon, lat = convert(from_e7(lon_e7), from_e7(lat_e7), crs, Crs.WGS84)
    return to_e7(lon), to_e7(lat)
