"""What makes a person look again, and what nobody may be suspected for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import canonical
from app.geometry import Crs, convert, from_e7, to_e7
from app.visits.integrity_rules import (
    Doubt,
    Limits,
    Moment,
    Reason,
    Span,
    Spot,
    Stay,
    Unjudged,
    Use,
    grew,
    judge_departure,
    judge_exif_place,
    judge_fix,
    judge_journey,
    judge_time,
    judge_unended,
    may_decide,
    metres_between,
    read_fix,
    spot_of_unit,
    worst,
)

AT = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LON_E7, LAT_E7 = 1_214_246_780, 312_204_560  # 长宁
LIMITS = Limits(300, 200, 600, 120, 2000, 300, 900, 3600, 3, 86_400, sources={})
UNIT = Spot(LON_E7, LAT_E7, 300)
METRE_E7 = 90  # of latitude, nearly


def fix(north_m=0, **changed):
    """A good GPS fix, so many metres north of the unit."""
    return {
        "lat_e7": LAT_E7 + round(north_m * METRE_E7),
        "lon_e7": LON_E7,
        "accuracy_cm": 1250,
        "datum": "WGS-84",
        "fixed_at": canonical.instant(AT),
        "mock": False,
        "provider": "gps",
        **changed,
    }


def judge(given_fix, unit=UNIT):
    return judge_fix(given_fix, AT, unit, LIMITS, far=Reason.ARRIVAL_FAR, mock=Reason.ARRIVAL_MOCK)


def shifted(crs, **changed):
    """The unit's own place, written in another datum."""
    lon, lat = convert(from_e7(LON_E7), from_e7(LAT_E7), Crs.WGS84, crs)
    return fix(lat_e7=to_e7(lat), lon_e7=to_e7(lon), **changed)


# --- places ---


def test_a_fix_near_the_unit_is_no_doubt():
    assert judge(fix()) is None
    assert judge(fix(300)) is None


def test_the_limit_is_radius_plus_accuracy_and_its_edge_is_still_there():
    edge = next(m for m in range(300, 330) if isinstance(judge(fix(m)), Doubt))
    assert 312 <= edge <= 315
    far = judge(fix(800))
    assert isinstance(far, Doubt)
    assert far.reason is Reason.ARRIVAL_FAR
    assert far.measured == {
        "distance_m": pytest.approx(800, abs=3),
        "radius_m": 300,
        "accuracy_m": 13,
        "datum": "WGS-84",
    }


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "BD-09", "BD09", "CGCS2000", "wgs84"])
def test_a_datum_that_is_named_is_converted_before_anything_is_compared(name):
    crs = next(crs for crs in Crs if crs.replace("-", "") == name.upper().replace("-", ""))
    assert judge(shifted(crs, datum=name)) is None


def test_a_gcj_position_that_says_it_is_wgs_lies_half_a_kilometre_off():
    doubt = judge(shifted(Crs.GCJ02))
    assert isinstance(doubt, Doubt)
    assert 400 < doubt.measured["distance_m"] < 600


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"datum": "自定义"}, Unjudged.DATUM_UNKNOWN),
        ({"datum": "Beijing54"}, Unjudged.DATUM_UNKNOWN),
        ({"accuracy_cm": 20_001}, Unjudged.ACCURACY_POOR),
        ({"fixed_at": canonical.instant(AT - timedelta(minutes=11))}, Unjudged.FIX_STALE),
        ({"fixed_at": canonical.instant(AT + timedelta(minutes=11))}, Unjudged.FIX_STALE),
    ],
)
def test_a_fix_that_says_too_little_is_not_judged_and_the_reason_is_said(changed, why):
    assert judge(fix(5000, **changed)) is why


def test_without_a_fix_or_a_place_of_the_unit_nothing_is_judged():
    assert judge(None) is Unjudged.NO_FIX
    assert judge({"lat_e7": LAT_E7}) is Unjudged.NO_FIX
    assert judge(fix(), Unjudged.UNIT_WITHOUT_PLACE) is Unjudged.UNIT_WITHOUT_PLACE
    assert spot_of_unit(None, None, "WGS-84", LIMITS) is Unjudged.UNIT_WITHOUT_PLACE
    assert spot_of_unit(LON_E7, LAT_E7, "?", LIMITS) is Unjudged.DATUM_UNKNOWN


