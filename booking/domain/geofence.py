"""Is a position inside a library's range? "必须在图书馆范围的位置进行签到以及签退". Pure; a position goes no further than here.

What is kept of it is a coarse distance ("0-50" metres), never the position.
"""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from booking.domain.refusals import Refusal, RefusalCode
from config.policy import CheckInPolicy
from config.schema import Geofence

EARTH_M = 6_371_008.8
"""The Earth's mean radius in metres (IUGG); a sphere is off by half a per cent at the most."""
MAX_LATITUDE, MAX_LONGITUDE = 90.0, 180.0
_STEPS = (50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a phone says it is, in degrees (WGS 84), and within how many metres it is sure of it.

    ValueError for numbers that are no place on Earth.
    """

    lat: float
    lon: float
    accuracy: float

    def __post_init__(self) -> None:
        """Refuse what is out of range; comparisons with NaN are false, so it is refused too."""
        on_earth = -MAX_LATITUDE <= self.lat <= MAX_LATITUDE and -MAX_LONGITUDE <= self.lon <= MAX_LONGITUDE
        if not (on_earth and 0 <= self.accuracy < EARTH_M):
            raise ValueError("not a position: lat -90..90, lon -180..180, accuracy in metres from 0")


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the metres between two points along the Earth's surface (haversine)."""
    half_north = sin(radians(other_lat - lat) / 2)
    half_east = sin(radians(other_lon - lon) / 2)
    square = half_north**2 + cos(radians(lat)) * cos(radians(other_lat)) * half_east**2
    return 2 * EARTH_M * asin(sqrt(min(1.0, square)))


def nearness(fence: Geofence, position: Position, policy: CheckInPolicy) -> str | Refusal:
    """Return how near a position inside `fence` is to its middle, coarsely ("0-50"); or why it does not count.

    A reader is never turned away for what their phone is unsure of: its accuracy is added to the fence. So a phone
    must be sure enough (`policy.check_in.position_accuracy_m`), or any place would be near.
    """
    if position.accuracy > policy.position_accuracy_m:
        return Refusal(
            RefusalCode.POSITION_VAGUE,
            "policy.check_in.position_accuracy_m",
            facts={"metres": str(policy.position_accuracy_m)},
        )
    away = distance_m(fence.lat, fence.lon, position.lat, position.lon)
    if away > fence.radius_m + position.accuracy:
        return Refusal(RefusalCode.OUTSIDE_GEOFENCE, "venues.geofence", facts={"metres": str(fence.radius_m)})
    for lower, upper in zip((0, *_STEPS), _STEPS, strict=False):
        if away < upper:
            return f"{lower}-{upper}"
    return f"{_STEPS[-1]}-"
