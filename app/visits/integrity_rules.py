"""When a place, a journey, a time or a picture makes a person look again: hints, never proof.

A finding warns and blocks nothing. What cannot be judged is said to be so, with the reason; nobody
is suspected for a fix in a datum that nobody knows, or for a clock that was known to be wrong.
Distances are metres, coordinates whole 1e-7 degrees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app import canonical
from app.geometry import Crs, distance_m, find_crs, wgs84_e7


class IntegrityKind(StrEnum):
    """What a finding is about: a place, the way between visits, a time, a picture used again."""

    PLACE = "place"
    TRAVEL = "travel"
    TIME = "time"
    REUSE = "reuse"


class IntegrityState(StrEnum):
    """What a supervisor made of it: nothing yet, there is an explanation, or it stands."""

    OPEN = "open"
    EXPLAINED = "explained"
    UPHELD = "upheld"


class Reason(StrEnum):
    """What was found; the first word says of what: an arrival, a departure, a photo, a file …"""

    ARRIVAL_FAR = "arrival-far"
    ARRIVAL_MOCK = "arrival-mock"
    PHOTO_FAR = "photo-far"
    PHOTO_MOCK = "photo-mock"
    EXIF_FAR = "exif-far"
    TOO_FAST = "too-fast"
    PHOTO_OUTSIDE = "photo-outside-visit"
    EXIF_OUTSIDE = "exif-outside-visit"
    SAME_FILE = "same-file"
    SAME_PICTURE = "same-picture"
    DEPARTURE_FAR = "departure-far"
    DEPARTURE_MOCK = "departure-mock"
    DEPARTURE_EARLY = "departure-early"
    DEPARTURE_MISSING = "departure-missing"


class Unjudged(StrEnum):
    """Why nothing can be said."""

    NO_FIX = "no-fix"
    FIX_STALE = "fix-stale"
    DATUM_UNKNOWN = "datum-unknown"
    ACCURACY_POOR = "accuracy-poor"
    UNIT_WITHOUT_PLACE = "unit-without-place"
    CLOCK_SUSPECT = "clock-suspect"
    NO_TIME = "no-time"
    NOT_ARRIVED = "not-arrived"
    NOT_INSPECTED = "not-inspected"
    TOO_LITTLE_TO_SEE = "too-little-to-see"


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of the catalogue in force; `sources` says of each which row it came from."""

    radius_m: int
    accuracy_m: int
    fix_age_s: int
    speed_kmh: int
    journey_m: int
    clock_s: int
    before_s: int
    after_s: int
    reuse_bits: int
    open_s: int
    sources: Mapping[str, Mapping[str, Any]]


SETTINGS: Mapping[str, str] = {
    "radius_m": "geofence-m",
    "accuracy_m": "fix-accuracy-max-m",
    "fix_age_s": "fix-age-max-s",
    "speed_kmh": "travel-speed-max-kmh",
    "journey_m": "travel-distance-min-m",
    "clock_s": "travel-clock-slack-s",
    "before_s": "photo-before-visit-s",
    "after_s": "photo-after-visit-s",
    "reuse_bits": "picture-reuse-bits",
    "open_s": "departure-missing-after-s",
}


def limits_of(rows: Mapping[str, Mapping[str, Any]]) -> Limits:
    """Return the thresholds of settings by their codes, as server and tablets have them."""
    values = {name: int(rows[code]["value"]) for name, code in SETTINGS.items()}
    return Limits(**values, sources={name: rows[code] for name, code in SETTINGS.items()})


