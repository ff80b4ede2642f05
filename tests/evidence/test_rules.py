from datetime import UTC, datetime, timedelta

import pytest

from app.evidence.rules import Place, compare_place, compare_time

HALL = Place(lat_e7=312204560, lon_e7=1214246780)
NEXT_STREET = Place(lat_e7=312249560, lon_e7=1214246780)  # 0.0045 degrees north
AT = datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)


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