@pytest.mark.parametrize("changed", [{}, {"accuracy_cm": 10**6}, {"datum": "?"}])
def test_a_mocked_fix_is_a_doubt_wherever_it_says_it_is(changed):
    doubt = judge(fix(mock=True, **changed))
    assert isinstance(doubt, Doubt)
    assert doubt.reason is Reason.ARRIVAL_MOCK


@given(st.integers(-900_000_000, 900_000_000), st.integers(-1_800_000_000, 1_800_000_000))
def test_any_place_on_earth_in_any_datum_can_be_read(lat_e7, lon_e7):
    for crs in Crs:
        read = read_fix(fix(lat_e7=lat_e7, lon_e7=lon_e7, datum=str(crs)), AT, LIMITS)
        assert isinstance(read, Spot)
        assert metres_between(read, UNIT) >= 0


def test_a_pictures_own_place_is_read_in_both_datums_and_the_nearer_counts():
    mapped = shifted(Crs.GCJ02)
    assert judge_exif_place(mapped["lon_e7"], mapped["lat_e7"], UNIT, LIMITS) is None
    assert judge_exif_place(LON_E7, LAT_E7 + 450 * METRE_E7, UNIT, LIMITS) is None
    far = judge_exif_place(LON_E7, LAT_E7 + 5000 * METRE_E7, UNIT, LIMITS)
    assert isinstance(far, Doubt)
    assert far.measured["distance_m"] > 4000
    assert judge_exif_place(None, None, UNIT, LIMITS) is Unjudged.NO_FIX


# --- the way between two visits ---


def stay(km, minutes, *, left=None, device="a", slack_m=10):
    """An arrival so many kilometres north, so many minutes after nine."""

    def moment(where_km, when):
        place = Spot(LON_E7, LAT_E7 + round(where_km * 1000 * METRE_E7), slack_m)
        return Moment(AT + timedelta(minutes=when), place)

    return Stay(moment(km, minutes), None if left is None else moment(*left), device)


def test_a_way_that_can_be_driven_is_no_doubt():
    assert judge_journey(stay(0, 0), stay(10, 30), LIMITS) is None


@pytest.mark.parametrize("turned", [False, True])
def test_a_way_that_nobody_drives_is_a_doubt_whichever_visit_is_named_first(turned):
    one, other = stay(0, 0), stay(10, 2)
    doubt = judge_journey(*((other, one) if turned else (one, other)), LIMITS)
    assert doubt is not None
    assert doubt.reason is Reason.TOO_FAST
    assert doubt.measured["seconds"] == 120
    assert 9900 < doubt.measured["counted_m"] < 10_100
    assert 295 < doubt.measured["speed_kmh"] < 305


def test_what_counts_is_where_the_earlier_visit_was_left():
    lingered = stay(0, 0, left=(0, 58))
    assert judge_journey(stay(0, 0), stay(10, 60), LIMITS) is None
    assert judge_journey(lingered, stay(10, 60), LIMITS) is not None
    finished_on_the_way = stay(0, 0, left=(9.5, 58))
    assert judge_journey(finished_on_the_way, stay(10, 60), LIMITS) is None


def test_a_visit_that_ended_after_the_next_began_counts_from_its_beginning():
    assert judge_journey(stay(0, 0, left=(0, 90)), stay(10, 60), LIMITS) is None


def test_short_ways_are_never_looked_at():
    assert judge_journey(stay(0, 0), stay(1.9, 0), LIMITS) is None
    assert judge_journey(stay(0, 0), stay(2.5, 0), LIMITS) is not None
    assert judge_journey(stay(0, 0, slack_m=300), stay(2.5, 0, slack_m=300), LIMITS) is None


def test_clocks_of_two_tablets_may_be_apart():
    assert judge_journey(stay(0, 0), stay(5, 1), LIMITS) is not None
    assert judge_journey(stay(0, 0), stay(5, 1, device="b"), LIMITS) is None


# --- times ---


def span(minutes=60, *, suspect=False):
    end = None if minutes is None else AT + timedelta(minutes=minutes)
    return Span(AT, end, suspect)