@dataclass(frozen=True, slots=True)
class Spot:
    """A WGS-84 position and how far from it the truth may lie."""

    lon_e7: int
    lat_e7: int
    slack_m: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to look at: the reason and what was measured, whole numbers and words only."""

    reason: Reason
    measured: Mapping[str, Any]


# --- places ---

_MEMBERS = frozenset({"lat_e7", "lon_e7", "accuracy_cm", "datum", "fixed_at", "mock", "provider"})


def read_fix(
    fix: Mapping[str, Any] | None, recorded_at: datetime, limits: Limits
) -> Spot | Unjudged:
    """Return where a tablet was by its own word, or why that cannot be said.

    GCJ-02, BD-09 and CGCS2000 are converted. A mocked fix is read as it stands. A fix that the
    tablet made long before or after what it recorded says nothing of the place.
    """
    if fix is None or not fix.keys() >= _MEMBERS:
        return Unjudged.NO_FIX
    crs = find_crs(fix["datum"])
    if crs is None:
        return Unjudged.DATUM_UNKNOWN
    apart = abs((canonical.parse_instant(fix["fixed_at"]) - recorded_at).total_seconds())
    if apart > limits.fix_age_s:
        return Unjudged.FIX_STALE
    if fix["accuracy_cm"] > limits.accuracy_m * 100:
        return Unjudged.ACCURACY_POOR
    lon_e7, lat_e7 = wgs84_e7(fix["lon_e7"], fix["lat_e7"], crs)
    return Spot(lon_e7, lat_e7, _metres(fix["accuracy_cm"]))


def _metres(centimetres: int) -> int:
    return -(-centimetres // 100)


def spot_of_unit(
    lon_e7: int | None, lat_e7: int | None, datum: str, limits: Limits
) -> Spot | Unjudged:
    """Return where a unit stands, with the radius in which a visit counts as being there."""
    if lon_e7 is None or lat_e7 is None:
        return Unjudged.UNIT_WITHOUT_PLACE
    crs = find_crs(datum)
    if crs is None:
        return Unjudged.DATUM_UNKNOWN
    return Spot(*wgs84_e7(lon_e7, lat_e7, crs), slack_m=limits.radius_m)


def metres_between(one: Spot, other: Spot) -> int:
    """Return the distance of two spots' centres."""
    return round(distance_m(one.lon_e7, one.lat_e7, other.lon_e7, other.lat_e7))


def judge_fix(
    fix: Mapping[str, Any] | None,
    recorded_at: datetime,
    unit: Spot | Unjudged,
    limits: Limits,
    *,
    far: Reason,
    mock: Reason,
) -> Doubt | Unjudged | None:
    """Hold a tablet's fix against the unit's place; a mocked fix is a doubt wherever it says it is.

    Exactly at radius plus accuracy is still there.
    """
    here = read_fix(fix, recorded_at, limits)
    apart = None
    if isinstance(here, Spot) and isinstance(unit, Spot):
        apart = metres_between(here, unit)
    if fix is not None and fix.get("mock"):
        return Doubt(mock, {"distance_m": apart, "provider": fix.get("provider")})
    if isinstance(here, Unjudged):
        return here
    if isinstance(unit, Unjudged):
        return unit
    if apart is None or fix is None or apart <= unit.slack_m + here.slack_m:
        return None
    return Doubt(
        far,
        {
            "distance_m": apart,
            "radius_m": unit.slack_m,
            "accuracy_m": here.slack_m,
            "datum": str(find_crs(fix["datum"])),
        },
    )


def words(doubt: Doubt) -> str:
    """Return what a tablet says to the officer at the door; it is kept, and stops nothing."""
    when = "到达" if doubt.reason in {Reason.ARRIVAL_FAR, Reason.ARRIVAL_MOCK} else "离开"
    if doubt.reason in {Reason.ARRIVAL_MOCK, Reason.DEPARTURE_MOCK}:
        return f"{when}时的定位由模拟位置提供；已记录，不影响检查。"
    apart, radius = doubt.measured["distance_m"], doubt.measured["radius_m"]
    slack = doubt.measured["accuracy_m"]
    return (
        f"{when}时的定位距被检查单位 {apart} 米，超出核对半径 {radius} 米"
        f"（定位误差 {slack} 米）；已记录，不影响检查。"
    )


def judge_exif_place(
    lon_e7: int | None, lat_e7: int | None, unit: Spot | Unjudged, limits: Limits
) -> Doubt | Unjudged | None:
    """Hold a picture's own place against the unit's.

    EXIF names no datum: WGS-84 by its standard, GCJ-02 from some phones sold in China. It is read
    both ways and the nearer counts, with the worst accuracy that a fix may have.
    """
    if lon_e7 is None or lat_e7 is None:
        return Unjudged.NO_FIX
    if isinstance(unit, Unjudged):
        return unit
    readings = [
        Spot(*wgs84_e7(lon_e7, lat_e7, crs), slack_m=limits.accuracy_m)
        for crs in (Crs.WGS84, Crs.GCJ02)
    ]
    apart = min(metres_between(one, unit) for one in readings)
    if apart <= unit.slack_m + limits.accuracy_m:
        return None
    return Doubt(
        Reason.EXIF_FAR,
        {"distance_m": apart, "radius_m": unit.slack_m, "accuracy_m": limits.accuracy_m},
    )


# --- the way between two visits ---


@dataclass(frozen=True, slots=True)
class Moment:
    """Somebody was at a spot at an instant, by the clock of a tablet."""

    at: datetime
    spot: Spot


@dataclass(frozen=True, slots=True)
class Stay:
    """One officer's part in a visit: when he came, and when he left if his tablet said where."""

    arrived: Moment
    left: Moment | None
    device: object


