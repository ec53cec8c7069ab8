"""The areas' seats as booking last told them, and whether that is still so. Pure.

A map stays true while the broker and booking are there: a quiet area sends nothing. It ages from the moment one of
them was lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from messages.seats import AreaMap, SeatStatus


@dataclass(frozen=True, slots=True)
class SeatMaps:
    """The newest map of every area; `lost_at` is when they stopped being kept up to date, None while they are."""

    maps: Mapping[str, AreaMap] = field(default_factory=dict)
    link_up: bool = False
    booking_up: bool = False
    lost_at: datetime | None = None

    def with_map(self, area_map: AreaMap) -> "SeatMaps":
        """Take a map in, unless a newer one is here: they can arrive out of order."""
        if not area_map.newer_than(self.maps.get(area_map.area)):
            return self
        return replace(self, maps={**self.maps, area_map.area: area_map})

    def with_link(self, now: datetime, *, up: bool) -> "SeatMaps":
        """Note that the broker came or went; with it goes what we know of booking."""
        return _dated(replace(self, link_up=up, booking_up=self.booking_up and up), now)

    def with_booking(self, now: datetime, *, up: bool) -> "SeatMaps":
        """Note that booking came or went."""
        return _dated(replace(self, booking_up=up), now)

    @property
    def live(self) -> bool:
        """Tell whether the maps are what booking knows now."""
        return self.link_up and self.booking_up

    def age(self, now: datetime) -> timedelta | None:
        """Return for how long the maps have not been kept up to date; None while they are."""
        return None if self.lost_at is None else max(now - self.lost_at, timedelta())

    def free(self, area: str) -> int | None:
        """Return an area's free seats, None while no map of it has come."""
        known = self.maps.get(area)
        return None if known is None else known.free

    def status(self, area: str, seat: str) -> SeatStatus | None:
        """Return one seat's state, None while nobody has told it."""
        known = self.maps.get(area)
        if known is None:
            return None
        return next((state.status for state in known.seats if state.seat == seat), None)

    def statuses(self, area: str) -> dict[str, SeatStatus]:
        """Return all seats of an area by id."""
        known = self.maps.get(area)
        return {} if known is None else {state.seat: state.status for state in known.seats}


def _dated(maps: SeatMaps, now: datetime) -> SeatMaps:
    return replace(maps, lost_at=None if maps.live else maps.lost_at or now)