def taken(minutes, *, suspect=False, during=None):
    return judge_time(
        AT + timedelta(minutes=minutes),
        during or span(),
        LIMITS,
        suspect=suspect,
        reason=Reason.PHOTO_OUTSIDE,
    )


@pytest.mark.parametrize("minutes", [-15, 0, 30, 60, 120])
def test_a_photo_of_the_visits_time_is_no_doubt(minutes):
    assert taken(minutes) is None


def test_a_photo_of_another_time_is_a_doubt_with_its_seconds():
    assert taken(-16) == Doubt(Reason.PHOTO_OUTSIDE, {"seconds_before": 960})
    assert taken(121) == Doubt(Reason.PHOTO_OUTSIDE, {"seconds_after": 3660})


def test_while_a_visit_goes_on_nothing_is_too_late():
    assert taken(10_000, during=span(None)) is None
    assert taken(-16, during=span(None)) is not None


def test_a_clock_that_was_known_to_be_wrong_is_held_against_nobody():
    assert taken(-10_000, suspect=True) is Unjudged.CLOCK_SUSPECT
    assert taken(-10_000, during=span(suspect=True)) is Unjudged.CLOCK_SUSPECT
    nothing = judge_time(None, span(), LIMITS, suspect=False, reason=Reason.EXIF_OUTSIDE)
    assert nothing is Unjudged.NO_TIME


# --- pictures, counts, decisions ---


@pytest.mark.parametrize(
    ("one", "other", "again"),
    [
        (("visit", 1, "A"), ("visit", 1, "A"), False),
        (("visit", 1, "A"), ("visit", 2, "A"), True),
        (("visit", 1, "A"), ("visit", 2, "B"), True),
        (("visit", 1, "A"), ("task", 7, "A"), False),
        (("task", 7, "A"), ("task", 8, "A"), True),
        (("visit", 1, "A"), ("task", 7, "B"), True),
    ],
)
def test_a_picture_is_used_again_for_another_visit_or_another_unit(one, other, again):
    assert Use(*one).repeats(Use(*other)) is again
    assert Use(*other).repeats(Use(*one)) is again


def test_many_photos_of_one_doubt_are_one_finding_with_the_worst_of_them():
    doubts = [(Doubt(Reason.PHOTO_FAR, {"distance_m": metres}), metres) for metres in (400, 900)]
    doubts.append((Doubt(Reason.EXIF_FAR, {"distance_m": 700}), 700))
    assert worst(doubts) == [
        (Doubt(Reason.PHOTO_FAR, {"distance_m": 900, "photos": 2}), 900),
        (Doubt(Reason.EXIF_FAR, {"distance_m": 700, "photos": 1}), 700),
    ]


def test_only_more_photos_are_told_again():
    assert grew({"photos": 1}, {"photos": 2})
    assert not grew({"photos": 2}, {"photos": 2})
    assert not grew({"distance_m": 1}, {"distance_m": 2})


def test_nobody_decides_about_a_visit_he_was_at():
    assert may_decide(None, [1, 2])
    assert may_decide(3, [1, 2])
    assert not may_decide(1, [1, 2])


# --- departures ---


@given(after=st.integers(-7200, 7200), suspect=st.booleans())
def test_a_departure_before_the_last_act_is_told_beyond_what_two_clocks_may_differ(after, suspect):
    span = Span(AT - timedelta(hours=3), AT, suspect)
    found = judge_departure(span, AT + timedelta(seconds=after), LIMITS)
    if suspect:
        assert found is Unjudged.CLOCK_SUSPECT
    elif after <= LIMITS.clock_s:
        assert found is None
    else:
        assert found == Doubt(Reason.DEPARTURE_EARLY, {"seconds_after": after})


def test_a_visit_under_way_has_no_departure_until_a_day_has_passed():
    assert judge_departure(Span(AT, None, False), AT, LIMITS) is None
    assert judge_unended(AT, AT + timedelta(days=1), LIMITS) is None
    late = judge_unended(AT, AT + timedelta(days=1, seconds=1), LIMITS)
    assert late == Doubt(Reason.DEPARTURE_MISSING, {"seconds": 86_401})