def judge_journey(one: Stay, other: Stay, limits: Limits) -> Doubt | None:
    """Tell whether one person, or one tablet, cannot have got from one visit to the other in time.

    The way is counted from where the earlier visit was last known to be to where the later one
    began, less the inaccuracy of both; where two tablets' clocks are compared, the time is as much
    longer as a clock may be off unnoticed. Short ways are never looked at.
    """
    earlier, later = sorted((one, other), key=lambda stay: stay.arrived.at)
    start = earlier.arrived
    if earlier.left is not None and earlier.left.at <= later.arrived.at:
        start = earlier.left
    apart = metres_between(start.spot, later.arrived.spot)
    metres = max(0, apart - start.spot.slack_m - later.arrived.spot.slack_m)
    if metres < limits.journey_m:
        return None
    seconds = round((later.arrived.at - start.at).total_seconds())
    counted = seconds if earlier.device == later.device else seconds + limits.clock_s
    speed_kmh = round(metres * 3.6 / max(counted, 1))
    if speed_kmh <= limits.speed_kmh:
        return None
    return Doubt(
        Reason.TOO_FAST,
        {
            "distance_m": apart,
            "counted_m": metres,
            "seconds": seconds,
            "counted_s": counted,
            "speed_kmh": speed_kmh,
        },
    )


# --- times ---


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a visit went, by its tablets; `suspect` when their clock was wrong."""

    begin: datetime
    end: datetime | None
    suspect: bool


def judge_time(
    taken_at: datetime | None, span: Span, limits: Limits, *, suspect: bool, reason: Reason
) -> Doubt | Unjudged | None:
    """Hold the time of a photo against the visit's; before the visit ended only its beginning."""
    if span.suspect or suspect:
        return Unjudged.CLOCK_SUSPECT
    if taken_at is None:
        return Unjudged.NO_TIME
    before = round((span.begin - taken_at).total_seconds())
    if before > limits.before_s:
        return Doubt(reason, {"seconds_before": before})
    after = 0 if span.end is None else round((taken_at - span.end).total_seconds())
    if after > limits.after_s:
        return Doubt(reason, {"seconds_after": after})
    return None


def judge_departure(span: Span, last_act_at: datetime, limits: Limits) -> Doubt | Unjudged | None:
    """Hold the end of a visit against the last thing that was done there; two clocks may differ."""
    if span.end is None:
        return None
    if span.suspect:
        return Unjudged.CLOCK_SUSPECT
    after = round((last_act_at - span.end).total_seconds())
    return (
        None if after <= limits.clock_s else Doubt(Reason.DEPARTURE_EARLY, {"seconds_after": after})
    )


def judge_unended(begun_at: datetime, at: datetime, limits: Limits) -> Doubt | None:
    """Tell of a visit that nobody is known to have left, long after it began."""
    seconds = round((at - begun_at).total_seconds())
    return (
        None if seconds <= limits.open_s else Doubt(Reason.DEPARTURE_MISSING, {"seconds": seconds})
    )


# --- pictures ---


@dataclass(frozen=True, slots=True)
class Use:
    """What a picture is evidence of: a visit or a task, of a unit."""

    subject_type: str
    subject_id: object
    unit_id: object

    def repeats(self, other: "Use") -> bool:
        """Tell whether one picture for both is a picture used again.

        A visit and its own task share theirs; two visits do not, nor do two units.
        """
        if self.unit_id != other.unit_id:
            return True
        same_kind = self.subject_type == other.subject_type
        return same_kind and self.subject_id != other.subject_id


# --- many photos, one finding ---


def worst(doubts: Iterable[tuple[Doubt, object]]) -> list[tuple[Doubt, object]]:
    """Return one doubt for each reason: the worst measured, and how many photos have it.

    A visit with forty photos by a wrong clock is one thing to look at, not forty.
    """
    by_reason: dict[Reason, list[tuple[Doubt, object]]] = {}
    for doubt, photo in doubts:
        by_reason.setdefault(doubt.reason, []).append((doubt, photo))
    found = []
    for same in by_reason.values():
        doubt, photo = max(same, key=lambda each: _size(each[0]))
        found.append((Doubt(doubt.reason, {**doubt.measured, "photos": len(same)}), photo))
    return found


def _size(doubt: Doubt) -> int:
    sizes: Sequence[Any] = [value for value in doubt.measured.values() if isinstance(value, int)]
    return max(sizes, default=0)


def grew(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell whether what was found before has become more: only then is it told again."""
    return int(now.get("photos", 0)) > int(before.get("photos", 0))


# --- decisions ---


def may_decide(officer_id: object, attended: Iterable[object]) -> bool:
    """Tell whether a supervisor may decide: nobody does who was there himself."""
    return officer_id is None or officer_id not in set(attended)
