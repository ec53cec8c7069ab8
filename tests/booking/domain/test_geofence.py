"""Distances on the Earth, and who is in range. "必须在图书馆范围的位置进行签到以及签退"."""

from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.geofence import EARTH_M, Position, distance_m, nearness
from booking.domain.refusals import Refusal, RefusalCode
from config.policy import CheckInPolicy
from config.schema import Geofence

FENCE = Geofence(30.0, 120.0, 150)
METRE_NORTH = 1 / 111_195.08
"""Degrees of latitude in one metre on the sphere of this radius: 180 / (pi x EARTH_M)."""


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (0, 90), 10_007_557),  # a quarter of the equator
        ((90, 0), (-90, 77), 20_015_115),  # from pole to pole, whatever the meridian
        ((0, 179.5), (0, -179.5), 111_195),  # across the date line
        ((36.12, -86.67), (33.94, -118.40), 2_886_448),  # Nashville to Los Angeles, airport to airport
        ((45, 0), (-45, 180), 20_015_115),  # antipodes: nothing is rounded out of range
    ],
)
def test_known_distances(one, other, metres):
    assert distance_m(*one, *other) == pytest.approx(metres, rel=0.0001, abs=0.5)
    assert distance_m(*other, *one) == pytest.approx(distance_m(*one, *other))


degrees = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(degrees, degrees)
@settings(deadline=None, derandomize=True)
def test_a_distance_is_never_negative_and_never_more_than_half_way_round(one, other):
    assert 0 <= distance_m(*one, *other) <= 3.141593 * EARTH_M


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy"),
    [(90.1, 0, 1), (-91, 0, 1), (0, 181, 1), (nan, 0, 1), (0, inf, 1), (0, 0, nan), (0, 0, -1), (0, 0, inf)],
)
def test_what_is_no_position(lat, lon, accuracy):
    with pytest.raises(ValueError, match="not a position"):
        Position(lat, lon, accuracy)


@pytest.mark.parametrize(
    ("north", "accuracy", "found"),
    [
        (0, 5, "0-50"),
        (60, 5, "50-100"),
        (149, 0, "100-200"),
        (151, 0, RefusalCode.OUTSIDE_GEOFENCE),
        (190, 50, "100-200"),  # it may well be inside: a reader is not turned away for what a phone is unsure of
        (210, 50, RefusalCode.OUTSIDE_GEOFENCE),
        (0, 101, RefusalCode.POSITION_VAGUE),
    ],
)
def test_in_range_or_not(north, accuracy, found):
    at = Position(FENCE.lat + north * METRE_NORTH, FENCE.lon, accuracy)
    result = nearness(FENCE, at, CheckInPolicy())
    assert (result.code if isinstance(result, Refusal) else result) == found


def test_other_numbers_of_the_site_other_outcomes():
    far = Position(FENCE.lat + 290 * METRE_NORTH, FENCE.lon, 150)
    assert nearness(FENCE, far, CheckInPolicy()).policy_key == "policy.check_in.position_accuracy_m"
    assert nearness(FENCE, far, CheckInPolicy(position_accuracy_m=150)) == "200-500"
    near = Position(far.lat, far.lon, 5)
    assert nearness(FENCE, near, CheckInPolicy()).policy_key == "venues.geofence"
    assert nearness(Geofence(30.0, 120.0, 400), near, CheckInPolicy()) == "200-500"
    assert nearness(Geofence(30.0, 120.0, 5000), Position(30.02, 120.0, 5), CheckInPolicy()) == "1000-"
