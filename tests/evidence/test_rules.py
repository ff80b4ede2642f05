from datetime import UTC, datetime, timedelta

import pytest

from app.evidence.rules import Doubt, Place, compare_place, compare_time, list_doubts

HALL = Place(lat_e7=312204560, lon_e7=1214246780)
NEXT_STREET = Place(lat_e7=312249560, lon_e7=1214246780)  # 0.0045 degrees north
AT = datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


def doubts(
    exif: Place | None = HALL,
    fix: Place | None = HALL,
    taken_at: datetime | None = AT,
    recorded_at: datetime | None = AT,
) -> list[Doubt]:
    return list_doubts(exif, fix, taken_at, recorded_at, distance_max_m=500, gap_max_s=300)


def test_the_distance_is_in_metres() -> None:
    assert compare_place(HALL, NEXT_STREET) == pytest.approx(500.4, abs=0.5)
    assert compare_place(HALL, HALL) == 0


def test_what_is_not_known_is_not_compared() -> None:
    assert compare_place(None, HALL) is None
    assert compare_place(HALL, None) is None
    assert compare_time(None, AT) is None
    assert compare_time(AT, None) is None


def test_the_gap_has_no_direction() -> None:
    later = AT + timedelta(minutes=5)
    assert compare_time(AT, later) == compare_time(later, AT) == 300


def test_a_picture_of_this_place_and_time_raises_no_doubt() -> None:
    assert doubts() == []
    assert doubts(taken_at=AT + timedelta(seconds=300)) == []
    assert doubts(taken_at=None) == []
    assert doubts(fix=None) == []


def test_a_picture_from_elsewhere_or_another_time_raises_doubts() -> None:
    assert doubts(exif=NEXT_STREET) == [Doubt.PLACE_DIFFERS]
    assert doubts(taken_at=AT - timedelta(seconds=301)) == [Doubt.TIME_DIFFERS]
    assert doubts(exif=None, taken_at=AT - timedelta(days=1)) == [
        Doubt.NO_PLACE,
        Doubt.TIME_DIFFERS,
    ]
